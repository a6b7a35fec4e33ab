/*
 * throttle - refusals that mean "slow down", by their words.
 *
 * Few servers say it by a code ([LIMIT] of RFC 5530, [LOGIN-DELAY] of RFC
 * 2449); the large providers say it in a sentence, often to a sign-in, where
 * it must not be taken for a refused password (CASES C9). The sentences are
 * those of public logs, see throttle.c. Pure.
 */
#ifndef PROTO_THROTTLE_H
#define PROTO_THROTTLE_H
#include "err.h"

/* Where the server does not say for how long. */
#define THROTTLE_WAIT_MS UINT64_C(900000)
/* A longer wait is not taken from a server. */
#define THROTTLE_MOST_MS UINT64_C(86400000)

/*
 * words: of a refusal, without its status. true: it means "slow down";
 * *wait_ms is how long it asks to stay away, or THROTTLE_WAIT_MS.
 */
bool throttle_said(struct view words, uint64_t *wait_ms);
/*
 * Makes e, whose what is set, such a refusal: ERR_RETRY, with the wait and what
 * to do. wait_ms 0: THROTTLE_WAIT_MS.
 */
void throttle_err(struct err *e, uint64_t wait_ms);
/* In minutes, rounded up, for words. */
unsigned throttle_minutes(uint64_t wait_ms);
#endif
