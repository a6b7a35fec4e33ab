/*
 * Telling a mailbox known under other identities, by fingerprints.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

/* The asked ones, sorted, with their places in the caller's order. */
struct asked {
	uint64_t print;
	size_t at;
};

static int by_print(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	return x->print < y->print ? -1 : x->print > y->print;
}

static void mark(struct spool_reconcile *q, const struct asked *asked,
		 uint64_t print)
{
	size_t from = 0, to = q->n;

	if (print == 0)
		return;
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (asked[mid].print < print)
			from = mid + 1;
		else
			to = mid;
	}
	for (; from < q->n && asked[from].print == print; from++) {
		if (!q->known[asked[from].at])
			q->matched++;
		q->known[asked[from].at] = true;
	}
}

static void mark_folded(struct ledger *l, struct spool_reconcile *q,
			const struct asked *asked)
{
	struct bind b = { ledger_statement(l, STMT_PRINT_SCAN,
					   "SELECT prints FROM print"
					   " WHERE account = ?"),
			  0 };

	bind_int(&b, q->account);
	while (ledger_row(l, b.s)) {
		const uint8_t *p = sqlite3_column_blob(b.s, 0);
		size_t n = (size_t)sqlite3_column_bytes(b.s, 0) / 8;

		for (size_t i = 0; i < n; i++) {
			uint64_t print = 0;

			for (size_t k = 0; k < 8; k++)
				print |= (uint64_t)p[i * 8 + k] << (8 * k);
			mark(q, asked, print);
		}
	}
}

/* Those whose identity is not folded yet: queued or settled lately. */
static void mark_unfolded(struct ledger *l, struct spool_reconcile *q,
			  const struct asked *asked)
{
	struct bind b = {
		ledger_statement(
			l, STMT_PRINT_ROWS,
			"SELECT fingerprint, twin FROM message WHERE account = ? AND id IN"
			" (SELECT id FROM queue UNION ALL SELECT id FROM unfolded)"),
		0
	};

	bind_int(&b, q->account);
	while (ledger_row(l, b.s)) {
		mark(q, asked, (uint64_t)column_int(b.s, 0));
		mark(q, asked, (uint64_t)column_int(b.s, 1));
	}
}

bool ledger_run_reconcile(struct ledger *l, struct spool_req *r)
{
	struct spool_reconcile *q = LIST_OF(r, struct spool_reconcile, req);
	struct asked *asked = mem_new(q->n * sizeof(*asked));

	for (size_t i = 0; i < q->n; i++) {
		asked[i] = (struct asked){ q->fps[i], i };
		q->known[i] = false;
	}
	q->matched = 0;
	qsort(asked, q->n, sizeof(*asked), by_print);
	mark_folded(l, q, asked);
	mark_unfolded(l, q, asked);
	free(asked);
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
