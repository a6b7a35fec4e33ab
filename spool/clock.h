/*
 * clock - how far the clock of the machine is believed, where mail is deleted,
 * and history forgotten, for its age. Pure.
 *
 * A clock that leaps ahead makes everything look old. Nothing here can tell a
 * wrong clock from a machine that was off for three weeks, so a leap is
 * believed a day after it: until then only the time that was seen to pass
 * counts. Times are unix ms.
 */
#ifndef SPOOL_CLOCK_H
#define SPOOL_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_HOUR_MS ((int64_t)3600000)
#define CLOCK_DAY_MS  (24 * CLOCK_HOUR_MS)
/* 2026-01-01: before this program was. A clock that says less is not set. */
#define CLOCK_LEAST_MS ((int64_t)1767225600000)

struct clock_mark {
	int64_t at;    /* what the clock said when it was looked at; 0: never */
	int64_t leapt; /* ... behind the last leap; 0: none */
	int64_t before; /* ... before it, as far as it was believed */
};

bool clock_is_set(int64_t now_ms);
/* The clock is looked at. true: the mark changed enough to be kept. *back: it
 * was set back since. */
bool clock_look(struct clock_mark *c, int64_t now_ms, bool *back);
/* The time that ages are counted to; never later than now. */
int64_t clock_believed(const struct clock_mark *c, int64_t now_ms);
#endif
