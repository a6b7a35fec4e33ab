#include "clock.h"

/* So long nobody may have looked, from cron, without its being a leap. */
#define GAP_MS (36 * CLOCK_HOUR_MS)

bool clock_is_set(int64_t now_ms)
{
	return now_ms >= CLOCK_LEAST_MS;
}

int64_t clock_believed(const struct clock_mark *c, int64_t now_ms)
{
	int64_t passed = now_ms - c->leapt;

	if (!c->leapt || passed < 0 || passed >= CLOCK_DAY_MS ||
	    c->before + passed > now_ms)
		return now_ms;
	return c->before + passed;
}

bool clock_look(struct clock_mark *c, int64_t now_ms, bool *back)
{
	bool ahead = now_ms > c->at + GAP_MS;
	int64_t believed;

	*back = false;
	if (!clock_is_set(now_ms))
		return false;
	if (!c->at) {
		c->at = now_ms;
		return true;
	}
	*back = now_ms < c->at - CLOCK_HOUR_MS;
	if (!ahead && !*back && now_ms <= c->at + CLOCK_HOUR_MS)
		return false;
	/* whoever comes once a week believes the leap before this one */
	believed = now_ms >= c->leapt + CLOCK_DAY_MS ? c->at
						     : clock_believed(c, c->at);
	if (*back && now_ms >= believed && now_ms <= believed + GAP_MS) {
		c->leapt = c->before = 0; /* set right again */
	} else if (ahead || *back) {
		c->before = believed;
		c->leapt = now_ms;
	}
	c->at = now_ms;
	return true;
}
