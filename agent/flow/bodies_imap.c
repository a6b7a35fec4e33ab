#include "bodies_imap.h"

#include "imap_set.h"
#include "limits.h"
#include "must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Enough to fill a long line, little enough to be thrown away. */
#define WINDOW_MESSAGES 128u
#define WINDOW_OCTETS	(16u << 20)
#define NONE		SIZE_MAX

void imap_bodies_init(struct imap_bodies *b, struct imap *imap,
		      const struct source_reports *report, void *who)
{
	*b = (struct imap_bodies){
		.imap = imap, .report = report, .who = who, .coming = NONE
	};
}

void imap_bodies_fini(struct imap_bodies *b)
{
	free(b->job);
	b->job = NULL;
	b->n = b->given = b->done = 0;
}

bool imap_bodies_idle(const struct imap_bodies *b)
{
	return b->done == b->n;
}

static void add(struct imap_bodies *b, struct imap_body job)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 256;
		b->job = mem_grow(b->job, b->cap * sizeof(*b->job));
	}
	b->job[b->n++] = job;
}

/* What is answered is forgotten, now and then. */
static void forget_done(struct imap_bodies *b)
{
	size_t gone = b->done;

	if (gone == 0 || gone < b->n / 2)
		return;
	memmove(b->job, b->job + gone, (b->n - gone) * sizeof(*b->job));
	b->done = 0;
	b->given -= gone;
	b->n -= gone;
	b->coming -= b->coming == NONE ? 0 : gone;
}

void imap_bodies_add(struct imap_bodies *b, const struct spool_item *items,
		     size_t n, bool headers)
{
	forget_done(b);
	for (size_t i = 0; i < n; i++)
		add(b, (struct imap_body){
			       .uid = message_key_to_uid(&items[i].key),
			       .octets = items[i].octets,
			       .is_header = headers });
}

/* A claim counts for so much at most: an absurd one must not stop the rest. */
static uint64_t weight(const struct imap_body *j)
{
	if (j->is_header)
		return 0;
	return j->octets < WINDOW_OCTETS / 4 ? j->octets : WINDOW_OCTETS / 4;
}

static bool has_room(const struct imap_bodies *b)
{
	if (b->in_flight == 0)
		return true;
	return !b->one_by_one && b->in_flight < WINDOW_MESSAGES &&
	       b->window < WINDOW_OCTETS;
}

static bool give(struct imap_bodies *b, struct imap_body *j)
{
	char text[IMAP_SET_RANGE_OCTETS];
	struct view set;

	imap_set(&j->uid, 1, text, sizeof(text), &set);
	if (!(j->is_header ? imap_fetch_header(b->imap, set, VIEW_NONE)
			   : imap_fetch_body(b->imap, set)))
		return false;
	j->tag = imap_tag(b->imap);
	b->window += weight(j);
	b->in_flight++;
	return true;
}

void imap_bodies_fill(struct imap_bodies *b)
{
	while (b->given < b->n && has_room(b) && give(b, &b->job[b->given]))
		b->given++;
}

/* --- what comes --- */

static struct imap_body *coming(struct imap_bodies *b)
{
	return b->coming == NONE ? NULL : &b->job[b->coming];
}

static void refuse(struct imap_bodies *b, const struct imap_body *j,
		   struct err *err)
{
	struct message_key key = message_key_uid(j->uid);

	err->origin = ERR_FROM_IMAP;
	b->report->refused(b->who, &key, err);
}

/*
 * Whose body this is. Where the UID comes behind the body (Exchange), it must
 * be the next in order; its end tells.
 */
static size_t find(const struct imap_bodies *b, uint32_t uid)
{
	for (size_t i = b->done; i < b->given; i++)
		if (b->job[i].state == IMAP_BODY_WAITING &&
		    (uid == 0 || b->job[i].uid == uid))
			return i;
	return NONE;
}

/* Only one body can be told at a time: earlier ones are asked for again. */
static void set_aside(struct imap_bodies *b, size_t before)
{
	for (size_t i = b->done; i < b->given; i++) {
		struct imap_body *j = &b->job[i];

		if (i == before || j->state != IMAP_BODY_CLOSED)
			continue;
		b->one_by_one = true;
		j->state = IMAP_BODY_ASIDE;
		add(b, (struct imap_body){ .uid = b->job[i].uid,
					   .octets = b->job[i].octets,
					   .is_header = b->job[i].is_header });
	}
}

