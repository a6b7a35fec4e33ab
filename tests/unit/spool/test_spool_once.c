/*
 * duplicates = once: who counts as having a message, and what of it lasts.
 */
#include "must.h"
#include "support_spool.h"

#define HOUR ((int64_t)3600000)
#define DAY  (24 * HOUR)

struct beds {
	struct bed b;
	int64_t account[2];
	struct spool_folder folder[2];
	uint32_t uid;
};

static int setup(void **state)
{
	static struct beds x;

	x = (struct beds){ .uid = 1 };
	bed_make(&x.b);
	bed_open(&x.b, NOW);
	for (int i = 0; i < 2; i++) {
		x.account[i] = bed_account(&x.b, i ? "two" : "one", SPOOL_IMAP);
		x.folder[i] = bed_folder(&x.b, x.account[i], "INBOX", 17);
	}
	*state = &x;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(&((struct beds *)*state)->b);
	return 0;
}

/* The message "what", for the recipients that stand in who, by account i. */
static struct message *put(struct beds *x, int i, char what, const char *who,
			   int64_t now)
{
	struct message *m = bed_message(x->account[i], x->folder[i].id,
					message_key_uid(x->uid++));

	message_no_rcpts(m);
	m->prints = mem_new(strlen(who) * sizeof(*m->prints));
	for (size_t k = 0; who[k]; k++) {
		char address[] = "x@y.test";

		address[0] = who[k];
		message_add_rcpt(m, view_of(address));
		m->prints[k][0] = (uint8_t)what;
		m->prints[k][1] = (uint8_t)who[k];
	}
	m->once = true;
	m->fetched_at = now;
	assert_true(bed_put(&x->b, m, "x", 1, false));
	return m;
}

static enum message_state state_of(struct beds *x, int i, char what,
				   const char *who, int64_t now)
{
	struct message *m = put(x, i, what, who, now);
	enum message_state s = m->state;

	message_free(m);
	return s;
}

static void deliver(struct beds *x, struct message *m, int64_t now)
{
	assert_true(bed_sending(&x->b, m, now));
	for (size_t i = 0; i < m->nrcpts; i++)
		m->rcpts[i].state = RCPT_ACCEPTED;
	assert_true(bed_result(&x->b, m, MESSAGE_DELIVERED, now));
}

/* Of the duplicate: looked at anew? */
static bool is_open(struct beds *x, uint32_t uid)
{
	struct spool_item item = { .key = message_key_uid(uid) };
	struct spool_folder f = bed_folder(&x->b, x->account[1], "INBOX", 17);

	bed_list(&x->b, x->folder[1].id, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_SKIPPED);
	assert_int_equal(f.same_open_low == uid,
			 !(item.flags & SPOOL_ITEM_SAME));
	return !(item.flags & SPOOL_ITEM_SAME);
}

static void by_another_folder_alone(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW);

	deliver(x, m, NOW);
	assert_int_equal(state_of(x, 0, 'm', "a", NOW), MESSAGE_SPOOLED);
	assert_int_equal(state_of(x, 1, 'n', "a", NOW), MESSAGE_SPOOLED);
	assert_int_equal(state_of(x, 1, 'm', "b", NOW), MESSAGE_SPOOLED);
	assert_int_equal(state_of(x, 1, 'm', "a", NOW), MESSAGE_SKIPPED);
	assert_false(is_open(x, x->uid - 1));
	message_free(m);
}

static void for_a_week(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW);

	deliver(x, m, NOW);
	assert_int_equal(state_of(x, 1, 'm', "a", NOW + 7 * DAY),
			 MESSAGE_SKIPPED);
	bed_tidy(&x->b, NOW + 7 * DAY);
	assert_int_equal(bed_sql(&x->b, "SELECT count(*) FROM once"), 1);
	bed_tidy(&x->b, NOW + 7 * DAY + HOUR + 1); /* once in an hour */
	assert_int_equal(bed_sql(&x->b, "SELECT count(*) FROM once"), 0);
	assert_int_equal(state_of(x, 1, 'm', "a", NOW + 7 * DAY + 1),
			 MESSAGE_SPOOLED);
	message_free(m);
}

static void what_is_in_doubt_counts_until_it_is_decided(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW);

	assert_true(bed_sending(&x->b, m, NOW));
	assert_true(bed_result(&x->b, m, MESSAGE_DOUBT, NOW));
	assert_int_equal(state_of(x, 1, 'm', "a", NOW), MESSAGE_SKIPPED);
	assert_false(is_open(x, x->uid - 1));
	assert_true(bed_sending(&x->b, m, NOW + 1));
	assert_true(bed_result(&x->b, m, MESSAGE_HELD, NOW + 1));
	assert_true(is_open(x, x->uid - 1));
	assert_int_equal(state_of(x, 1, 'm', "a", NOW + 2), MESSAGE_SPOOLED);
	message_free(m);
}

static void what_was_on_its_way_at_a_death_still_counts(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW);

	assert_true(bed_sending(&x->b, m, NOW));
	bed_close(&x->b);
	bed_open(&x->b, NOW + 1);
	assert_int_equal(state_of(x, 1, 'm', "a", NOW + 2), MESSAGE_SKIPPED);
	message_free(m);
}

static void a_part_waits_for_what_is_on_its_way_but_not_for_ever(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW), *n;

	assert_int_equal(state_of(x, 1, 'm', "ab", NOW), MESSAGE_SKIPPED);
	assert_true(is_open(x, x->uid - 1));
	/* after an hour, or a failure, both are given it */
	n = put(x, 1, 'm', "ab", NOW + HOUR + 1);
	assert_int_equal(n->state, MESSAGE_SPOOLED);
	assert_int_equal(n->rcpts[0].state, RCPT_WAITING);
	message_free(n);
	message_free(m);
}

static void who_has_it_is_left_out(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW), *n;

	deliver(x, m, NOW);
	n = put(x, 1, 'm', "ab", NOW + 1);
	assert_int_equal(n->state, MESSAGE_SPOOLED);
	assert_int_equal(n->rcpts[0].state, RCPT_ACCEPTED);
	assert_non_null(strstr(n->rcpts[0].reply, "the same as message "));
	assert_int_equal(n->rcpts[1].state, RCPT_WAITING);
	assert_int_equal(bed_sql(&x->b, "SELECT count(*) FROM fate"), 2);
	message_free(m);
	message_free(n);
}

static void history_waits_for_it(void **state)
{
	struct beds *x = *state;
	struct message *m = put(x, 0, 'm', "a", NOW);
	struct spool_tidy t = { .now_ms = NOW + DAY, .history_ms = 1 };

	deliver(x, m, NOW);
	assert_int_equal(state_of(x, 0, 'n', "a", NOW), MESSAGE_SPOOLED);
	bed_prepare(&t.req);
	spool_tidy(x->b.spool, &t);
	bed_wait(&x->b, &t.req);
	assert_int_equal(state_of(x, 1, 'm', "a", NOW + DAY), MESSAGE_SKIPPED);
	message_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(by_another_folder_alone),
		CASE(for_a_week),
		CASE(what_is_in_doubt_counts_until_it_is_decided),
		CASE(what_was_on_its_way_at_a_death_still_counts),
		CASE(a_part_waits_for_what_is_on_its_way_but_not_for_ever),
		CASE(who_has_it_is_left_out),
		CASE(history_waits_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
