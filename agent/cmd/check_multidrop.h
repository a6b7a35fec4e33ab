/*
 * check_multidrop - which header finds the recipients of a mailbox for many
 * people, as `check` tells it.
 */
#ifndef CMD_CHECK_MULTIDROP_H
#define CMD_CHECK_MULTIDROP_H
#include "peek.h"

#include <jansson.h>

/* For an account with a multidrop. */
/* Lines: what is written, then each header that some message has. */
void check_multidrop_text(const struct peek *p, struct text *out);
json_t *check_multidrop_json(const struct peek *p);
#endif
