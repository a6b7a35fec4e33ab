/*
 * listing_imap - facts about the messages of a folder, gathered from FETCH
 * responses into the items of a listing.
 *
 * Several responses for one message are one item (CASES: Exchange); a UID below
 * the range asked is left out (D6); order and number of responses mean nothing.
 * Announced sizes and dates are kept as they are told, cut to 32 bits.
 */
#ifndef FLOW_LISTING_IMAP_H
#define FLOW_LISTING_IMAP_H
#include "imap.h"
#include "spool.h"

struct imap_listing {
	struct spool_item *item; /* owned */
	size_t n, cap;
	uint32_t from;
	bool is_sorted; /* so far */
};

/* Begins anew. */
void imap_listing_begin(struct imap_listing *l, uint32_t from);
void imap_listing_add(struct imap_listing *l, const struct imap_fetch *f);
/* Sorted by key, without doubles; the caller's, free(). l is empty then. */
struct spool_item *imap_listing_take(struct imap_listing *l, size_t *n);
void imap_listing_fini(struct imap_listing *l);
#endif
