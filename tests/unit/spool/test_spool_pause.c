/* A refused setting, in the ledger: its pause, and recipients put right. */
#include "support_spool.h"

#include <stdlib.h>
#include <string.h>

#define HOUR 3600000

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

static struct message *spooled(struct bed *b, int64_t account, uint32_t n)
{
	struct spool_folder f = bed_folder(b, account, "INBOX", 1);
	struct message *m = bed_message(account, f.id, message_key_uid(n));

	assert_true(bed_put(b, m, "x", 1, true));
	return m;
}

static void result(struct bed *b, struct message *m, enum spool_pausing what,
		   int64_t until_ms)
{
	struct spool_result q = {
		.m = m,
		.now_ms = NOW,
		.delivery = "home",
		.pausing = what,
		.pause = { .account = m->account,
			   .until_ms = until_ms,
			   .settings = 0x7edcba9876543210u },
	};

	m->state = MESSAGE_SPOOLED;
	m->next_at = until_ms;
	bed_prepare(&q.req);
	spool_result(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

static struct spool_pause load(struct bed *b, size_t n)
{
	struct spool_delivery_load l = { .d = { .name = "home" } };
	struct spool_pause p = { .account = 0 };

	bed_prepare(&l.req);
	spool_delivery_load(b->spool, &l);
	bed_wait(b, &l.req);
	assert_int_equal(l.npauses, n);
	if (n)
		p = l.pauses[0];
	free(l.pauses);
	return p;
}

static void reopen(struct bed *b, int64_t now_ms)
{
	bed_close(b);
	bed_open(b, now_ms);
}

static void a_pause_is_kept_and_ends(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct message *m = spooled(b, a, 1);
	struct spool_pause p;

	result(b, m, SPOOL_PAUSE_BEGIN, NOW + HOUR / 2);
	reopen(b, NOW + 1);
	p = load(b, 1);
	assert_int_equal(p.account, a);
	assert_int_equal(p.until_ms, NOW + HOUR / 2);
	assert_true(p.settings == 0x7edcba9876543210u);
	assert_true(bed_sending(b, m, NOW + 1));
	result(b, m, SPOOL_PAUSE_KEEP, NOW);
	assert_int_equal(load(b, 1).until_ms, NOW + HOUR / 2);
	assert_true(bed_sending(b, m, NOW + 1));
	result(b, m, SPOOL_PAUSE_END, NOW);
	(void)load(b, 0);
	message_free(m);
}

static bool hasten(struct ledger *l, void *arg, struct err *err)
{
	return query_hasten(l, *(int64_t *)arg, NOW, err);
}

static bool retry(struct ledger *l, void *arg, struct err *err)
{
	struct query_filter f = { .nids = 0 };
	uint64_t n;

	(void)arg;
	return query_retry(l, &f, NOW, &n, err);
}

/* By a person, for this account: not for the other. */
static void a_person_ends_it(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t other = bed_account(b, "web", SPOOL_IMAP);
	struct message *m = spooled(b, a, 1), *n = spooled(b, other, 1);
	struct err err = { 0 };

	result(b, m, SPOOL_PAUSE_BEGIN, NOW + HOUR / 2);
	result(b, n, SPOOL_PAUSE_BEGIN, NOW + HOUR / 2);
	assert_true(spool_call_now(b->spool, hasten, &a, &err));
	assert_int_equal(load(b, 1).account, other);
	assert_true(spool_call_now(b->spool, retry, NULL, &err));
	(void)load(b, 0);
	message_free(m);
	message_free(n);
}

/* One that was made while the clock was ahead would last a year. */
static void a_clock_that_was_ahead_ends_it(void **state)
{
	struct bed *b = *state;
	struct message *m = spooled(b, bed_account(b, "gmx", SPOOL_IMAP), 1);

	result(b, m, SPOOL_PAUSE_BEGIN, NOW + 365ll * 24 * HOUR);
	reopen(b, NOW + 400ll * 24 * HOUR);
	reopen(b, NOW + 2 * HOUR);
	(void)load(b, 0);
	message_free(m);
}

/* What one of them said before goes with its number. */
static void recipients_are_put_right(void **state)
{
	struct bed *b = *state;
	const char *to[] = { "you@example.org", "new@example.org" };
	struct message *m = spooled(b, bed_account(b, "gmx", SPOOL_IMAP), 1);
	struct message *out[2] = { NULL };
	struct spool_due due = { .until_ms = NOW, .max = 2, .out = out };

	message_add_rcpt(m, VIEW_LIT("you@example.org"));
	m->rcpts[0].state = RCPT_REFUSED;
	m->rcpts[0].code = 550;
	m->rcpts[1].state = RCPT_ACCEPTED;
	m->rcpts[1].code = 250;
	message_readdress(m, to, 2);
	assert_int_equal(m->nrcpts, 2);
	result(b, m, SPOOL_PAUSE_KEEP, NOW);
	assert_false(m->readdressed);
	reopen(b, NOW);
	bed_prepare(&due.req);
	spool_due(b->spool, &due);
	bed_wait(b, &due.req);
	assert_int_equal(due.n, 1);
	assert_int_equal(out[0]->nrcpts, 2);
	assert_string_equal(out[0]->rcpts[0].address, "you@example.org");
	assert_int_equal(out[0]->rcpts[0].state, RCPT_ACCEPTED);
	assert_string_equal(out[0]->rcpts[1].address, "new@example.org");
	assert_int_equal(out[0]->rcpts[1].state, RCPT_WAITING);
	assert_int_equal(out[0]->rcpts[1].code, 0);
	assert_string_equal(out[0]->folder_name, "INBOX");
	message_free(out[0]);
	message_free(m);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pause_is_kept_and_ends),
		TEST(a_person_ends_it),
		TEST(a_clock_that_was_ahead_ends_it),
		TEST(recipients_are_put_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
