/*
 * cert - what is told of a certificate: names, time, fingerprints.
 *
 * Text from a certificate is the peer's: it is made printable and cut before it
 * goes anywhere. Nothing in here decides about trust.
 */
#ifndef NET_CERT_H
#define NET_CERT_H
#include "libssl.h"

#include "certfault.h"
#include "text.h"

#define CERT_DIGEST_OCTETS 32u
#define CERT_SHA256_TEXT   (7u + 64u + 1u) /* "sha256:" + HEX + NUL */
#define CERT_SPKI_TEXT	   (5u + 64u + 1u) /* "spki:" + HEX + NUL */

enum cert_digest {
	CERT_SHA256,
	CERT_SPKI
};

/* SHA-256 of the whole certificate, or of its SubjectPublicKeyInfo. */
bool cert_digest(const X509 *cert, enum cert_digest kind,
		 uint8_t out[CERT_DIGEST_OCTETS]);
/* "sha256:HEX" or "spki:HEX"; "" where that fails. */
void cert_digest_text(const X509 *cert, enum cert_digest kind, char *out,
		      size_t cap);
/*
 * The other direction; HEX in either case, colons between octets allowed.
 * false: neither form.
 */
bool cert_digest_parse(const char *text, enum cert_digest *kind,
		       uint8_t out[CERT_DIGEST_OCTETS]);
/* verify: X509_V_ERR_*, not X509_V_OK. */
enum cert_fault cert_fault_of(long verify);
/*
 * All that is wrong with a server's certificate that was refused for `verify`:
 * verification stops at the first fault, a person wants to know of the rest.
 * Bits of CERT_FAULT(); host as it was to be reached.
 */
unsigned cert_faults(const X509 *cert, const char *host, long verify);
/* The names a client would check: SAN, else CN; "a, b, 192.0.2.1". */
void cert_names(const X509 *cert, char *out, size_t cap);
/* A distinguished name in RFC 2253 form. */
void cert_dn(const X509_NAME *name, char *out, size_t cap);
/* Seconds; 0 where it is malformed. */
int64_t cert_unix(const ASN1_TIME *t);
/* "2026-08-25 12:00 UTC" */
void cert_time(const ASN1_TIME *t, char *out, size_t cap);
#endif
