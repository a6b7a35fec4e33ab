#include "sasl.h"

#include <stdlib.h>

#include "base64.h"
#include "limits.h"
#include "must.h"

/* What the server is to hear next. */
enum step {
	STEP_MESSAGE,  /* PLAIN: all in one */
	STEP_USER,     /* LOGIN: asked for in words nobody wrote down */
	STEP_PASSWORD, /* LOGIN */
	STEP_DONE,     /* nothing more to say */
};

struct sasl {
	enum mech mech;
	enum step step;
	unsigned rounds;
	bool begun;
	struct secret user, password; /* owned */
	char *answer;		      /* owned, answer_cap octets, wiped */
	size_t answer_cap;
};

static bool usable(struct view v, const char *name, struct err *err)
{
	if (v.n == 0)
		return err_set(err, ERR_CONFIG, "the %s is empty", name);
	/* RFC 4616 2: NUL separates the fields, so it cannot stand in one */
	if (memchr(v.p, '\0', v.n))
		return err_set(err, ERR_CONFIG, "the %s has a NUL octet", name);
	return true;
}

struct sasl *sasl_new(enum mech mech, struct view user,
		      const struct secret *secret, struct err *err)
{
	struct view password = secret_view(secret);
	size_t message = user.n + password.n + 2;
	struct sasl *s;

	MUST(SASL_MECHS & MECH_BIT(mech));
	if (!usable(user, "user name", err) || !usable(password, "secret", err))
		return NULL;
	if (BASE64_OCTETS(message) > LIMIT_SASL_OCTETS) {
		err_set(err, ERR_CONFIG,
			"user name and secret are too long to sign in with");
		return NULL;
	}
	s = mem_new(sizeof(*s));
	s->mech = mech;
	s->step = mech == MECH_PLAIN ? STEP_MESSAGE : STEP_USER;
	secret_set(&s->user, user);
	secret_set(&s->password, password);
	s->answer_cap = BASE64_OCTETS(message);
	s->answer = mem_new(s->answer_cap);
	return s;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	secret_fini(&s->user);
	secret_fini(&s->password);
	secret_wipe(s->answer, s->answer_cap);
	free(s->answer);
	free(s);
}

static struct view encoded(struct sasl *s, struct view v)
{
	return (struct view){ s->answer, base64_encode(v, s->answer) };
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd; no authzid is asked for. */
static struct view plain_message(struct sasl *s)
{
	struct view user = secret_view(&s->user);
	struct view password = secret_view(&s->password);
	size_t n = user.n + password.n + 2;
	char *clear = mem_new(n);
	struct view out;

	memcpy(clear + 1, user.p, user.n);
	memcpy(clear + 2 + user.n, password.p, password.n);
	out = encoded(s, (struct view){ clear, n });
	secret_wipe(clear, n);
	free(clear);
	return out;
}

bool sasl_first(struct sasl *s, struct view *out)
{
	/*
	 * Some servers take an initial response to LOGIN, none has to; its
	 * questions are waited for.
	 */
	if (s->begun || s->step != STEP_MESSAGE)
		return false;
	s->begun = true;
	s->step = STEP_DONE;
	*out = plain_message(s);
	return true;
}

static bool bounded(struct sasl *s, struct view challenge, struct err *err)
{
	char *clear;
	size_t n = 0;
	bool ok;

	if (challenge.n > LIMIT_SASL_OCTETS)
		return err_set(err, ERR_LIMIT,
			       "sign-in challenge above %u octets",
			       LIMIT_SASL_OCTETS);
	if (++s->rounds > LIMIT_SASL_ROUNDS)
		return err_set(err, ERR_LIMIT, "sign-in of more than %u rounds",
			       LIMIT_SASL_ROUNDS);
	clear = mem_new(BASE64_DECODED(challenge.n));
	ok = base64_decode(challenge, clear, &n);
	free(clear);
	return ok ||
	       err_set(err, ERR_PROTOCOL, "sign-in challenge is not base64");
}

bool sasl_step(struct sasl *s, struct view challenge, struct view *out,
	       struct err *err)
{
	if (!bounded(s, challenge, err))
		return false;
	s->begun = true;
	switch (s->step) {
	case STEP_MESSAGE:
		s->step = STEP_DONE;
		*out = plain_message(s);
		return true;
	case STEP_USER:
		/* "Username:", "User Name", ... are not compared: servers
		 * differ, and the order is the same everywhere */
		s->step = STEP_PASSWORD;
		*out = encoded(s, secret_view(&s->user));
		return true;
	case STEP_PASSWORD:
		s->step = STEP_DONE;
		*out = encoded(s, secret_view(&s->password));
		return true;
	case STEP_DONE:
		break;
	}
	return err_set(err, ERR_PROTOCOL,
		       "the server goes on asking after sign-in was complete");
}

bool sasl_done(const struct sasl *s)
{
	return s->step == STEP_DONE;
}
