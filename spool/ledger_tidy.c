/*
 * Housekeeping: identities into the compact tables, old history out.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

#define FOLD_SLICE  2048u
#define PURGE_SLICE 256u
#define DAY_MS	    86400000

enum phase {
	PHASE_HELD,
	PHASE_FOLD,
	PHASE_ONCE, /* from here on of all accounts: once in an hour */
	PHASE_PURGE,
	PHASE_PRINTS,
	PHASE_THIN,
	PHASE_DONE
};

struct tidy_job {
	struct ledger_job job;
	enum phase phase;
	int64_t *folders; /* owned; of the account, sorted */
	size_t nfolders;
	uint32_t thinned; /* segments up to here were looked at */
};

static void tidy_fini(struct ledger_job *job)
{
	free(LIST_OF(job, struct tidy_job, job)->folders);
}

static void load_folders(struct ledger *l, struct tidy_job *j, int64_t account)
{
	/* one statement for both would read all folders for each account */
	struct bind b = {
		account ? ledger_statement(l, STMT_FOLDERS,
					   "SELECT id FROM folder WHERE"
					   " account = ? ORDER BY id")
			: ledger_statement(l, STMT_FOLDERS_ALL,
					   "SELECT id FROM folder ORDER BY id"),
		0
	};

	if (account)
		bind_int(&b, account);
	while (ledger_row(l, b.s)) {
		j->folders = mem_grow(j->folders,
				      (j->nfolders + 1) * sizeof(*j->folders));
		j->folders[j->nfolders++] = column_int(b.s, 0);
	}
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_ours(const struct tidy_job *j, int64_t folder)
{
	/* an account that never got as far as a folder has none */
	return j->nfolders && bsearch(&folder, j->folders, j->nfolders,
				      sizeof(folder), by_number);
}

/* --- bodies of held messages -------------------------------------------------
 */

/*
 * The source still has it, and it waits for a person since a day: it can be
 * fetched again when somebody decides (DESIGN 5, "Room"). What some recipients
 * have is not: nothing would be known of them, and they would get it twice.
 */
static bool give_up_body(struct ledger *l, const struct known_entry *e,
			 struct spool_tidy *t)
{
	struct message *m = ledger_load(l, e->id);
	struct bind b = { NULL, 0 };
	bool ok = true;

	if (!m)
		return !l->broken;
	if (m->state == MESSAGE_HELD && m->place.segment &&
	    m->settled_at < t->now_ms - DAY_MS && !message_may_be_there(m)) {
		b.s = ledger_statement(l, STMT_GIVE_UP,
				       "UPDATE queue SET segment = 0"
				       " WHERE id = ? AND state = 4");
		bind_int(&b, m->id);
		ok = ledger_do_one(l, b.s);
		if (ok) {
			ledger_release_body(l, m->place.segment,
					    m->place.octets);
			t->given_up += m->place.octets;
		}
	}
	message_free(m);
	return ok || ledger_break(l, "giving up a held body");
}

static void give_up_bodies(struct ledger *l, struct tidy_job *j,
			   struct spool_tidy *t)
{
	for (size_t i = 0; i < l->known.cap && !l->broken; i++) {
		const struct known_entry *e = &l->known.at[i];

		if (e->id && e->listed && e->fate == FATE_QUEUED &&
		    is_ours(j, e->folder))
			(void)give_up_body(l, e, t);
	}
	j->phase = PHASE_FOLD;
}

/* --- folding
 * ------------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
	const struct known_entry *x = a, *y = b;

	if (x->folder != y->folder)
		return x->folder < y->folder ? -1 : 1;
	return message_key_order(&x->key, &y->key);
}

/* Some settled identities, in order; *more: there are others. */
static size_t gather(const struct ledger *l, const struct tidy_job *j,
		     struct known_entry *out, bool *more)
{
	size_t n = 0;

	*more = false;
	for (size_t i = 0; i < l->known.cap; i++) {
		const struct known_entry *e = &l->known.at[i];

		if (!e->id || e->fate == FATE_QUEUED || !is_ours(j, e->folder))
			continue;
		if (n == FOLD_SLICE) {
			*more = true;
			break;
		}
		out[n++] = *e;
	}
	qsort(out, n, sizeof(*out), by_key);
	return n;
}

static bool fold_identities(struct ledger *l, const struct known_entry *e,
			    size_t n)
{
	struct ledger_fold f = { .l = l };

	for (size_t i = 0; i < n; i++) {
		if (e[i].folder != f.folder) {
			if (!ledger_fold_end(&f))
				return false;
			f = (struct ledger_fold){ .l = l,
						  .folder = e[i].folder };
		}
		if (!ledger_fold_add(&f, &e[i].key, e[i].fate, e[i].day))
			return false;
	}
	return ledger_fold_end(&f);
}

/* Fingerprints of one account and kind go into one row. */
struct prints {
	int64_t account;
	bool kept;
	uint8_t *p; /* owned */
	size_t n;
};

static bool write_prints(struct ledger *l, struct prints *p, int64_t now_ms)
{
	struct bind b = { ledger_statement(l, STMT_PRINT,
					   "INSERT INTO print (account, kept,"
					   " day, prints) VALUES (?,?,?,?)"),
			  0 };
	size_t n = p->n;

	p->n = 0;
	if (n == 0)
		return true;
	bind_int(&b, p->account);
	bind_int(&b, p->kept);
	bind_int(&b, ledger_day(now_ms));
	bind_blob(&b, p->p, n * 8);
	return ledger_do(l, b.s);
}

/* print: fingerprint and twin; 0: none */
static bool prints_of(struct ledger *l, int64_t id, int64_t *account,
		      uint64_t print[2])
{
	struct bind b = { ledger_statement(l, STMT_PRINT_OF,
					   "SELECT account, fingerprint, twin"
					   " FROM message WHERE id = ?"),
			  0 };

	print[0] = print[1] = 0;
	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		*account = column_int(b.s, 0);
		print[0] = (uint64_t)column_int(b.s, 1);
		print[1] = (uint64_t)column_int(b.s, 2);
	}
	return !l->broken;
}

