/*
 * once - what a message is to its recipients, whichever way it came
 * (`duplicates = once`): a keyed hash of its Message-ID, of its body as it is
 * sent on, and of a recipient. The header differs by path and is left out. The
 * ledger says who has what already (spool.h, spool_put).
 *
 * A message without Message-ID is the same as no other.
 */
#ifndef FLOW_ONCE_H
#define FLOW_ONCE_H
#include "hash.h"
#include "message.h"

struct once;
struct once *once_new(void);
void once_free(struct once *o); /* NULL: nothing */
void once_begin(struct once *o);
/* Octets behind the header, as they come, in any pieces. */
void once_add(struct once *o, struct view octets);
/*
 * Ends the message and sets m->prints for the recipients it has. ends_line: its
 * last octet is LF.
 */
void once_end(struct once *o, bool ends_line, struct view message_id,
	      const uint8_t key[HASH_KEY_OCTETS], struct message *m);
#endif
