/*
 * rate - so many in each window, strictly: in no stretch of time as long as the
 * window do more than max happen. Pure: time is given, in unix ms, since what
 * earlier processes did counts.
 *
 * What is about to happen is taken first, and holds its place until it is done;
 * done says whether it did happen, and when at the latest.
 */
#ifndef SCHED_RATE_H
#define SCHED_RATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
	uint32_t max; /* 0: no limit */
	uint64_t window_ms;
	int64_t *at; /* owned ring of max times, oldest at head */
	size_t head, n, taken;
};

void rate_init(struct rate *r, uint32_t max, uint64_t window_ms);
void rate_fini(struct rate *r);
/* It happened then; oldest first. Where the clock went back, it counts as now.
 */
void rate_add(struct rate *r, int64_t at_ms, int64_t now_ms);
/* So many may be taken now; SIZE_MAX: there is no limit. */
size_t rate_room(struct rate *r, int64_t now_ms);
void rate_take(struct rate *r);
void rate_done(struct rate *r, int64_t now_ms, bool happened);
/*
 * When the place for the one behind i others is free, if each goes as soon as
 * it may: now_ms or later. Nothing is taken.
 */
int64_t rate_turn_ms(struct rate *r, int64_t now_ms, size_t i);
#endif
