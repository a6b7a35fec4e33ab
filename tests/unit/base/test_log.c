/* The log: forms, priorities, folding, and what a flood is cut to. */
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

static int ends[2];

static int setup(void **state)
{
	(void)state;
	return pipe(ends);
}

static int teardown(void **state)
{
	(void)state;
	log_setup(STDERR_FILENO, LOG_WARNING, LOG_TEXT, false);
	return close(ends[0]) || close(ends[1]);
}

/* What was written since; static. */
static const char *written(void)
{
	static char out[60000];
	ssize_t n;

	(void)!write(ends[1], "", 1); /* so that read() never waits */
	n = read(ends[0], out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n - 1] = 0;
	return out;
}

static void say(enum log_level level, const char *event, const char *value)
{
	struct log_line l;

	if (!log_begin(&l, level, event))
		return;
	log_str(&l, "reply", value);
	log_num(&l, "n", 7);
	log_end(&l);
}

static void one_event_is_one_line(void **state)
{
	(void)state;
	log_setup(ends[1], LOG_INFO, LOG_TEXT, false);
	say(LOG_INFO, "delivered", "250 2.0.0 Ok: \"x\"");
	assert_string_equal(
		written(), "delivered reply=\"250 2.0.0 Ok: \\\"x\\\"\" n=7\n");
	say(LOG_INFO, "deferred", "a\r\nb\033[31m");
	assert_string_equal(written(),
			    "deferred reply=\"a\\x0D\\x0Ab\\x1B[31m\" n=7\n");
	say(LOG_DEBUG, "dialogue", "not wanted");
	assert_string_equal(written(), "");
}

static void the_journal_is_told_priorities(void **state)
{
	static const char *const want[] = { "<3>", "<4>", "<5>", "<6>", "<7>" };

	(void)state;
	log_setup(ends[1], LOG_DEBUG, LOG_TEXT, true);
	for (enum log_level i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		char line[40];

		/* no two alike: they would be folded */
		say(i, "polled", want[i] + 1);
		snprintf(line, sizeof(line), "%spolled reply=%s n=7\n", want[i],
			 want[i] + 1);
		assert_string_equal(written(), line);
	}
}

static void json_has_time_and_level(void **state)
{
	const char *line;

	(void)state;
	log_setup(ends[1], LOG_INFO, LOG_JSON, false);
	say(LOG_WARNING, "held", "550 \\ \"no\"");
	line = written();
	assert_memory_equal(line, "{\"time\":\"20", 11);
	assert_non_null(strstr(line, "Z\",\"level\":\"warning\",\"event\":"
				     "\"held\",\"reply\":\"550 \\\\\\\\ "
				     "\\\"no\\\"\",\"n\":7}\n"));
}

static void repeats_are_folded(void **state)
{
	(void)state;
	log_setup(ends[1], LOG_INFO, LOG_TEXT, false);
	for (int i = 0; i < 5; i++)
		say(LOG_WARNING, "alert", "same");
	assert_string_equal(written(), "alert reply=same n=7\n");
	say(LOG_WARNING, "alert", "other");
	assert_string_equal(written(),
			    "repeated times=4\nalert reply=other n=7\n");
}

static void h6_a_flood_is_cut_and_counted(void **state)
{
	size_t lines = 0;
	char value[20];

	(void)state;
	log_setup(ends[1], LOG_INFO, LOG_TEXT, false);
	for (int i = 0; i < 100000; i++) {
		snprintf(value, sizeof(value), "%d", i);
		say(LOG_WARNING, "alert", value);
		if (i % 500 == 0)
			for (const char *s = written(); *s; s++)
				lines += *s == '\n';
	}
	assert_true(lines <= 1200); /* a minute may have ended meanwhile */
	(void)written();
	/* errors and what became of mail are told all the same */
	say(LOG_ERROR, "failing", "x");
	say(LOG_INFO, "delivered", "x");
	assert_string_equal(written(),
			    "failing reply=x n=7\ndelivered reply=x n=7\n");
	log_setup(ends[1], LOG_INFO, LOG_TEXT, false);
	assert_non_null(strstr(written(), "suppressed times=9"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_event_is_one_line),
		TEST(the_journal_is_told_priorities),
		TEST(json_has_time_and_level),
		TEST(repeats_are_folded),
		TEST(h6_a_flood_is_cut_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
