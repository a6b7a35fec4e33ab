#include "signin_smtp.h"

#include "must.h"

/* RFC 4954 4: an AUTH line is not longer than 12288 octets. */
#define AUTH_FIRST_OCTETS 12000u

/* What an exchange answers, from an event or from the pool. */
static void say(void *who, struct view answer, bool cancel)
{
	struct smtp_signin *s = who;

	MUST(cancel ? smtp_cancel(s->smtp) : smtp_answer(s->smtp, answer));
	task_post(s->wake);
}

void smtp_signin_init(struct smtp_signin *s)
{
	const struct exchange_setup setup = {
		.loop = s->o->loop,
		.endpoint = &s->o->endpoint,
		.user = s->o->user,
		.secret = s->o->secret,
		.auth = s->o->auth,
		.password_in_clear = s->o->password_in_clear,
		.service = "smtp",
		.random = s->o->random,
		.answer = say,
		.who = s,
	};

	s->handover.client = s->o->client;
	exchange_init(&s->exchange, &setup);
}

void smtp_signin_fini(struct smtp_signin *s)
{
	exchange_fini(&s->exchange);
}

static enum signin_result failed(struct smtp_signin *s)
{
	smtp_signin_fini(s);
	return SIGNIN_FAILED;
}

static enum signin_result done(struct smtp_signin *s)
{
	smtp_signin_fini(s);
	return SIGNIN_DONE;
}

/* --- signing in --- */

static enum signin_result sign_in(struct smtp_signin *s, struct err *err)
{
	unsigned offered = mech_offered(smtp_auth_names(s->smtp));
	struct exchange *x = &s->exchange;
	struct view first = { NULL, 0 };

	if (exchange_pick(x, offered, s->stream, err) == MECH_NONE ||
	    !exchange_begin(x, s->stream, err))
		return failed(s);
	(void)exchange_first(x, AUTH_FIRST_OCTETS, &first);
	s->trace(s->who, "AUTH ***");
	MUST(smtp_auth(s->smtp, mech_name(x->mech), first));
	return SIGNIN_ON;
}

static enum signin_result on_auth(struct smtp_signin *s,
				  const struct smtp_event *ev, struct err *err)
{
	enum err_class class =
		ev->reply->code / 100 == 4 ? ERR_RETRY : ERR_AUTH;
	char shown[600];

	reply_show(ev->reply, shown, sizeof(shown));
	switch (exchange_verdict(&s->exchange, ev->ok, class, ERR_FROM_SMTP,
				 view_of(shown), err)) {
	case EXCHANGE_DONE:
		return done(s);
	case EXCHANGE_AGAIN:
		return sign_in(s, err);
	case EXCHANGE_FAILED:
		break;
	}
	err->code = ev->reply->code;
	return failed(s);
}

/* --- EHLO, STARTTLS, XCLIENT --- */

static enum signin_result hello(struct smtp_signin *s, struct err *err)
{
	char text[64];
	struct view own = view_of(s->o->hostname);

	s->hello_ms = loop_now_ms(s->o->loop);
	s->trace(s->who, s->o->lmtp ? "LHLO" : "EHLO");
	if (smtp_ehlo(s->smtp, handover_name(&s->handover, own, text)))
		return SIGNIN_ON;
	err_set(err, ERR_CONFIG, "the host name cannot be sent in EHLO");
	err_remedy(err, "set `hostname` to a name without spaces");
	return failed(s);
}

enum signin_result smtp_signin_secured(struct smtp_signin *s, struct err *err)
{
	smtp_secured(s->smtp);
	return hello(s, err);
}

static enum signin_result hand_over(struct smtp_signin *s,
				    enum handover_step step, struct err *err)
{
	switch (step) {
	case HANDOVER_SAID:
		s->trace(s->who, "XCLIENT");
		return SIGNIN_ON;
	case HANDOVER_GREETED:
		return hello(s, err);
	case HANDOVER_GOES_ON:
		return s->o->user ? sign_in(s, err) : done(s);
	case HANDOVER_REFUSED:
		return done(s);
	case HANDOVER_DEFERRED: /* SMTP_EV_BYE follows */
		break;
	}
	return SIGNIN_ON;
}

/* The first of what is said there: who it is, or who we are, is not liked. */
static enum signin_result
greeting_refused(struct smtp_signin *s, const struct reply *r, struct err *err)
{
	reply_err(r, err, "the server refuses us");
	if (r->code / 100 == 5)
		err_remedy(err, "its operator knows why: perhaps it takes no "
				"mail from this address (a blocklist), or "
				"none at this port");
	return failed(s);
}

static enum signin_result hello_refused(struct smtp_signin *s,
					const struct reply *r, struct err *err)
{
	bool unknown = r->code == 500 || r->code == 502;

	reply_err(r, err, s->o->lmtp ? "LHLO was refused" : "EHLO was refused");
	if (unknown)
		err_remedy(err, s->o->lmtp ? "if an SMTP server answers there, "
					     "write smtp:// in `server`"
					   : "if an LMTP server answers there, "
					     "write lmtp:// in `server`");
	else if (r->code / 100 == 5)
		err_remedy(err, "set `hostname` to the full name of this "
				"machine, as the DNS has it");
	return failed(s);
}

static enum signin_result on_hello(struct smtp_signin *s,
				   const struct smtp_event *ev, struct err *err)
{
	s->trip_ms = (uint32_t)(loop_now_ms(s->o->loop) - s->hello_ms);
	if (!ev->ok && s->handover.done && ev->reply->code != 421) {
		handover_refuse(&s->handover, ev->reply);
		return done(s);
	}
	if (!ev->ok)
		return hello_refused(s, ev->reply, err);
	if (s->line == SMTP_LINE_STARTTLS && !stream_is_tls(s->stream)) {
		s->trace(s->who, "STARTTLS");
		MUST(smtp_starttls(s->smtp));
		return SIGNIN_ON;
	}
	return hand_over(s, handover_say(&s->handover, s->smtp), err);
}

/* --- events --- */

static enum signin_result on_reply(struct smtp_signin *s,
				   const struct smtp_event *ev, struct err *err)
{
	switch (ev->cmd) {
	case SMTP_CMD_EHLO:
		return on_hello(s, ev, err);
	case SMTP_CMD_AUTH:
		return on_auth(s, ev, err);
	case SMTP_CMD_XCLIENT:
		return hand_over(
			s, handover_reply(&s->handover, s->smtp, ev->reply),
			err);
	case SMTP_CMD_STARTTLS: /* refused: the engine fails instead */
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_DATA:
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
	case SMTP_CMD_RSET:
	case SMTP_CMD_NOOP:
	case SMTP_CMD_QUIT:
		break;
	}
	return SIGNIN_ON;
}

enum signin_result smtp_signin_event(struct smtp_signin *s,
				     const struct smtp_event *ev,
				     struct err *err)
{
	switch (ev->type) {
	case SMTP_EV_GREETING:
		if (ev->ok)
			return hello(s, err);
		return greeting_refused(s, ev->reply, err);
	case SMTP_EV_REPLY:
		return on_reply(s, ev, err);
	case SMTP_EV_CHALLENGE:
		exchange_challenge(&s->exchange, ev->words);
		return SIGNIN_ON;
	case SMTP_EV_TLS_WANTED:
		return SIGNIN_SECURE;
	case SMTP_EV_GO_AHEAD:
	case SMTP_EV_BYE:
	case SMTP_EV_CLOSED:
	case SMTP_EV_FAILED:
		break;
	}
	return SIGNIN_ON;
}
