#include "must.h"
#include "once.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t key[HASH_KEY_OCTETS] = { 1 };

/* Of a body given in pieces of so many octets. */
static struct message *printed(const char *body, size_t n, size_t step,
			       const char *id, const char *rcpt)
{
	struct message *m = message_new();
	struct once *o = once_new();

	message_add_rcpt(m, view_of(rcpt));
	once_begin(o);
	once_add(o, VIEW_LIT("of a message that was cut off"));
	once_begin(o);
	for (size_t at = 0; at < n; at += step)
		once_add(o, (struct view){ body + at,
					   n - at < step ? n - at : step });
	once_end(o, n && body[n - 1] == '\n', view_of(id), key, m);
	once_free(o);
	return m;
}

static bool same(const char *a, const char *b, const char *id,
		 const char *rcpt_a, const char *rcpt_b)
{
	bool all = true;

	for (size_t step = 1; step < 12; step++) {
		struct message *x = printed(a, strlen(a), 100, id, rcpt_a);
		struct message *y = printed(b, strlen(b), step, id, rcpt_b);

		all = all && x->prints && y->prints &&
		      memcmp(x->prints[0], y->prints[0],
			     MESSAGE_PRINT_OCTETS) == 0;
		message_free(x);
		message_free(y);
	}
	return all;
}

static void a_body_is_as_it_will_be_sent(void **state)
{
	(void)state;
	assert_true(
		same("one\r\ntwo\r\n", "one\ntwo\n", "<1@a>", "x@y", "x@y"));
	assert_true(
		same("one\r\ntwo\r\n", "one\r\r\ntwo", "<1@a>", "x@y", "x@y"));
	assert_true(same("one two\r\n", "one\rtwo\r\n", "<1@a>", "x@y", "x@y"));
	assert_true(same("", "", "<1@a>", "x@y", "x@y"));
	assert_false(same("one\r\n", "one\r\n\r\n", "<1@a>", "x@y", "x@y"));
	assert_false(same("one\r\n", "two\r\n", "<1@a>", "x@y", "x@y"));
}

static void recipients_differ_by_more_than_letters_of_a_domain(void **state)
{
	(void)state;
	assert_true(same("a\r\n", "a\r\n", "<1@a>", "x@Y.Test", "x@y.test"));
	assert_false(same("a\r\n", "a\r\n", "<1@a>", "X@y.test", "x@y.test"));
	assert_true(same("a\r\n", "a\r\n", "<1@a>", "root", "root"));
	assert_false(same("a\r\n", "a\r\n", "<1@a>", "Root", "root"));
}

static void without_an_id_there_is_none(void **state)
{
	struct message *m = printed("a\r\n", 3, 3, "", "x@y");

	(void)state;
	assert_null(m->prints);
	message_free(m);
}

static void another_id_is_another_message(void **state)
{
	struct message *x = printed("a\r\n", 3, 3, "<1@a>", "x@y");
	struct message *y = printed("a\r\n", 3, 3, "<2@a>", "x@y");

	(void)state;
	assert_memory_not_equal(x->prints[0], y->prints[0],
				MESSAGE_PRINT_OCTETS);
	message_free(x);
	message_free(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_as_it_will_be_sent),
		cmocka_unit_test(
			recipients_differ_by_more_than_letters_of_a_domain),
		cmocka_unit_test(without_an_id_there_is_none),
		cmocka_unit_test(another_id_is_another_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
