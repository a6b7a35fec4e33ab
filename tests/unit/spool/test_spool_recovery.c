/*
 * What a process that ended anywhere leaves behind, and what the next one makes
 * of it.
 */
#include "limits.h"
#include "support_spool.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

/* --- killed at each step
 * -------------------------------------------------------- */

#define MESSAGES 5u

/* What the killed process was told to be on disk; shared with it. */
struct told {
	int64_t account, folder;
	struct {
		int64_t id;
		bool put, sending, delivered, gone;
		bool asked_sending, asked_delivered, asked_gone;
	} m[MESSAGES];
	bool finished;
};

static char body_of[MESSAGES][64];

static void step_message(struct bed *b, struct told *t, uint32_t i)
{
	struct message *m =
		bed_message(t->account, t->folder, message_key_uid(i + 1));
	bool joined = i == 1;

	t->m[i].asked_sending = joined;
	assert_true(bed_put(b, m, body_of[i], strlen(body_of[i]), joined));
	t->m[i].id = m->id;
	t->m[i].put = true;
	t->m[i].sending = joined;
	if (i == 0) {
		message_free(m);
		return;
	}
	t->m[i].asked_sending = true;
	if (!joined)
		assert_true(bed_sending(b, m, NOW));
	t->m[i].sending = true;
	if (i == 2) {
		message_free(m);
		return;
	}
	t->m[i].asked_delivered = true;
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	t->m[i].delivered = true;
	if (i > 3) {
		t->m[i].asked_gone = true;
		assert_true(
			bed_gone(b, t->account, t->folder, &m->key, 1, NOW));
		t->m[i].gone = true;
	}
	message_free(m);
}

static void whole_life(struct bed *b, struct told *t)
{
	bed_open(b, NOW);
	t->account = bed_account(b, "gmx", SPOOL_IMAP);
	t->folder = bed_folder(b, t->account, "INBOX", 17).id;
	for (uint32_t i = 0; i < MESSAGES; i++)
		step_message(b, t, i);
	bed_tidy(b, NOW);
	bed_close(b);
	t->finished = true;
}

static uint8_t fate_of(struct bed *b, int64_t folder, uint32_t uid)
{
	struct spool_item item = { .key = message_key_uid(uid) };

	bed_list(b, folder, &item, 1, false, NOW);
	return item.fate;
}

struct seen {
	struct told *told;
	unsigned queued;
	struct bed *bed;
};

static bool see_queued(void *who, const struct query_row *row)
{
	struct seen *s = who;
	uint32_t i = message_key_to_uid(&row->m->key) - 1;
	struct err err;
	char have[64];
	size_t got;
	struct room r = { have, sizeof(have) };

	s->queued++;
	assert_true(i < MESSAGES);
	assert_false(s->told->m[i].delivered);
	/* SENDING is never left; SPOOLED only if nobody was told SENDING. */
	if (s->told->m[i].sending)
		assert_int_equal(row->m->state, MESSAGE_DOUBT);
	if (!s->told->m[i].asked_sending)
		assert_int_equal(row->m->state, MESSAGE_SPOOLED);
	assert_true(row->m->state == MESSAGE_SPOOLED ||
		    row->m->state == MESSAGE_DOUBT);
	if (row->m->state == MESSAGE_DOUBT)
		assert_int_equal(row->m->next_at,
				 NOW + 1 + LIMIT_DOUBT_RESEND_MS);
	/* Its body is there, whole. */
	assert_true(spool_body_read(s->bed->spool, &row->m->place, 0, r, &got,
				    &err));
	assert_int_equal(got, strlen(body_of[i]));
	assert_memory_equal(have, body_of[i], got);
	return true;
}

static bool see_all(struct ledger *l, void *arg, struct err *err)
{
	struct query_filter all = { 0 };

	return query_queue(l, &all, see_queued, arg, err);
}

