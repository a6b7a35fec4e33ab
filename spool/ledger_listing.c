/*
 * A listing against the ledger, in slices.
 *
 * Identities go from memory (known) to span and ident, never back, so looking
 * in that order misses none, whatever is folded between two slices.
 */
#include "ledger.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>

#define SLICE_ROWS  4096u
#define ABSENT_MAX  3 /* complete listings */
#define RETIRE_DAYS 30

enum phase {
	PHASE_KNOWN,
	PHASE_SPAN,
	PHASE_IDENT,
	PHASE_SKIPPED,
	PHASE_DONE
};

struct listing_job {
	struct ledger_job job;
	struct spool_listing *q; /* borrowed */
	enum phase phase;
	size_t at;		 /* items before it are merged */
	struct message_key last; /* key of the last row read */
	uint32_t last_uid;
	uint64_t folded; /* identities in span and ident */
};

/* A row whose absence changes. */
struct absent {
	struct message_key key;
	uint32_t first;
	uint32_t many;
	int64_t absence; /* -1: retire */
};

static size_t find_item(const struct spool_listing *q,
			const struct message_key *key)
{
	size_t from = 0, to = q->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (message_key_order(&q->items[mid].key, key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void merge_known(struct ledger *l, struct spool_listing *q)
{
	for (size_t i = 0; i < l->known.cap; i++) {
		struct known_entry *e = &l->known.at[i];
		size_t at;

		if (!e->id || e->folder != q->folder)
			continue;
		q->known++;
		at = find_item(q, &e->key);
		e->listed = at < q->n &&
			    message_key_order(&q->items[at].key, &e->key) == 0;
		if (!e->listed)
			continue;
		q->items[at].fate = e->fate;
		q->items[at].day = e->day;
	}
}

/*
 * What absence becomes. listed: some of it is in the listing. Only a complete
 * listing counts, 3 of them and 30 days retire (CASES E9).
 */
static int64_t next_absence(const struct ledger *l,
			    const struct spool_listing *q, int64_t absence,
			    bool listed)
{
	int64_t today = ledger_day(q->now_ms - l->lag_ms);
	int64_t n = absence & 3, since = absence >> 2;

	if (listed)
		return 0;
	if (!q->whole)
		return absence;
	if (n == 0)
		return today << 2 | 1;
	if (n == ABSENT_MAX && today - since >= RETIRE_DAYS)
		return -1;
	return n < ABSENT_MAX ? since << 2 | (n + 1) : absence;
}

static void note(struct absent *list, size_t *n, const struct absent *a,
		 int64_t before)
{
	if (a->absence != before)
		list[(*n)++] = *a;
}

/* --- ident -------------------------------------------------------------------
 */

static bool item_is(const struct listing_job *j, const struct message_key *key)
{
	return j->at < j->q->n &&
	       message_key_order(&j->q->items[j->at].key, key) == 0;
}

/* Passes the items below key. */
static void pass(struct listing_job *j, const struct message_key *key)
{
	while (j->at < j->q->n &&
	       message_key_order(&j->q->items[j->at].key, key) < 0)
		j->at++;
}

static void set_fate(struct spool_item *item, uint8_t fate, uint16_t day)
{
	if (item->fate != FATE_NEW)
		return;
	item->fate = fate;
	item->day = day;
}

static size_t scan_ident(struct ledger *l, struct listing_job *j,
			 struct absent *changes, size_t *nchanges)
{
	struct bind b = {
		ledger_statement(
			l, STMT_IDENT_SCAN,
			"SELECT hash, fate, day, absence FROM ident"
			" WHERE folder = ? AND hash > ? ORDER BY hash LIMIT ?"),
		0
	};
	struct message_key from = j->last;
	size_t rows = 0;

	bind_int(&b, j->q->folder);
	bind_key(&b, &from);
	bind_int(&b, SLICE_ROWS);
	while (ledger_row(l, b.s)) {
		struct absent a = { .key = column_key(b.s, 0), .many = 1 };
		int64_t before = column_int(b.s, 3);
		bool listed;

		rows++;
		pass(j, &a.key);
		listed = item_is(j, &a.key);
		if (listed)
			set_fate(&j->q->items[j->at],
				 (uint8_t)column_int(b.s, 1),
				 (uint16_t)column_int(b.s, 2));
		a.absence = next_absence(l, j->q, before, listed);
		note(changes, nchanges, &a, before);
		j->last = a.key;
	}
	j->folded += rows;
	return rows;
}

static bool change_ident(struct ledger *l, const struct spool_listing *q,
			 const struct absent *a)
{
	struct bind b = { NULL, 0 };

	if (a->absence < 0) {
		b.s = ledger_statement(l, STMT_IDENT_RETIRE,
				       "DELETE FROM ident WHERE folder = ?"
				       " AND hash = ?");
	} else {
		b.s = ledger_statement(l, STMT_IDENT_ABSENT,
				       "UPDATE ident SET absence = ?"
				       " WHERE folder = ? AND hash = ?");
		bind_int(&b, a->absence);
	}
	bind_int(&b, q->folder);
	bind_key(&b, &a->key);
	return ledger_do(l, b.s);
}

/* --- span --------------------------------------------------------------------
 */

/* Gives the items within s their fate. */
static bool merge_span(struct listing_job *j, const struct ledger_span *s)
{
	struct message_key first = message_key_uid(s->first);
	struct message_key last = message_key_uid(s->last);
	bool any = false;

	pass(j, &first);
	for (; j->at < j->q->n &&
	       message_key_order(&j->q->items[j->at].key, &last) <= 0;
	     j->at++) {
		set_fate(&j->q->items[j->at], s->fate, s->day);
		any = true;
	}
	return any;
}

static size_t scan_span(struct ledger *l, struct listing_job *j,
			struct absent *changes, size_t *nchanges)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SPAN_SCAN,
			"SELECT first, last, fate, day, absence FROM span"
			" WHERE folder = ? AND first > ? ORDER BY first LIMIT ?"),
		0
	};
	size_t rows = 0;

	bind_int(&b, j->q->folder);
	bind_int(&b, j->last_uid);
	bind_int(&b, SLICE_ROWS);
	while (ledger_row(l, b.s)) {
		struct ledger_span s = { (uint32_t)column_int(b.s, 0),
					 (uint32_t)column_int(b.s, 1),
					 (uint8_t)column_int(b.s, 2),
					 (uint16_t)column_int(b.s, 3),
					 column_int(b.s, 4) };
		struct absent a = { .first = s.first,
				    .many = s.last - s.first + 1 };

		rows++;
		a.absence = next_absence(l, j->q, s.absence, merge_span(j, &s));
		note(changes, nchanges, &a, s.absence);
		j->last_uid = s.first;
		j->folded += a.many;
	}
	return rows;
}

