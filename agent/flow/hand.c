#include "hand.h"
#include "must.h"

static struct parcel **bucket_of(struct hand *h, int64_t id)
{
	return &h->bucket[(uint64_t)id % HAND_BUCKETS];
}

void hand_add(struct hand *h, struct parcel *p)
{
	struct parcel **b = bucket_of(h, p->m->id);

	MUST(!p->hand && p->m->id);
	p->hand = h;
	p->hand_next = *b;
	*b = p;
	h->n++;
}

void hand_drop(struct parcel *p)
{
	struct parcel **at;

	if (!p->hand)
		return;
	at = bucket_of(p->hand, p->m->id);
	while (*at != p)
		at = &(*at)->hand_next;
	*at = p->hand_next;
	p->hand->n--;
	p->hand = NULL;
}

bool hand_has(const struct hand *h, int64_t id)
{
	const struct parcel *p = *bucket_of((struct hand *)h, id);

	while (p && p->m->id != id)
		p = p->hand_next;
	return p != NULL;
}
