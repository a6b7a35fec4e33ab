/*
 * Moves to another folder, written down before and after (CASES D15).
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

static bool done(struct ledger *l, struct spool_req *r)
{
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}

static bool intend(struct ledger *l, const struct spool_intend *q,
		   const struct spool_intent *i)
{
	struct bind b = { ledger_statement(l, STMT_INTEND,
					   "INSERT OR REPLACE INTO intent"
					   " (folder, key, target, since,"
					   " print) VALUES (?,?,?,?,?)"),
			  0 };

	bind_int(&b, q->folder);
	bind_key(&b, &i->key);
	bind_int(&b, q->target);
	bind_int(&b, q->since);
	bind_uint(&b, i->print);
	return ledger_do(l, b.s);
}

bool ledger_run_intend(struct ledger *l, struct spool_req *r)
{
	const struct spool_intend *q = LIST_OF(r, struct spool_intend, req);

	for (size_t i = 0; i < q->n && intend(l, q, &q->items[i]); i++)
		;
	return done(l, r);
}

/* --- what was begun, and not heard of again --- */

static void first_target(struct ledger *l, struct spool_intents *q)
{
	struct bind b = {
		ledger_statement(
			l, STMT_INTENT_TARGET,
			"SELECT i.target, f.name, f.uidvalidity, min(i.since)"
			" FROM intent i JOIN folder f ON f.id = i.target"
			" WHERE i.folder = ? GROUP BY i.target ORDER BY i.target"
			" LIMIT 1"),
		0
	};

	bind_int(&b, q->folder);
	while (ledger_row(l, b.s)) {
		size_t n = (size_t)sqlite3_column_bytes(b.s, 1);

		q->target = column_int(b.s, 0);
		free(q->name);
		q->name = mem_new(n + 1);
		memcpy(q->name, sqlite3_column_blob(b.s, 1), n);
		q->uidvalidity = (uint32_t)column_int(b.s, 2);
		q->since = (uint32_t)column_int(b.s, 3);
	}
}

bool ledger_run_intents(struct ledger *l, struct spool_req *r)
{
	struct spool_intents *q = LIST_OF(r, struct spool_intents, req);
	struct bind b;
	size_t cap = 0;

	q->target = 0;
	q->name = NULL;
	q->items = NULL;
	q->n = 0;
	first_target(l, q);
	if (!q->target)
		return done(l, r);
	b = (struct bind){ ledger_statement(l, STMT_INTENTS_OF,
					    "SELECT key, print FROM intent"
					    " WHERE folder = ? AND target = ?"
					    " ORDER BY key"),
			   0 };
	bind_int(&b, q->folder);
	bind_int(&b, q->target);
	while (ledger_row(l, b.s)) {
		if (q->n == cap) {
			cap = cap ? cap * 2 : 64;
			q->items = mem_grow(q->items, cap * sizeof(*q->items));
		}
		q->items[q->n++] = (struct spool_intent){
			.key = column_key(b.s, 0),
			.print = (uint64_t)column_int(b.s, 1),
		};
	}
	return done(l, r);
}

/* --- what has moved --- */

static bool unintend(struct ledger *l, int64_t folder,
		     const struct message_key *key)
{
	struct bind b = { ledger_statement(l, STMT_UNINTEND,
					   "DELETE FROM intent WHERE folder = ?"
					   " AND key = ?"),
			  0 };

	bind_int(&b, folder);
	bind_key(&b, key);
	return ledger_do(l, b.s);
}

static bool unintend_all(struct ledger *l, int64_t folder, int64_t target)
{
	struct bind b = { ledger_statement(l, STMT_UNINTEND_ALL,
					   "DELETE FROM intent WHERE folder = ?"
					   " AND target = ?"),
			  0 };

	bind_int(&b, folder);
	bind_int(&b, target);
	return ledger_do(l, b.s);
}

static bool add_unplaced(struct ledger *l, int64_t folder, int64_t n)
{
	struct bind b = { ledger_statement(l, STMT_UNPLACED,
					   "UPDATE folder SET unplaced ="
					   " unplaced + ? WHERE id = ?"),
			  0 };

	if (n == 0)
		return true;
	bind_int(&b, n);
	bind_int(&b, folder);
	return ledger_do(l, b.s);
}

static bool bring(struct ledger *l, const struct spool_moved *q,
		  const struct spool_intent *i, uint16_t day, int64_t *unplaced)
{
	if (day && !i->uid)
		++*unplaced;
	return !day || !i->uid ||
	       ledger_span_set(l, q->target, i->uid, i->uid, FATE_BROUGHT, day);
}

bool ledger_run_moved(struct ledger *l, struct spool_req *r)
{
	struct spool_moved *q = LIST_OF(r, struct spool_moved, req);
	struct ledger_acts a;
	int64_t unplaced = 0;
	uint16_t day;

	ledger_acts_init(&a, DEED_MOVED, q->folder, q->n, q->now_ms);
	for (size_t i = 0; i < q->n && !l->broken; i++) {
		ledger_act(l, &a, &q->items[i].key, &day);
		(void)(bring(l, q, &q->items[i], day, &unplaced) &&
		       unintend(l, q->folder, &q->items[i].key));
	}
	if (q->all && !l->broken)
		(void)unintend_all(l, q->folder, q->target);
	if (!l->broken)
		(void)add_unplaced(l, q->target, unplaced);
	ledger_acts_end(l, &a);
	return done(l, r);
}

bool ledger_run_brought(struct ledger *l, struct spool_req *r)
{
	struct spool_brought *q = LIST_OF(r, struct spool_brought, req);
	struct bind b = {
		ledger_statement(
			l, STMT_BROUGHT,
			"SELECT min(s.day) FROM folder f JOIN span s"
			" ON s.folder = f.id WHERE f.account = ? AND f.name = ?"
			" AND s.fate = ? AND s.absence = 0"),
		0
	};

	q->day = 0;
	bind_int(&b, q->account);
	bind_blob(&b, q->name, strlen(q->name));
	bind_int(&b, FATE_BROUGHT);
	while (ledger_row(l, b.s))
		q->day = (uint16_t)column_int(b.s, 0);
	return done(l, r);
}
