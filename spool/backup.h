/*
 * backup - the state in one file, and back.
 *
 * The file is a sqlite database: every table of the ledger as it was at one
 * moment, and `body`, the bodies of what was not settled then.
 */
#ifndef SPOOL_BACKUP_H
#define SPOOL_BACKUP_H
#include "spool.h"

/*
 * A copy while others work. spool_backup() copies the ledger in slices between
 * their transactions and holds the segments; then backup_fill(), on any thread,
 * puts the bodies in; then spool_call() of backup_over() lets the segments go.
 * One at a time.
 */
struct backup;
struct spool_backup {
	struct spool_req req;
	const char *path;    /* must not exist; made with mode 0600 */
	struct backup *made; /* ok: owned by the asker; the segments are held */
};
void spool_backup(struct spool *s, struct spool_backup *r);
/* Takes b; what it made is synced. *bodies: so many are in it. false: there is
 * no file left. */
bool backup_fill(struct backup *b, uint64_t *bodies, struct err *err);
void backup_over(struct ledger *l); /* on the store thread */

/* All of it at once, by spool_call_now() with look_only. */
bool backup_write(struct ledger *l, const char *path, uint64_t *bodies,
		  struct err *err);

struct backup_told {
	uint64_t accounts, queued; /* restored */
};
/*
 * Puts the state of a backup in the place of what is in o->dir, which nobody
 * may hold (ERR_BUSY). What is there is kept (ERR_CANCELLED) where it is newer,
 * of another installation or has mail in its queue, unless `over`. Until the
 * last step, one renaming, it stays as it is. Afterwards every account
 * reconciles, and what the backup had in its queue waits for a person: it may
 * have been delivered since.
 */
bool spool_restore(const struct spool_options *o, const char *file, bool over,
		   struct backup_told *told, struct err *err);
#endif
