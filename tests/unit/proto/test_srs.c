/* srs: against what postsrsd makes, and with senders that fit no rule. */
#include "srs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOON 1577836860 /* 2020-01-01 00:01:00 UTC */

static struct secret secret;

static bool forward(const char *sender, int64_t at, struct text *out)
{
	text_clear(out);
	return srs_forward(view_of(sender), VIEW_LIT("example.com"), &secret,
			   at, out);
}

/* The first is of postsrsd's own tests (tests/unit/test_srs2.c there). */
static void what_postsrsd_makes(void **state)
{
	struct text out;

	(void)state;
	text_init(&out, 1000);
	assert_true(forward("test@otherdomain.com", NOON, &out));
	assert_string_equal(text_str(&out),
			    "SRS0=vmyz=2W=otherdomain.com=test@example.com");
	assert_true(forward("test@example.com", NOON, &out));
	assert_string_equal(text_str(&out), "test@example.com");
	assert_true(forward("test@EXAMPLE.com", NOON, &out));
	assert_string_equal(text_str(&out), "test@EXAMPLE.com");
	text_fini(&out);
}

static void case_does_not_change_the_hash(void **state)
{
	struct text out;

	(void)state;
	text_init(&out, 1000);
	assert_true(forward("Test@OtherDomain.com", NOON, &out));
	assert_string_equal(text_str(&out),
			    "SRS0=vmyz=2W=OtherDomain.com=Test@example.com");
	text_fini(&out);
}

static void the_day_moves_on(void **state)
{
	struct text one, two;

	(void)state;
	text_init(&one, 1000);
	text_init(&two, 1000);
	assert_true(forward("a@b.test", NOON, &one));
	assert_true(forward("a@b.test", NOON + 86400, &two));
	assert_string_not_equal(text_str(&one), text_str(&two));
	assert_true(forward("a@b.test", NOON + (int64_t)86400 * 1024, &two));
	assert_string_equal(text_str(&one), text_str(&two));
	text_fini(&one);
	text_fini(&two);
}

/* A chain grows no longer: it leads back to the first who rewrote. */
static void what_was_rewritten_is_not_nested(void **state)
{
	struct text once, twice;
	struct view v;

	(void)state;
	text_init(&once, 1000);
	text_init(&twice, 1000);
	assert_true(forward("SRS0=abcd=2W=a.test=joe@first.test", NOON, &once));
	v = text_view(&once);
	assert_true(view_istarts(v, VIEW_LIT("SRS1=")));
	assert_non_null(strstr(text_str(&once),
			       "=first.test==abcd=2W=a.test=joe@example.com"));
	assert_true(forward("SRS1=wxyz=first.test==abcd=2W=a.test=joe@second."
			    "test",
			    NOON, &twice));
	assert_string_equal(text_str(&once), text_str(&twice));
	text_fini(&once);
	text_fini(&twice);
}

static void what_does_not_fit_is_refused(void **state)
{
	static const char *const bad[] = { "", "joe", "joe@", "a b@c.test",
					   "SRS1=@d.test>" };
	char longest[330] = "";
	struct text out;

	(void)state;
	text_init(&out, 1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(forward(bad[i], NOON, &out));
		assert_int_equal(out.n, 0);
	}
	memset(longest, 'a', 64);
	longest[64] = '@';
	for (size_t i = 65; i < 315; i++)
		longest[i] = i % 50 ? 'b' : '.';
	assert_false(forward(longest, NOON, &out));
	/* damaged marks are a local part like any other */
	assert_true(forward("SRS1=x@d.test", NOON, &out));
	assert_true(forward("SRS0@d.test", NOON, &out));
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_postsrsd_makes),
		cmocka_unit_test(case_does_not_change_the_hash),
		cmocka_unit_test(the_day_moves_on),
		cmocka_unit_test(what_was_rewritten_is_not_nested),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};
	int failed;

	secret_set(&secret, VIEW_LIT("tops3cr3t"));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_fini(&secret);
	return failed;
}
