#include "command.h"
#include "log.h"
#include "process.h"
#include "query.h"
#include "term.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* sd_exec(5): JOURNAL_STREAM is the device and inode of standard error. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

bool command_is_written(const struct config *c, const char *setting)
{
	for (size_t i = 0; i < c->effective.n; i++)
		if (strcmp(c->effective.item[i].name, setting) == 0)
			return strcmp(c->effective.item[i].origin,
				      "built-in") != 0;
	return false;
}

/*
 * Commands tell their errors themselves; the log is for -v, and for who wrote
 * log_level.
 */
static enum log_level level_of(const struct options *o, const struct config *c)
{
	enum log_level level = LOG_ERROR;

	if (command_is_written(c, "log_level"))
		level = c->log_level;
	if (o->verbosity >= 1 && level < LOG_INFO)
		level = LOG_INFO;
	return o->verbosity >= 2 ? LOG_DEBUG : level;
}

struct config *command_config(const struct options *o)
{
	struct config_where where = { .config = o->value[OPTION_CONFIG],
				      .state = o->value[OPTION_STATE] };
	struct config_errors errors = { 0 };
	struct config *c = config_load(&where, &errors);

	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(stderr, "%s\n", errors.line[i]);
	config_errors_fini(&errors);
	if (c)
		log_setup(STDERR_FILENO, level_of(o, c), c->log_format,
			  is_journal());
	return c;
}

void command_log(const struct options *o, const struct config *c)
{
	enum log_level level = level_of(o, c);

	if (level < c->log_level && o->verbosity >= 0)
		level = c->log_level;
	log_setup(STDERR_FILENO, level, c->log_format, is_journal());
}

struct config *command_config_as_owner(const struct options *o, int *code)
{
	struct config *c = command_config(o);
	struct err err;

	*code = err_exit(ERR_CONFIG);
	if (!c)
		return NULL;
	*code = 0;
	if (process_become_owner(c->state_dir, &err))
		return c;
	*code = command_failed(&err);
	config_unref(c);
	return NULL;
}

bool command_accounts(const struct config *c, const char *const *names,
		      size_t n)
{
	char shown[200];

	for (size_t i = 0; i < n; i++) {
		if (config_account(c, view_of(names[i])))
			continue;
		printable(shown, sizeof(shown), view_of(names[i]));
		(void)fprintf(stderr,
			      "mailhaul: there is no account \"%s\" in %s\n",
			      shown, c->file);
		return false;
	}
	return true;
}

static bool count_waiting(struct ledger *l, void *arg, struct err *err)
{
	return query_counts(l, 0, NULL, arg, err);
}

bool command_has_work(const struct config *c, struct spool *spool,
		      struct err *err)
{
	struct query_counts n = { 0 };

	if (c->n_accounts)
		return true;
	if (spool && c->n_deliveries &&
	    !spool_call_now(spool, count_waiting, &n, err))
		return false;
	if (n.queued || n.in_doubt)
		return true;
	(void)err_set(err, ERR_CONFIG, "no account is configured in %.300s",
		      c->file);
	return err_remedy(err,
			  "write one, such as account \"gmx\" { provider = "
			  "\"gmx\"  user = \"me@gmx.de\" }: man "
			  "mailhaul.conf, mailhaul providers");
}

int command_failed(const struct err *err)
{
	char line[sizeof(*err)];

	err_line(err, line, sizeof(line));
	(void)fprintf(stderr, "mailhaul: %s\n", line);
	return err_exit(err->class);
}

bool command_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (errno != EPIPE)
		(void)fprintf(stderr,
			      "mailhaul: standard output cannot be written\n");
	return false;
}

bool command_print_json(json_t *o)
{
	int rc = json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));

	json_decref(o);
	(void)fputc('\n', stdout);
	return rc == 0 && command_flush();
}

bool command_confirm(const char *question)
{
	char answer[32];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	(void)fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}
