/*
 * ratespec - how a rate is written: 30/m, so many in each second (s), minute
 * (m), hour (h) or day (d).
 */
#ifndef CONFIG_RATESPEC_H
#define CONFIG_RATESPEC_H
#include "view.h"

#define RATESPEC_MAX 100000u /* in one window: so many times are remembered */

/* false: v is none; outputs untouched. *n: 1 to RATESPEC_MAX. */
bool ratespec_read(struct view v, uint64_t *n, uint64_t *window_ms);
#endif
