#include "known.h"
#include "must.h"

#include <stdlib.h>

void known_fini(struct known *k)
{
	free(k->at);
	*k = (struct known){ 0 };
}

static size_t home(const struct known *k, int64_t folder,
		   const struct message_key *key)
{
	uint64_t a, h;
	uint32_t b;

	memcpy(&a, key->octets, sizeof(a));
	memcpy(&b, key->octets + sizeof(a), sizeof(b));
	h = (a ^ ((uint64_t)folder << 32) ^ b) * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> 20) & (k->cap - 1);
}

/* The place it has, or would have. */
static size_t place_of(const struct known *k, int64_t folder,
		       const struct message_key *key)
{
	size_t i = home(k, folder, key);

	while (k->at[i].id && (k->at[i].folder != folder ||
			       message_key_order(&k->at[i].key, key) != 0))
		i = (i + 1) & (k->cap - 1);
	return i;
}

struct known_entry *known_find(const struct known *k, int64_t folder,
			       const struct message_key *key)
{
	size_t i;

	if (k->n == 0)
		return NULL;
	i = place_of(k, folder, key);
	return k->at[i].id ? &k->at[i] : NULL;
}

static void resize(struct known *k, size_t cap)
{
	struct known old = *k;

	k->at = mem_new(cap * sizeof(*k->at));
	k->cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (old.at[i].id)
			k->at[place_of(k, old.at[i].folder, &old.at[i].key)] =
				old.at[i];
	free(old.at);
}

void known_put(struct known *k, const struct known_entry *e)
{
	size_t i;

	MUST(e->id != 0);
	if ((k->n + 1) * 4 > k->cap * 3)
		resize(k, k->cap ? k->cap * 2 : 64);
	i = place_of(k, e->folder, &e->key);
	if (!k->at[i].id)
		k->n++;
	k->at[i] = *e;
}

void known_drop(struct known *k, int64_t folder, const struct message_key *key)
{
	size_t hole, i;

	if (k->n == 0)
		return;
	hole = place_of(k, folder, key);
	if (!k->at[hole].id)
		return;
	k->n--;
	/* Close the gap: what was pushed behind its home moves up. */
	for (i = (hole + 1) & (k->cap - 1); k->at[i].id;
	     i = (i + 1) & (k->cap - 1)) {
		size_t h = home(k, k->at[i].folder, &k->at[i].key);

		if (((i - h) & (k->cap - 1)) < ((i - hole) & (k->cap - 1)))
			continue;
		k->at[hole] = k->at[i];
		hole = i;
	}
	k->at[hole] = (struct known_entry){ 0 };
	if (k->cap > 4096 && k->n * 8 < k->cap)
		resize(k, k->cap / 2);
}
