#include "field.h"
#include "hash.h"
#include "maildate.h"
#include "must.h"
#include "visit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct item_list *looked_at(struct visit *v)
{
	switch (v->look) {
	case LOOK_PROOF:
	case LOOK_NAMESAKES:
		return &v->proof;
	case LOOK_COPIES:
		return &v->seek.copies;
	case LOOK_TWINS:
	case LOOK_FINGERPRINTS:
	case LOOK_AGES:
		break;
	}
	return &v->wanted;
}

void visit_look_at(struct visit *v, enum visit_look look)
{
	struct item_list *l;

	v->phase = VISIT_HEADERS;
	v->look = look;
	v->fp_at = 0;
	l = looked_at(v);
	free(v->fps);
	v->fps = mem_new(l->n * sizeof(*v->fps));
	v->source->ops->headers(v->source, l->item, l->n);
}

static void plan_proved(struct visit *v)
{
	for (size_t n = 0; n < v->proof.n; n++) {
		const struct spool_item *i = &v->proof.item[n];

		if (visit_is_leftover(v, i))
			visit_plan_leftover(v, i);
		else if (visit_wants_act(v, i))
			visit_plan(v, i, v->fps[n]);
	}
}

/*
 * What is known under a UID must still be the message that was delivered under
 * it: a server that was restored may use a UID anew (CASES D4). One that is
 * not stops the folder.
 */
static void on_proved(struct visit *v)
{
	const struct spool_item *other = NULL;
	struct err err;

	for (size_t n = 0; n < v->proof.n; n++)
		if (v->fps[n] && !v->fp_known[n])
			other = &v->proof.item[n];
	if (!other) {
		plan_proved(v);
		visit_go_on_looking(v);
		return;
	}
	err_set(&err, ERR_PROTOCOL,
		"UID %u of %s names another message than before, under the "
		"same UIDVALIDITY",
		message_key_to_uid(&other->key), v->folder);
	err_remedy(&err, "nothing is fetched from this folder or deleted in "
			 "it; was the mailbox restored or moved? ask its "
			 "provider");
	visit_fail(v, &err);
	visit_next_folder(v);
}

/*
 * Known by fingerprint: taken as handled, never deleted. Where UIDVALIDITY
 * changed, the account was switched, or mail was moved here under UIDs that
 * were not told, each match counts; where a listing merely looks odd, only if
 * more than a fifth of it matches (CASES E7): two different messages may well
 * share Message-ID, date and sender.
 */
static void on_matched(struct visit *v)
{
	bool surely = v->here.changed || v->row.reconcile || v->here.unplaced;
	struct item_list rest = { 0 };

	surely = surely || v->req.reconcile.matched > v->wanted.n / 5;
	for (size_t n = 0; n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];
		bool before = v->here.changed && i->date &&
			      (int64_t)i->date * 1000 < v->here.adopted_ms;

		if ((surely && v->fp_known[n]) || before) {
			visit_count(v, i, REASON_KNOWN);
			item_list_add(&v->adopt, i);
		} else {
			item_list_add(&rest, i);
		}
	}
	item_list_fini(&v->wanted);
	v->wanted = rest;
	visit_decide(v);
}

/*
 * Each match counts: one of them did bear this unique-id alone when it was
 * handled. Both lists are in the order of numbers.
 */
static void on_recognised(struct visit *v)
{
	struct item_list rest = { 0 };
	size_t at = 0;

	for (size_t n = 0; n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];
		bool looked_at = at < v->proof.n &&
				 v->proof.item[at].number == i->number;

		if (looked_at && v->fp_known[at]) {
			visit_count(v, i, REASON_KNOWN);
			item_list_add(&v->adopt, i);
		} else {
			item_list_add(&rest, i);
		}
		at += looked_at;
	}
	item_list_fini(&v->wanted);
	v->wanted = rest;
	visit_go_on_looking(v);
}

/*
 * One message under two labels is one message: fetched once. The other name of
 * it counts as handled, so that it is never deleted on its own account.
 */
