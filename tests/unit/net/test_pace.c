/* pace: how long a peer may go on as it does, with a clock of our own. */
#include "limits.h"
#include "pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_silent_peer_has_its_milliseconds(void **state)
{
	struct patience held = { .serial = 1, .ms = 1000 };
	struct pace p;

	(void)state;
	pace_init(&p, 5000, 0);
	assert_int_equal(pace_deadline(&p, 5000, held, 0, false), 6000);
	assert_int_equal(pace_deadline(&p, 5900, held, 0, false), 6000);
	/* Without a rate octets buy nothing. */
	assert_int_equal(pace_deadline(&p, 5900, held, 99999, false), 6000);
}

static void a_new_serial_begins_anew(void **state)
{
	struct patience held = { .serial = 1, .ms = 1000 };
	struct pace p;

	(void)state;
	pace_init(&p, 0, 0);
	(void)pace_deadline(&p, 0, held, 0, false);
	held.serial = 2;
	held.ms = 60000;
	assert_int_equal(pace_deadline(&p, 900, held, 0, false), 60900);
	assert_int_equal(pace_deadline(&p, 901, held, 0, false), 60900);
}

static void octets_buy_time_at_the_rate_and_drops_buy_none(void **state)
{
	struct patience held = { .serial = 1, .ms = 1000, .rate = 500 };
	struct pace p;

	(void)state;
	pace_init(&p, 0, 700); /* what moved before counts for nothing */
	assert_int_equal(pace_deadline(&p, 0, held, 700, false), 1000);
	assert_int_equal(pace_deadline(&p, 10, held, 1200, false), 2000);
	/* An octet each second gains 2 ms each: the end comes. */
	for (uint64_t s = 1; s <= 2; s++)
		assert_int_equal(
			pace_deadline(&p, s * 1000, held, 1200 + s, false),
			2000 + 2 * s);
}

static void a_fortune_in_octets_does_not_buy_days(void **state)
{
	struct patience held = { .serial = 1, .ms = 1000, .rate = 500 };
	struct pace p;

	(void)state;
	pace_init(&p, 0, 0);
	(void)pace_deadline(&p, 0, held, 0, false);
	assert_int_equal(pace_deadline(&p, 70, held, UINT64_MAX / 2, false),
			 70 + LIMIT_SESSION_QUIET_MS);
	assert_int_equal(pace_deadline(&p, 90, held, UINT64_MAX / 2, false),
			 70 + LIMIT_SESSION_QUIET_MS);
	/* A longer patience than that is meant (IDLE). */
	held.ms = LIMIT_SESSION_QUIET_MS + 5;
	assert_int_equal(pace_deadline(&p, 90, held, UINT64_MAX / 2, false),
			 75 + LIMIT_SESSION_QUIET_MS);
}

static void time_in_which_we_pause_does_not_count(void **state)
{
	struct patience held = { .serial = 1, .ms = 1000 };
	struct pace p;

	(void)state;
	pace_init(&p, 0, 0);
	assert_int_equal(pace_deadline(&p, 0, held, 0, false), 1000);
	assert_true(pace_deadline(&p, 400, held, 0, true) == PACE_NEVER);
	assert_true(pace_deadline(&p, 9000, held, 0, true) == PACE_NEVER);
	assert_int_equal(pace_deadline(&p, 10400, held, 0, false), 11000);
}

static void nothing_expected_means_no_limit_and_no_credit(void **state)
{
	struct patience none = { .serial = 1 };
	struct patience held = { .serial = 1, .ms = 100, .rate = 1 };
	struct pace p;

	(void)state;
	pace_init(&p, 0, 0);
	assert_true(pace_deadline(&p, 0, none, 0, false) == PACE_NEVER);
	assert_true(pace_deadline(&p, 99999, none, 500, false) == PACE_NEVER);
	assert_int_equal(pace_deadline(&p, 99999, held, 500, false), 100099);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_peer_has_its_milliseconds),
		cmocka_unit_test(a_new_serial_begins_anew),
		cmocka_unit_test(
			octets_buy_time_at_the_rate_and_drops_buy_none),
		cmocka_unit_test(a_fortune_in_octets_does_not_buy_days),
		cmocka_unit_test(time_in_which_we_pause_does_not_count),
		cmocka_unit_test(nothing_expected_means_no_limit_and_no_credit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
