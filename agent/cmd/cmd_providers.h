/*
 * cmd_providers - `mailhaul providers [NAME]`: the built-in table.
 */
#ifndef CMD_CMD_PROVIDERS_H
#define CMD_CMD_PROVIDERS_H
#include "options.h"

int cmd_providers(const struct options *o);
#endif
