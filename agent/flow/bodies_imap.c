#include "bodies_imap.h"

#include "imap_set.h"
#include "limits.h"
#include "must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Enough to fill a long line, little enough to be thrown away. */
#define WINDOW_MESSAGES 1024u
#define WINDOW_OCTETS	(16u << 20)
#define WINDOW_COMMANDS 128u
/* Of one command: what a refusal makes us ask for again. */
#define SET_MESSAGES 32u
#define SET_OCTETS   (1u << 20)
#define NONE	     SIZE_MAX

void imap_bodies_init(struct imap_bodies *b, struct imap *imap,
		      const struct source_reports *report, void *who)
{
	*b = (struct imap_bodies){ .imap = imap,
				   .report = report,
				   .who = who,
				   .coming = NONE,
				   .closed = NONE };
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

void imap_bodies_add(struct imap_bodies *b, const struct spool_item *items,
		     size_t n, bool headers)
{
	for (size_t i = 0; i < n; i++)
		add(b, (struct imap_body){
			       .uid = message_key_to_uid(&items[i].key),
			       .octets = items[i].octets,
			       .is_header = headers });
}

/* --- asking --- */

static void moved(size_t *at, size_t by)
{
	if (*at != NONE)
		*at = *at > by ? *at - by : 0;
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
	moved(&b->coming, gone);
	moved(&b->closed, gone);
	moved(&b->next, gone);
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
	return b->awaited == 0 ||
	       (b->commands < WINDOW_COMMANDS && b->awaited < WINDOW_MESSAGES &&
		b->window < WINDOW_OCTETS);
}

/* How many of the jobs from `given` on go into one command. */
static size_t command_size(const struct imap_bodies *b)
{
	const struct imap_body *first = &b->job[b->given];
	uint64_t octets = weight(first);
	size_t n = 1;

	while (!first->alone && n < SET_MESSAGES && b->given + n < b->n) {
		const struct imap_body *j = first + n;

		octets += weight(j);
		if (j->alone || j->is_header != first->is_header ||
		    j->uid <= j[-1].uid || octets > SET_OCTETS)
			break;
		n++;
	}
	return n;
}

static bool give(struct imap_bodies *b)
{
	struct imap_body *j = &b->job[b->given];
	UNFILLED char text[SET_MESSAGES * IMAP_SET_RANGE_OCTETS];
	uint32_t uids[SET_MESSAGES];
	size_t n = command_size(b);
	struct view set;

	for (size_t i = 0; i < n; i++)
		uids[i] = j[i].uid;
	MUST(imap_set(uids, n, text, sizeof(text), &set) == n);
	if (!(j->is_header ? imap_fetch_header(b->imap, set, VIEW_NONE)
			   : imap_fetch_body(b->imap, set)))
		return false;
	for (size_t i = 0; i < n; i++) {
		j[i].tag = imap_tag(b->imap);
		b->window += weight(&j[i]);
	}
	b->awaited += n;
	b->given += n;
	b->commands++;
	return true;
}

void imap_bodies_fill(struct imap_bodies *b)
{
	forget_done(b);
	while (b->given < b->n && has_room(b) && give(b))
		;
}

/* --- what comes --- */

static void refuse(struct imap_bodies *b, uint32_t uid, struct err *err)
{
	struct message_key key = message_key_uid(uid);

	err->origin = ERR_FROM_IMAP;
	b->report->refused(b->who, &key, err);
}

/* It has come, or will not: the window is free for another. */
static void leave_window(struct imap_bodies *b, const struct imap_body *j)
{
	b->awaited--;
	b->window -= weight(j);
}

static void tell(struct imap_bodies *b, size_t at, enum imap_body_state next)
{
	struct message_key key = message_key_uid(b->job[at].uid);

	b->job[at].state = next;
	b->closed = NONE;
	b->report->body_end(b->who, &key);
}

/*
 * Whose body this is. Where the UID comes behind the body (Exchange), it must
 * be the next in order; its end tells.
 */
static size_t find(const struct imap_bodies *b, uint32_t uid)
{
	size_t from = uid && b->next >= b->done && b->next < b->given &&
				      b->job[b->next].uid == uid
			      ? b->next
			      : b->done;

	for (size_t i = from; i < b->given; i++)
		if (b->job[i].state == IMAP_BODY_WAITING &&
		    (uid == 0 || b->job[i].uid == uid))
			return i;
	return NONE;
}

static void begin(struct imap_bodies *b, const struct imap_fetch *f)
{
	struct imap_body *j;
	struct message_key key;
	char uid[16];

	if (b->closed != NONE)
		tell(b, b->closed, IMAP_BODY_TOLD);
	b->coming = find(b, f->uid);
	if (b->coming == NONE)
		return;
	b->next = b->coming + 1;
	j = &b->job[b->coming];
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
	if (b->coming == NONE || b->job[b->coming].state != IMAP_BODY_COMING)
		return;
	v = view_head(v, b->header_left < v.n ? (size_t)b->header_left : v.n);
	b->header_left -= v.n;
	if (v.n)
		b->report->body(b->who, v);
}

static void end(struct imap_bodies *b, const struct imap_fetch *f)
{
	size_t at = b->coming;
	struct imap_body *j;

	b->coming = NONE;
	if (at == NONE)
		return;
	j = &b->job[at];
	leave_window(b, j);
	if (f->uid != j->uid) {
		j->state = IMAP_BODY_SPOILED;
	} else if (j->state == IMAP_BODY_COMING) {
		j->state = IMAP_BODY_CLOSED;
		b->closed = at;
	}
}

/* --- tagged replies --- */

static void refused_by_server(struct imap_bodies *b, uint32_t uid,
			      const struct imap_event *ev)
{
	struct err err;

	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"message %" PRIu32 " cannot be fetched", uid);
	err_peer(&err, ev->text);
	refuse(b, uid, &err);
}