static bool change_span(struct ledger *l, const struct spool_listing *q,
			const struct absent *a)
{
	struct bind b = { NULL, 0 };

	if (a->absence < 0) {
		b.s = ledger_statement(l, STMT_SPAN_DROP,
				       "DELETE FROM span WHERE folder = ?"
				       " AND first = ?");
	} else {
		b.s = ledger_statement(l, STMT_SPAN_ABSENT,
				       "UPDATE span SET absence = ?"
				       " WHERE folder = ? AND first = ?");
		bind_int(&b, a->absence);
	}
	bind_int(&b, q->folder);
	bind_int(&b, a->first);
	return ledger_do(l, b.s);
}

/* --- skipped -----------------------------------------------------------------
 */

static void set_skipped(struct spool_item *item, sqlite3_stmt *row)
{
	set_fate(item, FATE_SKIPPED, 0);
	if (column_int(row, 1))
		item->flags |= SPOOL_ITEM_SAME;
	if (column_int(row, 4))
		item->flags |= SPOOL_ITEM_MARKED;
	if (!column_int(row, 2))
		return;
	item->flags |= SPOOL_ITEM_EMPTY;
	if (column_int(row, 3) >= LIMIT_EMPTY_PASSES - 1)
		item->flags |= SPOOL_ITEM_LAST;
}

/* A skipped message that is not there any more needs no row. */
static size_t scan_skipped(struct ledger *l, struct listing_job *j,
			   struct absent *changes, size_t *nchanges)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SKIPPED_SCAN,
			"SELECT key, reason = 'duplicate'"
			" AND NOT " LEDGER_SAME_IS_OPEN ","
			" reason = 'empty', tries, reason = 'deleted'"
			" FROM skipped"
			" WHERE folder = ? AND key > ? ORDER BY key LIMIT ?"),
		0
	};
	struct message_key from = j->last;
	size_t rows = 0;

	bind_int(&b, j->q->folder);
	bind_key(&b, &from);
	bind_int(&b, SLICE_ROWS);
	while (ledger_row(l, b.s)) {
		struct absent a = { .key = column_key(b.s, 0), .absence = -1 };

		rows++;
		pass(j, &a.key);
		if (item_is(j, &a.key)) {
			set_skipped(&j->q->items[j->at], b.s);
		} else if (j->q->whole) {
			note(changes, nchanges, &a, 0);
		}
		j->last = a.key;
	}
	return rows;
}

