#include "libssl.h"

#include "cert.h"
#include "list.h"
#include "must.h"
#include "trust.h"
#include "trust_files.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#define SESSIONS_MAX 256u	 /* kept per trust */
#define READ_BUFFER  (64u << 10) /* octets from the kernel at once */
#define PINS_MAX     64u

struct pin {
	enum cert_digest kind;
	uint8_t digest[CERT_DIGEST_OCTETS];
};

/* A TLS session to resume. */
struct kept {
	struct link link; /* of trust.sessions, last used last */
	char *host, *via; /* owned */
	uint16_t port;
	SSL_SESSION *session; /* owned */
};

struct trust {
	struct link link; /* of trusts.all; alone once it is out of date */
	unsigned refs;	  /* 0: kept for who comes next */
	struct trust_stamps stamps; /* of its files, when they were read */
	char *ca_file, *client_cert, *client_key; /* owned */
	struct pin *pins;			  /* owned */
	size_t pin_count;
	enum trust_version min;
	SSL_CTX *ctx; /* NULL until needed */
	struct link sessions;
	size_t session_count;
};

struct trusts {
	struct link all;
};

/* What hangs on each SSL. */
struct peer {
	struct trust *trust; /* borrowed */
	char *host;	     /* owned; without trailing dot */
	uint16_t port;
	char *via;		/* owned */
	X509 *refused, *faulty; /* owned */
	long verify;
};

static int peer_index = -1;

static void free_peer(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
		      long argl, void *argp)
{
	struct peer *p = ptr;

	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	if (!p)
		return;
	free(p->host);
	free(p->via);
	X509_free(p->refused);
	X509_free(p->faulty);
	free(p);
}

struct trusts *trusts_new(void)
{
	struct trusts *all = mem_new(sizeof(*all));

	if (peer_index < 0)
		peer_index =
			SSL_get_ex_new_index(0, NULL, NULL, NULL, free_peer);
	MUST(peer_index >= 0);
	list_init(&all->all);
	return all;
}

static void trust_free(struct trust *t);

/* Nobody is to be given it any more. */
static void retire(struct trust *t)
{
	list_drop(&t->link);
	if (t->refs == 0)
		trust_free(t);
}

void trusts_renew(struct trusts *all)
{
	while (!list_empty(&all->all))
		retire(LIST_OF(all->all.next, struct trust, link));
}

void trusts_free(struct trusts *all)
{
	if (!all)
		return;
	LIST_EACH(at, kept, &all->all) {
		MUST(LIST_OF(at, struct trust, link)->refs == 0);
	}
	trusts_renew(all);
	free(all);
}

/* Settings */

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_equal(const struct trust *a, const struct trust *b)
{
	return is_same(a->ca_file, b->ca_file) &&
	       is_same(a->client_cert, b->client_cert) &&
	       is_same(a->client_key, b->client_key) && a->min == b->min &&
	       a->pin_count == b->pin_count &&
	       memcmp(a->pins, b->pins, a->pin_count * sizeof(*a->pins)) == 0;
}

static void kept_free(struct trust *t, struct kept *k)
{
	t->session_count--;
	list_drop(&k->link);
	SSL_SESSION_free(k->session);
	free(k->host);
	free(k->via);
	free(k);
}

static void trust_free(struct trust *t)
{
	list_drop(&t->link);
	while (!list_empty(&t->sessions))
		kept_free(t, LIST_OF(t->sessions.next, struct kept, link));
	SSL_CTX_free(t->ctx);
	free(t->ca_file);
	free(t->client_cert);
	free(t->client_key);
	free(t->pins);
	free(t);
}

static bool take_pins(struct trust *t, const struct trust_setting *setting,
		      struct err *err)
{
	size_t n = setting->fingerprint_count;

	if (n > PINS_MAX)
		return err_set(err, ERR_CONFIG,
			       "more than %u values in tls_fingerprint",
			       PINS_MAX);
	/* Zeroed, padding as well: they are compared as memory. */
	t->pins = mem_new(n * sizeof(*t->pins));
	for (size_t i = 0; i < n; i++) {
		const char *text = setting->fingerprints[i];

		if (cert_digest_parse(text, &t->pins[i].kind,
				      t->pins[i].digest))
			continue;
		(void)err_set(err, ERR_CONFIG, "not a fingerprint: \"%.100s\"",
			      text);
		return err_remedy(err, "write sha256: or spki: and 64 "
				       "hexadecimal digits");
	}
	t->pin_count = n;
	return true;
}

static struct trust_files files_of(const struct trust *t)
{
	return (struct trust_files){ .ca = t->ca_file,
				     .cert = t->client_cert,
				     .key = t->client_key,
				     .is_pinned = t->pin_count > 0 };
}

