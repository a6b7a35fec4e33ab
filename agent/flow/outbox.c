#include "outbox.h"

#include "envelope_smtp.h"
#include "limits.h"
#include "must.h"
#include "replies.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZE_ALLOWANCE 32u /* a queue id is longer than none: see size_of() */
#define SPOILT	       "the body cannot be read as it was spooled"

enum stage {
	STAGE_WAITING,	/* nothing of it was sent */
	STAGE_ENVELOPE, /* MAIL is queued, RCPTs may be missing */
	STAGE_ASKED,	/* DATA is queued, 354 is awaited */
	STAGE_FEEDING,	/* the body is being given to the engine */
	STAGE_SENT,	/* whole; its verdict is awaited */
};

struct send {
	struct link link;
	struct message *m; /* borrowed until its result */
	uint64_t serial;   /* tag of all its commands */
	enum stage stage;
	char *sender; /* owned; as MAIL names it; NULL until then */
	bool released, spoilt, mailed;
	size_t queued; /* RCPTs */
	struct replies replies;
};

struct outbox {
	struct outbox_options o;
	struct link sends;
	uint64_t serial;
	uint64_t open; /* the transaction that may be open: its serial, or 0 */
	bool bdat_failed, had_verdict;
	struct leave *leave; /* owned */
	uint64_t leaving;    /* serial of the one in it */
	uint64_t stamped;    /* ... whose lines it made last, or 0 */
};

struct outbox *outbox_new(const struct outbox_options *o)
{
	struct outbox *b = mem_new(sizeof(*b));

	b->o = *o;
	b->leave = leave_new(&o->leave);
	list_init(&b->sends);
	return b;
}

static void send_free(struct send *s)
{
	list_drop(&s->link);
	replies_fini(&s->replies);
	free(s->sender);
	free(s);
}

void outbox_free(struct outbox *b)
{
	if (!b)
		return;
	LIST_EACH(at, kept, &b->sends)
		send_free(LIST_OF(at, struct send, link));
	leave_free(b->leave);
	free(b);
}

bool outbox_is_empty(const struct outbox *b)
{
	return list_empty(&b->sends);
}

bool outbox_bdat_failed(const struct outbox *b)
{
	return b->bdat_failed;
}

bool outbox_had_verdict(const struct outbox *b)
{
	return b->had_verdict;
}

static struct send *first(struct outbox *b)
{
	return list_empty(&b->sends)
		       ? NULL
		       : LIST_OF(b->sends.next, struct send, link);
}

static struct send *find_message(struct outbox *b, const struct message *m)
{
	LIST_EACH(at, kept, &b->sends) {
		struct send *s = LIST_OF(at, struct send, link);

		if (s->m == m)
			return s;
	}
	return NULL;
}

static struct send *find_serial(struct outbox *b, uint64_t serial)
{
	LIST_EACH(at, kept, &b->sends) {
		struct send *s = LIST_OF(at, struct send, link);

		if (s->serial == serial)
			return s;
	}
	return NULL;
}

static void trace(struct outbox *b, const char *verb, const char *arg)
{
	char line[LIMIT_ADDRESS + 64];

	if (!b->o.trace)
		return;
	(void)snprintf(line, sizeof(line), "%s%s", verb, arg);
	b->o.trace(b->o.who, line);
}

/* --- results ------------------------------------------------------------- */

/* The result of s; s is gone afterwards. */
static void finish(struct outbox *b, struct send *s, struct dest_result r)
{
	struct message *m = s->m;
	char kept[REPLIES_SHOWN_OCTETS];

	(void)snprintf(kept, sizeof(kept), "%.*s", VIEW_ARG(r.words));
	r.words = view_of(kept);
	/* behind a refused MAIL, RCPT is refused for its sake: 503 */
	if (r.outcome != DEST_UNSENT && r.outcome != DEST_DAMAGED &&
	    r.stage != DEST_AT_MAIL)
		replies_settle(&s->replies, r.outcome == DEST_ACCEPTED);
	send_free(s);
	b->o.result(b->o.who, m, &r);
}

static void settle(struct outbox *b, struct send *s, enum dest_outcome outcome,
		   enum dest_stage stage, int code, const char *words)
{
	struct dest_result r = { .outcome = outcome,
				 .stage = stage,
				 .code = code,
				 .words = view_of(words) };

	finish(b, s, r);
}

