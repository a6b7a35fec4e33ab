/*
 * tls - the client's side of one TLS connection.
 *
 * Reads from a wire without buffers in between but OpenSSL's own, which go when
 * it is idle; writes into the wire's bounded buffer. An end without
 * close_notify is never taken for an end.
 */
#ifndef NET_TLS_H
#define NET_TLS_H
#include "certfault.h"
#include "err.h"
#include "trust.h"

struct wire;

struct tls;

enum tls_step {
	TLS_STEP_DONE,
	TLS_STEP_WAIT,	 /* for the wire */
	TLS_STEP_END,	 /* the peer said close_notify */
	TLS_STEP_CUT,	 /* the wire ended */
	TLS_STEP_FAILED, /* see tls_error() */
};

/* wire: borrowed. NULL: see trust_ssl(). trust must outlive it. */
struct tls *tls_new(struct trust *t, const struct trust_peer *peer,
		    struct wire *wire, struct err *err);
void tls_free(struct tls *t); /* NULL does nothing */

enum tls_step tls_handshake(struct tls *t);
/* DONE: *n >= 1 octets are in r. r.n >= 1 */
enum tls_step tls_read(struct tls *t, struct room r, size_t *n);
/*
 * All of v as one record. DONE is certain where wire_free() is at
 * least TLS_RECORD_MAX. v.n: 1 to TLS_CLEAR_MAX.
 */
#define TLS_CLEAR_MAX 16384u /* RFC 8446 5.1 */
#define TLS_RECORD_MAX                                                         \
	17408u /* with all that can come around and before it                  \
		*/
enum tls_step tls_write(struct tls *t, struct view v);
/* close_notify goes to the wire, if that has room and all went well. */
void tls_goodbye(struct tls *t);

/* After FAILED: fills err and returns false. */
bool tls_error(struct tls *t, struct err *err);

struct tls_info {
	char version[16]; /* "TLSv1.3" */
	char cipher[48];
	char subject[160];	 /* printable, cut */
	char issuer[160];	 /* printable, cut */
	char names[240];	 /* printable, cut: those a client checks */
	int64_t not_before_unix; /* seconds */
	int64_t not_after_unix;
	char sha256[7 + 64 + 1]; /* "sha256:..." of the certificate */
	char spki[5 + 64 + 1];	 /* "spki:..." of its key */
	bool pinned; /* known by fingerprint, not by chain and name */
	bool resumed;
	unsigned faults; /* of a refused one: of CERT_FAULT(); else 0 */
};
/* false: the handshake is not over. */
bool tls_info(const struct tls *t, struct tls_info *info);

/*
 * After FAILED, where it was for the certificate: what that says, and what is
 * wrong with it. false: another reason.
 */
bool tls_refused(const struct tls *t, struct tls_info *info);

/* Channel bindings for SCRAM-*-PLUS. */
enum tls_binding {
	BINDING_TLS_EXPORTER,	      /* RFC 9266 2: TLS 1.3 */
	BINDING_TLS_SERVER_END_POINT, /* RFC 5929 4 */
	BINDING_TLS_UNIQUE,	      /* RFC 5929 3: TLS 1.2 and before */
};
#define TLS_BINDING_MAX 64u
/* Number of octets written; 0: not to be had here. */
size_t tls_binding(const struct tls *t, enum tls_binding kind,
		   uint8_t out[TLS_BINDING_MAX]);
#endif
