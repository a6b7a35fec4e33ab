#include "cmd_backup.h"
#include "ask.h"
#include "backup.h"
#include "command.h"
#include "loop.h"
#include "must.h"
#include "told.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- backup ----------------------------------------------------------------
 */

/* Whoever holds the state directory writes there: its process may be allowed
 * nothing else. */
static bool written(const char *state, const char *scratch, uint64_t *bodies,
		    struct err *err)
{
	json_t *request =
		json_pack("{s:s, s:s}", "ask", "backup", "file", scratch);
	json_t *answer;

	if (access(state, F_OK) != 0) {
		err_errno(err, errno, "there is no state directory %s", state);
		err->class = ERR_STATE;
		json_decref(request);
		return false;
	}
	answer = ask(state, request, err);
	json_decref(request);
	if (!answer)
		return false;
	*bodies = told_number(answer, "bodies");
	json_decref(answer);
	return true;
}

static bool copy(int in, int out)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(in, piece, sizeof(piece))) > 0)
		for (ssize_t at = 0, w; at < n; at += w) {
			w = write(out, piece + at, (size_t)(n - at));
			if (w < 0)
				return false;
		}
	return n == 0 && fsync(out) == 0;
}

static bool sync_folder_of(const char *file)
{
	char *folder = mem_str(file), *slash = strrchr(folder, '/');
	int fd;
	bool ok;

	if (slash)
		slash[slash == folder] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	free(folder);
	return ok;
}

/* Beside it first: what stood there before stays until this is whole. */
static bool deliver(const char *scratch, const char *file, struct err *err)
{
	char *beside = NULL;
	int in = open(scratch, O_RDONLY | O_CLOEXEC), out;
	bool ok;

	MUST(asprintf(&beside, "%s.new-%d", file, (int)getpid()) >= 0);
	out = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = in >= 0 && out >= 0 && copy(in, out) &&
	     rename(beside, file) == 0 && sync_folder_of(file);
	if (!ok) {
		err_errno(err, errno, "cannot write %s", file);
		err->class = ERR_DISK;
		if (out >= 0)
			(void)unlink(beside);
	}
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	free(beside);
	return ok;
}

static int backup(const struct config *c, const char *file)
{
	char *state = realpath(c->state_dir, NULL), *scratch = NULL;
	uint64_t bodies = 0;
	struct err err;
	bool ok;

	MUST(asprintf(&scratch, "%s/backup-%d", state ? state : c->state_dir,
		      (int)getpid()) >= 0);
	ok = written(c->state_dir, scratch, &bodies, &err) &&
	     deliver(scratch, file, &err);
	(void)unlink(scratch);
	free(scratch);
	free(state);
	if (!ok)
		return command_failed(&err);
	if (isatty(STDOUT_FILENO))
		(void)printf("%s: the state, with %u message%s of the queue\n",
			     file, (unsigned)bodies, bodies == 1 ? "" : "s");
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

int cmd_backup(const struct options *o)
{
	struct config *c;
	int code;

	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	code = backup(c, o->words[0]);
	config_unref(c);
	return code;
}

/* --- restore ---------------------------------------------------------------
 */

static int restore(const struct options *o, const struct config *c)
{
	struct spool_options s = { .dir = c->state_dir,
				   .now_ms = loop_unix_ms() };
	struct backup_told told;
	struct err err;

	if (!spool_restore(&s, o->words[0], options_has(o, OPTION_YES), &told,
			   &err)) {
		int code = command_failed(&err);

		return err.class == ERR_CANCELLED ? 64 : code;
	}
	(void)printf("restored: %u account%s, %u message%s in the queue\n"
		     "What was delivered since the backup is not delivered "
		     "again: the next fetch compares what the sources have, "
		     "and asks about what is unknown. What the backup had in "
		     "the queue waits for you: mailhaul queue\n",
		     (unsigned)told.accounts, told.accounts == 1 ? "" : "s",
		     (unsigned)told.queued, told.queued == 1 ? "" : "s");
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

int cmd_restore(const struct options *o)
{
	struct config *c;
	int code;

	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	code = restore(o, c);
	config_unref(c);
	return code;
}
