#include "addrspec.h"
#include "dest.h"
#include "exchange.h"
#include "habit.h"
#include "handover.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "outbox.h"
#include "srs.h"

#include <stdio.h>
#include <stdlib.h>

/* RFC 4954 4: an AUTH line is not longer than 12288 octets. */
#define AUTH_FIRST_OCTETS 12000u

enum phase {
	PHASE_OPENING,
	PHASE_GREETING,
	PHASE_HELLO,
	PHASE_TLS,
	PHASE_SIGNIN,
	PHASE_READY,
	PHASE_OVER, /* the stream is being closed; nothing is said any more */
};

/* Addresses asked for by `check`. Tag of MAIL: 0; of RCPT: its place + 1. */
struct probe {
	char **address; /* owned; [0] is the sender */
	size_t n, queued;
	bool rset;
};

struct dest_smtp {
	struct dest dest;
	struct dest_options o;
	const struct dest_reports *reports;
	void *who;
	enum phase phase;
	enum smtp_line line; /* once connected */
	struct stream *stream;
	struct smtp *smtp;     /* NULL before it is connected */
	struct outbox *outbox; /* NULL before it is ready */
	struct exchange exchange;
	struct handover handover;
	struct habit *habit;
	uint64_t hello_ms; /* monotonic: when the last EHLO was said */
	uint32_t trip_ms;
	struct err err; /* why it ends; ERR_NONE */
	bool orderly;	/* the server took its leave */
	bool quitting, finishing;
	struct probe probe, next_probe;
	struct task work;
	struct task mailed; /* tell_mailed() soon */
};

static struct dest_smtp *self(struct dest *d)
{
	return (struct dest_smtp *)(void *)d;
}

/* --- ends ---------------------------------------------------------------- */

/* d->err is set. */
static void over(struct dest_smtp *d)
{
	if (d->phase == PHASE_OVER)
		return;
	d->phase = PHASE_OVER;
	stream_close(d->stream);
}

static void fail(struct dest_smtp *d, enum err_class class, const char *what,
		 const char *remedy)
{
	err_set(&d->err, class, "%s", what);
	if (remedy)
		err_remedy(&d->err, "%s", remedy);
	over(d);
}

static void fail_reply(struct dest_smtp *d, const struct reply *r,
		       const char *what)
{
	reply_err(r, &d->err, what);
	over(d);
}

static void probe_clear(struct probe *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->address[i]);
	free(p->address);
	*p = (struct probe){ .n = 0 };
}

static void remember(struct dest_smtp *d)
{
	bool broke =
		d->err.class == ERR_NETWORK || d->err.class == ERR_PROTOCOL;
	unsigned used = SMTP_CAP_PIPELINING | SMTP_CAP_CHUNKING;

	if (outbox_had_verdict(d->outbox))
		habit_worked(d->habit);
	else if (broke && !outbox_is_empty(d->outbox) &&
		 (smtp_caps(d->smtp) & used))
		habit_broke(d->habit);
	if (outbox_bdat_failed(d->outbox))
		habit_forgo(d->habit, SMTP_CAP_CHUNKING);
}

static void on_closed(void *who, const struct err *why)
{
	struct dest_smtp *d = who;
	const struct err *told = NULL;

	if (d->err.class == ERR_NONE && why->class != ERR_NONE && !d->finishing)
		d->err = *why;
	if (d->err.class != ERR_NONE)
		told = &d->err;
	d->phase = PHASE_OVER;
	task_cancel(&d->work);
	task_cancel(&d->mailed);
	if (d->outbox) {
		remember(d);
		outbox_end(d->outbox, d->orderly);
	}
	d->reports->closed(d->who, told);
	outbox_free(d->outbox);
	smtp_free(d->smtp);
	exchange_fini(&d->exchange);
	probe_clear(&d->probe);
	probe_clear(&d->next_probe);
	free(d);
}

/* --- the dialogue for people --------------------------------------------- */

static void trace(struct dest_smtp *d, const char *key, const char *line)
{
	struct log_line l;

	if (!d->o.trace || !log_begin(&l, LOG_DEBUG, "dialogue"))
		return;
	log_str(&l, "delivery", d->o.trace);
	log_str(&l, key, line);
	log_end(&l);
}

static void trace_reply(struct dest_smtp *d, const struct reply *r)
{
	char shown[600];

	if (!d->o.trace || !r || !log_wants(LOG_DEBUG))
		return;
	reply_show(r, shown, sizeof(shown));
	trace(d, "reply", shown);
}

/* --- ready --------------------------------------------------------------- */

