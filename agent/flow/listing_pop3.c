#include "listing_pop3.h"

#include <stdlib.h>

#include "hash.h"
#include "must.h"

/* In flags of an item, while it is here; taken off in the end. */
#define HAS_UID	 64u
#define LEFT_OUT 128u

/* Where the unique-id of a message lies in texts. */
struct named {
	uint32_t number, at;
};

struct listing {
	const uint8_t *key;	  /* borrowed */
	struct spool_item *items; /* owned, as all below */
	size_t n, cap;
	bool by_uid;
	size_t cursor; /* where the next UIDL line is expected */
	struct named *names;
	size_t nnames, names_cap;
	char *texts;
	size_t texts_n, texts_cap;
	bool texts_dropped;
	const struct message_key *namesakes; /* borrowed */
	size_t nnamesakes;
	struct message_key *shared; /* owned */
	size_t nshared;
	uint32_t *unnamed; /* places in items */
	size_t nunnamed, asked, answered;
};

/* What a key is made from, so that no two kinds can meet. */
enum kind {
	KIND_UID = 1,
	KIND_HEADER,
};

struct listing *listing_new(const uint8_t *key)
{
	struct listing *l = mem_new(sizeof(*l));

	l->key = key;
	return l;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	free(l->items);
	free(l->names);
	free(l->texts);
	free(l->shared);
	free(l->unnamed);
	free(l);
}

size_t listing_count(const struct listing *l)
{
	return l->n;
}

void listing_namesakes(struct listing *l, const struct message_key *key,
		       size_t n)
{
	l->namesakes = key;
	l->nnamesakes = n;
}

void listing_by_uid(struct listing *l)
{
	l->by_uid = true;
}

void listing_scan(struct listing *l, uint32_t number, uint64_t octets)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap + l->cap / 2 : 256;
		l->items = mem_grow(l->items, l->cap * sizeof(*l->items));
	}
	l->items[l->n++] = (struct spool_item){
		.number = number,
		.octets = octets < UINT32_MAX ? (uint32_t)octets : UINT32_MAX,
	};
}

static int by_number(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static bool in_order(const struct listing *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->items[i - 1].number >= l->items[i].number)
			return false;
	return true;
}

bool listing_scanned(struct listing *l, struct err *err)
{
	if (in_order(l))
		return true; /* also where there is none */
	qsort(l->items, l->n, sizeof(*l->items), by_number);
	return in_order(l) ||
	       err_set(err, ERR_PROTOCOL, "%s names a message number twice",
		       l->by_uid ? "UIDL" : "LIST");
}

static struct spool_item *item_at(struct listing *l, uint32_t number)
{
	struct spool_item want = { .number = number };

	if (l->cursor < l->n && l->items[l->cursor].number == number)
		return &l->items[l->cursor];
	return l->n ? bsearch(&want, l->items, l->n, sizeof(want), by_number)
		    : NULL;
}

static void drop_texts(struct listing *l)
{
	free(l->names);
	free(l->texts);
	l->names = NULL;
	l->texts = NULL;
	l->nnames = l->texts_n = 0;
	l->texts_dropped = true;
}

static void keep_text(struct listing *l, uint32_t number, struct view id)
{
	if (l->texts_dropped)
		return;
	if (l->texts_n + id.n > LISTING_TEXT_OCTETS) {
		drop_texts(l);
		return;
	}
	if (l->texts_n + id.n > l->texts_cap) {
		l->texts_cap = l->texts_cap * 2 + id.n;
		l->texts = mem_grow(l->texts, l->texts_cap);
	}
	if (l->nnames == l->names_cap) {
		l->names_cap = l->names_cap * 2 + 64;
		l->names = mem_grow(l->names, l->names_cap * sizeof(*l->names));
	}
	l->names[l->nnames++] = (struct named){ number, (uint32_t)l->texts_n };
	memcpy(l->texts + l->texts_n, id.p, id.n);
	l->texts_n += id.n;
}

static struct message_key key_of(const uint8_t *secret, enum kind kind,
				 struct view octets)
{
	struct message_key key;
	char *input = mem_new(octets.n + 1);

	input[0] = (char)kind;
	if (octets.n)
		memcpy(input + 1, octets.p, octets.n);
	hash_keyed(secret, (struct view){ input, octets.n + 1 }, key.octets,
		   sizeof(key.octets));
	free(input);
	return key;
}

struct message_key listing_key(const uint8_t *key, struct view id)
{
	return key_of(key, KIND_UID, id);
}

bool listing_uid(struct listing *l, uint32_t number, struct view id,
		 struct err *err)
{
	struct spool_item *i;

	if (l->by_uid) {
		listing_scan(l, number, 0);
		l->cursor = l->n - 1;
	}
	i = item_at(l, number);
	if (!i)
		return err_set(err, ERR_PROTOCOL,
			       "UIDL names message %u, LIST does not", number);
	if (i->flags & HAS_UID)
		return err_set(err, ERR_PROTOCOL, "UIDL names message %u twice",
			       number);
	l->cursor = (size_t)(i - l->items) + 1;
	if (id.n == 0)
		return true;
	i->flags |= HAS_UID;
	i->key = key_of(l->key, KIND_UID, id);
	keep_text(l, number, id);
	return true;
}

/* --- order --- */

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;
	int order = message_key_order(&x->key, &y->key);

	return order ? order : by_number(a, b);
}

/*
 * Keys are spread evenly, being hashes: one pass brings each item into the
 * bucket of its first octet, in place; the buckets are small.
 */
