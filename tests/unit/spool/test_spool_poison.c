/* DESIGN 5, "Poison": who gets a strike, and what three of them do. */
#include "crash.h"
#include "limits.h"
#include "support_spool.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	static struct bed b;

	b = (struct bed){ 0 };
	bed_make(&b);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

enum hand { /* what the child has in hand when it dies */
	HAND_NOTHING,
	HAND_QUEUED,
	HAND_TWO,
	HAND_ARRIVING,
};

static void take_in_hand(struct bed *b, enum hand h, int64_t id)
{
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct crash_entry e = { .account = a, .uid = "7" };
	struct message_key seven = message_key_uid(7);

	e.folder = bed_folder(b, a, "INBOX", 17).id;
	switch (h) {
	case HAND_NOTHING:
		break;
	case HAND_TWO:
		e.id = id + 1;
		(void)crash_note(&e);
		/* fall through */
	case HAND_QUEUED:
		e.id = id;
		(void)crash_note(&e);
		break;
	case HAND_ARRIVING:
		memcpy(e.key, seven.octets, sizeof(e.key));
		(void)crash_note(&e);
		break;
	}
}

/* A process that opens the spool and ends so. */
static void die(struct bed *b, int signum, enum hand h, int64_t id)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(signum, SIG_DFL); /* no sanitizer's */
		bed_open(b, NOW);
		take_in_hand(b, h, id);
		(void)raise(signum);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signum);
}

/* Two messages on the queue; the id of the first. */
static int64_t queue_two(struct bed *b)
{
	int64_t a, folder, id = 0;

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	folder = bed_folder(b, a, "INBOX", 17).id;
	for (uint32_t n = 1; n <= 2; n++) {
		struct message *m = bed_message(a, folder, message_key_uid(n));

		assert_true(bed_put(b, m, "x", 1, false));
		id = id ? id : m->id;
		message_free(m);
	}
	bed_close(b);
	return id;
}

static struct message *loaded(struct bed *b, int64_t id)
{
	static struct message *out[4];
	struct spool_due d = { .until_ms = NOW * 2, .max = 4, .out = out };
	struct message *m = NULL;

	bed_prepare(&d.req);
	spool_due(b->spool, &d);
	bed_wait(b, &d.req);
	for (size_t i = 0; i < d.n; i++)
		if (out[i]->id == id)
			m = out[i];
		else
			message_free(out[i]);
	return m;
}

static void three_times_alone_is_held(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);
	struct message *m;

	for (uint32_t n = 1; n <= LIMIT_STRIKES; n++) {
		die(b, SIGSEGV, HAND_QUEUED, id);
		bed_open(b, NOW);
		assert_true(b->found.crashed);
		assert_int_equal(b->found.suspects, 1);
		assert_int_equal(b->found.poisoned, n == LIMIT_STRIKES);
		m = loaded(b, id);
		if (n < LIMIT_STRIKES) {
			assert_non_null(m);
			assert_true(m->suspect);
			assert_int_equal(m->strikes, n);
		} else {
			assert_null(m);
		}
		message_free(m);
		m = loaded(b, id + 1); /* the rest flows */
		assert_non_null(m);
		assert_false(m->suspect);
		message_free(m);
		bed_close(b);
	}
	bed_open(b, NOW);
	assert_int_equal(b->found.held, 1);
	assert_false(b->found.crashed);
}

static bool release_all(struct ledger *l, void *arg, struct err *err)
{
	struct query_filter f = { 0 };

	return query_retry(l, &f, NOW, arg, err);
}

static void retry_releases_to_be_tried_alone(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);
	struct message *m;
	uint64_t n;
	struct err err;

	for (uint32_t i = 0; i < LIMIT_STRIKES; i++)
		die(b, SIGABRT, HAND_QUEUED, id);
	bed_open(b, NOW);
	assert_true(spool_call_now(b->spool, release_all, &n, &err));
	m = loaded(b, id);
	assert_non_null(m);
	assert_true(m->suspect);
	assert_int_equal(m->strikes, 0);
	message_free(m);
}

