/*
 * `duplicates = once`: has a recipient the same message from another account or
 * folder already?
 *
 * It has where that message was accepted for it within a week, or where it is
 * on its way in the queue. What is on its way may come to nothing (HELD,
 * DROPPED): then what was left out for it is looked at anew
 * (LEDGER_SAME_IS_OPEN). No message is given to some recipients while another
 * copy of it is just being sent to others: it waits for the next pass, unless
 * that copy had trouble.
 */
#include "ledger.h"
#include "text.h"

#define WEEK_MS (7 * (int64_t)86400000)
#define FRESH_MS                                                               \
	((int64_t)3600000) /* no longer does a copy have no trouble            \
			    */
#define OLD_SLICE 256u

/* What another copy means to a recipient; the greater counts. */
enum other {
	OTHER_NONE,
	OTHER_LATE,  /* in the queue; it failed, or is old */
	OTHER_COMES, /* in the queue */
	OTHER_HAD,
};

struct copy {
	enum other how;
	int64_t id; /* of the message */
};

/* s: settled.state, .at, queue.state, .waiting_since, fate.state, .fetched */
static enum other other_of(sqlite3_stmt *s, int64_t now_ms)
{
	int64_t settled = column_int(s, 1), queued = column_int(s, 3);
	int64_t fate = column_int(s, 5);
	bool old = settled && column_int(s, 2) < now_ms - WEEK_MS;

	if (old || fate == RCPT_REFUSED)
		return OTHER_NONE;
	if (fate == RCPT_ACCEPTED)
		return OTHER_HAD;
	if (settled)
		return settled == MESSAGE_DROPPED ? OTHER_NONE : OTHER_HAD;
	if (!queued || queued == MESSAGE_HELD)
		return OTHER_NONE;
	return queued == MESSAGE_DOUBT || column_int(s, 4) ||
			       column_int(s, 6) < now_ms - FRESH_MS
		       ? OTHER_LATE
		       : OTHER_COMES;
}

/* A settled row counts before a queue row. */
static struct copy find(struct ledger *l, const struct message *m, size_t rcpt)
{
	struct bind b = {
		ledger_statement(
			l, STMT_ONCE_FIND,
			"SELECT o.message, s.state, s.at, q.state,"
			" q.waiting_since, f.state, m.fetched FROM once o"
			" JOIN message m ON m.id = o.message"
			" LEFT JOIN settled s ON s.id = o.message"
			" LEFT JOIN queue q ON q.id = o.message"
			" LEFT JOIN fate f ON f.message = o.message"
			" AND f.rcpt = o.rcpt"
			" WHERE o.print = ? AND m.folder <> ?"
			" ORDER BY o.message"),
		0
	};
	struct copy found = { OTHER_NONE, 0 };

	bind_blob(&b, m->prints[rcpt], MESSAGE_PRINT_OCTETS);
	bind_int(&b, m->folder);
	while (ledger_row(l, b.s)) {
		enum other how = other_of(b.s, m->fetched_at);

		if (how > found.how)
			found = (struct copy){ how, column_int(b.s, 0) };
	}
	return found;
}

static void name_of(const struct copy *c, char **out)
{
	char id[MESSAGE_ID_TEXT];
	struct text t;

	message_id_text(c->id, id);
	text_init(&t, 80);
	(void)text_fmt(&t, "the same as message %s", id);
	message_set(out, text_view(&t));
	text_fini(&t);
}

/* awaits: what becomes of that one decides. */
static bool leave_out(struct ledger *l, struct message *m, uint64_t octets,
		      const struct copy *same, const char *reason,
		      int64_t awaits)
{
	struct bind b = {
		ledger_statement(
			l, STMT_ONCE_SKIP,
			"INSERT INTO skipped (folder, key, octets, date, at,"
			" reason, same, awaits) VALUES (?,?,?,?,?,?,?,?)"),
		0
	};
	struct bind u = { ledger_statement(
				  l, STMT_UNSKIP,
				  "DELETE FROM skipped WHERE folder = ?"
				  " AND key = ?"),
			  0 };
	struct ledger_totals *t = ledger_totals(l, m->account);

	bind_int(&u, m->folder);
	bind_key(&u, &m->key);
	if (!ledger_do(l, u.s))
		return false;
	if (!sqlite3_changes(l->db)) /* counted when it was left out first */
		t->skipped++;
	if (!ledger_clear_suspect(l, m->folder, &m->key))
		return false;
	t->fetched++;
	t->octets += octets;
	bind_int(&b, m->folder);
	bind_key(&b, &m->key);
	bind_uint(&b, octets < UINT32_MAX ? octets : UINT32_MAX);
	bind_int(&b, m->received_at / 1000);
	bind_int(&b, m->fetched_at);
	bind_text(&b, reason);
	bind_int(&b, same->id);
	bind_int(&b, awaits);
	(void)ledger_do(l, b.s);
	m->state = MESSAGE_SKIPPED;
	name_of(same, &m->reason);
	return false;
}

