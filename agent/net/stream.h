/*
 * stream - one connection: found, dialled, perhaps made secret, and pumped
 * between the kernel and the ports of its owner.
 *
 * A stream pulls. It asks the owner for room and for octets to send, and only
 * then touches the network, so neither side is ever buffered without bound: a
 * room of 0 leaves incoming octets in the kernel, and what the peer does not
 * read stays with the owner (but for at most 64 KiB already taken).
 *
 * Ports are called from the loop only, never from inside a call of this header.
 * Any of these calls may be made from inside any port. `closed` is the last
 * port to be called, exactly once, whatever happened; the stream is gone when
 * it returns.
 *
 * Connecting: Happy Eyeballs (RFC 8305): families interleaved, a further
 * attempt each 250 ms or as soon as one fails, LIMIT_CONNECT_MS for all of it.
 * Through a proxy (tunnel.h) it is the proxy that is found and dialled so; the
 * server's name is never looked up here; LIMIT_PROXY_MS for its answer.
 * TLS: see trust.h; LIMIT_TLS_MS for the handshake. An end of octets without
 * close_notify is a truncation, thus an error, unless stream_expect_end().
 *
 * Patience (patience.h): the peer is held to what the owner's port says, with
 * two additions: time in which the owner gives no room and has nothing stuck
 * does not count; and octets buy at most LIMIT_SESSION_QUIET_MS of standing
 * still. Octets are those of the owner, not TLS records; of compressed ones
 * those on the wire where they are fewer. While nothing is
 * expected but output is stuck, LIMIT_BLOCK_MS and LIMIT_RATE_OCTETS_S hold.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H
#include "err.h"
#include "loop.h"
#include "patience.h"
#include "resolve.h"
#include "tls.h"
#include "trust.h"
#include "tunnel.h"

enum stream_tls {
	TLS_NONE,     /* clear, for good */
	TLS_IMPLICIT, /* from the first octet */
	TLS_STARTTLS, /* clear until stream_start_tls() */
};

/* Everything is copied (trust: held); zero where not needed. */
struct endpoint {
	const char *host; /* name or numeric address, without brackets */
	uint16_t port;
	const char *path; /* of a local socket, instead of host and port */
	enum stream_tls tls;
	struct trust *trust;	    /* not for TLS_NONE */
	const char *alpn;	    /* "imap", "pop3"; NULL: none offered */
	const char *source_address; /* numeric, to bind to; NULL: any */
	struct proxy proxy; /* kind PROXY_NONE: straight; not for path */
	/*
	 * Of a certificate that is not trusted: filled before `closed`, and
	 * lives so long. NULL: nobody asks.
	 */
	struct tls_info *refused;
	bool quickack;		     /* TCP_QUICKACK after each read */
	uint32_t connect_ms, tls_ms; /* 0: the limits named above */
	uint32_t proxy_ms;
	uint32_t first_ms; /* for the first octet that the owner is to get, at
			    * most; 0: as long as the owner's port says */
};

struct stream_ports {
	/* Where incoming octets go. n == 0: paused until stream_poke(). */
	struct room (*room)(void *who);
	/* n octets were written to the room got last. */
	void (*received)(void *who, size_t n);
	/* Octets to send, borrowed until sent() is called. */
	struct view (*pending)(void *who);
	/* n octets of it were taken. */
	void (*sent)(void *who, size_t n);
	/* Connected; with TLS_IMPLICIT: and secret. Once, before octets move.
	 */
	void (*opened)(void *who);
	/* The handshake of stream_start_tls() is done. */
	void (*secured)(void *who);
	/* The peer will send no more; everything it sent was received. */
	void (*eof)(void *who);
	struct patience (*patience)(void *who);
	/* Last. why->class is ERR_NONE where we ended it; why lives so long. */
	void (*closed)(void *who, const struct err *why);
};

struct stream;

/* Never fails here: what goes wrong arrives in `closed`. ports: borrowed. */
struct stream *stream_open(struct loop *l, struct resolver *r,
			   const struct endpoint *to,
			   const struct stream_ports *ports, void *who);
/*
 * The owner has room again, or octets to send, or another patience. Cheap, and
 * not needed for what the owner does inside a port.
 */
void stream_poke(struct stream *s);
/*
 * The peer agreed to TLS and has sent nothing behind that (its octets now count
 * as the handshake); the owner has nothing pending. Needs TLS_STARTTLS and an
 * open, still clear stream; anything else is a bug of ours.
 */
void stream_start_tls(struct stream *s);
/*
 * The peer sends raw DEFLATE from now on, and awaits it (RFC 4978); first:
 * octets of that which the owner has got already, at most INFLATE_IN_OCTETS.
 * Behind the sign-in alone (CASES B12): no secret may be pending or follow.
 * Once, on an open stream; anything else is a bug of ours. See inflate.h.
 */
void stream_inflate(struct stream *s, struct view first);
/* The farewell was answered: an end in any form is clean from now on. */
void stream_expect_end(struct stream *s);
/* Ends it now; octets not yet taken by the kernel are lost. */
void stream_close(struct stream *s);
/*
 * Sends what is pending, says goodbye to TLS, then closes; reads nothing more
 * and does not wait for the peer, 5 s at most.
 */
void stream_finish(struct stream *s);

/*
 * The address connected to as text, that of the proxy where there is one, ""
 * before; lives as long as s. What stands behind a proxy is never loopback.
 */
const char *stream_peer(const struct stream *s, bool *is_loopback);
bool stream_is_tls(const struct stream *s); /* handshake done */

/* false: no TLS (yet). */
bool stream_tls_info(const struct stream *s, struct tls_info *info);

/* Number of octets written, 0: not to be had here. See tls.h. */
size_t stream_binding(const struct stream *s, enum tls_binding kind,
		      uint8_t out[TLS_BINDING_MAX]);

/* Octets moved for the owner so far, and those taken but still with us. */
struct stream_counts {
	uint64_t received, sent;
	size_t held, held_most;
};
struct stream_counts stream_counts(const struct stream *s);
#endif
