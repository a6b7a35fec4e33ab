/*
 * Group commit, and what a failing disk does to it.
 */
#include "support_spool.h"

#include "ledger.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the injected files do; both threads read them. */
static _Atomic int pwrite_errno, pwrite_short, pwrite_eintr, no_room;
static _Atomic int sync_errno;
static bool sync_once; /* as the kernel: the next one says nothing of it */
static _Atomic long body_syncs, dir_syncs;

static ssize_t bad_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (pwrite_errno) {
		errno = pwrite_errno;
		return -1;
	}
	if (pwrite_eintr && pwrite_eintr++ % 2) {
		errno = EINTR;
		return -1;
	}
	if (pwrite_short && n > 3)
		n = 3;
	return files_system()->pwrite(fd, p, n, at);
}

static ssize_t bad_pread(int fd, void *p, size_t n, off_t at)
{
	if (pwrite_eintr && pwrite_eintr++ % 2) {
		errno = EINTR;
		return -1;
	}
	return files_system()->pread(fd, p, pwrite_short && n > 2 ? 2 : n, at);
}

/* The barrier of a body takes until the gate is opened. */
static _Atomic int gated;
static sem_t gate;

static int bad_fdatasync(int fd)
{
	body_syncs++;
	if (gated)
		(void)sem_wait(&gate);
	if (sync_errno) {
		errno = sync_errno;
		if (sync_once)
			sync_errno = 0;
		return -1;
	}
	return files_system()->fdatasync(fd);
}

static int bad_fsync(int fd)
{
	dir_syncs++;
	return files_system()->fsync(fd);
}

static int bad_statvfs(int fd, struct statvfs *v)
{
	int rc = files_system()->statvfs(fd, v);

	if (no_room)
		v->f_bavail = 100;
	return rc;
}

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	b.files.pwrite = bad_pwrite;
	b.files.pread = bad_pread;
	b.files.fdatasync = bad_fdatasync;
	b.files.fsync = bad_fsync;
	b.files.statvfs = bad_statvfs;
	pwrite_errno = pwrite_short = pwrite_eintr = no_room = 0;
	sync_errno = 0;
	body_syncs = dir_syncs = 0;
	bed_open(&b, NOW);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	barrier_fault(BARRIER_OK, 0);
	pwrite_errno = sync_errno = 0;
	if (gated) { /* a test that failed in between */
		gated = 0;
		(void)sem_post(&gate);
	}
	bed_remove(*state);
	return 0;
}

struct place {
	int64_t account, folder;
};

static struct place place(struct bed *b)
{
	struct place p = { .account = bed_account(b, "gmx", SPOOL_IMAP) };

	p.folder = bed_folder(b, p.account, "INBOX", 17).id;
	return p;
}

/* --- group commit
 * ------------------------------------------------------------------ */

#define MANY 1024

/* Handed over at once, they share their barriers. */
static void many_messages_share_their_barriers(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct spool_put *put = calloc(MANY, sizeof(*put));
	struct bed_hold hold;
	long before, bodies;

	for (uint32_t i = 0; i < MANY; i++) {
		put[i].m = bed_message(p.account, p.folder,
				       message_key_uid(i + 1));
		put[i].body = bed_body(b, "abcdefgh", 8);
		bed_prepare(&put[i].req);
	}
	before = barrier_count;
	bodies = body_syncs;
	bed_hold(b, &hold);
	for (uint32_t i = 0; i < MANY; i++)
		spool_put(b->spool, &put[i]);
	bed_let_go(b, &hold);
	bed_settle(b);
	for (uint32_t i = 0; i < MANY; i++) {
		bed_wait(b, &put[i].req);
		assert_true(put[i].req.ok);
		assert_true(bed_body_is(b, put[i].m, "abcdefgh", 8));
		message_free(put[i].m);
	}
	free(put);
	/* Two a commit, and at least 64 in a commit on average. */
	assert_true(barrier_count - before <= 2 * MANY / 64 + 3);
	assert_true(body_syncs - bodies <= MANY / 64);
	assert_true(body_syncs > bodies);
}

