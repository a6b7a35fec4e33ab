/*
 * wire - a connected socket with a bounded output buffer.
 *
 * What the kernel does not take at once, and what TLS makes, waits in up to
 * WIRE_OCTETS; the memory is there only while something waits. Reading is
 * limited per turn of the loop, so that one fast peer starves nobody. A write
 * that fails only makes the wire mute: the peer's last words may still be read.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H
#include "queue.h"
#include "sock.h"

#define WIRE_OCTETS	 (68u << 10)  /* four full TLS records */
#define WIRE_TURN_OCTETS (256u << 10) /* read at most in one turn */

enum wire_end {
	WIRE_OPEN,
	WIRE_ENDED,  /* the peer sends no more */
	WIRE_BROKEN, /* errnum says why */
};

struct wire {
	struct sock *sock; /* owned */
	struct queue out;  /* owned; without memory while empty */
	enum wire_end end;
	int errnum;	  /* of WIRE_BROKEN or is_mute */
	bool is_dry;	  /* the kernel had less than asked for */
	bool is_stuck;	  /* the kernel takes no more just now */
	bool is_mute;	  /* a write failed */
	bool quickack;	  /* acknowledge each read at once */
	size_t turn_left; /* of WIRE_TURN_OCTETS */
	size_t held_most;
};

void wire_init(struct wire *w, struct sock *sock, bool quickack);
/* Closes at once; what is held is lost. May be called again. */
void wire_fini(struct wire *w);

/* A new turn begins; in, out: what the loop says is possible. */
void wire_turn(struct wire *w, bool in, bool out);
/* Calls ready when octets come (if in) and when it is no longer stuck. */
void wire_watch(struct wire *w, bool in, sock_ready *ready, void *who);

/* Octets put to r, 0: see end, -1: nothing now, or the turn is used up. */
ssize_t wire_read(struct wire *w, struct room r);
/* Octets of v taken by the kernel, behind what is held. */
size_t wire_write(struct wire *w, struct view v);
/* Octets of v that are held now; cut at wire_free(). */
size_t wire_hold(struct wire *w, struct view v);
void wire_flush(struct wire *w);
size_t wire_free(const struct wire *w);
size_t wire_held(const struct wire *w);
#endif
