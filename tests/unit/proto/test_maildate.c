/* maildate: what first_run = AGE goes by on POP3. */
#include "maildate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *text, int64_t want)
{
	int64_t got = -1;

	assert_true(maildate_parse(view_of(text), &got));
	assert_int_equal(got, want);
}

static void dates_of_the_rfc_are_read(void **state)
{
	(void)state;
	expect("Fri, 21 Nov 1997 09:55:06 -0600", 880127706);
	expect("21 Nov 1997 09:55:06 -0600", 880127706);
	expect("Thu, 1 Jan 1970 00:00:00 +0000", 0);
	expect("21 Nov 97 09:55:06 GMT", 880106106);
	expect(
	    "Thu,\r\n\t13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland)",
	    -27723480);
	expect("Sun, 22 Nov 2026 01:02:03 +0100 (CET)", 1795305723);
	expect("1 Mar 2000 00:00:00 EST", 951886800);
}

static void nonsense_is_unreadable(void **state)
{
	int64_t got = 7;

	(void)state;
	assert_false(maildate_parse(VIEW_LIT(""), &got));
	assert_false(maildate_parse(VIEW_LIT("yesterday"), &got));
	assert_false(maildate_parse(VIEW_LIT("99 Nov 2026 01:02:03"), &got));
	assert_false(maildate_parse(VIEW_LIT("9 Foo 2026 01:02:03"), &got));
	assert_false(maildate_parse(VIEW_LIT("9 Nov 2026 25:02:03"), &got));
	assert_false(maildate_parse(VIEW_LIT("((((((("), &got));
	assert_int_equal(got, 7);
}

static void received_ends_in_its_date(void **state)
{
	int64_t got;

	(void)state;
	assert_true(maildate_received(
	    VIEW_LIT("from a (b; c) by d; Thu, 1 Jan 1970 00:00:09 +0000"),
	    &got));
	assert_int_equal(got, 9);
	assert_false(maildate_received(VIEW_LIT("from a by b"), &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_the_rfc_are_read),
		cmocka_unit_test(nonsense_is_unreadable),
		cmocka_unit_test(received_ends_in_its_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
