/*
 * What became of moves whose answer never came (CASES D15): before the folder
 * is listed, the target is looked at for messages that were not there before,
 * with the fingerprints of what was about to be moved.
 *
 * Found there and gone from here: moved. Found there and still here: a COPY
 * without what follows it; the rest is done now. Not found and still here: it
 * did not happen, and is tried anew. Neither: moved, and taken away by somebody
 * since.
 */
#include "must.h"
#include "visit.h"

#include <stdlib.h>

static void go_back(struct visit *v)
{
	v->seek.sought = true;
	v->phase = VISIT_SELECTING;
	v->source->ops->folder(v->source, v->folder);
}

static void on_intents(struct spool_req *req)
{
	struct visit *v = req->who;
	struct visit_seek *s = &v->seek;

	s->items = v->req.intents.items;
	s->name = v->req.intents.name;
	s->n = v->req.intents.n;
	if (!visit_answered_well(v, req))
		return;
	s->target = v->req.intents.target;
	s->uidvalidity = v->req.intents.uidvalidity;
	s->since = v->req.intents.since;
	if (!s->n) { /* taken away in between */
		s->sought = true;
		visit_begin_listing(v);
		return;
	}
	s->from = message_key_to_uid(&s->items[0].key);
	v->phase = VISIT_SEEKING;
	v->source->ops->folder(v->source, s->name);
}

bool visit_seek(struct visit *v)
{
	if (!v->here.intents || v->seek.sought || v->sweeping ||
	    v->options->dry_run || visit_is_task(v) || !visit_may_delete(v))
		return false;
	v->req.intents = (struct spool_intents){
		.req = { .done = on_intents, .who = v, .urgent = true },
		.folder = v->here.id,
	};
	v->req_out = true;
	spool_intents(v->parts->spool, &v->req.intents);
	return true;
}

void visit_seek_on_folder(struct visit *v, const struct source_folder *f,
			  const struct err *err)
{
	struct visit_seek *s = &v->seek;
	uint32_t since;

	if (err) { /* where there is no folder there is no copy */
		go_back(v);
		return;
	}
	s->same = f->uidvalidity && f->uidvalidity == s->uidvalidity;
	since = s->same ? s->since : 1;
	if (f->uidnext && f->uidnext <= since)
		go_back(v);
	else
		v->source->ops->list(v->source, since, 0);
}

/* What is known to have come there another way is no copy of ours. */
static void on_compared(struct spool_req *req)
{
	struct visit *v = req->who;
	struct visit_seek *s = &v->seek;

	if (visit_answered(v)) {
		if (!req->ok)
			visit_fail(v, &req->err);
		for (size_t n = 0; n < v->req.listing.n && req->ok; n++)
			if (s->listed[n].fate == FATE_NEW)
				item_list_add(&s->copies, &s->listed[n]);
	}
	free(s->listed);
	s->listed = NULL;
	if (!v->source)
		return;
	if (s->copies.n)
		visit_look_at(v, LOOK_COPIES);
	else
		go_back(v);
}

void visit_seek_on_items(struct visit *v, struct spool_item *items, size_t n)
{
	struct visit_seek *s = &v->seek;

	s->listed = items;
	v->req.listing = (struct spool_listing){
		.req = { .done = on_compared, .who = v, .urgent = true },
		.folder = s->target,
		.items = items,
		.n = n,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_listing(v->parts->spool, &v->req.listing);
}

/* One copy stands for one message, also where several look alike. */
static void match(struct visit_seek *s, uint64_t print, uint32_t uid)
{
	for (size_t i = 0; i < s->n && print; i++)
		if (s->items[i].print == print && !s->items[i].uid) {
			s->items[i].uid = uid;
			return;
		}
}

void visit_seek_matched(struct visit *v)
{
	struct visit_seek *s = &v->seek;

	for (size_t n = 0; n < s->copies.n; n++)
		match(s, v->fps[n], message_key_to_uid(&s->copies.item[n].key));
	go_back(v);
}

static struct spool_intent *find(const struct visit *v,
				 const struct message_key *key)
{
	for (size_t i = 0; i < v->seek.n; i++)
		if (message_key_order(&v->seek.items[i].key, key) == 0)
			return &v->seek.items[i];
	return NULL;
}

bool visit_is_leftover(const struct visit *v, const struct spool_item *i)
{
	const struct spool_intent *in = find(v, &i->key);

	return in && in->uid &&
	       (i->fate == FATE_DELIVERED || i->fate == FATE_MARKED);
}

static void on_settled(struct spool_req *req)
{
	struct visit *v = req->who;

	free(v->acts.moving);
	v->acts.moving = NULL;
	v->acts.nmoving = 0;
	if (!visit_answered(v))
		return;
	if (!req->ok)
		visit_fail(v, &req->err);
	visit_compare(v);
}

/* Those that are gone from here have moved; the others wait to be listed. */
bool visit_seek_settle(struct visit *v)
{
	struct visit_seek *s = &v->seek;
	struct visit_acts *a = &v->acts;
	bool leftovers = false;

	if (!s->n || s->settled)
		return false;
	s->settled = true;
	a->moving = mem_new(s->n * sizeof(*a->moving));
	for (size_t i = 0; i < s->n; i++) {
		struct spool_intent *in = &s->items[i];

		if (visit_listed(v, &in->key)) {
			leftovers = leftovers || in->uid;
			continue;
		}
		a->moving[a->nmoving] = *in;
		a->moving[a->nmoving++].uid = s->same ? in->uid : 0;
	}
	v->req.moved = (struct spool_moved){
		.req = { .done = on_settled, .who = v, .urgent = true },
		.folder = v->here.id,
		.target = s->target,
		.items = a->moving,
		.n = a->nmoving,
		.all = !leftovers,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_moved(v->parts->spool, &v->req.moved);
	return true;
}

/* They were proved to be what they were; their copies are in the target. */
void visit_plan_leftover(struct visit *v, const struct spool_item *i)
{
	struct visit_acts *a = &v->acts;
	struct spool_intent in = *find(v, &i->key);

	in.uid = v->seek.same ? in.uid : 0;
	item_list_add(&a->leftover, i);
	a->target = v->seek.target;
	a->moving = mem_grow(a->moving, (a->nmoving + 1) * sizeof(in));
	a->moving[a->nmoving++] = in;
}

void visit_forget_seek(struct visit *v)
{
	struct visit_seek *s = &v->seek;

	free(s->items);
	free(s->name);
	free(s->listed);
	item_list_fini(&s->copies);
	*s = (struct visit_seek){ 0 };
}