static bool read_body(void *who, const struct message_place *place,
		      uint64_t offset, struct room r, size_t *got,
		      struct err *err)
{
	struct dest_smtp *d = who;

	return spool_body_read(d->o.spool, place, offset, r, got, err);
}

static void stamp(void *who, const struct message *m, struct text *out)
{
	struct dest_smtp *d = who;

	d->o.stamp(d->who, m, out);
}

/* What cannot be rewritten gets no reports: <>. */
static void rewrite(void *who, const struct message *m, struct text *out)
{
	struct dest_smtp *d = who;

	if (m->sender[0])
		(void)srs_forward(view_of(m->sender), view_of(d->o.srs_domain),
				  d->o.srs_secret, loop_unix_ms() / 1000, out);
}

static void on_result(void *who, struct message *m, const struct dest_result *r)
{
	struct dest_smtp *d = who;

	d->reports->result(d->who, m, r);
}

static void on_sent_line(void *who, const char *line)
{
	trace(who, "command", line);
}

static void become_ready(struct dest_smtp *d)
{
	bool chunking = smtp_caps(d->smtp) & SMTP_CAP_CHUNKING;
	struct outbox_options o = {
		.smtp = d->smtp,
		.chunking = chunking,
		.notify_never = d->o.notify_never,
		.leave = { .drop_headers = d->o.drop_headers,
			   .read = read_body,
			   .stamp = stamp,
			   .who = d },
		.result = on_result,
		.sender = d->o.srs_domain ? rewrite : NULL,
		.trace = d->o.trace ? on_sent_line : NULL,
		.who = d,
	};
	struct dest_ready r = {
		.tells_mailed = !chunking,
		.trip_ms = d->trip_ms,
		.window = chunking ? LIMIT_WINDOW_BDAT : LIMIT_WINDOW_DATA,
		.max_octets = smtp_size_limit(d->smtp),
		.offers_xclient = smtp_caps(d->smtp) & SMTP_CAP_XCLIENT,
		.not_handed = d->handover.not_handed,
	};
	struct text words;

	exchange_fini(&d->exchange);
	d->phase = PHASE_READY;
	d->outbox = outbox_new(&o);
	text_init(&words, sizeof(r.capabilities) - 1);
	smtp_describe(d->smtp, &words);
	(void)snprintf(r.capabilities, sizeof(r.capabilities), "%s",
		       text_str(&words));
	text_fini(&words);
	d->reports->ready(d->who, &r);
}

/* --- greeting, TLS, sign-in ---------------------------------------------- */

static void hello(struct dest_smtp *d)
{
	char text[64];
	struct view name =
		handover_name(&d->handover, view_of(d->o.hostname), text);

	d->phase = PHASE_HELLO;
	d->hello_ms = loop_now_ms(d->o.loop);
	trace(d, "command", d->o.lmtp ? "LHLO" : "EHLO");
	if (!smtp_ehlo(d->smtp, name))
		fail(d, ERR_CONFIG, "the host name cannot be sent in EHLO",
		     "set `hostname` to a name without spaces");
}

/* What an exchange answers, from an event or from the pool. */
static void say(void *who, struct view answer, bool cancel)
{
	struct dest_smtp *d = who;

	MUST(cancel ? smtp_cancel(d->smtp) : smtp_answer(d->smtp, answer));
	task_post(&d->work);
}

static void sign_in(struct dest_smtp *d)
{
	unsigned offered = mech_offered(smtp_auth_names(d->smtp));
	struct exchange *x = &d->exchange;
	struct view first = { NULL, 0 };

	if (exchange_pick(x, offered, d->stream, &d->err) == MECH_NONE ||
	    !exchange_begin(x, d->stream, &d->err)) {
		over(d);
		return;
	}
	d->phase = PHASE_SIGNIN;
	(void)exchange_first(x, AUTH_FIRST_OCTETS, &first);
	trace(d, "command", "AUTH ***");
	MUST(smtp_auth(d->smtp, mech_name(x->mech), first));
}

static void on_signed_in(struct dest_smtp *d, const struct smtp_event *ev)
{
	enum err_class class =
		ev->reply->code / 100 == 4 ? ERR_RETRY : ERR_AUTH;
	char shown[600];

	reply_show(ev->reply, shown, sizeof(shown));
	switch (exchange_verdict(&d->exchange, ev->ok, class, ERR_FROM_SMTP,
				 view_of(shown), &d->err)) {
	case EXCHANGE_DONE:
		become_ready(d);
		return;
	case EXCHANGE_AGAIN:
		sign_in(d);
		return;
	case EXCHANGE_FAILED:
		break;
	}
	d->err.code = ev->reply->code;
	over(d);
}

