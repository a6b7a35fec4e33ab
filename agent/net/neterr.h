/*
 * neterr - what errno, getaddrinfo and OpenSSL report, as error classes.
 *
 * The one place of this layer where raw codes become a class, words and a
 * remedy. All return false.
 */
#ifndef NET_NETERR_H
#define NET_NETERR_H
#include "err.h"

struct x509_st; /* OpenSSL's X509 */

/*
 * connect(2) or bind(2) failed; what: "cannot connect to 192.0.2.1 port 25".
 * path: it is a socket of the file system.
 */
bool neterr_connect(struct err *err, int errnum, bool path, const char *what);
/* read(2), write(2) of an open connection failed. */
bool neterr_cut(struct err *err, int errnum);
/* getaddrinfo(3) returned eai; 0: took too long. */
bool neterr_lookup(struct err *err, int eai, const char *host);

/* What there is to say about an SSL call that failed. */
struct neterr_tls {
	const struct x509_st *seen;   /* the certificate refused, or NULL */
	const struct x509_st *faulty; /* at which verification stopped */
	long verify;		      /* why (X509_V_ERR_*) */
	const char *host;	      /* as configured */
	struct view first;	      /* what the peer sent first of all */
	bool in_handshake;
};
/*
 * The connection itself did not fail. Reads and empties OpenSSL's error queue.
 * ERR_TRUST; but ERR_PROTOCOL where first is no TLS at all, and ERR_NETWORK for
 * what may pass: damage on the way, or a server in trouble.
 */
bool neterr_tls(struct err *err, const struct neterr_tls *tls);
/*
 * The end of octets without close_notify, or in the middle of a handshake:
 * ERR_NETWORK.
 */
bool neterr_truncated(struct err *err, bool in_handshake);
/*
 * A file of the configuration could not be used: ERR_CONFIG. errnum: why; 0:
 * ask OpenSSL's error queue, which is emptied.
 */
bool neterr_file(struct err *err, int errnum, const char *what,
		 const char *path);
#endif