static bool change_skipped(struct ledger *l, const struct spool_listing *q,
			   const struct absent *a)
{
	struct bind b = { ledger_statement(
				  l, STMT_UNSKIP,
				  "DELETE FROM skipped WHERE folder = ?"
				  " AND key = ?"),
			  0 };

	bind_int(&b, q->folder);
	bind_key(&b, &a->key);
	return ledger_do(l, b.s);
}

/* --- the job
 * ------------------------------------------------------------------ */

static bool apply(struct ledger *l, struct listing_job *j,
		  bool (*change)(struct ledger *, const struct spool_listing *,
				 const struct absent *),
		  const struct absent *changes, size_t n)
{
	int64_t retired = 0;

	for (size_t i = 0; i < n; i++) {
		if (!change(l, j->q, &changes[i]))
			return false;
		if (changes[i].absence < 0)
			retired += changes[i].many;
	}
	j->folded -= (uint64_t)retired;
	return ledger_add_known(l, j->q->folder, -retired);
}

/* One slice of rows: so many; the next phase when there are no more. */
static size_t scan(struct ledger *l, struct listing_job *j)
{
	/* not zeroed: mostly there are none */
	struct absent *changes = mem_grow(NULL, SLICE_ROWS * sizeof(*changes));
	size_t rows = 0, n = 0;

	if (j->phase == PHASE_SPAN) {
		rows = scan_span(l, j, changes, &n);
		(void)apply(l, j, change_span, changes, n);
	} else if (j->phase == PHASE_IDENT) {
		rows = scan_ident(l, j, changes, &n);
		(void)apply(l, j, change_ident, changes, n);
	} else {
		rows = scan_skipped(l, j, changes, &n);
		(void)apply(l, j, change_skipped, changes, n);
	}
	free(changes);
	if (rows == SLICE_ROWS)
		return rows;
	j->phase++;
	j->at = 0;
	j->last = (struct message_key){ { 0 } };
	return rows;
}

static void count(struct spool_listing *q)
{
	memset(q->count, 0, sizeof(q->count));
	for (size_t i = 0; i < q->n; i++)
		q->count[q->items[i].fate]++;
}

/*
 * What is done at a source with something delivered is done because of a
 * record that is on disk; anything else may be decided once more after a crash.
 * Where nobody waits for the commit, each such record is there already: who
 * settles a message waits for it.
 */
static bool is_harmless(const struct ledger *l, const struct spool_listing *q)
{
	return !l->owed || (!q->count[FATE_DELIVERED] &&
			    !q->count[FATE_MARKED] && !q->count[FATE_BROUGHT]);
}

static size_t begin(struct ledger *l, struct listing_job *j)
{
	struct spool_listing *q = j->q;

	q->known = 0;
	for (size_t i = 0; i < q->n; i++) {
		q->items[i].fate = FATE_NEW;
		q->items[i].day = 0;
	}
	merge_known(l, q);
	j->phase = PHASE_SPAN;
	return q->n;
}

/* A short one in one go: between two slices there may be a commit. */
static bool step(struct ledger *l, struct ledger_job *job)
{
	struct listing_job *j = LIST_OF(job, struct listing_job, job);
	struct spool_listing *q = j->q;
	size_t rows = 0;

	while (j->phase != PHASE_DONE && rows < SLICE_ROWS && !l->broken)
		rows += j->phase == PHASE_KNOWN ? begin(l, j) : scan(l, j);
	if (j->phase != PHASE_DONE && !l->broken)
		return false;
	count(q);
	q->req.early = is_harmless(l, q);
	ledger_flag_suspects(l, q);
	q->known += j->folded;
	q->req.ok = !l->broken || ledger_failed(l, &q->req.err, "");
	return true;
}

bool ledger_run_listing(struct ledger *l, struct spool_req *r)
{
	struct listing_job *j = mem_new(sizeof(*j));

	j->q = LIST_OF(r, struct spool_listing, req);
	return ledger_job_start(l, &j->job, r, step);
}
