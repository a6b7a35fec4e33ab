/* credential, secretrun: where secrets lie, which are refused, C14. */
#include "credential.h"
#include "limits.h"
#include "secretrun.h"
#include "support_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char here[2048];
static struct config config = { .dir = here };

static int enter(void **state)
{
	if (dir_enter(state) != 0 || !getcwd(here, sizeof(here)))
		return -1;
	return mkdir("secrets.d", 0700) || mkdir("systemd", 0700);
}

static int fresh(void **state)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	(void)unlink("secrets.d/x");
	(void)unlink("systemd/x");
	(void)unlink("systemd/mailhaul_x");
	return dir_home(state);
}

static bool read_x(struct secret *out, struct err *err)
{
	struct config_secret s = { .kind = CONFIG_SECRET_CREDENTIAL,
				   .credential = (char *)"x" };

	*err = (struct err){ 0 };
	return credential_read(&config, &s, out, err);
}

static void expect_secret(const char *want)
{
	struct secret s = { 0 };
	struct err err;

	if (!read_x(&s, &err))
		print_message("%s\n", err.what);
	assert_true(view_eq(secret_view(&s), view_of(want)));
	assert_true(secret_is_set(&s));
	secret_fini(&s);
}

static void expect_refused(const char *what)
{
	struct secret s = { 0 };
	struct err err;

	assert_false(read_x(&s, &err));
	assert_false(secret_is_set(&s));
	assert_int_equal(err.class, ERR_CONFIG);
	if (!strstr(err.what, what))
		print_message("%s\n", err.what);
	assert_non_null(strstr(err.what, what));
}

static void places_are_asked_in_order(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/systemd", here);
	setenv("CREDENTIALS_DIRECTORY", path, 1);
	dir_write("secrets.d/x", "third\n");
	expect_secret("third");
	dir_write("systemd/mailhaul_x", "second\n");
	expect_secret("second");
	dir_write("systemd/x", "first\n");
	expect_secret("first");
	unsetenv("CREDENTIALS_DIRECTORY");
	expect_secret("third");
}

static void a_missing_one_names_the_command(void **state)
{
	struct secret s = { 0 };
	struct err err;

	(void)state;
	assert_false(read_x(&s, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	assert_string_equal(err.remedy, "mailhaul passwd x");
}

static void one_line_is_a_secret(void **state)
{
	char *longest = calloc(1, LIMIT_SECRET_OCTETS + 10);

	(void)state;
	dir_write("secrets.d/x", "no newline");
	expect_secret("no newline");
	dir_write("secrets.d/x", " spaces \t and # \\ ${HOME} 'q' \r\n");
	expect_secret(" spaces \t and # \\ ${HOME} 'q' ");
	dir_write("secrets.d/x", "\n");
	expect_refused("empty");
	dir_write("secrets.d/x", "");
	expect_refused("empty");
	dir_write("secrets.d/x", "a\nb\n");
	expect_refused("more than one line");
	dir_write("secrets.d/x", "a\rb\n");
	expect_refused("more than one line");
	memset(longest, 'x', LIMIT_SECRET_OCTETS);
	dir_write("secrets.d/x", longest);
	expect_secret(longest);
	memset(longest, 'x', LIMIT_SECRET_OCTETS + 5);
	dir_write("secrets.d/x", longest);
	expect_refused("too long");
	free(longest);
}

static void unsafe_files_are_refused(void **state)
{
	(void)state;
	dir_write("secrets.d/x", "s\n");
	assert_int_equal(chmod("secrets.d/x", 0604), 0);
	expect_refused("everybody");
	assert_int_equal(chmod("secrets.d/x", 0602), 0);
	expect_refused("everybody");
	assert_int_equal(chmod("secrets.d/x", 0640), 0);
	expect_secret("s");
	if (chown("secrets.d/x", (uid_t)-1, getegid() + 4242) == 0)
		expect_refused("another group");
	dir_write("secrets.d/x", "s\n");
	if (chown("secrets.d/x", 4242, (gid_t)-1) == 0)
		expect_refused("another user");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	dir_write("secrets.d/real", "s\n");
	assert_int_equal(symlink("real", "secrets.d/x"), 0);
	expect_refused("symbolic link");
	assert_int_equal(unlink("secrets.d/x"), 0);
	assert_int_equal(mkfifo("secrets.d/x", 0600), 0);
	expect_refused("regular file");
	assert_int_equal(unlink("secrets.d/x"), 0);
	assert_int_equal(mkdir("secrets.d/x", 0700), 0);
	expect_refused("regular file");
	assert_int_equal(rmdir("secrets.d/x"), 0);
}

/* An unsafe file is an error, not a reason to look further. */
static void an_unsafe_file_ends_the_search(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/systemd", here);
	setenv("CREDENTIALS_DIRECTORY", path, 1);
	dir_write("systemd/x", "first\n");
	assert_int_equal(chmod("systemd/x", 0644), 0);
	dir_write("secrets.d/x", "third\n");
	expect_refused("everybody");
}

static void rules_of_ownership(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
		bool safe;
	} cases[] = {
		{ S_IFREG | 0600, 1000, 1000, true },
		{ S_IFREG | 0600, 0, 0, true },
		{ S_IFREG | 0640, 0, 1000, true },
		{ S_IFREG | 0640, 0, 0, false },
		{ S_IFREG | 0600, 1001, 1000, false },
		{ S_IFREG | 0644, 1000, 1000, false },
		{ S_IFREG | 0660, 1000, 50, false },
		{ S_IFIFO | 0600, 1000, 1000, false },
	};
	const struct safefile_owner owner = { 1000, 1000 };
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stat st = { .st_mode = cases[i].mode,
				   .st_uid = cases[i].uid,
				   .st_gid = cases[i].gid };

		assert_int_equal(safefile_check(&st, &owner, &why),
				 cases[i].safe);
		assert_int_equal(why == NULL, cases[i].safe);
	}
}

