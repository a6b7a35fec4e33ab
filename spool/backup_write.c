/*
 * Writing a backup, beside the work: the pages of the ledger are copied in
 * slices between its transactions by the connection that writes it, which
 * repeats in the copy what it changes meanwhile (sqlite3_backup_step); so the
 * copy is the ledger as it was behind the last slice. From then on the segments
 * are held, and the bodies are copied past the store thread.
 */
#include "backup.h"
#include "ledger.h"
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SLICE_PAGES  256 /* a millisecond or so */
#define PIECE_OCTETS (256u << 10)

struct backup {
	char *path;  /* owned, as all that follows */
	sqlite3 *to; /* NULL: closed */
	sqlite3_backup *pages;
	int dir; /* of the segments */
	bool counted;
	sqlite3_blob *blob;
	char *piece;
	int segment; /* the one open; -1 */
	uint32_t number;
};

static bool failed(struct backup *b, struct err *err)
{
	return ledger_sqlite_err(err, sqlite3_extended_errcode(b->to),
				 "writing the backup");
}

static bool run(struct backup *b, const char *sql, struct err *err)
{
	return sqlite3_exec(b->to, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       failed(b, err);
}

static void free_backup(struct backup *b, bool keep)
{
	if (!b)
		return;
	(void)sqlite3_backup_finish(b->pages);
	(void)sqlite3_close(b->to);
	if (b->segment >= 0)
		(void)close(b->segment);
	if (b->dir >= 0)
		(void)close(b->dir);
	if (!keep)
		(void)unlink(b->path);
	free(b->piece);
	free(b->path);
	free(b);
}

/* Made before sqlite opens it, so that it is for this user alone. */
static bool make_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "cannot make %s", path);
	(void)close(fd);
	return true;
}

/* It is synced once, when it is whole. */
static bool open_copy(struct backup *b, struct ledger *l, struct err *err)
{
	if (sqlite3_open_v2(b->path, &b->to, SQLITE_OPEN_READWRITE, NULL) !=
		    SQLITE_OK ||
	    !run(b, "PRAGMA synchronous = OFF", err))
		return failed(b, err);
	b->pages = sqlite3_backup_init(b->to, "main", l->db, "main");
	return b->pages || failed(b, err);
}

static struct backup *new_backup(struct ledger *l, const char *path,
				 struct err *err)
{
	struct backup *b;

	if (!make_file(path, err))
		return NULL;
	b = mem_new(sizeof(*b));
	b->path = mem_str(path);
	b->segment = -1;
	b->dir = fcntl(l->segments.dir, F_DUPFD_CLOEXEC, 3);
	if (b->dir >= 0 ? open_copy(b, l, err)
			: err_errno(err, errno, "the folder of bodies"))
		return b;
	free_backup(b, false);
	return NULL;
}

/* What is left fits into one slice. */
static bool is_last(struct backup *b)
{
	if (!b->counted)
		(void)sqlite3_backup_step(b->pages, 0);
	b->counted = true;
	return sqlite3_backup_remaining(b->pages) <= SLICE_PAGES;
}

enum backup_step {
	BACKUP_MORE,
	BACKUP_DONE,
	BACKUP_FAILED
};

/* Outside any transaction. last: all that is left, behind ledger_flush(). */
static enum backup_step step(struct backup *b, struct ledger *l, bool last,
			     struct err *err)
{
	int rc = sqlite3_backup_step(b->pages, last ? -1 : SLICE_PAGES);

	if (rc == SQLITE_OK && !last)
		return BACKUP_MORE;
	if (rc == SQLITE_DONE) {
		rc = sqlite3_backup_finish(b->pages);
		b->pages = NULL;
	} else if (rc == SQLITE_OK) {
		rc = SQLITE_LOCKED;
	}
	if (rc != SQLITE_OK) {
		(void)ledger_sqlite_err(err, rc, "writing the backup");
		return BACKUP_FAILED;
	}
	segments_hold(&l->segments);
	return BACKUP_DONE;
}

/* --- bodies --------------------------------------------------------------- */

static bool open_segment(struct backup *b, uint32_t number, struct err *err)
{
	char name[SEGMENT_NAME_OCTETS];

	if (b->segment >= 0 && b->number == number)
		return true;
	if (b->segment >= 0)
		(void)close(b->segment);
	segment_name(number, name);
	b->number = number;
	b->segment = openat(b->dir, name, O_RDONLY | O_CLOEXEC);
	return b->segment >= 0 ||
	       err_errno(err, errno, "cannot open a segment");
}

static bool copy_octets(struct backup *b, off_t from, int octets,
			struct err *err)
{
	ssize_t n;