static void refused_by_us(struct imap_bodies *b, uint32_t uid,
			  enum err_class class, const char *why)
{
	struct err err;

	err_set(&err, class, "message %" PRIu32 " %s", uid, why);
	err_remedy(&err, "it stays at the source and is tried again");
	refuse(b, uid, &err);
}

/* Its command is answered. single: it was the only one in it. */
static void judge(struct imap_bodies *b, size_t at, const struct imap_event *ev,
		  bool single)
{
	struct imap_body was = b->job[at];
	bool came = was.state == IMAP_BODY_CLOSED;

	b->job[at].state = IMAP_BODY_DONE;
	if (came)
		b->closed = NONE;
	if (was.state == IMAP_BODY_WAITING)
		leave_window(b, &was);
	if (came && ev->status == IMAP_OK) {
		tell(b, at, IMAP_BODY_DONE);
	} else if (came || was.state == IMAP_BODY_WAITING) {
		if (ev->status == IMAP_OK && was.is_bare) /* CASES D7 */
			refused_by_us(b, was.uid, ERR_PROTOCOL,
				      "has no content");
		else if (ev->status == IMAP_OK)
			refused_by_us(b, was.uid, ERR_CANCELLED,
				      "has gone meanwhile");
		else if (single)
			refused_by_server(b, was.uid, ev);
		else
			add(b, (struct imap_body){ .uid = was.uid,
						   .octets = was.octets,
						   .is_header = was.is_header,
						   .alone = true });
	} else if (was.state == IMAP_BODY_NIL) { /* CASES D7 */
		refused_by_us(b, was.uid, ERR_PROTOCOL, "has no content");
	} else if (was.state == IMAP_BODY_SPOILED) {
		refused_by_us(b, was.uid, ERR_PROTOCOL,
			      "came under the UID of another");
	}
}

static void answered(struct imap_bodies *b, const struct imap_event *ev)
{
	size_t from = b->done, to;

	while (from < b->given && b->job[from].tag != ev->tag)
		from++;
	for (to = from; to < b->given && b->job[to].tag == ev->tag; to++)
		;
	if (to == from)
		return;
	b->commands--;
	/* what is in the owner's hand goes before refusals of others */
	if (b->closed >= from && b->closed < to && ev->status == IMAP_OK)
		tell(b, b->closed, IMAP_BODY_TOLD);
	for (size_t i = from; i < to; i++)
		judge(b, i, ev, to - from == 1);
	while (b->done < b->given && b->job[b->done].state == IMAP_BODY_DONE)
		b->done++;
}

/* Facts of a message without its body, where the body was asked for. */
static void bare(struct imap_bodies *b, const struct imap_fetch *f)
{
	size_t at = f->uid ? find(b, f->uid) : NONE;

	if (at != NONE)
		b->job[at].is_bare = true;
}

void imap_bodies_event(struct imap_bodies *b, const struct imap_event *ev)
{
	if (ev->type == IMAP_EV_BODY_BEGIN)
		begin(b, &ev->fetch);
	else if (ev->type == IMAP_EV_BODY)
		octets(b, ev->text);
	else if (ev->type == IMAP_EV_BODY_END)
		end(b, &ev->fetch);
	else if (ev->type == IMAP_EV_FETCH)
		bare(b, &ev->fetch);
	else if (ev->type == IMAP_EV_TAGGED)
		answered(b, ev);
}
