/* pattern: which folders a pattern means, and which of several counts. */
#include "pattern.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool takes(const char *pattern, const char *name, char delimiter)
{
	const struct config_mailbox m = { .name = view_of(name),
					  .delimiter = delimiter };

	return pattern_matches(view_of(pattern), &m);
}

static void wildcards(void **state)
{
	static const struct {
		const char *pattern, *name;
		char delimiter;
		bool takes;
	} cases[] = {
		{ "*", "INBOX", '/', true },
		{ "*", "a/b/c", '/', true },
		{ "%", "a", '/', true },
		{ "%", "a/b", '/', false },
		{ "%", "a/b", 0, true }, /* flat: % is as * */
		{ "%", "a/b", '.', true },
		{ "Forms/*", "Forms/a/b", '/', true },
		{ "Forms/*", "Forms", '/', false },
		{ "Forms/*", "Forms.a", '.', false }, /* not translated */
		{ "Forms/%", "Forms/a", '/', true },
		{ "Forms/%", "Forms/a/b", '/', false },
		{ "*/b%", "a/b/bc", '/', true },
		{ "%/%/c", "a/b/c", '/', true },
		{ "%/%/c", "a/c", '/', false },
		{ "%b%c*d", "abbc/xd", '/', true },
		{ "%b%c*d", "ab/bc/xd", '/', false },
		{ "*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", '/', false },
		{ "a**b", "ab", '/', true },
		{ "", "", '/', true },
		{ "a", "A", '/', false },
		{ "Gel\xc3\xb6scht", "Gel\xc3\xb6scht", '/', true },
		{ "a*", "a\\b", '\\', true },
		{ "a%", "a\\b", '\\', false },
		/* a wildcard of the server's is an octet like any other here */
		{ "a", "*", '/', false },
		{ "a*b", "a*b", '/', true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (takes(cases[i].pattern, cases[i].name,
			  cases[i].delimiter) != cases[i].takes)
			fail_msg("%s on %s", cases[i].pattern, cases[i].name);
}

/* RFC 3501 5.1 */
static void inbox_has_no_case(void **state)
{
	(void)state;
	assert_true(takes("inbox", "INBOX", '/'));
	assert_true(takes("INBOX", "Inbox", 0));
	assert_true(takes("Inbox/*", "INBOX/a", '/'));
	assert_false(takes("Inbox/*", "INBOX/a", '.'));
	assert_false(takes("inbox/A", "INBOX/a", '/'));
	assert_false(takes("inboxes", "INBOXES", '/'));
	assert_false(takes("*/inbox", "a/INBOX", '/'));
}

static void special_uses(void **state)
{
	const struct config_mailbox m = { .name = VIEW_LIT("special:Junk"),
					  .uses = CONFIG_USE_TRASH };

	(void)state;
	assert_true(pattern_matches(VIEW_LIT("special:trash"), &m));
	assert_true(pattern_matches(VIEW_LIT("!special:Trash"), &m));
	assert_false(pattern_matches(VIEW_LIT("special:Junk"), &m));
	assert_int_equal(pattern_use(VIEW_LIT("special:Junky")), 0);
	assert_int_equal(pattern_use(VIEW_LIT("Junk")), 0);
	assert_true(pattern_is_plain(VIEW_LIT("Junk")));
	assert_false(pattern_is_plain(VIEW_LIT("special:Junk")));
	assert_false(pattern_is_plain(VIEW_LIT("!Junk")));
	assert_false(pattern_is_plain(VIEW_LIT("J%")));
}

static const struct config_folder *meant(const struct config_account *a,
					 const char *name, unsigned uses)
{
	const struct config_mailbox m = { .name = view_of(name),
					  .delimiter = '/',
					  .uses = uses };

	return config_folder_for(a, &m);
}

static void the_first_match_counts(void **state)
{
	char *folders[] = { (char *)"INBOX", (char *)"!*/Old", (char *)"F*" };
	struct config_folder blocks[] = {
		{ .pattern = (char *)"Forms/*" },
		{ .pattern = (char *)"special:Junk" },
		{ .pattern = (char *)"Forms/Special" },
	};
	const struct config_account a = { .folders = { folders, 3 },
					  .blocks = blocks,
					  .n_blocks = 3 };
	struct text lines;
	const struct config_mailbox old = { .name = VIEW_LIT("Forms/Old"),
					    .delimiter = '/' },
				    special = { .name = VIEW_LIT("S"),
						.uses = CONFIG_USE_JUNK };

	(void)state;
	assert_ptr_equal(meant(&a, "inbox", 0), &a.own);
	assert_ptr_equal(meant(&a, "Forms/a", 0), &blocks[0]);
	assert_ptr_equal(meant(&a, "Forms/Special", 0), &blocks[0]);
	assert_ptr_equal(meant(&a, "F", 0), &a.own);
	assert_ptr_equal(meant(&a, "S", CONFIG_USE_JUNK), &blocks[1]);
	assert_null(meant(&a, "S", CONFIG_USE_SENT));
	assert_null(meant(&a, "Forms/Old", 0)); /* left out of blocks, too */
	assert_string_equal(config_folder_pattern(&a, 0), "INBOX");
	assert_string_equal(config_folder_pattern(&a, 1), "F*");
	assert_string_equal(config_folder_pattern(&a, 4), "Forms/Special");
	assert_null(config_folder_pattern(&a, 5));

	text_init(&lines, 1000);
	pattern_lines(&a, &lines);
	assert_true(pattern_lines_take(text_view(&lines), &special));
	assert_false(pattern_lines_take(text_view(&lines), &old));
	assert_false(pattern_lines_take(VIEW_NONE, &special));
	text_fini(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),
		cmocka_unit_test(inbox_has_no_case),
		cmocka_unit_test(special_uses),
		cmocka_unit_test(the_first_match_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