static void on_twins(struct visit *v)
{
	struct item_list rest = { 0 };

	for (size_t n = 0; n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];

		if (!v->fp_known[n]) {
			item_list_add(&rest, i);
			continue;
		}
		visit_count(v, i, REASON_TWIN);
		item_list_add(&v->adopt, i);
	}
	item_list_fini(&v->wanted);
	v->wanted = rest;
	visit_go_on_looking(v);
}

static void on_reconciled(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!visit_answered_well(v, req))
		return;
	if (v->look == LOOK_TWINS)
		on_twins(v);
	else if (v->look == LOOK_PROOF)
		on_proved(v);
	else if (v->look == LOOK_NAMESAKES)
		on_recognised(v);
	else
		on_matched(v);
}

static void reconcile(struct visit *v, size_t n)
{
	free(v->fp_known);
	v->fp_known = mem_new(n * sizeof(*v->fp_known));
	v->req.reconcile = (struct spool_reconcile){
		.req = { .done = on_reconciled, .who = v, .urgent = true },
		.account = v->row.id,
		.fps = v->fps,
		.known = v->fp_known,
		.n = n,
	};
	v->req_out = true;
	spool_reconcile(v->parts->spool, &v->req.reconcile);
}

void visit_headers_done(struct visit *v)
{
	struct item_list *l = looked_at(v);

	if (v->look == LOOK_AGES) {
		visit_decide(v);
		return;
	}
	if (v->look == LOOK_COPIES) {
		visit_seek_matched(v);
		return;
	}
	reconcile(v, l->n);
}

uint64_t visit_twin(const struct visit *v, const struct message_key *key)
{
	uint64_t msgid = 0, hash;
	char text[40];

	if (v->source && v->source->ops->twin)
		msgid = v->source->ops->twin(v->source, key);
	if (!msgid)
		return 0;
	(void)snprintf(text, sizeof(text), "X-GM-MSGID %" PRIu64, msgid);
	hash_keyed(spool_key(v->parts->spool), view_of(text), (uint8_t *)&hash,
		   sizeof(hash));
	return hash & INT64_MAX;
}

bool visit_look_for_twins(struct visit *v)
{
	bool any = false;

	if (v->twins_known || !v->wanted.n)
		return false;
	v->twins_known = true;
	free(v->fps);
	v->fps = mem_new(v->wanted.n * sizeof(*v->fps));
	for (size_t n = 0; n < v->wanted.n; n++) {
		v->fps[n] = visit_twin(v, &v->wanted.item[n].key);
		any = any || v->fps[n];
	}
	if (!any)
		return false;
	v->look = LOOK_TWINS;
	reconcile(v, v->wanted.n);
	return true;
}

static struct spool_item *item_by_key(struct visit *v,
				      const struct message_key *key, size_t *at)
{
	struct item_list *l = looked_at(v);

	/* answers come in the order asked, but for what was refused */
	for (size_t n = 0; n < l->n; n++) {
		size_t k = (v->fp_at + n) % l->n;

		if (message_key_order(&l->item[k].key, key) == 0) {
			*at = k;
			return &l->item[k];
		}
	}
	return NULL;
}

/* The date of the topmost Received field; 0: unreadable, counts as young. */
static uint32_t topmost_date(struct view raw)
{
	struct field f;
	int64_t t;

	while (field_next(&raw, &f))
		if (field_is(&f, VIEW_LIT("Received")))
			return maildate_received(f.body, &t) && t > 0 &&
					       t <= UINT32_MAX
				       ? (uint32_t)t
				       : 0;
	return 0;
}

void visit_on_header(struct visit *v, const struct head_facts *f,
		     struct view raw)
{
	size_t at;
	struct spool_item *i = item_by_key(v, &v->key, &at);
	uint64_t fp = 0;

	if (!i)
		return;
	v->fp_at = at + 1;
	if (v->look == LOOK_AGES) {
		i->date = topmost_date(raw);
		return;
	}
	if (f->fingerprint.n)
		hash_keyed(spool_key(v->parts->spool), f->fingerprint,
			   (uint8_t *)&fp, sizeof(fp));
	v->fps[at] = fp & INT64_MAX;
}
