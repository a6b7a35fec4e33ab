#include "dest.h"
#include "leave.h"
#include "maildir.h"
#include "must.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW	     64u
#define SLICE_OCTETS (1u << 20) /* written in one turn of the loop */
#define FILES_OPEN   128u	/* about so many await their fdatasync */

/* One file of a message: one recipient that waits. */
struct copy {
	size_t rcpt; /* index in m->rcpts */
	struct maildir_file file;
	bool arrived; /* before now, or by this batch */
	struct err err;
};

enum stage {
	STAGE_OFFERED,
	STAGE_RELEASED,
	STAGE_WRITING, /* one at a time */
	STAGE_WRITTEN, /* to go to the pool */
	STAGE_SYNCING, /* with the pool; not ours to touch */
};

struct job {
	struct link link;
	struct message *m; /* borrowed until its result */
	enum stage stage;
	struct copy *copies; /* owned */
	size_t n, at;	     /* at: the copy being written */
	bool begun;	     /* ... and it is open */
	bool damaged;
};

struct dest_maildir {
	struct dest dest;
	struct dest_options o;
	const struct dest_reports *reports;
	void *who;
	struct leave *leave;
	struct link jobs;    /* in order of their offers */
	struct link batch;   /* with the pool */
	struct job *writing; /* of jobs, the one that `leave` is about; NULL */
	struct task work;
	struct err err; /* why it ends */
	char **probe;	/* owned, NULL-terminated; recipients asked for */
	bool opened, syncing, quitting, cancelled;
};

static struct dest_maildir *self(struct dest *d)
{
	return (struct dest_maildir *)(void *)d;
}

/* --- results ------------------------------------------------------------- */

static void job_free(struct job *j)
{
	list_drop(&j->link);
	for (size_t i = 0; i < j->n; i++)
		maildir_fini(&j->copies[i].file);
	free(j->copies);
	free(j);
}

static enum dest_outcome outcome_of(const struct job *j, const char **words)
{
	enum dest_outcome o = DEST_REFUSED;

	if (j->damaged)
		return DEST_DAMAGED;
	for (size_t i = 0; i < j->n; i++) {
		const struct copy *c = &j->copies[i];

		if (c->arrived) {
			*words = c->file.name;
			return DEST_ACCEPTED;
		}
		*words = c->err.what;
		if (c->err.class != ERR_REFUSED)
			o = DEST_DEFERRED;
	}
	return o;
}

static void settle_copy(struct message_rcpt *r, const struct copy *c)
{
	if (c->arrived)
		r->state = RCPT_ACCEPTED;
	else if (c->err.class == ERR_REFUSED)
		r->state = RCPT_REFUSED;
	message_set(&r->reply,
		    view_of(c->arrived ? c->file.name : c->err.what));
}

static void settle(struct dest_maildir *d, struct job *j)
{
	const char *words = "";
	struct dest_result r = { .outcome = outcome_of(j, &words),
				 .stage = DEST_AT_END };
	struct message *m = j->m;
	char kept[300];

	if (r.outcome == DEST_REFUSED)
		r.stage = DEST_AT_RCPT;
	(void)snprintf(kept, sizeof(kept), "%s", words);
	r.words = view_of(kept);
	for (size_t i = 0; !j->damaged && i < j->n; i++)
		settle_copy(&m->rcpts[j->copies[i].rcpt], &j->copies[i]);
	job_free(j);
	d->reports->result(d->who, m, &r);
}

static void unsent(struct dest_maildir *d, struct job *j)
{
	struct dest_result r = { .outcome = DEST_UNSENT };
	struct message *m = j->m;

	job_free(j);
	d->reports->result(d->who, m, &r);
}

/* --- writing ------------------------------------------------------------- */

/* Folder, name, file of copy c. true: it is to be written. */
static bool begin_copy(struct dest_maildir *d, struct job *j, struct copy *c)
{
	const char *rcpt = j->m->rcpts[c->rcpt].address;
	struct text dir, name;
	bool ok;

	text_init(&dir, MAILDIR_PATH_OCTETS + 512);
	text_init(&name, 1024);
	ok = maildir_path(&dir, d->o.path, rcpt, &c->err) &&
	     maildir_make(text_str(&dir), &c->err);
	if (ok) {
		maildir_name(&name, j->m, rcpt, spool_instance(d->o.spool),
			     d->o.hostname);
		maildir_init(&c->file, text_str(&dir), text_str(&name));
		/* a first attempt cannot have left anything */
		c->arrived = j->m->attempts > 1 && maildir_arrived(&c->file);
		ok = !c->arrived && maildir_open(&c->file, &c->err);
	}
	text_fini(&dir);
	text_fini(&name);
	return ok;
}

static bool begin_body(struct dest_maildir *d, struct job *j, struct copy *c)
{
	switch (leave_begin(d->leave, j->m, false, &c->err)) {
	case LEAVE_BEGUN:
		return true;
	case LEAVE_UNREADABLE:
		j->damaged = true;
		return false;
	case LEAVE_IMPOSSIBLE:
		c->err.class = ERR_REFUSED;
		return false;
	}
	return false;
}

