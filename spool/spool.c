#include "spool.h"
#include "backup.h"
#include "body.h"
#include "must.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool state_failed(struct err *err, const char *what, const char *dir)
{
	int number = errno;

	err_errno(err, number, "%s %s", what, dir);
	err->class = number == ENOSPC || number == EDQUOT || number == EIO
			     ? ERR_DISK
			     : ERR_STATE;
	if (number == ENOENT)
		err_remedy(err, "make the folder it lies in, or choose another "
				"with --state");
	else if (number == ENOTDIR)
		err_remedy(err, "a file stands in its place: move it away, or "
				"choose another with --state");
	else if (number == EACCES || number == EPERM)
		err_remedy(err, "it must be there and belong to this user, "
				"mode 0700, or choose another with --state");
	else if (number == EROFS)
		err_remedy(err, "mount it writable, or choose another with "
				"--state");
	else if (err->class == ERR_DISK)
		err_remedy(err, "make room on this disk");
	return false;
}

/*
 * Before there is a ledger the folder may have been made just now, and those
 * above it: without a barrier of each a power cut takes all of it. Whoever made
 * them; a process that died in between did not come so far. What cannot be
 * opened was not made by us.
 */
static bool sync_parents(struct spool *s, struct err *err)
{
	const struct spool_files *f = s->options.files;
	struct stat st, above;
	int fd = s->dir;
	bool ok = true;

	if (faccessat(fd, "ledger.db", F_OK, 0) == 0 || fstat(fd, &st) != 0)
		return true;
	while (ok) {
		int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd != s->dir)
			(void)close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &above) != 0 ||
		    above.st_dev != st.st_dev || above.st_ino == st.st_ino)
			break;
		st = above;
		ok = f->fsync(fd) == 0 || errno != EIO ||
		     files_failed(err, "fsync of the folder it lies in");
	}
	if (fd >= 0 && fd != s->dir)
		(void)close(fd);
	return ok;
}

/* dir stays -1: look_only, and there is nothing to look at. */
static bool open_dir(struct spool *s, struct err *err)
{
	const char *dir = s->options.dir;

	if (!s->options.look_only && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return state_failed(err, "cannot make the state directory",
				    dir);
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && errno == ENOENT && s->options.look_only)
		return true;
	if (s->dir < 0)
		return state_failed(err, "cannot open the state directory",
				    dir);
	return s->options.look_only || sync_parents(s, err);
}

static void name_holder(int fd, struct err *err, const char *dir)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	struct view v = { pid, n > 0 ? (size_t)n : 0 };
	uint64_t number = 0;

	v = view_head(v, view_find(v, '\n'));
	v = view_head(v, view_find(v, ' '));
	if (view_number(v, INT32_MAX, &number) && number)
		err_set(err, ERR_BUSY,
			"process %d holds the state directory %s", (int)number,
			dir);
	else
		err_set(err, ERR_BUSY,
			"another process holds the state directory %s", dir);
	err_remedy(err, "wait until it has ended, or end it");
}

/* Of one width: emptying the file first would take longer than all of it. */
static bool take_lock(struct spool *s, struct err *err)
{
	char text[24];
	int n;

	if (s->dir < 0)
		return true;
	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return state_failed(err, "cannot write to the state directory",
				    s->options.dir);
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		name_holder(s->lock, err, s->options.dir);
		return false;
	}
	n = snprintf(text, sizeof(text), "%-10d\n", (int)getpid());
	return files_write(s->options.files, s->lock,
			   (struct view){ text, (size_t)n }, 0, err) ||
	       err_within(err, "writing the lock file");
}

static void release(struct spool *s)
{
	reader_fini(&s->reader);
	if (s->lock >= 0)
		(void)close(s->lock);
	if (s->dir >= 0)
		(void)close(s->dir);
	(void)pthread_cond_destroy(&s->asked);
	(void)pthread_cond_destroy(&s->answered);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s);
}

static struct spool *new_spool(const struct spool_options *o)
{
	struct spool *s = mem_new(sizeof(*s));
	pthread_condattr_t attr;

