#include "presented.h"

#include "handover.h"
#include "solo.h"

#include <stdlib.h>

bool presented_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

const char *delivery_client_of(const struct delivery *d,
			       const struct message *m)
{
	return d->config->xclient && !d->no_xclient ? m->client : NULL;
}

void presented_ready(struct conn *c, const struct dest_ready *r)
{
	struct delivery *d = c->delivery;

	if (!d->config->xclient || d->no_xclient)
		return;
	if (r->not_handed.class != ERR_NONE)
		d->warning = r->not_handed;
	else if (!c->client && !r->offers_xclient)
		handover_not_offered(&d->warning);
	else
		return;
	d->no_xclient = true;
	free(c->client); /* it is ours */
	c->client = NULL;
}

static bool has_conn(const struct delivery *d, const char *client)
{
	LIST_EACH(at, kept, &d->conns) {
		const struct conn *c = LIST_OF(at, struct conn, link);

		if (!c->leaving && presented_same(c->client, client) &&
		    (!c->ready || c->used < c->window))
			return true;
	}
	return false;
}

/* The first that waits for nothing but a connection. */
static struct parcel *lacking(struct delivery *d)
{
	LIST_EACH(at, kept, &d->ready) {
		struct parcel *p = LIST_OF(at, struct parcel, link);

		if (!delivery_is_paused(d, p->m->account) &&
		    delivery_may_offer(d, p->m) &&
		    solo_may(d->parts.solo, p->m->suspect) &&
		    !has_conn(d, delivery_client_of(d, p->m)))
			return p;
	}
	return NULL;
}

bool presented_lacks(struct delivery *d)
{
	return lacking(d) != NULL;
}

const char *presented_wanted(struct delivery *d)
{
	struct parcel *p = lacking(d);

	return p ? delivery_client_of(d, p->m) : NULL;
}

void presented_make_room(struct delivery *d)
{
	if (!d->config->xclient || d->no_xclient || d->stopping ||
	    d->state != DELIVERY_UP || d->reading ||
	    d->nconns < delivery_most(d) || d->nconnecting || !lacking(d))
		return;
	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->leaving)
			return; /* one goes already */
		if (c->ready && !c->used) {
			c->leaving = true;
			c->dest->ops->quit(c->dest);
			return;
		}
	}
}