/* *left: octets that may still be written in this turn. true: c is done. */
static bool write_copy(struct dest_maildir *d, struct job *j, struct copy *c,
		       size_t *left)
{
	struct view out;

	while (*left > 0) {
		switch (leave_next(d->leave, &out, &c->err)) {
		case LEAVE_END:
			return true;
		case LEAVE_SPOILT:
			j->damaged = true;
			return true;
		case LEAVE_OCTETS:
			if (!maildir_write(&c->file, out, &c->err)) {
				/* tmp is left clean */
				struct err kept = c->err;

				maildir_fini(&c->file);
				c->err = kept;
				return true;
			}
			leave_took(d->leave, out.n);
			*left -= out.n < *left ? out.n : *left;
		}
	}
	return false;
}

/* true: all copies of j are written, arrived or failed. */
static bool write_job(struct dest_maildir *d, struct job *j, size_t *left)
{
	for (; j->at < j->n && !j->damaged; j->at++) {
		struct copy *c = &j->copies[j->at];

		if (!j->begun && (!begin_copy(d, j, c) || !begin_body(d, j, c)))
			continue;
		j->begun = true;
		if (!write_copy(d, j, c, left))
			return false;
		j->begun = false;
	}
	return true;
}

/* --- the pool ------------------------------------------------------------ */

static void deliver_copy(struct copy *c)
{
	if (c->arrived || c->file.fd < 0 || c->err.class != ERR_NONE)
		return;
	c->arrived = maildir_deliver(&c->file, &c->err);
}

/* One fsync for each folder in a row of copies to the same. */
static void sync_copies(struct dest_maildir *d)
{
	const char *last = NULL;
	struct err err = { .class = ERR_NONE };
	bool ok = true;

	LIST_EACH(at, kept, &d->batch) {
		struct job *j = LIST_OF(at, struct job, link);

		for (size_t i = 0; i < j->n; i++) {
			struct copy *c = &j->copies[i];

			if (!c->arrived)
				continue;
			if (!last || strcmp(last, c->file.dir) != 0)
				ok = maildir_sync(c->file.dir, &err);
			last = c->file.dir;
			if (!ok) {
				c->arrived = false;
				c->err = err;
			}
		}
	}
}

static void pool_run(void *who)
{
	struct dest_maildir *d = who;

	LIST_EACH(at, kept, &d->batch) {
		struct job *j = LIST_OF(at, struct job, link);

		for (size_t i = 0; !j->damaged && i < j->n; i++)
			deliver_copy(&j->copies[i]);
	}
	sync_copies(d);
}

static void pool_done(void *who)
{
	struct dest_maildir *d = who;
	struct link *at;

	d->syncing = false;
	while ((at = list_pop(&d->batch)))
		settle(d, LIST_OF(at, struct job, link));
	task_post(&d->work);
}

static void start_batch(struct dest_maildir *d)
{
	LIST_EACH(at, kept, &d->jobs) {
		struct job *j = LIST_OF(at, struct job, link);

		if (j->stage != STAGE_WRITTEN)
			continue;
		j->stage = STAGE_SYNCING;
		list_drop(&j->link);
		list_push(&d->batch, &j->link);
	}
	if (list_empty(&d->batch))
		return;
	d->syncing = true;
	loop_work(d->o.loop, pool_run, pool_done, d);
}

/* --- the turn of the loop ------------------------------------------------- */

static void finish(struct dest_maildir *d, const struct err *err)
{
	task_cancel(&d->work);
	d->reports->closed(d->who, err);
	leave_free(d->leave);
	for (size_t i = 0; d->probe && d->probe[i]; i++)
		free(d->probe[i]);
	free(d->probe);
	free(d);
}

static void give_up(struct dest_maildir *d)
{
	LIST_EACH(at, kept, &d->jobs) {
		unsent(d, LIST_OF(at, struct job, link));
	}
	finish(d, &d->err);
}

/* true: ready; false: it has ended. */
static bool open_now(struct dest_maildir *d)
{
	struct dest_ready r = { .window = WINDOW };

	d->opened = true;
	if (!strstr(d->o.path, "%u") && !maildir_make(d->o.path, &d->err)) {
		if (!err_is_disk(d->err.code))
			d->err.class = ERR_CONFIG;
		err_remedy(&d->err, "see that the folder can be written, and "
				    "that the one that holds it is there");
		give_up(d);
		return false;
	}
	(void)snprintf(r.capabilities, sizeof(r.capabilities), "maildir");
	d->reports->ready(d->who, &r);
	return true;
}

static void probe_now(struct dest_maildir *d)
{
	char **probe = d->probe;

	d->probe = NULL;
	if (!probe)
		return;
	d->reports->probed(d->who, NULL, 250, VIEW_LIT("250 maildir"));
	for (size_t i = 0; probe[i]; i++) {
		struct text dir;
		struct err err;
		bool ok;

		text_init(&dir, MAILDIR_PATH_OCTETS + 512);
		ok = maildir_path(&dir, d->o.path, probe[i], &err) &&
		     maildir_make(text_str(&dir), &err);
		d->reports->probed(d->who, probe[i], ok ? 250 : 550,
				   view_of(ok ? text_str(&dir) : err.what));
		text_fini(&dir);
		free(probe[i]);
	}
	free(probe);
}

