/*
 * cmd_passwd - `mailhaul passwd NAME`: asks for a secret, signs in with it,
 * replaces secrets.d/NAME. A changed secret ends its account's backoff: the
 * next fetch sees that it changed.
 */
#ifndef CMD_CMD_PASSWD_H
#define CMD_CMD_PASSWD_H
#include "options.h"

int cmd_passwd(const struct options *o);
#endif