/* Still at the source, here or in another folder. */
static bool is_kept(uint8_t fate)
{
	return fate == FATE_DELIVERED || fate == FATE_MARKED ||
	       fate == FATE_MOVED;
}

static void add_print(struct prints *p, uint64_t print)
{
	if (print == 0)
		return;
	for (size_t k = 0; k < 8; k++)
		p->p[p->n * 8 + k] = (uint8_t)(print >> (8 * k));
	p->n++;
}

static bool fold_prints(struct ledger *l, const struct known_entry *e, size_t n,
			bool kept, int64_t now_ms)
{
	UNFILLED uint8_t room[FOLD_SLICE * 16];
	struct prints p = { .kept = kept, .p = room };

	for (size_t i = 0; i < n; i++) {
		int64_t account = 0;
		uint64_t print[2];

		if (is_kept(e[i].fate) != kept)
			continue;
		if (!prints_of(l, e[i].id, &account, print))
			return false;
		if (account != p.account && !write_prints(l, &p, now_ms))
			return false;
		p.account = account;
		add_print(&p, print[0]);
		add_print(&p, print[1]);
	}
	return write_prints(l, &p, now_ms);
}

static bool drop_unfolded(struct ledger *l, const struct known_entry *e,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bind b = { ledger_statement(l, STMT_FOLDED,
						   "DELETE FROM unfolded"
						   " WHERE id = ?"),
				  0 };

		bind_int(&b, e[i].id);
		if (!ledger_do(l, b.s))
			return false;
	}
	return true;
}

static void fold(struct ledger *l, struct tidy_job *j,
		 const struct spool_tidy *t)
{
	struct known_entry *e = mem_grow(NULL, FOLD_SLICE * sizeof(*e));
	bool more;
	size_t n = gather(l, j, e, &more);

	if (n && fold_identities(l, e, n) &&
	    fold_prints(l, e, n, true, t->now_ms) &&
	    fold_prints(l, e, n, false, t->now_ms) && drop_unfolded(l, e, n))
		for (size_t i = 0; i < n; i++)
			known_drop(&l->known, e[i].folder, &e[i].key);
	free(e);
	if (more)
		return;
	j->phase = l->purge_due ? PHASE_ONCE : PHASE_DONE;
	l->purge_due = false;
}

/* --- history
 * ------------------------------------------------------------------ */

