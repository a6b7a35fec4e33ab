/*
 * trust - whom a TLS connection believes: one SSL_CTX per distinct setting.
 *
 * A trust is shared by all who ask for an equal setting, loads its files when
 * the first connection needs it, and is kept for those who ask later, with its
 * TLS sessions, until one of its files changes or trusts_renew() is called.
 * Certificates are always checked:
 * either chain and name (RFC 6125: DNS names of the SAN, CN only where there
 * are none, no partial wildcards), or, with fingerprints, exactly those
 * certificates or keys, whatever they say of themselves. TLS 1.2 at least
 * unless the setting says otherwise; no compression, no renegotiation.
 * TLS sessions are kept for resumption per trust, host, port and proxy, in
 * memory only: a ticket on disk would be one more secret there.
 */
#ifndef NET_TRUST_H
#define NET_TRUST_H
#include "err.h"

/* OpenSSL's SSL and X509; its headers stay out of this one. */
struct ssl_st;
struct x509_st;

enum trust_version {
	TRUST_TLS_1_2, /* the default is 0 */
	TRUST_TLS_1_0,
	TRUST_TLS_1_1,
	TRUST_TLS_1_3,
};

/* All strings are borrowed for the call and copied. */
struct trust_setting {
	const char *ca_file;		 /* NULL: the system's authorities */
	const char *const *fingerprints; /* "sha256:HEX", "spki:HEX" */
	size_t fingerprint_count;
	/* Below 1.2 weak keys, ciphers and SHA-1 are let through as well. */
	enum trust_version min;
	const char *client_cert; /* PEM, with its chain; NULL: none */
	const char *client_key;	 /* PEM; NULL: in client_cert */
};

struct trust;
struct trusts; /* those in use, to be shared */

struct trusts *trusts_new(void);
/* Every trust must have been released. */
void trusts_free(struct trusts *all);
/*
 * The configuration is another: those who ask from now on get a fresh trust, and
 * what nobody holds goes.
 */
void trusts_renew(struct trusts *all);

/*
 * One reference, released by trust_release(). NULL: the setting is malformed
 * (ERR_CONFIG); files are not looked at yet.
 */
struct trust *trust_get(struct trusts *all, const struct trust_setting *setting,
			struct err *err);
struct trust *trust_hold(struct trust *t);
void trust_release(struct trust *t); /* NULL does nothing */

/* Loads the files, once. false: ERR_CONFIG; tried again at the next call. */
bool trust_ready(struct trust *t, struct err *err);

/* Who is to be at the other end; copied. */
struct trust_peer {
	const char *host;
	uint16_t port;
	const char *alpn; /* a token such as "imap"; NULL: none offered */
	const char *via;  /* the proxy between us, in any form; NULL: none */
};

/*
 * For net/tls. A new SSL for that peer, with name checks, SNI, ALPN and the
 * session kept last, if any; t must outlive it. Sessions are kept apart by
 * proxy: "localhost" is another host there, and a ticket shown on both ways
 * would tell the server that both are one client. NULL: see trust_ready(), or
 * ERR_CONFIG for a name that no host can have.
 */
struct ssl_st *trust_ssl(struct trust *t, const struct trust_peer *peer,
			 struct err *err);
/*
 * The server's certificate that was refused, that of its chain at which
 * verification stopped, and why (X509_V_ERR_*); NULL: none was.
 */
const struct x509_st *trust_refused(const struct ssl_st *ssl,
				    const struct x509_st **faulty,
				    long *verify);
/* The handshake failed: the session kept for this peer is used no more. */
void trust_forget(const struct ssl_st *ssl);
/* The setting names fingerprints. */
bool trust_is_pinned(const struct ssl_st *ssl);
#endif
