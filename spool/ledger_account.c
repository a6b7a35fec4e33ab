/*
 * Accounts, deliveries and folders.
 */
#include "ledger.h"
#include "must.h"
#include "text.h"

#include <stdio.h>

const char *spool_health_name(enum spool_health h)
{
	switch (h) {
	case HEALTH_NEVER:
		return "never";
	case HEALTH_OK:
		return "ok";
	case HEALTH_UNDECIDED:
		return "undecided";
	case HEALTH_BACKOFF:
		return "backoff";
	case HEALTH_AUTH:
		return "auth";
	case HEALTH_TLS:
		return "tls";
	case HEALTH_REFUSED:
		return "refused";
	case HEALTH_FAILING:
		return "failing";
	case HEALTH_DISABLED:
		return "disabled";
	}
	return "never";
}

static bool done(struct ledger *l, struct spool_req *r)
{
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}

void ledger_trouble_row(sqlite3_stmt *s, int from, struct spool_trouble *t)
{
	t->class = (enum err_class)column_int(s, from);
	column_chars(s, from + 1, t->text, sizeof(t->text));
	column_chars(s, from + 2, t->remedy, sizeof(t->remedy));
	t->since_ms = column_int(s, from + 3);
	t->told_ms = column_int(s, from + 4);
	t->count = (uint32_t)column_int(s, from + 5);
}

void bind_trouble(struct bind *b, const struct spool_trouble *t)
{
	bind_int(b, t->class);
	bind_text(b, t->text);
	bind_text(b, t->remedy);
	bind_int(b, t->since_ms);
	bind_int(b, t->told_ms);
	bind_int(b, t->count);
}

void ledger_account_row(sqlite3_stmt *s, struct spool_account *a)
{
	*a = (struct spool_account){ .id = column_int(s, 0) };
	column_chars(s, 1, a->uuid, sizeof(a->uuid));
	column_chars(s, 2, a->name, sizeof(a->name));
	a->family = (enum spool_family)column_int(s, 3);
	column_chars(s, 4, a->user, sizeof(a->user));
	column_chars(s, 5, a->place, sizeof(a->place));
	a->health = (enum spool_health)column_int(s, 6);
	a->last_poll_ms = column_int(s, 7);
	a->last_success_ms = column_int(s, 8);
	a->next_poll_ms = column_int(s, 9);
	a->failures = (uint32_t)column_int(s, 10);
	a->settings = (uint64_t)column_int(s, 11);
	ledger_trouble_row(s, 12, &a->trouble);
	a->fetched = (uint64_t)column_int(s, 18);
	a->delivered = (uint64_t)column_int(s, 19);
	a->held = (uint64_t)column_int(s, 20);
	a->skipped = (uint64_t)column_int(s, 21);
	a->deleted = (uint64_t)column_int(s, 22);
	a->octets = (uint64_t)column_int(s, 23);
	a->reconcile = column_int(s, 24) != 0;
	a->restored = column_int(s, 24) > 1;
	a->scram = column_int(s, 25) != 0;
	a->unfetched_ms = column_int(s, 26);
}

/* --- identity of an account: DESIGN 5 ------------------------------------ */

static bool is_bound(const struct ledger *l, int64_t id)
{
	for (size_t i = 0; i < l->nbound; i++)
		if (l->bound[i] == id)
			return true;
	return false;
}

/* The first row that is nobody else's in this process; 0: none. */
static int64_t free_row(struct ledger *l, sqlite3_stmt *s)
{
	int64_t id = 0;

	while (ledger_row(l, s))
		if (!id && !is_bound(l, column_int(s, 0)))
			id = column_int(s, 0);
	return id;
}

/* Bound ones count here: binding twice finds the same row. */
static int64_t find_exact(struct ledger *l, const struct spool_account *a)
{
	struct bind b = {
		ledger_statement(
			l, STMT_BIND_EXACT,
			"SELECT id FROM account WHERE family = ? AND user = ?"
			" AND place = ? ORDER BY name = ? DESC, id LIMIT 1"),
		0
	};
	int64_t id = 0;

	bind_int(&b, a->family);
	bind_text(&b, a->user);
	bind_text(&b, a->place);
	bind_text(&b, a->name);
	while (ledger_row(l, b.s))
		id = column_int(b.s, 0);
	return id;
}

