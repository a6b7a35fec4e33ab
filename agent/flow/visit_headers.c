#include "field.h"
#include "hash.h"
#include "maildate.h"
#include "must.h"
#include "visit.h"

#include <stdlib.h>

void visit_ask_headers(struct visit *v, bool ages)
{
	v->phase = VISIT_HEADERS;
	v->ages = ages;
	v->fp_at = 0;
	if (!ages)
		v->fps = mem_new(v->wanted.n * sizeof(*v->fps));
	v->source->ops->headers(v->source, v->wanted.item, v->wanted.n);
}

/*
 * Known by fingerprint: taken as handled, never deleted. Where UIDVALIDITY
 * changed or the account was switched each match counts; where a listing merely
 * looks odd, only if more than a fifth of it matches (CASES E7): two different
 * messages may well share Message-ID, date and sender.
 */
static void on_reconciled(struct spool_req *req)
{
	struct visit *v = req->who;
	bool surely = v->here.changed || v->row.reconcile;
	struct item_list rest = { 0 };

	if (!visit_answered(v))
		return;
	if (!req->ok) {
		visit_fail(v, &req->err);
		visit_next_folder(v);
		return;
	}
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

static void headers_done(struct visit *v)
{
	if (v->ages) {
		visit_decide(v);
		return;
	}
	v->fp_known = mem_new(v->wanted.n * sizeof(*v->fp_known));
	v->req.reconcile = (struct spool_reconcile){
		.req = { .done = on_reconciled, .who = v, .urgent = true },
		.account = v->row.id,
		.fps = v->fps,
		.known = v->fp_known,
		.n = v->wanted.n,
	};
	v->req_out = true;
	spool_reconcile(v->parts->spool, &v->req.reconcile);
}

static struct spool_item *
wanted_by_key(struct visit *v, const struct message_key *key, size_t *at)
{
	/* answers come in the order asked, but for what was refused */
	for (size_t n = 0; n < v->wanted.n; n++) {
		size_t k = (v->fp_at + n) % v->wanted.n;

		if (message_key_order(&v->wanted.item[k].key, key) == 0) {
			*at = k;
			return &v->wanted.item[k];
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
	struct spool_item *i = wanted_by_key(v, &v->key, &at);
	uint64_t fp = 0;

	if (!i)
		return;
	v->fp_at = at + 1;
	if (v->ages) {
		i->date = topmost_date(raw);
		return;
	}
	if (f->fingerprint.n)
		hash_keyed(spool_key(v->parts->spool), f->fingerprint,
			   (uint8_t *)&fp, sizeof(fp));
	v->fps[at] = fp & INT64_MAX;
}

void visit_header_missing(struct visit *v)
{
	headers_done(v);
}
