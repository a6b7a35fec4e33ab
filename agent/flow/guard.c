#include "guard.h"
#include "clock.h"
#include "limits.h"

#define DAY_MS 86400000

/* Fewer than these are not worth a look at their headers. */
#define SUSPICIOUS_LEAST 20u

static bool is_crowd(uint64_t fresh, uint64_t listed)
{
	return fresh > LIMIT_ASK_MESSAGES && fresh > listed / 5;
}

enum guard_take guard_take(enum config_first_run first_run, bool first,
			   uint64_t fresh, uint64_t listed, bool yes)
{
	if (!first)
		return is_crowd(fresh, listed) && !yes ? GUARD_ASK : GUARD_TAKE;
	switch (first_run) {
	case CONFIG_FIRST_ALL:
		return GUARD_TAKE;
	case CONFIG_FIRST_NEW:
		return GUARD_ADOPT;
	case CONFIG_FIRST_AGE:
		return GUARD_AGE;
	case CONFIG_FIRST_ASK:
		break;
	}
	return fresh > LIMIT_ASK_MESSAGES && !yes ? GUARD_ASK : GUARD_TAKE;
}

bool guard_suspicious(bool first, uint64_t fresh, uint64_t listed,
		      uint64_t known)
{
	return !first && known && fresh >= SUSPICIOUS_LEAST &&
	       fresh > listed / 5;
}

int64_t guard_keep_ms(const struct config_folder *f)
{
	switch (f->keep) {
	case CONFIG_KEEP_YES:
		return -1;
	case CONFIG_KEEP_NO:
		return 0;
	case CONFIG_KEEP_AFTER:
		break;
	}
	return (int64_t)f->keep_after_ms;
}

bool guard_due(int64_t keep_ms, uint16_t day, int64_t now_ms)
{
	if (keep_ms < 0)
		return false;
	/* a day is known only as a whole: never earlier than written */
	if (keep_ms == 0)
		return true;
	/* by a clock that was not set: how old it is, is unknown */
	if (!clock_is_set((int64_t)day * DAY_MS))
		return false;
	return now_ms >= ((int64_t)day + 1) * DAY_MS + keep_ms;
}

bool guard_mass_delete(int64_t was_ms, int64_t keep_ms, uint64_t due)
{
	bool shorter = keep_ms >= 0 && (was_ms < 0 || keep_ms < was_ms);

	return shorter && due > LIMIT_MASS_DELETE;
}
