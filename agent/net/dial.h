/*
 * dial - from a host name to a connected socket: Happy Eyeballs (RFC 8305).
 *
 * Addresses are tried with their families interleaved (RFC 8305 4), the next
 * one 250 ms after the last or as soon as that failed (RFC 8305 5); the first
 * to connect wins and the others are closed. The whole, look-up included, has
 * one deadline. With a proxy all this is done for the proxy's name, and then
 * the proxy is asked for the server (hop.h), whose name is not looked up here.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H
#include "sock.h"
#include "tunnel.h"

struct dial;

struct dial_target {
	const char *host; /* copied; or */
	const char *path; /* of a local socket */
	uint16_t port;
	const char *source_address; /* numeric or NULL */
	uint32_t within_ms;
	const struct proxy *proxy; /* copied; NULL: none; not with path */
	bool server_waits;	   /* see hop.h, as the next */
	uint32_t proxy_ms;
};

/*
 * Called once, later: a socket that is the caller's now, and the address it
 * was connected to (the proxy's, if there is one); or NULL and why.
 */
typedef void dial_done(void *who, struct sock *won, const struct address *to,
		       const struct err *why);
struct dial *dial_start(struct loop *l, struct resolver *r,
			const struct dial_target *target, dial_done *done,
			void *who);
/* done will not be called. Not after done was. NULL does nothing. */
void dial_cancel(struct dial *d);
#endif
