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
 * On the store thread, like what query.h has. path: must not exist; made with
 * mode 0600, synced. *bodies: so many are in it. false: there is no file left.
 */
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
