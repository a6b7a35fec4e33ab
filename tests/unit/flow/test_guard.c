/* guard: what is taken or deleted in bulk, and when a person is asked. */
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY_MS 86400000ll

static void a_large_first_mailbox_is_asked_about(void **state)
{
	(void)state;
	assert_int_equal(guard_take(CONFIG_FIRST_ASK, true, 500, 500, false),
			 GUARD_TAKE);
	assert_int_equal(guard_take(CONFIG_FIRST_ASK, true, 501, 501, false),
			 GUARD_ASK);
	assert_int_equal(guard_take(CONFIG_FIRST_ASK, true, 501, 501, true),
			 GUARD_TAKE);
	assert_int_equal(guard_take(CONFIG_FIRST_ALL, true, 9999, 9999, false),
			 GUARD_TAKE);
	assert_int_equal(guard_take(CONFIG_FIRST_NEW, true, 3, 3, false),
			 GUARD_ADOPT);
	assert_int_equal(guard_take(CONFIG_FIRST_AGE, true, 3, 3, false),
			 GUARD_AGE);
}

static void first_run_is_for_the_first_time_only(void **state)
{
	(void)state;
	assert_int_equal(guard_take(CONFIG_FIRST_NEW, false, 3, 30, false),
			 GUARD_TAKE);
	assert_int_equal(guard_take(CONFIG_FIRST_AGE, false, 3, 30, false),
			 GUARD_TAKE);
}

static void a_sudden_crowd_is_asked_about(void **state)
{
	(void)state;
	assert_int_equal(guard_take(CONFIG_FIRST_ALL, false, 501, 2504, false),
			 GUARD_ASK);
	assert_int_equal(guard_take(CONFIG_FIRST_ALL, false, 501, 2505, false),
			 GUARD_TAKE);
	assert_int_equal(guard_take(CONFIG_FIRST_ALL, false, 500, 500, false),
			 GUARD_TAKE);
}

static void new_names_for_old_mail_are_looked_at(void **state)
{
	(void)state;
	assert_true(guard_suspicious(false, 30, 30, 30));
	assert_false(guard_suspicious(false, 5, 30, 30));
	assert_false(guard_suspicious(true, 30, 30, 0));
	assert_false(guard_suspicious(false, 100, 1000, 900));
}

static void nothing_is_deleted_before_its_time(void **state)
{
	int64_t keep = 14 * DAY_MS;

	(void)state;
	assert_false(guard_due(-1, 1, 1000 * DAY_MS));
	assert_true(guard_due(0, 21000, 21000 * DAY_MS));
	assert_false(guard_due(keep, 21000, 21014 * DAY_MS));
	assert_true(guard_due(keep, 21000, 21015 * DAY_MS));
	/* by a clock that was not set */
	assert_false(guard_due(keep, 100, 21015 * DAY_MS));
}

static void a_shortened_keep_does_not_delete_hundreds(void **state)
{
	(void)state;
	assert_true(guard_mass_delete(-1, 0, 101));
	assert_false(guard_mass_delete(-1, 0, 100));
	assert_true(guard_mass_delete(14 * DAY_MS, DAY_MS, 101));
	assert_false(guard_mass_delete(DAY_MS, DAY_MS, 5000));
	assert_false(guard_mass_delete(0, DAY_MS, 5000));
	assert_false(guard_mass_delete(0, -1, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_first_mailbox_is_asked_about),
		cmocka_unit_test(first_run_is_for_the_first_time_only),
		cmocka_unit_test(a_sudden_crowd_is_asked_about),
		cmocka_unit_test(new_names_for_old_mail_are_looked_at),
		cmocka_unit_test(nothing_is_deleted_before_its_time),
		cmocka_unit_test(a_shortened_keep_does_not_delete_hundreds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
