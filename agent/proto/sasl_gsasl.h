/*
 * sasl_gsasl - what libgsasl does for sasl.c and sasl_scram.c, and the only
 * place that knows it. Mechanisms are named one by one, never by what the
 * library has: it has NTLM and DIGEST-MD5 as well.
 *
 * SCRAM's messages are not libgsasl's: 2.2.0 (Debian 12) fails as soon as it
 * knows binding data without -PLUS, thus cannot say gs2 `y` (RFC 5802 6, CASES
 * C6); it has no tls-server-end-point, and computes whatever iteration count it
 * is told.
 */
#ifndef PROTO_SASL_GSASL_H
#define PROTO_SASL_GSASL_H
#include "err.h"
#include "hash.h"
#include "sasl.h"

/*
 * SASLprep (RFC 4013) of v as a query string. false: v holds what may not stand
 * in a name or password, or is no UTF-8.
 */
bool sasl_prepared(struct view v, struct secret *out);

/* SCRAM, RFC 5802 3; each of the length of the hash. To be wiped. */
struct sasl_keys {
	char client[HASH_MAC_MAX], server[HASH_MAC_MAX], stored[HASH_MAC_MAX];
};
/*
 * Slow: `iterations` rounds of HMAC. password: prepared, without NUL. kind:
 * HASH_SHA1 or HASH_SHA256. false: out of memory, or libgsasl refuses.
 */
bool sasl_derive(enum hash_kind kind, const struct secret *password,
		 unsigned iterations, struct view salt, struct sasl_keys *out);

/* CRAM-MD5 or GSSAPI. */
struct sasl_library;
struct sasl_library *sasl_library_new(const struct sasl_options *o,
				      struct err *err);
void sasl_library_free(struct sasl_library *l); /* NULL: nothing */
/* challenge and *out: octets, not base64. *done: satisfied. */
bool sasl_library_step(struct sasl_library *l, struct view challenge,
		       struct secret *out, bool *done, struct err *err);
#endif