static void sort_by_key(struct spool_item *items, size_t n)
{
	size_t begin[257] = { 0 }, at[256];

	for (size_t i = 0; i < n; i++)
		begin[items[i].key.octets[0] + 1]++;
	for (size_t b = 0; b < 256; b++)
		begin[b + 1] += begin[b];
	memcpy(at, begin, sizeof(at));
	for (size_t b = 0; b < 256; b++)
		while (at[b] < begin[b + 1]) {
			struct spool_item *i = &items[at[b]];
			uint8_t home = i->key.octets[0];
			struct spool_item other = items[at[home]];

			items[at[home]++] = *i;
			if (home != b)
				*i = other;
		}
	for (size_t b = 0; n && b < 256; b++)
		qsort(items + begin[b], begin[b + 1] - begin[b], sizeof(*items),
		      by_key);
}

static bool same_key(const struct spool_item *a, const struct spool_item *b)
{
	return message_key_order(&a->key, &b->key) == 0;
}

static int order(const void *a, const void *b)
{
	return message_key_order(a, b);
}

static bool was_shared(const struct listing *l, const struct spool_item *i)
{
	return l->nnamesakes && bsearch(&i->key, l->namesakes, l->nnamesakes,
					sizeof(*l->namesakes), order);
}

/* The items from i on that bear one unique-id; those without are by themselves.
 */
static size_t bearers(const struct listing *l, size_t i)
{
	size_t end = i + 1;

	while (l->items[i].flags & HAS_UID && end < l->n &&
	       l->items[end].flags & HAS_UID &&
	       same_key(&l->items[i], &l->items[end]))
		end++;
	return end - i;
}

static void note_shared(struct listing *l, size_t i, size_t n)
{
	l->shared = mem_grow(l->shared, (l->nshared + 1) * sizeof(*l->shared));
	l->shared[l->nshared++] = l->items[i].key;
	for (size_t k = i; k < i + n; k++)
		l->items[k].flags |= SPOOL_ITEM_SHARED;
}

void listing_sort(struct listing *l)
{
	sort_by_key(l->items, l->n);
	for (size_t i = 0, n; i < l->n; i += n) {
		const struct spool_item *item = &l->items[i];
		bool before = item->flags & HAS_UID && was_shared(l, item);

		n = bearers(l, i);
		if (n > 1 && !before)
			note_shared(l, i, n);
		if (n == 1 && item->flags & HAS_UID && !before)
			continue;
		if (!l->unnamed)
			l->unnamed = mem_new(l->n * sizeof(*l->unnamed));
		for (size_t k = i; k < i + n; k++)
			l->unnamed[l->nunnamed++] = (uint32_t)k;
	}
}

const struct message_key *listing_shared(const struct listing *l, size_t *n)
{
	*n = l->nshared;
	return l->shared;
}

/* --- headers --- */

size_t listing_unnamed_count(const struct listing *l)
{
	return l->nunnamed;
}

bool listing_unnamed(struct listing *l, uint32_t *number)
{
	if (l->asked == l->nunnamed)
		return false;
	*number = l->items[l->unnamed[l->asked++]].number;
	return true;
}

static struct spool_item *answered(struct listing *l)
{
	MUST(l->answered < l->asked);
	return &l->items[l->unnamed[l->answered++]];
}

void listing_header(struct listing *l, const uint8_t hash[HASH_BODY_OCTETS],
		    bool is_empty)
{
	struct spool_item *i = answered(l);
	char input[MESSAGE_KEY_OCTETS + HASH_BODY_OCTETS + 4] = { 0 };

	/* the key so far stands for the unique-id, zeros for none */
	memcpy(input, i->key.octets, MESSAGE_KEY_OCTETS);
	memcpy(input + MESSAGE_KEY_OCTETS, hash, HASH_BODY_OCTETS);
	/* without any header there is nothing but the size to tell it by */
	if (is_empty)
		memcpy(input + MESSAGE_KEY_OCTETS + HASH_BODY_OCTETS,
		       &i->octets, 4);
	i->key = key_of(l->key, KIND_HEADER,
			(struct view){ input, sizeof(input) });
}

void listing_leave_out(struct listing *l)
{
	answered(l)->flags |= LEFT_OUT;
}

static void drop_doubles(struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct spool_item *item = &l->items[i];

		if (item->flags & LEFT_OUT ||
		    (kept && same_key(&l->items[kept - 1], item)))
			continue;
		l->items[kept] = *item;
		l->items[kept++].flags &= SPOOL_ITEM_SHARED;
	}
	l->n = kept;
}

struct spool_item *listing_take(struct listing *l, size_t *n)
{
	struct spool_item *items;

	MUST(l->answered == l->nunnamed);
	if (l->nunnamed)
		sort_by_key(l->items, l->n);
	drop_doubles(l);
	items = l->items;
	*n = l->n;
	l->items = NULL;
	l->n = l->cap = 0;
	free(l->unnamed);
	l->unnamed = NULL;
	return items;
}

/* --- texts --- */

struct view listing_text(const struct listing *l, uint32_t number)
{
	size_t low = 0, high = l->nnames;

	/* UIDL is in order wherever it was seen; where it is not, some are
	 * not found: nothing but words for people hangs on it */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->names[mid].number == number) {
			size_t end = mid + 1 < l->nnames ? l->names[mid + 1].at
							 : l->texts_n;

			return (struct view){ l->texts + l->names[mid].at,
					      end - l->names[mid].at };
		}
		if (l->names[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return VIEW_NONE;
}
