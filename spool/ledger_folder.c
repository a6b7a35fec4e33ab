/*
 * Folders of accounts, and the patterns that took them.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

static bool done(struct ledger *l, struct spool_req *r)
{
	r->ok = !l->broken || ledger_failed(l, &r->err, "folder");
	return true;
}

/* The row this name had before under another UIDVALIDITY; 0: none. */
static int64_t older_folder(struct ledger *l, const struct spool_folder_open *q,
			    int64_t *adopted)
{
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_OLDER,
			"SELECT id, adopted FROM folder WHERE account = ? AND name = ?"
			" AND uidvalidity <> ? ORDER BY first_done DESC, id DESC"
			" LIMIT 1"),
		0
	};
	int64_t id = 0;

	bind_int(&b, q->account);
	bind_blob(&b, q->name, strlen(q->name));
	bind_int(&b, q->uidvalidity);
	while (ledger_row(l, b.s)) {
		id = column_int(b.s, 0);
		*adopted = column_int(b.s, 1);
	}
	return id;
}

static int64_t add_folder(struct ledger *l, const struct spool_folder_open *q,
			  int64_t adopted, bool appears)
{
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_NEW,
			"INSERT INTO folder (account, name, uidvalidity, adopted,"
			" first_done, backlog) VALUES (?,?,?,?,?,?)"),
		0
	};

	bind_int(&b, q->account);
	bind_blob(&b, q->name, strlen(q->name));
	bind_int(&b, q->uidvalidity);
	bind_int(&b, adopted);
	bind_int(&b, appears);
	bind_int(&b, appears ? q->exists : 0);
	if (!ledger_do(l, b.s))
		return 0;
	return sqlite3_last_insert_rowid(l->db);
}

static void folder_row(sqlite3_stmt *s, struct spool_folder *f)
{
	f->id = column_int(s, 0);
	f->uidvalidity = (uint32_t)column_int(s, 1);
	f->uidnext = (uint32_t)column_int(s, 2);
	f->exists = (uint32_t)column_int(s, 3);
	f->high_uid = (uint32_t)column_int(s, 4);
	f->whole_ms = column_int(s, 5);
	f->adopted_ms = column_int(s, 6);
	f->listings = (uint64_t)column_int(s, 7);
	f->known = (uint64_t)column_int(s, 8);
	f->first_done = column_int(s, 9) != 0;
	f->backlog = (uint32_t)column_int(s, 10);
	f->acts_ms = column_int(s, 11);
	f->unplaced = (uint32_t)column_int(s, 12);
	f->keep_ms = sqlite3_column_type(s, 13) == SQLITE_NULL
			     ? INT64_MIN
			     : column_int(s, 13);
	f->intents = (uint32_t)column_int(s, 14);
}

/* What else the ledger has of a folder: most have none of it. */
struct beside {
	bool skipped, namesakes;
};

/*
 * f->id is 0 where there is none. One statement, for a poll that finds nothing
 * new asks it for each folder.
 */
static void load_folder(struct ledger *l, const struct spool_folder_open *q,
			struct spool_folder *f, struct beside *beside)
{
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_LOAD,
			"SELECT id, uidvalidity, uidnext, present, high_uid, whole,"
			" adopted, listings, known, first_done, backlog, acts_at,"
			" unplaced, keep,"
			" (SELECT count(*) FROM intent WHERE folder = f.id),"
			" EXISTS (SELECT 1 FROM skipped WHERE folder = f.id),"
			" EXISTS (SELECT 1 FROM namesake WHERE folder = f.id)"
			" FROM folder AS f WHERE account = ? AND name = ?"
			" AND uidvalidity = ?"),
		0
	};

	bind_int(&b, q->account);
	bind_blob(&b, q->name, strlen(q->name));
	bind_int(&b, q->uidvalidity);
	while (ledger_row(l, b.s)) {
		folder_row(b.s, f);
		beside->skipped = column_int(b.s, 15) != 0;
		beside->namesakes = column_int(b.s, 16) != 0;
	}
}

static void note_lowest(struct spool_folder *f, uint8_t fate, uint32_t uid,
			uint16_t day)
{
	struct spool_lowest *l = &f->lowest[fate];

	if (!uid)
		return;
	if (!l->uid || uid < l->uid)
		l->uid = uid;
	if (!l->day || day < l->day)
		l->day = day;
}

