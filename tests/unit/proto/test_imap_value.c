/* imap_set, imap_copyuid, imap_value: what stands in commands and responses. */
#include "imap.h"
#include "imap_copyuid.h"
#include "imap_set.h"
#include "imap_value.h"
#include "text.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sets_name_exactly_what_is_given(void **state)
{
	static const uint32_t uids[] = { 1, 2, 3,	    5,
					 7, 8, 4294967294u, 4294967295u };
	char out[64], small[IMAP_SET_RANGE_OCTETS];
	struct view set;

	(void)state;
	assert_int_equal(imap_set(uids, 8, out, sizeof(out), &set), 8);
	assert_true(view_eq(set, VIEW_LIT("1:3,5,7:8,4294967294:4294967295")));
	assert_true(imap_set_ok(set));
	assert_int_equal(imap_set(uids, 8, small, sizeof(small), &set), 6);
	assert_true(view_eq(set, VIEW_LIT("1:3,5,7:8")));
	assert_int_equal(imap_set(uids + 6, 2, small, sizeof(small), &set), 2);
	assert_true(view_eq(set, VIEW_LIT("4294967294:4294967295")));
	assert_true(view_eq(imap_set_from(4294967295u, small),
			    VIEW_LIT("4294967295:*")));
	assert_false(imap_set_ok(VIEW_LIT("1 2")));
	assert_false(imap_set_ok(VIEW_NONE));
}

/* What a COPYUID says, as "from>to"; "!" behind it: malformed. */
static void pairs_of(const char *args, struct text *out)
{
	struct imap_copyuid c;
	uint32_t from, to;

	text_init(out, 1000);
	if (!imap_copyuid_begin(&c, view_of(args))) {
		text_puts(out, "!");
		return;
	}
	text_fmt(out, "%" PRIu32, c.uidvalidity);
	for (unsigned n = 0; n < 9 && imap_copyuid_next(&c, &from, &to); n++)
		text_fmt(out, " %" PRIu32 ">%" PRIu32, from, to);
}

static void copyuid_pairs_sets_of_any_shape(void **state)
{
	static const struct {
		const char *args, *pairs;
	} cases[] = {
		{ "38505 304,319:320 3956:3958",
		  "38505 304>3956 319>3957 320>3958" },
		{ "1 7:6 4,4294967295", "1 6>4 7>4294967295" },
		{ "1 5 9:12", "1 5>9" }, /* no partner for the others */
		{ "1 5:8 9", "1 5>9" },
		{ "1 1:4294967295 1:4294967295",
		  "1 1>1 2>2 3>3 4>4 5>5 6>6 7>7 8>8 9>9" },
		{ "1 4294967295:4294967294,3 1:3",
		  "1 4294967294>1 4294967295>2 3>3" },
		{ "1 5,,6 7:8", "1 5>7" },
		{ "1 5:* 7:8", "1" },
		{ "1 0 7", "1" },
		{ "0 5 7", "!" },
		{ "1 5", "!" },
		{ "1 5 7 9", "!" },
		{ "", "!" },
	};
	struct text out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pairs_of(cases[i].args, &out);
		assert_string_equal(text_str(&out), cases[i].pairs);
		text_fini(&out);
	}
}

static void dates_become_unix_time(void **state)
{
	int64_t t = 0;

	(void)state;
	assert_true(
		imap_value_date(VIEW_LIT("17-Jul-1996 02:44:25 -0700"), &t));
	assert_int_equal(t, 837596665);
	assert_true(
		imap_value_date(VIEW_LIT(" 1-Jan-1970 00:00:00 +0000"), &t));
	assert_int_equal(t, 0);
	assert_true(imap_value_date(VIEW_LIT("1-Jan-1970 00:00:00 +0000"), &t));
	assert_int_equal(t, 0);
	assert_true(
		imap_value_date(VIEW_LIT("29-FEB-2024 23:59:60 +0530"), &t));
	assert_int_equal(t, 1709231400);
	assert_true(
		imap_value_date(VIEW_LIT("31-Dec-1969 23:59:59 +0000"), &t));
	assert_int_equal(t, -1);
	t = 7;
	assert_false(
		imap_value_date(VIEW_LIT("17-Jux-1996 02:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT(" 0-Jan-1996 02:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT("17-Jan-1996 24:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT("17-Jan-1996 02:44:25 0700"), &t));
	assert_false(imap_value_date(VIEW_NONE, &t));
	assert_int_equal(t, 7);
}

static void refusals_have_classes(void **state)
{
	(void)state;
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_NONE),
			 ERR_AUTH);
	assert_int_equal(
		imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_UNAVAILABLE),
		ERR_RETRY);
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_INUSE),
			 ERR_RETRY);
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_BAD, IMAP_CODE_NONE),
			 ERR_PROTOCOL);
	assert_int_equal(imap_refusal(IMAP_SELECT, IMAP_NO, IMAP_CODE_NONE),
			 ERR_REFUSED);
	assert_int_equal(
		imap_refusal(IMAP_NO_COMMAND, IMAP_BYE, IMAP_CODE_NONE),
		ERR_RETRY);
	assert_int_equal(
		imap_refusal(IMAP_NO_COMMAND, IMAP_BYE, IMAP_CODE_EXPIRED),
		ERR_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_name_exactly_what_is_given),
		cmocka_unit_test(copyuid_pairs_sets_of_any_shape),
		cmocka_unit_test(dates_become_unix_time),
		cmocka_unit_test(refusals_have_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