static void settle_by_code(struct outbox *b, struct send *s,
			   enum dest_stage stage, int code, const char *words)
{
	settle(b, s, replies_outcome_of(code), stage, code, words);
}

static bool may_be_lost(const struct outbox *b, const struct send *s,
			bool orderly)
{
	/* LMTP: some verdicts came, others did not */
	if (s->replies.judged > 0)
		return true;
	return !orderly && smtp_is_in_doubt(b->o.smtp, s->serial);
}

bool outbox_awaits(const struct outbox *b)
{
	LIST_EACH(at, kept, (struct link *)&b->sends)
		if (may_be_lost(b, LIST_OF(at, struct send, link), false))
			return true;
	return false;
}

void outbox_end(struct outbox *b, bool orderly)
{
	for (struct send *s; (s = first(b));) {
		if (s->spoilt)
			settle(b, s, DEST_DAMAGED, DEST_AT_END, 0, SPOILT);
		else if (may_be_lost(b, s, orderly))
			settle(b, s, DEST_LOST, DEST_AT_END, 0, NULL);
		else
			settle(b, s, DEST_UNSENT, DEST_AT_END, 0, NULL);
	}
}

void outbox_refuse(struct outbox *b, int code, const char *words)
{
	for (struct send *s; (s = first(b));)
		settle_by_code(b, s, DEST_AT_DATA, code, words);
}

/* --- offers -------------------------------------------------------------- */

void outbox_offer(struct outbox *b, struct message *m)
{
	struct send *s = mem_new(sizeof(*s));

	s->m = m;
	s->serial = ++b->serial;
	replies_init(&s->replies, m);
	list_push(&b->sends, &s->link);
}

void outbox_release(struct outbox *b, struct message *m)
{
	struct send *s = find_message(b, m);

	MUST(s && !s->released);
	s->released = true;
}

void outbox_withdraw(struct outbox *b, struct message *m)
{
	struct send *s = find_message(b, m);

	MUST(s && !s->released);
	send_free(s); /* b->open sees to RSET; its replies find nobody */
}

/* --- envelope ------------------------------------------------------------ */

/*
 * Octets for SIZE= (RFC 1870 6: an estimate). A message that is offered while
 * it is being spooled has no queue id yet, which its Received line will name.
 */
static uint64_t size_of(struct outbox *b, const struct send *s)
{
	uint64_t n = s->m->repaired_octets + leave_stamp(b->leave, s->m);

	b->stamped = s->m->id ? s->serial : 0;
	return n + (s->m->id ? 0 : SIZE_ALLOWANCE);
}

static bool queue_mail(struct outbox *b, struct send *s)
{
	if (!smtp_envelope_mail(b->o.smtp, s->sender, &s->replies,
				size_of(b, s), s->serial))
		return false;
	trace(b, "MAIL FROM:", s->sender);
	b->open = s->serial;
	s->stage = STAGE_ENVELOPE;
	return true;
}

/* RFC 3030 2: behind a failed BDAT the transaction stays open, too. */
static bool close_transaction(struct outbox *b)
{
	if (b->open == 0)
		return true;
	if (!smtp_rset(b->o.smtp))
		return false;
	trace(b, "RSET", "");
	b->open = 0;
	return true;
}

static bool queue_rcpts(struct outbox *b, struct send *s)
{
	for (; s->queued < s->replies.offered; s->queued++) {
		const char *to = replies_address(&s->replies, s->queued);

		if (!smtp_envelope_fits(b->o.smtp, to)) {
			/* as if the server had answered */
			replies_to_rcpt(&s->replies, s->queued,
					SMTP_ENVELOPE_UNFIT_CODE,
					SMTP_ENVELOPE_UNFIT);
			continue;
		}
		/* the tag of a recipient: its place behind the serial */
		if (!smtp_envelope_rcpt(b->o.smtp, to, b->o.notify_never,
					s->serial << 8 | s->queued))
			return false;
		trace(b, "RCPT TO:", to);
	}
	return true;
}

static char *sender_of(const struct outbox *b, const struct message *m)
{
	struct text t;

	if (!b->o.sender)
		return mem_str(m->sender);
	text_init(&t, LIMIT_ADDRESS);
	b->o.sender(b->o.who, m, &t);
	return t.n ? text_take(&t) : mem_str("");
}

