#include "libssl.h"

#include "cert.h"
#include "must.h"
#include "neterr.h"
#include "tls.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

struct tls {
	SSL *ssl;	   /* owned; the BIO is its */
	struct wire *wire; /* borrowed */
	char *host;	   /* owned */
	bool is_done;	   /* the handshake */
	bool is_broken;
	bool is_cut;
	/* What came first, in case it is no TLS. */
	char first[64];
	size_t first_n;
};

/* A BIO that is nothing but a wire. */

static int bio_read(BIO *b, char *to, int cap)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (cap <= 0)
		return 0;
	n = wire_read(t->wire, (struct room){ to, (size_t)cap });
	if (n < 0)
		BIO_set_retry_read(b);
	if (n == 0)
		t->is_cut = true;
	for (ssize_t i = 0; i < n && t->first_n < sizeof(t->first); i++)
		t->first[t->first_n++] = to[i];
	return (int)n;
}

static int bio_write(BIO *b, const char *from, int len)
{
	struct tls *t = BIO_get_data(b);
	size_t n;

	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	if (wire_free(t->wire) < (size_t)len)
		wire_flush(t->wire);
	n = wire_hold(t->wire, (struct view){ from, (size_t)len });
	if (n > 0)
		return (int)n;
	BIO_set_retry_write(b);
	return -1;
}

static long bio_ctrl(BIO *b, int command, long number, void *ptr)
{
	struct tls *t = BIO_get_data(b);

	(void)number, (void)ptr;
	if (command == BIO_CTRL_EOF)
		return t->is_cut;
	return command == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
			      "wire");
	MUST(method && BIO_meth_set_read(method, bio_read) &&
	     BIO_meth_set_write(method, bio_write) &&
	     BIO_meth_set_ctrl(method, bio_ctrl));
	return method;
}

struct tls *tls_new(struct trust *trust, const struct trust_peer *peer,
		    struct wire *wire, struct err *err)
{
	SSL *ssl = trust_ssl(trust, peer, err);
	struct tls *t;
	BIO *b;

	if (!ssl)
		return NULL;
	t = mem_new(sizeof(*t));
	t->ssl = ssl;
	t->wire = wire;
	t->host = mem_str(peer->host);
	b = BIO_new(bio_method());
	MUST(b != NULL);
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(ssl, b, b);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	/*
	 * OpenSSL marks the session of a connection that was not shut down as
	 * not resumable; how ours end says nothing about the session.
	 */
	if (!t->is_broken)
		SSL_set_shutdown(t->ssl,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	free(t->host);
	free(t);
}

/* What an SSL call that returned ret means. */
static enum tls_step step_of(struct tls *t, int ret)
{
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_STEP_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_STEP_END;
	}
	t->is_broken = true;
	if (t->is_cut) {
		ERR_clear_error();
		return TLS_STEP_CUT;
	}
	return TLS_STEP_FAILED;
}

enum tls_step tls_handshake(struct tls *t)
{
	enum tls_step step;
	int ret;

	/* A stale entry would turn "wait" into an error. */
	ERR_clear_error();
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1) {
		t->is_done = true;
		return TLS_STEP_DONE;
	}
	step = step_of(t, ret);
	if (step != TLS_STEP_WAIT)
		trust_forget(t->ssl);
	return step;
}

enum tls_step tls_read(struct tls *t, struct room r, size_t *n)
{
	int ret;

	ERR_clear_error();
	ret = SSL_read_ex(t->ssl, r.p, r.n, n);
	return ret == 1 ? TLS_STEP_DONE : step_of(t, ret);
}

enum tls_step tls_write(struct tls *t, struct view v)
{
	size_t n;
	int ret;

	MUST(v.n > 0 && v.n <= TLS_CLEAR_MAX);
	ERR_clear_error();
	ret = SSL_write_ex(t->ssl, v.p, v.n, &n);
	if (ret != 1)
		return step_of(t, ret);
	MUST(n == v.n);
	return TLS_STEP_DONE;
}

