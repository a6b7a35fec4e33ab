/*
 * mailhaul - fetches mail from many mailboxes and delivers it into one place.
 *
 * The command table and what every command begins with. Each command is a file
 * of agent/cmd.
 */
#include "cmd_adopt.h"
#include "cmd_backup.h"
#include "cmd_check.h"
#include "cmd_fetch.h"
#include "cmd_passwd.h"
#include "cmd_providers.h"
#include "cmd_queue.h"
#include "cmd_run.h"
#include "cmd_status.h"
#include "cmd_trace.h"
#include "cmd_version.h"
#include "command.h"
#include "fault.h"
#include "hash.h"
#include "process.h"
#include "text.h"

#include <stdio.h>

#define BIT(o) OPTION_BIT(OPTION_##o)

static const struct command commands[] = {
	{ "fetch", cmd_fetch, BIT(JSON) | BIT(DRY_RUN) | BIT(YES), 0,
	  COMMAND_WORDS, "[ACCOUNT...]",
	  "poll, deliver, act on the source, exit",
	  "  -n, --dry-run   list what would be done, and do nothing (-v: each "
	  "message)\n"
	  "  -y, --yes       take all of a mailbox that was never fetched; "
	  "delete though\n"
	  "                  much became due at once\n"
	  "      --json      the result as one object\n"
	  "Accounts named are tried at once, also those in backoff.\n" },
	{ "run", cmd_run, 0, 0, 0, "",
	  "stay: poll on schedule, deliver, retry, until told to stop",
	  "In the foreground, with its log on standard error. SIGHUP reads the "
	  "configuration\nagain, SIGUSR1 polls all accounts now, SIGTERM ends "
	  "it.\n" },
	{ "check", cmd_check,
	  BIT(JSON) | BIT(OFFLINE) | BIT(EFFECTIVE) | BIT(SEND), 0,
	  COMMAND_WORDS, "[ACCOUNT...]",
	  "try configuration, sources and destinations",
	  "      --offline    the configuration only\n"
	  "      --effective  every setting and where it comes from\n"
	  "      --send       a test message through each delivery, to notify,\n"
	  "                   and a run of notify_command\n"
	  "      --json       the result as one object\n" },
	{ "status", cmd_status, BIT(JSON) | BIT(WATCH) | BIT(MAX_AGE), 0, 0, "",
	  "accounts, deliveries, queue",
	  "      --max-age AGE  only accounts without a success for so long "
	  "(24h, 3d);\n"
	  "                     exit 75 if there is one\n"
	  "      --watch        again every 2 s, until Ctrl-C\n"
	  "      --json         as one object\n" },
	{ "queue", cmd_queue,
	  BIT(JSON) | BIT(YES) | BIT(ALL) | BIT(ACCOUNT) | BIT(REASON), 0,
	  COMMAND_WORDS, "[list | show ID | retry ... | drop ...]",
	  "the messages held locally",
	  "  list, retry and drop take ID..., --account NAME, --reason "
	  "WORDS, --all\n"
	  "  -y, --yes   do not ask\n"
	  "      --json  as one object\n"
	  "retry also releases held mail. drop gives up the local copy only.\n" },
	{ "trace", cmd_trace,
	  BIT(JSON) | BIT(ACCOUNT) | BIT(FROM) | BIT(TO) | BIT(SINCE), 0, 1,
	  "[PATTERN]", "the life of messages",
	  "  PATTERN: of a Message-ID, queue id, UID or address\n"
	  "      --from ADDRESS, --to ADDRESS\n"
	  "      --since SPAN|DATE  3d, 12h, 2026-11-22, \"2026-11-22 14:30\"\n"
	  "      --account NAME\n"
	  "      --json             as one object\n" },
	{ "adopt", cmd_adopt, BIT(JSON) | BIT(DRY_RUN) | BIT(YES) | BIT(ALL), 0,
	  COMMAND_WORDS, "ACCOUNT... | --all",
	  "count what is on the server as handled, and fetch none of it",
	  "  -n, --dry-run  count only (-v: list each message)\n"
	  "  -y, --yes      do not ask\n"
	  "      --json     the result as one object\n"
	  "What is adopted is never fetched and never deleted; refetch takes it "
	  "after all.\n" },
	{ "refetch", cmd_refetch,
	  BIT(JSON) | BIT(DRY_RUN) | BIT(YES) | BIT(FOLDER) | BIT(SINCE), 1,
	  COMMAND_WORDS, "ACCOUNT [UID...]",
	  "fetch and deliver again what was handled before",
	  "      --folder NAME      only this folder\n"
	  "      --since SPAN|DATE  delivered or arrived since: 3d, 12h, "
	  "2026-11-22\n"
	  "  -n, --dry-run          count only (-v: list each message)\n"
	  "  -y, --yes              do not ask\n"
	  "      --json             the result as one object\n"
	  "UID: of IMAP, or the unique-id of POP3; without any, all that is "
	  "there.\n" },
	{ "backup", cmd_backup, 0, 1, 1, "FILE",
	  "write the state into one file, also while mail is fetched",
	  "It holds what is known of every message, and the bodies of those in "
	  "the queue;\nnot the configuration, and no secrets.\n" },
	{ "restore", cmd_restore, BIT(YES), 1, 1, "FILE",
	  "put the state of a backup in place of the present one",
	  "  -y, --yes  also where that is newer, of another installation, or "
	  "has mail queued\n"
	  "Nothing is delivered again by it: sources are compared first, and "
	  "what was\nqueued waits for queue retry.\n" },
	{ "passwd", cmd_passwd, BIT(YES), 1, 1, "NAME",
	  "set the secret of an account or delivery",
	  "  -y, --yes  keep it though the server refuses it\n"
	  "It is asked for without showing it; without a terminal it is one "
	  "line of standard\ninput. It is tried, and kept in secrets.d/NAME "
	  "beside the configuration.\n" },
	{ "providers", cmd_providers, BIT(JSON), 0, 1, "[NAME]",
	  "the built-in providers", "      --json  as one object\n" },
	{ "version", cmd_version, BIT(JSON), 0, 0, "",
	  "versions of program and libraries", "" },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* In the contract of commands, and not in this version. */
static const char *const later[] = { "add", "import" };

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	unsigned best = 99;
	const char *near = NULL;
	char shown[120];

	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		if (strcmp(later[i], name) == 0) {
			(void)fprintf(stderr,
				      "mailhaul: %s is not in this version "
				      "(%s)\n",
				      name, MAILHAUL_VERSION);
			return 64;
		}
	for (size_t i = 0; i < COMMANDS; i++)
		if (fault_is_near(view_of(name), view_of(commands[i].name),
				  &best))
			near = commands[i].name;
	printable(shown, sizeof(shown), view_of(name));
	(void)fprintf(stderr, "mailhaul: there is no command \"%s\"%s%s%s\n",
		      shown, near ? ": did you mean " : "",
		      near ? near : " (see mailhaul --help)", near ? "?" : "");
	return 64;
}

