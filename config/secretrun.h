/*
 * secretrun - a secret from a program (`password_command`).
 *
 * No shell: argv is handed over as it is, the program looked for in PATH. Its
 * standard input is /dev/null; what it writes to standard error is thrown away,
 * since programs that know secrets tell them there. It inherits no descriptor
 * of ours (CASES I25: all are O_CLOEXEC).
 */
#ifndef CONFIG_SECRETRUN_H
#define CONFIG_SECRETRUN_H
#include "config.h"
#include "err.h"

/*
 * Waits for the program, patience_ms at most, then kills it. false: ERR_CONFIG
 * (it cannot be started, failed, or told no secret), ERR_RETRY (too slow).
 */
bool secretrun(const struct config_list *argv, uint32_t patience_ms,
	       struct secret *out, struct err *err);
#endif
