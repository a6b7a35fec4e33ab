/* The live lines: what they say, and that they never wrap. */
#include "progress.h"
#include "term.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the headers that it needs */
#include <cmocka.h>

static struct config_account gmx = { .name = (char *)"gmx" };

static void expect_line(const struct pass_account *a, uint64_t now,
			size_t columns, const char *want)
{
	struct text out;

	text_init(&out, 4096);
	progress_line(a, now, 5, columns, &out);
	assert_string_equal(text_str(&out), want);
	text_fini(&out);
}

static void each_phase_has_its_words(void **state)
{
	struct pass_account a = { .config = &gmx };

	(void)state;
	expect_line(&a, 0, 79, "gmx    waiting");
	a.phase = PASS_SIGNIN;
	expect_line(&a, 0, 79, "gmx    signing in");
	a.phase = PASS_LISTING;
	expect_line(&a, 0, 79, "gmx    looking");
}

static void fetching_tells_rate_and_time_left(void **state)
{
	struct pass_account a = { .config = &gmx,
				  .phase = PASS_FETCHING,
				  .wanted = 4711,
				  .wanted_octets = 120000000,
				  .fetched = 120,
				  .octets = 12000000,
				  .delivered = 100,
				  .started_ms = 1000 };

	(void)state;
	expect_line(&a, 11000, 200,
		    "gmx    120 of 4,711  12.0 MB of 120 MB  1.2 MB/s  1 min "
		    "left  100 delivered");
}

static void nothing_known_gives_no_rate(void **state)
{
	struct pass_account a = { .config = &gmx,
				  .phase = PASS_FETCHING,
				  .wanted = 2,
				  .wanted_octets = 100,
				  .started_ms = 1000 };

	(void)state;
	/* also where the clock of the account is ahead of the loop's */
	expect_line(&a, 0, 79, "gmx    0 of 2  0 B of 100 B");
	/* more came than was announced: no time left is claimed */
	a.octets = 5000;
	a.fetched = a.delivered = 2;
	expect_line(&a, 11000, 79, "gmx    2 of 2  5.0 kB of 100 B  500 B/s");
}

static void a_line_never_exceeds_the_screen(void **state)
{
	struct config_account wide = {
		.name = (char *)"\xE6\x94\xB6\xE4\xBB\xB6\xE7\xAE\xB1"
	};
	struct pass_account a = { .config = &wide,
				  .phase = PASS_FETCHING,
				  .wanted = 4711,
				  .wanted_octets = 120000000,
				  .fetched = 120,
				  .octets = 12000000,
				  .started_ms = 1000 };
	struct text out;

	(void)state;
	text_init(&out, 4096);
	for (size_t columns = 0; columns < 90; columns++) {
		text_clear(&out);
		progress_line(&a, 11000, 5, columns, &out);
		assert_true(term_width(text_view(&out)) <= columns);
		text_clear(&out);
		progress_total(&a, 1, 11000, columns, &out);
		assert_true(term_width(text_view(&out)) <= columns);
	}
	text_fini(&out);
}

static void the_line_for_all_adds_up(void **state)
{
	struct pass_account a[3] = {
		{ .config = &gmx,
		  .phase = PASS_DONE,
		  .fetched = 1000,
		  .octets = 4000000,
		  .started_ms = 1000 },
		{ .config = &gmx,
		  .phase = PASS_FETCHING,
		  .fetched = 234,
		  .octets = 1000000,
		  .started_ms = 2000 },
		{ .config = &gmx },
	};
	struct text out;

	(void)state;
	text_init(&out, 4096);
	progress_total(a, 3, 6000, 200, &out);
	assert_string_equal(text_str(&out), "1 of 3 accounts done  1,234 "
					    "messages  5.0 MB  1.0 MB/s");
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_phase_has_its_words),
		cmocka_unit_test(fetching_tells_rate_and_time_left),
		cmocka_unit_test(nothing_known_gives_no_rate),
		cmocka_unit_test(a_line_never_exceeds_the_screen),
		cmocka_unit_test(the_line_for_all_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
