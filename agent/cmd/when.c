#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define MS_S   UINT64_C(1000)
#define MS_MIN (60 * MS_S)
#define MS_H   (60 * MS_MIN)
#define MS_D   (24 * MS_H)

bool when_span(struct view v, uint64_t *ms)
{
	static const struct {
		char letter;
		uint64_t ms;
	} unit[] = { { 's', MS_S },
		     { 'm', MS_MIN },
		     { 'h', MS_H },
		     { 'd', MS_D },
		     { 'w', 7 * MS_D } };
	uint64_t n;

	for (size_t i = 0; v.n && i < sizeof(unit) / sizeof(*unit); i++) {
		if (v.p[v.n - 1] != unit[i].letter)
			continue;
		if (!view_number(view_head(v, v.n - 1),
				 1000 * 366 * MS_D / unit[i].ms, &n))
			return false;
		*ms = n * unit[i].ms;
		return true;
	}
	return false;
}

/* Exactly n digits at v.p + at. */
static bool digits(struct view v, size_t at, size_t n, int max, int *out)
{
	uint64_t got;

	if (v.n < at + n ||
	    !view_number((struct view){ v.p + at, n }, (uint64_t)max, &got))
		return false;
	*out = (int)got;
	return true;
}

static bool clock_time(struct view v, struct tm *tm)
{
	if (v.n != 5 && v.n != 8)
		return false;
	if (v.p[2] != ':' || !digits(v, 0, 2, 23, &tm->tm_hour) ||
	    !digits(v, 3, 2, 59, &tm->tm_min))
		return false;
	return v.n == 5 || (v.p[5] == ':' && digits(v, 6, 2, 60, &tm->tm_sec));
}

static bool date(struct view v, int64_t *unix_ms)
{
	struct tm tm = { .tm_isdst = -1 }, kept;
	bool utc = v.n > 10 && v.p[v.n - 1] == 'Z';
	time_t t;

	if (utc)
		v.n--;
	if (v.n < 10 || v.p[4] != '-' || v.p[7] != '-' ||
	    !digits(v, 0, 4, 9999, &tm.tm_year) ||
	    !digits(v, 5, 2, 12, &tm.tm_mon) ||
	    !digits(v, 8, 2, 31, &tm.tm_mday) || tm.tm_year < 1970 ||
	    !tm.tm_mon || !tm.tm_mday)
		return false;
	if (v.n > 10 && v.p[10] != ' ' && v.p[10] != 'T')
		return false;
	if (v.n > 10 && !clock_time(view_skip(v, 11), &tm))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	kept = tm;
	t = utc ? timegm(&tm) : mktime(&tm);
	/* the 31st of a month with 30 days is no date */
	if (tm.tm_mon != kept.tm_mon)
		return false;
	*unix_ms = (int64_t)t * 1000;
	return true;
}

bool when_point(struct view v, int64_t now_unix_ms, int64_t *unix_ms)
{
	uint64_t ms;

	if (!when_span(v, &ms))
		return date(v, unix_ms);
	*unix_ms = now_unix_ms - (int64_t)ms;
	return true;
}

void when_rfc3339(int64_t unix_ms, char out[WHEN_TEXT])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	if (!strftime(out, WHEN_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = 0;
}

void when_local(int64_t unix_ms, char out[WHEN_TEXT])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	localtime_r(&t, &tm);
	if (!strftime(out, WHEN_TEXT, "%Y-%m-%d %H:%M:%S", &tm))
		out[0] = 0;
}

void when_span_text(uint64_t ms, char out[WHEN_TEXT])
{
	if (ms < MS_MIN)
		(void)snprintf(out, WHEN_TEXT, "%" PRIu64 " s", ms / MS_S);
	else if (ms < MS_H)
		(void)snprintf(out, WHEN_TEXT, "%" PRIu64 " min", ms / MS_MIN);
	else if (ms < 2 * MS_D)
		(void)snprintf(out, WHEN_TEXT,
			       "%" PRIu64 " h %02" PRIu64 " min", ms / MS_H,
			       ms % MS_H / MS_MIN);
	else
		(void)snprintf(out, WHEN_TEXT, "%" PRIu64 " days", ms / MS_D);
}

void when_relative(int64_t unix_ms, int64_t now_unix_ms, char out[WHEN_TEXT])
{
	int64_t away = unix_ms - now_unix_ms;
	char span[WHEN_TEXT];

	if (unix_ms == 0) {
		(void)snprintf(out, WHEN_TEXT, "never");
		return;
	}
	if (away > -1000 && away < 1000) {
		(void)snprintf(out, WHEN_TEXT, "now");
		return;
	}
	when_span_text((uint64_t)(away < 0 ? -away : away), span);
	if (away < 0)
		(void)snprintf(out, WHEN_TEXT, "%.26s ago", span);
	else
		(void)snprintf(out, WHEN_TEXT, "in %.26s", span);
}
