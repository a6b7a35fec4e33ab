/* sasl, base64: the exact octets of PLAIN and LOGIN; limits; wrong challenges.
 */
#include "base64.h"
#include "limits.h"
#include "sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sasl *begin(enum mech mech, struct view user,
			  struct view password)
{
	struct secret s = { NULL, 0 };
	struct err err;
	struct sasl *sasl;

	secret_set(&s, password);
	sasl = sasl_new(mech, user, &s, &err);
	secret_fini(&s);
	return sasl;
}

static void assert_view(struct view got, struct view want)
{
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

static void assert_answer(struct sasl *s, struct view challenge,
			  struct view want)
{
	struct view got;
	struct err err;

	assert_true(sasl_step(s, challenge, &got, &err));
	assert_view(got, want);
}

static void assert_fails(struct sasl *s, struct view challenge,
			 enum err_class class)
{
	struct view got;
	struct err err;

	assert_false(sasl_step(s, challenge, &got, &err));
	assert_int_equal(err.class, class);
}

/* RFC 4616 4 */
static void plain_as_initial_response(void **state)
{
	struct sasl *s =
	    begin(MECH_PLAIN, VIEW_LIT("tim"), VIEW_LIT("tanstaaftanstaaf"));
	struct view v;

	(void)state;
	assert_false(sasl_done(s));
	assert_true(sasl_first(s, &v));
	assert_view(v, VIEW_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"));
	assert_true(sasl_done(s));
	assert_false(sasl_first(s, &v));
	/* the server wants more though there is no more */
	assert_fails(s, VIEW_LIT(""), ERR_PROTOCOL);
	sasl_free(s);
}

static void plain_as_answer(void **state)
{
	struct sasl *s =
	    begin(MECH_PLAIN, VIEW_LIT("tim"), VIEW_LIT("tanstaaftanstaaf"));

	(void)state;
	assert_answer(s, VIEW_LIT(""),
		      VIEW_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"));
	assert_true(sasl_done(s));
	sasl_free(s);
}

static void login_in_two_steps(void **state)
{
	struct sasl *s =
	    begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("p\xc3\xa4ss"));
	struct view v;

	(void)state;
	assert_false(sasl_first(s, &v));
	assert_answer(s, VIEW_LIT("VXNlcm5hbWU6"), VIEW_LIT("dGlt"));
	assert_false(sasl_done(s));
	assert_answer(s, VIEW_LIT("UGFzc3dvcmQ6"), VIEW_LIT("cMOkc3M="));
	assert_true(sasl_done(s));
	assert_fails(s, VIEW_LIT("YWdhaW4="), ERR_PROTOCOL);
	sasl_free(s);
}

static void challenges_are_bounded(void **state)
{
	static char big[LIMIT_SASL_OCTETS + 4];
	struct sasl *s = begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("x"));

	(void)state;
	memset(big, 'A', sizeof(big));
	assert_fails(s, (struct view){ big, sizeof(big) }, ERR_LIMIT);
	assert_fails(s, VIEW_LIT("not base64"), ERR_PROTOCOL);
	/* a failed challenge asks for nothing: the user name is still to come
	 */
	assert_answer(s, (struct view){ big, LIMIT_SASL_OCTETS },
		      VIEW_LIT("dGlt"));
	for (unsigned i = 2; i < LIMIT_SASL_ROUNDS; i++)
		(void)sasl_step(s, VIEW_LIT(""), &(struct view){ 0 },
				&(struct err){ 0 });
	assert_fails(s, VIEW_LIT(""), ERR_LIMIT);
	sasl_free(s);
}

static void unusable_names_and_secrets(void **state)
{
	static char big[LIMIT_SASL_OCTETS];

	(void)state;
	memset(big, 'A', sizeof(big));
	assert_null(begin(MECH_PLAIN, VIEW_LIT(""), VIEW_LIT("x")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("tim"), VIEW_LIT("")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("t\0m"), VIEW_LIT("x")));
	assert_null(begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("x\0")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("tim"),
			  (struct view){ big, sizeof(big) }));
	sasl_free(NULL);
}

/* RFC 4648 10 */
static void base64_of_the_rfc(void **state)
{
	static const struct {
		struct view clear, text;
	} cases[] = {
		{ VIEW_LIT(""), VIEW_LIT("") },
		{ VIEW_LIT("f"), VIEW_LIT("Zg==") },
		{ VIEW_LIT("fo"), VIEW_LIT("Zm8=") },
		{ VIEW_LIT("foo"), VIEW_LIT("Zm9v") },
		{ VIEW_LIT("foob"), VIEW_LIT("Zm9vYg==") },
		{ VIEW_LIT("\xff\xfe\xfb\x00"), VIEW_LIT("//77AA==") },
	};
	char out[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = base64_encode(cases[i].clear, out);
		assert_view((struct view){ out, n }, cases[i].text);
		assert_true(base64_decode(cases[i].text, out, &n));
		assert_view((struct view){ out, n }, cases[i].clear);
	}
}

static void base64_is_strict(void **state)
{
	static const struct view bad[] = {
		VIEW_LIT("Z"),
		VIEW_LIT("Zg="),
		VIEW_LIT("Zg==="),
		VIEW_LIT("Zh=="),
		VIEW_LIT("Zm9="),
		VIEW_LIT("===="),
		VIEW_LIT("Zg==Zg=="),
		VIEW_LIT("Zm9v\r\n"),
		VIEW_LIT("Z g="),
		VIEW_LIT("Z=9v"),
		VIEW_LIT("\xff\xff\xff\xff"),
	};
	char out[16];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(base64_decode(bad[i], out, &n));
	assert_int_equal(n, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_as_initial_response),
		cmocka_unit_test(plain_as_answer),
		cmocka_unit_test(login_in_two_steps),
		cmocka_unit_test(challenges_are_bounded),
		cmocka_unit_test(unusable_names_and_secrets),
		cmocka_unit_test(base64_of_the_rfc),
		cmocka_unit_test(base64_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
