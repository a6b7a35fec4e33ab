#include "signin_pop3.h"

#include <stdio.h>
#include <stdlib.h>

#include "hash.h"
#include "must.h"
#include "pop3_line.h"
#include "text.h"
#include "throttle.h"

/* What an exchange answers, from an event or from the pool. */
static void say(void *who, struct view answer, bool cancel)
{
	struct pop3_signin *s = who;

	/* RFC 5034 4 */
	MUST(pop3_auth_answer(s->pop3, cancel ? VIEW_LIT("*") : answer));
	task_post(s->wake);
}

void pop3_signin_init(struct pop3_signin *s, const struct source_options *o,
		      struct pop3 *p, struct task *wake)
{
	const struct exchange_setup setup = {
		.loop = o->loop,
		.endpoint = &o->endpoint,
		.user = o->user,
		.secret = o->secret,
		.auth = o->auth,
		.password_in_clear = o->password_in_clear,
		.scram_before = o->scram_before,
		.service = "pop",
		.random = o->random,
		.answer = say,
		.who = s,
	};

	*s = (struct pop3_signin){
		.step = POP3_SIGNIN_GREETING, .o = o, .pop3 = p, .wake = wake
	};
	exchange_init(&s->exchange, &setup);
}

void pop3_signin_fini(struct pop3_signin *s)
{
	exchange_fini(&s->exchange);
}

static enum signin_result failed(struct pop3_signin *s)
{
	pop3_signin_fini(s);
	s->step = POP3_SIGNIN_OVER;
	return SIGNIN_FAILED;
}

