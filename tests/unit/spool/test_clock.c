#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW  1790000000000ll
#define HOUR CLOCK_HOUR_MS
#define DAY  CLOCK_DAY_MS

static bool back;

static int64_t look(struct clock_mark *c, int64_t now)
{
	(void)clock_look(c, now, &back);
	return clock_believed(c, now);
}

static void a_clock_that_goes_on_is_believed(void **state)
{
	struct clock_mark c = { 0 };
	int64_t now = NOW;

	(void)state;
	for (int i = 0; i < 400; i++, now += 35 * HOUR) {
		assert_int_equal(look(&c, now), now);
		assert_false(back);
	}
}

static void a_leap_ahead_counts_after_a_day(void **state)
{
	struct clock_mark c = { 0 };
	int64_t then = NOW + 3650 * DAY;

	(void)state;
	(void)look(&c, NOW);
	assert_int_equal(look(&c, then), NOW);
	assert_int_equal(look(&c, then + HOUR), NOW + HOUR);
	assert_int_equal(look(&c, then + 23 * HOUR), NOW + 23 * HOUR);
	assert_int_equal(look(&c, then + DAY), then + DAY);
}

static void set_right_again_it_never_happened(void **state)
{
	struct clock_mark c = { 0 };

	(void)state;
	(void)look(&c, NOW);
	assert_int_equal(look(&c, NOW + 3650 * DAY), NOW);
	assert_int_equal(look(&c, NOW + HOUR), NOW + HOUR);
	assert_true(back);
	assert_int_equal(look(&c, NOW + 30 * HOUR), NOW + 30 * HOUR);
}

static void back_a_year_is_taken_as_it_is(void **state)
{
	struct clock_mark c = { 0 };

	(void)state;
	(void)look(&c, NOW + 365 * DAY);
	assert_int_equal(look(&c, NOW), NOW);
	assert_true(back);
	assert_int_equal(look(&c, NOW + DAY / 2), NOW + DAY / 2);
	assert_false(back);
}

static void ten_minutes_a_week_are_enough(void **state)
{
	struct clock_mark c = { 0 };
	int64_t now = NOW;

	(void)state;
	(void)look(&c, now);
	for (int week = 1; week < 10; week++) {
		now += 7 * DAY;
		/* a week behind, never more */
		assert_true(look(&c, now) >= now - 7 * DAY - HOUR);
	}
}

static void a_clock_that_is_not_set_says_nothing(void **state)
{
	struct clock_mark c = { 0 };

	(void)state;
	assert_false(clock_look(&c, 60000, &back));
	assert_int_equal(c.at, 0);
	(void)look(&c, NOW);
	assert_false(clock_look(&c, 60000, &back));
	assert_false(back);
	assert_int_equal(look(&c, NOW + HOUR), NOW + HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_goes_on_is_believed),
		cmocka_unit_test(a_leap_ahead_counts_after_a_day),
		cmocka_unit_test(set_right_again_it_never_happened),
		cmocka_unit_test(back_a_year_is_taken_as_it_is),
		cmocka_unit_test(ten_minutes_a_week_are_enough),
		cmocka_unit_test(a_clock_that_is_not_set_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
