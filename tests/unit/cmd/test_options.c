/* The command line: before or after the command, joined, with values. */
#include "options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the four that it needs */
#include <cmocka.h>

#define ARGV(...)                                                              \
	(char *[])                                                             \
	{                                                                      \
		(char *)"mailhaul", __VA_ARGS__, NULL                          \
	}

static bool parse(struct options *o, char **argv, char *wrong)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	wrong[0] = 0;
	return options_parse(o, argc, argv, wrong);
}

static void options_stand_before_and_after_the_command(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_true(parse(&o,
			  ARGV("--config", "a.conf", "fetch", "gmx", "--json",
			       "-vn", "info", "--state=/s"),
			  wrong));
	assert_string_equal(o.command, "fetch");
	assert_int_equal(o.nwords, 2);
	assert_string_equal(o.words[0], "gmx");
	assert_string_equal(o.words[1], "info");
	assert_string_equal(o.value[OPTION_CONFIG], "a.conf");
	assert_string_equal(o.value[OPTION_STATE], "/s");
	assert_true(options_has(&o, OPTION_JSON));
	assert_true(options_has(&o, OPTION_DRY_RUN));
	assert_false(options_has(&o, OPTION_YES));
	assert_int_equal(o.verbosity, 1);
	options_fini(&o);
}

static void vv_is_two_v(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_true(parse(&o, ARGV("fetch", "-vv"), wrong));
	assert_int_equal(o.verbosity, 2);
	options_fini(&o);
	assert_true(parse(&o, ARGV("-v", "fetch", "-v", "-v"), wrong));
	assert_int_equal(o.verbosity, 2);
	options_fini(&o);
	assert_true(parse(&o, ARGV("-q", "fetch"), wrong));
	assert_int_equal(o.verbosity, -1);
	options_fini(&o);
}

static void nothing_at_all_is_no_command(void **state)
{
	char wrong[OPTIONS_WRONG];
	char *argv[] = { (char *)"mailhaul", NULL };
	struct options o;

	(void)state;
	assert_true(options_parse(&o, 1, argv, wrong));
	assert_null(o.command);
	options_fini(&o);
	assert_true(options_parse(&o, 0, argv + 1, wrong));
	assert_null(o.command);
	options_fini(&o);
}

static void two_dashes_end_the_options(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_true(parse(&o, ARGV("trace", "--", "--json", "-v"), wrong));
	assert_int_equal(o.nwords, 2);
	assert_string_equal(o.words[0], "--json");
	assert_false(options_has(&o, OPTION_JSON));
	options_fini(&o);
	assert_true(parse(&o, ARGV("trace", "-"), wrong));
	assert_string_equal(o.words[0], "-");
	options_fini(&o);
}

static void what_is_wrong_is_named(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_false(parse(&o, ARGV("fetch", "--jsn"), wrong));
	assert_non_null(strstr(wrong, "--jsn"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("fetch", "-vx"), wrong));
	assert_non_null(strstr(wrong, "-vx"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("fetch", "--config"), wrong));
	assert_non_null(strstr(wrong, "needs a value"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("fetch", "--json=1"), wrong));
	assert_non_null(strstr(wrong, "takes no value"));
	options_fini(&o);
}

static void what_was_probably_meant_is_named(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_false(parse(&o, ARGV("fetch", "--dry-rn"), wrong));
	assert_non_null(strstr(wrong, "did you mean --dry-run?"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("status", "--max-ge=24h"), wrong));
	assert_non_null(strstr(wrong, "did you mean --max-age?"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("fetch", "--quite-another"), wrong));
	assert_null(strstr(wrong, "did you mean"));
	options_fini(&o);
}

/* As of "$UNSET" in a script: queue drop --reason "" must not mean all. */
static void an_empty_value_is_none(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_false(parse(&o, ARGV("queue", "drop", "--reason", ""), wrong));
	assert_non_null(strstr(wrong, "needs a value"));
	options_fini(&o);
	assert_false(parse(&o, ARGV("--config=", "fetch"), wrong));
	assert_non_null(strstr(wrong, "needs a value"));
	options_fini(&o);
}

static void a_complaint_is_printable_and_bounded(void **state)
{
	char wrong[OPTIONS_WRONG], word[1000];
	struct options o;

	(void)state;
	memset(word, 'x', sizeof(word));
	memcpy(word, "--\033[31m", 7);
	word[sizeof(word) - 1] = 0;
	assert_false(parse(&o, ARGV("fetch", word), wrong));
	assert_null(strchr(wrong, '\033'));
	assert_true(strlen(wrong) < OPTIONS_WRONG);
	assert_non_null(strstr(wrong, "no such option"));
	options_fini(&o);
}

static void an_option_must_fit_its_command(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_true(parse(&o, ARGV("status", "--dry-run", "-v"), wrong));
	assert_false(options_fit(&o, OPTION_BIT(OPTION_JSON), 0, 0, wrong));
	assert_non_null(strstr(wrong, "--dry-run"));
	assert_true(options_fit(&o, OPTION_BIT(OPTION_DRY_RUN), 0, 0, wrong));
	options_fini(&o);
}

static void words_are_counted(void **state)
{
	char wrong[OPTIONS_WRONG];
	struct options o;

	(void)state;
	assert_true(parse(&o, ARGV("passwd"), wrong));
	assert_false(options_fit(&o, 0, 1, 1, wrong));
	options_fini(&o);
	assert_true(parse(&o, ARGV("passwd", "a", "b"), wrong));
	assert_false(options_fit(&o, 0, 1, 1, wrong));
	assert_non_null(strstr(wrong, "b"));
	options_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_after_the_command),
		cmocka_unit_test(vv_is_two_v),
		cmocka_unit_test(nothing_at_all_is_no_command),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_was_probably_meant_is_named),
		cmocka_unit_test(an_empty_value_is_none),
		cmocka_unit_test(a_complaint_is_printable_and_bounded),
		cmocka_unit_test(an_option_must_fit_its_command),
		cmocka_unit_test(words_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
