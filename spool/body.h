/*
 * body - a body on its way from the asking thread into a segment.
 *
 * Private to the spool; what callers see is in spool.h. The first half of the
 * struct is the asking thread's, `sink` the store thread's; chunks go over by
 * requests, in order, and come back when they are written.
 */
#ifndef SPOOL_BODY_H
#define SPOOL_BODY_H
#include "ledger.h"

#define BODY_CHUNK_OCTETS (128u << 10)
#define BODY_SOFT_OCTETS  (3 * BODY_CHUNK_OCTETS) /* on its way: full */

struct body_sink {
	struct segment *segment; /* leased; NULL: nothing written yet */
	struct hash *hash;	 /* owned, while it streams */
	uint64_t written;
	bool failed;
	struct err err;
};

struct body_chunk {
	struct spool_req req;
	struct spool_body *body;
	char *p; /* owned */
	size_t n;
};

struct spool_body {
	struct spool *spool;
	char *p; /* owned; gathered */
	size_t n, cap;
	uint64_t octets;
	size_t out; /* octets handed over and not written yet */
	unsigned chunks;
	bool full;
	void (*room)(void *);
	void *who;
	struct spool_req dropped; /* the request that ends it */
	struct body_sink sink;
};

/* Store thread. Requests that need no commit. */
bool body_run_chunk(struct ledger *l, struct spool_req *r);
bool body_run_drop(struct ledger *l, struct spool_req *r);
/* The rest is written, hash and place are known. false: the body is
 * abandoned, *err says why. */
bool body_complete(struct ledger *l, struct spool_body *b,
		   struct message_place *place, struct err *err);
void body_abandon(struct ledger *l, struct spool_body *b);

/* Asking thread. */
/* Nothing is added any more: memory for more than came is given back. */
void body_fit(struct spool_body *b);
void body_chunk_back(struct spool_req *r);
void body_free(struct spool_body *b); /* nothing of it is out */
#endif
