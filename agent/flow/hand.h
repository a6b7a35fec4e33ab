/*
 * hand - which messages of the ledger this process has in hand, so that nobody
 * takes one twice: a delivery that looks again, or one of a new configuration
 * beside that of the old.
 */
#ifndef FLOW_HAND_H
#define FLOW_HAND_H
#include "parcel.h"

#define HAND_BUCKETS 512u /* ids are handed out in sequence: evenly filled */

struct hand {
	struct parcel *bucket[HAND_BUCKETS];
	size_t n;
};

/* p->m has its id; until parcel_free(). */
void hand_add(struct hand *h, struct parcel *p);
void hand_drop(struct parcel *p); /* not in hand: nothing */
bool hand_has(const struct hand *h, int64_t id);
#endif
