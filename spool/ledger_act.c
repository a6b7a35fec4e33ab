/*
 * What was done at the source with messages that were delivered: TX4.
 *
 * The identity is what counts. Of a message folded long ago the row in the
 * history is found by the day of its delivery, so that `trace` can tell: ids
 * rise with that time, but for messages that waited, whose rows may stay.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

#define DAY_MS ((int64_t)86400000)

static int by_day(const void *a, const void *b)
{
	const struct ledger_acted *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return message_key_order(&x->key, &y->key);
}

/* What is done already, or more than that, stays. */
static bool set_done(struct ledger *l, enum ledger_deed deed, int64_t id,
		     int64_t now_ms)
{
	struct bind b = { NULL, 0 };

	switch (deed) {
	case DEED_GONE:
		b.s = ledger_statement(l, STMT_GONE,
				       "UPDATE settled SET state = 6,"
				       " gone_at = ? WHERE id = ?"
				       " AND state = 5");
		bind_int(&b, now_ms);
		break;
	case DEED_MARKED:
		b.s = ledger_statement(l, STMT_MARKED,
				       "UPDATE settled SET done = 1"
				       " WHERE id = ? AND state = 5"
				       " AND done = 0");
		break;
	case DEED_MOVED:
		b.s = ledger_statement(l, STMT_MOVED,
				       "UPDATE settled SET done = 2,"
				       " gone_at = ? WHERE id = ?"
				       " AND state = 5 AND done < 2");
		bind_int(&b, now_ms);
		break;
	}
	bind_int(&b, id);
	return ledger_do_one(l, b.s);
}

static void act_unfolded(struct ledger *l, struct ledger_acts *a,
			 struct known_entry *e, uint16_t *day)
{
	uint8_t fate = ledger_fate_after(a->deed, e->fate);

	if (fate == e->fate)
		return;
	if (!set_done(l, a->deed, e->id, a->now_ms)) {
		ledger_break(l, "a delivered message has no row");
		return;
	}
	e->fate = fate;
	*day = e->day;
	a->changed++;
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

static bool is_one_of(const struct ledger_acted *f, size_t n,
		      const struct message_key *key)
{
	struct ledger_acted want = { n ? f[0].day : 0, *key };

	return bsearch(&want, f, n, sizeof(want), by_day) != NULL;
}

/* f: all of one day. */
static void mark_day(struct ledger *l, const struct ledger_acts *a,
		     const struct ledger_acted *f, size_t n)
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
	bind_int(&b, a->folder);
	while (found < n && ledger_row(l, b.s)) {
		struct message_key key = column_key(b.s, 1);

		if (is_one_of(f, n, &key))
			ids[found++] = column_int(b.s, 0);
	}
	(void)sqlite3_reset(b.s);
	for (size_t i = 0; i < found && !l->broken; i++)
		(void)set_done(l, a->deed, ids[i], a->now_ms);
	free(ids);
}

static void mark_history(struct ledger *l, const struct ledger_acts *a)
{
	struct ledger_acted *f = a->folded;
	size_t n = a->n;

	qsort(f, n, sizeof(*f), by_day);
	for (size_t from = 0, to; from < n && !l->broken; from = to) {
		for (to = from + 1; to < n && f[to].day == f[from].day; to++)
			;
		mark_day(l, a, f + from, to - from);
	}
}

void ledger_acts_init(struct ledger_acts *a, enum ledger_deed deed,
		      int64_t folder, size_t n, int64_t now_ms)
{
	*a = (struct ledger_acts){ .deed = deed,
				   .folder = folder,
				   .now_ms = now_ms };
	a->folded = mem_new(n * sizeof(*a->folded));
}

void ledger_act(struct ledger *l, struct ledger_acts *a,
		const struct message_key *key, uint16_t *day)
{
	struct known_entry *e = known_find(&l->known, a->folder, key);

	*day = 0;
	if (l->broken)
		return;
	if (e) {
		act_unfolded(l, a, e, day);
		return;
	}
	if (!ledger_fold_act(l, a->folder, key, a->deed, day) || !*day)
		return;
	a->folded[a->n++] = (struct ledger_acted){ *day, *key };
	a->changed++;
}

void ledger_acts_end(struct ledger *l, struct ledger_acts *a)
{
	if (a->n && !l->broken)
		mark_history(l, a);
	free(a->folded);
	a->folded = NULL;
}

bool ledger_run_acted(struct ledger *l, struct spool_req *r)
{
	struct spool_acted *q = LIST_OF(r, struct spool_acted, req);
	struct ledger_acts a;
	uint16_t day;

	ledger_acts_init(&a, q->act == SPOOL_GONE ? DEED_GONE : DEED_MARKED,
			 q->folder, q->n, q->now_ms);
	for (size_t i = 0; i < q->n; i++)
		ledger_act(l, &a, &q->keys[i], &day);
	if (a.changed && q->act == SPOOL_GONE)
		ledger_totals(l, q->account)->deleted += a.changed;
	ledger_acts_end(l, &a);
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
