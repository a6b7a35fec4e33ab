/*
 * hop - a socket that leads to a proxy becomes one that leads to the server.
 *
 * Plays tunnel.h on that socket, LIMIT_PROXY_MS for all of it. Behind the
 * proxy's answer comes what the server says (RFC 9110 9.3.6), which stays in
 * the socket; but where the server waits for us (TLS from the first octet)
 * octets that are there already were made up by the proxy: an error.
 */
#ifndef NET_HOP_H
#define NET_HOP_H
#include "sock.h"
#include "tunnel.h"

struct hop;

/* Called once, later: the socket, the caller's again; or NULL and why. */
typedef void hop_done(void *who, struct sock *s, const struct err *why);
/* s: connected. s and t are owned from now on. within_ms 0: LIMIT_PROXY_MS. */
struct hop *hop_start(struct loop *l, struct sock *s, struct tunnel *t,
		      bool server_waits, uint32_t within_ms, hop_done *done,
		      void *who);
/* Closes the socket; done will not be called. NULL does nothing. */
void hop_cancel(struct hop *h);
#endif
