#include "signin_pop3.h"

#include <stdio.h>

#include "base64.h"
#include "must.h"
#include "pop3_line.h"
#include "text.h"
#include "throttle.h"

void signin_init(struct signin *s, const struct source_options *o)
{
	*s = (struct signin){ .step = SIGNIN_GREETING, .o = o };
}

void signin_fini(struct signin *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
}

static enum signin_result failed(struct signin *s)
{
	signin_fini(s);
	s->step = SIGNIN_OVER;
	return SIGNIN_FAILED;
}

/* The engine has room for every command of a sign-in. */
static enum signin_result gave(struct signin *s, enum signin_step next, bool ok,
			       struct err *err)
{
	if (!ok) {
		err_set(err, ERR_CONFIG,
			"user name or secret cannot be sent: empty, or with a "
			"line break in it");
		return failed(s);
	}
	s->step = next;
	return SIGNIN_ON;
}

static enum signin_result ask_capa(struct signin *s, struct pop3 *p,
				   enum signin_step step, struct err *err)
{
	s->capabilities[0] = 0;
	return gave(s, step, pop3_capa(p), err);
}

void signin_secured(struct signin *s, struct pop3 *p)
{
	struct err none;

	pop3_secured(p);
	(void)ask_capa(s, p, SIGNIN_CAPA, &none);
}

static void note_capability(struct signin *s, struct view line)
{
	size_t n = strlen(s->capabilities);
	size_t left = sizeof(s->capabilities) - n;

	if (left < 16)
		return;
	if (n) {
		memcpy(s->capabilities + n, ", ", 3);
		n += 2;
		left -= 2;
	}
	printable(s->capabilities + n, left, line);
}

/* --- what was refused --- */

/* RFC 2449 6.5: how long, if the server told; 0: it did not. */
static uint64_t delay_ms(const struct pop3 *p)
{
	uint64_t ms = (uint64_t)pop3_caps(p)->login_delay_s * 1000;

	return ms < THROTTLE_MOST_MS ? ms : THROTTLE_MOST_MS;
}

static enum signin_result refused(struct signin *s, const struct pop3 *p,
				  const struct pop3_event *ev, struct err *err)
{
	enum err_class class = pop3_line_class(ev->cmd, ev->code);
	uint64_t wait_ms;

	err_set(err, class, "sign-in refused");
	err->origin = ERR_FROM_POP3;
	err_peer(err, ev->text);
	if (throttle_said(ev->text, &wait_ms)) /* CASES C9 */
		throttle_err(err, wait_ms);
	else if (ev->code == POP3_CODE_LOGIN_DELAY)
		throttle_err(err, delay_ms(p));
	else if (class == ERR_AUTH)
		err_remedy(err, "check user and secret (mailhaul passwd)");
	else if (ev->code == POP3_CODE_IN_USE)
		err_remedy(err, "another session holds the mailbox; it is "
				"tried again later");
	else if (class == ERR_RETRY)
		err_remedy(err, "the server has a fault that it says will "
				"pass; it is tried again later");
	else if (class == ERR_REFUSED)
		err_remedy(err, "the server has a fault that it says will not "
				"pass by itself: ask its provider");
	return failed(s);
}

static enum signin_result
stls_refused(struct signin *s, const struct pop3_event *ev, struct err *err)
{
	enum err_class class = pop3_line_class(ev->cmd, ev->code);

	err_set(err,
		class == ERR_RETRY || class == ERR_BUSY ? ERR_RETRY : ERR_TRUST,
		"the server does not start TLS (STLS)");
	err->origin = ERR_FROM_POP3;
	err_peer(err, ev->text);
	err_remedy(err, "use pop3s://, or write tls = \"none\" if a clear "
			"line is acceptable");
	return failed(s);
}

/* --- signing in --- */

static enum signin_result begin_auth(struct signin *s, struct pop3 *p,
				     enum mech mech, struct err *err)
{
	struct view name = mech_name(mech), first = { NULL, 0 };
	size_t octets = strlen(s->o->user) + s->o->secret->n + 2;

	s->sasl = sasl_new(mech, view_of(s->o->user), s->o->secret, err);
	if (!s->sasl)
		return failed(s);
	/* RFC 5034 4: not where the line would become too long */
	if (sizeof("AUTH  \r\n") - 1 + name.n + BASE64_OCTETS(octets) <=
	    POP3_AUTH_LINE)
		(void)sasl_first(s->sasl, &first);
	return gave(s, SIGNIN_AUTH, pop3_auth(p, name, first), err);
}

