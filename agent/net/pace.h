/*
 * pace - until when a peer may go on as it does (pure; see patience.h).
 *
 * While the serial of the patience stays the same the peer has ms milliseconds
 * plus one second for each `rate` octets moved; but however much it moved
 * before, not more than LIMIT_SESSION_QUIET_MS (or ms, if that is longer)
 * without moving anything. Time that stands still is not counted.
 */
#ifndef NET_PACE_H
#define NET_PACE_H
#include "patience.h"

#include <stdbool.h>

#define PACE_NEVER UINT64_MAX

struct pace {
	struct patience held;
	uint64_t since_ms;   /* when the serial changed */
	uint64_t moved_then; /* octets, at that time */
	uint64_t moved, moved_ms;
	uint64_t seen_ms;
	bool stands; /* still, since seen_ms */
};

/* Starts anew, with whatever patience comes next. */
void pace_init(struct pace *p, uint64_t now_ms, uint64_t moved);
/*
 * moved: octets so far, never less than before. stands: from now on, until a
 * call says otherwise, time does not count. Returns when the peer's time is
 * over if nothing else happens, PACE_NEVER for no limit.
 */
uint64_t pace_deadline(struct pace *p, uint64_t now_ms, struct patience held,
		       uint64_t moved, bool stands);
#endif
