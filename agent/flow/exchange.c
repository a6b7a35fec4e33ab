#include "exchange.h"

#include <stdlib.h>

#include "base64.h"
#include "habit.h"
#include "hash.h"
#include "log.h"
#include "must.h"
#include "text.h"

/* A step on the pool; outlives the exchange if it must. */
struct exchange_step {
	struct exchange *exchange; /* NULL: nobody waits any more */
	struct sasl *sasl;	   /* owned meanwhile */
	char *challenge;	   /* owned */
	size_t n;
	bool ok;
	struct view answer;
	struct err err;
};

void exchange_init(struct exchange *x, const struct exchange_setup *setup)
{
	*x = (struct exchange){ .setup = *setup };
}

static void stop(struct exchange *x)
{
	sasl_free(x->sasl);
	x->sasl = NULL;
	if (x->step)
		x->step->exchange = NULL;
	x->step = NULL;
}

void exchange_fini(struct exchange *x)
{
	stop(x);
}

/* --- the choice --- */

/*
 * tls-exporter where there is TLS 1.3 (RFC 9266), before it tls-unique, which
 * servers know best, then tls-server-end-point.
 */
static size_t bound(const struct stream *stream, uint8_t data[TLS_BINDING_MAX],
		    struct view *type)
{
	static const struct {
		enum tls_binding kind;
		struct view type;
	} kinds[] = {
		{ BINDING_TLS_EXPORTER, VIEW_LIT("tls-exporter") },
		{ BINDING_TLS_UNIQUE, VIEW_LIT("tls-unique") },
		{ BINDING_TLS_SERVER_END_POINT,
		  VIEW_LIT("tls-server-end-point") },
	};
	size_t n = 0;

	for (size_t i = 0; stream && !n && i < 3; i++) {
		*type = kinds[i].type;
		n = stream_binding(stream, kinds[i].kind, data);
	}
	return n;
}

static void list_offered(unsigned offered, struct text *out)
{
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++)
		if (offered & MECH_BIT(m))
			text_fmt(out, "%s%.*s", out->n ? ", " : "",
				 VIEW_ARG(mech_name((enum mech)m)));
	if (!out->n)
		text_puts(out, "nothing that is known here");
}

static void what_to_write(const struct exchange *x, struct err *err)
{
	unsigned o = x->offered;

	if (x->setup.auth != MECH_NONE && o & MECH_BITS_AUTO)
		err_remedy(err, "leave auth out: the best that is offered is "
				"used");
	else if (o & MECH_BIT(MECH_XOAUTH2))
		err_remedy(err, "write auth = \"xoauth2\" and let the secret "
				"be an access token (password_command)");
	else if (o & MECH_BIT(MECH_OAUTHBEARER))
		err_remedy(err, "write auth = \"oauthbearer\" and let the "
				"secret be an access token (password_command)");
	else if (o & MECH_BIT(MECH_CRAM_MD5))
		err_remedy(err, "write auth = \"cram-md5\", if nothing better "
				"can be switched on there");
	else if (o & MECH_BIT(MECH_EXTERNAL))
		err_remedy(err, "write client_cert and auth = \"external\"");
	else if (o & MECH_BIT(MECH_GSSAPI))
		err_remedy(err, "write auth = \"gssapi\" and get a ticket");
	else if (strcmp(x->setup.service, "smtp") == 0)
		err_remedy(err, "leave `user` out if it wants no sign-in, else "
				"write its port for submission "
				"(submissions://, submission://)");
	else
		err_remedy(err, "ask the provider whether this mailbox may be "
				"used so, and on which port");
}

static enum mech not_offered(const struct exchange *x, struct err *err)
{
	struct view name = mech_name(x->setup.auth);
	struct text list;

	text_init(&list, 200);
	list_offered(x->offered, &list);
	if (x->setup.auth == MECH_NONE)
		err_set(err, ERR_AUTH,
			"the server offers no sign-in that is used unasked (it "
			"offers %s)",
			text_str(&list));
	else
		err_set(err, ERR_AUTH,
			"the server does not offer %.*s (it offers %s)",
			VIEW_ARG(name), text_str(&list));
	text_fini(&list);
	what_to_write(x, err);
	return MECH_NONE;
}

static enum mech cannot_bind(const struct exchange *x, struct err *err)
{
	err_set(err, ERR_CONFIG,
		"%.*s needs TLS, and this line gives it no "
		"channel binding",
		VIEW_ARG(mech_name(x->setup.auth)));
	err_remedy(err, "use a server address with TLS, or leave auth out");
	return MECH_NONE;
}