static int64_t find_moved(struct ledger *l, const struct spool_account *a)
{
	struct bind b = { ledger_statement(l, STMT_BIND_HOST,
					   "SELECT id FROM account WHERE"
					   " name = ? AND family = ?"
					   " AND user = ? ORDER BY id"),
			  0 };

	bind_text(&b, a->name);
	bind_int(&b, a->family);
	bind_text(&b, a->user);
	return free_row(l, b.s);
}

/*
 * Another protocol: the row of this name, else that of this user at this place.
 * The row stays, and with it what is known of the mail.
 */
static int64_t find_switched(struct ledger *l, const struct spool_account *a)
{
	struct bind b = {
		ledger_statement(
			l, STMT_BIND_NAME,
			"SELECT id FROM account WHERE family <> ?1 AND"
			" (name = ?2 OR (user = ?3 AND place = ?4))"
			" ORDER BY name = ?2 DESC, user = ?3 DESC, id"),
		0
	};

	bind_int(&b, a->family);
	bind_text(&b, a->name);
	bind_text(&b, a->user);
	bind_text(&b, a->place);
	return free_row(l, b.s);
}

static int64_t add_account(struct ledger *l, const struct spool_account *a)
{
	uint8_t dice[16];
	char uuid[33];
	struct bind b = {
		ledger_statement(
			l, STMT_BIND_NEW,
			"INSERT INTO account (uuid, name, family, user, place)"
			" VALUES (?,?,?,?,?)"),
		0
	};

	hash_random(dice, sizeof(dice));
	text_hex(uuid, dice, sizeof(dice));
	bind_text(&b, uuid);
	bind_text(&b, a->name);
	bind_int(&b, a->family);
	bind_text(&b, a->user);
	bind_text(&b, a->place);
	if (!ledger_do(l, b.s))
		return 0;
	return sqlite3_last_insert_rowid(l->db);
}

/* Writes what the configuration says, where the row says otherwise. */
static bool set_identity(struct ledger *l, int64_t id,
			 const struct spool_account *a, bool switched)
{
	struct bind b = {
		ledger_statement(
			l, STMT_BIND_SET,
			"UPDATE account SET name = ?1, family = ?2, user = ?3,"
			" place = ?4, reconcile = max(reconcile, ?5) WHERE id = ?6"
			" AND (name <> ?1 OR family <> ?2 OR user <> ?3"
			" OR place <> ?4 OR reconcile < ?5)"),
		0
	};

	bind_text(&b, a->name);
	bind_int(&b, a->family);
	bind_text(&b, a->user);
	bind_text(&b, a->place);
	bind_int(&b, switched);
	bind_int(&b, id);
	return ledger_do(l, b.s);
}

static bool load_account(struct ledger *l, int64_t id, struct spool_account *a)
{
	struct bind b = { ledger_statement(l, STMT_ACCOUNT_LOAD,
					   "SELECT " LEDGER_ACCOUNT_COLUMNS
					   " FROM account WHERE id = ?"),
			  0 };

	bind_int(&b, id);
	while (ledger_row(l, b.s))
		ledger_account_row(b.s, a);
	return !l->broken;
}

bool ledger_run_bind(struct ledger *l, struct spool_req *r)
{
	struct spool_bind *q = LIST_OF(r, struct spool_bind, req);
	const struct spool_account *a = &q->a;
	bool is_new = false, switched = false;
	int64_t id;

	if (q->anew)
		l->nbound = 0;
	id = find_exact(l, a);

	if (!id)
		id = find_moved(l, a);
	if (!id && (id = find_switched(l, a)) != 0)
		switched = true;
	if (!id && !l->broken) {
		id = add_account(l, a);
		is_new = true;
	}
	if (l->broken || !set_identity(l, id, a, switched) ||
	    !ledger_write_totals(l) || !load_account(l, id, &q->a))
		return done(l, r);
	q->a.is_new = is_new;
	if (!is_bound(l, id)) {
		l->bound =
			mem_grow(l->bound, (l->nbound + 1) * sizeof(*l->bound));
		l->bound[l->nbound++] = id;
	}
	return done(l, r);
}

