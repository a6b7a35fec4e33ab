/* hash: known answers, so that identities survive a change of library. */
#include "hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void body_hash_is_sha256_cut(void **state)
{
	static const uint8_t want[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01,
					0xcf, 0xea, 0x41, 0x41, 0x40, 0xde,
					0x5d, 0xae, 0x22, 0x23 };
	uint8_t got[HASH_BODY_OCTETS];
	struct hash *h = hash_new();

	(void)state;
	for (int again = 0; again < 2; again++) {
		hash_add(h, VIEW_LIT("a"));
		hash_add(h, VIEW_LIT("bc"));
		hash_end(h, got);
		assert_memory_equal(got, want, sizeof(want));
	}
	hash_free(h);
}

/* RFC 4231 4.2 is for a key of 20 octets; zeros behind it change nothing. */
static void keyed_hash_is_hmac_sha256(void **state)
{
	static const uint8_t want[] = { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb,
					0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce };
	uint8_t key[HASH_KEY_OCTETS] = { 0 }, other[HASH_KEY_OCTETS] = { 1 };
	uint8_t got[12], else_[12];

	(void)state;
	memset(key, 0x0b, 20);
	for (int again = 0; again < 3; again++) {
		hash_keyed(key, VIEW_LIT("Hi There"), got, sizeof(got));
		assert_memory_equal(got, want, sizeof(want));
		hash_keyed(other, VIEW_LIT("Hi There"), else_, sizeof(else_));
		assert_memory_not_equal(else_, want, sizeof(want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_hash_is_sha256_cut),
		cmocka_unit_test(keyed_hash_is_hmac_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
