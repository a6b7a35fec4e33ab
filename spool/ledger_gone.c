/*
 * TX4: what was deleted at the source.
 *
 * The identity is what counts. Of a message folded long ago the row in the
 * history is found by the day of its delivery, so that `trace` can tell: ids
 * rise with that time, but for messages that waited, whose rows may stay.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

#define DAY_MS ((int64_t)86400000)

struct folded {
	uint16_t day;
	struct message_key key;
};

static int by_day(const void *a, const void *b)
{
	const struct folded *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return message_key_order(&x->key, &y->key);
}

static bool set_gone(struct ledger *l, int64_t id, int64_t now_ms)
{
	struct bind b = {
		ledger_statement(
			l, STMT_GONE,
			"UPDATE settled SET state = 6, gone_at = ? WHERE id = ?"
			" AND state = 5"),
		0
	};

	bind_int(&b, now_ms);
	bind_int(&b, id);
	return ledger_do_one(l, b.s);
}

static bool gone_unfolded(struct ledger *l, const struct spool_gone *g,
			  struct known_entry *e)
{
	if (e->fate != FATE_DELIVERED)
		return true;
	if (!set_gone(l, e->id, g->now_ms))
		return ledger_break(l, "a delivered message has no row");
	e->fate = FATE_GONE;
	ledger_totals(l, g->account)->deleted++;
	return true;
}

/* --- history
 * ------------------------------------------------------------------ */

/* The first settled row at or above id; 0: none. */
static int64_t probe(struct ledger *l, int64_t id, int64_t *at)
{
	struct bind b = { ledger_statement(l, STMT_GONE_PROBE,
					   "SELECT id, at FROM settled"
					   " WHERE id >= ? ORDER BY id"
					   " LIMIT 1"),
			  0 };
	int64_t found = 0;

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		found = column_int(b.s, 0);
		*at = column_int(b.s, 1);
	}
	return found;
}

/* The first id that was settled at this time or later. */
static int64_t first_since(struct ledger *l, int64_t since_ms)
{
	int64_t from = 1, to = l->next_id;

	while (from < to) {
		int64_t mid = from + (to - from) / 2, at = 0;
		int64_t id = probe(l, mid, &at);

		if (id && at < since_ms)
			from = id + 1;
		else
			to = mid;
	}
	return from;
}

static bool is_one_of(const struct folded *f, size_t n,
		      const struct message_key *key)
{
	struct folded want = { n ? f[0].day : 0, *key };

	return bsearch(&want, f, n, sizeof(want), by_day) != NULL;
}

/* f: all of one day. */
static void mark_day(struct ledger *l, const struct spool_gone *g,
		     const struct folded *f, size_t n)
{
	struct bind b = {
		ledger_statement(
			l, STMT_GONE_RANGE,
			"SELECT s.id, m.key FROM settled s JOIN message m"
			" ON m.id = s.id WHERE s.id >= ? AND s.id < ? AND s.state = 5"
			" AND m.folder = ? ORDER BY s.id"),
		0
	};
	int64_t *ids = mem_new(n * sizeof(*ids));
	size_t found = 0;

	bind_int(&b, first_since(l, f[0].day * DAY_MS));
	bind_int(&b, first_since(l, (f[0].day + 1) * DAY_MS));
	bind_int(&b, g->folder);
	while (found < n && ledger_row(l, b.s)) {
		struct message_key key = column_key(b.s, 1);

		if (is_one_of(f, n, &key))
			ids[found++] = column_int(b.s, 0);
	}
	(void)sqlite3_reset(b.s);
	for (size_t i = 0; i < found && !l->broken; i++)
		(void)set_gone(l, ids[i], g->now_ms);
	free(ids);
}

static void mark_history(struct ledger *l, const struct spool_gone *g,
			 struct folded *f, size_t n)
{
	qsort(f, n, sizeof(*f), by_day);
	for (size_t from = 0, to; from < n && !l->broken; from = to) {
		for (to = from + 1; to < n && f[to].day == f[from].day; to++)
			;
		mark_day(l, g, f + from, to - from);
	}
}

bool ledger_run_gone(struct ledger *l, struct spool_req *r)
{
	struct spool_gone *g = LIST_OF(r, struct spool_gone, req);
	struct folded *f = mem_new(g->n * sizeof(*f));
	size_t n = 0;

	for (size_t i = 0; i < g->n && !l->broken; i++) {
		struct known_entry *e =
			known_find(&l->known, g->folder, &g->keys[i]);

		f[n] = (struct folded){ .key = g->keys[i] };
		if (e)
			(void)gone_unfolded(l, g, e);
		else if (ledger_fold_gone(l, g->folder, &g->keys[i],
					  &f[n].day) &&
			 f[n].day)
			n++;
	}
	if (n) {
		ledger_totals(l, g->account)->deleted += n;
		mark_history(l, g, f, n);
	}
	free(f);
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
