/*
 * guard - decisions before mail is taken or deleted in bulk. Pure.
 */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H
#include "config.h"
#include "spool.h"

enum guard_take {
	GUARD_TAKE,  /* fetch what is new */
	GUARD_ADOPT, /* first_run = new: all of it is taken as handled */
	GUARD_AGE,   /* first_run = AGE: older ones are adopted */
	GUARD_ASK,   /* a person decides: nothing is fetched or recorded */
};

/*
 * first: the folder's first complete listing. fresh: unknown messages in it.
 * listed: all of it. known: identities on record before. yes: --yes was given,
 * or a person answered "all".
 */
enum guard_take guard_take(enum config_first_run first_run, bool first,
			   uint64_t fresh, uint64_t listed, bool yes);

/*
 * A listing whose unknown messages are so many that they may be old ones under
 * new names (CASES E7, D2): their fingerprints are worth a look.
 */
bool guard_suspicious(bool first, uint64_t fresh, uint64_t listed,
		      uint64_t known);

/* keep in ms: -1 for ever. */
int64_t guard_keep_ms(const struct config_folder *f);
/* Delivered on `day` (days since 1970): to be deleted by now? now_ms:
 * spool_believed_ms(). */
bool guard_due(int64_t keep_ms, uint16_t day, int64_t now_ms);
/*
 * More than LIMIT_MASS_DELETE messages became due at once because keep is
 * shorter than at the last pass (was_ms; no pass before: equal to keep_ms).
 */
bool guard_mass_delete(int64_t was_ms, int64_t keep_ms, uint64_t due);
#endif
