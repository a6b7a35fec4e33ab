#include "sasl_gsasl.h"

#include <gsasl.h>
#include <stdlib.h>

#include "must.h"

struct sasl_library {
	enum mech mech;
	Gsasl *context;
	Gsasl_session *session; /* NULL: not begun */
};

/* Octets the library gave us: they may be secret. */
static void drop(char *p, size_t n)
{
	if (p)
		secret_wipe(p, n);
	gsasl_free(p);
}

bool sasl_prepared(struct view v, struct secret *out)
{
	struct secret in = { NULL, 0 };
	char *p = NULL;
	bool ok;

	secret_set(&in, v); /* ends in NUL */
	ok = gsasl_saslprep(in.p, GSASL_ALLOW_UNASSIGNED, &p, NULL) == GSASL_OK;
	if (ok)
		secret_set(out, view_of(p));
	drop(p, p ? strlen(p) : 0);
	secret_fini(&in);
	return ok;
}

bool sasl_derive(enum hash_kind kind, const struct secret *password,
		 unsigned iterations, struct view salt, struct sasl_keys *out)
{
	char salted[GSASL_HASH_MAX_SIZE];
	int rc;

	MUST(kind == HASH_SHA1 || kind == HASH_SHA256);
	rc = gsasl_scram_secrets_from_password(
		kind == HASH_SHA1 ? GSASL_HASH_SHA1 : GSASL_HASH_SHA256,
		password->p, iterations, salt.p, salt.n, salted, out->client,
		out->server, out->stored);
	secret_wipe(salted, sizeof(salted));
	return rc == GSASL_OK;
}

static const char *name_of(enum mech mech)
{
	return mech == MECH_CRAM_MD5 ? "CRAM-MD5" : "GSSAPI";
}

static bool set(Gsasl_session *s, Gsasl_property p, struct view v)
{
	return gsasl_property_set_raw(s, p, v.p, v.n) == GSASL_OK;
}

static bool give(Gsasl_session *s, const struct sasl_options *o)
{
	bool ok = set(s, GSASL_AUTHID, o->user);

	if (o->mech == MECH_CRAM_MD5)
		return ok && set(s, GSASL_PASSWORD, secret_view(o->secret));
	return ok && set(s, GSASL_AUTHZID, o->user) &&
	       set(s, GSASL_SERVICE, view_of(o->service)) &&
	       set(s, GSASL_HOSTNAME, view_of(o->host));
}

struct sasl_library *sasl_library_new(const struct sasl_options *o,
				      struct err *err)
{
	struct sasl_library *l = mem_new(sizeof(*l));

	MUST(o->mech == MECH_CRAM_MD5 || o->mech == MECH_GSSAPI);
	l->mech = o->mech;
	MUST(gsasl_init(&l->context) == GSASL_OK);
	if (gsasl_client_start(l->context, name_of(o->mech), &l->session) !=
		    GSASL_OK ||
	    !give(l->session, o)) {
		err_set(err, ERR_CONFIG,
			"the installed libgsasl does not do %s",
			name_of(o->mech));
		sasl_library_free(l);
		return NULL;
	}
	return l;
}

void sasl_library_free(struct sasl_library *l)
{
	if (!l)
		return;
	if (l->session)
		gsasl_finish(l->session);
	gsasl_done(l->context);
	free(l);
}

static bool failed(const struct sasl_library *l, int rc, struct err *err)
{
	if (l->mech == MECH_CRAM_MD5) {
		err_set(err, ERR_PROTOCOL, "CRAM-MD5 cannot go on: %s",
			gsasl_strerror(rc));
		return false;
	}
	err_set(err, ERR_AUTH, "Kerberos (GSSAPI) cannot go on: %s",
		gsasl_strerror(rc));
	err_remedy(err, "get a ticket for the user that mailhaul runs as "
			"(kinit, or a keytab)");
	return false;
}

bool sasl_library_step(struct sasl_library *l, struct view challenge,
		       struct secret *out, bool *done, struct err *err)
{
	char *p = NULL;
	size_t n = 0;
	int rc = gsasl_step(l->session, challenge.p, challenge.n, &p, &n);

	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return failed(l, rc, err);
	secret_set(out, (struct view){ p ? p : "", n });
	drop(p, n);
	*done = rc == GSASL_OK;
	return true;
}