/* The engine has room for every command of a sign-in. */
static enum signin_result gave(struct pop3_signin *s,
			       enum pop3_signin_step next, bool ok,
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

static enum signin_result ask_capa(struct pop3_signin *s,
				   enum pop3_signin_step step, struct err *err)
{
	s->capabilities[0] = 0;
	return gave(s, step, pop3_capa(s->pop3), err);
}

void pop3_signin_secured(struct pop3_signin *s)
{
	struct err none;

	pop3_secured(s->pop3);
	(void)ask_capa(s, POP3_SIGNIN_CAPA, &none);
}

static void note_capability(struct pop3_signin *s, struct view line)
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

static enum signin_result begin(struct pop3_signin *s, struct err *err);

static enum signin_result signed_in(struct pop3_signin *s, struct err *err)
{
	const struct pop3_caps *caps = pop3_caps(s->pop3);

	pop3_signin_fini(s);
	if (s->capa_known &&
	    (!(caps->pipelining && caps->uidl) || caps->by_user))
		return ask_capa(s, POP3_SIGNIN_CAPA_AGAIN, err);
	s->step = POP3_SIGNIN_OVER;
	return SIGNIN_DONE;
}

/* The answer to AUTH, PASS, APOP, or a refused USER. */
static enum signin_result judged(struct pop3_signin *s,
				 const struct pop3_event *ev, struct err *err)
{
	enum err_class class =
		ev->ok ? ERR_NONE : pop3_line_class(ev->cmd, ev->code);
	uint64_t wait_ms = 0;
	bool not_now = !ev->ok && throttle_said(ev->text, &wait_ms);

	if (not_now) /* CASES C9 */
		class = ERR_RETRY;
	switch (exchange_verdict(&s->exchange, ev->ok, class, ERR_FROM_POP3,
				 ev->text, err)) {
	case EXCHANGE_DONE:
		return signed_in(s, err);
	case EXCHANGE_AGAIN:
		return begin(s, err);
	case EXCHANGE_FAILED:
		break;
	}
	if (not_now)
		throttle_err(err, wait_ms);
	else if (ev->code == POP3_CODE_LOGIN_DELAY)
		throttle_err(err, delay_ms(s->pop3));
	else if (ev->code == POP3_CODE_IN_USE)
		err_remedy(err, "another session holds the mailbox; it is "
				"tried again later");
	else if (err->class == ERR_RETRY)
		err_remedy(err, "the server has a fault that it says will "
				"pass; it is tried again later");
	else if (err->class == ERR_REFUSED)
		err_remedy(err, "the server has a fault that it says will not "
				"pass by itself: ask its provider");
	return failed(s);
}

static enum signin_result stls_refused(struct pop3_signin *s,
				       const struct pop3_event *ev,
				       struct err *err)
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

static enum signin_result begin_auth(struct pop3_signin *s, struct err *err)
{
	struct exchange *x = &s->exchange;
	struct view name = mech_name(x->mech), first = { NULL, 0 };
	/*
	 * RFC 5034 4: not where the line would become too long. Microsoft wants
	 * XOAUTH2 in two lines at any length (learn.microsoft.com,
	 * "Authenticate an IMAP, POP or SMTP connection using OAuth", 2024-09).
	 */
	size_t room = POP3_AUTH_LINE - (sizeof("AUTH  \r\n") - 1) - name.n;

	if (!exchange_begin(x, s->stream, err))
		return failed(s);
	if (x->mech != MECH_XOAUTH2)
		(void)exchange_first(x, room, &first);
	return gave(s, POP3_SIGNIN_AUTH, pop3_auth(s->pop3, name, first), err);
}

/* RFC 1939 7 */
static enum signin_result begin_apop(struct pop3_signin *s, struct err *err)
{
	struct view secret = secret_view(s->o->secret);
	size_t n = strlen(s->stamp);
	char *clear = mem_new(n + secret.n);
	char digest[33];
	bool ok;

	memcpy(clear, s->stamp, n);
	memcpy(clear + n, secret.p, secret.n);
	n += secret.n;
	ok = hash_md5_hex((struct view){ clear, n }, digest);
	secret_wipe(clear, n);
	free(clear);
	if (!ok) {
		err_set(err, ERR_CONFIG, "this system's libcrypto has no MD5");
		return failed(s);
	}
	return gave(s, POP3_SIGNIN_PASS,
		    pop3_apop(s->pop3, view_of(s->o->user), view_of(digest)),
		    err);
}

/*
 * USER is taken for offered where nothing else is and CAPA does not exist, or
 * lists it, or lists no way at all: it is what RFC 1939 has.
 */
static unsigned offered(const struct pop3_signin *s)
{
	const struct pop3_caps *caps = pop3_caps(s->pop3);
	unsigned bits = caps->sasl;

	if (caps->user || !caps->sasl_told)
		bits |= MECH_BIT(MECH_USER);
	if (s->stamp[0])
		bits |= MECH_BIT(MECH_APOP);
	return bits;
}

static enum signin_result begin(struct pop3_signin *s, struct err *err)
{
	enum mech mech =
		exchange_pick(&s->exchange, offered(s), s->stream, err);

	if (mech == MECH_NONE)
		return failed(s);
	if (mech == MECH_APOP)
		return begin_apop(s, err);
	if (mech != MECH_USER)
		return begin_auth(s, err);
	return gave(s, POP3_SIGNIN_USER,
		    pop3_user(s->pop3, view_of(s->o->user)), err);
}

static enum signin_result on_auth(struct pop3_signin *s,
				  const struct pop3_event *ev, struct err *err)
{
	if (ev->type != POP3_EV_CHALLENGE)
		return judged(s, ev, err);
	exchange_challenge(&s->exchange, ev->text);
	return SIGNIN_ON;
}

/* Until the listing of capabilities ends: SIGNIN_ON. */
static bool capa_is_over(struct pop3_signin *s, const struct pop3_event *ev)
{
	if (ev->type == POP3_EV_CAPABILITY)
		note_capability(s, ev->text);
	if (ev->type == POP3_EV_END)
		s->capa_known = true;
	return ev->type == POP3_EV_END ||
	       (ev->type == POP3_EV_REPLY && !ev->ok);
}

static void greeted(struct pop3_signin *s, struct view text)
{
	struct view stamp = pop3_stamp(text);

	if (stamp.n < sizeof(s->stamp))
		memcpy(s->stamp, stamp.p, stamp.n);
}

enum signin_result pop3_signin_event(struct pop3_signin *s,
				     const struct stream *stream,
				     const struct pop3_event *ev,
				     struct err *err)
{
	s->stream = stream;
	switch (s->step) {
	case POP3_SIGNIN_GREETING:
		greeted(s, ev->text);
		if (s->o->endpoint.tls == TLS_STARTTLS)
			return gave(s, POP3_SIGNIN_STLS, pop3_stls(s->pop3),
				    err);
		return ask_capa(s, POP3_SIGNIN_CAPA, err);
	case POP3_SIGNIN_STLS:
		if (ev->type == POP3_EV_TLS_WANTED)
			return SIGNIN_SECURE;
		return stls_refused(s, ev, err);
	case POP3_SIGNIN_CAPA:
		if (!capa_is_over(s, ev))
			return SIGNIN_ON;
		/* RFC 6856 2.1: else it may rewrite headers, or refuse mail */
		if (pop3_caps(s->pop3)->utf8)
			return gave(s, POP3_SIGNIN_UTF8, pop3_utf8(s->pop3),
				    err);
		return begin(s, err);
	case POP3_SIGNIN_UTF8: /* refused: mail as it was before RFC 6856 */
		return begin(s, err);
	case POP3_SIGNIN_AUTH:
		return on_auth(s, ev, err);
	case POP3_SIGNIN_USER:
		if (!ev->ok)
			return judged(s, ev, err);
		return gave(s, POP3_SIGNIN_PASS,
			    pop3_pass(s->pop3, s->o->secret), err);
	case POP3_SIGNIN_PASS:
		return judged(s, ev, err);
	case POP3_SIGNIN_CAPA_AGAIN:
		if (!capa_is_over(s, ev))
			return SIGNIN_ON;
		s->step = POP3_SIGNIN_OVER;
		return SIGNIN_DONE;
	case POP3_SIGNIN_OVER:
		break;
	}
	return SIGNIN_DONE;
}
