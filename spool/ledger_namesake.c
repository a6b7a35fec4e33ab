/*
 * POP3 unique-ids that are not unique (CASES E6).
 */
#include "ledger.h"
#include "must.h"

void ledger_load_namesakes(struct ledger *l, int64_t folder,
			   struct spool_folder_open *q)
{
	struct bind b = { ledger_statement(l, STMT_NAMESAKES,
					   "SELECT hash FROM namesake WHERE"
					   " folder = ? ORDER BY hash"),
			  0 };
	size_t cap = 0;

	bind_int(&b, folder);
	while (ledger_row(l, b.s)) {
		if (q->nnamesakes == cap) {
			cap = cap * 2 + 16;
			q->namesakes = mem_grow(q->namesakes,
						cap * sizeof(*q->namesakes));
		}
		q->namesakes[q->nnamesakes++] = column_key(b.s, 0);
	}
}

static bool is_known(struct ledger *l, int64_t folder,
		     const struct message_key *key)
{
	struct bind b = { ledger_statement(l, STMT_IDENT_IS,
					   "SELECT 1 FROM ident WHERE"
					   " folder = ? AND hash = ?"),
			  0 };
	bool known = known_find(&l->known, folder, key);

	bind_int(&b, folder);
	bind_key(&b, key);
	while (ledger_row(l, b.s))
		known = true;
	return known;
}

static void record(struct ledger *l, int64_t folder,
		   const struct message_key *key)
{
	struct bind b = { ledger_statement(l, STMT_NAMESAKE,
					   "INSERT OR IGNORE INTO namesake"
					   " (folder, hash) VALUES (?,?)"),
			  0 };

	bind_int(&b, folder);
	bind_key(&b, key);
	(void)ledger_do(l, b.s);
}

bool ledger_run_namesakes(struct ledger *l, struct spool_req *r)
{
	struct spool_namesakes *q = LIST_OF(r, struct spool_namesakes, req);

	q->known = 0;
	for (size_t i = 0; i < q->n && !l->broken; i++) {
		q->known += is_known(l, q->folder, &q->keys[i]);
		if (!q->look)
			record(l, q->folder, &q->keys[i]);
	}
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
