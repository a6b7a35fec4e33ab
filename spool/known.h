/*
 * known - identities of messages that are queued, or settled and not yet folded
 * into the compact tables; in memory, 32 octets each.
 *
 * Kept in step with the ledger by the store thread: a step that runs is only
 * ever undone by a failure that ends the process.
 */
#ifndef SPOOL_KNOWN_H
#define SPOOL_KNOWN_H
#include "message.h"

struct known_entry {
	int64_t folder, id; /* of the message; id 0: an empty place */
	struct message_key key;
	uint16_t day;	/* of delivery, days since 1970-01-01 */
	uint8_t fate;	/* enum spool_fate */
	uint8_t listed; /* seen in a listing of this process */
};

struct known {
	struct known_entry *at; /* owned; cap is 0 or a power of two */
	size_t cap, n;
};

void known_fini(struct known *k);
/* NULL: none. Lives until the next put or drop. */
struct known_entry *known_find(const struct known *k, int64_t folder,
			       const struct message_key *key);
/* Adds it, or takes the place of the one with the same folder and key. */
void known_put(struct known *k, const struct known_entry *e);
void known_drop(struct known *k, int64_t folder, const struct message_key *key);
#endif
