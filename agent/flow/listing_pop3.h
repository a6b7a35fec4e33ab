/*
 * listing_pop3 - LIST and UIDL of one maildrop, made into identities.
 *
 * A message is named by a keyed hash of its unique-id. Where the server gives
 * none, or the same to several (RFC 1939 7 forbids it, servers do it), the
 * header decides as well: equal unique-id and equal header are one message.
 * Counting them off instead would give the next one the name of one that was
 * deleted, and have it deleted undelivered. So for these the caller gets the
 * header (TOP n 0) and tells its hash. A unique-id that was shared once is
 * never believed again, or a message would change its name with its company
 * (CASES E6): whoever bears it is named by its header, alone or not.
 *
 *   listing_namesakes(), where some are known; listing_scan() for each line of
 * LIST, listing_scanned() at its end; listing_uid() for each line of UIDL;
 * listing_sort(); while listing_unnamed(): listing_header() or
 * listing_leave_out(); listing_take().
 *
 * Sized for a million messages: 28 octets each, and unique-ids as text only
 * while all of them together are under LISTING_TEXT_OCTETS.
 */
#ifndef FLOW_LISTING_POP3_H
#define FLOW_LISTING_POP3_H
#include "err.h"
#include "spool.h"

#define LISTING_TEXT_OCTETS (4u << 20)

struct listing;
/* key: HASH_KEY_OCTETS, borrowed as long as the listing lives. */
struct listing *listing_new(const uint8_t *key);
void listing_free(struct listing *l); /* NULL: nothing */
size_t listing_count(const struct listing *l);

/* Unique-ids that were shared before: sorted, borrowed until listing_sort(). */
void listing_namesakes(struct listing *l, const struct message_key *key,
		       size_t n);
/* What names a message that bears this unique-id alone. key: HASH_KEY_OCTETS.
 */
struct message_key listing_key(const uint8_t *key, struct view id);
/*
 * One that UIDL alone makes: listing_uid() takes any number then, octets are 0,
 * and listing_scanned() comes behind it. Before any line.
 */
void listing_by_uid(struct listing *l);
/* octets: UINT64_MAX where unknown. */
void listing_scan(struct listing *l, uint32_t number, uint64_t octets);
/* false: two lines for one number (ERR_PROTOCOL). */
bool listing_scanned(struct listing *l, struct err *err);
/*
 * id: any octets; empty: the server has none for it. false (ERR_PROTOCOL): a
 * number LIST has not, or told twice.
 */
bool listing_uid(struct listing *l, uint32_t number, struct view id,
		 struct err *err);
/*
 * Orders by key and finds what has no name of its own. May run on another
 * thread, as long as nobody else touches l: a tenth of a second per million.
 */
void listing_sort(struct listing *l);
/*
 * After listing_sort(): unique-ids that are shared now and were not before; the
 * items that bear one come with SPOOL_ITEM_SHARED. Lives as long as l.
 */
const struct message_key *listing_shared(const struct listing *l, size_t *n);
/* How many messages (of listing_count) need their header. */
size_t listing_unnamed_count(const struct listing *l);
/* Number of the next message that needs its header; false: no more. */
bool listing_unnamed(struct listing *l, uint32_t *number);
/* For each number given by listing_unnamed(), in that order: its hash ... */
void listing_header(struct listing *l, const uint8_t hash[HASH_BODY_OCTETS],
		    bool is_empty);
/* ... or that it cannot be had: it is not among the items. */
void listing_leave_out(struct listing *l);
/* The items, sorted by key, no doubles; the caller's, free(). Once. */
struct spool_item *listing_take(struct listing *l, size_t *n);
/* The unique-id of a message as text for people; empty where not kept. Lives
 * as long as the listing, also after listing_take(). */
struct view listing_text(const struct listing *l, uint32_t number);
#endif
