/* envelope: for whom a message came, and who is not believed. */
#include "envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The addresses of `header` under `names`, joined by spaces; an unfit one is
 * "!". NULL: there is no such field. */
static const char *found(const char *header, const char *one, const char *two)
{
	static char joined[4096];
	const char *const names[] = { one, two }, *name = NULL;
	char address[LIMIT_ADDRESS + 1];
	struct view body, raw;
	bool ok;

	joined[0] = 0;
	if (!envelope_find(view_of(header), names, two ? 2 : 1, &body, &name))
		return NULL;
	assert_non_null(name);
	while (envelope_next(&body, address, &ok, &raw)) {
		strcat(joined, joined[0] ? " " : "");
		strcat(joined, ok ? address : "!");
	}
	return joined;
}

#define R	"Received: from x by y with SMTP; Sun, 1 Nov 2026 10:00:00 +0000\r\n"
#define X(line) found(line R "\r\n", "X-Envelope-To", NULL)
#define F(body) found("Received: " body "\r\n\r\n", "Received", NULL)

static void lists_and_forms(void **state)
{
	(void)state;
	assert_string_equal(X("X-Envelope-To: a@b.test\r\n"), "a@b.test");
	assert_string_equal(X("x-envelope-to:<a@b.test>\r\n"), "a@b.test");
	assert_string_equal(X("X-Envelope-To: a@b.test, <c@d.test>,\r\n"
			      "\te@f.test (office), , \r\n"),
			    "a@b.test c@d.test e@f.test");
	assert_string_equal(X("X-Envelope-To: \"A, B\" <a@b.test>\r\n"),
			    "a@b.test");
	assert_string_equal(X("X-Envelope-To: \"a,b\"@c.test\r\n"),
			    "\"a,b\"@c.test");
	assert_string_equal(X("X-Envelope-To:\r\n"), "");
}

static void what_is_no_address_is_none(void **state)
{
	(void)state;
	assert_string_equal(X("X-Envelope-To: <-oQ>, a b@c.test, d\r\n"),
			    "! ! !");
	assert_string_equal(X("X-Envelope-To: <a@b.test> <c@d.test>\r\n"), "!");
	assert_string_equal(X("X-Envelope-To: <a@b.test\r\n"), "!");
	assert_string_equal(X("X-Envelope-To: a@b.test>\r\n"), "!");
	assert_string_equal(X("X-Envelope-To: <>\r\n"), "!");
	assert_string_equal(X("X-Envelope-To: (a@b.test\r\n"), "");
	assert_string_equal(X("X-Envelope-To: a@b\x01.test\r\n"), "!");
	assert_string_equal(X("X-Envelope-To: <a@b.test>RCPT\r\n"), "a@b.test");
}

static void only_above_the_topmost_received(void **state)
{
	(void)state;
	assert_null(found(R "X-Envelope-To: forged@b.test\r\n" R "\r\n",
			  "X-Envelope-To", NULL));
	assert_null(found("X-Envelope-To: a@b.test\r\nTo: a@b.test\r\n\r\n",
			  "X-Envelope-To", NULL));
	assert_string_equal(found("X-Original-To: a@b.test\r\n"
				  "X-Original-To: c@d.test\r\n" R
				  "X-Original-To: e@f.test\r\n\r\n",
				  "X-Original-To", NULL),
			    "a@b.test");
	/* of several names the topmost line, whichever it is */
	assert_string_equal(
		found("B: b@b.test\r\nA: a@b.test\r\n" R "\r\n", "A", "B"),
		"b@b.test");
}

static void the_for_clause(void **state)
{
	(void)state;
	assert_string_equal(F("from a (b [192.0.2.1])\r\n\tby c (Postfix) with"
			      " ESMTP id 1\r\n\tfor <u@shop.test>; Sun, 1 Nov"
			      " 2026 10:00:00 +0000 (UTC)"),
			    "u@shop.test");
	assert_string_equal(F("from a by c with esmtp (Exim 4.96)"
			      " (envelope-from <s@x.test>) id 1-2 for u@s.test;"
			      " Sun"),
			    "u@s.test");
	assert_string_equal(F("from a by c with SMTP id 1; Sun"), "");
	/* a field of another name stands above, or not */
	assert_string_equal(found("Envelope-To: a@b.test\r\n" R "\r\n",
				  "Received", "Envelope-To"),
			    "a@b.test");
	assert_string_equal(found("Received: by c for <a@b.test>; x\r\n"
				  "Envelope-To: e@f.test\r\n\r\n",
				  "Envelope-To", "Received"),
			    "a@b.test");
}

static void a_client_cannot_write_the_for_clause(void **state)
{
	(void)state;
	assert_string_equal(F("from for <f@s.test> by c; Sun"), "");
	assert_string_equal(F("from x by y for <f@s.test> by c for <u@s.test>;"
			      " Sun"),
			    "u@s.test");
	assert_string_equal(F("from a (for <f@s.test>) by c; Sun"), "");
	assert_string_equal(F("from a by c (envelope-from <\"a) for f@s.test ("
			      "\"@x.test>) id 1 for u@s.test; Sun"),
			    "u@s.test");
	assert_string_equal(F("from a by c (x) for f@s.test (y) id 1 for"
			      " u@s.test; Sun"),
			    "");
}

/* A megabyte of anything ends, and nothing of it is taken. */
static void hostile_lines_end(void **state)
{
	static const char *const of[] = { "(", "\"", "<",	",",
					  "a", "a ", "\\",	"(\"",
					  ">", "@",  " for by", "\\\"" };
	const size_t most = 1u << 20;

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		static const char *const names[] = { "A", "Received" };
		char *line = malloc(most + 100);
		size_t n = 0;
		char address[LIMIT_ADDRESS + 1];
		struct view body, raw;
		const char *name;
		bool ok;

		for (int k = 0; k < 2; k++) {
			n = (size_t)sprintf(line, "%s: ", names[k]);
			while (n < most) {
				memcpy(line + n, of[i], strlen(of[i]));
				n += strlen(of[i]);
			}
			n += (size_t)sprintf(line + n, "\r\n%s\r\n", R);
			assert_true(envelope_find((struct view){ line, n },
						  names, 2, &body, &name));
			while (envelope_next(&body, address, &ok, &raw))
				assert_false(ok);
		}
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_forms),
		cmocka_unit_test(what_is_no_address_is_none),
		cmocka_unit_test(only_above_the_topmost_received),
		cmocka_unit_test(the_for_clause),
		cmocka_unit_test(a_client_cannot_write_the_for_clause),
		cmocka_unit_test(hostile_lines_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