static void hand_over(struct dest_smtp *d, enum handover_step step)
{
	switch (step) {
	case HANDOVER_SAID:
		d->phase = PHASE_HELLO;
		trace(d, "command", "XCLIENT");
		return;
	case HANDOVER_GREETED:
		hello(d);
		return;
	case HANDOVER_GOES_ON:
		if (d->o.user)
			sign_in(d);
		else
			become_ready(d);
		return;
	case HANDOVER_REFUSED:
		become_ready(d);
		return;
	case HANDOVER_DEFERRED: /* SMTP_EV_BYE follows */
		return;
	}
}

static void on_hello(struct dest_smtp *d, const struct smtp_event *ev)
{
	d->trip_ms = (uint32_t)(loop_now_ms(d->o.loop) - d->hello_ms);
	if (!ev->ok && d->handover.done && ev->reply->code != 421) {
		handover_refuse(&d->handover, ev->reply);
		become_ready(d);
	} else if (!ev->ok) {
		fail_reply(d, ev->reply, "EHLO was refused");
	} else if (d->line == SMTP_LINE_STARTTLS && !stream_is_tls(d->stream)) {
		trace(d, "command", "STARTTLS");
		MUST(smtp_starttls(d->smtp));
	} else {
		hand_over(d, handover_say(&d->handover, d->smtp));
	}
}

/* --- events -------------------------------------------------------------- */

static bool is_probing(const struct dest_smtp *d)
{
	return d->probe.n > 0;
}

static void on_probed(struct dest_smtp *d, const struct smtp_event *ev)
{
	char shown[600];

	reply_show(ev->reply, shown, sizeof(shown));
	if (ev->cmd == SMTP_CMD_RSET) {
		probe_clear(&d->probe);
		d->probe = d->next_probe;
		d->next_probe = (struct probe){ .n = 0 };
	} else

		d->reports->probed(d->who,
				   ev->tag ? d->probe.address[ev->tag] : NULL,
				   ev->reply->code, view_of(shown));
}

/* Every message would meet with it (CASES G13). */
static bool wants_sign_in(const struct smtp_event *ev)
{
	return ev->cmd == SMTP_CMD_MAIL && !ev->ok &&
	       (ev->reply->code == 530 || ev->reply->code == 538);
}

static void on_mail_reply(struct dest_smtp *d, const struct smtp_event *ev)
{
	if (is_probing(d)) {
		on_probed(d, ev);
	} else if (wants_sign_in(ev)) {
		reply_err(ev->reply, &d->err, "the server wants a sign-in");
		d->err.class = ERR_AUTH;
		err_remedy(&d->err, "set `user` and a secret for the delivery");
		over(d);
	} else {
		outbox_event(d->outbox, ev);
	}
}

static void on_reply(struct dest_smtp *d, const struct smtp_event *ev)
{
	switch (ev->cmd) {
	case SMTP_CMD_EHLO:
		on_hello(d, ev);
		return;
	case SMTP_CMD_AUTH:
		on_signed_in(d, ev);
		return;
	case SMTP_CMD_XCLIENT:
		hand_over(d, handover_reply(&d->handover, d->smtp, ev->reply));
		return;
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_DATA:
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
	case SMTP_CMD_RSET:
		on_mail_reply(d, ev);
		return;
	case SMTP_CMD_STARTTLS: /* refused: the engine fails instead */
	case SMTP_CMD_NOOP:
	case SMTP_CMD_QUIT:
		return;
	}
}

static void on_bye(struct dest_smtp *d, const struct smtp_event *ev)
{
	d->orderly = true;
	reply_err(ev->reply, &d->err, "the server closed the session");
	/* a refusal of one body says nothing about the next: CASES G12 */
	if (ev->reply->code != 421) {
		d->err.class = ERR_RETRY;
		habit_forgo(d->habit, SMTP_CAP_CHUNKING);
	}
	over(d);
}

static void on_event(struct dest_smtp *d, const struct smtp_event *ev)
{
	/* what an exchange says is nobody's business (CASES C11) */
	if (ev->type != SMTP_EV_CHALLENGE)
		trace_reply(d, ev->reply);
	switch (ev->type) {
	case SMTP_EV_GREETING:
		if (ev->ok)
			hello(d);
		else
			fail_reply(d, ev->reply, "the server refuses us");
		return;
	case SMTP_EV_REPLY:
		on_reply(d, ev);
		return;
	case SMTP_EV_CHALLENGE:
		exchange_challenge(&d->exchange, ev->words);
		return;
	case SMTP_EV_TLS_WANTED:
		d->phase = PHASE_TLS;
		stream_start_tls(d->stream);
		return;
	case SMTP_EV_GO_AHEAD:
		outbox_event(d->outbox, ev);
		return;
	case SMTP_EV_BYE:
		on_bye(d, ev);
		return;
	case SMTP_EV_CLOSED:
		over(d);
		return;
	case SMTP_EV_FAILED:
		d->err = *ev->err;
		over(d);
		return;
	}
}

