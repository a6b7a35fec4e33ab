#include "program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

static enum program_end shell(const char *script, struct view in, char *out,
			      size_t cap, struct program *p)
{
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			 (char *)(uintptr_t)script, NULL };

	*p = (struct program){
		.argv = argv,
		.in = in,
		.out = { out, cap },
		.patience_ms = 20000,
	};
	if (strstr(script, "sleep"))
		p->patience_ms = 300;
	return program_run(p);
}

static void text_goes_in_and_comes_out(void **state)
{
	static char in[300000], out[300001];
	struct program p;

	(void)state;
	memset(in, 'x', sizeof(in));
	assert_int_equal(shell("cat", (struct view){ in, sizeof(in) }, out,
			       sizeof(out), &p),
			 PROGRAM_EXITED);
	assert_int_equal(p.code, 0);
	assert_int_equal(p.n, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
}

static void what_it_does_not_read_is_no_failure(void **state)
{
	static char in[300000];
	char room[64];
	struct program p;

	(void)state;
	assert_int_equal(
		shell("exit 0", (struct view){ in, sizeof(in) }, NULL, 0, &p),
		PROGRAM_EXITED);
	assert_null(program_why(&p, PROGRAM_EXITED, room, sizeof(room)));
}

static void it_is_told_how_it_failed(void **state)
{
	struct program p;
	char out[4], room[64];
	enum program_end how;

	(void)state;
	how = shell("exit 3", VIEW_NONE, NULL, 0, &p);
	assert_string_equal(program_why(&p, how, room, sizeof(room)),
			    "it failed with exit code 3");
	how = shell("kill -9 $$", VIEW_NONE, NULL, 0, &p);
	assert_int_equal(how, PROGRAM_KILLED);
	how = shell("echo 12345", VIEW_NONE, out, sizeof(out), &p);
	assert_int_equal(how, PROGRAM_WORDY);
	how = shell("exec sleep 600", VIEW_NONE, NULL, 0, &p);
	assert_int_equal(how, PROGRAM_SLOW);
	how = shell("exec sleep 600", VIEW_LIT("unread"), NULL, 0, &p);
	assert_int_equal(how, PROGRAM_SLOW);
	p = (struct program){
		.argv = (char *[]){ (char *)(uintptr_t) "/no/such", NULL },
		.patience_ms = 1000
	};
	how = program_run(&p);
	assert_int_equal(how, PROGRAM_BROKEN);
	assert_string_equal(program_why(&p, how, room, sizeof(room)),
			    "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_in_and_comes_out),
		cmocka_unit_test(what_it_does_not_read_is_no_failure),
		cmocka_unit_test(it_is_told_how_it_failed),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as process_setup() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
