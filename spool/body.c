#include "body.h"
#include "must.h"
#include "store.h"

#include <stdlib.h>

#define FIRST_OCTETS 8192u

struct spool_body *spool_body_new(struct spool *s)
{
	struct spool_body *b = mem_new(sizeof(*b));

	b->spool = s;
	return b;
}

void body_free(struct spool_body *b)
{
	if (!b)
		return;
	MUST(b->out == 0 && !b->sink.segment);
	hash_free(b->sink.hash);
	free(b->p);
	free(b);
}

static void hand_over(struct spool_body *b)
{
	struct body_chunk *c = mem_new(sizeof(*c));

	c->req.run = body_run_chunk;
	c->body = b;
	c->p = b->p;
	c->n = b->n;
	b->out += b->n;
	b->chunks++;
	b->p = NULL;
	b->n = b->cap = 0;
	store_ask(b->spool, &c->req, body_run_chunk);
}

static void reserve(struct spool_body *b, size_t more)
{
	size_t cap = b->cap ? b->cap : FIRST_OCTETS;

	if (b->chunks)
		cap = BODY_CHUNK_OCTETS;
	while (cap < b->n + more)
		cap *= 2;
	if (cap > BODY_CHUNK_OCTETS)
		cap = BODY_CHUNK_OCTETS;
	if (cap == b->cap)
		return;
	b->p = mem_grow(b->p, cap);
	b->cap = cap;
}

void body_fit(struct spool_body *b)
{
	if (b->n == 0 || b->cap - b->n < FIRST_OCTETS)
		return;
	b->p = mem_grow(b->p, b->n);
	b->cap = b->n;
}

void spool_body_add(struct spool_body *b, struct view octets)
{
	b->octets += octets.n;
	while (octets.n) {
		size_t n = BODY_CHUNK_OCTETS - b->n;

		if (n == 0) {
			hand_over(b);
			continue;
		}
		if (n > octets.n)
			n = octets.n;
		reserve(b, n);
		memcpy(b->p + b->n, octets.p, n);
		b->n += n;
		octets = view_skip(octets, n);
	}
	if (b->out >= BODY_SOFT_OCTETS)
		b->full = true;
}

bool spool_body_full(const struct spool_body *b)
{
	return b->full;
}

void spool_body_on_room(struct spool_body *b, void (*room)(void *), void *who)
{
	b->room = room;
	b->who = who;
}

uint64_t spool_body_octets(const struct spool_body *b)
{
	return b->octets;
}

size_t spool_body_held(const struct spool_body *b)
{
	return b->n + b->out;
}

static void drop_done(struct spool_req *r)
{
	body_free(LIST_OF(r, struct spool_body, dropped));
}

void spool_body_drop(struct spool_body *b)
{
	if (!b)
		return;
	b->room = NULL;
	if (b->chunks == 0) {
		body_free(b);
		return;
	}
	b->dropped.done = drop_done;
	store_ask(b->spool, &b->dropped, body_run_drop);
}

void body_chunk_back(struct spool_req *r)
{
	struct body_chunk *c = LIST_OF(r, struct body_chunk, req);
	struct spool_body *b = c->body;
	bool room;

	b->out -= c->n;
	room = b->full && b->out < BODY_SOFT_OCTETS;
	if (room)
		b->full = false;
	free(c->p);
	free(c);
	if (room && b->room)
		b->room(b->who);
}

/* --- store thread ------------------------------------------------------- */

static bool sink_write(struct ledger *l, struct body_sink *k, struct view v)
{
	if (k->failed)
		return false;
	if (!k->segment)
		k->segment = segment_lease(&l->segments, &k->err);
	if (!k->segment ||
	    !segment_write(&l->segments, k->segment, k->written, v, &k->err)) {
		k->failed = true;
		return false;
	}
	k->written += v.n;
	return true;
}

static void sink_end(struct ledger *l, struct body_sink *k)
{
	if (k->segment)
		segment_abandon(&l->segments, k->segment, k->written);
	k->segment = NULL;
}

bool body_run_chunk(struct ledger *l, struct spool_req *r)
{
	struct body_chunk *c = LIST_OF(r, struct body_chunk, req);
	struct body_sink *k = &c->body->sink;
	struct view v = { c->p, c->n };

	if (!k->hash)
		k->hash = hash_new();
	if (sink_write(l, k, v))
		hash_add(k->hash, v);
	else
		sink_end(l, k); /* gives the room back at once */
	r->ok = true;
	return true;
}

bool body_run_drop(struct ledger *l, struct spool_req *r)
{
	struct spool_body *b = LIST_OF(r, struct spool_body, dropped);

	sink_end(l, &b->sink);
	r->ok = true;
	return true;
}

void body_abandon(struct ledger *l, struct spool_body *b)
{
	sink_end(l, &b->sink);
}

bool body_complete(struct ledger *l, struct spool_body *b,
		   struct message_place *place, struct err *err)
{
	struct body_sink *k = &b->sink;
	struct hash *hash = k->hash ? k->hash : l->hash;
	struct view rest = { b->n ? b->p : "", b->n };

	if (!sink_write(l, k, rest)) {
		*err = k->err;
		sink_end(l, k);
		return false;
	}
	hash_add(hash, rest);
	hash_end(hash, place->hash);
	place->segment = k->segment->number;
	place->offset = k->segment->tail;
	place->octets = k->written;
	segment_keep(&l->segments, k->segment, k->written);
	k->segment = NULL;
	return true;
}
