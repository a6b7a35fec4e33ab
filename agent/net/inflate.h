/*
 * inflate - the octets of a peer that sends raw DEFLATE (RFC 1951), bounded.
 *
 * What goes in waits in a fixed buffer, what comes out is written where the
 * caller says, so nothing grows. A peer cannot make much of little, or work
 * without meaning: LIMIT_INFLATE_* (CASES B11) end it, as malformed octets and
 * octets behind the end of the compressed stream do.
 *
 * The other direction are stored blocks: octets as they are, with a head of
 * five. No dictionary, so the length on the wire says nothing about what was
 * sent before (CASES B12); commands are too short to be worth more.
 */
#ifndef NET_INFLATE_H
#define NET_INFLATE_H
#include "err.h"
#include "view.h"

#include <stdint.h>

#define INFLATE_IN_OCTETS (16u << 10)

struct inflate;

enum inflate_step {
	INFLATE_SOME,
	INFLATE_MORE,	/* nothing without more octets */
	INFLATE_FAILED, /* err is set; for good */
};

struct inflate_caps {
	uint64_t free_octets, most_octets;
	uint32_t ratio;
	size_t empty_octets;
};

/* caps: copied; NULL: the limits named above. */
struct inflate *inflate_new(const struct inflate_caps *caps);
void inflate_free(struct inflate *f); /* NULL: nothing */

/* Where compressed octets go; empty: take first. */
struct room inflate_room(struct inflate *f);
void inflate_received(struct inflate *f, size_t n);
/* SOME: *n >= 1 octets are in r. r.n >= 1 */
enum inflate_step inflate_take(struct inflate *f, struct room r, size_t *n,
			       struct err *err);
/*
 * What the peer has done for its time: compressed octets used, or octets taken
 * if those are fewer. Never goes down.
 */
uint64_t inflate_moved(const struct inflate *f);

/* The head of a stored block of n octets (RFC 1951 3.2.4). */
#define STORED_HEAD_OCTETS 5u
#define STORED_OCTETS	   65535u
void stored_head(char head[STORED_HEAD_OCTETS], size_t n);
#endif
