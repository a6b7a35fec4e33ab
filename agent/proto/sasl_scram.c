#include "sasl_scram.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base64.h"
#include "limits.h"
#include "must.h"
#include "sasl_gsasl.h"
#include "text.h"

enum phase {
	PHASE_KEYS,	 /* the server's first message is next */
	PHASE_SIGNATURE, /* its last one is */
	PHASE_DONE,
};

struct sasl_scram {
	enum phase phase;
	enum hash_kind hash;
	struct secret password; /* owned, prepared */
	struct text first;	/* gs2-header and client-first-message-bare */
	size_t header;		/* octets of the gs2-header in it */
	struct text channel;	/* gs2-header and binding data */
	struct view nonce;	/* in first */
	char signature[HASH_MAC_MAX]; /* what the server's must be */
	size_t size;		      /* of the hash */
};

/* The server's first message: RFC 5802 7, server-first-message. */
struct offer {
	struct view nonce, salt; /* salt: base64 */
	uint64_t iterations;
};

/* --- the first message --- */

/* RFC 5802 5.1: "," and "=" in a name. */
static void put_name(struct text *t, struct view name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ',')
			text_puts(t, "=2C");
		else if (name.p[i] == '=')
			text_puts(t, "=3D");
		else
			text_put(t, (struct view){ name.p + i, 1 });
}

static void put_header(struct text *t, const struct sasl_options *o)
{
	switch (o->binding) {
	case SASL_BINDING_NONE:
		text_puts(t, "n,,");
		return;
	case SASL_BINDING_NOT_OFFERED:
		text_puts(t, "y,,");
		return;
	case SASL_BINDING_USED:
		text_puts(t, "p=");
		text_put(t, o->binding_type);
		text_puts(t, ",,");
		return;
	}
}

static void put_first(struct sasl_scram *s, const struct sasl_options *o,
		      struct view name)
{
	struct text *t = &s->first;

	put_header(t, o);
	s->header = t->n;
	text_put(&s->channel, text_view(t));
	if (o->binding == SASL_BINDING_USED)
		text_put(&s->channel, o->binding_data);
	text_puts(t, "n=");
	put_name(t, name);
	text_puts(t, ",r=");
	MUST(text_put(t, o->nonce));
	s->nonce = view_skip(text_view(t), t->n - o->nonce.n);
}

struct sasl_scram *sasl_scram_new(const struct sasl_options *o, struct err *err)
{
	bool sha1 =
		o->mech == MECH_SCRAM_SHA_1 || o->mech == MECH_SCRAM_SHA_1_PLUS;
	struct secret name = { NULL, 0 };
	struct sasl_scram *s = mem_new(sizeof(*s));
	bool ok;

	MUST(MECH_BIT(o->mech) & MECH_BITS_SCRAM && o->nonce.n);
	MUST(!(MECH_BIT(o->mech) & MECH_BITS_SCRAM_PLUS) ==
	     (o->binding != SASL_BINDING_USED));
	s->hash = sha1 ? HASH_SHA1 : HASH_SHA256;
	s->size = sha1 ? 20 : 32;
	text_init(&s->first, 4 * (size_t)LIMIT_SASL_OCTETS);
	text_init(&s->channel, LIMIT_SASL_OCTETS);
	ok = sasl_prepared(o->user, &name) &&
	     sasl_prepared(secret_view(o->secret), &s->password) && name.n &&
	     s->password.n;
	if (ok)
		put_first(s, o, secret_view(&name));
	secret_fini(&name);
	if (ok)
		return s;
	sasl_scram_free(s);
	err_set(err, ERR_CONFIG,
		"user name or secret has characters that SCRAM cannot carry "
		"(RFC 4013)");
	err_remedy(err, "write auth = \"plain\", or change the password");
	return NULL;
}

void sasl_scram_free(struct sasl_scram *s)
{
	if (!s)
		return;
	secret_fini(&s->password);
	text_fini(&s->first);
	text_fini(&s->channel);
	secret_wipe(s->signature, sizeof(s->signature));
	free(s);
}

struct view sasl_scram_first(const struct sasl_scram *s)
{
	return text_view(&s->first);
}

bool sasl_scram_is_slow(const struct sasl_scram *s)
{
	return s->phase == PHASE_KEYS;
}

bool sasl_scram_done(const struct sasl_scram *s)
{
	return s->phase == PHASE_DONE;
}

/* --- what the server says --- */

/* "x=value" off the front of *message. */
static bool attribute(struct view *message, char name, struct view *value)
{
	struct view whole = view_head(*message, view_find(*message, ','));

	if (whole.n < 3 || whole.p[0] != name || whole.p[1] != '=')
		return false;
	*value = view_skip(whole, 2);
	*message = view_skip(*message, whole.n + 1);
	return true;
}

/* RFC 5802 5.1: an extension "m=" must not be passed over; others may. */
static bool read_offer(struct view message, struct offer *o)
{
	struct view iterations;

	return attribute(&message, 'r', &o->nonce) &&
	       attribute(&message, 's', &o->salt) &&
	       attribute(&message, 'i', &iterations) &&
	       view_number(iterations, UINT64_MAX, &o->iterations) &&
	       o->iterations > 0;
}

static bool is_ours(const struct sasl_scram *s, struct view nonce)
{
	if (nonce.n <= s->nonce.n || !view_starts(nonce, s->nonce))
		return false;
	for (size_t i = 0; i < nonce.n; i++)
		if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e)
			return false;
	return true;
}

