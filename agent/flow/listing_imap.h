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

struct imap_listing_twin {
	uint64_t msgid;
	uint32_t uid;
};

struct imap_listing {
	struct spool_item *item; /* owned */
	size_t n, cap;
	uint32_t from;
	bool is_sorted;			/* so far */
	struct imap_listing_twin *twin; /* owned; where X-GM-MSGID was told */
	size_t n_twins, cap_twins;
};

/* Begins anew. */
void imap_listing_begin(struct imap_listing *l, uint32_t from);
void imap_listing_add(struct imap_listing *l, const struct imap_fetch *f);
/* Sorted by key, without doubles; the caller's, free(). l is empty then, but
 * for what imap_listing_msgid() tells. */
struct spool_item *imap_listing_take(struct imap_listing *l, size_t *n);
/* X-GM-MSGID of a UID of the listing that was taken last; 0: not told. */
uint64_t imap_listing_msgid(const struct imap_listing *l, uint32_t uid);
void imap_listing_fini(struct imap_listing *l);
#endif
