/* What an orderly end leaves behind, and what the first change adds to it. */
#include "support_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* Whatever stands behind a header that says nothing does not count. */
static bool wal_is_empty(const struct bed *b)
{
	static const char nothing[32];
	char path[128], header[32];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/ledger.db-wal", b->dir);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, header, sizeof(header));
	assert_int_equal(close(fd), 0);
	return n == 0 || (n == sizeof(header) &&
			  memcmp(header, nothing, sizeof(header)) == 0);
}

/*
 * Opening writes nothing where nothing is to be recovered, and the first change
 * raises the generation along with it, once for a process.
 */
static void the_first_change_raises_the_generation(void **state)
{
	struct bed *b = *state;
	int64_t before;

	bed_open(b, NOW);
	(void)bed_account(b, "gmx", SPOOL_IMAP);
	before = bed_sql(b, "SELECT generation FROM site");
	bed_close(b);
	/* nothing is left in it that belongs to this very ledger.db */
	assert_true(wal_is_empty(b));
	bed_open(b, NOW + 1);
	assert_true(wal_is_empty(b));
	bed_close(b);
	bed_open(b, NOW + 2);
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before);
	(void)bed_account(b, "web", SPOOL_IMAP);
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before + 1);
	(void)bed_account(b, "qq", SPOOL_IMAP);
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before + 1);
	bed_close(b);
	bed_open(b, NOW + 3);
	assert_false(b->found.foreign);
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before + 1);
	bed_close(b);
	/* the clock and the anchor are of a day */
	bed_open(b, NOW + 86400000);
	assert_false(b->found.foreign);
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before + 2);
	bed_close(b);
	bed_open(b, NOW + 86400001);
	assert_true(wal_is_empty(b));
	assert_int_equal(bed_sql(b, "SELECT generation FROM site"), before + 2);
}

static void many_rows(struct bed *b, int n)
{
	char name[16];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "a%d", i);
		(void)bed_account(b, name, SPOOL_IMAP);
	}
}

static off_t size_of(const struct bed *b, const char *name)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Its blocks are kept for the next ones; many would only lie about. */
static void a_short_wal_keeps_its_blocks(void **state)
{
	struct bed *b = *state;
	off_t size;

	bed_open(b, NOW);
	many_rows(b, 1);
	size = size_of(b, "ledger.db-wal");
	bed_close(b);
	assert_int_equal(size_of(b, "ledger.db-wal"), size);
	assert_true(wal_is_empty(b));
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM account"), 1);
	many_rows(b, 200);
	assert_true(size_of(b, "ledger.db-wal") > 256 << 10);
	bed_close(b);
	assert_int_equal(size_of(b, "ledger.db-wal"), 0);
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM account"), 200);
}

/* In a process of its own: files may not grow there beyond `most`. */
static void close_with_files_of(struct bed *b, rlim_t most)
{
	struct rlimit limit = { most, most };
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		bed_open(b, NOW);
		many_rows(b, 40);
		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		bed_close(b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What ledger.db could not take stays in the WAL, and counts. */
static void a_wal_that_is_needed_stays(void **state)
{
	struct bed *b = *state;

	bed_open(b, NOW);
	bed_close(b);
	close_with_files_of(b, 4096);
	assert_false(wal_is_empty(b));
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM account"), 40);
	bed_close(b);
	assert_true(wal_is_empty(b));
}

static int no_barrier(int fd)
{
	(void)fd;
	errno = EIO;
	return -1;
}

/* Nor is it emptied before ledger.db is on disk. */
static void a_wal_stays_where_the_last_barrier_fails(void **state)
{
	struct bed *b = *state;

	bed_open(b, NOW);
	many_rows(b, 3);
	b->files.fdatasync = no_barrier;
	bed_close(b);
	assert_false(wal_is_empty(b));
	b->files.fdatasync = fdatasync;
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM account"), 3);
	bed_close(b);
	assert_true(wal_is_empty(b));
}

/* What stands behind an empty header is older than ledger.db. */
static void an_old_frame_never_comes_back(void **state)
{
	struct bed *b = *state;
	pid_t pid;
	int status;

	bed_open(b, NOW);
	many_rows(b, 20);
	bed_close(b);
	pid = fork(); /* one commit lies over the first of the old frames */
	assert_true(pid >= 0);
	if (pid == 0) {
		bed_open(b, NOW);
		(void)bed_account(b, "new", SPOOL_IMAP);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	bed_open(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM account"), 21);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM"
				    " pragma_integrity_check"
				    " WHERE integrity_check = 'ok'"),
			 1);
}

static void what_is_asked_becomes_durable(void **state)
{
	struct bed *b = *state;
	struct spool_account_save save = { .req = { .early = true } };

	bed_open(b, NOW);
	save.a.id = bed_account(b, "gmx", SPOOL_IMAP);
	bed_settle(b);
	assert_true(spool_is_durable(b->spool));
	save.patterns = "x\n";
	bed_prepare(&save.req);
	spool_account_save(b->spool, &save);
	assert_false(spool_is_durable(b->spool));
	bed_wait(b, &save.req);
	(void)bed_account(b, "web", SPOOL_IMAP); /* waits for the commit */
	assert_true(spool_is_durable(b->spool));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_change_raises_the_generation),
		TEST(a_short_wal_keeps_its_blocks),
		TEST(a_wal_that_is_needed_stays),
		TEST(a_wal_stays_where_the_last_barrier_fails),
		TEST(an_old_frame_never_comes_back),
		TEST(what_is_asked_becomes_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
