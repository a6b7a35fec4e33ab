#include "signin_imap.h"

#include "must.h"

/* Of an initial response: RFC 7162 4 gives a command line 8192 octets. */
#define IMAP_FIRST_OCTETS 8000u

/* What an exchange answers, from an event or from the pool. */
static void say(void *who, struct view answer, bool cancel)
{
	struct imap_signin *s = who;

	/* RFC 3501 6.2.2 */
	MUST(cancel ? imap_cancel(s->imap) : imap_answer(s->imap, answer));
	task_post(s->wake);
}

void imap_signin_init(struct imap_signin *s, const struct source_options *o,
		      struct imap *p, struct task *wake)
{
	const struct exchange_setup setup = {
		.loop = o->loop,
		.endpoint = &o->endpoint,
		.user = o->user,
		.secret = o->secret,
		.auth = o->auth,
		.password_in_clear = o->password_in_clear,
		.scram_before = o->scram_before,
		.service = "imap",
		.random = o->random,
		.answer = say,
		.who = s,
	};

	*s = (struct imap_signin){
		.step = IMAP_SIGNIN_GREETING, .o = o, .imap = p, .wake = wake
	};
	exchange_init(&s->exchange, &setup);
}

void imap_signin_fini(struct imap_signin *s)
{
	exchange_fini(&s->exchange);
}

static enum signin_result failed(struct imap_signin *s)
{
	imap_signin_fini(s);
	s->step = IMAP_SIGNIN_OVER;
	return SIGNIN_FAILED;
}

static enum signin_result gave(struct imap_signin *s,
			       enum imap_signin_step next, bool ok,
			       struct err *err)
{
	if (!ok) {
		err_set(err, ERR_CONFIG,
			"user name or secret cannot be sent: empty, too long, "
			"or with a NUL in it");
		return failed(s);
	}
	s->step = next;
	return SIGNIN_ON;
}

/* --- TLS --- */

static enum signin_result no_tls(struct imap_signin *s, struct view words,
				 enum err_class class, struct err *err)
{
	err_set(err, class == ERR_RETRY ? ERR_RETRY : ERR_TRUST,
		"the server does not start TLS (STARTTLS)");
	err->origin = ERR_FROM_IMAP;
	err_peer(err, words);
	err_remedy(err, "use imaps://, or write tls = \"none\" if a clear line "
			"is acceptable");
	return failed(s);
}

static enum signin_result start_tls(struct imap_signin *s, struct err *err)
{
	const struct imap_capabilities *c = imap_capabilities(s->imap);

	if (c->known && !(c->can & IMAP_CAN_STARTTLS)) /* A1 */
		return no_tls(s, VIEW_NONE, ERR_TRUST, err);
	return gave(s, IMAP_SIGNIN_TLS, imap_starttls(s->imap), err);
}

void imap_signin_secured(struct imap_signin *s)
{
	imap_secured(s->imap);
	MUST(imap_capability(s->imap));
	s->step = IMAP_SIGNIN_CAPABILITY;
}

/* --- signing in --- */

static enum signin_result authenticate(struct imap_signin *s, struct err *err)
{
	bool at_once = imap_capabilities(s->imap)->can & IMAP_CAN_SASL_IR;
	struct exchange *x = &s->exchange;
	struct view first;

	if (!exchange_begin(x, s->stream, err))
		return failed(s);
	at_once = at_once && exchange_first(x, IMAP_FIRST_OCTETS, &first);
	s->said = at_once && x->mech == MECH_PLAIN;
	return gave(s, IMAP_SIGNIN_AUTH,
		    imap_authenticate(s->imap, mech_name(x->mech),
				      at_once ? &first : NULL),
		    err);
}

static enum signin_result login(struct imap_signin *s, struct err *err)
{
	s->said = true;
	return gave(s, IMAP_SIGNIN_AUTH,
		    secret_is_set(s->o->secret) &&
			    imap_login(s->imap, view_of(s->o->user),
				       secret_view(s->o->secret)),
		    err);
}

/* LOGIN the command before AUTHENTICATE LOGIN: as few rounds. */
static enum signin_result sign_in(struct imap_signin *s, struct err *err)
{
	const struct imap_capabilities *c = imap_capabilities(s->imap);
	bool command = c->can & IMAP_CAN_LOGIN;
	unsigned offered = c->sasl | (command ? MECH_BIT(MECH_LOGIN) : 0);
	enum mech mech = exchange_pick(&s->exchange, offered, s->stream, err);

