/*
 * The poison rule (DESIGN 5): a message that brings us down is found out, and
 * held, by trying what was in hand singly.
 */
#include "ledger.h"
#include "limits.h"
#include "must.h"

#define WHY "mailhaul crashed three times with this message alone in hand"

bool ledger_suspect(struct ledger *l, int64_t folder,
		    const struct message_key *key, uint32_t strikes)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SUSPECT,
			"INSERT INTO suspect (folder, key, strikes)"
			" VALUES (?1, ?2, ?3) ON CONFLICT (folder, key)"
			" DO UPDATE SET strikes = strikes + ?3"),
		0
	};

	bind_int(&b, folder);
	bind_key(&b, key);
	bind_int(&b, strikes);
	l->nsuspects++;
	return ledger_do(l, b.s);
}

bool ledger_clear_suspect(struct ledger *l, int64_t folder,
			  const struct message_key *key)
{
	struct bind b = { NULL, 0 };

	if (!l->nsuspects)
		return true;
	b.s = ledger_statement(l, STMT_UNSUSPECT,
			       "DELETE FROM suspect WHERE folder = ?"
			       " AND key = ?");
	bind_int(&b, folder);
	bind_key(&b, key);
	return ledger_do(l, b.s);
}

static struct spool_item *item_of(struct spool_listing *q,
				  const struct message_key *key)
{
	size_t low = 0, high = q->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = message_key_order(&q->items[mid].key, key);

		if (order == 0)
			return &q->items[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void ledger_flag_suspects(struct ledger *l, struct spool_listing *q)
{
	struct bind b = { NULL, 0 };

	if (!l->nsuspects)
		return;
	b.s = ledger_statement(l, STMT_SUSPECTS,
			       "SELECT key FROM suspect WHERE folder = ?");
	bind_int(&b, q->folder);
	while (ledger_row(l, b.s)) {
		struct message_key key = column_key(b.s, 0);
		struct spool_item *i = item_of(q, &key);

		if (i)
			i->flags |= SPOOL_ITEM_SUSPECT;
	}
}

/* --- after a crash -------------------------------------------------------- */

static bool strike_queued(struct ledger *l, const struct crash_entry *e,
			  bool alone, int64_t now_ms, uint64_t *poisoned)
{
	struct bind b = { ledger_statement(l, STMT_STRIKE,
					   "UPDATE queue SET suspect = 1,"
					   " strikes = strikes + ?"
					   " WHERE id = ? AND state < 4"),
			  0 };

	bind_int(&b, alone);
	bind_int(&b, e->id);
	if (!ledger_do(l, b.s))
		return false;
	b = (struct bind){ ledger_statement(l, STMT_POISON,
					    "UPDATE queue SET state = 4,"
					    " next_at = 0, held_at = ?,"
					    " reason = '" WHY "'"
					    " WHERE id = ? AND state < 4"
					    " AND strikes >= ?"),
			   0 };
	bind_int(&b, now_ms);
	bind_int(&b, e->id);
	bind_int(&b, LIMIT_STRIKES);
	if (!ledger_do(l, b.s))
		return false;
	*poisoned += (uint64_t)sqlite3_changes64(l->db);
	return true;
}

static int64_t strikes_of(struct ledger *l, const struct crash_entry *e,
			  const struct message_key *key)
{
	struct bind b = { ledger_statement(l, STMT_STRIKES,
					   "SELECT strikes FROM suspect"
					   " WHERE folder = ? AND key = ?"),
			  0 };
	int64_t n = 0;

	bind_int(&b, e->folder);
	bind_key(&b, key);
	while (ledger_row(l, b.s))
		n = column_int(b.s, 0);
	return n;
}

static bool put_unfetched(struct ledger *l, const struct ledger_unfetched *u,
			  int64_t now_ms)
{
	struct bind b = {
		ledger_statement(
			l, STMT_PUT_UNFETCHED,
			"INSERT INTO message (id, account, folder, key, octets,"
			" hash, repaired, strays, header, facts, fingerprint,"
			" twin, sender, rcpts, found, uid, received, fetched)"
			" SELECT max(29791, ?, coalesce(max(id), 0) + 1),"
			" ?, ?, ?, 0, x'', 0, 0, 0, 0, 0, 0, '', '', 0, ?, ?6,"
			" ?6 FROM message"),
		0
	};

	bind_int(&b, l->next_id);
	bind_int(&b, u->account);
	bind_int(&b, u->folder);
	bind_key(&b, u->key);
	bind_text(&b, u->uid);
	bind_int(&b, now_ms);
	return ledger_do(l, b.s);
}

int64_t ledger_hold_unfetched(struct ledger *l,
			      const struct ledger_unfetched *u, int64_t now_ms)
{
	struct bind q = { NULL, 0 };
	int64_t id;

	if (!put_unfetched(l, u, now_ms))
		return 0;
	id = sqlite3_last_insert_rowid(l->db);
	q.s = ledger_statement(
		l, STMT_PUT_QUEUE_UNFETCHED,
		"INSERT INTO queue (id, state, segment, offset, delivery,"
		" hold_doubt, next_at, attempts, doubts, strikes, sent_at,"
		" connection, waiting_since, doubt_at, held_at, reason)"
		" VALUES (?, 4, 0, 0, '', 0, 0, 0, 0, ?, 0, 0, 0, 0, ?, ?)");
	l->none_queued = false;
	bind_int(&q, id);
	bind_int(&q, u->strikes);
	bind_int(&q, now_ms);
	bind_text(&q, u->why);
	if (!ledger_do(l, q.s) || !ledger_clear_suspect(l, u->folder, u->key))
		return 0;
	if (l->next_id <= id)
		l->next_id = id + 1;
	return id;
}

static bool strike_unfetched(struct ledger *l, const struct crash_entry *e,
			     bool alone, int64_t now_ms, uint64_t *poisoned)
{
	struct message_key key;
	struct ledger_unfetched u = { .account = e->account,
				      .folder = e->folder,
				      .key = &key,
				      .uid = e->uid,
				      .strikes = LIMIT_STRIKES,
				      .why = WHY };

	memcpy(key.octets, e->key, sizeof(key.octets));
	if (!ledger_suspect(l, e->folder, &key, alone))
		return false;
	if (strikes_of(l, e, &key) < LIMIT_STRIKES)
		return !l->broken;
	++*poisoned;
	return ledger_hold_unfetched(l, &u, now_ms) != 0;
}

bool ledger_strike(struct ledger *l, const struct crash_entry *e, size_t n,
		   int64_t now_ms, struct spool_found *f)
{
	bool ok = true;

	f->suspects = n;
	for (size_t i = 0; i < n && ok; i++)
		ok = e[i].id ? strike_queued(l, &e[i], n == 1, now_ms,
					     &f->poisoned)
			     : strike_unfetched(l, &e[i], n == 1, now_ms,
						&f->poisoned);
	return ok;
}
