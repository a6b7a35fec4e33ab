/*
 * facts - what a message's header says of it, into its struct message.
 */
#ifndef FLOW_FACTS_H
#define FLOW_FACTS_H
#include "hash.h"
#include "head.h"
#include "message.h"

/* raw: of head_raw(), as f is of head_end(). */
void facts_set(struct message *m, const struct head_facts *f, struct view raw,
	       const uint8_t key[HASH_KEY_OCTETS]);
#endif
