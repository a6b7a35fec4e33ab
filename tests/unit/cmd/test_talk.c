/*
 * A talk, and the lines of a pass that go over it: whatever the other end says
 * or leaves unread ends it, and costs a bounded amount of memory.
 */
#include "control.h"
#include "must.h"
#include "pass_lines.h"
#include "talk.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

struct bench {
	struct loop *loop;
	struct talk *talk;
	int fd; /* the peer's end */
	struct timer limit, more;
	const char *say;
	size_t at, left; /* of what is repeated of say */
	unsigned lines, gone;
	bool closes;  /* at the first line */
	int64_t last; /* "n" of the last line */
};

static void on_line(void *who, const json_t *line)
{
	struct bench *b = who;

	b->lines++;
	b->last = json_integer_value(json_object_get(line, "n"));
	if (b->closes) {
		talk_close(b->talk);
		b->talk = NULL;
		loop_stop(b->loop);
	}
}

static void on_gone(void *who)
{
	struct bench *b = who;

	b->gone++;
	talk_close(b->talk);
	b->talk = NULL;
	loop_stop(b->loop);
}

static const struct talk_reports reports = { .line = on_line, .gone = on_gone };

static void on_limit(void *who)
{
	(void)who;
	fail_msg("a minute has passed");
}

static void put_more(void *who)
{
	struct bench *b = who;
	size_t n = b->say ? strlen(b->say) : 0;

	while (b->left) {
		size_t rest = n - b->at;
		ssize_t put = write(b->fd, b->say + b->at,
				    rest < b->left ? rest : b->left);

		if (put < 0)
			break;
		b->left -= (size_t)put;
		b->at = (b->at + (size_t)put) % n;
	}
	if (b->left && b->talk)
		timer_start(&b->more, 1);
}

static void set_up_with(struct bench *b, uint32_t stall_ms)
{
	int fd[2];

	*b = (struct bench){ .loop = loop_new(1) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	b->fd = fd[1];
	(void)fcntl(b->fd, F_SETFL, O_NONBLOCK);
	timer_init(&b->limit, b->loop, on_limit, b);
	timer_init(&b->more, b->loop, put_more, b);
	timer_start(&b->limit, 60000);
	b->talk = talk_new(b->loop, fd[0], stall_ms, &reports, b);
}

static void set_up(struct bench *b)
{
	set_up_with(b, CONTROL_STALL_MS);
}

static void tear_down(struct bench *b)
{
	timer_stop(&b->limit);
	timer_stop(&b->more);
	if (b->talk)
		talk_cut(b->talk);
	(void)close(b->fd);
	loop_free(b->loop);
}

static void hear(struct bench *b, const char *say, size_t octets)
{
	b->say = say;
	b->left = octets;
	put_more(b);
	loop_run(b->loop);
}

static void what_is_no_object_ends_it(void **state)
{
	static const char *const bad[] = { "[]\n",	 "17\n",  "{\"a\":\n",
					   "{} {}\n",	 "\n",	  "nonsense\n",
					   "\"\xff\"\n", "null\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bench b;
		char text[100];

		set_up(&b);
		(void)snprintf(text, sizeof(text), "{\"n\": 7}\n%s{\"n\": 8}\n",
			       bad[i]);
		hear(&b, text, strlen(text));
		/* what stands behind it is not heard */
		assert_int_equal(b.lines, 1);
		assert_int_equal(b.last, 7);
		assert_int_equal(b.gone, 1);
		tear_down(&b);
	}
}

static void a_line_without_end_ends_it(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	hear(&b, "          ", TALK_LINE + 200000u);
	assert_int_equal(b.lines, 0);
	assert_int_equal(b.gone, 1);
	assert_true(b.left > 0 || TALK_LINE < 2000000u);
	tear_down(&b);
}

/* 10 octets less than the bound are a line as good as others. */
static void a_long_line_is_heard(void **state)
{
	char *line = malloc(TALK_LINE + 2);
	struct bench b;

	(void)state;
	memset(line, ' ', TALK_LINE - 10);
	memcpy(line, "{\"n\":  9}", 9);
	(void)snprintf(line + TALK_LINE - 10, 12, "\n");
	set_up(&b);
	b.closes = true;
	hear(&b, line, strlen(line));
	assert_int_equal(b.lines, 1);
	assert_int_equal(b.last, 9);
	assert_int_equal(b.gone, 0);
	tear_down(&b);
	free(line);
}

static void a_peer_that_never_reads_is_dropped(void **state)
{
	struct bench b;
	char *octets = malloc(1000001);
	unsigned said = 0;

	(void)state;
	memset(octets, 'x', 1000000);
	octets[1000000] = 0;
	set_up(&b);
	while (!b.gone && said < 1000) {
		talk_say(b.talk, json_pack("{s:s}", "x", octets));
		said++;
		if (said % 10 == 0 || said > 60) {
			timer_start(&b.more, 0);
			(void)uv_run(loop_uv(b.loop), UV_RUN_NOWAIT);
		}
	}
	assert_int_equal(b.gone, 1);
	/* what waits, and what was on its way */
	assert_in_range(said, 60, 2 * TALK_WAITING / 1000000 + 2);
	tear_down(&b);
	free(octets);
}

/* More than a socket takes in. */
static void say_much(struct talk *t)
{
	char *octets = malloc(1000001);

	memset(octets, 'x', 1000000);
	octets[1000000] = 0;
	talk_say(t, json_pack("{s:s}", "x", octets));
	free(octets);
}

static void what_is_not_taken_in_time_ends_it(void **state)
{
	struct bench b;

	(void)state;
	set_up_with(&b, 40);
	say_much(b.talk);
	loop_run(b.loop);
	assert_int_equal(b.gone, 1);
	tear_down(&b);
}

static void until_hung_up(void *who)
{
	struct bench *b = who;
	struct pollfd p = { .fd = b->fd };

	if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
		loop_stop(b->loop);
	else
		timer_start(&b->more, 5);
}

/* Its owner closed it, and what was said last is never taken. */
static void a_farewell_does_not_last_for_ever(void **state)
{
	struct bench b;

	(void)state;
	set_up_with(&b, 40);
	say_much(b.talk);
	talk_close(b.talk);
	b.talk = NULL;
	timer_init(&b.more, b.loop, until_hung_up, &b);
	timer_start(&b.more, 5);
	loop_run(b.loop);
	assert_int_equal(b.gone, 0);
	tear_down(&b);
}

static void on_long_enough(void *who)
{
	struct bench *b = who;

	loop_stop(b->loop);
}

static void who_has_taken_all_may_be_silent(void **state)
{
	struct bench b;

	(void)state;
	set_up_with(&b, 500);
	talk_say(b.talk, json_pack("{s:i}", "n", 7));
	timer_init(&b.more, b.loop, on_long_enough, &b);
	timer_start(&b.more, 700);
	loop_run(b.loop);
	assert_int_equal(b.gone, 0);
	tear_down(&b);
}

static void the_end_of_the_peer_is_told(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	(void)shutdown(b.fd, SHUT_RDWR);
	loop_run(b.loop);
	assert_int_equal(b.gone, 1);
	tear_down(&b);
}

/* ---- lines of a pass ---- */

static json_t *read_json(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return o;
}

static void requests_that_are_none(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"uids\": 5, \"names\": null}",
		"{\"uids\": [], \"names\": \"x\"}",
		"{\"uids\": [7], \"names\": null}",
		"{\"uids\": [], \"names\": [\"a\", null]}",
		"{\"task\": 99, \"uids\": [], \"names\": null}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *o = read_json(bad[i]);
		struct pass_options p;

		assert_false(pass_read_request(o, &p));
		free((void *)p.names);
		free((void *)p.again.uids);
		free(p.again.found);
		json_decref(o);
	}
}

