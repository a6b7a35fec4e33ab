#include "dest.h"
#include "enquiry.h"
#include "habit.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "outbox.h"
#include "remedy.h"
#include "signin_smtp.h"
#include "srs.h"

#include <stdio.h>
#include <stdlib.h>

enum phase {
	PHASE_OPENING,
	PHASE_SIGNIN, /* from the greeting on */
	PHASE_READY,
	PHASE_OVER, /* the stream is being closed; nothing is said any more */
};

struct dest_smtp {
	struct dest dest;
	struct dest_options o;
	const struct dest_reports *reports;
	void *who;
	enum phase phase;
	struct stream *stream;
	struct smtp *smtp;     /* NULL before it is connected */
	struct outbox *outbox; /* NULL before it is ready */
	struct smtp_signin signin;
	struct enquiry enquiry;
	struct habit *habit;
	struct err err; /* why it ends; ERR_NONE */
	bool orderly;	/* the server took its leave */
	bool quitting, finishing;
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
	smtp_signin_fini(&d->signin); /* the pool may answer before `closed` */
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
	smtp_signin_fini(&d->signin);
	enquiry_fini(&d->enquiry);
	free(d);
}

/* --- the dialogue for people --------------------------------------------- */

static void trace(const struct dest_smtp *d, const char *key, const char *line)
{
	struct log_line l;

	if (!d->o.trace || !log_begin(&l, LOG_DEBUG, "dialogue"))
		return;
	log_str(&l, "delivery", d->o.trace);
	log_str(&l, key, line);
	log_end(&l);
}

/* One of ours. */
static void on_line(void *who, const char *line)
{
	trace(who, "command", line);
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
		.trace = d->o.trace ? on_line : NULL,
		.who = d,
	};
	struct dest_ready r = {
		.tells_mailed = !chunking,
		.trip_ms = d->signin.trip_ms,
		.window = chunking ? LIMIT_WINDOW_BDAT : LIMIT_WINDOW_DATA,
		.max_octets = smtp_size_limit(d->smtp),
		.offers_xclient = smtp_caps(d->smtp) & SMTP_CAP_XCLIENT,
		.not_handed = d->signin.handover.not_handed,
	};
	struct text words;

	d->phase = PHASE_READY;
	d->outbox = outbox_new(&o);
	text_init(&words, sizeof(r.capabilities) - 1);
	smtp_describe(d->smtp, &words);
	(void)snprintf(r.capabilities, sizeof(r.capabilities), "%s",
		       text_str(&words));
	text_fini(&words);
	d->reports->ready(d->who, &r);
}

/* --- events -------------------------------------------------------------- */

static void on_signin(struct dest_smtp *d, enum signin_result result)
{
	switch (result) {
	case SIGNIN_ON:
		return;
	case SIGNIN_SECURE:
		stream_start_tls(d->stream);
		return;
	case SIGNIN_DONE:
		become_ready(d);
		return;
	case SIGNIN_FAILED:
		over(d);
		return;
	}
}

static void sign_in(struct dest_smtp *d, const struct smtp_event *ev)
{
	on_signin(d, smtp_signin_event(&d->signin, ev, &d->err));
}

/* Every message would meet with it (CASES G13). */
static bool demands(struct dest_smtp *d, const struct smtp_event *ev)
{
	char shown[600];

	if (ev->cmd != SMTP_CMD_MAIL || ev->ok)
		return false;
	reply_show(ev->reply, shown, sizeof(shown));
	return remedy_demand(ev->reply->code, view_of(shown), &d->err);
}

static void on_mail_reply(struct dest_smtp *d, const struct smtp_event *ev)
{
	if (enquiry_is_open(&d->enquiry)) {
		enquiry_reply(&d->enquiry, ev);
	} else if (demands(d, ev)) {
		over(d);
	} else {
		outbox_event(d->outbox, ev);
	}
}

static void on_reply(struct dest_smtp *d, const struct smtp_event *ev)
{
	switch (ev->cmd) {
	case SMTP_CMD_EHLO:
	case SMTP_CMD_STARTTLS:
	case SMTP_CMD_AUTH:
	case SMTP_CMD_XCLIENT:
		sign_in(d, ev);
		return;
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_DATA:
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
	case SMTP_CMD_RSET:
		on_mail_reply(d, ev);
		return;
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
	case SMTP_EV_CHALLENGE:
	case SMTP_EV_TLS_WANTED:
		sign_in(d, ev);
		return;
	case SMTP_EV_REPLY:
		on_reply(d, ev);
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

static void push(struct dest_smtp *d)
{
	const struct handover *client = &d->signin.handover;

	if (d->phase != PHASE_READY || d->finishing)
		return;
	if (client->refused)
		outbox_refuse(d->outbox, client->refused, client->words);
	if (enquiry_is_open(&d->enquiry) && outbox_is_empty(d->outbox))
		enquiry_push(&d->enquiry, d->smtp);
	else if (outbox_push(d->outbox) == OUTBOX_CUT)
		fail(d, ERR_RETRY, "a message could not be sent to its end",
		     NULL);
	if (d->phase != PHASE_READY || !d->quitting ||
	    enquiry_is_open(&d->enquiry) || !outbox_is_empty(d->outbox))
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
	enum smtp_line line = line_of(d);

	d->smtp = smtp_new(d->o.lmtp ? SMTP_KIND_LMTP : SMTP_KIND_SMTP, line);
	smtp_forgo(d->smtp, habit_forgone(d->habit));
	d->signin = (struct smtp_signin){
		.o = &d->o,
		.smtp = d->smtp,
		.stream = d->stream,
		.line = line,
		.wake = &d->work,
		.trace = on_line,
		.who = d,
	};
	smtp_signin_init(&d->signin);
	d->phase = PHASE_SIGNIN;
}

static void port_secured(void *who)
{
	struct dest_smtp *d = who;

	on_signin(d, smtp_signin_secured(&d->signin, &d->err));
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

	enquiry_ask(&d->enquiry, sender, rcpts);
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

struct dest *dest_smtp_open(const struct dest_options *o,
			    const struct dest_reports *r, void *who)
{
	struct dest_smtp *d = mem_new(sizeof(*d));

	d->dest.ops = &ops;
	d->o = *o;
	d->reports = r;
	d->who = who;
	d->habit = habit_of(&o->endpoint);
	d->enquiry = (struct enquiry){ .reports = r, .who = who };
	task_init(&d->work, o->loop, work, d);
	task_init(&d->mailed, d->o.loop, tell_mailed, d);
	d->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, d);
	return &d->dest;
}
