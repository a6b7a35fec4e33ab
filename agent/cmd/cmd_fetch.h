/*
 * cmd_fetch - `mailhaul fetch [ACCOUNT...]`: one pass, told to a person or to
 * nobody (INTERFACE 1).
 */
#ifndef CMD_CMD_FETCH_H
#define CMD_CMD_FETCH_H
#include "options.h"

int cmd_fetch(const struct options *o);
#endif
