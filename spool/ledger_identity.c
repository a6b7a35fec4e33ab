/*
 * The compact tables of identities: span and ident.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

uint16_t ledger_day(int64_t unix_ms)
{
	int64_t day = unix_ms / 86400000;

	return day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (uint16_t)day;
}

bool ledger_add_known(struct ledger *l, int64_t folder, int64_t more)
{
	struct bind b = { ledger_statement(l, STMT_FOLDER_KNOWN,
					   "UPDATE folder SET"
					   " known = max(0, known + ?)"
					   " WHERE id = ?"),
			  0 };

	if (more == 0)
		return true;
	bind_int(&b, more);
	bind_int(&b, folder);
	return ledger_do(l, b.s);
}

/* --- spans --------------------------------------------------------------- */

/*
 * Spans that touch or neighbour first .. last, in descending order. They do not
 * overlap each other, so the search ends at the first that lies below.
 */
static size_t spans_near(struct ledger *l, int64_t folder, uint32_t first,
			 uint32_t last, struct ledger_span **out)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SPAN_OVER,
			"SELECT first, last, fate, day, absence FROM span"
			" WHERE folder = ? AND first <= ? ORDER BY first DESC"),
		0
	};
	size_t n = 0;

	*out = NULL;
	bind_int(&b, folder);
	bind_int(&b, (int64_t)last + 1);
	while (ledger_row(l, b.s)) {
		if (column_int(b.s, 1) + 1 < (int64_t)first) {
			(void)sqlite3_reset(b.s);
			break;
		}
		*out = mem_grow(*out, (n + 1) * sizeof(**out));
		(*out)[n++] = (struct ledger_span){
			.first = (uint32_t)column_int(b.s, 0),
			.last = (uint32_t)column_int(b.s, 1),
			.fate = (uint8_t)column_int(b.s, 2),
			.day = (uint16_t)column_int(b.s, 3),
			.absence = column_int(b.s, 4),
		};
	}
	return n;
}

static bool span_write(struct ledger *l, int64_t folder,
		       const struct ledger_span *s)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SPAN_SET,
			"INSERT OR REPLACE INTO span (folder, first, last, fate, day,"
			" absence) VALUES (?,?,?,?,?,?)"),
		0
	};

	bind_int(&b, folder);
	bind_int(&b, s->first);
	bind_int(&b, s->last);
	bind_int(&b, s->fate);
	bind_int(&b, s->day);
	bind_int(&b, s->absence);
	return ledger_do(l, b.s);
}

static bool span_drop(struct ledger *l, int64_t folder, uint32_t first)
{
	struct bind b = { ledger_statement(l, STMT_SPAN_DROP,
					   "DELETE FROM span WHERE folder = ?"
					   " AND first = ?"),
			  0 };

	bind_int(&b, folder);
	bind_int(&b, first);
	return ledger_do(l, b.s);
}

/* Cuts s so that it does not overlap n, or takes it into n. */
static bool span_yield(struct ledger *l, int64_t folder,
		       const struct ledger_span *s, struct ledger_span *n,
		       int64_t *covered)
{
	bool same = s->fate == n->fate && s->day == n->day;
	uint32_t from = s->first > n->first ? s->first : n->first;
	uint32_t to = s->last < n->last ? s->last : n->last;
	struct ledger_span rest = *s;

	if (from <= to)
		*covered += (int64_t)to - from + 1;
	else if (!same)
		return true; /* a neighbour of another kind */
	if (!span_drop(l, folder, s->first))
		return false;
	if (same) {
		if (s->first < n->first)
			n->first = s->first;
		if (s->last > n->last)
			n->last = s->last;
		return true;
	}
	if (s->first < n->first) {
		rest.last = n->first - 1;
		if (!span_write(l, folder, &rest))
			return false;
	}
	rest = *s;
	if (s->last > n->last) {
		rest.first = n->last + 1;
		return span_write(l, folder, &rest);
	}
	return true;
}