/* One behind the other, each answered before the next: no barrier each. */
static void what_is_early_waits_for_no_barrier(void **state)
{
	enum {
		N = 200
	};
	struct bed *b = *state;
	struct place p = place(b);
	struct spool_folder_open q = { .account = p.account };
	long before = barrier_count;
	char name[16];

	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		q = (struct spool_folder_open){ .account = p.account,
						.name = name };
		bed_prepare(&q.req);
		q.req.early = true;
		spool_folder_open(b->spool, &q);
		bed_wait(b, &q.req);
		assert_true(q.req.ok && q.f.id);
	}
	/* Where this thread is late the commit is due; not so each time. */
	assert_true(barrier_count - before < N);
	/* what is asked for behind them is durable with them */
	bed_close(b);
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM folder"), N + 1);
}

/* A listing of one message, run on the store thread in one go. */
struct look {
	struct spool_item item;
	struct spool_listing q;
};

static struct look look_for(int64_t folder, uint32_t uid)
{
	return (struct look){
		.item = { .key = message_key_uid(uid) },
		.q = { .folder = folder, .n = 1, .now_ms = NOW },
	};
}

static bool look(struct ledger *l, void *arg, struct err *err)
{
	struct look *k = arg;
	struct ledger_job *j;

	(void)err;
	k->q.items = &k->item;
	assert_false(ledger_run_listing(l, &k->q.req));
	j = LIST_OF(list_pop(&l->jobs), struct ledger_job, link);
	while (!j->step(l, j))
		;
	ledger_job_free(j);
	return k->q.req.ok;
}

/* Both are in one transaction. */
static void deliver_and_look(struct bed *b, struct message *m, struct look *k)
{
	struct bed_hold hold;
	struct spool_result r = { .m = m, .now_ms = NOW };
	struct spool_call c = { .fn = look, .arg = k };

	bed_prepare(&r.req);
	bed_prepare(&c.req);
	m->state = MESSAGE_DELIVERED;
	m->settled_at = NOW;
	for (size_t i = 0; i < m->nrcpts; i++)
		m->rcpts[i].state = RCPT_ACCEPTED;
	bed_hold(b, &hold);
	spool_result(b->spool, &r);
	spool_call(b->spool, &c);
	bed_let_go(b, &hold);
	bed_settle(b);
	bed_wait(b, &r.req);
	bed_wait(b, &c.req);
	assert_true(r.req.ok && c.req.ok);
}

/* What may be deleted because of it is deleted because of what is on disk. */
static void a_listing_is_early_unless_a_delivery_is_not_on_disk(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(7));
	struct look k = look_for(p.folder, 7);
	struct err err;

	assert_true(spool_call_now(b->spool, look, &k, &err));
	assert_true(k.q.req.early);
	assert_true(bed_put(b, m, "abc", 3, true));
	deliver_and_look(b, m, &k);
	assert_int_equal(k.item.fate, FATE_DELIVERED);
	assert_false(k.q.req.early);
	assert_true(spool_call_now(b->spool, look, &k, &err));
	assert_int_equal(k.item.fate, FATE_DELIVERED);
	assert_true(k.q.req.early);
	message_free(m);
}

/* CASES I12: what is written is checkpointed as it goes. */
static void the_wal_stays_small(void **state)
{
	enum {
		N = 4000,
		LONG = 6000
	};
	struct bed *b = *state;
	struct place p = place(b);
	struct spool_put *put = calloc(N, sizeof(*put));
	char words[LONG + 1], path[128];
	struct stat st;

	memset(words, 'w', LONG);
	words[LONG] = 0;
	(void)snprintf(path, sizeof(path), "%s/ledger.db-wal", b->dir);
	for (uint32_t i = 0; i < N; i++) {
		put[i].m = bed_message(p.account, p.folder,
				       message_key_uid(i + 1));
		message_set(&put[i].m->from, (struct view){ words, LONG });
		put[i].body = bed_body(b, "x", 1);
		bed_prepare(&put[i].req);
		spool_put(b->spool, &put[i]);
		if (i % 200 == 0) {
			bed_settle(b);
			assert_int_equal(stat(path, &st), 0);
			assert_true(st.st_size < 10 << 20);
		}
	}
	for (uint32_t i = 0; i < N; i++) {
		bed_wait(b, &put[i].req);
		assert_true(put[i].req.ok);
		message_free(put[i].m);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 10 << 20);
	free(put);
}

