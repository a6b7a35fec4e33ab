/*
 * cmd_queue - `mailhaul queue list|show|retry|drop`: the messages held locally.
 */
#ifndef CMD_CMD_QUEUE_H
#define CMD_CMD_QUEUE_H
#include "options.h"

int cmd_queue(const struct options *o);
#endif
