/* listing_imap: what a server says of its messages, in whatever order. */
#include "listing_imap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(struct imap_listing *l, uint32_t uid, unsigned has,
		uint64_t size)
{
	struct imap_fetch f = {
		.uid = uid, .has = has, .size = size, .flags = IMAP_FLAG_SEEN
	};

	imap_listing_add(l, &f);
}

static void listings_in_any_order(void **state)
{
	struct imap_listing l = { 0 };
	struct spool_item *items;
	size_t n;

	(void)state;
	imap_listing_begin(&l, 5);
	add(&l, 9, IMAP_HAS_SIZE, 90);
	add(&l, 4, IMAP_HAS_SIZE, 40); /* D6 */
	add(&l, 0, IMAP_HAS_FLAGS, 0);
	add(&l, 7, IMAP_HAS_SIZE, UINT64_MAX);
	add(&l, 9, IMAP_HAS_FLAGS, 0);
	add(&l, 7, IMAP_HAS_FLAGS, 0);
	add(&l, UINT32_MAX, IMAP_HAS_SIZE | IMAP_HAS_FLAGS, 1);
	items = imap_listing_take(&l, &n);
	assert_int_equal(n, 3);
	assert_int_equal(message_key_to_uid(&items[0].key), 7);
	assert_int_equal(items[0].octets, UINT32_MAX);
	assert_int_equal(items[0].flags, SPOOL_ITEM_SEEN);
	assert_int_equal(message_key_to_uid(&items[1].key), 9);
	assert_int_equal(items[1].octets, 90);
	assert_int_equal(items[1].flags, SPOOL_ITEM_SEEN);
	assert_int_equal(message_key_to_uid(&items[2].key), UINT32_MAX);
	free(items);
	items = imap_listing_take(&l, &n);
	assert_int_equal(n, 0);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
