/*
 * when - points in time and spans as people write and read them.
 *
 * Written: a span such as `90s 5m 2h 3d 2w` (one number, one letter), or a date
 * `2026-11-22`, `2026-11-22 14:30[:05]` (T instead of the space will do) in
 * local time, with a `Z` behind it in UTC. Shown to programs: RFC 3339 UTC.
 */
#ifndef CMD_WHEN_H
#define CMD_WHEN_H
#include "view.h"

#define WHEN_TEXT 32u

/* false: no span; *ms untouched. At most 1000 years. */
bool when_span(struct view v, uint64_t *ms);
/* A span means so long before now. false: neither; *unix_ms untouched. */
bool when_point(struct view v, int64_t now_unix_ms, int64_t *unix_ms);
/* "2026-11-22T13:30:05Z" */
void when_rfc3339(int64_t unix_ms, char out[WHEN_TEXT]);
/* "2026-11-22 14:30:05", local time */
void when_local(int64_t unix_ms, char out[WHEN_TEXT]);
/* "5 s", "12 min", "3 h 05 min", "4 days" */
void when_span_text(uint64_t ms, char out[WHEN_TEXT]);
/* "never" for 0, "12 min ago", "in 5 min", "now" */
void when_relative(int64_t unix_ms, int64_t now_unix_ms, char out[WHEN_TEXT]);
#endif
