#include "outbox.h"

#include "addrspec.h"
#include "head.h"
#include "limits.h"
#include "must.h"
#include "outgoing.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN_OCTETS   560u /* one reply, printable */
#define SIZE_ALLOWANCE 32u  /* a queue id is longer than none: see size_of() */
#define SPOILT	       "the body cannot be read as it was spooled"

enum stage {
	STAGE_WAITING,	/* nothing of it was sent */
	STAGE_ENVELOPE, /* MAIL is queued, RCPTs may be missing */
	STAGE_ASKED,	/* DATA is queued, 354 is awaited */
	STAGE_FEEDING,	/* the body is being given to the engine */
	STAGE_SENT,	/* whole; its verdict is awaited */
};

/* What the server said about one recipient that was offered. */
struct answer {
	size_t rcpt; /* index in m->rcpts */
	int code;    /* 0: not answered */
	char *words; /* owned */
	bool judged; /* LMTP: by a verdict, not by RCPT alone */
};

struct send {
	struct link link;
	struct message *m; /* borrowed until its result */
	uint64_t serial;   /* tag of all its commands */
	enum stage stage;
	char *sender; /* owned; as MAIL names it; NULL until then */
	bool released, spoilt, failed_late, mailed;
	struct answer *answers; /* owned; one per recipient offered */
	size_t offered, queued, answered, accepted, judged, judged_ok;
	int mail_code;
	char mail_words[SHOWN_OCTETS];
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
	for (size_t i = 0; i < s->offered; i++)
		free(s->answers[i].words);
	free(s->answers);
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

static bool is_temporary(int code)
{
	return code / 100 == 4;
}

/* What is known of each recipient goes into the message. */
static void settle_rcpts(struct send *s, bool accepted)
{
	for (size_t i = 0; i < s->offered; i++) {
		struct answer *a = &s->answers[i];
		struct message_rcpt *r = &s->m->rcpts[a->rcpt];

		/* accepted by RCPT alone says nothing of what came after */
		if (a->code == 0 ||
		    (a->code / 100 == 2 && !a->judged && !accepted))
			continue;
		if (a->code / 100 == 5)
			r->state = RCPT_REFUSED;
		else if (a->code / 100 == 2)
			r->state = RCPT_ACCEPTED;
		r->code = a->code;
		r->for_content = a->judged;
		r->for_sender = false;
		message_set(&r->reply, view_of(a->words));
	}
}

/* The result of s; s is gone afterwards. */
static void settle(struct outbox *b, struct send *s, enum dest_outcome outcome,
		   enum dest_stage stage, int code, const char *words)
{
	struct message *m = s->m;
	char kept[SHOWN_OCTETS];
	struct dest_result r = { .outcome = outcome,
				 .stage = stage,
				 .code = code };