void tls_goodbye(struct tls *t)
{
	if (!t->is_done || t->is_broken)
		return;
	ERR_clear_error();
	if (SSL_shutdown(t->ssl) < 0)
		ERR_clear_error();
}

bool tls_error(struct tls *t, struct err *err)
{
	struct neterr_tls what = {
		.host = t->host,
		.first = { t->first, t->first_n },
		.in_handshake = !t->is_done,
	};

	what.seen = trust_refused(t->ssl, &what.faulty, &what.verify);
	return neterr_tls(err, &what);
}

static void describe(const X509 *cert, const SSL *ssl, struct tls_info *info)
{
	*info = (struct tls_info){ 0 };
	(void)snprintf(info->version, sizeof(info->version), "%s",
		       SSL_get_version(ssl));
	cert_dn(X509_get_subject_name(cert), info->subject,
		sizeof(info->subject));
	cert_dn(X509_get_issuer_name(cert), info->issuer, sizeof(info->issuer));
	cert_names(cert, info->names, sizeof(info->names));
	info->not_before_unix = cert_unix(X509_get0_notBefore(cert));
	info->not_after_unix = cert_unix(X509_get0_notAfter(cert));
	cert_digest_text(cert, CERT_SHA256, info->sha256, sizeof(info->sha256));
	cert_digest_text(cert, CERT_SPKI, info->spki, sizeof(info->spki));
	info->pinned = trust_is_pinned(ssl);
}

bool tls_info(const struct tls *t, struct tls_info *info)
{
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (!t->is_done || !cert || !SSL_get_session(t->ssl))
		return false;
	describe(cert, t->ssl, info);
	(void)snprintf(info->cipher, sizeof(info->cipher), "%s",
		       SSL_get_cipher_name(t->ssl));
	info->resumed = SSL_session_reused(t->ssl);
	return true;
}

bool tls_refused(const struct tls *t, struct tls_info *info)
{
	const X509 *cert, *faulty;
	long verify;

	cert = trust_refused(t->ssl, &faulty, &verify);
	if (!cert)
		return false;
	describe(cert, t->ssl, info);
	info->faults = cert_faults(cert, t->host, verify);
	return true;
}

/* RFC 5929 4.1: the hash of the signature, but nothing weaker than SHA-256. */
static size_t end_point(const SSL *ssl, uint8_t out[TLS_BINDING_MAX])
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	const EVP_MD *md = NULL;
	int hash = NID_undef;
	unsigned n = 0;

	if (!cert || !X509_get_signature_info((X509 *)(uintptr_t)cert, &hash,
					      NULL, NULL, NULL))
		return 0;
	if (hash == NID_md5 || hash == NID_sha1)
		hash = NID_sha256;
	md = EVP_get_digestbynid(hash);
	if (!md || X509_digest(cert, md, out, &n) != 1)
		return 0;
	return n;
}

size_t tls_binding(const struct tls *t, enum tls_binding kind,
		   uint8_t out[TLS_BINDING_MAX])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	bool is_new = SSL_version(t->ssl) >= TLS1_3_VERSION;

	if (!t->is_done)
		return 0;
	switch (kind) {
	case BINDING_TLS_EXPORTER:
		/* RFC 9266 3: unsafe before 1.3 without extended secrets. */
		if (!is_new || SSL_export_keying_material(
				       t->ssl, out, 32, label,
				       sizeof(label) - 1, NULL, 0, 0) != 1)
			return 0;
		return 32;
	case BINDING_TLS_SERVER_END_POINT:
		return end_point(t->ssl, out);
	case BINDING_TLS_UNIQUE:
		if (is_new)
			return 0;
		/* RFC 5929 3.1: the first Finished, ours unless resumed. */
		if (SSL_session_reused(t->ssl))
			return SSL_get_peer_finished(t->ssl, out,
						     TLS_BINDING_MAX);
		return SSL_get_finished(t->ssl, out, TLS_BINDING_MAX);
	}
	return 0;
}