bool ledger_span_set(struct ledger *l, int64_t folder, uint32_t first,
		     uint32_t last, uint8_t fate, uint16_t day)
{
	struct ledger_span n = { first, last, fate, day, 0 }, merged = n;
	struct ledger_span *near;
	size_t many = spans_near(l, folder, first, last, &near);
	int64_t covered = 0;
	bool ok = !l->broken;

	for (size_t i = 0; i < many && ok; i++) {
		struct ledger_span grown = n;

		ok = span_yield(l, folder, &near[i], &grown, &covered);
		if (grown.first < merged.first)
			merged.first = grown.first;
		if (grown.last > merged.last)
			merged.last = grown.last;
	}
	free(near);
	return ok && span_write(l, folder, &merged) &&
	       ledger_add_known(l, folder, (int64_t)last - first + 1 - covered);
}

/* Sets only those of first .. last that no span holds yet. */
static bool span_fill(struct ledger *l, int64_t folder,
		      const struct ledger_span *n)
{
	struct ledger_span *near;
	size_t many = spans_near(l, folder, n->first, n->last, &near);
	int64_t from = n->first;
	bool ok = !l->broken;

	for (size_t i = many; i-- > 0 && ok;) {
		if (near[i].first > n->last)
			break; /* the neighbour above */
		if (near[i].first > from)
			ok = ledger_span_set(l, folder, (uint32_t)from,
					     near[i].first - 1, n->fate,
					     n->day);
		if ((int64_t)near[i].last + 1 > from)
			from = (int64_t)near[i].last + 1;
	}
	free(near);
	if (ok && from <= n->last)
		ok = ledger_span_set(l, folder, (uint32_t)from, n->last,
				     n->fate, n->day);
	return ok;
}

/* --- ident -----------------------------------------------------------------
 */

static bool ident_add(struct ledger *l, int64_t folder,
		      const struct message_key *key, uint8_t fate, uint16_t day,
		      bool *added)
{
	struct bind b = {
		ledger_statement(
			l, STMT_IDENT_SET,
			"INSERT OR IGNORE INTO ident (folder, hash, fate, day, absence)"
			" VALUES (?,?,?,?,0)"),
		0
	};

	bind_int(&b, folder);
	bind_key(&b, key);
	bind_int(&b, fate);
	bind_int(&b, day);
	if (!ledger_do(l, b.s))
		return false;
	*added = sqlite3_changes(l->db) == 1;
	return true;
}

static bool ident_change(struct ledger *l, int64_t folder,
			 const struct message_key *key, uint8_t fate,
			 uint16_t day)
{
	struct bind b = { ledger_statement(l, STMT_IDENT_DAY,
					   "UPDATE ident SET fate = ?, day = ?,"
					   " absence = 0 WHERE folder = ?"
					   " AND hash = ?"),
			  0 };

	bind_int(&b, fate);
	bind_int(&b, day);
	bind_int(&b, folder);
	bind_key(&b, key);
	return ledger_do(l, b.s);
}

/* --- both --------------------------------------------------------------------
 */

static bool write_run(struct ledger_fold *f)
{
	struct ledger_span run = f->run;

	f->run.first = 0;
	if (run.first == 0)
		return true;
	if (f->only_new)
		return span_fill(f->l, f->folder, &run);
	return ledger_span_set(f->l, f->folder, run.first, run.last, run.fate,
			       run.day);
}

static bool add_uid(struct ledger_fold *f, uint32_t uid, uint8_t fate,
		    uint16_t day)
{
	struct ledger_span *run = &f->run;

	if (run->first && run->last + 1 == uid && run->fate == fate &&
	    run->day == day) {
		run->last = uid;
		return true;
	}
	if (!write_run(f))
		return false;
	*run = (struct ledger_span){ uid, uid, fate, day, 0 };
	return true;
}

bool ledger_fold_add(struct ledger_fold *f, const struct message_key *key,
		     uint8_t fate, uint16_t day)
{
	uint32_t uid = message_key_to_uid(key);
	bool added = false;

	if (fate != FATE_DELIVERED && fate != FATE_MARKED &&
	    fate != FATE_BROUGHT)
		day = 0; /* so that more of them become one span */
	if (uid)
		return add_uid(f, uid, fate, day);
	if (!ident_add(f->l, f->folder, key, fate, day, &added))
		return false;
	f->added += added;
	if (!added && !f->only_new)
		return ident_change(f->l, f->folder, key, fate, day);
	return true;
}

