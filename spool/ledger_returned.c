/*
 * When messages whose trace came back had gone: the answer to a loop.
 */
#include "ledger.h"

/* What was accepted for one recipient of several waits in the queue yet. */
static bool had_gone(struct ledger *l, int64_t id, int64_t before_ms)
{
	struct bind b = { ledger_statement(l, STMT_RETURNED,
					   "SELECT coalesce(s.at, q.sent_at),"
					   " s.id IS NULL FROM message m"
					   " LEFT JOIN settled s ON s.id = m.id"
					   " LEFT JOIN queue q ON q.id = m.id"
					   " WHERE m.id = ?"),
			  0 };
	bool gone = true; /* purged */

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		int64_t at = column_int(b.s, 0);

		gone = at <= before_ms && (at > 0 || !column_int(b.s, 1));
	}
	return gone;
}

bool ledger_run_returned(struct ledger *l, struct spool_req *r)
{
	struct spool_returned *q = LIST_OF(r, struct spool_returned, req);

	q->count = 0;
	for (size_t i = 0; i < q->n; i++)
		q->count += had_gone(l, q->ids[i], q->before_ms);
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
