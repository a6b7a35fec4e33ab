/* trouble: an error is told when it begins, changes, and once a day. */
#include "trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR 3600000ll
#define T0   1800000000000ll

static void a_refused_login_is_told_at_once_and_daily(void **state)
{
	struct spool_trouble t = { 0 };
	struct err e;

	(void)state;
	err_set(&e, ERR_AUTH, "sign-in refused");
	assert_true(trouble_note(&t, &e, T0));
	assert_false(trouble_note(&t, &e, T0 + HOUR));
	assert_false(trouble_note(&t, &e, T0 + 23 * HOUR));
	assert_true(trouble_note(&t, &e, T0 + 24 * HOUR));
	assert_int_equal(t.count, 4);
	assert_int_equal(t.since_ms, T0);
	err_set(&e, ERR_AUTH, "mailbox locked");
	assert_true(trouble_note(&t, &e, T0 + 25 * HOUR));
}

static void a_network_error_is_told_after_an_hour(void **state)
{
	struct spool_trouble t = { 0 };
	struct err e;

	(void)state;
	err_set(&e, ERR_NETWORK, "no answer");
	assert_false(trouble_note(&t, &e, T0));
	err_set(&e, ERR_NETWORK, "connection refused");
	assert_false(trouble_note(&t, &e, T0 + HOUR / 2));
	assert_true(trouble_note(&t, &e, T0 + HOUR));
	assert_false(trouble_note(&t, &e, T0 + 2 * HOUR));
}

static void times_in_a_servers_words_are_no_change(void **state)
{
	struct spool_trouble t = { 0 };
	struct err e;

	(void)state;
	err_set(&e, ERR_REFUSED, "folder cannot be opened");
	err_peer(&e, VIEW_LIT("no such mailbox (0.001 + 0.000 secs)"));
	assert_true(trouble_note(&t, &e, T0));
	err_peer(&e, VIEW_LIT("no such mailbox (0.023 + 0.100 secs)"));
	assert_false(trouble_note(&t, &e, T0 + HOUR));
	err_peer(&e, VIEW_LIT("permission denied (0.001 + 0.000 secs)"));
	assert_true(trouble_note(&t, &e, T0 + HOUR));
}

static void a_program_that_hangs_is_told_at_once(void **state)
{
	struct spool_trouble t = { .class = ERR_NONE };
	struct err err = { .class = ERR_RETRY };

	(void)state;
	assert_false(trouble_note(&t, &err, 1));
	(void)err_set(&err, ERR_RETRY, "it did not end within 30 s");
	err.origin = ERR_FROM_ERRNO;
	assert_true(trouble_note(&t, &err, 2));
	assert_false(trouble_note(&t, &err, 3));
}

static void what_was_noted_is_told_again(void **state)
{
	struct spool_trouble t = { .class = ERR_NONE };
	struct err err = { .class = ERR_NONE }, again = { .class = ERR_NONE };

	(void)state;
	(void)err_set(&err, ERR_AUTH, "sign-in refused");
	(void)err_peer(&err, VIEW_LIT("NO: [AUTH] not: you"));
	(void)err_remedy(&err, "correct it");
	(void)trouble_note(&t, &err, 1);
	trouble_err(&t, &again);
	assert_int_equal(again.class, ERR_AUTH);
	assert_string_equal(again.what, err.what);
	assert_string_equal(again.peer, err.peer);
	assert_string_equal(again.remedy, err.remedy);
	(void)err_set(&err, ERR_STATE, "nobody answered");
	(void)trouble_note(&t, &err, 2);
	trouble_err(&t, &again);
	assert_string_equal(again.what, "nobody answered");
	assert_string_equal(again.peer, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_login_is_told_at_once_and_daily),
		cmocka_unit_test(a_network_error_is_told_after_an_hour),
		cmocka_unit_test(times_in_a_servers_words_are_no_change),
		cmocka_unit_test(a_program_that_hangs_is_told_at_once),
		cmocka_unit_test(what_was_noted_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