/* false: not yet, or s is settled; look at the list again after true. */
static bool push_envelope(struct outbox *b, struct send *s)
{
	if (s->stage == STAGE_WAITING) {
		if (!s->sender)
			s->sender = sender_of(b, s->m);
		if (s->sender[0] && !smtp_envelope_fits(b->o.smtp, s->sender)) {
			/* by us, for this message: no word of the server's */
			settle(b, s, DEST_REFUSED, DEST_AT_DATA,
			       SMTP_ENVELOPE_UNFIT_CODE, SMTP_ENVELOPE_UNFIT);
			return true;
		}
		if (!close_transaction(b) || !queue_mail(b, s))
			return false;
	}
	return queue_rcpts(b, s);
}

/* --- body ---------------------------------------------------------------- */

/* One whose doubt would be held goes alone: P2. */
static bool must_wait_alone(struct outbox *b, const struct send *s)
{
	LIST_EACH(at, kept, &b->sends) {
		const struct send *other = LIST_OF(at, struct send, link);

		if (other == s)
			return false;
		if (s->m->hold_doubt || other->m->hold_doubt)
			return true;
	}
	return false;
}

static bool queue_data(struct outbox *b, struct send *s)
{
	if (b->o.chunking) {
		if (!smtp_bdat(b->o.smtp, leave_octets(b->leave), true,
			       s->serial))
			return false;
		trace(b, "BDAT ... LAST", "");
		s->stage = STAGE_FEEDING;
		return true;
	}
	if (!smtp_data(b->o.smtp, s->serial))
		return false;
	trace(b, "DATA", "");
	s->stage = STAGE_ASKED;
	return true;
}

/* true: look at the list again. */
static bool push_data(struct outbox *b, struct send *s)
{
	struct err err;

	if (!s->released || must_wait_alone(b, s))
		return false;
	/* begun once, also where the engine has no room yet */
	if (b->leaving != s->serial) {
		b->leaving = s->serial;
		switch (leave_begin(b->leave, s->m, b->stamped == s->serial,
				    &err)) {
		case LEAVE_BEGUN:
			break;
		case LEAVE_UNREADABLE:
			settle(b, s, DEST_DAMAGED, DEST_AT_DATA, 0, err.what);
			return true;
		case LEAVE_IMPOSSIBLE:
			settle(b, s, DEST_REFUSED, DEST_AT_DATA, 0, err.what);
			return true;
		}
	}
	return queue_data(b, s);
}

/* false: no room in the engine, or spoilt. */
static bool feed(struct outbox *b, struct send *s)
{
	struct err err;
	struct view out;
	size_t n;

	for (;;) {
		switch (leave_next(b->leave, &out, &err)) {
		case LEAVE_END:
			return true;
		case LEAVE_SPOILT:
			s->spoilt = true;
			return false;
		case LEAVE_OCTETS:
			n = smtp_body(b->o.smtp, out);
			if (n == 0) {
				/* more octets than the chunk was told */
				s->spoilt = !smtp_feeding(b->o.smtp);
				return false;
			}
			leave_took(b->leave, n);
		}
	}
}

static bool push_body(struct outbox *b, struct send *s)
{
	if (!feed(b, s))
		return false;
	if (!b->o.chunking && !smtp_body_end(b->o.smtp))
		return false;
	if (b->o.chunking && smtp_feeding(b->o.smtp)) {
		s->spoilt = true; /* fewer octets than the chunk was told */
		return false;
	}
	s->stage = STAGE_SENT;
	return true;
}

/* --- both ---------------------------------------------------------------- */

/* The one that is written to the engine: the first not sent whole. */
static struct send *current(struct outbox *b)
{
	LIST_EACH(at, kept, &b->sends) {
		struct send *s = LIST_OF(at, struct send, link);

		if (s->stage != STAGE_SENT)
			return s;
	}
	return NULL;
}

/* true: something moved on. */
static bool push_one(struct outbox *b, struct send *s)
{
	switch (s->stage) {
	case STAGE_WAITING:
		return push_envelope(b, s);
	case STAGE_ENVELOPE:
		if (s->queued < s->replies.offered)
			return push_envelope(b, s);
		if (replies_refuse(&s->replies)) {
			finish(b, s, replies_refusal(&s->replies));
			return true;
		}
		return push_data(b, s);
	case STAGE_ASKED:
		return false;
	case STAGE_FEEDING:
		return push_body(b, s);
	case STAGE_SENT:
		break;
	}
	return false;
}

struct message *outbox_mailed(struct outbox *b)
{
	struct send *s = current(b);

	if (!s || s->stage == STAGE_WAITING || s->mailed)
		return NULL;
	s->mailed = true;
	return s->m;
}

