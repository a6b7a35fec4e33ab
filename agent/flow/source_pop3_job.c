#include "source_pop3.h"

#include <stdlib.h>

#include "limits.h"
#include "must.h"
#include "pop3_line.h"

#define WINDOW 64u /* commands in flight, where the server pipelines */

/* --- jobs --- */

void pop3_source_add_job(struct pop3_source *s, enum job_kind kind,
			 uint32_t number, const struct message_key *key)
{
	struct jobs *j = &s->jobs;

	if (j->done == j->n) {
		j->done = j->given = j->n = 0;
	} else if (j->done > 4096 && j->done > j->n / 2) {
		j->n -= j->done;
		j->given -= j->done;
		memmove(j->job, j->job + j->done, j->n * sizeof(*j->job));
		j->done = 0;
	}
	if (j->n == j->cap) {
		j->cap = j->cap * 2 + 64;
		j->job = mem_grow(j->job, j->cap * sizeof(*j->job));
	}
	j->job[j->n] = (struct job){ .kind = kind, .number = number };
	if (key)
		j->job[j->n].key = *key;
	j->n++;
}

static bool give_job(struct pop3_source *s, const struct job *j)
{
	switch (j->kind) {
	case JOB_RETR:
		return pop3_retr(s->pop3, j->number);
	case JOB_HEADER:
	case JOB_NAME:
		return pop3_top(s->pop3, j->number, 0);
	case JOB_DELE:
		return pop3_dele(s->pop3, j->number);
	}
	return false;
}

/* One more command may go out behind those in flight. */
bool pop3_source_has_room(const struct pop3_source *s)
{
	size_t most = pop3_caps(s->pop3)->pipelining ? WINDOW : 1;

	return pop3_in_flight(s->pop3) < most;
}

void pop3_source_give_jobs(struct pop3_source *s)
{
	struct jobs *j = &s->jobs;

	while (j->given < j->n && pop3_source_has_room(s) &&
	       give_job(s, &j->job[j->given]))
		j->given++;
}

static void body_answered(struct pop3_source *s)
{
	s->bodies--;
	if (s->bodies == 0 && s->phase != PHASE_OVER)
		s->report->fetched(s->who);
}

static void job_refused(struct pop3_source *s, struct job j,
			const struct pop3_event *ev)
{
	struct err err;

	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		j.kind == JOB_RETR ? "message %u is refused"
				   : "the header of message %u is refused",
		j.number);
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	s->report->refused(s->who, &j.key, &err);
	body_answered(s);
}

static void dele_answered(struct pop3_source *s, const struct job *j, bool ok)
{
	if (!ok) {
		pop3_source_warn(s, "delete_refused", 1);
		return;
	}
	if (s->ndeleted == s->deleted_cap) {
		s->deleted_cap = s->deleted_cap * 2 + 64;
		s->deleted = mem_grow(s->deleted,
				      s->deleted_cap * sizeof(*s->deleted));
	}
	s->deleted[s->ndeleted++] = j->key;
}

/* --- bodies and headers --- */

/* What of a piece of header is to be told; the empty line is the end. */
static struct view cut_header(struct cutter *c, struct view v)
{
	size_t n = 0;

	while (n < v.n && !c->over && c->octets < LIMIT_HEADER_SCAN) {
		char octet = v.p[n++];

		c->octets++;
		if (octet == '\n' && !c->in_line)
			c->over = true;
		if (octet != '\r')
			c->in_line = octet != '\n';
	}
	return view_head(v, n);
}

static void body_octets(struct pop3_source *s, const struct job *j,
			struct view v)
{
	switch (j->kind) {
	case JOB_RETR:
		s->report->body(s->who, v);
		break;
	case JOB_HEADER:
		v = cut_header(&s->cutter, v);
		if (v.n)
			s->report->body(s->who, v);
		break;
	case JOB_NAME:
		hash_add(s->hash, v);
		s->hashed = true;
		break;
	case JOB_DELE:
		break;
	}
}

static void body_begins(struct pop3_source *s, const struct job *j)
{
	s->cutter = (struct cutter){ .over = false };
	if (j->kind == JOB_NAME) {
		s->hashed = false;
		return;
	}
	s->report->body_begin(s->who, &j->key,
			      s->listing ? listing_text(s->listing, j->number)
					 : VIEW_NONE);
}

/* The reply to a job is complete; it is taken off the queue. */
static void job_done(struct pop3_source *s, const struct pop3_event *ev)
{
	struct job j = s->jobs.job[s->jobs.done++];

	switch (j.kind) {
	case JOB_NAME:
		pop3_source_named(s, ev->ok);
		return;
	case JOB_DELE:
		dele_answered(s, &j, ev->ok);
		return;
	case JOB_RETR:
	case JOB_HEADER:
		break;
	}
	if (!ev->ok) {
		job_refused(s, j, ev);
		return;
	}
	s->report->body_end(s->who, &j.key);
	body_answered(s);
}

void pop3_source_on_job(struct pop3_source *s, const struct pop3_event *ev)
{
	const struct job *j = &s->jobs.job[s->jobs.done];

	MUST(s->jobs.done < s->jobs.given);
	if (ev->type == POP3_EV_BODY)
		body_octets(s, j, ev->text);
	else if (ev->type == POP3_EV_REPLY && ev->ok && j->kind != JOB_DELE)
		body_begins(s, j);
	else
		job_done(s, ev);
}