	if (mech == MECH_NONE)
		return failed(s);
	return mech == MECH_LOGIN && command ? login(s, err)
					     : authenticate(s, err);
}

static enum signin_result
signed_in(struct imap_signin *s, const struct imap_event *ev, struct err *err)
{
	bool ok = ev->status == IMAP_OK;
	enum err_class class =
		ok ? ERR_NONE : imap_refusal(ev->command, ev->status, ev->code);

	if (!ok && imap_not_now(ev, err)) /* CASES C9 */
		return failed(s);
	switch (exchange_verdict(&s->exchange, ok, class, ERR_FROM_IMAP,
				 ev->text, err)) {
	case EXCHANGE_DONE:
		break;
	case EXCHANGE_AGAIN:
		return sign_in(s, err);
	case EXCHANGE_FAILED:
		return failed(s);
	}
	imap_signin_fini(s);
	s->step = IMAP_SIGNIN_OVER;
	return SIGNIN_DONE;
}

/* --- behind it --- */

/*
 * Dovecot hands on what it has read of a client to whoever serves it next, its
 * own process or another server (dovecot/core, src/login-common/sasl-server.c
 * and login-proxy.c, 2.2 to 2.3, read 2026-11-22).
 */
static bool hands_on(struct view greeting)
{
	return view_ifind(greeting, VIEW_LIT("dovecot")) < greeting.n;
}

bool imap_signin_may_follow(const struct imap_signin *s)
{
	return s->step == IMAP_SIGNIN_AUTH && s->hands_on && s->said &&
	       !s->followed;
}

void imap_signin_follow(struct imap_signin *s)
{
	s->followed = true;
}

/* --- events --- */

static enum signin_result greeted(struct imap_signin *s,
				  const struct imap_event *ev, struct err *err)
{
	if (ev->status == IMAP_PREAUTH) { /* A8 */
		err_set(err, ERR_TRUST,
			"the server signs in by itself (PREAUTH)");
		err_peer(err, ev->text);
		return failed(s);
	}
	s->hands_on = hands_on(ev->text);
	if (s->o->endpoint.tls == TLS_STARTTLS)
		return start_tls(s, err);
	if (imap_capabilities(s->imap)->known)
		return sign_in(s, err);
	return gave(s, IMAP_SIGNIN_CAPABILITY, imap_capability(s->imap), err);
}

static enum signin_result out_of_order(struct imap_signin *s, const char *what,
				       struct err *err)
{
	err_set(err, ERR_PROTOCOL, "%s", what);
	err->origin = ERR_FROM_IMAP;
	return failed(s);
}

static enum signin_result
on_verdict(struct imap_signin *s, const struct imap_event *ev, struct err *err)
{
	if (ev->command == IMAP_LOGIN || ev->command == IMAP_AUTHENTICATE)
		return signed_in(s, ev, err);
	if (ev->command == IMAP_ID)
		return SIGNIN_ON;
	return out_of_order(s,
			    "the server answers before it says whether we "
			    "are signed in",
			    err);
}

static enum signin_result
on_tagged(struct imap_signin *s, const struct imap_event *ev, struct err *err)
{
	switch (s->step) {
	case IMAP_SIGNIN_TLS:
		return no_tls(s, ev->text,
			      imap_refusal(ev->command, ev->status, ev->code),
			      err);
	case IMAP_SIGNIN_CAPABILITY:
		return sign_in(s, err);
	case IMAP_SIGNIN_AUTH:
		return on_verdict(s, ev, err);
	case IMAP_SIGNIN_GREETING:
	case IMAP_SIGNIN_OVER:
		break;
	}
	return SIGNIN_ON;
}

enum signin_result imap_signin_event(struct imap_signin *s,
				     const struct stream *stream,
				     const struct imap_event *ev,
				     struct err *err)
{
	s->stream = stream;
	if (ev->type == IMAP_EV_GREETING)
		return greeted(s, ev, err);
	if (ev->type == IMAP_EV_TLS_WANTED)
		return SIGNIN_SECURE;
	if (ev->type == IMAP_EV_CONTINUE && s->followed)
		return out_of_order(s,
				    "the server asks where nothing is to be "
				    "asked",
				    err);
	if (ev->type == IMAP_EV_CONTINUE)
		exchange_challenge(&s->exchange, ev->text);
	if (ev->type == IMAP_EV_TAGGED)
		return on_tagged(s, ev, err);
	return SIGNIN_ON;
}
