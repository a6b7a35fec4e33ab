/* Folders: their rows, and the patterns that find them. */
#include "support_spool.h"

#include <stdlib.h>
#include <string.h>

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

static void a_new_uidvalidity_is_told_until_it_is_dealt_with(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder_save save = { .f = bed_folder(b, a, "INBOX", 17) };
	struct spool_folder f;

	assert_false(save.f.changed);
	save.f.adopted_ms = NOW - 5;
	save.f.first_done = true;
	save.f.high_uid = 99;
	bed_prepare(&save.req);
	spool_folder_save(b->spool, &save);
	bed_wait(b, &save.req);
	for (int i = 0; i < 2; i++) {
		f = bed_folder(b, a, "INBOX", 18);
		assert_true(f.changed);
		assert_int_equal(f.adopted_ms, NOW - 5);
		assert_int_equal(f.high_uid, 0);
		bed_close(b);
		bed_open(b, NOW);
	}
	save.f = f;
	save.f.first_done = true;
	bed_prepare(&save.req);
	spool_folder_save(b->spool, &save);
	bed_wait(b, &save.req);
	assert_false(bed_folder(b, a, "INBOX", 18).changed);
	assert_false(bed_folder(b, a, "INBOX", 17).changed);
	assert_int_equal(bed_folder(b, a, "INBOX", 17).high_uid, 99);
	assert_false(bed_folder(b, a, "Other", 18).changed);
}

static struct spool_folder look_up(struct bed *b, int64_t account,
				   const char *name, uint32_t uidvalidity,
				   bool look)
{
	struct spool_folder_open q = { .account = account,
				       .name = name,
				       .uidvalidity = uidvalidity,
				       .look = look,
				       .appears = true,
				       .exists = 600 };

	bed_prepare(&q.req);
	spool_folder_open(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.f;
}

static void a_look_makes_no_row_and_what_appears_needs_no_decision(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f;

	assert_int_equal(look_up(b, a, "New", 7, true).id, 0);
	f = look_up(b, a, "New", 7, false);
	assert_true(f.id && f.appeared && f.first_done && !f.changed);
	assert_int_equal(f.backlog, 600);
	assert_true(f.keep_ms == INT64_MIN);
	f = look_up(b, a, "New", 7, true);
	assert_true(f.id && !f.appeared && f.first_done);
	/* another UIDVALIDITY is no appearance: it is compared */
	f = look_up(b, a, "New", 8, false);
	assert_true(f.changed && !f.appeared && !f.first_done);
	/* what was undecided stays so */
	assert_false(bed_folder(b, a, "Old", 7).first_done);
	f = look_up(b, a, "Old", 7, false);
	assert_true(!f.appeared && !f.first_done);
}

static char *patterns_of(struct bed *b, int64_t account)
{
	struct spool_folders q = { .account = account };

	bed_prepare(&q.req);
	spool_folders(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	spool_folders_fini(&q);
	return q.patterns;
}

static void patterns_stay_until_they_are_written(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_account_save save = { .a.id = a };
	const char *written[] = { "INBOX\nLists/*\n", NULL, "!x\n" };
	const char *want[] = { "INBOX\nLists/*\n", "INBOX\nLists/*\n", "!x\n" };
	char *lines = patterns_of(b, a);

	assert_string_equal(lines, "");
	free(lines);
	for (size_t i = 0; i < 3; i++) {
		save.patterns = written[i];
		bed_prepare(&save.req);
		spool_account_save(b->spool, &save);
		bed_wait(b, &save.req);
		bed_close(b);
		bed_open(b, NOW);
		lines = patterns_of(b, a);
		assert_string_equal(lines, want[i]);
		free(lines);
	}
}

static struct spool_folders ask(struct bed *b, int64_t account, size_t most)
{
	struct spool_folders q = { .account = account, .most = most };

	bed_prepare(&q.req);
	spool_folders(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	free(q.patterns);
	return q;
}

/* In order of name and UIDVALIDITY, each as it is told alone. */
static void the_folders_on_record_are_told_at_once(void **state)
{
	static const struct {
		const char *name;
		uint32_t uidvalidity;
	} want[] = { { "B", 9 }, { "INBOX", 17 }, { "INBOX", 18 }, { "a", 1 } };
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folders q = ask(b, a, 9);
	struct spool_folder f;

	assert_int_equal(q.n, 0);
	spool_folders_fini(&q);
	for (size_t i = 4; i-- > 0;)
		(void)bed_folder(b, a, want[i].name, want[i].uidvalidity);
	(void)bed_folder(b, bed_account(b, "web", SPOOL_IMAP), "C", 3);
	q = ask(b, a, 9);
	assert_int_equal(q.n, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(q.known[i].name, want[i].name);
		f = look_up(b, a, want[i].name, want[i].uidvalidity, true);
		assert_true(f.id);
		assert_memory_equal(&q.known[i].f, &f, sizeof(f));
	}
	spool_folders_fini(&q);
	assert_null(q.known);
	q = ask(b, a, 3);
	assert_int_equal(q.n, 3);
	spool_folders_fini(&q);
}

/* What comes of a message that waits may change its folder's row. */
static void while_a_message_waits_none_are_told(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t folder = bed_folder(b, a, "INBOX", 17).id;
	struct message *m = bed_message(a, folder, message_key_uid(5));
	struct spool_folders q = ask(b, a, 9);

	assert_int_equal(q.n, 1);
	spool_folders_fini(&q);
	assert_true(bed_put(b, m, "x", 1, false));
	q = ask(b, a, 9);
	assert_int_equal(q.n, 0);
	spool_folders_fini(&q);
	bed_close(b); /* nor after a start */
	bed_open(b, NOW);
	q = ask(b, a, 9);
	assert_int_equal(q.n, 0);
	spool_folders_fini(&q);
	assert_true(bed_sending(b, m, NOW));
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	q = ask(b, a, 9);
	assert_int_equal(q.n, 1);
	assert_int_equal(q.known[0].f.lowest[FATE_DELIVERED].uid, 5);
	spool_folders_fini(&q);
	message_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_uidvalidity_is_told_until_it_is_dealt_with),
		TEST(a_look_makes_no_row_and_what_appears_needs_no_decision),
		TEST(patterns_stay_until_they_are_written),
		TEST(the_folders_on_record_are_told_at_once),
		TEST(while_a_message_waits_none_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
