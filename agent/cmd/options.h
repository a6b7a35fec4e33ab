/*
 * options - the command line: options before or after the command, in any
 * order, `--` ends them. Long ones as `--name value` or `--name=value`, short
 * ones may be joined (-vn).
 *
 * Which options a command takes is said by its row of the table (command.h);
 * those of OPTIONS_COMMON fit everywhere. Strings are borrowed from argv.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>

enum option {
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_CONFIG,
	OPTION_STATE,
	OPTION_VERBOSE,
	OPTION_QUIET,
	OPTION_JSON,
	OPTION_DRY_RUN,
	OPTION_YES,
	OPTION_WATCH,
	OPTION_MAX_AGE,
	OPTION_OFFLINE,
	OPTION_EFFECTIVE,
	OPTION_ALL,
	OPTION_ACCOUNT,
	OPTION_REASON,
	OPTION_FROM,
	OPTION_TO,
	OPTION_SINCE,
	OPTION_FOLDER,
	OPTION_SEND,
};
#define OPTIONS	      (OPTION_SEND + 1)
#define OPTION_BIT(o) (1u << (o))
#define OPTIONS_COMMON                                                         \
	(OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION) |                \
	 OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_STATE) |                \
	 OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_QUIET))
#define OPTIONS_WRONG 240u /* octets of a message, at most */

struct options {
	unsigned given;		    /* OPTION_BIT()s */
	const char *value[OPTIONS]; /* NULL where it has none */
	const char *command;	    /* NULL: none was written */
	const char **words;	    /* owned array: what follows the command */
	size_t nwords;
	int verbosity; /* -1: -q, 0, 1: -v, 2: -vv or more */
};

/*
 * false: wrong[OPTIONS_WRONG] says what, printable. An option may stand more
 * than once; the last value counts.
 */
bool options_parse(struct options *o, int argc, char *const *argv,
		   char wrong[OPTIONS_WRONG]);
void options_fini(struct options *o);
bool options_has(const struct options *o, enum option which);
/* "--json"; for messages. */
const char *option_name(enum option which);
/*
 * false: an option that is not in takes (OPTION_BIT()s; the common ones need
 * not be), or a number of words outside least..most; wrong says which.
 */
bool options_fit(const struct options *o, unsigned takes, size_t least,
		 size_t most, char wrong[OPTIONS_WRONG]);
#endif
