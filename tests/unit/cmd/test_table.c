/* Width on the screen, and columns as wide as their widest cell. */
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the headers that it needs */
#include <cmocka.h>

static void width_counts_columns_not_octets(void **state)
{
	(void)state;
	assert_int_equal(term_width(VIEW_LIT("abc")), 3);
	assert_int_equal(term_width(VIEW_LIT("J\xC3\xBCrgen")), 6);
	assert_int_equal(term_width(VIEW_LIT("\xE6\x94\xB6\xE4\xBB\xB6")), 4);
	assert_int_equal(term_width(VIEW_LIT("e\xCC\x81")), 1);
	assert_int_equal(term_width(VIEW_LIT("\xF0\x9F\x93\xA7")), 2);
	assert_int_equal(term_width(VIEW_LIT("\xED\x95\x9C")), 2);
	/* no UTF-8: one column an octet, and never past the end */
	assert_int_equal(term_width(VIEW_LIT("\xFF\xC3")), 2);
	assert_int_equal(term_width(VIEW_LIT("\xE6\x94")), 2);
	assert_int_equal(term_width(VIEW_LIT("")), 0);
}

static void cutting_never_splits_a_character(void **state)
{
	struct view v = VIEW_LIT("a\xE6\x94\xB6\xE4\xBB\xB6");

	(void)state;
	assert_int_equal(term_cut(v, 0).n, 0);
	assert_int_equal(term_cut(v, 1).n, 1);
	assert_int_equal(term_cut(v, 2).n, 1);
	assert_int_equal(term_cut(v, 3).n, 4);
	assert_int_equal(term_cut(v, 99).n, v.n);
}

static void octets_are_for_people(void **state)
{
	static const struct {
		uint64_t octets;
		const char *text;
	} row[] = { { 0, "0 B" },
		    { 999, "999 B" },
		    { 1000, "1.0 kB" },
		    { 20480, "20.5 kB" },
		    { 123456, "123 kB" },
		    { 999949, "1.0 MB" },
		    { 4200000, "4.2 MB" },
		    { 3000000000, "3.0 GB" },
		    { UINT64_MAX, "18447 PB" } };
	char out[TERM_OCTETS], number[TERM_NUMBER];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		term_octets(row[i].octets, out);
		assert_string_equal(out, row[i].text);
	}
	term_number(0, number);
	assert_string_equal(number, "0");
	term_number(999, number);
	assert_string_equal(number, "999");
	term_number(1234567, number);
	assert_string_equal(number, "1,234,567");
	term_number(UINT64_MAX, number);
	assert_string_equal(number, "18,446,744,073,709,551,615");
}

static void columns_line_up_over_wide_characters(void **state)
{
	struct table t;
	struct text out;

	(void)state;
	table_init(&t, 3, 1u << 1);
	table_add(&t, "NAME", TERM_PLAIN);
	table_add(&t, "N", TERM_PLAIN);
	table_add(&t, "STATE", TERM_PLAIN);
	table_add(&t, "\xE6\x94\xB6\xE4\xBB\xB6\xE7\xAE\xB1", TERM_PLAIN);
	table_add(&t, "12", TERM_PLAIN);
	table_add(&t, "ok", TERM_PLAIN);
	table_add(&t, "\xC3\xBC", TERM_PLAIN);
	table_add(&t, "1,000", TERM_PLAIN);
	table_add(&t, NULL, TERM_PLAIN);
	text_init(&out, 4096);
	table_write(&t, 0, false, &out);
	assert_string_equal(text_str(&out),
			    "NAME        N  STATE\n"
			    "\xE6\x94\xB6\xE4\xBB\xB6\xE7\xAE\xB1     12  ok\n"
			    "\xC3\xBC       1,000\n");
	text_fini(&out);
	table_fini(&t);
}

static void the_last_column_is_cut_at_the_screen(void **state)
{
	struct table t;
	struct text out;

	(void)state;
	table_init(&t, 2, 0);
	table_add(&t, "gmx", TERM_PLAIN);
	table_add(&t, "a long line of words", TERM_PLAIN);
	text_init(&out, 4096);
	table_write(&t, 15, false, &out);
	assert_string_equal(text_str(&out), "gmx  a long lin\n");
	text_fini(&out);
	table_fini(&t);
}

static void colour_changes_no_width(void **state)
{
	struct table t;
	struct text out;

	(void)state;
	table_init(&t, 2, 0);
	table_add(&t, "ok", TERM_GOOD);
	table_add(&t, "x", TERM_PLAIN);
	table_add(&t, "failing", TERM_BAD);
	table_add(&t, "y", TERM_PLAIN);
	text_init(&out, 4096);
	table_write(&t, 80, true, &out);
	assert_string_equal(text_str(&out), "\033[32mok\033[0m       x\n"
					    "\033[31mfailing\033[0m  y\n");
	text_clear(&out);
	table_write(&t, 80, false, &out);
	assert_string_equal(text_str(&out), "ok       x\nfailing  y\n");
	text_fini(&out);
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns_not_octets),
		cmocka_unit_test(cutting_never_splits_a_character),
		cmocka_unit_test(octets_are_for_people),
		cmocka_unit_test(columns_line_up_over_wide_characters),
		cmocka_unit_test(the_last_column_is_cut_at_the_screen),
		cmocka_unit_test(colour_changes_no_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
