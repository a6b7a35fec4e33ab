#include "signin_imap.h"

#include "must.h"

void imap_signin_init(struct imap_signin *s, const struct source_options *o)
{
	*s = (struct imap_signin){ .step = IMAP_SIGNIN_GREETING, .o = o };
}

void imap_signin_fini(struct imap_signin *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
}

static enum imap_signin_result failed(struct imap_signin *s)
{
	imap_signin_fini(s);
	s->step = IMAP_SIGNIN_OVER;
	return IMAP_SIGNIN_FAILED;
}

static enum imap_signin_result gave(struct imap_signin *s,
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
	return IMAP_SIGNIN_ON;
}

/* --- TLS --- */

static enum imap_signin_result no_tls(struct imap_signin *s, struct view words,
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

static enum imap_signin_result start_tls(struct imap_signin *s, struct imap *p,
					 struct err *err)
{
	const struct imap_capabilities *c = imap_capabilities(p);

	if (c->known && !(c->can & IMAP_CAN_STARTTLS)) /* A1 */
		return no_tls(s, VIEW_NONE, ERR_TRUST, err);
	return gave(s, IMAP_SIGNIN_TLS, imap_starttls(p), err);
}

void imap_signin_secured(struct imap_signin *s, struct imap *p)
{
	imap_secured(p);
	MUST(imap_capability(p));
	s->step = IMAP_SIGNIN_CAPABILITY;
}

/* --- signing in --- */

static enum imap_signin_result not_offered(struct imap_signin *s,
					   struct err *err)
{
	err_set(err, ERR_AUTH,
		"the server offers no sign-in that is allowed "
		"here");
	if (s->o->auth != MECH_NONE)
		err_remedy(err, "leave auth out: the best that is offered is "
				"used");
	return failed(s);
}

static enum imap_signin_result authenticate(struct imap_signin *s,
					    struct imap *p, enum mech mech,
					    struct err *err)
{
	bool at_once = imap_capabilities(p)->can & IMAP_CAN_SASL_IR;
	struct view first;

	s->sasl = sasl_new(mech, view_of(s->o->user), s->o->secret, err);
	if (!s->sasl)
		return failed(s);
	at_once = at_once && sasl_first(s->sasl, &first);
	return gave(
		s, IMAP_SIGNIN_AUTH,
		imap_authenticate(p, mech_name(mech), at_once ? &first : NULL),
		err);
}

static enum imap_signin_result login(struct imap_signin *s, struct imap *p,
				     struct err *err)
{
	return gave(s, IMAP_SIGNIN_AUTH,
		    secret_is_set(s->o->secret) &&
			    imap_login(p, view_of(s->o->user),
				       secret_view(s->o->secret)),
		    err);
}

/* AUTHENTICATE PLAIN, LOGIN the command, AUTHENTICATE LOGIN: as few rounds. */
static enum imap_signin_result sign_in(struct imap_signin *s, struct imap *p,
				       struct err *err)
{
	const struct imap_capabilities *c = imap_capabilities(p);
	bool plain = s->o->auth != MECH_LOGIN;
	bool other = s->o->auth != MECH_PLAIN;

	if (s->o->endpoint.tls == TLS_NONE && !s->o->password_in_clear) {
		err_set(err, ERR_CONFIG,
			"a password is not sent over a clear line");
		return failed(s);
	}
	if (plain && c->sasl & MECH_BIT(MECH_PLAIN))
		return authenticate(s, p, MECH_PLAIN, err);
	if (other && c->can & IMAP_CAN_LOGIN)
		return login(s, p, err);
	if (other && c->sasl & MECH_BIT(MECH_LOGIN))
		return authenticate(s, p, MECH_LOGIN, err);
	return not_offered(s, err);
}

static enum imap_signin_result answer(struct imap_signin *s, struct imap *p,
				      const struct imap_event *ev)
{
	struct view out;

	if (s->sasl && sasl_step(s->sasl, ev->text, &out, &s->wrong))
		MUST(imap_answer(p, out));
	else
		MUST(imap_cancel(p)); /* RFC 3501 6.2.2 */
	return IMAP_SIGNIN_ON;
}

static enum imap_signin_result
refused(struct imap_signin *s, const struct imap_event *ev, struct err *err)
{
	enum err_class class = imap_refusal(ev->command, ev->status, ev->code);

	if (imap_not_now(ev, err)) /* CASES C9 */
		return failed(s);
	err_set(err, class, "sign-in refused");
	err->origin = ERR_FROM_IMAP;
	err_peer(err, ev->text);
	if (class == ERR_AUTH)
		err_remedy(err, "check user and secret (mailhaul passwd)");
	else if (class == ERR_RETRY)
		err_remedy(err, "it is tried again later");
	return failed(s);
}

static enum imap_signin_result
signed_in(struct imap_signin *s, const struct imap_event *ev, struct err *err)
{
	if (s->wrong.class != ERR_NONE) {
		*err = s->wrong;
		return failed(s);
	}
	if (ev->status != IMAP_OK)
		return refused(s, ev, err);
	if (s->sasl && !sasl_done(s->sasl)) {
		err_set(err, ERR_PROTOCOL,
			"the server ends the sign-in before it is complete");
		return failed(s);
	}
	imap_signin_fini(s);
	s->step = IMAP_SIGNIN_OVER;
	return IMAP_SIGNIN_DONE;
}

/* --- events --- */

static enum imap_signin_result greeted(struct imap_signin *s, struct imap *p,
				       const struct imap_event *ev,
				       struct err *err)
{
	if (ev->status == IMAP_PREAUTH) { /* A8 */
		err_set(err, ERR_TRUST,
			"the server signs in by itself (PREAUTH)");
		err_peer(err, ev->text);
		return failed(s);
	}
	if (s->o->endpoint.tls == TLS_STARTTLS)
		return start_tls(s, p, err);
	if (imap_capabilities(p)->known)
		return sign_in(s, p, err);
	return gave(s, IMAP_SIGNIN_CAPABILITY, imap_capability(p), err);
}

static enum imap_signin_result on_tagged(struct imap_signin *s, struct imap *p,
					 const struct imap_event *ev,
					 struct err *err)
{
	switch (s->step) {
	case IMAP_SIGNIN_TLS:
		return no_tls(s, ev->text,
			      imap_refusal(ev->command, ev->status, ev->code),
			      err);
	case IMAP_SIGNIN_CAPABILITY:
		return sign_in(s, p, err);
	case IMAP_SIGNIN_AUTH:
		return signed_in(s, ev, err);
	case IMAP_SIGNIN_GREETING:
	case IMAP_SIGNIN_OVER:
		break;
	}
	return IMAP_SIGNIN_ON;
}

enum imap_signin_result imap_signin_event(struct imap_signin *s, struct imap *p,
					  const struct imap_event *ev,
					  struct err *err)
{
	if (ev->type == IMAP_EV_GREETING)
		return greeted(s, p, ev, err);
	if (ev->type == IMAP_EV_TLS_WANTED)
		return IMAP_SIGNIN_SECURE;
	if (ev->type == IMAP_EV_CONTINUE)
		return answer(s, p, ev);
	if (ev->type == IMAP_EV_TAGGED)
		return on_tagged(s, p, ev, err);
	return IMAP_SIGNIN_ON;
}