/* --- giving the engine what it takes -------------------------------------- */

static bool push_probe(struct dest_smtp *d)
{
	struct probe *p = &d->probe;
	struct smtp_mail mail = { .from = VIEW_NONE };

	for (; p->queued < p->n; p->queued++) {
		struct view v = view_of(p->address[p->queued]);
		bool empty_ok = p->queued == 0 && v.n == 0;

		if (!empty_ok && !addrspec_or_local_ok(v)) {
			d->reports->probed(d->who, p->queued ? v.p : NULL, 553,
					   VIEW_LIT("553 not an address"));
			continue;
		}
		mail.from = v;
		if (p->queued == 0
			    ? !smtp_mail(d->smtp, &mail, 0)
			    : !smtp_rcpt(d->smtp, v, VIEW_NONE, p->queued))
			return false;
	}
	if (!p->rset)
		p->rset = smtp_rset(d->smtp);
	return p->rset;
}

static void push(struct dest_smtp *d)
{
	if (d->phase != PHASE_READY || d->finishing)
		return;
	if (d->handover.refused)
		outbox_refuse(d->outbox, d->handover.refused,
			      d->handover.words);
	if (is_probing(d) && outbox_is_empty(d->outbox))
		(void)push_probe(d);
	else if (outbox_push(d->outbox) == OUTBOX_CUT)
		fail(d, ERR_RETRY, "a message could not be sent to its end",
		     NULL);
	if (d->phase != PHASE_READY || !d->quitting || is_probing(d) ||
	    !outbox_is_empty(d->outbox))
		return;
	/* not awaited: RFC 5321 asks for it, but Postfix may take 10 s */
	(void)smtp_quit(d->smtp);
	d->finishing = true;
	stream_finish(d->stream);
}

static void take_events(struct dest_smtp *d)
{
	struct smtp_event ev;

	while (d->phase != PHASE_OVER && smtp_next(d->smtp, &ev))
		on_event(d, &ev);
	push(d);
}

static void work(void *who)
{
	struct dest_smtp *d = who;

	if (d->phase == PHASE_OVER)
		return;
	push(d);
	if (d->phase != PHASE_OVER)
		stream_poke(d->stream);
}

/* --- ports --------------------------------------------------------------- */

static struct room port_room(void *who)
{
	struct dest_smtp *d = who;

	if (!d->smtp || d->phase == PHASE_OVER)
		return (struct room){ NULL, 0 };
	return smtp_room(d->smtp);
}

static void port_received(void *who, size_t n)
{
	struct dest_smtp *d = who;

	smtp_received(d->smtp, n);
	take_events(d);
}

static struct view port_pending(void *who)
{
	struct dest_smtp *d = who;

	if (!d->smtp || d->phase == PHASE_OVER)
		return VIEW_NONE;
	if (!smtp_pending(d->smtp).n)
		task_post(&d->mailed); /* the stream asks: it has drained */
	return smtp_pending(d->smtp);
}

/*
 * Behind the pump that took the octets: what the stream still holds has not
 * reached the kernel, and a kill -9 would take it along.
 */
static void tell_mailed(void *who)
{
	struct dest_smtp *d = who;
	struct message *m;

	if (d->phase == PHASE_OVER || !d->outbox || smtp_pending(d->smtp).n ||
	    stream_counts(d->stream).held)
		return;
	m = outbox_mailed(d->outbox);
	if (m && d->reports->mailed)
		d->reports->mailed(d->who, m);
}

static void port_sent(void *who, size_t n)
{
	struct dest_smtp *d = who;

	smtp_sent(d->smtp, n);
	task_post(&d->mailed);
	push(d);
}

/*
 * `smtp://localhost` is in clear only where the connection really goes there,
 * and nothing secret is to be said (INTERFACE 2, CASES J10).
 */
static enum smtp_line line_of(const struct dest_smtp *d)
{
	bool loopback = false;

