/*
 * What is held for some of its recipients only, or was in doubt, never comes as
 * a new message: whoever has it would get it twice (DESIGN 1, P2).
 */
#include "support_spool.h"

#include <stdio.h>
#include <unistd.h>

#define DAY  ((int64_t)86400000)
#define TEXT "Subject: x\r\n\r\nhello\r\n"
#define SIZE (sizeof(TEXT) - 1)

struct yard {
	struct bed b;
	int64_t account, folder;
	struct message *m;
	struct query_filter filter;
	uint64_t changed;
};

/* One message for two, being sent. */
static int setup(void **state)
{
	static struct yard y;

	bed_make(&y.b);
	bed_open(&y.b, NOW);
	y.account = bed_account(&y.b, "gmx", SPOOL_IMAP);
	y.folder = bed_folder(&y.b, y.account, "INBOX", 17).id;
	y.m = bed_message(y.account, y.folder, message_key_uid(1));
	message_no_rcpts(y.m);
	message_add_rcpt(y.m, VIEW_LIT("anna@example.org"));
	message_add_rcpt(y.m, VIEW_LIT("ben@example.org"));
	assert_true(bed_put(&y.b, y.m, TEXT, SIZE, true));
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

static bool run_retry(struct ledger *l, void *arg, struct err *err)
{
	struct yard *y = arg;

	return query_retry(l, &y->filter, NOW + 3 * DAY, &y->changed, err);
}

static void retry(struct yard *y)
{
	struct err err;

	if (!spool_call_now(y->b.spool, run_retry, y, &err))
		fail_msg("%s", err.what);
}

static enum spool_fate fate_of(struct yard *y)
{
	struct spool_item item = { .key = y->m->key };

	bed_list(&y->b, y->folder, &item, 1, false, NOW);
	return (enum spool_fate)item.fate;
}

/* Ends the attempt as HELD; anna has it where `had`. */
static void hold(struct yard *y, bool had)
{
	message_set(&y->m->reason, VIEW_LIT("refused"));
	if (had)
		y->m->rcpts[0].state = RCPT_ACCEPTED;
	y->m->rcpts[1].state = RCPT_REFUSED;
	assert_true(bed_result(&y->b, y->m, MESSAGE_HELD, NOW));
}

/* Those who are still to get it. */
static size_t count_waiting(struct yard *y)
{
	struct message *out[1];
	struct spool_due d = { .until_ms = NOW + 9 * DAY,
			       .max = 1,
			       .out = out };
	size_t n = 0;

	bed_prepare(&d.req);
	spool_due(y->b.spool, &d);
	bed_wait(&y->b, &d.req);
	if (d.n == 0)
		return 0;
	for (size_t i = 0; i < out[0]->nrcpts; i++)
		n += out[0]->rcpts[i].state == RCPT_WAITING;
	assert_true(bed_body_is(&y->b, out[0], TEXT, SIZE));
	message_free(out[0]);
	return n;
}

/* The source has it, and days go by; what is given up. */
static uint64_t grow_old(struct yard *y)
{
	struct spool_tidy t = { .now_ms = NOW + 2 * DAY,
				.history_ms = 90 * DAY };

	assert_int_equal(fate_of(y), FATE_QUEUED);
	bed_prepare(&t.req);
	spool_tidy(y->b.spool, &t);
	bed_wait(&y->b, &t.req);
	return t.given_up;
}

static void what_nobody_has_is_fetched_again(void **state)
{
	struct yard *y = *state;

	hold(y, false);
	assert_int_equal(grow_old(y), SIZE);
	assert_int_equal(spool_octets(y->b.spool), 0);
	retry(y);
	assert_int_equal(fate_of(y), FATE_NEW);
}

static void what_somebody_has_keeps_its_body(void **state)
{
	struct yard *y = *state;

	hold(y, true);
	assert_int_equal(grow_old(y), 0);
	assert_int_equal(spool_octets(y->b.spool), SIZE);
	bed_close(&y->b);
	bed_open(&y->b, NOW + 2 * DAY);
	retry(y);
	assert_int_equal(y->changed, 1);
	assert_int_equal(fate_of(y), FATE_QUEUED);
	assert_int_equal(count_waiting(y), 1);
}

static void what_was_in_doubt_keeps_its_body(void **state)
{
	struct yard *y = *state;

	assert_true(bed_result(&y->b, y->m, MESSAGE_DOUBT, NOW));
	assert_true(bed_sending(&y->b, y->m, NOW));
	hold(y, false);
	assert_int_equal(grow_old(y), 0);
	assert_int_equal(spool_octets(y->b.spool), SIZE);
	retry(y);
	assert_int_equal(fate_of(y), FATE_QUEUED);
	assert_int_equal(count_waiting(y), 2);
}

/* A disk that lost the body gives nobody the right to send it twice. */
static void
what_somebody_has_is_not_fetched_where_its_body_is_lost(void **state)
{
	struct yard *y = *state;
	char path[128];

	hold(y, true);
	bed_close(&y->b);
	(void)snprintf(path, sizeof(path), "%s/bodies/%08x.seg", y->b.dir,
		       y->m->place.segment);
	assert_int_equal(unlink(path), 0);
	bed_open(&y->b, NOW + DAY);
	retry(y);
	assert_int_equal(y->changed, 0);
	assert_int_equal(fate_of(y), FATE_QUEUED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_has_is_fetched_again),
		TEST(what_somebody_has_keeps_its_body),
		TEST(what_was_in_doubt_keeps_its_body),
		TEST(what_somebody_has_is_not_fetched_where_its_body_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
