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

/* A spooled message of one octet more each time. */
static struct message *spooled(struct bed *b, uint32_t uid, bool sending)
{
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct message *m = bed_message(a, f.id, message_key_uid(uid));

	assert_true(bed_put(b, m, "x", 1, sending));
	return m;
}

static struct message *loaded(struct bed *b, int64_t until)
{
	struct message *out[8];
	struct spool_due q = { .until_ms = until, .max = 8, .out = out };

	bed_prepare(&q.req);
	spool_due(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	for (size_t i = 1; i < q.n; i++)
		message_free(out[i]);
	return q.n ? out[0] : NULL;
}

static void tx2_joins_tx1_for_a_reserved_message(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true);

	assert_int_equal(m->state, MESSAGE_SENDING);
	assert_int_equal(m->attempts, 1);
	assert_int_equal(bed_sql(b, "SELECT state FROM queue"), 2);
	assert_null(loaded(b, NOW + 1));
	message_free(m);
}

static void each_step_names_the_state_it_starts_from(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, false);

	assert_false(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	m->state = MESSAGE_SPOOLED;
	assert_true(bed_sending(b, m, NOW));
	assert_false(bed_sending(b, m, NOW)); /* SENDING is not waiting */
	m->state = MESSAGE_SPOOLED;
	assert_false(bed_sending(b, m, NOW)); /* the row knows better */
	assert_false(bed_result(b, m, MESSAGE_GONE, NOW));
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	assert_false(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	assert_false(bed_result(b, m, MESSAGE_SPOOLED, NOW));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM settled"), 1);
	assert_int_equal(bed_sql(b, "SELECT delivered FROM account"), 1);
	message_free(m);
}

static void deferred_comes_back_when_it_is_due(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true), *again;

	m->next_at = NOW + 5000;
	m->waiting_since = NOW;
	message_set(&m->reason, VIEW_LIT("greylisted"));
	message_set(&m->reply, VIEW_LIT("451 4.7.1 later"));
	m->rcpts[0].code = 451;
	message_set(&m->rcpts[0].reply, VIEW_LIT("4.7.1 later"));
	assert_true(bed_result(b, m, MESSAGE_SPOOLED, NOW + 1));
	assert_null(loaded(b, NOW + 4999));
	again = loaded(b, NOW + 5000);
	assert_non_null(again);
	assert_int_equal(again->id, m->id);
	assert_int_equal(again->attempts, 1);
	assert_int_equal(again->waiting_since, NOW);
	assert_string_equal(again->reason, "greylisted");
	assert_string_equal(again->reply, "451 4.7.1 later");
	assert_string_equal(again->delivery, "home");
	assert_string_equal(again->sender, "anna@example.org");
	assert_string_equal(again->uid_text, "000047115f3e2a1b");
	assert_int_equal(again->nrcpts, 1);
	assert_string_equal(again->rcpts[0].address, "me@example.org");
	assert_int_equal(again->rcpts[0].state, RCPT_WAITING);
	assert_int_equal(again->rcpts[0].code, 451);
	assert_int_equal(again->fingerprint, m->fingerprint);
	assert_true(bed_body_is(b, again, "x", 1));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM attempt"), 1);
	message_free(again);
	message_free(m);
}

static void unsent_counts_no_doubt(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true);
	struct spool_result q = { .m = m, .unsent = true, .now_ms = NOW };

	bed_prepare(&q.req);
	spool_result(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_int_equal(m->doubts, 0);
	assert_int_equal(bed_sql(b, "SELECT outcome FROM attempt"), 0);
	assert_true(bed_sending(b, m, NOW));
	assert_int_equal(m->attempts, 2);
	message_free(m);
}

static void doubt_is_sent_again_at_its_time_or_held(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true), *n = spooled(b, 2, true);
	struct message *again;

	m->next_at = NOW + 900000;
	assert_true(bed_result(b, m, MESSAGE_DOUBT, NOW));
	assert_int_equal(m->doubts, 1);
	n->next_at = 0;
	assert_true(bed_result(b, n, MESSAGE_DOUBT, NOW));
	assert_null(loaded(b, NOW));
	again = loaded(b, NOW + 900000);
	assert_int_equal(again->id, m->id);
	assert_int_equal(again->state, MESSAGE_DOUBT);
	assert_true(bed_sending(b, again, NOW + 900000));
	assert_int_equal(again->attempts, 2);
	assert_true(bed_result(b, again, MESSAGE_DELIVERED, NOW + 900001));
	assert_int_equal(bed_sql(b, "SELECT doubts FROM settled"), 1);
	assert_null(loaded(b, NOW + 9000000));
	message_free(again);
	message_free(m);
	message_free(n);
}

