/*
 * command - one row of the command table, and what commands have in common.
 *
 * A command returns an exit code of INTERFACE 1. Results go to standard output,
 * errors to standard error, one line each. With --json exactly one object goes
 * to standard output.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H
#include "config.h"
#include "err.h"
#include "options.h"
#include "spool.h"

#include <jansson.h>

struct command {
	const char *name;
	int (*run)(const struct options *o);
	unsigned takes;	    /* OPTION_BIT()s beside the common ones */
	size_t least, most; /* words behind it */
	const char *usage;  /* behind the name */
	const char *summary;
	const char *help; /* lines on its options; may be "" */
};

#define COMMAND_WORDS ((size_t)-1)

/*
 * The configuration that the options name; NULL: every mistake was printed to
 * standard error, the command is to return 78. Sets up the log.
 */
struct config *command_config(const struct options *o);
/* For a process whose output is its log: as log_level says, also where nobody
 * wrote it; -q: as of the other commands. */
void command_log(const struct options *o, const struct config *c);
/* ... and becomes the owner of the state directory. *code: what to return. */
struct config *command_config_as_owner(const struct options *o, int *code);
/* A general setting that the file or an option gives. */
bool command_is_written(const struct config *c, const char *setting);
/*
 * Every word names an account. false: a line was printed (64).
 */
bool command_accounts(const struct config *c, const char *const *names,
		      size_t n);
/*
 * There is an account; false: err says what to write. Where deliveries are left
 * (spool: the ledger is open), what waits for them is reason enough to go on.
 */
bool command_has_work(const struct config *c, struct spool *spool,
		      struct err *err);
/* "mailhaul: what: peer: remedy" on standard error; its exit code. */
int command_failed(const struct err *err);
/* One object and a newline on standard output; takes the reference. False: it
 * could not be written (reported; 74). */
bool command_print_json(json_t *o);
/* Standard output could be written so far; else it is reported. */
bool command_flush(void);
/*
 * Asks on the terminal; the answer must begin with y. No terminal, or end of
 * input: false.
 */
bool command_confirm(const char *question);
#endif
