/*
 * queue - octets in, octets out, in a buffer of fixed capacity.
 *
 * The buffer belongs to whoever embeds the queue; it never grows: its size is
 * the module's named limit. Views and rooms live until the next call that puts
 * or asks for room, which may move the contents to the front.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H
#include "must.h"
#include "view.h"

struct queue {
	char *data; /* borrowed from the embedding module */
	size_t cap, off, len;
};

static inline struct view queue_view(const struct queue *q)
{
	return (struct view){ q->data + q->off, q->len };
}

/* Free space that can still be made contiguous: cap - len. */
static inline size_t queue_free(const struct queue *q)
{
	return q->cap - q->len;
}

static inline void queue_pack(struct queue *q)
{
	if (q->off == 0)
		return;
	memmove(q->data, q->data + q->off, q->len);
	q->off = 0;
}

/* Contiguous space behind the contents; packs when under a quarter is left. */
static inline struct room queue_room(struct queue *q)
{
	if (q->cap - q->off - q->len < q->cap / 4)
		queue_pack(q);
	return (struct room){ q->data + q->off + q->len,
			      q->cap - q->off - q->len };
}

/* n octets were written to the room got last. */
static inline void queue_added(struct queue *q, size_t n)
{
	MUST(n <= q->cap - q->off - q->len);
	q->len += n;
}

static inline void queue_drop(struct queue *q, size_t n)
{
	MUST(n <= q->len);
	q->off += n;
	q->len -= n;
	if (q->len == 0)
		q->off = 0;
}

/* All of v, or false and nothing. */
static inline bool queue_put(struct queue *q, struct view v)
{
	if (queue_free(q) < v.n)
		return false;
	if (q->cap - q->off - q->len < v.n)
		queue_pack(q);
	if (v.n)
		memcpy(q->data + q->off + q->len, v.p, v.n);
	q->len += v.n;
	return true;
}
#endif
