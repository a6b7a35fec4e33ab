/* Names of ways to sign in, and the order of preference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mech.h"

static void each_name_leads_back(void **state)
{
	(void)state;
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++)
		if (m != MECH_USER)
			assert_int_equal(mech_of(mech_name((enum mech)m)), m);
	assert_int_equal(mech_of(VIEW_LIT("scram-sha-256-plus")),
			 MECH_SCRAM_SHA_256_PLUS);
	assert_int_equal(mech_of(VIEW_LIT("")), MECH_NONE);
	assert_int_equal(mech_of(VIEW_LIT("USER")), MECH_NONE);
}

/* CASES C4: what is never used is not even known. */
static void test_c4_the_weak_are_not_known(void **state)
{
	unsigned some = mech_offered(VIEW_LIT(
	    "NTLM DIGEST-MD5 OTP RPA MSN GS2-KRB5 SCRAM-SHA-256-PLUSX APOP "));

	(void)state;
	assert_int_equal(some, 0);
	assert_int_equal(
	    mech_offered(VIEW_LIT(" CRAM-MD5 login Plain NTLM ")),
	    MECH_BIT(MECH_CRAM_MD5) | MECH_BIT(MECH_PLAIN) |
		MECH_BIT(MECH_LOGIN));
}

/* INTERFACE, `auth`: the first of this order; the others by name alone. */
static void the_best_of_what_is_offered(void **state)
{
	static const enum mech order[] = {
		MECH_SCRAM_SHA_256_PLUS, MECH_SCRAM_SHA_1_PLUS,
		MECH_SCRAM_SHA_256,	 MECH_SCRAM_SHA_1,
		MECH_PLAIN,		 MECH_LOGIN,
		MECH_USER,
	};
	unsigned left = ~0u;

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		assert_int_equal(mech_pick(left, MECH_NONE), order[i]);
		left &= ~MECH_BIT(order[i]);
	}
	assert_int_equal(mech_pick(left, MECH_NONE), MECH_NONE);
	assert_int_equal(mech_pick(left, MECH_CRAM_MD5), MECH_CRAM_MD5);
	/* what is wanted is required */
	assert_int_equal(mech_pick(left, MECH_PLAIN), MECH_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_leads_back),
		cmocka_unit_test(test_c4_the_weak_are_not_known),
		cmocka_unit_test(the_best_of_what_is_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