static void one_body_is_synced_before_its_commit(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	long dirs = dir_syncs, bodies = body_syncs, all = barrier_count;

	assert_true(bed_put(b, m, "abc", 3, true));
	assert_int_equal(dir_syncs - dirs, 1); /* of the new segment */
	assert_int_equal(body_syncs - bodies, 1);
	assert_int_equal(barrier_count - all, 3);
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	assert_int_equal(barrier_count - all, 4);
	assert_int_equal(body_syncs - bodies, 1);
	message_free(m);
}

static void note_done(struct spool_req *r)
{
	*(bool *)r->who = true;
}

static bool commit_without_it(struct ledger *l, void *arg, struct err *err)
{
	sqlite3_stmt *s = NULL;

	(void)err;
	if (sqlite3_prepare_v2(l->db, "SELECT count(*) FROM message", -1, &s,
			       NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		*(int *)arg = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	return ledger_exec(l, "UPDATE site SET doubts = doubts");
}

/* Others are committed beside the barrier of a body, which is named behind it.
 */
static void a_body_being_synced_holds_up_nobody(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	struct spool_put put = { .m = m, .body = bed_body(b, "abc", 3) };
	struct err err;
	bool done = false;
	int named = -1;

	assert_int_equal(sem_init(&gate, 0, 0), 0);
	gated = 1;
	put.req.done = note_done;
	put.req.who = &done;
	spool_put(b->spool, &put);
	while (!body_syncs)
		(void)usleep(100);
	assert_true(spool_call_now(b->spool, commit_without_it, &named, &err));
	spool_results(b->spool);
	assert_int_equal(named, 0);
	assert_false(done);
	gated = 0;
	(void)sem_post(&gate);
	bed_settle(b);
	assert_true(done && put.req.ok);
	assert_int_equal(body_syncs, 1);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 1);
	(void)sem_destroy(&gate);
	message_free(m);
}

static void what_changes_nothing_costs_no_barrier(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct spool_item items[3] = { { .key = message_key_uid(1) },
				       { .key = message_key_uid(2) },
				       { .key = message_key_uid(3) } };
	struct spool_adopt q = {
		.folder = p.folder, .items = items, .n = 3, .now_ms = NOW
	};
	struct spool_folder_save save = { 0 };
	long before;

	bed_prepare(&q.req);
	spool_adopt(b->spool, &q);
	bed_wait(b, &q.req);
	save.f = bed_folder(b, p.account, "INBOX", 17);
	before = barrier_count;
	bed_list(b, p.folder, items, 3, true, NOW);
	assert_int_equal(items[1].fate, FATE_ADOPTED);
	(void)bed_account(b, "gmx", SPOOL_IMAP);
	bed_prepare(&save.req);
	spool_folder_save(b->spool, &save);
	bed_wait(b, &save.req);
	assert_true(save.req.ok);
	assert_int_equal(barrier_count, before);
}

/* --- a disk that fails
 * ---------------------------------------------------------------- */

static void a_full_disk_fails_that_put_alone(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	struct message *n =
		bed_message(p.account, p.folder, message_key_uid(2));

	assert_true(bed_put(b, n, "abc", 3, true));
	pwrite_errno = ENOSPC;
	assert_false(bed_put(b, m, "abc", 3, false));
	assert_int_equal(m->id, 0);
	assert_null(spool_fatal(b->spool));
	/* What is here can still be settled. */
	assert_true(bed_result(b, n, MESSAGE_DELIVERED, NOW));
	pwrite_errno = 0;
	assert_true(bed_put(b, m, "abc", 3, false));
	assert_true(bed_body_is(b, m, "abc", 3));
	message_free(m);
	message_free(n);
}

/* CASES I1, I2: quota and the limit of a file's size as a full disk. */
static void whatever_stops_a_write_is_the_disk(void **state)
{
	static const struct {
		int number;
		const char *remedy;
	} rows[] = { { ENOSPC, "make room" },
		     { EDQUOT, "make room" },
		     { EFBIG, "limit of file sizes" },
		     { EROFS, "" },
		     { EIO, "" } };
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool_put q = { .m = m, .body = bed_body(b, "abc", 3) };

		pwrite_errno = rows[i].number;
		bed_prepare(&q.req);
		spool_put(b->spool, &q);
		bed_wait(b, &q.req);
		assert_false(q.req.ok);
		assert_int_equal(q.req.err.class, ERR_DISK);
		assert_non_null(strstr(q.req.err.remedy, rows[i].remedy));
		assert_int_equal(m->id, 0);
		assert_null(spool_fatal(b->spool));
		assert_int_equal(spool_octets(b->spool), 0);
	}
	pwrite_errno = 0;
	assert_true(bed_put(b, m, "abc", 3, false));
	message_free(m);
}

