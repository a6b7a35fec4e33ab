/* What was done at the source with delivered messages: marked, moved. */
#include "must.h"
#include "support_spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY ((int64_t)86400000)

struct scene {
	int64_t account;
	struct spool_folder inbox, target;
	struct message_key key[20];
};

/* Twenty delivered messages, UIDs 100 and on; the first ten are folded. */
static struct scene delivered(struct bed *b)
{
	struct scene s = { .account = bed_account(b, "gmx", SPOOL_IMAP) };

	s.inbox = bed_folder(b, s.account, "INBOX", 7);
	s.target = bed_folder(b, s.account, "Done", 55);
	for (uint32_t i = 0; i < 20; i++) {
		struct message *m;

		s.key[i] = message_key_uid(100 + i);
		m = bed_message(s.account, s.inbox.id, s.key[i]);
		assert_true(bed_put(b, m, "x", 1, true));
		assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
		message_free(m);
		if (i == 9)
			bed_tidy(b, NOW);
	}
	return s;
}

static void reopen(struct bed *b)
{
	bed_close(b);
	bed_open(b, NOW);
}

/* The fates of twenty UIDs, a letter each; the day of all but X is ours. */
static const char *fates(struct bed *b, int64_t folder, uint32_t from)
{
	static char out[21];
	struct spool_item items[20] = { 0 };

	for (uint32_t i = 0; i < 20; i++)
		items[i].key = message_key_uid(from + i);
	bed_list(b, folder, items, 20, false, NOW);
	for (size_t i = 0; i < 20; i++) {
		out[i] = ".QDXASDMVB"[items[i].fate];
		if (strchr("DMB", out[i]) && items[i].fate != FATE_DROPPED)
			assert_int_equal(items[i].day, NOW / DAY);
	}
	return out;
}

static void marked_is_remembered(void **state)
{
	struct bed *b = *state;
	struct scene s = delivered(b);
	struct spool_folder f;

	assert_true(bed_marked(b, s.account, s.inbox.id, s.key + 5, 10, NOW));
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(fates(b, s.inbox.id, 100),
				    "DDDDDMMMMMMMMMMDDDDD");
		f = bed_folder(b, s.account, "INBOX", 7);
		assert_int_equal(f.lowest[FATE_DELIVERED].uid, 100);
		assert_int_equal(f.lowest[FATE_MARKED].uid, 105);
		assert_int_equal(f.lowest[FATE_MARKED].day, NOW / DAY);
		assert_int_equal(f.lowest[FATE_BROUGHT].uid, 0);
		if (i == 0)
			reopen(b);
		else
			bed_tidy(b, NOW);
	}
	/* marked ones are deleted like the others, and count */
	assert_true(bed_gone(b, s.account, s.inbox.id, s.key + 4, 3, NOW));
	assert_string_equal(fates(b, s.inbox.id, 100), "DDDDXXXMMMMMMMMDDDDD");
	assert_int_equal(bed_sql(b, "SELECT deleted FROM account"), 3);
	/* what is gone stays so, whatever is told later */
	assert_true(bed_marked(b, s.account, s.inbox.id, s.key + 4, 3, NOW));
	assert_string_equal(fates(b, s.inbox.id, 100), "DDDDXXXMMMMMMMMDDDDD");
}

static void intend(struct bed *b, const struct scene *s, size_t from, size_t n)
{
	struct spool_intent items[20] = { 0 };
	struct spool_intend q = { .folder = s->inbox.id,
				  .target = s->target.id,
				  .since = 31,
				  .items = items,
				  .n = n };

	for (size_t i = 0; i < n; i++) {
		items[i].key = s->key[from + i];
		items[i].print = 1000 + from + i;
	}
	bed_prepare(&q.req);
	spool_intend(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

/* uid: of the first in the target, 0: not told */
static void moved(struct bed *b, const struct scene *s, size_t from, size_t n,
		  uint32_t uid, bool all)
{
	struct spool_intent items[20] = { 0 };
	struct spool_moved q = { .folder = s->inbox.id,
				 .target = s->target.id,
				 .items = items,
				 .n = n,
				 .all = all,
				 .now_ms = NOW };

	for (size_t i = 0; i < n; i++) {
		items[i].key = s->key[from + i];
		items[i].uid = uid ? uid + (uint32_t)i : 0;
	}
	bed_prepare(&q.req);
	spool_moved(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

static struct spool_intents intents(struct bed *b, const struct scene *s)
{
	struct spool_intents q = { .folder = s->inbox.id };

	bed_prepare(&q.req);
	spool_intents(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q;
}

/* CASES D15: what was about to be moved survives any death. */
static void d15_intents_last_until_they_are_settled(void **state)
{
	struct bed *b = *state;
	struct scene s = delivered(b);
	struct spool_intents q;

	intend(b, &s, 8, 4);
	reopen(b);
	assert_int_equal(bed_folder(b, s.account, "INBOX", 7).intents, 4);
	q = intents(b, &s);
	assert_int_equal(q.target, s.target.id);
	assert_string_equal(q.name, "Done");
	assert_int_equal(q.uidvalidity, 55);
	assert_int_equal(q.since, 31);
	assert_int_equal(q.n, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(message_key_to_uid(&q.items[i].key), 108 + i);
		assert_int_equal(q.items[i].print, 1008 + i);
	}
	free(q.items);
	free(q.name);
	/* two were found there, one knows not where, one never went */
	moved(b, &s, 8, 2, 31, false);
	moved(b, &s, 10, 1, 0, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(fates(b, s.inbox.id, 100),
				    "DDDDDDDDVVVDDDDDDDDD");
		assert_string_equal(fates(b, s.target.id, 30),
				    ".BB.................");
		if (i == 0)
			reopen(b);
		else
			bed_tidy(b, NOW);
	}
	q = intents(b, &s);
	assert_int_equal(q.target, 0);
	assert_int_equal(q.n, 0);
	assert_int_equal(bed_folder(b, s.account, "INBOX", 7).intents, 0);
	assert_int_equal(bed_folder(b, s.account, "Done", 55).unplaced, 1);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM settled"
				    " WHERE state = 5 AND done = 2"
				    " AND gone_at > 0"),
			 3);
}

static void brought_ones_are_due_and_go(void **state)
{
	struct bed *b = *state;
	struct scene s = delivered(b);
	struct spool_brought q = { .account = s.account, .name = "Done" };
	struct message_key keys[3] = { message_key_uid(30), message_key_uid(31),
				       message_key_uid(32) };
	struct spool_folder f;

	moved(b, &s, 8, 4, 31, false);
	f = bed_folder(b, s.account, "Done", 55);
	assert_int_equal(f.lowest[FATE_BROUGHT].uid, 31);
	bed_prepare(&q.req);
	spool_brought(b->spool, &q);
	bed_wait(b, &q.req);
	assert_int_equal(q.day, NOW / DAY);
	/* 30 is somebody else's: only what was accepted is ever deleted */
	assert_true(bed_gone(b, s.account, s.target.id, keys, 3, NOW));
	assert_string_equal(fates(b, s.target.id, 30), ".XXBB...............");
	assert_int_equal(bed_sql(b, "SELECT deleted FROM account"), 2);
}

static int setup(void **state)
{
	struct bed *b = mem_new(sizeof(*b));

	bed_make(b);
	bed_open(b, NOW);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	bed_close(b);
	bed_remove(b);
	free(b);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(marked_is_remembered),
		TEST(d15_intents_last_until_they_are_settled),
		TEST(brought_ones_are_due_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