static void recipients_are_settled_one_by_one(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct message *m = bed_message(a, f.id, message_key_uid(9)), *again;

	message_add_rcpt(m, VIEW_LIT("ben@example.org"));
	message_add_rcpt(m, VIEW_LIT("cia@example.org"));
	assert_true(bed_put(b, m, "x", 1, true));
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[0].code = 250;
	m->rcpts[1].code = 452;
	message_set(&m->rcpts[1].reply, VIEW_LIT("4.2.2 full"));
	m->rcpts[2].state = RCPT_REFUSED;
	m->rcpts[2].code = 550;
	m->rcpts[2].for_content = true;
	m->next_at = NOW + 1;
	assert_true(bed_result(b, m, MESSAGE_SPOOLED, NOW));
	again = loaded(b, NOW + 1);
	assert_int_equal(again->nrcpts, 3);
	assert_int_equal(again->rcpts[0].state, RCPT_ACCEPTED);
	assert_int_equal(again->rcpts[0].code, 250);
	assert_int_equal(again->rcpts[1].state, RCPT_WAITING);
	assert_string_equal(again->rcpts[1].reply, "4.2.2 full");
	assert_int_equal(again->rcpts[2].state, RCPT_REFUSED);
	assert_true(again->rcpts[2].for_content);
	assert_false(again->rcpts[1].for_content);
	message_free(again);
	message_free(m);
}

static void who_was_found_and_who_falls_back_is_kept(void **state)
{
	struct bed *b = *state;
	int64_t account = bed_account(b, "anna", SPOOL_POP3);
	struct spool_folder f = bed_folder(b, account, "", 0);
	struct message *m = bed_message(account, f.id, bed_key(1));

	m->rcpts[0].found = true;
	message_set(&m->fallback, VIEW_LIT("info@shop.test"));
	assert_true(bed_put(b, m, "x", 1, true));
	m->rcpts[0].state = RCPT_REFUSED;
	m->rcpts[0].code = 550;
	assert_false(message_has_configured(m));
	assert_true(message_fall_back(m));
	assert_false(message_fall_back(m));
	m->next_at = NOW;
	assert_true(bed_result(b, m, MESSAGE_SPOOLED, NOW));
	message_free(m);
	m = loaded(b, NOW);
	assert_int_equal(m->nrcpts, 2);
	assert_true(m->rcpts[0].found);
	assert_int_equal(m->rcpts[0].state, RCPT_REFUSED);
	assert_false(m->rcpts[1].found);
	assert_string_equal(m->rcpts[1].address, "info@shop.test");
	assert_int_equal(m->rcpts[1].state, RCPT_WAITING);
	message_free(m);
}

static void due_is_by_delivery_and_says_when_next(void **state)
{
	struct bed *b = *state;
	struct message *m[3], *out[4];
	struct spool_due q = {
		.delivery = "home", .until_ms = NOW, .max = 4, .out = out
	};

	for (uint32_t i = 0; i < 3; i++)
		m[i] = spooled(b, i + 1, false);
	assert_true(bed_sending(b, m[0], NOW));
	m[0]->next_at = NOW + 77;
	assert_true(bed_result(b, m[0], MESSAGE_SPOOLED, NOW));
	bed_prepare(&q.req);
	spool_due(b->spool, &q);
	bed_wait(b, &q.req);
	assert_int_equal(q.n, 2);
	assert_int_equal(out[0]->id, m[1]->id);
	assert_int_equal(out[1]->id, m[2]->id);
	assert_int_equal(q.next_ms, NOW + 77);
	message_free(out[0]);
	message_free(out[1]);
	q.after = m[1]->id;
	bed_prepare(&q.req);
	spool_due(b->spool, &q);
	bed_wait(b, &q.req);
	assert_int_equal(q.n, 1);
	message_free(out[0]);
	q.delivery = "other";
	q.after = 0;
	bed_prepare(&q.req);
	spool_due(b->spool, &q);
	bed_wait(b, &q.req);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.next_ms, 0);
	for (int i = 0; i < 3; i++)
		message_free(m[i]);
}

static void hold_is_for_what_was_not_sent(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, false), *n = spooled(b, 2, true);
	struct spool_hold h = { .m = m, .now_ms = NOW };

	message_set(&m->reason, VIEW_LIT("loop"));
	bed_prepare(&h.req);
	spool_hold(b->spool, &h);
	bed_wait(b, &h.req);
	assert_true(h.req.ok);
	assert_int_equal(m->state, MESSAGE_HELD);
	assert_null(loaded(b, NOW * 2));
	h.m = n;
	bed_prepare(&h.req);
	spool_hold(b->spool, &h);
	bed_wait(b, &h.req);
	assert_false(h.req.ok);
	assert_int_equal(bed_sql(b, "SELECT held FROM account"), 1);
	message_free(m);
	message_free(n);
}

