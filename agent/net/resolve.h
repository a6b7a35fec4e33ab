/*
 * resolve - host names to addresses.
 *
 * Look-ups run on the pool, at most `at_once` at a time so that a dead resolver
 * never takes the whole pool; one look-up per host is in flight, its result is
 * shared and kept for 30 s. Where a look-up fails for now, or takes longer than
 * RESOLVE_MS, the last good result (of any age) is used. Numeric addresses need
 * no look-up, nor does localhost: it is this machine, whatever a resolver says
 * (RFC 6761 6.3). Every failure is ERR_NETWORK with a remedy, also "no such host":
 * resolvers lie when networks change, so a name is never given up.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H
#include "err.h"
#include "loop.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RESOLVE_MS	  20000u
#define RESOLVE_KEEP_MS	  30000u
#define RESOLVE_ADDRESSES 16u /* of one host; more are ignored */

struct address {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} to;
};

/* text: "192.0.2.1", "2001:db8::1", "fe80::1%eth0". false: not numeric. */
bool address_numeric(struct address *a, const char *text);
void address_set_port(struct address *a, uint16_t port);
/* "192.0.2.1", "2001:db8::1" or the path of a socket; cap >= 112. */
void address_text(const struct address *a, char *out, size_t cap);
/* 127/8, ::1, those mapped into IPv6, and local sockets. */
bool address_is_loopback(const struct address *a);

struct resolver;
struct lookup; /* one who waits */

/*
 * call does a look-up on the pool: writes up to RESOLVE_ADDRESSES addresses
 * with port 0 in order of preference to list, sets *n and returns 0, or returns
 * an EAI_* code. NULL: getaddrinfo.
 */
typedef int resolve_call(const char *host, struct address *list, size_t *n);
struct resolver *resolver_new(struct loop *l, unsigned at_once,
			      resolve_call *call);
/* Nobody may wait any more. What runs on the pool ends by itself. */
void resolver_free(struct resolver *r);
/* Another deadline than RESOLVE_MS for those who ask from now on. */
void resolver_within(struct resolver *r, uint32_t ms);
/* As if all that is kept were older than 30 s: the network may have changed. */
void resolver_expire(struct resolver *r);

/*
 * done is called once, later (never from inside this call), with n >= 1
 * addresses that live until done returns, or with n == 0 and why. host is
 * copied; a trailing dot and the case of letters do not matter.
 */
typedef void resolve_done(void *who, const struct address *list, size_t n,
			  const struct err *why);
struct lookup *resolve(struct resolver *r, const char *host, resolve_done *done,
		       void *who);
/* done will not be called. Not after done was. NULL does nothing. */
void resolve_cancel(struct lookup *w);
#endif