	for (int at = 0; at < octets; at += (int)n) {
		size_t left = (size_t)(octets - at);

		n = pread(b->segment, b->piece,
			  left < PIECE_OCTETS ? left : PIECE_OCTETS, from + at);
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n <= 0)
			return err_errno(err, n ? errno : EIO,
					 "a body could not be read");
		if (sqlite3_blob_write(b->blob, b->piece, (int)n, at) !=
		    SQLITE_OK)
			return failed(b, err);
	}
	return true;
}

static bool copy_body(struct backup *b, sqlite3_stmt *row, struct err *err)
{
	long long id = sqlite3_column_int64(row, 0);
	int64_t octets = sqlite3_column_int64(row, 1);
	char sql[128];
	bool ok;

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO body VALUES (%lld, zeroblob(%lld))", id,
		       (long long)octets);
	if (!open_segment(b, (uint32_t)sqlite3_column_int64(row, 2), err) ||
	    !run(b, sql, err))
		return false;
	if (sqlite3_blob_open(b->to, "main", "body", "octets", id, 1,
			      &b->blob) != SQLITE_OK)
		return failed(b, err);
	ok = copy_octets(b, (off_t)sqlite3_column_int64(row, 3), (int)octets,
			 err);
	(void)sqlite3_blob_close(b->blob);
	return ok;
}

static bool copy_bodies(struct backup *b, uint64_t *bodies, struct err *err)
{
	sqlite3_stmt *s = NULL;
	bool ok = true;

	if (sqlite3_prepare_v2(b->to,
			       "SELECT id, octets, segment, offset FROM queue"
			       " JOIN message USING (id) WHERE segment > 0"
			       " ORDER BY segment, offset",
			       -1, &s, NULL) != SQLITE_OK)
		return failed(b, err);
	b->piece = mem_new(PIECE_OCTETS);
	for (*bodies = 0; ok && sqlite3_step(s) == SQLITE_ROW; ++*bodies)
		ok = copy_body(b, s, err);
	(void)sqlite3_finalize(s);
	return ok;
}

static bool sync_file(const struct backup *b, struct err *err)
{
	int fd = open(b->path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		(void)err_errno(err, errno, "syncing the backup");
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

bool backup_fill(struct backup *b, uint64_t *bodies, struct err *err)
{
	bool ok = run(b,
		      "PRAGMA journal_mode = DELETE; BEGIN;"
		      " CREATE TABLE body (id INTEGER PRIMARY KEY,"
		      " octets BLOB NOT NULL) STRICT",
		      err) &&
		  copy_bodies(b, bodies, err) && run(b, "COMMIT", err);

	(void)sqlite3_close(b->to);
	b->to = NULL;
	ok = ok && sync_file(b, err);
	free_backup(b, ok);
	return ok;
}

void backup_over(struct ledger *l)
{
	segments_let_go(&l->segments);
}

/* --- where nobody else works ---------------------------------------------- */

static bool write_pages(struct ledger *l, struct backup *b, struct err *err)
{
	if (!ledger_flush(l))
		return ledger_failed(l, err, "");
	return ledger_commit(l, err) && step(b, l, true, err) == BACKUP_DONE &&
	       (ledger_begin(l) || ledger_failed(l, err, ""));
}

bool backup_write(struct ledger *l, const char *path, uint64_t *bodies,
		  struct err *err)
{
	struct backup *b = new_backup(l, path, err);
	bool ok;

	if (!b)
		return false;
	if (!write_pages(l, b, err)) {
		free_backup(b, false);
		return false;
	}
	ok = backup_fill(b, bodies, err);
	backup_over(l);
	return ok;
}

/* --- where others do ------------------------------------------------------ */

struct backup_job {
	struct ledger_job job;
	struct backup *backup; /* owned, until it is handed out */
};

static void job_fini(struct ledger_job *job)
{
	free_backup(LIST_OF(job, struct backup_job, job)->backup, false);
}

static bool job_step(struct ledger *l, struct ledger_job *job)
{
	struct backup_job *j = LIST_OF(job, struct backup_job, job);
	struct spool_backup *r = LIST_OF(job->req, struct spool_backup, req);

	if (!job->flushes) {
		job->flushes = is_last(j->backup);
		if (job->flushes)
			return false;
	}
	switch (step(j->backup, l, job->flushes, &r->req.err)) {
	case BACKUP_MORE:
		return false;
	case BACKUP_FAILED:
		r->req.ok = false;
		return true;
	case BACKUP_DONE:
		break;
	}
	r->made = j->backup;
	j->backup = NULL;
	r->req.ok = true;
	return true;
}

bool ledger_run_backup(struct ledger *l, struct spool_req *req)
{
	struct spool_backup *r = LIST_OF(req, struct spool_backup, req);
	struct backup *b = new_backup(l, r->path, &req->err);
	struct backup_job *j;

	req->ok = false;
	if (!b)
		return true;
	j = mem_new(sizeof(*j));
	j->backup = b;
	j->job.fini = job_fini;
	return ledger_job_start_apart(l, &j->job, req, job_step);
}
