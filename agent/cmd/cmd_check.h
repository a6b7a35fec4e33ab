/*
 * cmd_check - `mailhaul check [ACCOUNT...]`: the configuration, then each
 * source and destination, without moving mail.
 */
#ifndef CMD_CMD_CHECK_H
#define CMD_CMD_CHECK_H
#include "config.h"
#include "options.h"

int cmd_check(const struct options *o);

/*
 * Every recipient that accounts of this delivery may send to (of those named; n
 * 0: of all), once each. *out: owned array of owned strings. Returns how many.
 */
size_t check_recipients(const struct config *c, const struct config_delivery *d,
			const char *const *names, size_t n, char ***out);
#endif