/* The refused one is in the same commit as the others. */
static void a_failing_request_fails_alone(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true), *twin, *bad, *good;
	struct spool_put put[3];
	struct spool_result r = { .m = m, .now_ms = NOW };

	twin = bed_message(m->account, m->folder, m->key);
	bad = bed_message(m->account, m->folder, message_key_uid(2));
	message_add_rcpt(bad, VIEW_LIT("a@b\r\nRCPT TO:<c@d>"));
	good = bed_message(m->account, m->folder, message_key_uid(3));
	for (int i = 0; i < 3; i++) {
		put[i] = (struct spool_put){
			.m = i == 0   ? twin
			     : i == 1 ? bad
				      : good,
			.body = bed_body(b, "abc", 3),
		};
		bed_prepare(&put[i].req);
		spool_put(b->spool, &put[i]);
	}
	m->state = MESSAGE_DELIVERED;
	m->rcpts[0].state = RCPT_ACCEPTED;
	bed_prepare(&r.req);
	spool_result(b->spool, &r);
	bed_wait(b, &r.req);
	for (int i = 0; i < 3; i++)
		bed_wait(b, &put[i].req);
	assert_false(put[0].req.ok);
	assert_false(put[1].req.ok);
	assert_true(put[2].req.ok);
	assert_true(r.req.ok);
	assert_int_equal(twin->id, 0);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 2);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"), 1);
	assert_true(bed_body_is(b, good, "abc", 3));
	message_free(m);
	message_free(twin);
	message_free(bad);
	message_free(good);
}

static bool change_then_fail(struct ledger *l, void *arg, struct err *err)
{
	struct query_filter f = { 0 };
	uint64_t n;

	(void)query_retry(l, &f, NOW + 5, &n, err);
	assert_int_equal(n, 1);
	*(bool *)arg = true;
	return err_set(err, ERR_CANCELLED, "no");
}

static void a_failing_call_is_undone(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, false);
	struct err err = { 0 };
	bool ran = false;

	assert_false(spool_call_now(b->spool, change_then_fail, &ran, &err));
	assert_true(ran);
	assert_string_equal(err.what, "no");
	assert_int_equal(bed_sql(b, "SELECT next_at FROM queue"), 0);
	assert_null(spool_fatal(b->spool));
	message_free(m);
}

static void fetched_again_takes_the_place_of_the_settled(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, true), *n;
	struct spool_item item = { .key = m->key };

	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	n = spooled(b, 1, true);
	assert_true(n->id > m->id);
	bed_list(b, m->folder, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	bed_close(b);
	bed_open(b, NOW);
	bed_list(b, m->folder, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	bed_tidy(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM unfolded"), 0);
	message_free(m);
	message_free(n);
}

static void gone_is_for_what_was_delivered(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, 1, false), *n = spooled(b, 2, true);
	struct message_key keys[3] = { m->key, n->key, message_key_uid(3) };
	struct spool_item items[3] = { { .key = keys[0] },
				       { .key = keys[1] },
				       { .key = keys[2] } };

	assert_true(bed_result(b, n, MESSAGE_DELIVERED, NOW));
	assert_true(bed_gone(b, m->account, m->folder, keys, 3, NOW));
	bed_list(b, m->folder, items, 3, false, NOW);
	assert_int_equal(items[0].fate, FATE_QUEUED);
	assert_int_equal(items[1].fate, FATE_GONE);
	assert_int_equal(items[2].fate, FATE_NEW);
	assert_int_equal(bed_sql(b, "SELECT deleted FROM account"), 1);
	message_free(m);
	message_free(n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(put_send_deliver_gone),
		TEST(tx2_joins_tx1_for_a_reserved_message),
		TEST(each_step_names_the_state_it_starts_from),
		TEST(deferred_comes_back_when_it_is_due),
		TEST(unsent_counts_no_doubt),
		TEST(doubt_is_sent_again_at_its_time_or_held),
		TEST(recipients_are_settled_one_by_one),
		TEST(who_was_found_and_who_falls_back_is_kept),
		TEST(due_is_by_delivery_and_says_when_next),
		TEST(hold_is_for_what_was_not_sent),
		TEST(a_failing_request_fails_alone),
		TEST(a_failing_call_is_undone),
		TEST(fetched_again_takes_the_place_of_the_settled),
		TEST(gone_is_for_what_was_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
