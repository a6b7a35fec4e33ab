#include "limits.h"
#include "share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define MB	  (1u << 20)
#define PLENTY	  ((uint64_t)1 << 40)
#define NO_MATTER 0

static struct shares all;
static struct share a, b;

static void two(uint64_t limit)
{
	shares_init(&all, limit);
	share_add(&all, &a, "a");
	share_add(&all, &b, "b");
}

static void one_alone_has_all_of_it(void **state)
{
	(void)state;
	shares_init(&all, 100 * MB);
	share_add(&all, &a, "a");
	assert_int_equal(share_left(&a), 100 * MB);
	share_take(&a, 60 * MB, true);
	share_expect(&a, 2, 30 * MB);
	assert_int_equal(share_left(&a), 10 * MB);
	share_unexpect(&a, 2, 30 * MB);
	share_give_up(&a, 60 * MB, true);
	assert_int_equal(share_left(&a), 100 * MB);
}

static void j9_nobody_uses_the_part_of_another(void **state)
{
	(void)state;
	two(100 * MB);
	assert_int_equal(share_left(&a), 75 * MB);
	share_take(&a, 75 * MB, true);
	assert_int_equal(share_left(&a), 0);
	assert_int_equal(share_left(&b), 25 * MB);
	share_take(&b, 10 * MB, false);
	assert_int_equal(share_left(&a), 0);
	assert_int_equal(share_left(&b), 15 * MB);
	share_give_up(&a, 20 * MB, true);
	assert_int_equal(share_left(&b), 35 * MB);
}

static void j9_a_delivery_that_is_gone_leaves_each_its_part(void **state)
{
	(void)state;
	two(100 * MB);
	all.strangers = 300 * MB;
	assert_int_equal(share_left(&a), 25 * MB);
	share_take(&a, 30 * MB, false);
	assert_int_equal(share_left(&a), 0);
	assert_int_equal(share_left(&b), 25 * MB);
}

static void it_goes_on_when_there_is_clearly_room(void **state)
{
	(void)state;
	shares_init(&all, 80 * MB);
	share_add(&all, &a, "a");
	share_take(&a, 79 * MB, false);
	assert_true(share_is_open(&a, PLENTY, NO_MATTER));
	share_take(&a, 3 * MB, false);
	assert_false(share_is_open(&a, PLENTY, NO_MATTER));
	assert_int_equal(share_resumes_at(&a), 70 * MB);
	share_give_up(&a, 10 * MB, false); /* 72 */
	assert_false(share_is_open(&a, PLENTY, NO_MATTER));
	share_give_up(&a, 3 * MB, false);
	assert_true(share_is_open(&a, PLENTY, NO_MATTER));
	share_take(&a, 10 * MB, false); /* 79 */
	assert_true(share_is_open(&a, PLENTY, NO_MATTER));
}

static void i1_a_full_disk_pauses_and_resumes_likewise(void **state)
{
	(void)state;
	two(100 * MB);
	assert_true(share_is_open(&a, 64 * MB, 64 * MB));
	assert_false(share_is_open(&a, 63 * MB, 64 * MB));
	assert_false(share_is_open(&a, 79 * MB, 64 * MB));
	assert_true(share_is_open(&a, 80 * MB, 64 * MB));
}

static void so_much_for_one_that_is_down(void **state)
{
	uint64_t octets;

	(void)state;
	two((uint64_t)1024 * MB);
	assert_int_equal(share_down_room(&a, &octets), LIMIT_DOWN_MESSAGES);
	assert_int_equal(octets, LIMIT_DOWN_OCTETS);
	share_take(&a, MB, false);
	share_expect(&a, 3, 2 * MB);
	share_take(&a, 500 * MB, true); /* held: another matter */
	assert_int_equal(share_down_room(&a, &octets), LIMIT_DOWN_MESSAGES - 4);
	assert_int_equal(octets, LIMIT_DOWN_OCTETS - 3 * MB);
	share_take(&a, 62 * MB, false);
	assert_int_equal(share_down_room(&a, &octets), 0);
	share_hold(&a, 62 * MB);
	assert_int_equal(share_down_room(&a, &octets), LIMIT_DOWN_MESSAGES - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_alone_has_all_of_it),
		cmocka_unit_test(j9_nobody_uses_the_part_of_another),
		cmocka_unit_test(
			j9_a_delivery_that_is_gone_leaves_each_its_part),
		cmocka_unit_test(it_goes_on_when_there_is_clearly_room),
		cmocka_unit_test(i1_a_full_disk_pauses_and_resumes_likewise),
		cmocka_unit_test(so_much_for_one_that_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
