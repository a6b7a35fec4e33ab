#include "breadth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void as_many_as_the_messages_fill(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	assert_int_equal(breadth_wanted(&b, 8, 0), 0);
	assert_int_equal(breadth_wanted(&b, 8, 1), 1);
	assert_int_equal(breadth_wanted(&b, 8, 8), 1);
	assert_int_equal(breadth_wanted(&b, 8, 9), 2);
	assert_int_equal(breadth_wanted(&b, 8, 40), 5);
}

static void one_at_a_time_takes_one_for_each(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	assert_int_equal(breadth_wanted(&b, 1, 3), 3);
	assert_int_equal(breadth_wanted(&b, 1, 1000), 1000);
}

static void windows_need_no_more_than_eight(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	assert_int_equal(breadth_wanted(&b, 8, 64), 8);
	assert_int_equal(breadth_wanted(&b, 8, 5000), 8);
}

static void a_line_that_is_long_takes_more(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	breadth_note_trip(&b, 50);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 125);
	breadth_note_trip(&b, 60);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 125);
	breadth_note_trip(&b, 1); /* the others were busy */
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
	breadth_note_trip(&b, 50);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
}

static void a_slow_disk_of_ours_takes_more(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		breadth_note_own(&b, 5);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
	for (int i = 0; i < 20; i++)
		breadth_note_own(&b, 25);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 125);
	assert_int_equal(breadth_wanted(&b, 8, 16), 2);
}

static void a_server_that_thinks_is_asked_by_many(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		breadth_note(&b, 15);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
	for (int i = 0; i < 20; i++)
		breadth_note(&b, 400);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 1000);
	assert_int_equal(breadth_wanted(&b, 8, 16), 16);
	for (int i = 0; i < 20; i++)
		breadth_note(&b, 15);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
}

static void one_hiccup_is_not_thinking(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	breadth_note(&b, 300);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 8);
	breadth_note(&b, UINT64_MAX);
	assert_int_equal(breadth_wanted(&b, 8, 1000), 1000);
}

static void took(struct breadth *b, unsigned n, bool more)
{
	while (--n)
		assert_false(breadth_took(b));
	assert_int_equal(breadth_took(b), more);
}

static void g15_one_at_a_time_and_slowly_more(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	took(&b, 1000, false);
	assert_int_equal(breadth_most(&b, 4), 4);
	breadth_narrow(&b, 1);
	assert_int_equal(breadth_most(&b, 4), 1);
	took(&b, 20, true);
	assert_int_equal(breadth_most(&b, 4), 2);
	took(&b, 20, true);
	took(&b, 20, true);
	assert_int_equal(breadth_most(&b, 4), 4);
	took(&b, 20, true);
	assert_int_equal(breadth_most(&b, 4), 4);
}

static void g15_refused_again_it_takes_twice_as_long(void **state)
{
	struct breadth b = { 0 };

	(void)state;
	breadth_narrow(&b, 0);
	breadth_narrow(&b, 1); /* the rest of the window says so too */
	took(&b, 20, true);
	breadth_narrow(&b, 1);
	took(&b, 40, true);
	breadth_narrow(&b, 3); /* a fourth was refused */
	assert_int_equal(breadth_most(&b, 16), 3);
	took(&b, 80, true);
	assert_int_equal(breadth_most(&b, 16), 4);
	for (int i = 0; i < 40; i++) {
		breadth_narrow(&b, 1);
		(void)breadth_took(&b);
	}
	breadth_narrow(&b, 1);
	took(&b, 2560, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_as_the_messages_fill),
		cmocka_unit_test(one_at_a_time_takes_one_for_each),
		cmocka_unit_test(windows_need_no_more_than_eight),
		cmocka_unit_test(a_line_that_is_long_takes_more),
		cmocka_unit_test(a_slow_disk_of_ours_takes_more),
		cmocka_unit_test(a_server_that_thinks_is_asked_by_many),
		cmocka_unit_test(one_hiccup_is_not_thinking),
		cmocka_unit_test(g15_one_at_a_time_and_slowly_more),
		cmocka_unit_test(g15_refused_again_it_takes_twice_as_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
