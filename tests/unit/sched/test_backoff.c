/* backoff: refused logins slow to hours, everything else to one (CASES C9). */
#include "backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR 3600000u

static void doubles_up_to_the_longest(void **state)
{
	(void)state;
	for (uint32_t random = 0; random < 5000; random += 7) {
		uint64_t ms = backoff_ms(3, 1000, 60000, random);

		assert_in_range(ms, 3600, 4400);
		ms = backoff_ms(100, 1000, 60000, random);
		assert_in_range(ms, 54000, 66000);
	}
	assert_in_range(backoff_ms(0, 1000, 60000, 500), 900, 1100);
}

static void what_failed_together_is_spread(void **state)
{
	(void)state;
	assert_int_not_equal(backoff_ms(1, 60000, 60000, 0),
			     backoff_ms(1, 60000, 60000, 1000));
}

static void a_refused_login_waits_hours(void **state)
{
	(void)state;
	assert_true(backoff_account_ms(ERR_AUTH, 1, 0, 0) >= HOUR * 9 / 10);
	assert_true(backoff_account_ms(ERR_AUTH, 9, 0, 0) >=
		    20 * (uint64_t)HOUR);
	assert_true(backoff_account_ms(ERR_TRUST, 1, 0, 0) >= HOUR * 9 / 10);
	assert_true(backoff_account_ms(ERR_NETWORK, 50, 0, 1000) <=
		    HOUR * 11 / 10);
	assert_true(backoff_account_ms(ERR_RETRY, 1, 0, 1000) < HOUR / 10);
}

/* "Suggested Backoff Time", or what stands for one that was not told */
static void never_before_the_server_said(void **state)
{
	(void)state;
	for (uint32_t random = 0; random < 5000; random += 7) {
		uint64_t five = 300000, day = 24 * (uint64_t)HOUR;

		assert_in_range(backoff_account_ms(ERR_RETRY, 1, five, random),
				five, five * 11 / 10);
		assert_in_range(backoff_account_ms(ERR_RETRY, 2, five, random),
				2 * five * 9 / 10, 2 * five * 11 / 10);
		assert_in_range(backoff_account_ms(ERR_RETRY, 99, five, random),
				HOUR * 9 / 10, HOUR * 11 / 10);
		assert_in_range(backoff_account_ms(ERR_RETRY, 9, day, random),
				day, day * 11 / 10);
		/* the server's patience does not shorten ours */
		assert_true(backoff_account_ms(ERR_AUTH, 1, 1, random) >=
			    HOUR * 9 / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_the_longest),
		cmocka_unit_test(what_failed_together_is_spread),
		cmocka_unit_test(a_refused_login_waits_hours),
		cmocka_unit_test(never_before_the_server_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