enum outbox_state outbox_push(struct outbox *b)
{
	struct send *s;

	while ((s = current(b)) && !s->spoilt && push_one(b, s))
		;
	/* earlier ones may still be judged before the connection is cut */
	if (s && s->spoilt && s == first(b))
		return OUTBOX_CUT;
	return b->bdat_failed ? OUTBOX_CUT : OUTBOX_GOES_ON;
}

/* --- replies ------------------------------------------------------------- */

static void on_rcpt(struct outbox *b, const struct smtp_event *ev,
		    const char *shown)
{
	struct send *s = find_serial(b, ev->tag >> 8);

	if (s)
		replies_to_rcpt(&s->replies, ev->tag & 0xFF, ev->reply->code,
				shown);
}

static void on_mail(struct outbox *b, const struct smtp_event *ev,
		    const char *shown)
{
	struct send *s = find_serial(b, ev->tag);

	if (!ev->ok && b->open == ev->tag)
		b->open = 0;
	if (s)
		replies_to_mail(&s->replies, ev->reply->code, shown);
}

/* RFC 3030 2: 5xx that says the server does not know what it offers. */
static bool is_bdat_unknown(const struct smtp_event *ev, const struct send *s)
{
	int code = ev->reply->code;

	return ev->cmd == SMTP_CMD_BDAT && !ev->ok && s->replies.accepted > 0 &&
	       code >= 500 && code <= 504;
}

/* LMTP */
static void on_rcpt_verdict(struct outbox *b, struct send *s,
			    const struct smtp_event *ev, const char *shown)
{
	int code = ev->reply->code;

	replies_judge(&s->replies, ev->rcpt & 0xFF, ev->ok, code, shown);
	if (ev->left == 0)
		settle(b, s, replies_outcome(&s->replies), DEST_AT_END, code,
		       shown);
}

static void on_verdict(struct outbox *b, const struct smtp_event *ev,
		       const char *shown)
{
	struct send *s = find_serial(b, ev->tag);

	b->had_verdict = true;
	if (ev->ok && b->open == ev->tag)
		b->open = 0;
	if (!s)
		return;
	if (ev->rcpt) {
		on_rcpt_verdict(b, s, ev, shown);
	} else if (ev->ok) {
		settle(b, s, DEST_ACCEPTED, DEST_AT_END, ev->reply->code,
		       shown);
	} else if (replies_refuse(&s->replies)) {
		finish(b, s, replies_refusal(&s->replies));
	} else if (is_bdat_unknown(ev, s)) {
		b->bdat_failed = true;
		settle(b, s, DEST_UNSENT, DEST_AT_DATA, ev->reply->code, shown);
	} else {
		settle_by_code(b, s, DEST_AT_END, ev->reply->code, shown);
	}
}

static void on_data_refused(struct outbox *b, const struct smtp_event *ev,
			    const char *shown)
{
	struct send *s = find_serial(b, ev->tag);

	if (!s)
		return;
	if (replies_refuse(&s->replies))
		finish(b, s, replies_refusal(&s->replies));
	else
		settle_by_code(b, s, DEST_AT_DATA, ev->reply->code, shown);
}

static void on_go_ahead(struct outbox *b, uint64_t serial)
{
	struct send *s = find_serial(b, serial);

	MUST(s && s->stage == STAGE_ASKED);
	s->stage = STAGE_FEEDING;
}

void outbox_event(struct outbox *b, const struct smtp_event *ev)
{
	char shown[REPLIES_SHOWN_OCTETS];

	if (ev->type == SMTP_EV_GO_AHEAD) {
		on_go_ahead(b, ev->tag);
		return;
	}
	reply_show(ev->reply, shown, sizeof(shown));
	switch (ev->cmd) {
	case SMTP_CMD_MAIL:
		on_mail(b, ev, shown);
		return;
	case SMTP_CMD_RCPT:
		on_rcpt(b, ev, shown);
		return;
	case SMTP_CMD_DATA:
		on_data_refused(b, ev, shown);
		return;
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
		on_verdict(b, ev, shown);
		return;
	case SMTP_CMD_RSET:
	case SMTP_CMD_EHLO:
	case SMTP_CMD_STARTTLS:
	case SMTP_CMD_AUTH:
	case SMTP_CMD_XCLIENT:
	case SMTP_CMD_NOOP:
	case SMTP_CMD_QUIT:
		return;
	}
}
