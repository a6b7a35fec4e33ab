/*
 * cmd_trace - `mailhaul trace`: the life of messages, or why there is none.
 */
#ifndef CMD_CMD_TRACE_H
#define CMD_CMD_TRACE_H
#include "options.h"

int cmd_trace(const struct options *o);
#endif