static void values_that_are_none_are_nothing(void **state)
{
	json_t *o = read_json(
		"{\"phase\": 77, \"result\": -4, \"found\": -1, \"octets\":"
		" \"many\", \"err\": {\"class\": 99, \"origin\": 99, \"code\":"
		" {}, \"what\": 5}, \"notice\": [], \"reasons\": [[-1, 5, 5],"
		" [9999, 5, 5], 7, [0, -5, \"x\"]], \"later\": -9}");
	struct pass_account a = { .fetched = 3 };

	(void)state;
	pass_read_account(o, &a);
	assert_int_equal(a.phase, 0);
	assert_int_equal(a.result, 0);
	assert_int_equal(a.found, 0);
	assert_int_equal(a.fetched, 0);
	assert_int_equal(a.octets, 0);
	assert_int_equal(a.err.class, ERR_BUG);
	assert_int_equal(a.err.origin, 0);
	assert_string_equal(a.err.what, "");
	assert_string_equal(a.notice, "");
	assert_int_equal(a.later_ms, 0);
	for (int r = 0; r < (int)PASS_REASONS; r++) {
		assert_int_equal(a.reasons[r], 0);
		assert_int_equal(a.reason_octets[r], 0);
	}
	json_decref(o);
}

static void strings_are_cut(void **state)
{
	char *text = malloc(100001);
	struct pass_account a = { 0 };
	json_t *o;

	(void)state;
	memset(text, 'y', 100000);
	text[100000] = 0;
	o = json_pack("{s:s, s:{s:i, s:s, s:s, s:s}}", "notice", text, "err",
		      "class", (int)ERR_AUTH, "what", text, "peer", text,
		      "remedy", text);
	pass_read_account(o, &a);
	assert_int_equal(strlen(a.notice), sizeof(a.notice) - 1);
	assert_int_equal(strlen(a.err.what), sizeof(a.err.what) - 1);
	assert_int_equal(strlen(a.err.peer), sizeof(a.err.peer) - 1);
	assert_int_equal(strlen(a.err.remedy), sizeof(a.err.remedy) - 1);
	json_decref(o);
	free(text);
}

static void a_message_without_members(void **state)
{
	json_t *o = read_json("{\"judged\": 1, \"reason\": 4711}");
	struct pass_judged j;

	(void)state;
	pass_read_judged(o, &j);
	assert_string_equal(j.folder, "");
	assert_int_equal(j.uid.n, 0);
	assert_int_equal(j.reason, 0);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_object_ends_it),
		cmocka_unit_test(a_line_without_end_ends_it),
		cmocka_unit_test(a_long_line_is_heard),
		cmocka_unit_test(a_peer_that_never_reads_is_dropped),
		cmocka_unit_test(what_is_not_taken_in_time_ends_it),
		cmocka_unit_test(a_farewell_does_not_last_for_ever),
		cmocka_unit_test(who_has_taken_all_may_be_silent),
		cmocka_unit_test(the_end_of_the_peer_is_told),
		cmocka_unit_test(requests_that_are_none),
		cmocka_unit_test(values_that_are_none_are_nothing),
		cmocka_unit_test(strings_are_cut),
		cmocka_unit_test(a_message_without_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
