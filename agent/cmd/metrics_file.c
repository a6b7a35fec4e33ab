#include "metrics_file.h"
#include "must.h"
#include "notice.h"
#include "trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS     15000u
#define CHANGE_MS    1000u
#define COST_FACTOR  200u
#define PAUSE_MAX_MS 600000u
#define FILE_OCTETS  (256u << 20)

/* --- the file ------------------------------------------------------------- */

static bool write_all(int fd, struct view v)
{
	while (v.n) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			return false;
		v = view_skip(v, n > 0 ? (size_t)n : 0);
	}
	return true;
}

static bool failed(struct err *err, int errnum, const char *path)
{
	(void)err_errno(err, errnum, "metrics_file %.200s", path);
	if (errnum == ENOENT || errnum == EACCES || errnum == EPERM ||
	    errnum == EROFS || errnum == ENOTDIR) {
		err->class = ERR_CONFIG;
		return err_remedy(err,
				  "let this user write in that folder; as a "
				  "service: /run/mailhaul, or ReadWritePaths=");
	}
	return err_remedy(err, "make room there");
}

bool metrics_file_replace(const char *path, struct view octets, struct err *err)
{
	struct text beside;
	int fd, why = 0;

	/* not .prom behind: a collector takes what ends so */
	text_init(&beside, 8192);
	(void)text_fmt(&beside, "%s.new", path);
	fd = open(text_str(&beside),
		  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC |
			  O_NONBLOCK | O_NOCTTY,
		  0644);
	if (fd < 0)
		why = errno;
	/* the umask keeps it from others otherwise */
	else if (fchmod(fd, 0644) != 0 || !write_all(fd, octets))
		why = errno;
	if (fd >= 0 && close(fd) != 0 && !why)
		why = errno;
	if (!why && rename(text_str(&beside), path) != 0)
		why = errno;
	if (why && fd >= 0)
		(void)unlink(text_str(&beside));
	text_fini(&beside);
	return !why || failed(err, why, path);
}

/* --- when ----------------------------------------------------------------- */

/* The loop's time stands still while the file is made. */
static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Once for each kind of failure, and when it is over. */
static void tell(struct metrics_file *f, const struct err *err)
{
	bool is_new = strcmp(err->what, f->err.what) != 0;

	f->err = *err;
	if (is_new && f->told)
		f->told(f->who, err->class == ERR_NONE ? NULL : err, true);
}

static struct err put(struct metrics_file *f)
{
	struct err err = { 0 };
	struct text out;

	text_init(&out, FILE_OCTETS);
	metrics_write(&f->figures, f->config, f->reload_ok, &out);
	(void)metrics_file_replace(f->config->metrics_file, text_view(&out),
				   &err);
	text_fini(&out);
	return err;
}

/* --- a single time -------------------------------------------------------- */

static bool save_trouble(struct ledger *l, void *arg, struct err *err)
{
	const struct metrics_file *f = arg;

	return notice_metrics_save(l, &f->trouble, err);
}

static void end_once(struct metrics_file *f)
{
	if (f->done)
		f->done(f->who);
}

static void on_saved(struct spool_req *req)
{
	struct metrics_file *f = req->who;

	f->is_out = false;
	end_once(f);
}

/* As tell(), across processes. */
static void tell_once(struct metrics_file *f, const struct err *err)
{
	struct spool_trouble *t = &f->trouble;
	bool is_well = err->class == ERR_NONE;

	if (is_well && t->class == ERR_NONE) {
		end_once(f);
		return;
	}
	if (!is_well)
		f->told(f->who, err, trouble_note(t, err, loop_unix_ms()));
	else if (t->told_ms)
		f->told(f->who, NULL, true);
	if (is_well)
		*t = (struct spool_trouble){ 0 };
	f->is_out = true;
	f->call = (struct spool_call){
		.req = { .done = on_saved, .who = f, .urgent = true },
		.fn = save_trouble,
		.arg = f,
	};
	spool_call(f->spool, &f->call);
}

/* --- again and again ------------------------------------------------------ */

static void on_due(void *who);

static void plan(struct metrics_file *f)
{
	uint64_t pause = (clock_ms() - f->began_ms) * COST_FACTOR;

	pause = pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
	f->pause_ms = pause < CHANGE_MS ? CHANGE_MS : (uint32_t)pause;
	timer_start(&f->timer, f->changed || f->pause_ms > EVERY_MS
				       ? f->pause_ms
				       : EVERY_MS);
	f->changed = false;
}

static void on_read(struct spool_req *req)
{
	struct metrics_file *f = req->who;
	struct err err = { 0 };
	/* a store that failed has its own way of being told */
	bool put_it = req->ok && f->config && f->config->metrics_file;

	f->is_out = false;
	if (put_it)
		err = put(f);
	metrics_fini(&f->figures);
	if (f->once && put_it)
		tell_once(f, &err);
	else if (f->once)
		end_once(f);
	else if (put_it)
		tell(f, &err);
	if (!f->once && req->ok && f->config)
		plan(f);
}

static bool read_figures(struct ledger *l, void *arg, struct err *err)
{
	struct metrics_file *f = arg;

	return metrics_read(l, &f->figures, err) &&
	       (!f->once || notice_metrics_load(l, &f->trouble, err));
}

static void on_due(void *who)
{
	struct metrics_file *f = who;

	if (f->is_out || !f->config || !f->config->metrics_file)
		return;
	f->is_out = true;
	f->changed = false;
	f->began_ms = clock_ms();
	f->call = (struct spool_call){
		.req = { .done = on_read, .who = f },
		.fn = read_figures,
		.arg = f,
	};
	spool_call(f->spool, &f->call);
}

void metrics_file_begin(struct metrics_file *f)
{
	timer_init(&f->timer, f->loop, on_due, f);
	f->pause_ms = CHANGE_MS;
	on_due(f);
}

void metrics_file_changed(struct metrics_file *f)
{
	if (f->changed || !f->config || !f->config->metrics_file)
		return;
	f->changed = true;
	if (!f->is_out)
		timer_start(&f->timer, f->pause_ms);
}

void metrics_file_reload(struct metrics_file *f, const struct config *c)
{
	const char *before = f->config->metrics_file;

	if (before && (!c->metrics_file || strcmp(before, c->metrics_file)))
		(void)unlink(before);
	f->config = c;
	f->err = (struct err){ 0 };
	timer_stop(&f->timer);
	on_due(f);
}

void metrics_file_once(struct metrics_file *f)
{
	f->once = true;
	on_due(f);
	if (!f->is_out && f->done)
		f->done(f->who);
}

void metrics_file_stop(struct metrics_file *f)
{
	timer_stop(&f->timer);
	f->config = NULL;
}