static void check_after(struct bed *b, struct told *t)
{
	struct seen seen = { .told = t, .bed = b };
	struct err err = { 0 };

	bed_open(b, NOW + 1);
	assert_false(b->found.foreign);
	if (!t->folder) {
		bed_close(b);
		return;
	}
	/* On this thread: the store waits for us, and holds no lock. */
	assert_true(spool_call_now(b->spool, see_all, &seen, &err));
	for (uint32_t i = 0; i < MESSAGES; i++) {
		uint8_t fate = fate_of(b, t->folder, i + 1);

		if (t->m[i].gone)
			assert_int_equal(fate, FATE_GONE);
		else if (t->m[i].delivered)
			assert_true(fate == FATE_DELIVERED ||
				    (t->m[i].asked_gone && fate == FATE_GONE));
		else if (t->m[i].asked_delivered)
			assert_true(fate == FATE_QUEUED ||
				    fate == FATE_DELIVERED);
		else if (t->m[i].put)
			assert_int_equal(fate, FATE_QUEUED);
		else
			assert_true(fate == FATE_NEW || fate == FATE_QUEUED);
	}
	assert_int_equal(
		bed_sql(b, "SELECT count(*) FROM queue WHERE state = 2"), 0);
	assert_int_equal(b->found.queued + b->found.doubts, seen.queued);
	bed_tidy(b, NOW + 2);
	bed_close(b);
}

/* Once more, nothing happens any more. */
static void check_again(struct bed *b)
{
	bed_open(b, NOW + 3);
	assert_int_equal(b->found.new_doubts, 0);
	bed_close(b);
}

static bool killed_at(struct told *t, long at)
{
	struct bed b;
	pid_t pid;
	int status;

	*t = (struct told){ 0 };
	bed_make(&b);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		step_kill(at);
		whole_life(&b, t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		assert_int_equal(status, 0);
	check_after(&b, t);
	check_again(&b);
	bed_remove(&b);
	return WIFSIGNALED(status);
}

static void killed_at_every_step(void **state)
{
	struct told *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long steps = 0;

	(void)state;
	assert_true(t != MAP_FAILED);
	for (uint32_t i = 0; i < MESSAGES; i++)
		(void)snprintf(body_of[i], sizeof(body_of[i]),
			       "Subject: %u\r\n\r\nbody %u\r\n", i, i);
	while (killed_at(t, ++steps))
		;
	print_message("%ld steps\n", steps - 1);
	assert_true(steps > 60);
	assert_true(t->finished);
	(void)munmap(t, sizeof(*t));
}

/* --- what the next process finds
 * --------------------------------------------------- */

static void die(struct bed *b, void (*what)(struct bed *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		what(b);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void hold_doubt_parks(struct bed *b)
{
	int64_t a;
	struct message *m;

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	m = bed_message(a, bed_folder(b, a, "INBOX", 17).id,
			message_key_uid(1));
	m->hold_doubt = true;
	assert_true(bed_put(b, m, "x", 1, true));
}

static void doubt_is_held_where_it_was_asked_for(void **state)
{
	struct bed *b = *state;

	die(b, hold_doubt_parks);
	bed_open(b, NOW + 1);
	assert_int_equal(b->found.new_doubts, 1);
	assert_int_equal(b->found.doubts, 1);
	assert_int_equal(bed_sql(b, "SELECT next_at FROM queue"), 0);
	assert_int_equal(bed_sql(b, "SELECT doubts FROM queue"), 1);
	assert_int_equal(bed_sql(b, "SELECT outcome FROM attempt"), 3);
}

#define BULK 64u

/* All at once: under load some rows of settled messages are left for later. */
static void deliver_many_and_die(struct bed *b)
{
	static struct spool_put put[BULK];
	static struct spool_result res[BULK];
	int64_t a, folder;

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	folder = bed_folder(b, a, "INBOX", 17).id;
	for (uint32_t i = 0; i < BULK; i++) {
		put[i] = (struct spool_put){
			.m = bed_message(a, folder, message_key_uid(i + 1)),
			.body = bed_body(b, "abc", 3),
			.sending = true,
		};
		bed_prepare(&put[i].req);
		spool_put(b->spool, &put[i]);
	}
	bed_settle(b);
	for (uint32_t i = 0; i < BULK; i++) {
		put[i].m->state = i % 8 ? MESSAGE_DELIVERED : MESSAGE_SPOOLED;
		put[i].m->rcpts[0].state = i % 8 ? RCPT_ACCEPTED : RCPT_WAITING;
		res[i] = (struct spool_result){ .m = put[i].m, .now_ms = NOW };
		bed_prepare(&res[i].req);
		spool_result(b->spool, &res[i]);
	}
	bed_settle(b);
	/* Once is enough, though its row may be there. */
	assert_false(bed_result(b, put[1].m, MESSAGE_DELIVERED, NOW));
	assert_false(bed_result(b, put[1].m, MESSAGE_SPOOLED, NOW));
	put[1].m->state = MESSAGE_SPOOLED;
	assert_false(bed_sending(b, put[1].m, NOW));
}

static void what_was_settled_under_load_stays_settled(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };

	die(b, deliver_many_and_die);
	assert_true(bed_try(b, NOW, true, &err));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"), BULK / 8);
	bed_close(b);
	bed_open(b, NOW + 1);
	assert_int_equal(b->found.new_doubts, 0);
	assert_int_equal(b->found.queued, BULK / 8);
	assert_int_equal(spool_octets(b->spool), 3 * BULK / 8);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM settled"),
			 BULK - BULK / 8);
	for (uint32_t i = 0; i < BULK; i++)
		assert_int_equal(
			fate_of(b, bed_sql(b, "SELECT id FROM folder"), i + 1),
			i % 8 ? FATE_DELIVERED : FATE_QUEUED);
}

static void a_torn_tail_is_ignored(void **state)
{
	struct bed *b = *state;
	struct message *m;
	int64_t a, folder;
	char path[128];
	int fd;

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	folder = bed_folder(b, a, "INBOX", 17).id;
	m = bed_message(a, folder, message_key_uid(1));
	assert_true(bed_put(b, m, "whole", 5, false));
	bed_close(b);
	(void)snprintf(path, sizeof(path), "%s/bodies/%08x.seg", b->dir,
		       m->place.segment);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "torn", 4), 4);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/bodies/%08x.seg", b->dir,
		       m->place.segment + 7);
	(void)close(open(path, O_WRONLY | O_CREAT, 0600)); /* an orphan */
	bed_open(b, NOW);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(bed_body_is(b, m, "whole", 5));
	assert_false(spool_body_trusted(b->spool, &m->place));
	assert_int_equal(spool_octets(b->spool), 5);
	message_free(m);
}

