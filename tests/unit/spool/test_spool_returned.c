/*
 * A trace of ours that came back is a round where its message had gone a minute
 * before (INTERFACE 3, CASES G20).
 */
#include "support_spool.h"

#define TEXT   "Subject: x\r\n\r\nhello\r\n"
#define SIZE   (sizeof(TEXT) - 1)
#define MINUTE ((int64_t)60000)

struct yard {
	struct bed b;
	struct message *m;
};

/* One message for two, being sent since NOW. */
static int setup(void **state)
{
	static struct yard y;
	int64_t account, folder;

	bed_make(&y.b);
	bed_open(&y.b, NOW);
	account = bed_account(&y.b, "gmx", SPOOL_IMAP);
	folder = bed_folder(&y.b, account, "INBOX", 17).id;
	y.m = bed_message(account, folder, message_key_uid(1));
	message_no_rcpts(y.m);
	message_add_rcpt(y.m, VIEW_LIT("anna@example.org"));
	message_add_rcpt(y.m, VIEW_LIT("ben@example.org"));
	assert_true(bed_put(&y.b, y.m, TEXT, SIZE, false));
	*state = &y;
	return 0;
}

static int teardown(void **state)
{
	struct yard *y = *state;

	message_free(y->m);
	bed_remove(&y->b);
	return 0;
}

/* Rounds at now_ms of a message that bears these traces. */
static size_t rounds(struct yard *y, const int64_t *ids, size_t n,
		     int64_t now_ms)
{
	struct spool_returned q = { .ids = ids,
				    .n = n,
				    .before_ms = now_ms - MINUTE };

	bed_prepare(&q.req);
	spool_returned(y->b.spool, &q);
	bed_wait(&y->b, &q.req);
	assert_true(q.req.ok);
	return q.count;
}

static void what_was_delivered_a_minute_ago_counts(void **state)
{
	struct yard *y = *state;
	int64_t ids[] = { y->m->id, y->m->id, y->m->id };

	assert_true(bed_sending(&y->b, y->m, NOW));
	y->m->rcpts[0].state = y->m->rcpts[1].state = RCPT_ACCEPTED;
	assert_true(bed_result(&y->b, y->m, MESSAGE_DELIVERED, NOW + 5000));
	assert_int_equal(rounds(y, ids, 3, NOW + 5000), 0);
	assert_int_equal(rounds(y, ids, 3, NOW + 4999 + MINUTE), 0);
	assert_int_equal(rounds(y, ids, 3, NOW + 5000 + MINUTE), 3);
	assert_int_equal(rounds(y, ids, 1, NOW + 5000 + MINUTE), 1);
	/* the clock was set back since: it is not known, and not yet */
	assert_int_equal(rounds(y, ids, 3, NOW - 3600 * 1000), 0);
}

/* It came back: whoever sent it on had it, whatever became of the others. */
static void what_waits_for_another_recipient_counts_by_its_attempt(void **state)
{
	struct yard *y = *state;

	/* never sent: that trace is nobody's */
	assert_int_equal(rounds(y, &y->m->id, 1, NOW + 100 * MINUTE), 0);
	assert_true(bed_sending(&y->b, y->m, NOW));
	assert_int_equal(rounds(y, &y->m->id, 1, NOW + MINUTE - 1), 0);
	assert_int_equal(rounds(y, &y->m->id, 1, NOW + MINUTE), 1);
	y->m->rcpts[0].state = RCPT_ACCEPTED;
	assert_true(bed_result(&y->b, y->m, MESSAGE_SPOOLED, NOW + 9));
	assert_int_equal(rounds(y, &y->m->id, 1, NOW + MINUTE), 1);
}

static void what_is_not_on_record_any_more_was_long_ago(void **state)
{
	struct yard *y = *state;
	int64_t ids[] = { 4711, y->m->id };

	assert_int_equal(rounds(y, ids, 2, NOW), 1);
	assert_int_equal(rounds(y, ids, 0, NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_delivered_a_minute_ago_counts, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_waits_for_another_recipient_counts_by_its_attempt,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_on_record_any_more_was_long_ago, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
