#include "listing_imap.h"

#include "must.h"

#include <stdlib.h>

void imap_listing_begin(struct imap_listing *l, uint32_t from)
{
	imap_listing_fini(l);
	*l = (struct imap_listing){ .from = from, .is_sorted = true };
}

void imap_listing_fini(struct imap_listing *l)
{
	free(l->item);
	free(l->twin);
	*l = (struct imap_listing){ .item = NULL };
}

static uint32_t cut(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint8_t item_flags(unsigned flags)
{
	return (uint8_t)((flags & IMAP_FLAG_SEEN ? SPOOL_ITEM_SEEN : 0) |
			 (flags & IMAP_FLAG_DELETED ? SPOOL_ITEM_DELETED : 0));
}

/* What a later response says stands. */
static void merge(struct spool_item *to, const struct imap_fetch *f)
{
	if (f->has & IMAP_HAS_SIZE)
		to->octets = cut(f->size);
	if (f->has & IMAP_HAS_DATE && f->date > 0)
		to->date = cut((uint64_t)f->date);
	if (f->has & IMAP_HAS_FLAGS)
		to->flags = item_flags(f->flags);
}

static struct spool_item *append(struct imap_listing *l, uint32_t uid)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->item = mem_grow(l->item, l->cap * sizeof(*l->item));
	}
	l->item[l->n] = (struct spool_item){ .key = message_key_uid(uid) };
	return &l->item[l->n++];
}

static struct spool_item *find(struct imap_listing *l,
			       const struct message_key *key)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = message_key_order(&l->item[mid].key, key);

		if (order == 0)
			return &l->item[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Nearly always UIDs come ascending; only then can one be looked up. */
static struct spool_item *item_for(struct imap_listing *l, uint32_t uid)
{
	struct message_key key = message_key_uid(uid);
	struct spool_item *i;
	int order;

	if (l->n == 0)
		return append(l, uid);
	order = message_key_order(&l->item[l->n - 1].key, &key);
	if (order < 0)
		return append(l, uid);
	i = l->is_sorted ? find(l, &key) : NULL;
	if (i)
		return i;
	l->is_sorted = false;
	return append(l, uid);
}

static void add_twin(struct imap_listing *l, const struct imap_fetch *f)
{
	if (l->n_twins == l->cap_twins) {
		l->cap_twins = l->cap_twins ? l->cap_twins * 2 : 256;
		l->twin = mem_grow(l->twin, l->cap_twins * sizeof(*l->twin));
	}
	l->twin[l->n_twins++] = (struct imap_listing_twin){ f->msgid, f->uid };
}

void imap_listing_add(struct imap_listing *l, const struct imap_fetch *f)
{
	if (f->uid < l->from || !f->uid)
		return;
	merge(item_for(l, f->uid), f);
	if (f->msgid)
		add_twin(l, f);
}

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

static int by_uid(const void *a, const void *b)
{
	const struct imap_listing_twin *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* Of equal ones the fuller is kept: a mere change of flags has no size. */
static void drop_doubles(struct imap_listing *l)
{
	size_t to = 0;

	for (size_t i = 1; i < l->n; i++) {
		struct spool_item *kept = &l->item[to];

		if (by_key(kept, &l->item[i]) != 0) {
			l->item[++to] = l->item[i];
			continue;
		}
		kept->flags |= l->item[i].flags;
		if (!kept->octets)
			kept->octets = l->item[i].octets;
		if (!kept->date)
			kept->date = l->item[i].date;
	}
	l->n = l->n ? to + 1 : 0;
}

struct spool_item *imap_listing_take(struct imap_listing *l, size_t *n)
{
	struct spool_item *items;

	if (!l->is_sorted && l->n) {
		qsort(l->item, l->n, sizeof(*l->item), by_key);
		drop_doubles(l);
	}
	items = l->item ? l->item : mem_new(sizeof(*items));
	*n = l->n;
	if (l->n_twins)
		qsort(l->twin, l->n_twins, sizeof(*l->twin), by_uid);
	l->item = NULL;
	l->n = l->cap = 0;
	l->is_sorted = true;
	return items;
}

uint64_t imap_listing_msgid(const struct imap_listing *l, uint32_t uid)
{
	struct imap_listing_twin want = { 0, uid }, *found = NULL;

	if (l->n_twins)
		found = bsearch(&want, l->twin, l->n_twins, sizeof(want),
				by_uid);
	return found ? found->msgid : 0;
}