static void a_missing_body_is_held_and_fetched_again(void **state)
{
	struct bed *b = *state;
	struct spool_item item = { .key = message_key_uid(1) };
	struct message *m;
	int64_t a, folder;
	char path[128];

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	folder = bed_folder(b, a, "INBOX", 17).id;
	m = bed_message(a, folder, message_key_uid(1));
	assert_true(bed_put(b, m, "whole", 5, false));
	bed_close(b);
	(void)snprintf(path, sizeof(path), "%s/bodies/%08x.seg", b->dir,
		       m->place.segment);
	assert_int_equal(truncate(path, 4), 0);
	bed_open(b, NOW);
	assert_int_equal(b->found.held, 1);
	bed_list(b, folder, &item, 1, true, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	message_free(m);
}

static void ids_are_never_used_twice(void **state)
{
	struct bed *b = *state;
	int64_t a, folder, last = 0;

	for (uint32_t i = 1; i < 4; i++) {
		struct message *m;

		bed_open(b, NOW);
		a = bed_account(b, "gmx", SPOOL_IMAP);
		folder = bed_folder(b, a, "INBOX", 17).id;
		m = bed_message(a, folder, message_key_uid(i));
		assert_true(bed_put(b, m, "x", 1, true));
		assert_true(m->id > last);
		last = m->id;
		assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
		bed_tidy(b, NOW + 200LL * 86400000);
		/* believed a day later: clock.h */
		bed_tidy(b, NOW + 201LL * 86400000);
		bed_close(b);
		message_free(m);
	}
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 1);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM settled"), 1);
}

/* --- guards
 * ------------------------------------------------------------------------ */

static void the_second_opener_is_told_who_holds_it(void **state)
{
	struct bed *b = *state, other = *b;
	struct err err = { 0 };
	char pid[24];

	bed_open(b, NOW);
	assert_false(bed_try(&other, NOW, false, &err));
	assert_int_equal(err.class, ERR_BUSY);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(err.what, pid));
	assert_false(bed_try(&other, NOW, true, &err));
	assert_int_equal(err.class, ERR_BUSY);
	bed_close(b);
	assert_true(bed_try(&other, NOW, false, &err));
	spool_close(other.spool);
}