	s->options = *o;
	if (!s->options.files)
		s->options.files = files_system();
	s->dir = s->lock = -1;
	list_init(&s->kept);
	list_init(&s->inbox);
	list_init(&s->outbox);
	MUST(pthread_mutex_init(&s->mutex, NULL) == 0);
	MUST(pthread_condattr_init(&attr) == 0);
	MUST(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	MUST(pthread_cond_init(&s->asked, &attr) == 0);
	MUST(pthread_cond_init(&s->answered, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	return s;
}

struct spool *spool_open(const struct spool_options *o, struct spool_found *f,
			 struct err *err)
{
	struct spool *s = new_spool(o);
	struct spool_found found = { 0 };

	reader_init(&s->reader, s->options.files, -1);
	if (!open_dir(s, err) || !take_lock(s, err) ||
	    !(s->ledger = ledger_open(&s->options, s->dir, &found, err))) {
		release(s);
		return NULL;
	}
	s->reader.dir = s->ledger->segments.dir;
	atomic_store(&s->octets, segments_live(&s->ledger->segments));
	atomic_store(&s->lag_ms, s->ledger->lag_ms);
	if (!o->look_only && !store_start(s, err)) {
		ledger_close(s->ledger, false);
		release(s);
		return NULL;
	}
	if (f)
		*f = found;
	return s;
}

bool spool_restore(const struct spool_options *o, const char *file, bool over,
		   struct backup_told *told, struct err *err)
{
	struct spool *s = new_spool(o);
	bool ok;

	reader_init(&s->reader, s->options.files, -1);
	ok = open_dir(s, err) && take_lock(s, err) &&
	     backup_restore(&s->options, s->dir, file, over, told, err);
	release(s);
	return ok;
}

/* After a fatal error nothing counts; else what is out has been done. */
static void drain(struct spool *s)
{
	bool cancel = spool_fatal(s) != NULL;
	struct link *at;

	while (!list_empty(&s->outbox) || !list_empty(&s->inbox)) {
		store_results(s, cancel);
		while ((at = list_pop(&s->inbox)) != NULL)
			list_push(&s->outbox, at);
		cancel = true;
	}
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	store_stop(s);
	drain(s);
	ledger_close(s->ledger, !spool_fatal(s) && !s->options.look_only);
	release(s);
}

void spool_results(struct spool *s)
{
	reader_close_gone(&s->reader);
	store_results(s, false);
}

const struct err *spool_fatal(const struct spool *s)
{
	return atomic_load(&s->failed) ? &s->fatal : NULL;
}

bool spool_idle(const struct spool *s)
{
	return s->out == 0;
}

bool spool_is_durable(const struct spool *s)
{
	return spool_idle(s) && !atomic_load(&s->uncommitted);
}

const uint8_t *spool_key(const struct spool *s)
{
	return s->ledger->key;
}

const char *spool_instance(const struct spool *s)
{
	return s->ledger->instance;
}

int64_t spool_believed_ms(const struct spool *s, int64_t now_ms)
{
	return now_ms - atomic_load(&s->lag_ms);
}

uint64_t spool_octets(const struct spool *s)
{
	return atomic_load(&s->octets);
}

uint64_t spool_disk_free(struct spool *s, int64_t now_ms)
{
	struct statvfs v;

	if (s->free_asked_ms && now_ms < s->free_asked_ms + 1000)
		return s->free_octets;
	s->free_asked_ms = now_ms;
	if (s->dir < 0 || s->options.files->statvfs(s->dir, &v) != 0)
		s->free_octets = 0;
	else
		s->free_octets = (uint64_t)v.f_bavail * v.f_frsize;
	return s->free_octets;
}

bool spool_body_read(struct spool *s, const struct message_place *place,
		     uint64_t offset, struct room r, size_t *got,
		     struct err *err)
{
	return reader_read(&s->reader, place, offset, r, got, err);
}

bool spool_body_trusted(const struct spool *s, const struct message_place *p)
{
	return p->segment >= s->ledger->segments.first_ours;
}

/* --- requests ----------------------------------------------------------- */

static bool call_alone(struct spool *s, struct spool_call *c, struct err *err)
{
	struct ledger *l = s->ledger;
	bool ok;

	if (!ledger_begin(l))
		return ledger_failed(l, err, "");
	ok = c->fn(l, c->arg, err) && !l->broken;
	if (!ok) {
		if (l->broken)
			*err = l->why;
		ledger_rollback(l);
		return false;
	}
	return ledger_commit(l, err);
}

bool spool_call_now(struct spool *s,
		    bool (*fn)(struct ledger *, void *arg, struct err *),
		    void *arg, struct err *err)
{
	struct spool_call c = { .req = { .urgent = true },
				.fn = fn,
				.arg = arg };

	if (!s->threaded)
		return call_alone(s, &c, err);
	(void)pthread_mutex_lock(&s->mutex);
	s->waited_for = &c.req;
	(void)pthread_mutex_unlock(&s->mutex);
	store_ask(s, &c.req, ledger_run_call);
	if (!store_wait(s, &c.req)) {
		*err = s->fatal;
		return false;
	}
	if (!c.req.ok)
		*err = c.req.err;
	return c.req.ok;
}

void spool_send(struct spool *s)
{
	store_send(s);
}

#define ASK(name, type)                                                        \
	void spool_##name(struct spool *s, struct type *r)                     \
	{                                                                      \
		store_ask(s, &r->req, ledger_run_##name);                      \
	}

void spool_put(struct spool *s, struct spool_put *p)
{
	body_fit(p->body);
	store_ask(s, &p->req, ledger_run_put);
}

ASK(call, spool_call)
ASK(verify, spool_verify)
ASK(backup, spool_backup)
ASK(sending, spool_sending)
ASK(result, spool_result)
ASK(hold, spool_hold)
ASK(postpone, spool_postpone)
ASK(past, spool_past)
ASK(due, spool_due)
ASK(bind, spool_bind)
ASK(account_save, spool_account_save)
ASK(delivery_load, spool_delivery_load)
ASK(delivery_save, spool_delivery_save)
ASK(folders, spool_folders)
ASK(folder_open, spool_folder_open)
ASK(folder_save, spool_folder_save)
ASK(namesakes, spool_namesakes)
ASK(listing, spool_listing)
ASK(adopt, spool_adopt)
ASK(skip, spool_skip)
ASK(acted, spool_acted)
ASK(intend, spool_intend)
ASK(intents, spool_intents)
ASK(moved, spool_moved)
ASK(brought, spool_brought)
ASK(reconcile, spool_reconcile)
ASK(returned, spool_returned)
ASK(tidy, spool_tidy)