static int help(FILE *to)
{
	(void)fputs("mailhaul fetches mail from many mailboxes and delivers it "
		    "into one place.\n\n"
		    "usage: mailhaul [--config FILE] [--state DIR] [-v | -vv | "
		    "-q] COMMAND [...]\n\n",
		    to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-10s %s\n", commands[i].name,
			      commands[i].summary);
	(void)fputs("\nmailhaul COMMAND --help tells more; so do mailhaul(1) "
		    "and mailhaul.conf(5).\n",
		    to);
	return 0;
}

static int command_help(const struct command *c)
{
	(void)printf("usage: mailhaul %s [options]%s%s\n\n%s.\n", c->name,
		     *c->usage ? " " : "", c->usage, c->summary);
	if (*c->help)
		(void)printf("\n%s", c->help);
	return 0;
}

static int dispatch(const struct options *o)
{
	const struct command *c;
	char wrong[OPTIONS_WRONG];

	if (options_has(o, OPTION_VERSION))
		return cmd_version(o);
	if (!o->command)
		return help(stdout);
	c = find(o->command);
	if (!c)
		return unknown(o->command);
	if (options_has(o, OPTION_HELP))
		return command_help(c);
	if (!options_fit(o, c->takes, c->least, c->most, wrong)) {
		(void)fprintf(stderr,
			      "mailhaul: %s\nusage: mailhaul %s [options]%s"
			      "%s\n",
			      wrong, c->name, *c->usage ? " " : "", c->usage);
		return 64;
	}
	return c->run(o);
}

int main(int argc, char **argv)
{
	struct options o;
	char wrong[OPTIONS_WRONG];
	int code = 64;

	process_setup();
	hash_set_up();
	if (options_parse(&o, argc, argv, wrong))
		code = dispatch(&o);
	else
		(void)fprintf(stderr, "mailhaul: %s\n", wrong);
	options_fini(&o);
	return code;
}
