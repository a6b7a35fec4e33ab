#include "ledger.h"
#include "must.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool ledger_sqlite_err(struct err *err, int code, const char *what)
{
	enum err_class class = ERR_BUG;
	const char *remedy = "";

	switch (code & 0xff) {
	case SQLITE_FULL:
		class = ERR_DISK;
		remedy = "make room on the disk of the state directory";
		break;
	case SQLITE_IOERR:
		class = ERR_DISK;
		remedy = "look for disk errors in the system's log";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		class = ERR_STATE;
		remedy = "restore a backup, or move the state directory away: "
			 "what is still on the servers is then taken as new";
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		class = ERR_STATE;
		remedy = "make the state directory writable for this user";
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		class = ERR_BUSY;
		remedy = "end the program that has the ledger open";
		break;
	default:
		break;
	}
	err_set(err, class, "%s: %s", what, sqlite3_errstr(code));
	err->origin = ERR_FROM_SQLITE;
	err->code = code;
	if (*remedy)
		err_remedy(err, "%s", remedy);
	return false;
}

bool ledger_break(struct ledger *l, const char *what)
{
	if (!l->broken)
		ledger_sqlite_err(&l->why, sqlite3_extended_errcode(l->db),
				  what);
	l->broken = true;
	return false;
}

bool ledger_failed(const struct ledger *l, struct err *err, const char *what)
{
	if (l->broken)
		*err = l->why;
	else
		err_set(err, ERR_BUG, "%s", what);
	return false;
}

sqlite3_stmt *ledger_statement(struct ledger *l, enum ledger_statement n,
			       const char *sql)
{
	sqlite3_stmt **s = &l->statements[n];

	if (*s) {
		(void)sqlite3_reset(*s);
		return *s;
	}
	if (sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, s,
			       NULL) != SQLITE_OK) {
		ledger_break(l, "preparing a statement");
		return NULL;
	}
	return *s;
}

bool ledger_row(struct ledger *l, sqlite3_stmt *s)
{
	int rc;

	if (!s)
		return false;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		ledger_break(l, "reading the ledger");
	(void)sqlite3_reset(s);
	return false;
}

bool ledger_do(struct ledger *l, sqlite3_stmt *s)
{
	if (!s)
		return false;
	if (sqlite3_step(s) != SQLITE_DONE) {
		ledger_break(l, "writing the ledger");
		(void)sqlite3_reset(s);
		return false;
	}
	(void)sqlite3_reset(s);
	return true;
}

bool ledger_do_one(struct ledger *l, sqlite3_stmt *s)
{
	return ledger_do(l, s) && sqlite3_changes(l->db) == 1;
}

bool ledger_exec(struct ledger *l, const char *sql)
{
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return ledger_break(l, "writing the ledger");
}

bool ledger_begin(struct ledger *l)
{
	if (l->begun)
		return true;
	if (!ledger_do(l, ledger_statement(l, STMT_BEGIN, "BEGIN IMMEDIATE")))
		return false;
	l->begun = true;
	l->changes = sqlite3_total_changes64(l->db);
	return true;
}

bool ledger_changed(const struct ledger *l)
{
	return l->begun && sqlite3_total_changes64(l->db) != l->changes;
}

struct ledger_totals *ledger_totals(struct ledger *l, int64_t account)
{
	struct ledger_totals *t;

	for (size_t i = 0; i < l->ntotals; i++)
		if (l->totals[i].account == account)
			return &l->totals[i];
	l->totals = mem_grow(l->totals, (l->ntotals + 1) * sizeof(*l->totals));
	t = &l->totals[l->ntotals++];
	*t = (struct ledger_totals){ .account = account };
	return t;
}

bool ledger_write_totals(struct ledger *l)
{
	for (size_t i = 0; i < l->ntotals; i++) {
		const struct ledger_totals *t = &l->totals[i];
		struct bind b = {
			ledger_statement(
				l, STMT_TOTALS,
				"UPDATE account SET fetched = fetched + ?,"
				" delivered = delivered + ?, held = held + ?,"
				" skipped = skipped + ?, deleted = deleted + ?,"
				" octets = octets + ? WHERE id = ?"),
			0
		};

		bind_uint(&b, t->fetched);
		bind_uint(&b, t->delivered);
		bind_uint(&b, t->held);
		bind_uint(&b, t->skipped);
		bind_uint(&b, t->deleted);
		bind_uint(&b, t->octets);
		bind_int(&b, t->account);
		if (!ledger_do(l, b.s))
			return false;
	}
	l->ntotals = 0;
	return true;
}

static bool drop_stale(struct ledger *l)
{
	for (size_t i = 0; i < l->nstale; i++) {
		struct bind b = { ledger_statement(l, STMT_UNQUEUE,
						   "DELETE FROM queue"
						   " WHERE id = ?"),
				  0 };

		bind_int(&b, l->stale[i]);
		if (!ledger_do(l, b.s))
			return false;
	}
	l->nstale = 0;
	return true;
}

void ledger_add_stale(struct ledger *l, int64_t id)
{
	l->stale = mem_grow(l->stale, (l->nstale + 1) * sizeof(*l->stale));
	l->stale[l->nstale++] = id;
}