bool ledger_run_account_save(struct ledger *l, struct spool_req *r)
{
	const struct spool_account *a =
		&LIST_OF(r, struct spool_account_save, req)->a;
	struct bind b = {
		ledger_statement(
			l, STMT_ACCOUNT_SAVE,
			"UPDATE account SET health = ?, last_poll = ?,"
			" last_success = ?, next_poll = ?, failures = ?, settings = ?,"
			" trouble = ?, trouble_text = ?, trouble_remedy = ?,"
			" trouble_since = ?, trouble_told = ?, trouble_count = ?,"
			" reconcile = ?, scram = ?,"
			" patterns = coalesce(?, patterns),"
			" unfetched = coalesce(?, unfetched), unfetched_at = ?"
			" WHERE id = ?"),
		0
	};
	const struct spool_account_save *q =
		LIST_OF(r, struct spool_account_save, req);

	bind_int(&b, a->health);
	bind_int(&b, a->last_poll_ms);
	bind_int(&b, a->last_success_ms);
	bind_int(&b, a->next_poll_ms);
	bind_int(&b, a->failures);
	bind_uint(&b, a->settings);
	bind_trouble(&b, &a->trouble);
	bind_int(&b, a->reconcile ? 1 + a->restored : 0);
	bind_int(&b, a->scram);
	bind_text(&b, q->patterns); /* NULL: NULL */
	bind_text(&b, q->unfetched);
	bind_int(&b, a->unfetched_ms);
	bind_int(&b, a->id);
	if (!ledger_do_one(l, b.s))
		r->ok = ledger_failed(l, &r->err, "no such account");
	else
		r->ok = true;
	return true;
}

/* --- deliveries ---------------------------------------------------------- */

void ledger_delivery_row(sqlite3_stmt *s, struct spool_delivery *d)
{
	column_chars(s, 0, d->name, sizeof(d->name));
	d->health = (enum spool_health)column_int(s, 1);
	d->last_success_ms = column_int(s, 2);
	d->failures = (uint32_t)column_int(s, 3);
	d->paused = column_int(s, 4) != 0;
	ledger_trouble_row(s, 5, &d->trouble);
	d->next_try_ms = column_int(s, 11);
	d->settings = (uint64_t)column_int(s, 12);
}

bool ledger_run_delivery_load(struct ledger *l, struct spool_req *r)
{
	struct spool_delivery *d =
		&LIST_OF(r, struct spool_delivery_load, req)->d;
	struct spool_delivery found = { 0 };
	struct bind b = { ledger_statement(l, STMT_DELIVERY_LOAD,
					   "SELECT " LEDGER_DELIVERY_COLUMNS
					   " FROM delivery WHERE name = ?"),
			  0 };

	memcpy(found.name, d->name, sizeof(found.name));
	bind_text(&b, found.name);
	while (ledger_row(l, b.s))
		ledger_delivery_row(b.s, &found);
	*d = found;
	ledger_load_pauses(l, LIST_OF(r, struct spool_delivery_load, req));
	return done(l, r);
}

bool ledger_run_delivery_save(struct ledger *l, struct spool_req *r)
{
	const struct spool_delivery *d =
		&LIST_OF(r, struct spool_delivery_save, req)->d;
	struct bind b = {
		ledger_statement(
			l, STMT_DELIVERY_SAVE,
			"INSERT OR REPLACE INTO delivery (name, health, last_success,"
			" failures, paused, trouble, trouble_text,"
			" trouble_remedy, trouble_since, trouble_told, trouble_count,"
			" next_try, settings) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
		0
	};

	bind_text(&b, d->name);
	bind_int(&b, d->health);
	bind_int(&b, d->last_success_ms);
	bind_int(&b, d->failures);
	bind_int(&b, d->paused);
	bind_trouble(&b, &d->trouble);
	bind_int(&b, d->next_try_ms);
	bind_uint(&b, d->settings);
	(void)ledger_do(l, b.s);
	return done(l, r);
}
