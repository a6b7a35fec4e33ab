#include "sasl.h"

#include <stdlib.h>

#include "base64.h"
#include "limits.h"
#include "must.h"
#include "sasl_gsasl.h"
#include "sasl_scram.h"
#include "text.h"

#define SAID_OCTETS 512u /* kept of what a server says inside */

/* What the server is to hear next. */
enum step {
	STEP_FIRST,    /* what the mechanism begins with */
	STEP_PASSWORD, /* LOGIN */
	STEP_INNER,    /* SCRAM, CRAM-MD5, GSSAPI: in the hands of others */
	STEP_DONE,     /* nothing more to say */
	STEP_REFUSED,  /* OAuth: likewise, and we know that it failed */
};

struct sasl {
	enum mech mech;
	enum step step;
	unsigned rounds;
	bool begun;
	struct secret first, password; /* owned; password: LOGIN */
	struct sasl_scram *scram;      /* owned, or NULL */
	struct sasl_library *library;  /* owned, or NULL */
	bool satisfied;		       /* the library is */
	struct secret answer;	       /* owned, base64 */
	struct secret token;	       /* owned; not to be shown in said */
	struct text said;
};

/* --- what each begins with --- */

/* parts: up to an empty pointer. */
static void join(struct secret *out, const struct view *parts)
{
	size_t n = 0, at = 0;

	for (const struct view *v = parts; v->p; v++)
		n += v->n;
	secret_fini(out);
	out->p = mem_new(n + 1);
	out->n = n;
	for (const struct view *v = parts; v->p; at += v->n, v++)
		memcpy(out->p + at, v->p, v->n);
}

#define PARTS(...) ((const struct view[]){ __VA_ARGS__, { NULL, 0 } })
#define NUL	   ((struct view){ "\0", 1 })

/* RFC 4616 2: [authzid] NUL authcid NUL passwd; no authzid is asked for. */
static void begin_plain(struct sasl *s, const struct sasl_options *o)
{
	join(&s->first, PARTS(NUL, o->user, NUL, secret_view(o->secret)));
}

/* Google, "OAuth 2.0 Mechanism": "The SASL XOAUTH2 Mechanism" */
static void begin_xoauth2(struct sasl *s, const struct sasl_options *o)
{
	join(&s->first,
	     PARTS(VIEW_LIT("user="), o->user, VIEW_LIT("\1auth=Bearer "),
		   secret_view(o->secret), VIEW_LIT("\1\1")));
}

/* RFC 5801 4: "," and "=" in an authzid. */
static void put_authzid(struct text *t, struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == ',')
			text_puts(t, "=2C");
		else if (v.p[i] == '=')
			text_puts(t, "=3D");
		else
			text_put(t, (struct view){ v.p + i, 1 });
}

/* RFC 7628 3.1 */
static void begin_oauthbearer(struct sasl *s, const struct sasl_options *o)
{
	struct text head;

	text_init(&head, 4 * (size_t)LIMIT_SASL_OCTETS);
	text_puts(&head, "n,a=");
	put_authzid(&head, o->user);
	text_fmt(&head, ",\1host=%s\1port=%u\1auth=Bearer ", o->host, o->port);
	join(&s->first,
	     PARTS(text_view(&head), secret_view(o->secret), VIEW_LIT("\1\1")));
	text_fini(&head);
}