/* A file it was made of has changed: a certificate was renewed, say. */
static bool is_stale(const struct trust *t)
{
	struct trust_files files = files_of(t);
	struct trust_stamps now;

	if (!t->ctx)
		return false;
	trust_stamps(&files, &now);
	return !trust_stamps_are_equal(&now, &t->stamps);
}

/* One with that setting which may still be used. */
static struct trust *find_equal(struct trusts *all, const struct trust *t)
{
	LIST_EACH(at, kept, &all->all) {
		struct trust *other = LIST_OF(at, struct trust, link);

		if (!is_equal(t, other))
			continue;
		if (!is_stale(other))
			return other;
		retire(other);
	}
	return NULL;
}

struct trust *trust_get(struct trusts *all, const struct trust_setting *setting,
			struct err *err)
{
	struct trust *t = mem_new(sizeof(*t)), *other;

	list_init(&t->link);
	list_init(&t->sessions);
	if (!take_pins(t, setting, err)) {
		trust_free(t);
		return NULL;
	}
	t->ca_file = mem_str(setting->ca_file);
	t->client_cert = mem_str(setting->client_cert);
	t->client_key = mem_str(setting->client_key);
	t->min = setting->min;
	t->refs = 1;
	other = find_equal(all, t);
	if (other) {
		trust_free(t);
		return trust_hold(other);
	}
	list_push(&all->all, &t->link);
	return t;
}

struct trust *trust_hold(struct trust *t)
{
	t->refs++;
	return t;
}

void trust_release(struct trust *t)
{
	if (!t)
		return;
	MUST(t->refs > 0);
	if (--t->refs == 0 && list_empty(&t->link))
		trust_free(t);
}

static bool is_pinned(const struct trust *t)
{
	return t->pin_count > 0;
}

bool trust_is_pinned(const struct ssl_st *ssl)
{
	const struct peer *p = SSL_get_ex_data(ssl, peer_index);

	return is_pinned(p->trust);
}

/* Sessions for resumption */

static struct kept *kept_for(const struct peer *p)
{
	LIST_EACH(at, next, &p->trust->sessions) {
		struct kept *k = LIST_OF(at, struct kept, link);

		if (k->port == p->port && strcasecmp(k->host, p->host) == 0 &&
		    is_same(k->via, p->via))
			return k;
	}
	return NULL;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct peer *p = SSL_get_ex_data(ssl, peer_index);
	struct trust *t = p->trust;
	struct kept *k = kept_for(p);

	if (k)
		kept_free(t, k);
	else if (t->session_count >= SESSIONS_MAX)
		kept_free(t, LIST_OF(t->sessions.next, struct kept, link));
	k = mem_new(sizeof(*k));
	k->host = mem_str(p->host);
	k->port = p->port;
	k->via = mem_str(p->via);
	k->session = session;
	list_push(&t->sessions, &k->link);
	t->session_count++;
	return 1; /* the reference is ours now */
}

/*
 * A resumed handshake shows no certificate, so the one seen when the session
 * began must still be good; that of pinned trust has no such end.
 */
