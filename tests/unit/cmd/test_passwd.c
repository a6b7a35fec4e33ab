/*
 * passwd: whose secret, asked without echo, tried before the old one goes.
 */
#include "credential.h"
#include "passwd.h"
#include "text.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char file[] =
	"delivery \"out\" { server = \"smtps://s.example\" user = \"me\" "
	"sender = original to = \"a@b.c\" }\n"
	"delivery \"local\" { server = \"smtp://localhost\" }\n"
	"defaults { delivery = \"out\" }\n"
	"account \"gmx\" { provider = \"gmx\" user = \"u\" }\n"
	"account \"qq\" { provider = \"qq\" user = \"u\" credential = "
	"\"both\" }\n"
	"account \"cmd\" { provider = \"163\" user = \"u\" password_command = "
	"\"pass\" }\n"
	"account \"path\" { provider = \"yahoo\" user = \"u\" credential = "
	"\"/x\" }\n"
	"account \"in\" { provider = \"gmail\" user = \"u\" password = 'p' "
	"}\n";

static char folder[] = "/tmp/mailhaul-passwd-XXXXXX";
static struct config *config;

static int enter(void **state)
{
	struct config_where where = { "mailhaul.conf", "/state" };
	struct config_errors e;
	int fd;

	(void)state;
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	fd = open("mailhaul.conf", O_WRONLY | O_CREAT, 0600);
	if (write(fd, file, strlen(file)) != (ssize_t)strlen(file) || close(fd))
		return -1;
	config = config_load(&where, &e);
	for (size_t i = 0; i < e.n; i++)
		print_message("%s\n", e.line[i]);
	return config ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	config_unref(config);
	(void)unlink("mailhaul.conf");
	(void)unlink("secrets.d/gmx");
	(void)unlink("secrets.d/both");
	return rmdir("secrets.d") || rmdir(folder);
}

static void a_name_stands_for_a_credential(void **state)
{
	static const struct {
		const char *name, *credential;
		bool is_account;
	} found[] = { { "gmx", "gmx", true },
		      { "qq", "both", true },
		      { "both", "both", true },
		      { "out", "out", false } };
	struct passwd_target t;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		assert_true(passwd_find(config, found[i].name, &t, &err));
		assert_string_equal(t.credential, found[i].credential);
		assert_int_equal(t.account != NULL, found[i].is_account);
		assert_int_equal(t.delivery == NULL, found[i].is_account);
	}
}

static void what_lies_elsewhere_is_named(void **state)
{
	static const struct {
		const char *name, *what;
	} cases[] = { { "nobody", "no account or delivery" },
		      { "local", "no user" },
		      { "cmd", "password_command" },
		      { "path", "the file /x" },
		      { "in", "written in mailhaul.conf" } };
	struct passwd_target t;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(passwd_find(config, cases[i].name, &t, &err));
		assert_int_equal(err.class, ERR_CONFIG);
		assert_non_null(strstr(err.what, cases[i].what));
		assert_int_equal(t.account || t.delivery, i > 0);
	}
}

static int pipe_with(const char *words)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], words, strlen(words)), strlen(words));
	assert_int_equal(close(ends[1]), 0);
	return ends[0];
}

struct trial {
	enum err_class answer;
	struct secret got;
};

static bool try_it(void *who, const struct passwd_target *t,
		   const struct secret *secret, struct err *err)
{
	struct trial *trial = who;

	assert_non_null(t->account);
	secret_set(&trial->got, secret_view(secret));
	if (trial->answer == ERR_NONE)
		return true;
	return err_set(err, trial->answer, "no");
}

static bool change(struct trial *trial, const char *name, const char *input,
		   bool untried_too, struct err *err)
{
	struct passwd_target t;
	struct err tried;
	int fd = pipe_with(input);
	bool ok;

	assert_true(passwd_find(config, name, &t, err));
	ok = passwd_change(config, &t, fd, untried_too, try_it, trial, &tried,
			   err);
	assert_int_equal(tried.class, trial->got.p ? trial->answer : ERR_NONE);
	close(fd);
	return ok;
}

