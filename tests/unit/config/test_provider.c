/*
 * The built-in providers: that every entry is well formed. Whether its facts
 * are right only their sources can say; that each names some is seen here.
 */
#include "provider.h"
#include "serverurl.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EACH(p)                                                                \
	const struct provider *p;                                              \
	for (size_t i_ = 0; (p = provider_at(i_)); i_++)

static bool is_lower(const char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			return false;
	return true;
}

static void names_are_lower_case_unique_and_sorted(void **state)
{
	const char *before = "";

	(void)state;
	EACH(p)
	{
		assert_true(is_lower(p->name));
		assert_true(value_is_name(view_of(p->name)));
		assert_true(strcmp(before, p->name) < 0);
		before = p->name;
		assert_ptr_equal(provider_find(view_of(p->name)), p);
		for (const char *const *a = p->aliases; a && *a; a++) {
			assert_true(is_lower(*a));
			assert_true(value_is_name(view_of(*a)));
			assert_ptr_equal(provider_find(view_of(*a)), p);
		}
	}
	assert_true(provider_at(0) != NULL);
	assert_null(provider_find(view_of("gmial")));
}

static void domains_belong_to_one(void **state)
{
	(void)state;
	EACH(p)
	for (const char *const *d = p->domains; d && *d; d++) {
		assert_true(is_lower(*d));
		assert_non_null(strchr(*d, '.'));
		assert_ptr_equal(provider_of_domain(view_of(*d)), p);
	}
	assert_ptr_equal(provider_of_domain(view_of("QQ.com")),
			 provider_find(view_of("qq")));
	assert_null(provider_of_domain(view_of("example.org")));
}

static void check_url(const char *url, bool pop3, bool delivers)
{
	struct config_server s;
	char why[600];

	if (!url)
		return;
	assert_true(serverurl_read(view_of(url), &s, why, sizeof(why)));
	assert_int_equal(serverurl_use(s.scheme),
			 delivers ? SERVER_DELIVERS : SERVER_FETCHES);
	assert_int_equal(config_is_pop3(&s), pop3);
	assert_true(delivers ? s.scheme == CONFIG_SMTPS ||
				       s.scheme == CONFIG_SUBMISSIONS ||
				       s.scheme == CONFIG_SUBMISSION
			     : true);
	serverurl_fini(&s);
}

static void urls_can_be_read(void **state)
{
	(void)state;
	EACH(p)
	{
		check_url(p->imap, false, false);
		check_url(p->pop3, true, false);
		check_url(p->smtp, false, true);
		/* without server it must say what to write */
		assert_true(p->imap || p->pop3 || p->note);
	}
}

static void an_unusual_password_is_named(void **state)
{
	(void)state;
	EACH(p) {
		if (p->secret != PROVIDER_SECRET_OWN)
			assert_non_null(p->password);
		/* the remedy of struct err takes no more beside the rest */
		if (p->password && strlen(p->password) > 115)
			fail_msg("%s: longer than a remedy: %s", p->name,
				 p->password);
	}
}

static bool has_year(const char *source)
{
	const char *colon = strchr(source, ':');

	return colon && colon[1] == ' ' && strstr(colon, " 20");
}

static void every_fact_has_a_source(void **state)
{
	(void)state;
	EACH(p)
	{
		assert_non_null(p->title);
		assert_non_null(p->sources);
		assert_non_null(p->sources[0]);
		for (const char *const *s = p->sources; *s; s++)
			if (!has_year(*s))
				fail_msg("%s: no place and date: %s", p->name,
					 *s);
	}
}

static void quirks_have_words(void **state)
{
	unsigned known = (1u << PROVIDER_QUIRKS) - 1;

	(void)state;
	EACH(p)
	assert_int_equal(p->quirks & ~known, 0);
	for (unsigned i = 0; i < PROVIDER_QUIRKS; i++)
		assert_non_null(
			provider_quirk_text((enum provider_quirk)(1u << i)));
	assert_false(provider_has(NULL, PROVIDER_TRASH));
}

static void ends_of_received_are_host_names(void **state)
{
	(void)state;
	EACH(p)
	for (const char *const *h = p->received_by; h && *h; h++) {
		assert_true(is_lower(*h));
		assert_non_null(strchr(*h, '.'));
		assert_int_not_equal((*h)[0], '.');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_lower_case_unique_and_sorted),
		cmocka_unit_test(domains_belong_to_one),
		cmocka_unit_test(urls_can_be_read),
		cmocka_unit_test(an_unusual_password_is_named),
		cmocka_unit_test(every_fact_has_a_source),
		cmocka_unit_test(quirks_have_words),
		cmocka_unit_test(ends_of_received_are_host_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
