#include "welcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct message *to(const char *first, const char *second)
{
	struct message *m = message_new();

	if (first)
		message_add_rcpt(m, view_of(first));
	if (second)
		message_add_rcpt(m, view_of(second));
	return m;
}

static void take(struct welcome *w, const char *first, const char *second)
{
	struct message *m = to(first, second);

	welcome_add(w, m);
	message_free(m);
}

static bool has(const struct welcome *w, const char *first, const char *second)
{
	struct message *m = to(first, second);
	bool is = welcome_has(w, m);

	message_free(m);
	return is;
}

static void nobody_is_welcome_untried(void **state)
{
	struct welcome w = { 0 };

	(void)state;
	assert_false(has(&w, "a@x.example", NULL));
	take(&w, "a@x.example", NULL);
	assert_true(has(&w, "a@x.example", NULL));
	assert_false(has(&w, "b@x.example", NULL));
	welcome_fini(&w);
}

/* The local part is its server's: A@ may be another's box (RFC 5321 2.4). */
static void case_is_kept(void **state)
{
	struct welcome w = { 0 };

	(void)state;
	take(&w, "a@x.example", NULL);
	assert_false(has(&w, "A@x.example", NULL));
	welcome_fini(&w);
}

static void each_recipient_must_have_been_taken(void **state)
{
	struct welcome w = { 0 };

	(void)state;
	take(&w, "a@x.example", NULL);
	assert_false(has(&w, "a@x.example", "b@x.example"));
	take(&w, "c@x.example", "b@x.example");
	assert_true(has(&w, "a@x.example", "b@x.example"));
	welcome_fini(&w);
}

static void no_recipient_is_no_welcome(void **state)
{
	struct welcome w = { 0 };

	(void)state;
	take(&w, "a@x.example", NULL);
	assert_false(has(&w, NULL, NULL));
	welcome_fini(&w);
}

static void few_are_kept_and_each_once(void **state)
{
	struct welcome w = { 0 };
	char address[32];

	(void)state;
	for (unsigned i = 0; i < 2 * WELCOME_MAX; i++) {
		(void)snprintf(address, sizeof(address), "u%u@x.example", i);
		take(&w, address, "a@x.example");
		assert_true(w.n <= WELCOME_MAX);
	}
	assert_true(has(&w, "a@x.example", "u0@x.example"));
	assert_true(has(&w, "u62@x.example", NULL));
	assert_false(has(&w, "u63@x.example", NULL));
	assert_false(has(&w, address, NULL));
	welcome_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_welcome_untried),
		cmocka_unit_test(case_is_kept),
		cmocka_unit_test(each_recipient_must_have_been_taken),
		cmocka_unit_test(no_recipient_is_no_welcome),
		cmocka_unit_test(few_are_kept_and_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