static void expect_stored(const char *name, const char *want)
{
	struct config_secret s = { .kind = CONFIG_SECRET_CREDENTIAL,
				   .credential = (char *)name };
	struct secret got = { 0 };
	struct err err;

	assert_int_equal(credential_read(config, &s, &got, &err), want != NULL);
	if (want)
		assert_true(view_eq(secret_view(&got), view_of(want)));
	secret_fini(&got);
}

static void an_accepted_secret_is_stored(void **state)
{
	struct trial trial = { 0 };
	struct err err;

	(void)state;
	assert_true(change(&trial, "qq", "one two\nthree\n", false, &err));
	assert_true(view_eq(secret_view(&trial.got), VIEW_LIT("one two")));
	expect_stored("both", "one two");
	secret_fini(&trial.got);
}

static void a_refused_one_leaves_the_old(void **state)
{
	struct trial trial = { .answer = ERR_NONE };
	struct err err;

	(void)state;
	assert_true(change(&trial, "gmx", "old", false, &err));
	trial.answer = ERR_AUTH;
	assert_false(change(&trial, "gmx", "new\n", false, &err));
	assert_int_equal(err.class, ERR_AUTH);
	expect_stored("gmx", "old");
	trial.answer = ERR_NETWORK;
	assert_false(change(&trial, "gmx", "new\n", false, &err));
	assert_non_null(strstr(err.remedy, "--yes"));
	expect_stored("gmx", "old");
	assert_true(change(&trial, "gmx", "new\n", true, &err));
	expect_stored("gmx", "new");
	secret_fini(&trial.got);
}

static void nothing_is_no_secret(void **state)
{
	static const char *const inputs[] = { "", "\n", "a\rb\n" };
	struct trial trial = { 0 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_false(change(&trial, "gmx", inputs[i], true, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	assert_false(secret_is_set(&trial.got));
}

/* Plays the person: waits for the question, types, tells what was shown. */
_Noreturn static void person(int master, const char *types, pid_t interrupts)
{
	char seen[1000] = "";
	size_t n = 0;
	ssize_t got;

	while (!strstr(seen, "secret? ")) {
		got = read(master, seen + n, sizeof(seen) - n - 1);
		if (got <= 0)
			_exit(2);
		n += (size_t)got;
	}
	if (interrupts)
		(void)kill(interrupts, SIGINT);
	if (write(master, types, strlen(types)) < 0)
		_exit(3);
	/* ends with the newline that is written once the echo is on again */
	while (!strchr(strstr(seen, "secret? "), '\n')) {
		got = read(master, seen + n, sizeof(seen) - n - 1);
		if (got <= 0)
			_exit(4);
		n += (size_t)got;
	}
	_exit(strstr(seen, "hidden") ? 1 : 0);
}

static bool ask_person(const char *types, bool interrupt, struct secret *out,
		       struct err *err)
{
	int master, terminal, status;
	struct termios before, after;
	pid_t self = getpid(), pid;
	bool ok;

	assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(terminal, &before), 0);
	assert_true(before.c_lflag & ECHO);
	pid = fork();
	if (pid == 0)
		person(master, types, interrupt ? self : 0);
	ok = passwd_ask(terminal, "secret? ", out, err);
	assert_int_equal(tcgetattr(terminal, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(master);
	close(terminal);
	return ok;
}

static void what_is_typed_is_not_shown(void **state)
{
	struct secret got = { 0 };
	struct err err;

	(void)state;
	assert_true(ask_person("hidden words\n", false, &got, &err));
	assert_true(view_eq(secret_view(&got), VIEW_LIT("hidden words")));
	secret_fini(&got);
}

static void an_interrupt_brings_the_echo_back(void **state)
{
	struct secret got = { 0 };
	struct err err;

	(void)state;
	assert_false(ask_person("", true, &got, &err));
	assert_int_equal(err.class, ERR_CANCELLED);
	assert_false(secret_is_set(&got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_stands_for_a_credential),
		cmocka_unit_test(what_lies_elsewhere_is_named),
		cmocka_unit_test(an_accepted_secret_is_stored),
		cmocka_unit_test(a_refused_one_leaves_the_old),
		cmocka_unit_test(nothing_is_no_secret),
		cmocka_unit_test(what_is_typed_is_not_shown),
		cmocka_unit_test(an_interrupt_brings_the_echo_back),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
