/*
 * tunnel - a proxy asked for a line to the server: SOCKS5 (RFC 1928, signing in
 * by RFC 1929) or HTTP CONNECT (RFC 9110 9.3.6, signing in by RFC 7617).
 *
 * Pure: octets in and out through ports, no socket, no clock. The server's name
 * goes to the proxy as it is and is looked up there. Not one octet behind the
 * proxy's answer is taken: what follows belongs to the server (RFC 9110 9.3.6).
 * A proxy is a peer like others: its answer is bounded, its words are made
 * printable, and whatever it sends ends in an open tunnel or in an error that
 * names the proxy. User and password are wiped as soon as they are sent.
 */
#ifndef NET_TUNNEL_H
#define NET_TUNNEL_H
#include "err.h"
#include "secret.h"

enum proxy_kind {
	PROXY_NONE,
	PROXY_SOCKS5,
	PROXY_HTTP,
};

struct proxy {
	enum proxy_kind kind;
	const char *host; /* name or numeric address, without brackets */
	uint16_t port;
	const char *user;	       /* NULL: no sign-in */
	const struct secret *password; /* of user; NULL: an empty one */
};

enum tunnel_state {
	TUNNEL_ASKING,
	TUNNEL_OPEN, /* the next octet is the server's */
	TUNNEL_FAILED,
};

struct tunnel;
/* Everything is copied. via->kind is not PROXY_NONE. */
struct tunnel *tunnel_new(const struct proxy *via, const char *host,
			  uint16_t port);
void tunnel_free(struct tunnel *t); /* NULL does nothing */

/* Where the next octets from the proxy go; n == 0: no more are wanted. */
struct room tunnel_room(struct tunnel *t);
void tunnel_received(struct tunnel *t, size_t n);
/* The proxy sends no more, or took too long. Ends in TUNNEL_FAILED. */
void tunnel_cut(struct tunnel *t, const char *how);
struct view tunnel_pending(const struct tunnel *t);
void tunnel_sent(struct tunnel *t, size_t n);
/* err: filled where it failed. */
enum tunnel_state tunnel_state(const struct tunnel *t, struct err *err);

/* "socks5 HOST PORT USER", by which connections are told apart. */
void proxy_key(const struct proxy *via, char *out, size_t cap);
#endif