	(void)snprintf(kept, sizeof(kept), "%s", words ? words : "");
	r.words = view_of(kept);
	/* behind a refused MAIL, RCPT is refused for its sake: 503 */
	if (outcome != DEST_UNSENT && outcome != DEST_DAMAGED &&
	    stage != DEST_AT_MAIL)
		settle_rcpts(s, outcome == DEST_ACCEPTED);
	send_free(s);
	b->o.result(b->o.who, m, &r);
}

static void settle_by_code(struct outbox *b, struct send *s,
			   enum dest_stage stage, int code, const char *words)
{
	settle(b, s, is_temporary(code) ? DEST_DEFERRED : DEST_REFUSED, stage,
	       code, words);
}

/* Of recipients none of whom was accepted: one that may be later wins. */
static const struct answer *decisive(const struct send *s)
{
	for (size_t i = 0; i < s->offered; i++)
		if (is_temporary(s->answers[i].code))
			return &s->answers[i];
	return &s->answers[0];
}

/* MAIL, or every RCPT, was refused. */
static bool is_refused_early(const struct send *s)
{
	if (s->mail_code >= 400)
		return true;
	return s->mail_code > 0 && s->answered == s->offered && !s->accepted;
}

static void settle_refused_early(struct outbox *b, struct send *s)
{
	if (s->mail_code >= 400) {
		settle_by_code(b, s, DEST_AT_MAIL, s->mail_code, s->mail_words);
	} else {
		const struct answer *a = decisive(s);

		settle_by_code(b, s, DEST_AT_RCPT, a->code, a->words);
	}
}

static bool may_be_lost(const struct outbox *b, const struct send *s,
			bool orderly)
{
	if (s->judged > 0) /* LMTP: some verdicts came, others did not */
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

static void choose_rcpts(struct send *s)
{
	const struct message *m = s->m;

	s->answers = mem_new(LIMIT_RECIPIENTS * sizeof(*s->answers));
	for (size_t i = 0; i < m->nrcpts && s->offered < LIMIT_RECIPIENTS; i++)
		if (m->rcpts[i].state == RCPT_WAITING)
			s->answers[s->offered++].rcpt = i;
}

void outbox_offer(struct outbox *b, struct message *m)
{
	struct send *s = mem_new(sizeof(*s));

	s->m = m;
	s->serial = ++b->serial;
	choose_rcpts(s);
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

/* An address needs SMTPUTF8 though it is not offered, or is none. */
static bool is_unfit(const struct outbox *b, const char *address)
{
	struct view v = view_of(address);

	return !addrspec_or_local_ok(v) ||
	       (addrspec_is_utf8(v) &&
		!(smtp_caps(b->o.smtp) & SMTP_CAP_SMTPUTF8));
}

#define UNFIT "553 5.6.7 the destination cannot take this address (mailhaul)"

/* As if the server had answered. */
static void answer_rcpt(struct send *s, struct answer *a, int code,
			const char *words)
{
	if (a->code == 0)
		s->answered++;
	if (code / 100 == 2)
		s->accepted++;
	a->code = code;
	free(a->words);
	a->words = mem_str(words);
}

static bool can_dsn(const struct outbox *b)
{
	return smtp_caps(b->o.smtp) & SMTP_CAP_DSN;
}

/*
 * Whoever gets a report of it can then ask `trace` for the queue id (RFC 3461
 * 4.4). One that is still being spooled has none yet. The text of an id needs
 * no quoting as xtext.
 */
static struct view envelope_id(const struct outbox *b, const struct message *m,
			       char out[MESSAGE_ID_TEXT + 8])
{
	char id[MESSAGE_ID_TEXT];

	if (!can_dsn(b) || !m->id)
		return VIEW_NONE;
	message_id_text(m->id, id);
	(void)snprintf(out, MESSAGE_ID_TEXT + 8, "ENVID=%s", id);
	return view_of(out);
}

static bool queue_mail(struct outbox *b, struct send *s)
{
	char id[MESSAGE_ID_TEXT + 8];
	unsigned facts = s->m->facts;
	struct smtp_mail mail = {
		.from = view_of(s->sender),
		.has_8bit = facts & (HEAD_8BIT_HEADER | HEAD_8BIT_BODY),
	};

	mail.octets = size_of(b, s);
	mail.extra = envelope_id(b, s->m, id);
	mail.utf8 = addrspec_is_utf8(mail.from);
	for (size_t i = 0; i < s->offered; i++) {
		const char *to = s->m->rcpts[s->answers[i].rcpt].address;

		if (addrspec_is_utf8(view_of(to)) && !is_unfit(b, to))
			mail.utf8 = true;
	}
	if (!smtp_mail(b->o.smtp, &mail, s->serial))
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
	struct view notify = b->o.notify_never && can_dsn(b)
				     ? VIEW_LIT("NOTIFY=NEVER")
				     : VIEW_NONE;

	for (; s->queued < s->offered; s->queued++) {
		struct answer *a = &s->answers[s->queued];
		const char *to = s->m->rcpts[a->rcpt].address;

		if (is_unfit(b, to)) {
			answer_rcpt(s, a, 553, UNFIT);
			continue;
		}
		/* the tag of a recipient: its place behind the serial */
		if (!smtp_rcpt(b->o.smtp, view_of(to), notify,
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
		if (s->sender[0] && is_unfit(b, s->sender)) {
			/* by us, for this message: no word of the server's */
			settle(b, s, DEST_REFUSED, DEST_AT_DATA, 553, UNFIT);
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
		if (s->queued < s->offered)
			return push_envelope(b, s);
		if (is_refused_early(s)) {
			settle_refused_early(b, s);
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
		answer_rcpt(s, &s->answers[ev->tag & 0xFF], ev->reply->code,
			    shown);
}

static void on_mail(struct outbox *b, const struct smtp_event *ev,
		    const char *shown)
{
	struct send *s = find_serial(b, ev->tag);

	if (!ev->ok && b->open == ev->tag)
		b->open = 0;
	if (!s)
		return;
	s->mail_code = ev->reply->code;
	(void)snprintf(s->mail_words, sizeof(s->mail_words), "%s", shown);
}

/* RFC 3030 2: 5xx that says the server does not know what it offers. */
static bool is_bdat_unknown(const struct smtp_event *ev, const struct send *s)
{
	int code = ev->reply->code;

	return ev->cmd == SMTP_CMD_BDAT && !ev->ok && s->accepted > 0 &&
	       code >= 500 && code <= 504;
}

static void judge_rcpt(struct send *s, const struct smtp_event *ev,
		       const char *shown)
{
	struct answer *a = &s->answers[ev->rcpt & 0xFF];

	a->code = ev->reply->code;
	free(a->words);
	a->words = mem_str(shown);
	a->judged = true;
	s->judged++;
	s->judged_ok += ev->ok;
	s->failed_late |= is_temporary(a->code);
}

/* LMTP: the last of the verdicts has come. */
static void settle_judged(struct outbox *b, struct send *s,
			  const struct smtp_event *ev, const char *shown)
{
	enum dest_outcome o = s->judged_ok     ? DEST_ACCEPTED
			      : s->failed_late ? DEST_DEFERRED
					       : DEST_REFUSED;

	settle(b, s, o, DEST_AT_END, ev->reply->code, shown);
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
		judge_rcpt(s, ev, shown);
		if (ev->left == 0)
			settle_judged(b, s, ev, shown);
	} else if (ev->ok) {
		settle(b, s, DEST_ACCEPTED, DEST_AT_END, ev->reply->code,
		       shown);
	} else if (is_refused_early(s)) {
		settle_refused_early(b, s);
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
	if (is_refused_early(s))
		settle_refused_early(b, s);
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
	char shown[SHOWN_OCTETS];

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