	switch (d->o.endpoint.tls) {
	case TLS_NONE:
		return SMTP_LINE_CLEAR;
	case TLS_IMPLICIT:
		return SMTP_LINE_TLS;
	case TLS_STARTTLS:
		break;
	}
	(void)stream_peer(d->stream, &loopback);
	return d->o.clear_on_loopback && loopback && !d->o.user
		       ? SMTP_LINE_CLEAR
		       : SMTP_LINE_STARTTLS;
}

static void port_opened(void *who)
{
	struct dest_smtp *d = who;

	d->line = line_of(d);
	d->smtp =
		smtp_new(d->o.lmtp ? SMTP_KIND_LMTP : SMTP_KIND_SMTP, d->line);
	smtp_forgo(d->smtp, habit_forgone(d->habit));
	d->phase = PHASE_GREETING;
}

static void port_secured(void *who)
{
	struct dest_smtp *d = who;

	smtp_secured(d->smtp);
	hello(d);
}

static void port_eof(void *who)
{
	struct dest_smtp *d = who;

	if (!d->smtp)
		return;
	smtp_eof(d->smtp);
	take_events(d);
}

static struct patience port_patience(void *who)
{
	struct dest_smtp *d = who;

	if (!d->smtp)
		return (struct patience){ .ms = 0 };
	return smtp_patience(d->smtp);
}

static const struct stream_ports ports = {
	.room = port_room,
	.received = port_received,
	.pending = port_pending,
	.sent = port_sent,
	.opened = port_opened,
	.secured = port_secured,
	.eof = port_eof,
	.patience = port_patience,
	.closed = on_closed,
};

/* --- operations ---------------------------------------------------------- */

static void op_offer(struct dest *dest, struct message *m)
{
	struct dest_smtp *d = self(dest);

	MUST(d->outbox);
	outbox_offer(d->outbox, m);
	task_post(&d->work);
}

static void op_release(struct dest *dest, struct message *m)
{
	struct dest_smtp *d = self(dest);

	outbox_release(d->outbox, m);
	task_post(&d->work);
}

static void op_withdraw(struct dest *dest, struct message *m)
{
	struct dest_smtp *d = self(dest);

	outbox_withdraw(d->outbox, m);
	task_post(&d->work);
}

static void op_probe(struct dest *dest, const char *sender,
		     const char *const *rcpts)
{
	struct dest_smtp *d = self(dest);
	struct probe *p = is_probing(d) ? &d->next_probe : &d->probe;
	size_t n = 0;

	MUST(p->n == 0);
	while (rcpts[n])
		n++;
	p->address = mem_new((n + 1) * sizeof(*p->address));
	p->address[0] = mem_str(sender);
	for (size_t i = 0; i < n; i++)
		p->address[i + 1] = mem_str(rcpts[i]);
	p->n = n + 1;
	task_post(&d->work);
}

static void op_quit(struct dest *dest)
{
	struct dest_smtp *d = self(dest);

	d->quitting = true;
	task_post(&d->work);
}

static void op_cancel(struct dest *dest)
{
	struct dest_smtp *d = self(dest);

	if (d->phase == PHASE_OVER)
		return;
	fail(d, ERR_CANCELLED, "ended on request", NULL);
}

static bool op_awaits(struct dest *dest)
{
	const struct dest_smtp *d = self(dest);

	return d->outbox && outbox_awaits(d->outbox);
}

static struct stream *op_stream(struct dest *dest)
{
	return self(dest)->stream;
}

static const struct dest_ops ops = {
	.offer = op_offer,
	.release = op_release,
	.withdraw = op_withdraw,
	.probe = op_probe,
	.quit = op_quit,
	.cancel = op_cancel,
	.awaits = op_awaits,
	.stream = op_stream,
};

static void set_up_exchange(struct dest_smtp *d)
{
	const struct exchange_setup setup = {
		.loop = d->o.loop,
		.endpoint = &d->o.endpoint,
		.user = d->o.user,
		.secret = d->o.secret,
		.auth = d->o.auth,
		.password_in_clear = d->o.password_in_clear,
		.service = "smtp",
		.random = d->o.random,
		.answer = say,
		.who = d,
	};

	exchange_init(&d->exchange, &setup);
}

struct dest *dest_smtp_open(const struct dest_options *o,
			    const struct dest_reports *r, void *who)
{
	struct dest_smtp *d = mem_new(sizeof(*d));

	d->dest.ops = &ops;
	d->o = *o;
	d->reports = r;
	d->who = who;
	d->habit = habit_of(&o->endpoint);
	d->handover.client = o->client;
	set_up_exchange(d);
	task_init(&d->work, o->loop, work, d);
	task_init(&d->mailed, d->o.loop, tell_mailed, d);
	d->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, d);
	return &d->dest;
}