/* CASES C1: allowed, under a TLS that was checked; but somebody is to know. */
static void warn_if_weaker(struct exchange *x)
{
	const struct exchange_setup *s = &x->setup;
	struct log_line l;

	if (s->auth != MECH_NONE || x->offered & MECH_BITS_SCRAM ||
	    !(s->scram_before || habit_had_scram(habit_of(s->endpoint))) ||
	    !log_begin(&l, LOG_WARNING, "signin_weaker"))
		return;
	log_str(&l, "user", s->user);
	log_str(&l, "host", s->endpoint->host);
	log_view(&l, "auth", mech_name(x->mech));
	log_str(&l, "reason",
		"the server offered SCRAM before, and does no more");
	log_end(&l);
	x->warned = true;
}

enum mech exchange_pick(struct exchange *x, unsigned offered,
			const struct stream *stream, struct err *err)
{
	const struct exchange_setup *s = &x->setup;
	bool named = MECH_BIT(s->auth) & MECH_BITS_SCRAM_PLUS;
	uint8_t data[TLS_BINDING_MAX];
	struct view type;

	x->offered = offered;
	/* taking the data is a derivation of keys: only where SCRAM asks */
	x->is_bound = (named || offered & MECH_BITS_SCRAM) &&
		      bound(stream, data, &type) > 0;
	if (!stream_is_tls(stream) && !s->password_in_clear) {
		err_set(err, ERR_TRUST,
			"a password is not sent over a clear line");
		err_remedy(err, "use a server address with TLS, or write tls = "
				"\"none\"");
		return MECH_NONE;
	}
	if (named && !x->is_bound)
		return cannot_bind(x, err);
	if (!named && (!x->is_bound || x->without_plus ||
		       habit_refused_plus(habit_of(s->endpoint))))
		offered &= ~MECH_BITS_SCRAM_PLUS;
	if (x->without_plus)
		offered &= MECH_BITS_SCRAM; /* no weaker one */
	x->mech = mech_pick(offered, s->auth);
	if (x->mech == MECH_NONE)
		return not_offered(x, err);
	warn_if_weaker(x);
	return x->mech;
}

/* --- the steps --- */

static enum sasl_binding binding_word(const struct exchange *x)
{
	if (MECH_BIT(x->mech) & MECH_BITS_SCRAM_PLUS)
		return SASL_BINDING_USED;
	/* CASES C6: if somebody took -PLUS out of the list, `y` shows it */
	return x->is_bound && !(x->offered & MECH_BITS_SCRAM_PLUS)
		       ? SASL_BINDING_NOT_OFFERED
		       : SASL_BINDING_NONE;
}

bool exchange_begin(struct exchange *x, const struct stream *stream,
		    struct err *err)
{
	const struct exchange_setup *s = &x->setup;
	char octets[SASL_NONCE_OCTETS / 4 * 3], nonce[SASL_NONCE_OCTETS];
	uint8_t data[TLS_BINDING_MAX];
	struct view type = VIEW_NONE;
	size_t n = MECH_BIT(x->mech) & MECH_BITS_SCRAM_PLUS
			   ? bound(stream, data, &type)
			   : 0;
	struct sasl_options o = {
		.mech = x->mech,
		.user = view_of(s->user),
		.secret = s->secret,
		.nonce = { nonce, sizeof(nonce) },
		.binding = binding_word(x),
		.binding_type = type,
		.binding_data = { (const char *)data, n },
		.service = s->service,
		.host = s->endpoint->host,
		.port = s->endpoint->port,
	};

	(s->random ? s->random : hash_random)(octets, sizeof(octets));
	base64_encode((struct view){ octets, sizeof(octets) }, nonce);
	stop(x);
	x->wrong.class = ERR_NONE;
	x->sasl = sasl_new(&o, err);
	secret_wipe(data, sizeof(data));
	return x->sasl != NULL;
}

bool exchange_first(struct exchange *x, size_t most, struct view *out)
{
	return sasl_first_octets(x->sasl) <= most && sasl_first(x->sasl, out);
}

static void answer(struct exchange *x, bool ok, struct view out)
{
	x->setup.answer(x->setup.who, ok ? out : VIEW_NONE, !ok);
}

static void run(void *who)
{
	struct exchange_step *t = who;

	t->ok = sasl_step(t->sasl, (struct view){ t->challenge, t->n },
			  &t->answer, &t->err);
}

static void done(void *who)
{
	struct exchange_step *t = who;
	struct exchange *x = t->exchange;

	if (x) {
		x->step = NULL;
		x->sasl = t->sasl;
		t->sasl = NULL;
		if (!t->ok)
			x->wrong = t->err;
		answer(x, t->ok, t->answer);
	}
	sasl_free(t->sasl);
	free(t->challenge);
	free(t);
}

static void step_on_pool(struct exchange *x, struct view text)
{
	struct exchange_step *t = mem_new(sizeof(*t));

	t->exchange = x;
	t->sasl = x->sasl;
	t->challenge = mem_new(text.n);
	t->n = text.n;
	memcpy(t->challenge, text.p, text.n);
	x->sasl = NULL;
	x->step = t;
	loop_work(x->setup.loop, run, done, t);
}

