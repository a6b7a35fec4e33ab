/*
 * What stays at the source: adopted, skipped, held without having come.
 */
#include "ledger.h"
#include "must.h"

#define SLICE_ITEMS 2048u

struct source_job {
	struct ledger_job job;
	size_t at;
};

static bool unskip(struct ledger *l, int64_t folder,
		   const struct message_key *key)
{
	struct bind b = { ledger_statement(
				  l, STMT_UNSKIP,
				  "DELETE FROM skipped WHERE folder = ?"
				  " AND key = ?"),
			  0 };

	bind_int(&b, folder);
	bind_key(&b, key);
	return ledger_do(l, b.s);
}

static bool ended(struct ledger *l, struct spool_req *r)
{
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}

/* --- adopt ------------------------------------------------------------------
 */

static bool adopt_item(struct ledger_fold *f, const struct spool_item *item)
{
	if (item->fate != FATE_NEW && item->fate != FATE_SKIPPED)
		return true;
	if (known_find(&f->l->known, f->folder, &item->key))
		return true;
	if (item->fate == FATE_SKIPPED && !unskip(f->l, f->folder, &item->key))
		return false;
	return ledger_fold_add(f, &item->key, FATE_ADOPTED, 0);
}

static bool adopt_step(struct ledger *l, struct ledger_job *job)
{
	struct source_job *j = LIST_OF(job, struct source_job, job);
	struct spool_adopt *q = LIST_OF(job->req, struct spool_adopt, req);
	struct ledger_fold f = { .l = l,
				 .folder = q->folder,
				 .only_new = true };
	size_t end = q->n - j->at < SLICE_ITEMS ? q->n : j->at + SLICE_ITEMS;

	while (j->at < end && adopt_item(&f, &q->items[j->at]))
		j->at++;
	if (!l->broken)
		(void)ledger_fold_end(&f);
	if (j->at < q->n && !l->broken)
		return false;
	return ended(l, &q->req);
}

bool ledger_run_adopt(struct ledger *l, struct spool_req *r)
{
	struct source_job *j = mem_new(sizeof(*j));

	return ledger_job_start(l, &j->job, r, adopt_step);
}

/* --- skip -------------------------------------------------------------------
 */

/* CASES D7: asked for, and it did not come. */
static bool hold_item(struct ledger *l, const struct spool_skip *q,
		      const struct spool_item *item)
{
	struct ledger_unfetched u = { .account = q->account,
				      .folder = q->folder,
				      .key = &item->key,
				      .uid = q->uid,
				      .why = q->hold_why };
	int64_t id = ledger_hold_unfetched(l, &u, q->now_ms);

	if (!id || !unskip(l, q->folder, &item->key))
		return false;
	known_put(&l->known, &(struct known_entry){ .folder = q->folder,
						    .id = id,
						    .key = item->key,
						    .fate = FATE_QUEUED });
	ledger_totals(l, q->account)->held++;
	return true;
}

static bool note_item(struct ledger *l, const struct spool_skip *q,
		      const struct spool_item *item)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SKIP,
			"INSERT INTO skipped (folder, key, octets, date, at, reason)"
			" VALUES (?,?,?,?,?,?) ON CONFLICT (folder, key) DO UPDATE"
			" SET octets = excluded.octets, at = excluded.at,"
			" tries = CASE WHEN reason = excluded.reason"
			" THEN tries + 1 ELSE 1 END,"
			" reason = excluded.reason, same = 0, awaits = 0"
			" WHERE reason <> excluded.reason OR reason = 'empty'"),
		0
	};

	bind_int(&b, q->folder);
	bind_key(&b, &item->key);
	bind_int(&b, item->octets);
	bind_int(&b, item->date);
	bind_int(&b, q->now_ms);
	bind_text(&b, q->reason);
	if (!ledger_do(l, b.s))
		return false;
	if (item->fate == FATE_NEW)
		ledger_totals(l, q->account)->skipped++;
	return true;
}

static bool skip_item(struct ledger *l, const struct spool_skip *q,
		      const struct spool_item *item)
{
	if (item->fate != FATE_NEW && item->fate != FATE_SKIPPED)
		return true;
	if (known_find(&l->known, q->folder, &item->key))
		return true;
	return q->hold_why ? hold_item(l, q, item) : note_item(l, q, item);
}

static bool skip_step(struct ledger *l, struct ledger_job *job)
{
	struct source_job *j = LIST_OF(job, struct source_job, job);
	struct spool_skip *q = LIST_OF(job->req, struct spool_skip, req);
	size_t end = q->n - j->at < SLICE_ITEMS ? q->n : j->at + SLICE_ITEMS;

	while (j->at < end && skip_item(l, q, &q->items[j->at]))
		j->at++;
	if (j->at < q->n && !l->broken)
		return false;
	return ended(l, &q->req);
}

bool ledger_run_skip(struct ledger *l, struct spool_req *r)
{
	struct source_job *j = mem_new(sizeof(*j));

	return ledger_job_start(l, &j->job, r, skip_step);
}