static void put_file(struct bed *b, const char *name, const char *text,
		     size_t n)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, n), n);
	(void)close(fd);
}

static void no_database_is_refused(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };
	char junk[4096];

	memset(junk, 'j', sizeof(junk));
	put_file(b, "ledger.db", junk, sizeof(junk));
	assert_false(bed_try(b, NOW, false, &err));
	assert_int_equal(err.class, ERR_STATE);
	assert_string_not_equal(err.remedy, "");
}

static void sql_on_file(struct bed *b, const char *sql)
{
	sqlite3 *db;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/ledger.db", b->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static void somebody_elses_database_is_refused(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };

	sql_on_file(b, "CREATE TABLE mine (x)");
	assert_false(bed_try(b, NOW, false, &err));
	assert_int_equal(err.class, ERR_STATE);
}

static void a_newer_schema_is_refused(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };

	bed_open(b, NOW);
	bed_close(b);
	sql_on_file(b, "PRAGMA user_version = 99");
	assert_false(bed_try(b, NOW, false, &err));
	assert_int_equal(err.class, ERR_STATE);
	assert_non_null(strstr(err.what, "99"));
}

static void a_corrupt_ledger_is_refused(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };
	char path[128], junk[4096];
	int fd;

	bed_open(b, NOW);
	(void)bed_account(b, "gmx", SPOOL_IMAP);
	bed_close(b);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", b->dir);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(path, O_WRONLY);
	for (off_t at = 4096; at < 60 * 4096; at += 4096)
		if (lseek(fd, 0, SEEK_END) > at)
			(void)!pwrite(fd, junk, sizeof(junk), at);
	(void)close(fd);
	assert_false(bed_try(b, NOW, false, &err));
	assert_int_equal(err.class, ERR_STATE);
	assert_string_not_equal(err.remedy, "");
}

static void copy_file(struct bed *b, const char *from, const char *to)
{
	char cmd[300];

	(void)snprintf(cmd, sizeof(cmd), "cp %s/%s %s/%s", b->dir, from, b->dir,
		       to);
	assert_int_equal(system(cmd), 0);
}

static void an_older_ledger_alone_is_seen(void **state)
{
	struct bed *b = *state;
	int64_t a, folder;
	struct message *m;
	char path[128];

	bed_open(b, NOW);
	a = bed_account(b, "gmx", SPOOL_IMAP);
	folder = bed_folder(b, a, "INBOX", 17).id;
	m = bed_message(a, folder, message_key_uid(1));
	assert_true(bed_put(b, m, "x", 1, false));
	bed_close(b);
	copy_file(b, "ledger.db", "saved");
	bed_open(b, NOW);
	assert_false(b->found.foreign);
	assert_true(bed_sending(b, m, NOW));
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	bed_close(b);
	copy_file(b, "saved", "ledger.db");
	(void)snprintf(path, sizeof(path), "%s/bodies/00000099.seg", b->dir);
	(void)close(open(path, O_WRONLY | O_CREAT, 0600));
	bed_open(b, NOW);
	/* What the older ledger does not know may be the only copy. */
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/bodies/00000099.seg.old",
		       b->dir);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(b->found.foreign);
	assert_int_equal(b->found.queued, 0);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue WHERE state = 4"
				    " OR (state = 3 AND next_at = 0)"),
			 1);
	assert_int_equal(bed_sql(b, "SELECT reconcile FROM account"), 2);
	bed_close(b);
	bed_open(b, NOW);
	assert_false(b->found.foreign);
	message_free(m);
}

static void a_ledger_without_its_number_is_seen(void **state)
{
	struct bed *b = *state;
	char path[128], name[8] = "gmx0";

	for (int i = 0; i < 3; i++) {
		bed_open(b, NOW);
		assert_false(b->found.foreign);
		name[3]++;
		(void)bed_account(b, name, SPOOL_IMAP);
		bed_close(b);
	}
	(void)snprintf(path, sizeof(path), "%s/generation", b->dir);
	assert_int_equal(unlink(path), 0);
	bed_open(b, NOW);
	assert_true(b->found.foreign);
}

