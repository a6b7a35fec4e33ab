/*
 * backoff - when to try again. Pure: time and randomness are given.
 *
 * All in ms. random is any 32 random bits; what comes out is spread by ten per
 * cent to either side, so that what failed together does not return together.
 */
#ifndef SCHED_BACKOFF_H
#define SCHED_BACKOFF_H
#include "err.h"

/* first * 2^(failures - 1), at most `most`, spread. failures 0 counts as 1. */
uint64_t backoff_ms(uint32_t failures, uint64_t first, uint64_t most,
		    uint32_t random);
/*
 * An account after `failures` failures in a row, the last of this class: a
 * refused login or certificate slows to hours, so that no provider locks the
 * mailbox (CASES C9); a mailbox that another session holds is tried again after
 * ten minutes at most (E14); everything else slows to one hour. Never before
 * suggested_ms, the wait that the server asked for (0: none), from which it
 * grows.
 */
uint64_t backoff_account_ms(enum err_class class, uint32_t failures,
			    uint64_t suggested_ms, uint32_t random);
/*
 * A delivery that failed as a whole `failures` times in a row: what does not
 * answer is probed every 1 to 5 minutes; what refuses us, as a wrong setting.
 */
uint64_t backoff_delivery_ms(enum err_class class, uint32_t failures,
			     uint32_t random);
/* A wrong setting of a delivery: 15 min to 6 h. */
uint64_t backoff_setting_ms(uint32_t failures, uint32_t random);
#endif
