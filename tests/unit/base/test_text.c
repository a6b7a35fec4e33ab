/* text, view, err: what peers say is made harmless before it is shown. */
#include "err.h"
#include "text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void expect_printable(struct view in, size_t cap, const char *want)
{
	char out[64];

	printable(out, cap, in);
	assert_string_equal(out, want);
}

static void controls_and_bidi_are_escaped(void **state)
{
	(void)state;
	expect_printable(VIEW_LIT("ok \xc3\xa9"), 64, "ok \xc3\xa9");
	expect_printable(VIEW_LIT("\x1b[31m\r\n"), 64, "\\x1B[31m\\x0D\\x0A");
	expect_printable(VIEW_LIT("\xe2\x80\xae"), 64, "\\xE2\\x80\\xAE");
	expect_printable(VIEW_LIT("\xc2\x9b"), 64, "\\xC2\\x9B");
	expect_printable(VIEW_LIT("\xc0\xaf\xff"), 64, "\\xC0\\xAF\\xFF");
	expect_printable(VIEW_LIT("a\0b"), 64, "a\\x00b");
	expect_printable(VIEW_LIT("a\\x41"), 64, "a\\\\x41");
}

static void long_words_are_cut(void **state)
{
	(void)state;
	expect_printable(VIEW_LIT("0123456789"), 11, "0123456789");
	expect_printable(VIEW_LIT("0123456789"), 10, "012345...");
	expect_printable(VIEW_LIT("01234\x01xxxx"), 10, "01234...");
}

/* What is cut: as many whole characters as fit before the dots. */
static void wherever_it_is_cut(void **state)
{
	static const char in[] =
		"plain\nand\\\xc3\xa9 plain \x9b\x01 once more";
	char whole[256], want[256], head[256];

	(void)state;
	printable(whole, sizeof(whole), view_of(in));
	for (size_t cap = 8; cap <= strlen(whole) + 2; cap++) {
		strcpy(want, whole);
		for (size_t i = sizeof(in) - 1;
		     strlen(whole) >= cap && i + 1 > 0; i--) {
			printable(head, sizeof(head), (struct view){ in, i });
			/* half of a character is shown as two octets */
			if (strlen(head) + 4 > cap ||
			    strncmp(whole, head, strlen(head)) != 0)
				continue;
			(void)snprintf(want, sizeof(want), "%.200s...", head);
			break;
		}
		expect_printable(view_of(in), cap, want);
	}
}

static void what_does_not_fit_leaves_no_trace(void **state)
{
	struct text t;
	char line[80];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	text_init(&t, 100);
	assert_true(text_fmt(&t, "%d", 7));
	assert_true(text_fmt(&t, "%s", line)); /* needs more memory */
	assert_false(text_fmt(&t, "%s", line));
	assert_int_equal(t.n, 80);
	assert_int_equal(strlen(text_str(&t)), 80);
	text_fini(&t);
}

static void hexadecimal_digits(void **state)
{
	char out[7];

	(void)state;
	text_hex(out, (const uint8_t *)"\x00\x9a\xff", 3);
	assert_string_equal(out, "009aff");
}

static void text_keeps_its_maximum(void **state)
{
	struct text t;

	(void)state;
	text_init(&t, 5);
	assert_true(text_puts(&t, "abc"));
	assert_false(text_puts(&t, "def"));
	assert_true(text_fmt(&t, "%d", 12));
	assert_false(text_fmt(&t, "%d", 1));
	assert_string_equal(text_str(&t), "abc12");
	text_fini(&t);
}

static void numbers_are_whole_and_bounded(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_true(view_number(VIEW_LIT("4294967295"), UINT32_MAX, &n));
	assert_int_equal(n, UINT32_MAX);
	assert_false(view_number(VIEW_LIT("4294967296"), UINT32_MAX, &n));
	assert_false(
		view_number(VIEW_LIT("99999999999999999999"), UINT64_MAX, &n));
	assert_false(view_number(VIEW_LIT("1 "), 9, &n));
	assert_false(view_number(VIEW_LIT("-1"), 9, &n));
	assert_false(view_number(VIEW_LIT(""), 9, &n));
}

static void errors_speak_in_two_voices(void **state)
{
	struct err e;
	char line[200];

	(void)state;
	assert_false(err_set(&e, ERR_AUTH, "sign-in refused"));
	err_peer(&e, VIEW_LIT("535 no\r\nway"));
	err_remedy(&e, "mailhaul passwd %s", "gmx");
	err_line(&e, line, sizeof(line));
	assert_string_equal(line, "sign-in refused: 535 no\\x0D\\x0Away: "
				  "mailhaul passwd gmx");
	assert_int_equal(err_exit(e.class), 77);
	err_peer(&e, VIEW_LIT("Authentication failed."));
	err_line(&e, line, sizeof(line));
	assert_string_equal(line, "sign-in refused: Authentication failed: "
				  "mailhaul passwd gmx");
	err_errno(&e, ENOSPC, "writing");
	assert_int_equal(err_exit(e.class), 74);
	assert_int_equal(err_worse(75, 77), 77);
	assert_int_equal(err_worse(78, 77), 78);
	assert_int_equal(err_worse(0, 75), 75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_and_bidi_are_escaped),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(wherever_it_is_cut),
		cmocka_unit_test(text_keeps_its_maximum),
		cmocka_unit_test(what_does_not_fit_leaves_no_trace),
		cmocka_unit_test(hexadecimal_digits),
		cmocka_unit_test(numbers_are_whole_and_bounded),
		cmocka_unit_test(errors_speak_in_two_voices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