static void storing_replaces_the_whole(void **state)
{
	const struct safefile_owner owner = { geteuid(), getegid() };
	struct secret s = { 0 };
	struct stat st;
	struct err err;

	(void)state;
	secret_set(&s, VIEW_LIT("new ${} 'one'"));
	assert_true(credential_store(here, "x", &owner, &s, &err));
	expect_secret("new ${} 'one'");
	assert_int_equal(stat("secrets.d/x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod("secrets.d/x", 0644), 0);
	secret_set(&s, VIEW_LIT("newer"));
	assert_true(credential_store(here, "x", &owner, &s, &err));
	expect_secret("newer");
	secret_set(&s, VIEW_LIT("two\nlines"));
	assert_false(credential_store(here, "x", &owner, &s, &err));
	secret_set(&s, VIEW_LIT(""));
	assert_false(credential_store(here, "x", &owner, &s, &err));
	secret_set(&s, VIEW_LIT("s"));
	assert_false(credential_store(here, "../x", &owner, &s, &err));
	assert_false(credential_store(here, ".x", &owner, &s, &err));
	expect_secret("newer");
	secret_fini(&s);
}

static void storing_makes_the_folder(void **state)
{
	const struct safefile_owner owner = { geteuid(), getegid() };
	struct secret s = { 0 };
	struct stat st;
	struct err err;

	(void)state;
	secret_set(&s, VIEW_LIT("s"));
	assert_int_equal(mkdir("other", 0700), 0);
	assert_true(credential_store("other", "x", &owner, &s, &err));
	assert_int_equal(stat("other/secrets.d", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_false(credential_store("nowhere", "x", &owner, &s, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	secret_fini(&s);
}

static bool run(const char *script, uint32_t patience_ms, struct secret *out,
		struct err *err)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script };
	struct config_list list = { argv, 3 };

	*err = (struct err){ 0 };
	return secretrun(&list, patience_ms, out, err);
}

static void a_program_tells_the_secret(void **state)
{
	struct secret s = { 0 };
	struct err err;

	(void)state;
	assert_true(run("echo 'a b'; echo noise >&2", 30000, &s, &err));
	assert_true(view_eq(secret_view(&s), VIEW_LIT("a b")));
	assert_true(run("read x; echo \"<$x>\"", 30000, &s, &err));
	assert_true(view_eq(secret_view(&s), VIEW_LIT("<>")));
	secret_fini(&s);
}

static void a_program_that_fails_gives_none(void **state)
{
	struct config_list none = { (char *[]){ (char *)"/not/there" }, 1 };
	struct secret s = { 0 };
	struct err err;

	(void)state;
	assert_false(run("echo x; exit 3", 30000, &s, &err));
	assert_non_null(strstr(err.what, "exit code 3"));
	assert_false(run("kill -9 $$", 30000, &s, &err));
	assert_non_null(strstr(err.what, "signal"));
	assert_false(run(":", 30000, &s, &err));
	assert_non_null(strstr(err.what, "empty"));
	assert_false(run("yes", 30000, &s, &err));
	assert_non_null(strstr(err.what, "too much"));
	assert_false(secretrun(&none, 30000, &s, &err));
	assert_non_null(strstr(err.what, "/not/there"));
	assert_int_equal(err.class, ERR_CONFIG);
	assert_false(secret_is_set(&s));
}

static void a_slow_program_is_killed(void **state)
{
	struct secret s = { 0 };
	struct err err;

	(void)state;
	assert_false(run("echo x; exec sleep 1000", 50, &s, &err));
	assert_int_equal(err.class, ERR_RETRY);
	assert_false(run("echo x; exec >&-; exec sleep 1000", 50, &s, &err));
	assert_int_equal(err.class, ERR_RETRY);
	assert_false(secret_is_set(&s));
}

/* I25: it must not get what we hold open. */
static void a_program_inherits_nothing(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct secret s = { 0 };
	char script[200];
	struct err err;

	(void)state;
	assert_true(fd > 2);
	snprintf(script, sizeof(script),
		 "[ -e /proc/self/fd/%d ] && echo open || echo closed", fd);
	assert_true(run(script, 30000, &s, &err));
	assert_true(view_eq(secret_view(&s), VIEW_LIT("closed")));
	secret_fini(&s);
	close(fd);
}

static void other_kinds_need_no_file(void **state)
{
	struct config_secret password = { .kind = CONFIG_SECRET_PASSWORD };
	struct config_secret none = { .kind = CONFIG_SECRET_NONE };
	struct secret s = { 0 };
	struct err err;

	(void)state;
	secret_set(&password.password, VIEW_LIT("p"));
	assert_true(credential_read(&config, &password, &s, &err));
	assert_true(view_eq(secret_view(&s), VIEW_LIT("p")));
	assert_true(credential_read(&config, &none, &s, &err));
	assert_int_equal(secret_view(&s).n, 0);
	secret_fini(&s);
	secret_fini(&password.password);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(places_are_asked_in_order, fresh),
		cmocka_unit_test_setup(a_missing_one_names_the_command, fresh),
		cmocka_unit_test_setup(one_line_is_a_secret, fresh),
		cmocka_unit_test_setup(unsafe_files_are_refused, fresh),
		cmocka_unit_test_setup(what_is_no_file_is_refused, fresh),
		cmocka_unit_test_setup(an_unsafe_file_ends_the_search, fresh),
		cmocka_unit_test_setup(rules_of_ownership, fresh),
		cmocka_unit_test_setup(storing_replaces_the_whole, fresh),
		cmocka_unit_test_setup(storing_makes_the_folder, fresh),
		cmocka_unit_test_setup(a_program_tells_the_secret, fresh),
		cmocka_unit_test_setup(a_program_that_fails_gives_none, fresh),
		cmocka_unit_test_setup(a_slow_program_is_killed, fresh),
		cmocka_unit_test_setup(a_program_inherits_nothing, fresh),
		cmocka_unit_test_setup(other_kinds_need_no_file, fresh),
	};

	return cmocka_run_group_tests(tests, enter, dir_leave);
}