static void a_directory_that_cannot_be_written_is_refused(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };
	char dir[64];
	pid_t pid;
	int status;

	memcpy(dir, b->dir, sizeof(dir));
	(void)snprintf(b->dir, sizeof(b->dir), "/proc/no/such/place");
	assert_false(bed_try(b, NOW, false, &err));
	assert_int_equal(err.class, ERR_STATE);
	memcpy(b->dir, dir, sizeof(dir));
	assert_int_equal(chmod(b->dir, 0500), 0);
	pid = fork();
	if (pid == 0) {
		bool as_told;

		if (getuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(2);
		as_told = !bed_try(b, NOW, false, &err) &&
			  err.class == ERR_STATE && *err.remedy;
		_exit(as_told ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(b->dir, 0700), 0);
}

static long kind;

static int another_kind(int fd, struct statfs *f)
{
	if (kind == 0)
		return -1;
	if (fstatfs(fd, f) != 0)
		return -1;
	f->f_type = kind;
	return 0;
}

/* CASES I27: locks and WAL need one machine. */
static void a_network_file_system_is_refused(void **state)
{
	/* of statfs(2); the words are those of linux/magic.h and its like */
	static const long remote[] = {
		0x6969,			      /* NFS */
		0x517b,			      /* SMB */
		(long)0xfe534d42,	      /* SMB2 */
		(long)0xff534d42,	      /* CIFS */
		0x564c,			      /* NCP */
		0x5346414f,	  0x6b414653, /* AFS */
		0x73757245,		      /* Coda */
		0x00c36400,		      /* Ceph */
	};
	struct bed *b = *state;
	struct err err;
	char path[128];

	b->files.statfs = another_kind;
	(void)snprintf(path, sizeof(path), "%s/ledger.db", b->dir);
	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		kind = remote[i];
		err = (struct err){ 0 };
		assert_false(bed_try(b, NOW, false, &err));
		assert_int_equal(err.class, ERR_STATE);
		assert_non_null(strstr(err.what, "network file system"));
		assert_non_null(strstr(err.remedy, "--state"));
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void a_volatile_file_system_is_told(void **state)
{
	static const struct {
		long kind;
		bool is_volatile;
	} rows[] = { { 0x01021994, true },	 /* tmpfs */
		     { (long)0x858458f6, true }, /* ramfs */
		     { 0xef53, false },		 /* ext4 */
		     { 0x794c7630, false },	 /* overlayfs */
		     { 0, false } };		 /* nobody knows */
	struct bed *b = *state;

	b->files.statfs = another_kind;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kind = rows[i].kind;
		bed_open(b, NOW);
		assert_int_equal(b->found.volatile_dir, rows[i].is_volatile);
		bed_close(b);
	}
}

static void looking_makes_nothing(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };
	char path[128];

	assert_true(bed_try(b, NOW, true, &err));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM message"), 0);
	bed_close(b);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", b->dir);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(b->dir + strlen(b->dir), 8, "/no");
	assert_true(bed_try(b, NOW, true, &err));
	bed_close(b);
	assert_int_equal(access(b->dir, F_OK), -1);
	b->dir[strlen(b->dir) - 3] = 0;
}

static void looking_recovers_nothing(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };

	die(b, hold_doubt_parks);
	assert_true(bed_try(b, NOW, true, &err));
	assert_int_equal(bed_sql(b, "SELECT state FROM queue"), 2);
	bed_close(b);
	bed_open(b, NOW);
	assert_int_equal(b->found.new_doubts, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_step),
		TEST(doubt_is_held_where_it_was_asked_for),
		TEST(what_was_settled_under_load_stays_settled),
		TEST(a_torn_tail_is_ignored),
		TEST(a_missing_body_is_held_and_fetched_again),
		TEST(ids_are_never_used_twice),
		TEST(the_second_opener_is_told_who_holds_it),
		TEST(no_database_is_refused),
		TEST(somebody_elses_database_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(a_corrupt_ledger_is_refused),
		TEST(an_older_ledger_alone_is_seen),
		TEST(a_ledger_without_its_number_is_seen),
		TEST(a_directory_that_cannot_be_written_is_refused),
		TEST(a_network_file_system_is_refused),
		TEST(a_volatile_file_system_is_told),
		TEST(looking_makes_nothing),
		TEST(looking_recovers_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