static off_t generation_octets(const struct bed *b)
{
	char path[100];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/generation", b->dir);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* It is written behind the next commit that finds room. */
static void a_full_disk_for_the_generation(void **state)
{
	struct bed *b = *state;
	char name[8] = "gmx0", path[100];

	(void)snprintf(path, sizeof(path), "%s/generation", b->dir);
	bed_close(b);
	assert_int_equal(truncate(path, 0), 0); /* as if it had been so ever */
	bed_open(b, NOW);
	for (int i = 0; i < 3; i++) {
		pwrite_errno = ENOSPC;
		name[3]++;
		(void)bed_account(b, name, SPOOL_IMAP);
		assert_null(spool_fatal(b->spool));
		bed_close(b);
		assert_int_equal(generation_octets(b), 0);
		pwrite_errno = 0; /* it is once opened that the disk is full */
		bed_open(b, NOW);
		assert_false(b->found.foreign);
	}
	pwrite_errno = ENOSPC;
	(void)bed_account(b, "one", SPOOL_IMAP);
	assert_int_equal(generation_octets(b), 0);
	pwrite_errno = 0;
	(void)bed_account(b, "another", SPOOL_IMAP);
	assert_int_equal(generation_octets(b), 21);
	bed_close(b);
	bed_open(b, NOW);
	assert_false(b->found.foreign);
}

static void the_reserve_is_left_to_the_ledger(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	struct spool_put q = { .m = m, .body = bed_body(b, "abc", 3) };

	no_room = 1;
	bed_prepare(&q.req);
	spool_put(b->spool, &q);
	bed_wait(b, &q.req);
	assert_false(q.req.ok);
	assert_int_equal(q.req.err.class, ERR_DISK);
	assert_string_not_equal(q.req.err.remedy, "");
	no_room = 0;
	assert_true(bed_put(b, m, "abc", 3, false));
	message_free(m);
}

static void a_full_disk_in_mid_stream_fails_that_put(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	size_t n = 1u << 20;
	char *big = calloc(1, n);
	struct spool_put q = { .m = m, .body = spool_body_new(b->spool) };

	spool_body_add(q.body, (struct view){ big, n / 2 });
	bed_settle(b);
	pwrite_errno = EDQUOT;
	spool_body_add(q.body, (struct view){ big, n / 2 });
	bed_settle(b);
	pwrite_errno = 0;
	bed_prepare(&q.req);
	spool_put(b->spool, &q);
	bed_wait(b, &q.req);
	assert_false(q.req.ok);
	assert_int_equal(q.req.err.class, ERR_DISK);
	assert_int_equal(spool_octets(b->spool), 0);
	assert_true(bed_put(b, m, big, n, false));
	assert_true(bed_body_is(b, m, big, n));
	free(big);
	message_free(m);
}

static void short_writes_and_eintr_are_gone_over(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	char text[1000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	pwrite_short = 1;
	pwrite_eintr = 1;
	assert_true(bed_put(b, m, text, sizeof(text), false));
	assert_true(bed_body_is(b, m, text, sizeof(text)));
	pwrite_short = pwrite_eintr = 0;
	assert_true(bed_body_is(b, m, text, sizeof(text)));
	message_free(m);
}

static unsigned cancelled, done_ok;

static void count_done(struct spool_req *r)
{
	if (r->ok)
		done_ok++;
	else if (r->err.class == ERR_CANCELLED)
		cancelled++;
}

static unsigned beside;

static void count_beside(struct spool_req *r)
{
	(void)r;
	beside++;
}

/* After it nothing is reported as done, and nothing is written. */
static void expect_fatal(struct bed *b, struct place p)
{
	struct message *m[3];
	struct spool_put put[3];
	struct spool_tidy tidy = { .now_ms = NOW };
	struct err err = { 0 };
	long at;

	cancelled = done_ok = beside = 0;
	for (uint32_t i = 0; i < 3; i++) {
		m[i] = bed_message(p.account, p.folder,
				   message_key_uid(100 + i));
		put[i] = (struct spool_put){ .m = m[i],
					     .body = bed_body(b, "abc", 3) };
		put[i].req.done = count_done;
		spool_put(b->spool, &put[i]);
	}
	tidy.req.done = count_beside;
	spool_tidy(b->spool, &tidy);
	bed_settle(b);
	assert_non_null(spool_fatal(b->spool));
	assert_int_equal(spool_fatal(b->spool)->class, ERR_DISK);
	assert_int_equal(done_ok + cancelled, 0);
	sync_errno = 0;
	barrier_fault(BARRIER_OK, 0);
	at = barrier_count;
	assert_false(spool_call_now(b->spool, NULL, NULL, &err));
	assert_int_equal(err.class, ERR_DISK);
	assert_false(spool_idle(b->spool));
	bed_close(b);
	assert_int_equal(barrier_count, at);
	assert_int_equal(done_ok, 0);
	assert_int_equal(cancelled, 3);
	assert_int_equal(beside, 1); /* whose fate is not that of the bodies */
	for (int i = 0; i < 3; i++)
		message_free(m[i]);
}

static void eio_from_the_sync_of_a_body_is_fatal(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);

	sync_errno = EIO;
	expect_fatal(b, p);
	assert_int_equal(body_syncs, 1); /* never again */
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 0);
}

