/* What metrics are made of: what waits, and counters that do not fall. */
#include "support_spool.h"

#include <stdlib.h>

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

struct got {
	struct query_waiting row[8];
	size_t n;
	uint64_t doubts;
};

static bool on_row(void *who, const struct query_waiting *w)
{
	struct got *g = who;

	assert_true(g->n < 8);
	g->row[g->n++] = *w;
	return true;
}

static bool ask(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_waiting(l, on_row, g, err) &&
	       query_doubts(l, &g->doubts, err);
}

static struct got look(struct bed *b)
{
	struct got g = { 0 };
	struct err err;

	assert_true(spool_call_now(b->spool, ask, &g, &err));
	return g;
}

static struct message *put(struct bed *b, int64_t account, int64_t folder,
			   uint32_t uid, bool sending)
{
	struct message *m = bed_message(account, folder, message_key_uid(uid));

	m->fetched_at = NOW + uid;
	assert_true(bed_put(b, m, "Subject: x\r\n\r\nhello\r\n", 21, sending));
	return m;
}

static void what_waits_is_told_by_delivery_and_state(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t f = bed_folder(b, a, "INBOX", 17).id;
	struct message *m[4];
	struct got g;

	for (uint32_t i = 0; i < 4; i++)
		m[i] = put(b, a, f, i + 1, i > 1);
	message_set(&m[2]->reason, VIEW_LIT("refused"));
	assert_true(bed_result(b, m[2], MESSAGE_HELD, NOW + 10));
	g = look(b);
	assert_int_equal(g.n, 3);
	assert_int_equal(g.row[0].state, MESSAGE_SPOOLED);
	assert_int_equal(g.row[0].messages, 2);
	assert_int_equal(g.row[0].octets, 42);
	assert_int_equal(g.row[0].oldest_ms, NOW + 1);
	assert_string_equal(g.row[0].delivery, m[0]->delivery);
	assert_int_equal(g.row[1].state, MESSAGE_SENDING);
	assert_int_equal(g.row[1].messages, 1);
	assert_int_equal(g.row[2].state, MESSAGE_HELD);
	assert_int_equal(g.row[2].oldest_ms, NOW + 3);
	for (int i = 0; i < 4; i++)
		message_free(m[i]);
}

static void doubts_are_counted_for_good(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t f = bed_folder(b, a, "INBOX", 17).id;
	struct message *lost = put(b, a, f, 1, true);
	struct message *left = put(b, a, f, 2, true);

	assert_int_equal(look(b).doubts, 0);
	lost->next_at = NOW + 900000;
	assert_true(bed_result(b, lost, MESSAGE_DOUBT, NOW + 10));
	assert_int_equal(look(b).doubts, 1);
	/* it arrives the second time: that it was in doubt remains */
	assert_true(bed_sending(b, lost, NOW + 900000));
	assert_true(bed_result(b, lost, MESSAGE_DELIVERED, NOW + 900010));
	assert_int_equal(look(b).doubts, 1);
	/* the process ends before the other's reply */
	bed_close(b);
	bed_open(b, NOW + 1000000);
	assert_int_equal(b->found.new_doubts, 1);
	assert_int_equal(look(b).doubts, 2);
	bed_close(b);
	bed_open(b, NOW + 1000000);
	assert_int_equal(look(b).doubts, 2);
	message_free(lost);
	message_free(left);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_waits_is_told_by_delivery_and_state),
		TEST(doubts_are_counted_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
