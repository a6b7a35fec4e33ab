/*
 * The life of a message: states, the steps between, what is refused.
 */
#include "support_spool.h"

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	bed_open(&b, NOW);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

static void put_send_deliver_gone(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct message *m = bed_message(a, f.id, message_key_uid(4711));
	struct spool_item item = { .key = m->key };
	int64_t id;

	assert_true(bed_put(b, m, "Subject: x\r\n\r\nhello\r\n", 21, false));
	id = m->id;
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_true(bed_body_is(b, m, "Subject: x\r\n\r\nhello\r\n", 21));
	assert_true(spool_body_trusted(b->spool, &m->place));
	assert_int_equal(spool_octets(b->spool), 21);
	bed_list(b, f.id, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);

	assert_true(bed_sending(b, m, NOW + 1));
	assert_int_equal(m->state, MESSAGE_SENDING);
	assert_int_equal(m->attempts, 1);
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW + 2));
	assert_int_equal(spool_octets(b->spool), 0);
	bed_list(b, f.id, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_DELIVERED);
	assert_int_equal(item.day, NOW / 86400000);

	assert_true(bed_gone(b, a, f.id, &item.key, 1, NOW + 3));
	bed_list(b, f.id, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_GONE);
	bed_tidy(b, NOW + 4);
	bed_list(b, f.id, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_GONE);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM unfolded"), 0);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 1);
	assert_int_equal(bed_sql(b, "SELECT deleted FROM account"), 1);
	assert_int_equal(bed_sql(b, "SELECT delivered FROM account"), 1);
	assert_int_equal(bed_sql(b, "SELECT fetched FROM account"), 1);
	assert_true(id > 0);
	message_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(put_send_deliver_gone, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
