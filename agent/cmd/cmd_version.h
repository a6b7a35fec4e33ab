/*
 * cmd_version - `mailhaul version`: of the program and of the libraries that
 * are loaded.
 */
#ifndef CMD_CMD_VERSION_H
#define CMD_CMD_VERSION_H
#include "options.h"

int cmd_version(const struct options *o);
#endif
