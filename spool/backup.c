#include "backup.h"
#include "ledger.h"
#include "must.h"
#include "query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COPY "ledger.new"

static bool failed(sqlite3 *db, struct err *err, const char *what)
{
	return ledger_sqlite_err(err, sqlite3_extended_errcode(db), what);
}

static bool run(sqlite3 *db, const char *sql, struct err *err, const char *what)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       failed(db, err, what);
}

/* --- taking one back ------------------------------------------------------ */

struct restoring {
	int dir, bodies; /* borrowed, owned */
	const struct spool_files *files;
	sqlite3 *db; /* owned: the copy, on its way to be the ledger */
	uint32_t segment;
	int out; /* the segment in hand; owned; -1 */
	uint64_t tail;
	struct err *err;
};

static bool number_of(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	bool ok = sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
		  sqlite3_step(s) == SQLITE_ROW;

	if (ok)
		*out = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return ok;
}

static bool is_backup(sqlite3 *db, const char *file, struct err *err)
{
	int64_t application, version, bodies;

	if (!number_of(db, "PRAGMA application_id", &application) ||
	    !number_of(db, "PRAGMA user_version", &version) ||
	    !number_of(db, "SELECT count(*) FROM body", &bodies) ||
	    application != LEDGER_APPLICATION)
		return err_set(err, ERR_STATE, "%s is no backup of mailhaul",
			       file);
	if (version != LEDGER_VERSION) {
		err_set(err, ERR_STATE,
			"%s was written by another version (schema %d, this "
			"one knows %d)",
			file, (int)version, LEDGER_VERSION);
		return err_remedy(err, "restore it with that version");
	}
	return true;
}

/* What the ledger that is there holds against being replaced; NULL: nothing.
 * The backup's generation and instance are compared with its own. */