bool ledger_fold_end(struct ledger_fold *f)
{
	return write_run(f) && ledger_add_known(f->l, f->folder, f->added);
}

uint8_t ledger_fate_after(enum ledger_deed deed, uint8_t fate)
{
	bool here = fate == FATE_DELIVERED || fate == FATE_MARKED;

	switch (deed) {
	case DEED_GONE:
		return here || fate == FATE_BROUGHT ? FATE_GONE : fate;
	case DEED_MARKED:
		return fate == FATE_DELIVERED ? FATE_MARKED : fate;
	case DEED_MOVED:
		return here ? FATE_MOVED : fate;
	}
	return fate;
}

static bool act_uid(struct ledger *l, int64_t folder, uint32_t uid,
		    enum ledger_deed deed, uint16_t *day)
{
	struct ledger_span *near;
	size_t n = spans_near(l, folder, uid, uid, &near);
	bool ok = !l->broken;

	for (size_t i = 0; i < n && ok; i++) {
		uint8_t fate = ledger_fate_after(deed, near[i].fate);

		if (fate == near[i].fate || near[i].first > uid ||
		    near[i].last < uid)
			continue;
		*day = near[i].day;
		ok = ledger_span_set(l, folder, uid, uid, fate,
				     fate == FATE_MARKED ? near[i].day : 0);
	}
	free(near);
	return ok;
}

/* A POP3 server knows no other deed. */
static bool gone_hash(struct ledger *l, int64_t folder,
		      const struct message_key *key, uint16_t *day)
{
	struct bind b = { ledger_statement(l, STMT_IDENT_FATE,
					   "SELECT day FROM ident WHERE"
					   " folder = ? AND hash = ?"
					   " AND fate = 2"),
			  0 };
	bool delivered = false;

	bind_int(&b, folder);
	bind_key(&b, key);
	while (ledger_row(l, b.s)) {
		*day = (uint16_t)column_int(b.s, 0);
		delivered = true;
	}
	if (!delivered)
		return !l->broken;
	return ident_change(l, folder, key, FATE_GONE, 0);
}

bool ledger_fold_act(struct ledger *l, int64_t folder,
		     const struct message_key *key, enum ledger_deed deed,
		     uint16_t *day)
{
	uint32_t uid = message_key_to_uid(key);

	*day = 0;
	if (uid)
		return act_uid(l, folder, uid, deed, day);
	return deed != DEED_GONE || gone_hash(l, folder, key, day);
}

static bool forget_uid(struct ledger *l, int64_t folder, uint32_t uid)
{
	struct ledger_span *near, below, above;
	size_t n = spans_near(l, folder, uid, uid, &near);
	bool ok = !l->broken;

	for (size_t i = 0; i < n && ok; i++) {
		if (near[i].first > uid || near[i].last < uid)
			continue;
		below = above = near[i];
		below.last = uid - 1;
		above.first = uid + 1;
		ok = span_drop(l, folder, near[i].first) &&
		     (near[i].first == uid || span_write(l, folder, &below)) &&
		     (near[i].last == uid || span_write(l, folder, &above)) &&
		     ledger_add_known(l, folder, -1);
	}
	free(near);
	return ok;
}

bool ledger_fold_forget(struct ledger *l, int64_t folder,
			const struct message_key *key)
{
	uint32_t uid = message_key_to_uid(key);
	struct bind b;

	if (uid)
		return forget_uid(l, folder, uid);
	b = (struct bind){ ledger_statement(l, STMT_IDENT_RETIRE,
					    "DELETE FROM ident WHERE folder = ?"
					    " AND hash = ?"),
			   0 };
	bind_int(&b, folder);
	bind_key(&b, key);
	return ledger_do(l, b.s) &&
	       ledger_add_known(l, folder, -sqlite3_changes(l->db));
}