/*
 * Two bodies in one segment: the barrier of one is the other's as well, which
 * goes with its commit.
 */
static void eio_is_fatal_for_whoever_was_in_that_barrier(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m[2];
	struct spool_put put[2];

	cancelled = done_ok = 0;
	sync_errno = EIO;
	sync_once = true;
	for (uint32_t i = 0; i < 2; i++) {
		m[i] = bed_message(p.account, p.folder,
				   message_key_uid(100 + i));
		m[i]->once = i == 1;
		put[i] = (struct spool_put){ .m = m[i],
					     .body = bed_body(b, "abc", 3) };
		put[i].req.done = count_done;
		spool_put(b->spool, &put[i]);
	}
	bed_settle(b);
	assert_non_null(spool_fatal(b->spool));
	sync_once = false;
	bed_close(b);
	assert_int_equal(done_ok, 0);
	assert_int_equal(cancelled, 2);
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 0);
	message_free(m[0]);
	message_free(m[1]);
}

static void eio_from_a_commit_is_fatal(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);

	/* directory, body, then the ledger's own */
	barrier_fault(BARRIER_EIO, 3);
	expect_fatal(b, p);
	bed_open(b, NOW);
	assert_null(spool_fatal(b->spool));
}

static void close_cancels_what_was_streamed(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	size_t n = 1u << 20;
	char *big = calloc(1, n);
	struct spool_put q = { .m = m, .body = spool_body_new(b->spool) };
	struct spool_body *other = spool_body_new(b->spool);
	struct message *s =
		bed_message(p.account, p.folder, message_key_uid(2));
	struct spool_put small = { .m = s, .body = bed_body(b, "x", 1) };

	cancelled = done_ok = 0;
	spool_body_add(q.body, (struct view){ big, n });
	spool_body_add(other, (struct view){ big, n });
	bed_settle(b);
	sync_errno = EIO;
	small.req.done = count_done;
	spool_put(b->spool, &small);
	bed_settle(b);
	assert_non_null(spool_fatal(b->spool));
	q.req.done = count_done;
	spool_put(b->spool, &q);
	spool_body_drop(other);
	bed_close(b);
	assert_int_equal(cancelled, 2);
	free(big);
	message_free(m);
	message_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(many_messages_share_their_barriers),
		TEST(what_is_early_waits_for_no_barrier),
		TEST(a_listing_is_early_unless_a_delivery_is_not_on_disk),
		TEST(the_wal_stays_small),
		TEST(one_body_is_synced_before_its_commit),
		TEST(a_body_being_synced_holds_up_nobody),
		TEST(what_changes_nothing_costs_no_barrier),
		TEST(a_full_disk_fails_that_put_alone),
		TEST(whatever_stops_a_write_is_the_disk),
		TEST(a_full_disk_for_the_generation),
		TEST(the_reserve_is_left_to_the_ledger),
		TEST(a_full_disk_in_mid_stream_fails_that_put),
		TEST(short_writes_and_eintr_are_gone_over),
		TEST(eio_from_the_sync_of_a_body_is_fatal),
		TEST(eio_is_fatal_for_whoever_was_in_that_barrier),
		TEST(eio_from_a_commit_is_fatal),
		TEST(close_cancels_what_was_streamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
