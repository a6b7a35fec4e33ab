/*
 * secretrun - a secret from a program (`password_command`).
 *
 * As program.h runs it, with /dev/null for its standard input.
 */
#ifndef CONFIG_SECRETRUN_H
#define CONFIG_SECRETRUN_H
#include "config.h"
#include "err.h"

/*
 * Waits for the program, patience_ms at most, then kills it. false: ERR_CONFIG
 * (it cannot be started, failed, or told no secret), ERR_RETRY of
 * ERR_FROM_ERRNO (too slow).
 */
bool secretrun(const struct config_list *argv, uint32_t patience_ms,
	       struct secret *out, struct err *err);
#endif