static bool is_usable(const struct trust *t, SSL_SESSION *session)
{
	X509 *cert = SSL_SESSION_get0_peer(session);

	if (!SSL_SESSION_is_resumable(session) || !cert)
		return false;
	return is_pinned(t) ||
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

static void offer_session(const struct peer *p, SSL *ssl)
{
	struct kept *k = kept_for(p);

	if (!k)
		return;
	if (!is_usable(p->trust, k->session)) {
		kept_free(p->trust, k);
		return;
	}
	(void)SSL_set_session(ssl, k->session);
	list_drop(&k->link);
	list_push(&p->trust->sessions, &k->link);
}

void trust_forget(const struct ssl_st *ssl)
{
	const struct peer *p = SSL_get_ex_data(ssl, peer_index);
	struct kept *k = kept_for(p);

	if (k)
		kept_free(p->trust, k);
}

/* Verification */

static bool is_pinned_cert(const struct trust *t, const X509 *cert)
{
	uint8_t digest[CERT_DIGEST_OCTETS];

	for (size_t i = 0; i < t->pin_count; i++) {
		if (cert_digest(cert, t->pins[i].kind, digest) &&
		    memcmp(digest, t->pins[i].digest, sizeof(digest)) == 0)
			return true;
	}
	return false;
}

static void note_refused(struct peer *p, X509_STORE_CTX *ctx)
{
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	X509 *faulty = X509_STORE_CTX_get_current_cert(ctx);

	if (!faulty || is_pinned(p->trust))
		faulty = cert;
	MUST(X509_up_ref(cert) == 1 && X509_up_ref(faulty) == 1);
	p->refused = cert;
	p->faulty = faulty;
	p->verify = X509_STORE_CTX_get_error(ctx);
}

static int on_verify(X509_STORE_CTX *ctx, void *who)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
		ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct peer *p = SSL_get_ex_data(ssl, peer_index);
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	const struct trust *t = who;
	bool ok;

	if (is_pinned(t)) {
		ok = is_pinned_cert(t, cert);
		X509_STORE_CTX_set_error(
			ctx,
			ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	} else {
		ok = X509_verify_cert(ctx) == 1;
	}
	if (!ok && !p->refused)
		note_refused(p, ctx);
	return ok;
}

const struct x509_st *trust_refused(const struct ssl_st *ssl,
				    const struct x509_st **faulty, long *verify)
{
	const struct peer *p = SSL_get_ex_data(ssl, peer_index);

	*faulty = p->faulty;
	*verify = p->verify;
	return p->refused;
}

/* The context */

static int version_number(enum trust_version v)
{
	switch (v) {
	case TRUST_TLS_1_0:
		return TLS1_VERSION;
	case TRUST_TLS_1_1:
		return TLS1_1_VERSION;
	case TRUST_TLS_1_2:
		return TLS1_2_VERSION;
	case TRUST_TLS_1_3:
		return TLS1_3_VERSION;
	}
	return TLS1_2_VERSION;
}

static void set_up(SSL_CTX *ctx, struct trust *t)
{
	int least = version_number(t->min);

	(void)SSL_CTX_set_min_proto_version(ctx, least);
	/* OpenSSL 3 has TLS 1.0 and 1.1 at its lowest security level only. */
	if (least < TLS1_2_VERSION)
		(void)SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0");
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_NO_COMPRESSION);
	/* The system's openssl.cnf might have set it; see stream.h. */
	(void)SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx,
			       SSL_MODE_ENABLE_PARTIAL_WRITE |
				       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				       SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, t);
	(void)SSL_CTX_set_session_cache_mode(
		ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
}

bool trust_ready(struct trust *t, struct err *err)
{
	struct trust_files files = files_of(t);
	SSL_CTX *ctx;

	if (t->ctx)
		return true;
	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return err_set(err, ERR_CONFIG, "OpenSSL cannot be used: %s",
			       ERR_reason_error_string(ERR_peek_error()));
	set_up(ctx, t);
	/* before: rather read again than not */
	trust_stamps(&files, &t->stamps);
	if (trust_files_load(&files, ctx, err)) {
		t->ctx = ctx;
		return true;
	}
	SSL_CTX_free(ctx);
	return false;
}

/* One connection */

/* The address without its zone, which no certificate names. */
static bool numeric_host(const char *host, char *out, size_t cap)
{
	size_t n = strcspn(host, "%");
	struct in6_addr a;

	if (n >= cap)
		return false;
	memcpy(out, host, n);
	out[n] = 0;
	return inet_pton(AF_INET, out, &a) == 1 ||
	       inet_pton(AF_INET6, out, &a) == 1;
}

static bool set_name(SSL *ssl, const char *host)
{
	char number[INET6_ADDRSTRLEN];

	if (numeric_host(host, number, sizeof(number)))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     number) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return *host && SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* RFC 7301 3.1: a list of names, each behind its length. */
static bool set_alpn(SSL *ssl, const char *alpn)
{
	unsigned char list[1 + 32];
	size_t n = strlen(alpn);

	MUST(n > 0 && n < sizeof(list));
	list[0] = (unsigned char)n;
	memcpy(list + 1, alpn, n);
	return SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

static struct peer *peer_new(struct trust *t, const struct trust_peer *peer)
{
	struct peer *p = mem_new(sizeof(*p));
	size_t n = strlen(peer->host);

	p->trust = t;
	p->host = mem_str(peer->host);
	p->port = peer->port;
	p->via = mem_str(peer->via);
	if (n > 1 && p->host[n - 1] == '.')
		p->host[n - 1] = 0;
	return p;
}

struct ssl_st *trust_ssl(struct trust *t, const struct trust_peer *peer,
			 struct err *err)
{
	struct peer *p;
	SSL *ssl;

	if (!trust_ready(t, err))
		return NULL;
	ssl = SSL_new(t->ctx);
	MUST(ssl != NULL);
	p = peer_new(t, peer);
	MUST(SSL_set_ex_data(ssl, peer_index, p) == 1);
	if (!set_name(ssl, p->host)) {
		ERR_clear_error();
		(void)err_set(err, ERR_CONFIG, "no host can be called \"%s\"",
			      peer->host);
		SSL_free(ssl);
		return NULL;
	}
	MUST(!peer->alpn || set_alpn(ssl, peer->alpn));
	offer_session(p, ssl);
	SSL_set_connect_state(ssl);
	return ssl;
}