static const char *objection(struct ledger *l, sqlite3 *backup)
{
	sqlite3_stmt *s = NULL;
	const char *why = NULL;
	int64_t n = 0, rows = 0;
	uint64_t mine =
		l->generation - (l->generation_ms != 0); /* by opening */
	bool same;

	if (sqlite3_prepare_v2(backup, "SELECT instance, generation FROM site",
			       -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW) {
		(void)sqlite3_finalize(s);
		return "it cannot be compared with the backup";
	}
	same = view_eq(view_of((const char *)sqlite3_column_text(s, 0)),
		       view_of(l->instance));
	n = sqlite3_column_int64(s, 1);
	(void)sqlite3_finalize(s);
	(void)number_of(l->db, "SELECT count(*) FROM queue", &rows);
	if (rows)
		why = "there is mail in its queue";
	else if (same && mine > (uint64_t)n)
		why = "it is newer than the backup";
	else if (!same &&
		 number_of(l->db, "SELECT count(*) FROM account", &rows) &&
		 rows)
		why = "it is of another installation";
	return why;
}

/* Looks at what is there, and leaves its write-ahead log empty. */
static bool may_replace(const struct spool_options *o, int dir, sqlite3 *backup,
			bool over, struct err *err)
{
	struct spool_found found = { 0 };
	struct ledger *l;
	const char *why;

	if (faccessat(dir, "ledger.db", F_OK, 0) != 0)
		return true;
	l = ledger_open(o, dir, &found, err);
	if (!l && !over) {
		err_remedy(err, "what is there cannot be read: to replace it "
				"say --yes");
		return false;
	}
	why = l ? objection(l, backup) : NULL;
	ledger_close(l, true);
	if (!why || over)
		return true;
	err_set(err, ERR_CANCELLED,
		"the state directory holds a ledger already: %s", why);
	err_remedy(err, "to replace it all the same say --yes; or keep it: "
			"mailhaul backup");
	return false;
}

static bool next_segment(struct restoring *r)
{
	char name[SEGMENT_NAME_OCTETS];

	if (r->out >= 0 && r->files->fdatasync(r->out) != 0)
		return files_failed(r->err, "syncing a segment");
	if (r->out >= 0)
		(void)close(r->out);
	segment_name(++r->segment, name);
	r->tail = 0;
	r->out = files_open(r->files, r->bodies, name,
			    O_WRONLY | O_CREAT | O_EXCL, "making a segment",
			    r->err);
	return r->out >= 0;
}

static bool write_body(struct restoring *r, int64_t id)
{
	char piece[65536], sql[160];
	sqlite3_blob *b = NULL;
	int n = 0, at = 0;
	bool ok = true;

	if ((r->out < 0 || r->tail >= SEGMENT_OCTETS) && !next_segment(r))
		return false;
	(void)snprintf(sql, sizeof(sql),
		       "UPDATE queue SET segment = %u, offset = %llu"
		       " WHERE id = %lld",
		       r->segment, (unsigned long long)r->tail, (long long)id);
	if (!run(r->db, sql, r->err, "restoring the ledger"))
		return false;
	if (sqlite3_blob_open(r->db, "main", "body", "octets", id, 0, &b) !=
	    SQLITE_OK)
		return failed(r->db, r->err, "reading the backup");
	for (n = sqlite3_blob_bytes(b); ok && at < n;) {
		int part = n - at < (int)sizeof(piece) ? n - at
						       : (int)sizeof(piece);

		ok = sqlite3_blob_read(b, piece, part, at) == SQLITE_OK ||
		     failed(r->db, r->err, "reading the backup");
		ok = ok && files_write(r->files, r->out,
				       (struct view){ piece, (size_t)part },
				       r->tail, r->err);
		at += part;
		r->tail += (uint64_t)part;
	}
	(void)sqlite3_blob_close(b);
	return ok;
}

static bool write_bodies(struct restoring *r)
{
	sqlite3_stmt *s = NULL;
	bool ok = true;

	if (sqlite3_prepare_v2(r->db, "SELECT id FROM body ORDER BY id", -1, &s,
			       NULL) != SQLITE_OK)
		return failed(r->db, r->err, "reading the backup");
	while (ok && sqlite3_step(s) == SQLITE_ROW)
		ok = write_body(r, sqlite3_column_int64(s, 0));
	(void)sqlite3_finalize(s);
	if (ok && r->out >= 0 && r->files->fdatasync(r->out) != 0)
		ok = files_failed(r->err, "syncing a segment");
	if (ok && r->files->fsync(r->bodies) != 0)
		ok = files_failed(r->err, "syncing bodies");
	return ok;
}

/* Above all there are and all that ever were, so that none is met twice. */
static uint32_t first_segment(struct restoring *r)
{
	int64_t n = 0;
	char name[SEGMENT_NAME_OCTETS];
	uint32_t at;

	(void)number_of(r->db, "SELECT coalesce(max(segment), 0) FROM queue",
			&n);
	for (at = (uint32_t)n;; at++) {
		segment_name(at + 1, name);
		if (faccessat(r->bodies, name, F_OK, 0) != 0)
			return at;
	}
}

static uint64_t generation_beside(int dir)
{
	char text[24] = "";
	int fd = openat(dir, "generation", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	struct view v = { text, n > 0 ? (size_t)n : 0 };
	uint64_t number = 0;

	if (fd >= 0)
		(void)close(fd);
	(void)view_number(view_head(v, view_find(v, '\n')), INT64_MAX, &number);
	return number;
}

/* What may have happened since the backup is unknown: as for a ledger that was
 * replaced by an older copy. */
static bool set_apart(struct restoring *r, int64_t now_ms)
{
	char sql[640];

	(void)snprintf(
		sql, sizeof(sql),
		"DROP TABLE body;"
		" UPDATE account SET reconcile = 2;"
		" UPDATE queue SET state = 3, next_at = 0, doubt_at = %lld,"
		" reason = 'restored from a backup: it may have been delivered"
		" since' WHERE state IN (1, 2, 3);"
		" UPDATE site SET anchor = 0, anchor_next = 0,"
		" generation = max(generation, %llu) + 1;",
		(long long)now_ms,
		(unsigned long long)generation_beside(r->dir));
	return run(r->db, sql, r->err, "restoring the ledger");
}

static bool copy_file(const char *from, int dir, struct err *err)
{
	char piece[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t n = 0;
	uint64_t at = 0;
	bool ok = in >= 0 || err_errno(err, errno, "cannot read %s", from);

	(void)unlinkat(dir, COPY, 0);
	out = ok ? openat(dir, COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			  0600)
		 : -1;
	if (ok && out < 0)
		ok = files_failed(err, "cannot write to the state directory");
	while (ok && (n = read(in, piece, sizeof(piece))) > 0) {
		ok = files_write(files_system(), out,
				 (struct view){ piece, (size_t)n }, at, err);
		at += (uint64_t)n;
	}
	if (ok && n < 0)
		ok = err_errno(err, errno, "cannot read %s", from);
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return ok;
}

static bool put_in_place(struct restoring *r)
{
	int fd = openat(r->dir, COPY, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && r->files->fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	if (!ok)
		return files_failed(r->err, "syncing the restored ledger");
	/* empty by now, or of a ledger that cannot be read */
	(void)unlinkat(r->dir, "ledger.db-wal", 0);
	if (renameat(r->dir, COPY, r->dir, "ledger.db") != 0 ||
	    r->files->fsync(r->dir) != 0)
		return files_failed(r->err, "putting the ledger in its place");
	return true;
}

static bool make_ledger(struct restoring *r, const struct spool_options *o,
			const char *file, bool over, struct backup_told *told)
{
	char path[4200];
	int64_t accounts = 0, queued = 0;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/" COPY, o->dir);
	if (sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK)
		return failed(r->db, r->err, "opening the backup");
	if (!is_backup(r->db, file, r->err) ||
	    !may_replace(o, r->dir, r->db, over, r->err))
		return false;
	(void)mkdirat(r->dir, "bodies", 0700);
	r->bodies =
		openat(r->dir, "bodies", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->bodies < 0)
		return files_failed(r->err, "opening bodies");
	r->segment = first_segment(r);
	ok = run(r->db, "PRAGMA synchronous = FULL; BEGIN", r->err, "") &&
	     write_bodies(r) && set_apart(r, o->now_ms) &&
	     run(r->db, "COMMIT; VACUUM", r->err, "restoring the ledger") &&
	     number_of(r->db, "SELECT count(*) FROM account", &accounts) &&
	     number_of(r->db, "SELECT count(*) FROM queue", &queued);
	*told = (struct backup_told){ (uint64_t)accounts, (uint64_t)queued };
	return ok;
}

bool backup_restore(const struct spool_options *o, int dir, const char *file,
		    bool over, struct backup_told *told, struct err *err)
{
	struct restoring r = { .dir = dir,
			       .bodies = -1,
			       .files = o->files,
			       .out = -1,
			       .err = err };
	bool ok = copy_file(file, dir, err) &&
		  make_ledger(&r, o, file, over, told);

	ok = sqlite3_close(r.db) == SQLITE_OK && ok && put_in_place(&r);
	if (!ok)
		(void)unlinkat(dir, COPY, 0);
	if (r.out >= 0)
		(void)close(r.out);
	if (r.bodies >= 0)
		(void)close(r.bodies);
	return ok;
}