static bool begin(struct sasl *s, const struct sasl_options *o, struct err *err)
{
	switch (o->mech) {
	case MECH_SCRAM_SHA_256_PLUS:
	case MECH_SCRAM_SHA_1_PLUS:
	case MECH_SCRAM_SHA_256:
	case MECH_SCRAM_SHA_1:
		s->scram = sasl_scram_new(o, err);
		if (s->scram)
			secret_set(&s->first, sasl_scram_first(s->scram));
		return s->scram != NULL;
	case MECH_PLAIN:
		begin_plain(s, o);
		return true;
	case MECH_LOGIN:
		secret_set(&s->first, o->user);
		secret_set(&s->password, secret_view(o->secret));
		return true;
	case MECH_CRAM_MD5:
	case MECH_GSSAPI:
		s->step = STEP_INNER;
		s->library = sasl_library_new(o, err);
		return s->library != NULL;
	case MECH_EXTERNAL: /* RFC 4422 A: the authzid */
		secret_set(&s->first, o->user);
		return true;
	case MECH_XOAUTH2:
		begin_xoauth2(s, o);
		secret_set(&s->token, secret_view(o->secret));
		return true;
	case MECH_OAUTHBEARER:
		begin_oauthbearer(s, o);
		secret_set(&s->token, secret_view(o->secret));
		return true;
	case MECH_NONE:
	case MECH_USER:
	case MECH_APOP:
		break;
	}
	MUST_NOT("be asked for what is no SASL mechanism");
}

static bool usable(struct view v, const char *name, struct err *err)
{
	if (v.n == 0)
		return err_set(err, ERR_CONFIG, "the %s is empty", name);
	/* RFC 4616 2: NUL separates the fields, so it cannot stand in one */
	if (memchr(v.p, '\0', v.n))
		return err_set(err, ERR_CONFIG, "the %s has a NUL octet", name);
	return true;
}

/* RFC 6750 2.1: b64token; a line of a file that is none is found here. */
static bool is_token(struct view v, struct err *err)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x21 || v.p[i] > 0x7e)
			return err_set(err, ERR_CONFIG,
				       "the secret is no access token: it has "
				       "a space or control character");
	return true;
}

static bool fits(const struct sasl_options *o, struct err *err)
{
	bool oauth = o->mech == MECH_XOAUTH2 || o->mech == MECH_OAUTHBEARER;

	if (!usable(o->user, "user name", err))
		return false;
	if (!mech_needs_secret(o->mech))
		return true;
	return usable(secret_view(o->secret), "secret", err) &&
	       (!oauth || is_token(secret_view(o->secret), err));
}

struct sasl *sasl_new(const struct sasl_options *o, struct err *err)
{
	struct sasl *s;
	size_t most;

	if (!fits(o, err))
		return NULL;
	s = mem_new(sizeof(*s));
	s->mech = o->mech;
	text_init(&s->said, SAID_OCTETS);
	if (!begin(s, o, err)) {
		sasl_free(s);
		return NULL;
	}
	most = s->first.n > s->password.n ? s->first.n : s->password.n;
	if (BASE64_OCTETS(most) <= LIMIT_SASL_OCTETS)
		return s;
	sasl_free(s);
	err_set(err, ERR_CONFIG,
		"user name and secret are too long to sign in with");
	return NULL;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	sasl_scram_free(s->scram);
	sasl_library_free(s->library);
	secret_fini(&s->first);
	secret_fini(&s->password);
	secret_fini(&s->answer);
	secret_fini(&s->token);
	text_fini(&s->said);
	free(s);
}

/* --- steps --- */

static struct view encoded(struct sasl *s, const struct secret *clear)
{
	struct secret *a = &s->answer;

	secret_fini(a);
	a->p = mem_new(BASE64_OCTETS(clear->n) + 1);
	a->n = base64_encode(secret_view(clear), a->p);
	return secret_view(a);
}

static enum step behind_first(const struct sasl *s)
{
	if (s->scram)
		return STEP_INNER;
	return s->mech == MECH_LOGIN ? STEP_PASSWORD : STEP_DONE;
}

size_t sasl_first_octets(const struct sasl *s)
{
	/*
	 * Some servers take an initial response to LOGIN, none has to; its
	 * questions are waited for. So are those that begin themselves.
	 */
	if (s->begun || s->step != STEP_FIRST || s->mech == MECH_LOGIN)
		return 0;
	return s->first.n ? BASE64_OCTETS(s->first.n) : 1;
}

bool sasl_first(struct sasl *s, struct view *out)
{
	if (!sasl_first_octets(s))
		return false;
	s->begun = true;
	s->step = behind_first(s);
	*out = s->first.n ? encoded(s, &s->first) : VIEW_LIT("=");
	return true;
}