/*
 * What something may be done with. What the last complete listing did not show
 * is not looked for at each poll.
 */
static void load_lowest(struct ledger *l, struct spool_folder *f)
{
	static const uint8_t fates[3] = { FATE_DELIVERED, FATE_MARKED,
					  FATE_BROUGHT };
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_DELIVERED,
			"SELECT min(first) FILTER (WHERE fate = ?2),"
			" min(day) FILTER (WHERE fate = ?2),"
			" min(first) FILTER (WHERE fate = ?3),"
			" min(day) FILTER (WHERE fate = ?3),"
			" min(first) FILTER (WHERE fate = ?4),"
			" min(day) FILTER (WHERE fate = ?4)"
			" FROM span WHERE folder = ?1 AND absence = 0"),
		0
	};

	bind_int(&b, f->id);
	for (int i = 0; i < 3; i++)
		bind_int(&b, fates[i]);
	while (ledger_row(l, b.s))
		for (int i = 0; i < 3; i++)
			note_lowest(f, fates[i],
				    (uint32_t)column_int(b.s, 2 * i),
				    (uint16_t)column_int(b.s, 2 * i + 1));
}

/* The identities that stand in no table of their own yet. */
static void add_unfolded(const struct ledger *l, struct spool_folder *f)
{
	for (size_t i = 0; i < l->known.cap; i++) {
		const struct known_entry *e = &l->known.at[i];

		if (!e->id || e->folder != f->id)
			continue;
		f->known++;
		if (e->fate == FATE_DELIVERED || e->fate == FATE_MARKED)
			note_lowest(f, e->fate, message_key_to_uid(&e->key),
				    e->day);
	}
}

static uint32_t column_uid(sqlite3_stmt *s, int n)
{
	struct message_key key;

	if (sqlite3_column_bytes(s, n) != sizeof(key))
		return 0;
	memcpy(&key, sqlite3_column_blob(s, n), sizeof(key));
	return message_key_to_uid(&key);
}

/*
 * What a raised limit, or a flag that is taken away, may let through; keys of
 * one folder sort by UID.
 */
static void load_skipped(struct ledger *l, struct spool_folder *f)
{
	struct bind b = { ledger_statement(
				  l, STMT_FOLDER_SKIPPED,
				  "SELECT min(key), min(octets), max(key),"
				  " reason = 'seen', reason = 'deleted'"
				  " FROM skipped WHERE folder = ?"
				  " AND reason IN ('size', 'seen', 'deleted')"
				  " GROUP BY reason"),
			  0 };

	bind_int(&b, f->id);
	while (ledger_row(l, b.s)) {
		if (column_int(b.s, 3)) {
			f->seen_low = column_uid(b.s, 0);
		} else if (column_int(b.s, 4)) {
			f->marked_low = column_uid(b.s, 0);
			f->marked_high = column_uid(b.s, 2);
		} else {
			f->skipped_low = column_uid(b.s, 0);
			f->skipped_least = (uint32_t)column_int(b.s, 1);
		}
	}
}

static void load_same(struct ledger *l, struct spool_folder *f)
{
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_SAME,
			"SELECT min(key), min(key) FILTER"
			" (WHERE " LEDGER_SAME_IS_OPEN ") FROM skipped"
			" WHERE folder = ? AND reason IN ('duplicate', 'waits')"),
		0
	};

	bind_int(&b, f->id);
	while (ledger_row(l, b.s)) {
		f->same_low = column_uid(b.s, 0);
		f->same_open_low = column_uid(b.s, 1);
	}
}