static enum signin_result not_offered(struct signin *s, struct view name,
				      struct err *err)
{
	err_set(err, ERR_AUTH, "the server does not offer AUTH %.*s",
		VIEW_ARG(name));
	err_remedy(err, "leave auth out: the best that is offered is used");
	return failed(s);
}

static enum signin_result begin(struct signin *s, struct pop3 *p,
				struct err *err)
{
	enum mech mech = mech_pick(pop3_caps(p)->sasl & SASL_MECHS, s->o->auth);

	if (s->o->endpoint.tls == TLS_NONE && !s->o->password_in_clear) {
		err_set(err, ERR_CONFIG,
			"a password is not sent over a clear line");
		return failed(s);
	}
	if (mech != MECH_NONE)
		return begin_auth(s, p, mech, err);
	if (s->o->auth != MECH_NONE)
		return not_offered(s, mech_name(s->o->auth), err);
	return gave(s, SIGNIN_USER, pop3_user(p, view_of(s->o->user)), err);
}

static enum signin_result answer(struct signin *s, struct pop3 *p,
				 const struct pop3_event *ev)
{
	struct view out;

	if (!sasl_step(s->sasl, ev->text, &out, &s->wrong))
		out = VIEW_LIT("*"); /* RFC 5034 4 */
	MUST(pop3_auth_answer(p, out));
	return SIGNIN_ON;
}

static enum signin_result signed_in(struct signin *s, struct pop3 *p,
				    struct err *err)
{
	const struct pop3_caps *caps = pop3_caps(p);

	signin_fini(s);
	if (s->capa_known &&
	    (!(caps->pipelining && caps->uidl) || caps->by_user))
		return ask_capa(s, p, SIGNIN_CAPA_AGAIN, err);
	s->step = SIGNIN_OVER;
	return SIGNIN_DONE;
}

static enum signin_result on_auth(struct signin *s, struct pop3 *p,
				  const struct pop3_event *ev, struct err *err)
{
	if (ev->type == POP3_EV_CHALLENGE)
		return answer(s, p, ev);
	if (s->wrong.class != ERR_NONE) {
		*err = s->wrong;
		return failed(s);
	}
	if (!ev->ok)
		return refused(s, p, ev, err);
	if (!sasl_done(s->sasl)) {
		err_set(err, ERR_PROTOCOL,
			"the server ends the sign-in before it is complete");
		return failed(s);
	}
	return signed_in(s, p, err);
}

/* Until the listing of capabilities ends: SIGNIN_ON. */
static bool capa_is_over(struct signin *s, const struct pop3_event *ev)
{
	if (ev->type == POP3_EV_CAPABILITY)
		note_capability(s, ev->text);
	if (ev->type == POP3_EV_END)
		s->capa_known = true;
	return ev->type == POP3_EV_END ||
	       (ev->type == POP3_EV_REPLY && !ev->ok);
}

enum signin_result signin_event(struct signin *s, struct pop3 *p,
				const struct pop3_event *ev, struct err *err)
{
	switch (s->step) {
	case SIGNIN_GREETING:
		if (s->o->endpoint.tls == TLS_STARTTLS)
			return gave(s, SIGNIN_STLS, pop3_stls(p), err);
		return ask_capa(s, p, SIGNIN_CAPA, err);
	case SIGNIN_STLS:
		if (ev->type == POP3_EV_TLS_WANTED)
			return SIGNIN_TLS;
		return stls_refused(s, ev, err);
	case SIGNIN_CAPA:
		if (!capa_is_over(s, ev))
			return SIGNIN_ON;
		/* RFC 6856 2.1: else it may rewrite headers, or refuse mail */
		if (pop3_caps(p)->utf8)
			return gave(s, SIGNIN_UTF8, pop3_utf8(p), err);
		return begin(s, p, err);
	case SIGNIN_UTF8: /* refused: mail as it was before RFC 6856 */
		return begin(s, p, err);
	case SIGNIN_AUTH:
		return on_auth(s, p, ev, err);
	case SIGNIN_USER:
		if (!ev->ok)
			return refused(s, p, ev, err);
		return gave(s, SIGNIN_PASS, pop3_pass(p, s->o->secret), err);
	case SIGNIN_PASS:
		return ev->ok ? signed_in(s, p, err) : refused(s, p, ev, err);
	case SIGNIN_CAPA_AGAIN:
		if (!capa_is_over(s, ev))
			return SIGNIN_ON;
		s->step = SIGNIN_OVER;
		return SIGNIN_DONE;
	case SIGNIN_OVER:
		break;
	}
	return SIGNIN_DONE;
}
