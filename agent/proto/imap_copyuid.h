/*
 * imap_copyuid - which UID became which: the arguments of a COPYUID response
 * code, "432432 4,7:9 1202:1205" (RFC 4315 3).
 *
 * Pairs are read one by one, so that a range of any length holds no memory. The
 * two sets must name equally many UIDs; where they do not, reading ends at the
 * first that has no partner, and what was told before stands.
 */
#ifndef PROTO_IMAP_COPYUID_H
#define PROTO_IMAP_COPYUID_H
#include "view.h"

struct imap_copyuid_set {
	struct view rest;
	uint32_t at, last; /* of the range in hand; at 0: none */
};

struct imap_copyuid {
	uint32_t uidvalidity; /* of the folder copied to */
	struct imap_copyuid_set from, to;
};

/* args: what stands behind COPYUID, borrowed. false: it is malformed. */
bool imap_copyuid_begin(struct imap_copyuid *c, struct view args);
/* The next pair, none of them 0. false: that was all. */
bool imap_copyuid_next(struct imap_copyuid *c, uint32_t *from, uint32_t *to);
#endif