static void in_company_is_suspect_without_a_strike(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);
	struct message *m;

	for (int i = 0; i < 4; i++)
		die(b, SIGBUS, HAND_TWO, id);
	bed_open(b, NOW);
	assert_int_equal(b->found.suspects, 2);
	assert_int_equal(b->found.held, 0);
	m = loaded(b, id + 1);
	assert_true(m->suspect);
	assert_int_equal(m->strikes, 0);
	/* once tried without a death it is like any other */
	assert_true(bed_sending(b, m, NOW));
	assert_true(bed_result(b, m, MESSAGE_SPOOLED, NOW));
	message_free(m);
	m = loaded(b, id + 1);
	assert_false(m->suspect);
	message_free(m);
}

/* CASES J8, I18: killed from outside, however often, with mail in hand. */
static void j8_killed_from_outside_is_no_strike(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);

	for (int i = 0; i < 4; i++)
		die(b, SIGKILL, HAND_QUEUED, id);
	bed_open(b, NOW);
	assert_false(b->found.crashed);
	assert_int_equal(b->found.held, 0);
	assert_int_equal(bed_sql(b, "SELECT sum(strikes + suspect) FROM queue"),
			 0);
}

static void out_of_memory_is_no_strike(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		bed_open(b, NOW);
		take_in_hand(b, HAND_QUEUED, id);
		crash_excuse();
		(void)raise(SIGABRT);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	bed_open(b, NOW);
	assert_false(b->found.crashed);
}

static void another_boot_is_forgotten(void **state)
{
	struct bed *b = *state;
	int64_t id = queue_two(b);
	char path[128];
	int fd;

	die(b, SIGSEGV, HAND_QUEUED, id);
	(void)snprintf(path, sizeof(path), "%s/crash", b->dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "other", 5, 1), 5); /* the boot */
	assert_int_equal(close(fd), 0);
	bed_open(b, NOW);
	assert_false(b->found.crashed);
	bed_close(b);
	die(b, SIGKILL, HAND_NOTHING, 0); /* and it is not looked at later */
	bed_open(b, NOW);
	assert_false(b->found.crashed);
}

/* CASES I19: it never comes as far as the queue. */
static void i19_one_that_never_arrives_is_held_without_a_body(void **state)
{
	struct bed *b = *state;
	struct spool_item i = { .key = message_key_uid(7) };
	int64_t folder;
	uint64_t n;
	struct err err;

	for (uint32_t k = 1; k <= LIMIT_STRIKES; k++) {
		die(b, SIGSEGV, HAND_ARRIVING, 0);
		bed_open(b, NOW);
		folder = bed_folder(b, bed_account(b, "gmx", SPOOL_IMAP),
				    "INBOX", 17)
				 .id;
		i.flags = 0;
		bed_list(b, folder, &i, 1, true, NOW);
		if (k < LIMIT_STRIKES) {
			assert_int_equal(i.fate, FATE_NEW);
			assert_true(i.flags & SPOOL_ITEM_SUSPECT);
		} else {
			assert_int_equal(i.fate, FATE_QUEUED);
			assert_int_equal(b->found.poisoned, 1);
			assert_int_equal(b->found.held, 1);
		}
		bed_close(b);
	}
	bed_open(b, NOW);
	assert_true(spool_call_now(b->spool, release_all, &n, &err));
	assert_int_equal(n, 1);
	i.flags = 0;
	bed_list(b, folder, &i, 1, true, NOW);
	assert_int_equal(i.fate, FATE_NEW);
	assert_true(i.flags & SPOOL_ITEM_SUSPECT); /* alone again */
}

static void arriving_clears_the_suspicion(void **state)
{
	struct bed *b = *state;
	struct message *m;
	int64_t a;

	die(b, SIGFPE, HAND_ARRIVING, 0);
	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	m = bed_message(a, bed_folder(b, a, "INBOX", 17).id,
			message_key_uid(7));
	assert_true(bed_put(b, m, "x", 1, false));
	message_free(m);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM suspect"), 0);
}

static void a_crash_with_empty_hands(void **state)
{
	struct bed *b = *state;

	(void)queue_two(b);
	die(b, SIGILL, HAND_NOTHING, 0);
	bed_open(b, NOW);
	assert_true(b->found.crashed);
	assert_int_equal(b->found.suspects, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(three_times_alone_is_held),
		TEST(retry_releases_to_be_tried_alone),
		TEST(in_company_is_suspect_without_a_strike),
		TEST(j8_killed_from_outside_is_no_strike),
		TEST(out_of_memory_is_no_strike),
		TEST(another_boot_is_forgotten),
		TEST(i19_one_that_never_arrives_is_held_without_a_body),
		TEST(arriving_clears_the_suspicion),
		TEST(a_crash_with_empty_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
