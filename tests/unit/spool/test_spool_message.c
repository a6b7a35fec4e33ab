/*
 * Keys and queue ids.
 */
#include "support_spool.h"

static void keys_of_uids_sort_as_numbers(void **state)
{
	struct message_key a = message_key_uid(255), b = message_key_uid(256);
	struct message_key c = message_key_uid(4294967295u);

	(void)state;
	assert_true(message_key_order(&a, &b) < 0);
	assert_true(message_key_order(&c, &b) > 0);
	assert_int_equal(message_key_to_uid(&a), 255);
	assert_int_equal(message_key_to_uid(&c), 4294967295u);
	a = bed_key(1);
	assert_int_equal(message_key_to_uid(&a), 0);
}

static void ids_are_read_as_they_are_written(void **state)
{
	static const int64_t ids[] = { 1, 30, 31, 29791, 123456789, INT64_MAX };
	char text[MESSAGE_ID_TEXT];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		message_id_text(ids[i], text);
		assert_true(strlen(text) >= 4);
		assert_null(strpbrk(text, "AEIOU"));
		assert_true(message_id_parse(view_of(text), &back));
		assert_int_equal(back, ids[i]);
	}
	message_id_text(1, text);
	assert_string_equal(text, "0001");
	assert_true(message_id_parse(VIEW_LIT("oooi"), &back));
	assert_int_equal(back, 1);
	assert_true(message_id_parse(VIEW_LIT("10bz"), &back));
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "001",
					   "0000",
					   "12A4",
					   "12 4",
					   "12-4",
					   "ZZZZZZZZZZZZZZZ",
					   "123456789012345678901234" };
	int64_t id = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(message_id_parse(view_of(bad[i]), &id));
	assert_int_equal(id, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_uids_sort_as_numbers),
		cmocka_unit_test(ids_are_read_as_they_are_written),
		cmocka_unit_test(what_is_no_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