static bool acceptable(const struct sasl_scram *s, struct view message,
		       struct offer *o, struct err *err)
{
	if (!read_offer(message, o))
		return err_set(err, ERR_PROTOCOL,
			       "the server's SCRAM message is malformed");
	if (!is_ours(s, o->nonce))
		return err_set(err, ERR_PROTOCOL,
			       "the server's SCRAM nonce does not continue "
			       "ours");
	if (o->iterations > LIMIT_SCRAM_ITERATIONS)
		return err_set(err, ERR_LIMIT,
			       "the server asks for %" PRIu64
			       " SCRAM iterations, above %u",
			       o->iterations, LIMIT_SCRAM_ITERATIONS);
	return true;
}

static void put_base64(struct text *t, struct view v)
{
	char *out = mem_new(BASE64_OCTETS(v.n));

	MUST(text_put(t, (struct view){ out, base64_encode(v, out) }));
	free(out);
}

static bool derive(const struct sasl_scram *s, const struct offer *o,
		   struct sasl_keys *keys)
{
	char *salt = mem_new(BASE64_DECODED(o->salt.n));
	size_t n;
	bool ok = base64_decode(o->salt, salt, &n) &&
		  sasl_derive(s->hash, &s->password, (unsigned)o->iterations,
			      (struct view){ salt, n }, keys);

	free(salt);
	return ok;
}

static struct view octets(const struct sasl_scram *s, const char *p)
{
	return (struct view){ p, s->size };
}

/* RFC 5802 3. message: client-final-message-without-proof, gets the proof. */
static bool sign(struct sasl_scram *s, const struct sasl_keys *keys,
		 struct view server_first, struct text *message)
{
	struct text all;
	uint8_t mac[HASH_MAC_MAX] = { 0 };
	char proof[HASH_MAC_MAX];
	bool ok;

	text_init(&all, 8 * (size_t)LIMIT_SASL_OCTETS);
	MUST(text_put(&all, view_skip(text_view(&s->first), s->header)) &&
	     text_puts(&all, ",") && text_put(&all, server_first) &&
	     text_puts(&all, ",") && text_put(&all, text_view(message)));
	ok = hash_mac(s->hash, octets(s, keys->stored), text_view(&all), mac) ==
	     s->size;
	for (size_t i = 0; i < s->size; i++)
		proof[i] = (char)((uint8_t)keys->client[i] ^ mac[i]);
	ok = ok && hash_mac(s->hash, octets(s, keys->server), text_view(&all),
			    (uint8_t *)s->signature) == s->size;
	text_fini(&all);
	text_puts(message, ",p=");
	put_base64(message, octets(s, proof));
	return ok;
}

static bool prove(struct sasl_scram *s, struct view server_first,
		  struct secret *out, struct err *err)
{
	struct sasl_keys keys = { .client = { 0 } };
	struct text message;
	struct offer o;
	bool ok;

	if (!acceptable(s, server_first, &o, err))
		return false;
	text_init(&message, 4 * (size_t)LIMIT_SASL_OCTETS);
	text_puts(&message, "c=");
	put_base64(&message, text_view(&s->channel));
	text_puts(&message, ",r=");
	MUST(text_put(&message, o.nonce));
	ok = derive(s, &o, &keys) && sign(s, &keys, server_first, &message);
	secret_wipe(&keys, sizeof(keys));
	if (ok)
		secret_set(out, text_view(&message));
	else
		err_set(err, ERR_PROTOCOL,
			"no SCRAM keys come of what the server sent");
	text_fini(&message);
	s->phase = PHASE_SIGNATURE;
	return ok;
}

static bool refused(struct view words, struct err *err)
{
	err_set(err, ERR_AUTH, "sign-in refused");
	err_peer(err, words);
	if (view_starts(words, VIEW_LIT("server-does-support-channel-binding")))
		err_remedy(err, "somebody between us and the server takes "
				"-PLUS out of its list: find out who reads "
				"along");
	return false;
}

/* RFC 5802 9: a server that does not know the password is not the server. */
static bool verify(struct sasl_scram *s, struct view message, struct err *err)
{
	char got[BASE64_DECODED(BASE64_OCTETS(HASH_MAC_MAX))];
	struct view value;
	size_t n = 0;

	if (attribute(&message, 'e', &value))
		return refused(value, err);
	if (attribute(&message, 'v', &value) &&
	    value.n == BASE64_OCTETS(s->size) &&
	    base64_decode(value, got, &n) && n == s->size &&
	    hash_same(got, s->signature, n)) {
		s->phase = PHASE_DONE;
		return true;
	}
	err_set(err, ERR_AUTH,
		"the server could not prove that it knows the password");
	err_remedy(err, "somebody may pose as the server: check its name and "
			"certificate (mailhaul check)");
	return false;
}

bool sasl_scram_step(struct sasl_scram *s, struct view message,
		     struct secret *out, struct err *err)
{
	switch (s->phase) {
	case PHASE_KEYS:
		return prove(s, message, out, err);
	case PHASE_SIGNATURE:
		secret_set(out, VIEW_NONE);
		return verify(s, message, err);
	case PHASE_DONE:
		break;
	}
	return err_set(err, ERR_PROTOCOL,
		       "the server goes on asking after sign-in was complete");
}
