/*
 * Closing a ledger: what was put off is written, and all of it goes from the
 * WAL into ledger.db.
 */
#include "ledger.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define WAL_KEPT (256 << 10) /* octets of a WAL that need not shrink */

/* What was put off for later commits is due now. */
static bool settle(struct ledger *l)
{
	struct err err;

	return (!l->ntotals && !l->nstale) ||
	       (ledger_begin(l) && ledger_flush(l) && ledger_commit(l, &err));
}

/*
 * true: ledger.db has all that was in the WAL, but for its barrier. The WAL has
 * had its own, with each commit, and needs none before.
 */
static bool checkpoint(struct ledger *l)
{
	int all = 0, done = -1;

	return l->dir >= 0 && l->db &&
	       ledger_exec(l, "PRAGMA synchronous = OFF") &&
	       sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
					 &all, &done) == SQLITE_OK &&
	       all > 0 && all == done;
}

static bool sync_db(const struct ledger *l)
{
	int fd = l->files->open_at(l->dir, "ledger.db", O_RDWR | O_CLOEXEC, 0);
	bool ok = fd >= 0 && l->files->fdatasync(fd) == 0;

	if (fd >= 0)
		(void)l->files->close(fd);
	return ok;
}

/*
 * A WAL whose header says nothing is an empty one, whatever stands behind it
 * (sqlite.org/fileformat2.html 4.1). Its blocks stay, so that the next commits
 * need not wait for the file system's journal as well. No barrier: what a power
 * cut brings back is in ledger.db already.
 */
static void empty_wal(struct ledger *l)
{
	static const char nothing[32];
	struct stat st;
	int fd = l->files->open_at(l->dir, "ledger.db-wal",
				   O_WRONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (l->files->fstat(fd, &st) == 0 && st.st_size > 0 &&
	    (st.st_size > WAL_KEPT ||
	     l->files->pwrite(fd, nothing, sizeof(nothing), 0) !=
		     sizeof(nothing)))
		(void)l->files->ftruncate(fd, 0);
	(void)l->files->close(fd);
}

static void close_db(struct ledger *l)
{
	for (size_t i = 0; i < STMT_COUNT; i++)
		(void)sqlite3_finalize(l->statements[i]);
	(void)sqlite3_close(l->db);
}

void ledger_close(struct ledger *l, bool clean)
{
	bool moved;

	if (!l)
		return;
	/* nothing more is written after a failed sync */
	if (clean)
		clean = settle(l);
	if (clean)
		segments_trim(&l->segments);
	ledger_rollback(l);
	moved = clean && checkpoint(l);
	if (l->db)
		(void)sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
					1, NULL);
	close_db(l);
	/* behind sqlite, whose locks go with any descriptor of the file */
	if (moved && sync_db(l))
		empty_wal(l);
	if (l->crash >= 0) {
		crash_watch(-1);
		(void)close(l->crash);
	}
	segments_fini(&l->segments);
	known_fini(&l->known);
	hash_free(l->hash);
	free(l->releases);
	free(l->totals);
	free(l->stale);
	free(l->moves);
	free(l->bound);
	free(l);
}
