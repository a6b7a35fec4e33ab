#include "pace.h"
#include "limits.h"

void pace_init(struct pace *p, uint64_t now_ms, uint64_t moved)
{
	*p = (struct pace){
		.since_ms = now_ms,
		.moved_then = moved,
		.moved = moved,
		.moved_ms = now_ms,
		.seen_ms = now_ms,
	};
}

/* At 1 octet/s 2^64 ms are never reached; a peer could try at 2^54 octets. */
static uint64_t bought_ms(const struct pace *p)
{
	uint64_t octets = p->moved - p->moved_then;

	if (p->held.rate == 0)
		return 0;
	if (octets > UINT64_MAX / 2048)
		octets = UINT64_MAX / 2048;
	return octets * 1000 / p->held.rate;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t pace_deadline(struct pace *p, uint64_t now_ms, struct patience held,
		       uint64_t moved, bool stands)
{
	uint64_t quiet_ms;

	if (p->stands) {
		p->since_ms += now_ms - p->seen_ms;
		p->moved_ms += now_ms - p->seen_ms;
	}
	p->seen_ms = now_ms;
	p->stands = stands;
	if (held.serial != p->held.serial || held.ms == 0 || p->held.ms == 0) {
		p->since_ms = p->moved_ms = now_ms;
		p->moved_then = moved;
	} else if (moved != p->moved) {
		p->moved_ms = now_ms;
	}
	p->moved = moved;
	p->held = held;
	if (held.ms == 0 || stands)
		return PACE_NEVER;
	quiet_ms = held.ms > LIMIT_SESSION_QUIET_MS ? held.ms
						    : LIMIT_SESSION_QUIET_MS;
	return earlier(p->since_ms + held.ms + bought_ms(p),
		       p->moved_ms + quiet_ms);
}
