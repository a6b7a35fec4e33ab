/* rate: never more than so many in any window, whatever the order of events. */
#include "rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define T0     1700000000000
#define MINUTE 60000

static void none_is_no_limit(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 0, 0);
	for (int i = 0; i < 1000; i++)
		rate_take(&r);
	assert_true(rate_room(&r, T0) == SIZE_MAX);
	rate_done(&r, T0, true);
	assert_true(rate_room(&r, T0) == SIZE_MAX);
	rate_fini(&r);
}

static void what_is_under_way_holds_its_place(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 2, MINUTE);
	rate_take(&r);
	rate_take(&r);
	assert_int_equal(rate_room(&r, T0 + 10 * MINUTE), 0);
	/* counted from its end, not from its beginning */
	rate_done(&r, T0 + 10 * MINUTE, true);
	assert_int_equal(rate_room(&r, T0 + 11 * MINUTE - 1), 0);
	rate_done(&r, T0 + 10 * MINUTE, false);
	assert_int_equal(rate_room(&r, T0 + 11 * MINUTE - 1), 1);
	assert_int_equal(rate_room(&r, T0 + 11 * MINUTE), 2);
	rate_fini(&r);
}

static void earlier_processes_count(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 3, MINUTE);
	for (int i = 0; i < 5; i++) /* the limit was higher then */
		rate_add(&r, T0 + i, T0 + 5);
	assert_int_equal(rate_room(&r, T0 + 5), 0);
	assert_int_equal(rate_room(&r, T0 + MINUTE + 2), 1);
	assert_int_equal(rate_room(&r, T0 + MINUTE + 4), 3);
	rate_fini(&r);
}

static void a_clock_that_went_back_frees_in_a_window(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 1, MINUTE);
	rate_add(&r, T0 + 1000 * MINUTE, T0);
	assert_int_equal(rate_room(&r, T0 + MINUTE - 1), 0);
	assert_int_equal(rate_room(&r, T0 + MINUTE), 1);
	rate_take(&r);
	rate_done(&r, T0 + 1000 * MINUTE, true);
	assert_int_equal(rate_room(&r, T0), 0);
	assert_int_equal(rate_room(&r, T0 + MINUTE), 1);
	rate_fini(&r);
}

static void turns_come_in_order(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 3, MINUTE);
	rate_add(&r, T0, T0);
	rate_add(&r, T0 + 7, T0 + 7);
	assert_int_equal(rate_turn_ms(&r, T0 + 10, 0), T0 + 10);
	assert_int_equal(rate_turn_ms(&r, T0 + 10, 1), T0 + MINUTE);
	assert_int_equal(rate_turn_ms(&r, T0 + 10, 2), T0 + 7 + MINUTE);
	assert_int_equal(rate_turn_ms(&r, T0 + 10, 3), T0 + 10 + MINUTE);
	assert_int_equal(rate_turn_ms(&r, T0 + 10, 4), T0 + 2 * MINUTE);
	rate_fini(&r);
}

/* 20,000 events in odd order; every end is checked against all of a window. */
static void never_more_than_so_many(void **state)
{
	enum {
		MAX = 7,
		WINDOW = 1000,
		EVENTS = 20000
	};
	int64_t *ends = calloc(EVENTS, sizeof(*ends)), now = T0;
	size_t n = 0, first = 0, under_way = 0;
	uint32_t random = 1;
	struct rate r;

	(void)state;
	rate_init(&r, MAX, WINDOW);
	while (n < EVENTS) {
		random = random * 1664525u + 1013904223u;
		now += (random >> 16) % 97;
		if (rate_room(&r, now) && (random >> 8) % 3) {
			rate_take(&r);
			under_way++;
		} else if (under_way) {
			bool happened = (random >> 9) % 5 != 0;

			rate_done(&r, now, happened);
			under_way--;
			if (happened)
				ends[n++] = now;
		}
		while (n && now - ends[first] >= WINDOW && first + 1 < n)
			first++;
		if (n)
			assert_true(n - first <= MAX);
	}
	rate_fini(&r);
	free(ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_no_limit),
		cmocka_unit_test(what_is_under_way_holds_its_place),
		cmocka_unit_test(earlier_processes_count),
		cmocka_unit_test(a_clock_that_went_back_frees_in_a_window),
		cmocka_unit_test(turns_come_in_order),
		cmocka_unit_test(never_more_than_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
