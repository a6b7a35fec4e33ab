/*
 * cmd_adopt - `mailhaul adopt ACCOUNT|--all`: what is on the server now counts
 * as handled, without being fetched. `mailhaul refetch ACCOUNT [UID...]`: what
 * was handled is taken once more.
 */
#ifndef CMD_CMD_ADOPT_H
#define CMD_CMD_ADOPT_H
#include "options.h"

int cmd_adopt(const struct options *o);
int cmd_refetch(const struct options *o);
#endif