void exchange_challenge(struct exchange *x, struct view text)
{
	struct view out;

	if (!x->sasl && x->wrong.class == ERR_NONE)
		err_set(&x->wrong, ERR_PROTOCOL,
			"the server asks where nothing is to be asked");
	if (x->wrong.class != ERR_NONE) {
		stop(x); /* a step on the pool would answer as well */
		answer(x, false, VIEW_NONE);
	} else if (sasl_is_slow(x->sasl)) {
		step_on_pool(x, text);
	} else {
		bool ok = sasl_step(x->sasl, text, &out, &x->wrong);

		answer(x, ok, out);
	}
}

/* --- the end --- */

static bool is_oauth(enum mech m)
{
	return m == MECH_XOAUTH2 || m == MECH_OAUTHBEARER;
}

bool exchange_offers_scram(const struct exchange *x)
{
	return x->offered & MECH_BITS_SCRAM ||
	       (x->setup.scram_before && x->setup.auth == MECH_NONE &&
		!x->warned);
}

/* The server says yes; whether it may. */
static enum exchange_end accepted(struct exchange *x, struct err *err)
{
	bool proves = MECH_BIT(x->mech) & MECH_BITS_SCRAM || is_oauth(x->mech);

	if (!x->step && (!x->sasl || sasl_done(x->sasl))) {
		habit_scram(habit_of(x->setup.endpoint),
			    exchange_offers_scram(x));
		return EXCHANGE_DONE;
	}
	err_set(err, proves ? ERR_AUTH : ERR_PROTOCOL,
		"the server ends the sign-in before it is complete");
	if (MECH_BIT(x->mech) & MECH_BITS_SCRAM) /* CASES C5 */
		err_remedy(err,
			   "it did not prove that it knows the password: check "
			   "its name and certificate (mailhaul check)");
	return EXCHANGE_FAILED;
}

/* Both what the server said inside of the exchange and behind it. */
static void tell(const struct exchange *x, struct view words, struct err *err)
{
	struct view said = x->sasl ? sasl_said(x->sasl) : VIEW_NONE;
	struct text both;

	text_init(&both, 2000);
	text_put(&both, view_head(words, 700));
	if (said.n)
		text_puts(&both, words.n ? " " : "");
	text_put(&both, said);
	err_peer(err, text_view(&both));
	text_fini(&both);
}

static void advise(const struct exchange *x, struct err *err)
{
	if (x->mech == MECH_EXTERNAL)
		err_remedy(err, "check `user` and `client_cert`: the server "
				"does not take this certificate for this user");
	else if (x->mech == MECH_GSSAPI)
		err_remedy(err, "check `user`: the ticket is perhaps "
				"somebody else's (klist)");
}

/*
 * Nothing tells a wrong password from a binding that the server does not know,
 * but for what some say inside (RFC 5802 7); and a server that could not prove
 * itself, or broke the protocol, gets no second try.
 */
static bool may_be_the_binding(const struct exchange *x, enum err_class class)
{
	struct view e = view_of(x->wrong.peer);

	if (!(MECH_BIT(x->mech) & MECH_BITS_SCRAM_PLUS) || x->without_plus ||
	    x->setup.auth != MECH_NONE || class == ERR_RETRY)
		return false;
	if (!(x->offered & MECH_BITS_SCRAM & ~MECH_BITS_SCRAM_PLUS))
		return false;
	return x->wrong.class == ERR_NONE ||
	       (e.n && !view_eq(e, VIEW_LIT("invalid-proof")) &&
		!view_eq(e, VIEW_LIT("unknown-user")));
}

static enum exchange_end refused(struct exchange *x, enum err_class class,
				 struct err *err)
{
	struct habit *habit = habit_of(x->setup.endpoint);

	if (may_be_the_binding(x, class)) {
		x->without_plus = true;
		habit_refuse_plus(habit, true);
		return EXCHANGE_AGAIN;
	}
	/* it was not the binding, then: most likely the password */
	if (x->without_plus && class == ERR_AUTH)
		habit_refuse_plus(habit, false);
	if (class == ERR_AUTH && !err->remedy[0])
		advise(x, err);
	else if (class == ERR_RETRY)
		err_remedy(err, "it is tried again later");
	return EXCHANGE_FAILED;
}

enum exchange_end exchange_verdict(struct exchange *x, bool ok,
				   enum err_class class, enum err_origin origin,
				   struct view words, struct err *err)
{
	enum exchange_end end;
	struct err why = x->wrong;

	if (why.class != ERR_NONE) {
		end = ok ? EXCHANGE_FAILED : refused(x, why.class, &why);
	} else if (ok) {
		end = accepted(x, &why);
	} else {
		err_set(&why, class, "sign-in refused");
		why.origin = origin;
		tell(x, words, &why);
		end = refused(x, class, &why);
	}
	stop(x);
	if (end == EXCHANGE_FAILED)
		*err = why;
	return end;
}