/* The one begun, else the first that was released. */
static struct job *next_job(struct dest_maildir *d)
{
	size_t files = 0;

	if (d->writing)
		return d->writing;
	LIST_EACH(at, kept, &d->jobs) {
		struct job *j = LIST_OF(at, struct job, link);

		if (j->stage == STAGE_RELEASED && files < FILES_OPEN)
			return j;
		if (j->stage == STAGE_WRITTEN)
			files += j->n;
	}
	return NULL;
}

static void write_some(struct dest_maildir *d)
{
	size_t left = SLICE_OCTETS;
	struct job *j;

	while ((j = next_job(d))) {
		d->writing = j;
		j->stage = STAGE_WRITING;
		if (left == 0 || !write_job(d, j, &left)) {
			task_post(&d->work);
			return;
		}
		j->stage = STAGE_WRITTEN;
		d->writing = NULL;
	}
}

static void work(void *who)
{
	struct dest_maildir *d = who;

	if (d->cancelled) {
		if (!d->syncing)
			give_up(d);
		return;
	}
	if (!d->opened && !open_now(d))
		return;
	probe_now(d);
	write_some(d);
	if (!d->syncing)
		start_batch(d);
	if (d->quitting && !d->syncing && list_empty(&d->jobs))
		finish(d, NULL);
}

/* --- operations ---------------------------------------------------------- */

static struct job *find(struct dest_maildir *d, const struct message *m)
{
	LIST_EACH(at, kept, &d->jobs) {
		struct job *j = LIST_OF(at, struct job, link);

		if (j->m == m)
			return j;
	}
	return NULL;
}

static void op_offer(struct dest *dest, struct message *m)
{
	struct dest_maildir *d = self(dest);
	struct job *j = mem_new(sizeof(*j));

	j->m = m;
	j->copies = mem_new(m->nrcpts * sizeof(*j->copies));
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_WAITING) {
			j->copies[j->n].rcpt = i;
			j->copies[j->n++].file.fd = -1;
		}
	list_push(&d->jobs, &j->link);
}

static void op_release(struct dest *dest, struct message *m)
{
	struct dest_maildir *d = self(dest);
	struct job *j = find(d, m);

	MUST(j && j->stage == STAGE_OFFERED);
	j->stage = STAGE_RELEASED;
	task_post(&d->work);
}

static void op_withdraw(struct dest *dest, struct message *m)
{
	struct job *j = find(self(dest), m);

	MUST(j && j->stage == STAGE_OFFERED);
	job_free(j);
	task_post(&self(dest)->work);
}

static void op_probe(struct dest *dest, const char *sender,
		     const char *const *rcpts)
{
	struct dest_maildir *d = self(dest);
	size_t n = 0;

	(void)sender; /* not looked at by a maildir */
	MUST(!d->probe);
	while (rcpts[n])
		n++;
	d->probe = mem_new((n + 1) * sizeof(*d->probe));
	for (size_t i = 0; i < n; i++)
		d->probe[i] = mem_str(rcpts[i]);
	task_post(&d->work);
}

static void op_quit(struct dest *dest)
{
	self(dest)->quitting = true;
	task_post(&self(dest)->work);
}

static void op_cancel(struct dest *dest)
{
	struct dest_maildir *d = self(dest);

	if (!d->cancelled)
		err_set(&d->err, ERR_CANCELLED, "ended on request");
	d->cancelled = true;
	task_post(&d->work);
}

static struct stream *op_stream(struct dest *dest)
{
	(void)dest;
	return NULL;
}

static const struct dest_ops ops = {
	.offer = op_offer,
	.release = op_release,
	.withdraw = op_withdraw,
	.probe = op_probe,
	.quit = op_quit,
	.cancel = op_cancel,
	.stream = op_stream,
};

static bool read_body(void *who, const struct message_place *place,
		      uint64_t offset, struct room r, size_t *got,
		      struct err *err)
{
	struct dest_maildir *d = who;

	return spool_body_read(d->o.spool, place, offset, r, got, err);
}

static void stamp(void *who, const struct message *m, struct text *out)
{
	struct dest_maildir *d = who;

	d->o.stamp(d->who, m, out);
}

struct dest *dest_maildir_open(const struct dest_options *o,
			       const struct dest_reports *r, void *who)
{
	struct dest_maildir *d = mem_new(sizeof(*d));
	struct leave_options l = { .drop_headers = o->drop_headers,
				   .read = read_body,
				   .stamp = stamp,
				   .who = d };

	d->dest.ops = &ops;
	d->o = *o;
	d->reports = r;
	d->who = who;
	d->leave = leave_new(&l);
	list_init(&d->jobs);
	list_init(&d->batch);
	task_init(&d->work, o->loop, work, d);
	task_post(&d->work);
	return &d->dest;
}