bool ledger_flush(struct ledger *l)
{
	return drop_stale(l) && ledger_write_totals(l);
}

void ledger_release_body(struct ledger *l, uint32_t segment, uint64_t octets)
{
	if (segment == 0)
		return;
	l->releases = mem_grow(l->releases,
			       (l->nreleases + 1) * sizeof(*l->releases));
	l->releases[l->nreleases++] =
		(struct ledger_release){ segment, octets };
}

#define GENERATION_MS 600000
#define STALE_MOST    1024u

bool ledger_raise_generation(struct ledger *l, int64_t now_ms)
{
	struct bind b;

	if (l->dir < 0 ||
	    (l->generation_ms && now_ms < l->generation_ms + GENERATION_MS))
		return true;
	b = (struct bind){ ledger_statement(l, STMT_GENERATION,
					    "UPDATE site SET generation = ?"),
			   0 };
	bind_uint(&b, l->generation + 1);
	if (!ledger_do_one(l, b.s))
		return ledger_break(l, "raising the generation");
	l->generation++;
	l->generation_ms = now_ms;
	l->generation_rose = true;
	return true;
}

/*
 * Written behind the commit, never before: a ledger that knows more than the
 * file is whole, one that knows less is an older copy. In place and of one
 * length, so that it cannot be cut; no sync: a lost write only makes it lower.
 */
static void write_generation(struct ledger *l)
{
	char text[24];
	int fd = l->files->open_at(l->dir, "generation",
				   O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)snprintf(text, sizeof(text), "%020llu\n",
		       (unsigned long long)l->generation);
	/* a full disk: once more behind the next commit */
	l->generation_rose = l->files->pwrite(fd, text, 21, 0) != 21;
	(void)l->files->close(fd);
}

bool ledger_commit(struct ledger *l, struct err *err)
{
	if (l->broken)
		return ledger_failed(l, err, "");
	if (!l->begun)
		return true;
	if (l->unsynced && !segments_sync(&l->segments, err))
		return false;
	l->unsynced = false;
	/* with the first change: who changes nothing writes nothing */
	if (ledger_changed(l) && !l->looks && !l->generation_ms &&
	    !ledger_raise_generation(l, l->opened_ms))
		return ledger_failed(l, err, "");
	if (ledger_changed(l) && (!l->postpone || l->nstale >= STALE_MOST) &&
	    !ledger_flush(l))
		return ledger_failed(l, err, "");
	if (!ledger_do(l, ledger_statement(l, STMT_COMMIT, "COMMIT")))
		return ledger_failed(l, err, "");
	l->begun = false;
	if (l->generation_rose)
		write_generation(l);
	for (size_t i = 0; i < l->nreleases; i++)
		segments_release(&l->segments, l->releases[i].segment,
				 l->releases[i].octets);
	l->nreleases = 0;
	return true;
}

void ledger_rollback(struct ledger *l)
{
	if (l->begun)
		(void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	l->begun = false;
	l->ntotals = 0;
	l->nstale = 0;
	l->nreleases = 0;
}

bool ledger_save(struct ledger *l)
{
	return ledger_do(l, ledger_statement(l, STMT_SAVE, "SAVEPOINT call"));
}

bool ledger_keep(struct ledger *l, bool keep)
{
	if (!keep &&
	    !ledger_do(l, ledger_statement(l, STMT_UNDO, "ROLLBACK TO call")))
		return false;
	return ledger_do(l, ledger_statement(l, STMT_RELEASE, "RELEASE call"));
}

/* A failed binding shows as a failed step; NULL statements as a failed do. */
void bind_int(struct bind *b, int64_t v)
{
	(void)sqlite3_bind_int64(b->s, ++b->n, v);
}

void bind_uint(struct bind *b, uint64_t v)
{
	(void)sqlite3_bind_int64(b->s, ++b->n, (sqlite3_int64)v);
}

void bind_text(struct bind *b, const char *v)
{
	(void)sqlite3_bind_text(b->s, ++b->n, v, -1, SQLITE_STATIC);
}

void bind_blob(struct bind *b, const void *p, size_t n)
{
	(void)sqlite3_bind_blob64(b->s, ++b->n, p, n, SQLITE_STATIC);
}

void bind_key(struct bind *b, const struct message_key *k)
{
	bind_blob(b, k->octets, sizeof(k->octets));
}

int64_t column_int(sqlite3_stmt *s, int n)
{
	return sqlite3_column_int64(s, n);
}

char *column_text(sqlite3_stmt *s, int n)
{
	const void *p = sqlite3_column_text(s, n);

	return mem_str(p);
}

void column_chars(sqlite3_stmt *s, int n, char *out, size_t cap)
{
	const char *p = (const void *)sqlite3_column_text(s, n);

	(void)snprintf(out, cap, "%s", p ? p : "");
}

struct message_key column_key(sqlite3_stmt *s, int n)
{
	struct message_key k = { { 0 } };
	const void *p = sqlite3_column_blob(s, n);
	int have = sqlite3_column_bytes(s, n);

	if (p && have == MESSAGE_KEY_OCTETS)
		memcpy(k.octets, p, sizeof(k.octets));
	return k;
}
