/*
 * line - what carries a stream: a wire, TLS over it, DEFLATE within that.
 *
 * In clear and as it is, until line_secure() and line_inflate(). Octets that
 * come go straight into the room of the stream. Those that go are pulled from
 * it (struct line_feed), and leave it only when the kernel, or a bounded buffer
 * of the wire, has taken them; small pieces go out together.
 */
#ifndef NET_LINE_H
#define NET_LINE_H
#include "err.h"
#include "inflate.h"
#include "tls.h"
#include "wire.h"

struct line {
	struct wire wire;
	struct tls *tls;	  /* owned; NULL in clear */
	struct inflate *inflate;  /* owned; NULL: as it is */
	size_t turn_left;	  /* of WIRE_TURN_OCTETS, inflated */
	struct tls_info *refused; /* borrowed; see stream.h; or NULL */
};

enum line_step {
	LINE_DONE,
	LINE_WAIT,   /* for the wire */
	LINE_LATER,  /* the turn is used up, more may be here already */
	LINE_ENDED,  /* the peer said so, in the form that its layer has */
	LINE_CUT,    /* nothing more comes; the wire says why */
	LINE_FAILED, /* TLS or DEFLATE; err says why */
};

void line_init(struct line *l, struct sock *sock, bool quickack,
	       struct tls_info *refused);
/* Closes at once. Also where _init() was not called and all is zero. */
void line_fini(struct line *l);

/* TLS begins: line_handshake() until that is DONE. false: err. */
bool line_secure(struct line *l, struct trust *t, const struct trust_peer *peer,
		 struct err *err);
/* DONE, WAIT, CUT or FAILED. */
enum line_step line_handshake(struct line *l, struct err *err);
/* See stream_inflate(). */
void line_inflate(struct line *l, struct view first);
/* The last words, where there is TLS and room for them. */
void line_goodbye(struct line *l);

/* A new turn begins; in, out: what the loop says is possible. */
void line_turn(struct line *l, bool in, bool out);
/* DONE: *n >= 1 octets are in r. r.n >= 1 */
enum line_step line_take(struct line *l, struct room r, size_t *n,
			 struct err *err);

/* Either may end the stream, and with it the line: then no more is pending. */
struct line_feed {
	struct view (*pending)(void *who); /* borrowed until sent() */
	void (*sent)(void *who, size_t n); /* so many of it were taken */
};
/* DONE: nothing is pending. WAIT: also where the line has ended. */
enum line_step line_give(struct line *l, const struct line_feed *f, void *who,
			 struct err *err);
#endif