static void open_folder(struct ledger *l, struct spool_folder_open *q)
{
	struct spool_folder *f = &q->f;
	struct beside beside = { false };
	int64_t adopted = 0, older = 0;
	bool appears = false;

	*f = (struct spool_folder){ 0 };
	q->namesakes = NULL;
	q->nnamesakes = 0;
	load_folder(l, q, f, &beside);
	if (!f->first_done)
		older = older_folder(l, q, &adopted);
	if (!f->id && !l->broken && !q->look) {
		appears = !older && q->appears;
		if (add_folder(l, q, adopted, appears))
			load_folder(l, q, f, &beside);
	}
	if (f->id && !l->broken) {
		load_lowest(l, f);
		add_unfolded(l, f);
	}
	if (beside.skipped && !l->broken) {
		load_skipped(l, f);
		load_same(l, f);
	}
	if (beside.namesakes && !l->broken)
		ledger_load_namesakes(l, f->id, q);
	/* Until the new one was dealt with, through restarts as well. */
	f->changed = older && !f->first_done;
	f->appeared = appears;
}

bool ledger_run_folder_open(struct ledger *l, struct spool_req *r)
{
	open_folder(l, LIST_OF(r, struct spool_folder_open, req));
	return done(l, r);
}

static char *patterns_of(struct ledger *l, int64_t account)
{
	struct bind b = { ledger_statement(l, STMT_PATTERNS,
					   "SELECT patterns FROM account"
					   " WHERE id = ?"),
			  0 };
	char *lines = NULL;

	bind_int(&b, account);
	while (ledger_row(l, b.s)) {
		free(lines);
		lines = mem_str((const char *)sqlite3_column_text(b.s, 0));
	}
	return lines;
}

static void known_folders(struct ledger *l, struct spool_folders *q)
{
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDERS_KNOWN,
			"SELECT name, uidvalidity FROM folder WHERE account = ?"
			" ORDER BY name, uidvalidity LIMIT ?"),
		0
	};

	q->known = mem_new((q->most + 1) * sizeof(*q->known));
	bind_int(&b, q->account);
	bind_uint(&b, q->most);
	while (ledger_row(l, b.s)) {
		struct spool_known_folder *k = &q->known[q->n++];

		k->name = column_text(b.s, 0);
		k->f.uidvalidity = (uint32_t)column_int(b.s, 1);
	}
	for (size_t i = 0; i < q->n && !l->broken; i++) {
		struct spool_folder_open o = {
			.account = q->account,
			.name = q->known[i].name,
			.uidvalidity = q->known[i].f.uidvalidity,
			.look = true,
		};

		open_folder(l, &o);
		free(o.namesakes);
		q->known[i].f = o.f;
	}
}

bool ledger_run_folders(struct ledger *l, struct spool_req *r)
{
	struct spool_folders *q = LIST_OF(r, struct spool_folders, req);

	q->patterns = patterns_of(l, q->account);
	q->known = NULL;
	q->n = 0;
	if (!l->broken && ledger_none_queued(l))
		known_folders(l, q);
	return done(l, r);
}

void spool_folders_fini(struct spool_folders *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->known[i].name);
	free(f->known);
	f->known = NULL;
	f->n = 0;
}

bool ledger_run_folder_save(struct ledger *l, struct spool_req *r)
{
	const struct spool_folder *f =
		&LIST_OF(r, struct spool_folder_save, req)->f;
	struct bind b = {
		ledger_statement(
			l, STMT_FOLDER_SAVE,
			"UPDATE folder SET uidnext = ?1, present = ?2, high_uid = ?3,"
			" whole = ?4, adopted = ?5, listings = ?6, first_done = ?7,"
			" backlog = ?9, acts_at = ?10, keep = ?11"
			" WHERE id = ?8 AND (uidnext <> ?1 OR present <> ?2"
			" OR high_uid <> ?3 OR whole <> ?4 OR adopted <> ?5"
			" OR listings <> ?6 OR first_done <> ?7"
			" OR backlog <> ?9 OR acts_at <> ?10"
			" OR keep IS NOT ?11)"),
		0
	};

	bind_int(&b, f->uidnext);
	bind_int(&b, f->exists);
	bind_int(&b, f->high_uid);
	bind_int(&b, f->whole_ms);
	bind_int(&b, f->adopted_ms);
	bind_uint(&b, f->listings);
	bind_int(&b, f->first_done);
	bind_int(&b, f->id);
	bind_int(&b, f->backlog);
	bind_int(&b, f->acts_ms);
	if (f->keep_ms == INT64_MIN)
		bind_text(&b, NULL);
	else
		bind_int(&b, f->keep_ms);
	(void)ledger_do(l, b.s);
	return done(l, r);
}