static bool purge_one(struct ledger *l, int64_t id)
{
	static const struct {
		enum ledger_statement n;
		const char *sql;
	} all[] = {
		{ STMT_PURGE_MESSAGE, "DELETE FROM message WHERE id = ?" },
		{ STMT_PURGE_SETTLED, "DELETE FROM settled WHERE id = ?" },
		{ STMT_PURGE_ATTEMPT, "DELETE FROM attempt WHERE message = ?" },
		{ STMT_PURGE_FATE, "DELETE FROM fate WHERE message = ?" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct bind b = { ledger_statement(l, all[i].n, all[i].sql),
				  0 };

		bind_int(&b, id);
		if (!ledger_do(l, b.s))
			return false;
	}
	return true;
}

/*
 * The oldest settled rows, as far as they are old: ids and times rise together
 * but for messages that waited, which go when their turn comes. The newest
 * message stays, so that no id is used again.
 */
static void purge(struct ledger *l, struct tidy_job *j,
		  const struct spool_tidy *t)
{
	struct bind b = { ledger_statement(
				  l, STMT_OLD,
				  "SELECT id, at FROM settled WHERE"
				  " id < (SELECT max(id) FROM message)"
				  " AND id NOT IN (SELECT id FROM unfolded)"
				  " AND NOT EXISTS (SELECT 1 FROM once"
				  " WHERE message = settled.id)"
				  " ORDER BY id LIMIT ?"),
			  0 };
	int64_t ids[PURGE_SLICE];
	size_t n = 0, seen = 0;

	bind_int(&b, PURGE_SLICE);
	while (ledger_row(l, b.s)) {
		seen++;
		if (column_int(b.s, 1) < t->now_ms - l->lag_ms - t->history_ms)
			ids[n++] = column_int(b.s, 0);
	}
	for (size_t i = 0; i < n && purge_one(l, ids[i]); i++)
		;
	if (n == 0 || seen < PURGE_SLICE)
		j->phase = PHASE_PRINTS;
}

static void purge_prints(struct ledger *l, struct tidy_job *j,
			 const struct spool_tidy *t)
{
	struct bind b = { ledger_statement(l, STMT_PRINT_PURGE,
					   "DELETE FROM print WHERE kept = 0"
					   " AND day < ?"),
			  0 };

	bind_int(&b, ledger_day(t->now_ms - l->lag_ms - t->history_ms));
	(void)ledger_do(l, b.s);
	j->phase = PHASE_THIN;
}

static bool step(struct ledger *l, struct ledger_job *job)
{
	struct tidy_job *j = LIST_OF(job, struct tidy_job, job);
	struct spool_tidy *t = LIST_OF(job->req, struct spool_tidy, req);

	switch (j->phase) {
	case PHASE_HELD:
		give_up_bodies(l, j, t);
		break;
	case PHASE_FOLD:
		fold(l, j, t);
		break;
	case PHASE_ONCE:
		if (!ledger_once_purge(l, t->now_ms))
			j->phase = PHASE_PURGE;
		break;
	case PHASE_PURGE:
		purge(l, j, t);
		break;
	case PHASE_PRINTS:
		purge_prints(l, j, t);
		break;
	case PHASE_THIN:
		if (!ledger_thin(l, t->now_ms, &j->thinned))
			j->phase = PHASE_DONE;
		break;
	case PHASE_DONE:
		break;
	}
	if (j->phase != PHASE_DONE && !l->broken)
		return false;
	t->req.ok = !l->broken || ledger_failed(l, &t->req.err, "");
	return true;
}

bool ledger_run_tidy(struct ledger *l, struct spool_req *r)
{
	struct spool_tidy *t = LIST_OF(r, struct spool_tidy, req);
	struct tidy_job *j = mem_new(sizeof(*j));

	t->given_up = 0;
	l->segments.now_ms = t->now_ms;
	(void)ledger_flush(l);
	if (l->known.n) /* what they may be of */
		load_folders(l, j, t->account);
	if (l->generation_ms) /* else by the next change */
		(void)ledger_raise_generation(l, t->now_ms);
	(void)ledger_look_at_clock(l, t->now_ms);
	j->job.fini = tidy_fini;
	return ledger_job_start(l, &j->job, r, step);
}