/* What was found of all recipients. */
struct finding {
	size_t of[OTHER_HAD + 1];
	struct copy had, coming; /* the first of each; id 0: none */
	bool several;		 /* several are coming */
};

static void add(struct finding *f, const struct copy *c)
{
	f->of[c->how]++;
	if (c->how == OTHER_HAD && !f->had.id)
		f->had = *c;
	if (c->how != OTHER_COMES && c->how != OTHER_LATE)
		return;
	f->several = f->several || (f->coming.id && f->coming.id != c->id);
	if (!f->coming.id)
		f->coming = *c;
}

bool ledger_once(struct ledger *l, struct message *m, uint64_t octets)
{
	struct finding f = { 0 };

	if (!m->prints)
		return true;
	for (size_t i = 0; i < m->nrcpts; i++) {
		struct copy c = find(l, m, i);

		add(&f, &c);
	}
	if (l->broken)
		return false;
	if (!f.of[OTHER_NONE] && !f.coming.id && f.had.id)
		return leave_out(l, m, octets, &f.had, "duplicate", 0);
	if (!f.of[OTHER_NONE] && f.coming.id && !f.several)
		return leave_out(l, m, octets, &f.coming, "duplicate",
				 f.coming.id);
	if (f.of[OTHER_COMES] && !f.of[OTHER_LATE])
		return leave_out(l, m, octets, &f.coming, "waits", 0);
	for (size_t i = 0; i < m->nrcpts; i++) {
		struct copy c = find(l, m, i);

		if (c.how != OTHER_HAD)
			continue;
		m->rcpts[i].state = RCPT_ACCEPTED;
		name_of(&c, &m->rcpts[i].reply);
	}
	return !l->broken;
}

bool ledger_once_put(struct ledger *l, const struct message *m)
{
	for (size_t i = 0; m->prints && i < m->nrcpts; i++) {
		struct bind b = { ledger_statement(
					  l, STMT_ONCE_PUT,
					  "INSERT INTO once (message, rcpt,"
					  " print) VALUES (?,?,?)"),
				  0 };

		if (m->rcpts[i].state != RCPT_WAITING)
			continue;
		bind_int(&b, m->id);
		bind_uint(&b, i);
		bind_blob(&b, m->prints[i], MESSAGE_PRINT_OCTETS);
		if (!ledger_do(l, b.s))
			return false;
	}
	return true;
}

static bool drop(struct ledger *l, int64_t message)
{
	struct bind b = { ledger_statement(
				  l, STMT_ONCE_DROP,
				  "DELETE FROM once WHERE message = ?"),
			  0 };

	bind_int(&b, message);
	return ledger_do(l, b.s);
}

/* The oldest, as the history is purged: what waits in the queue stays. */
bool ledger_once_purge(struct ledger *l, int64_t now_ms)
{
	struct bind b = {
		ledger_statement(
			l, STMT_ONCE_OLD,
			"SELECT o.message, coalesce(s.at, 0), q.id IS NOT NULL"
			" FROM (SELECT DISTINCT message FROM once"
			" ORDER BY message LIMIT ?) o"
			" LEFT JOIN settled s ON s.id = o.message"
			" LEFT JOIN queue q ON q.id = o.message"),
		0
	};
	int64_t ids[OLD_SLICE];
	size_t n = 0;

	bind_int(&b, OLD_SLICE);
	while (ledger_row(l, b.s)) {
		int64_t at = column_int(b.s, 1);

		if (at ? at < now_ms - WEEK_MS : !column_int(b.s, 2))
			ids[n++] = column_int(b.s, 0);
	}
	for (size_t i = 0; i < n && drop(l, ids[i]); i++)
		;
	return n == OLD_SLICE && !l->broken;
}
