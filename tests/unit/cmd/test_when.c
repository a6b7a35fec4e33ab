/* Spans, dates, and how they are shown. */
#include "when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
/* after the headers that it needs */
#include <cmocka.h>

static void spans_have_one_number_and_one_letter(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = { { "90s", 90000 },
		     { "5m", 300000 },
		     { "2h", 7200000 },
		     { "3d", 259200000 },
		     { "2w", 1209600000 },
		     { "0s", 0 },
		     { "366000d", 366000ull * 86400000 } };
	static const char *const bad[] = {
		"",	"3",	"d",  "3 d",	 "-3d",
		"3d4h", "3.5h", "3D", "366001d", "99999999999999999999s"
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(when_span(view_of(good[i].text), &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ms = 7;
		assert_false(when_span(view_of(bad[i]), &ms));
		assert_int_equal(ms, 7);
	}
}

static void dates_are_local_unless_they_say_z(void **state)
{
	int64_t at;

	(void)state;
	assert_true(when_point(VIEW_LIT("1970-01-02"), 0, &at));
	assert_int_equal(at, 86400000 - 2 * 3600000);
	assert_true(when_point(VIEW_LIT("1970-01-02 12:34"), 0, &at));
	assert_int_equal(at, 86400000 + (10 * 60 + 34) * 60000);
	assert_true(when_point(VIEW_LIT("2026-11-22T13:30:05Z"), 0, &at));
	assert_int_equal(at, 1795354205000);
}

static void a_span_is_before_now(void **state)
{
	int64_t at;

	(void)state;
	assert_true(when_point(VIEW_LIT("3d"), 1000000000, &at));
	assert_int_equal(at, 1000000000 - 259200000);
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const bad[] = { "2026-13-01",       "2026-02-30",
					   "2026-00-10",       "2026-1-1",
					   "2026-11-22 25:00", "2026-11-22 12",
					   "2026-11-22x12:00", "yesterday",
					   "1969-12-31",       "2026-11-22T",
					   "2026/11/22",       "2026-11-31" };
	int64_t at = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(when_point(view_of(bad[i]), 0, &at));
		assert_int_equal(at, 7);
	}
}

static void rfc3339_is_utc_and_reads_back(void **state)
{
	char out[WHEN_TEXT];
	int64_t at;

	(void)state;
	when_rfc3339(1795354205000, out);
	assert_string_equal(out, "2026-11-22T13:30:05Z");
	assert_true(when_point(view_of(out), 0, &at));
	assert_int_equal(at, 1795354205000);
	when_local(1795354205000, out);
	assert_string_equal(out, "2026-11-22 15:30:05");
}

static void shown(uint64_t ms, const char *expected)
{
	char out[WHEN_TEXT];

	when_span_text(ms, out);
	assert_string_equal(out, expected);
}

static void spans_are_short(void **state)
{
	char out[WHEN_TEXT];

	(void)state;
	shown(0, "0 s");
	shown(59999, "59 s");
	shown(60000, "1 min");
	shown(3 * 3600000 + 5 * 60000, "3 h 05 min");
	shown(4 * 86400000ull, "4 days");
	shown(UINT64_MAX, "213503982334 days");
	when_relative(0, 5000, out);
	assert_string_equal(out, "never");
	when_relative(1000000, 1000500, out);
	assert_string_equal(out, "now");
	when_relative(1000000, 1720000, out);
	assert_string_equal(out, "12 min ago");
	when_relative(1720000, 1000000, out);
	assert_string_equal(out, "in 12 min");
}

static int set_zone(void **state)
{
	(void)state;
	/* two hours east of UTC, without a time zone data base */
	setenv("TZ", "TST-2", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_have_one_number_and_one_letter),
		cmocka_unit_test(dates_are_local_unless_they_say_z),
		cmocka_unit_test(a_span_is_before_now),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(rfc3339_is_utc_and_reads_back),
		cmocka_unit_test(spans_are_short),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
