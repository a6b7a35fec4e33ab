#include "solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int told;

static void count(void *who)
{
	(void)who;
	told++;
}

static void a_suspect_waits_until_nothing_is_out(void **state)
{
	struct solo s = { 0 };

	(void)state;
	solo_begin(&s, 3, false);
	assert_false(solo_may(&s, true));
	assert_true(solo_may(&s, false));
	solo_end(&s, 2);
	assert_false(solo_may(&s, true));
	solo_end(&s, 1);
	assert_true(solo_may(&s, true));
}

static void nothing_begins_beside_it(void **state)
{
	struct solo s = { .changed = count };

	(void)state;
	told = 0;
	solo_begin(&s, 1, true);
	assert_false(solo_may(&s, false));
	assert_false(solo_may(&s, true));
	solo_end(&s, 0);
	assert_false(solo_may(&s, false));
	assert_int_equal(told, 0);
	solo_end(&s, 1);
	assert_int_equal(told, 1);
	assert_true(solo_may(&s, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_suspect_waits_until_nothing_is_out),
		cmocka_unit_test(nothing_begins_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