bool sasl_is_slow(const struct sasl *s)
{
	if (s->step != STEP_INNER)
		return false;
	return s->scram ? sasl_scram_is_slow(s->scram) : s->mech == MECH_GSSAPI;
}

static bool stands_in(struct view words, struct view what)
{
	for (; what.n && words.n >= what.n; words = view_skip(words, 1))
		if (view_starts(words, what))
			return true;
	return false;
}

/*
 * RFC 7628 3.2.2: the server's reason, answered by 0x01 (3.2.3), with XOAUTH2
 * by nothing; then it refuses. Words that hold the token are not kept (C11).
 */
static bool hear_refusal(struct sasl *s, struct view words, struct secret *out)
{
	if (!stands_in(words, secret_view(&s->token)))
		text_put(&s->said, view_head(words, SAID_OCTETS));
	s->step = STEP_REFUSED;
	secret_set(out, s->mech == MECH_XOAUTH2 ? VIEW_NONE : VIEW_LIT("\1"));
	return true;
}

static bool inner(struct sasl *s, struct view challenge, struct secret *out,
		  struct err *err)
{
	if (s->scram)
		return sasl_scram_step(s->scram, challenge, out, err);
	/* a server that takes an initial response asks for it so */
	if (s->mech == MECH_CRAM_MD5 && challenge.n == 0)
		return err_set(err, ERR_PROTOCOL, "an empty challenge");
	return sasl_library_step(s->library, challenge, out, &s->satisfied,
				 err);
}

static bool step(struct sasl *s, struct view challenge, struct secret *out,
		 struct err *err)
{
	switch (s->step) {
	case STEP_FIRST:
		/* LOGIN: "Username:", "User Name", ... are not compared:
		 * servers differ, and the order is the same everywhere */
		s->step = behind_first(s);
		secret_set(out, secret_view(&s->first));
		return true;
	case STEP_PASSWORD:
		s->step = STEP_DONE;
		secret_set(out, secret_view(&s->password));
		return true;
	case STEP_INNER:
		if (s->satisfied)
			break;
		return inner(s, challenge, out, err);
	case STEP_DONE:
		if (s->token.p)
			return hear_refusal(s, challenge, out);
		break;
	case STEP_REFUSED:
		break;
	}
	return err_set(err, ERR_PROTOCOL,
		       "the server goes on asking after sign-in was complete");
}

static bool bounded(struct sasl *s, struct view challenge, struct err *err)
{
	if (challenge.n > LIMIT_SASL_OCTETS)
		return err_set(err, ERR_LIMIT,
			       "sign-in challenge above %u octets",
			       LIMIT_SASL_OCTETS);
	if (++s->rounds > LIMIT_SASL_ROUNDS)
		return err_set(err, ERR_LIMIT, "sign-in of more than %u rounds",
			       LIMIT_SASL_ROUNDS);
	return true;
}

bool sasl_step(struct sasl *s, struct view challenge, struct view *out,
	       struct err *err)
{
	struct secret clear = { NULL, 0 };
	struct view in = { NULL, 0 };
	char *octets;
	bool ok;

	if (!bounded(s, challenge, err))
		return false;
	octets = mem_new(BASE64_DECODED(challenge.n));
	ok = base64_decode(challenge, octets, &in.n);
	in.p = octets;
	s->begun = true;
	if (!ok)
		err_set(err, ERR_PROTOCOL, "sign-in challenge is not base64");
	ok = ok && step(s, in, &clear, err);
	if (ok)
		*out = encoded(s, &clear);
	secret_fini(&clear);
	free(octets);
	return ok;
}

bool sasl_done(const struct sasl *s)
{
	if (s->scram)
		return sasl_scram_done(s->scram);
	if (s->library)
		return s->satisfied;
	return s->step == STEP_DONE;
}

struct view sasl_said(const struct sasl *s)
{
	return text_view(&s->said);
}
