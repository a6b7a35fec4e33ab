/*
 * certfault - what can be wrong with a server's certificate. Each calls for
 * something different, so each has its own words.
 */
#ifndef NET_CERTFAULT_H
#define NET_CERTFAULT_H

enum cert_fault {
	CERT_SELF_SIGNED,
	CERT_ISSUER, /* unknown */
	CERT_NAME,
	CERT_TIME,
	CERT_PIN, /* none of those in tls_fingerprint */
	CERT_OTHER,
};
#define CERT_FAULT(f) (1u << (f))
#endif