static void begin(struct imap_bodies *b, const struct imap_fetch *f)
{
	struct imap_body *j;
	struct message_key key;
	char uid[16];

	b->coming = find(b, f->uid);
	if (b->coming == NONE)
		return;
	set_aside(b, b->coming);
	j = coming(b);
	if (f->has & IMAP_HAS_NIL) {
		j->state = IMAP_BODY_NIL;
		return;
	}
	j->state = IMAP_BODY_COMING;
	b->header_left = j->is_header ? LIMIT_HEADER_SCAN : UINT64_MAX;
	key = message_key_uid(j->uid);
	snprintf(uid, sizeof(uid), "%" PRIu32, j->uid);
	b->report->body_begin(b->who, &key, view_of(uid));
}

static void octets(struct imap_bodies *b, struct view v)
{
	if (!coming(b) || coming(b)->state != IMAP_BODY_COMING)
		return;
	v = view_head(v, b->header_left < v.n ? (size_t)b->header_left : v.n);
	b->header_left -= v.n;
	if (v.n)
		b->report->body(b->who, v);
}

static void end(struct imap_bodies *b, const struct imap_fetch *f)
{
	struct imap_body *j = coming(b);

	b->coming = NONE;
	if (!j)
		return;
	if (f->uid != j->uid)
		j->state = IMAP_BODY_SPOILED;
	else if (j->state == IMAP_BODY_COMING)
		j->state = IMAP_BODY_CLOSED;
}

/* --- its tagged reply --- */

static struct imap_body *by_tag(struct imap_bodies *b, uint32_t tag)
{
	for (size_t i = b->done; i < b->given; i++)
		if (b->job[i].tag == tag && b->job[i].state != IMAP_BODY_DONE)
			return &b->job[i];
	return NULL;
}

static void refused_by_server(struct imap_bodies *b, const struct imap_body *j,
			      const struct imap_event *ev)
{
	struct err err;

	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"message %" PRIu32 " cannot be fetched", j->uid);
	err_peer(&err, ev->text);
	refuse(b, j, &err);
}

static void judge(struct imap_bodies *b, const struct imap_body *j)
{
	struct message_key key = message_key_uid(j->uid);
	struct err err;

	switch (j->state) {
	case IMAP_BODY_CLOSED:
		b->report->body_end(b->who, &key);
		return;
	case IMAP_BODY_ASIDE:
		return;
	case IMAP_BODY_WAITING:
		err_set(&err, ERR_RETRY,
			"message %" PRIu32 " has gone meanwhile", j->uid);
		break;
	case IMAP_BODY_NIL: /* CASES D7 */
		err_set(&err, ERR_PROTOCOL,
			"message %" PRIu32 " has no content", j->uid);
		break;
	case IMAP_BODY_SPOILED:
	case IMAP_BODY_COMING:
	case IMAP_BODY_DONE:
		err_set(&err, ERR_PROTOCOL,
			"the answer for message %" PRIu32 " is another one's",
			j->uid);
		break;
	}
	err_remedy(&err, "it stays at the source and is tried again");
	refuse(b, j, &err);
}

static void answered(struct imap_bodies *b, const struct imap_event *ev)
{
	struct imap_body *j = by_tag(b, ev->tag), was;

	if (!j)
		return;
	was = *j;
	j->state = IMAP_BODY_DONE;
	b->in_flight--;
	b->window -= weight(&was);
	while (b->done < b->given && b->job[b->done].state == IMAP_BODY_DONE)
		b->done++;
	if (ev->status != IMAP_OK && was.state != IMAP_BODY_ASIDE)
		refused_by_server(b, &was, ev);
	else
		judge(b, &was);
}

void imap_bodies_event(struct imap_bodies *b, const struct imap_event *ev)
{
	if (ev->type == IMAP_EV_BODY_BEGIN)
		begin(b, &ev->fetch);
	else if (ev->type == IMAP_EV_BODY)
		octets(b, ev->text);
	else if (ev->type == IMAP_EV_BODY_END)
		end(b, &ev->fetch);
	else if (ev->type == IMAP_EV_TAGGED)
		answered(b, ev);
}
