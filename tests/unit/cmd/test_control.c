/*
 * The control socket: one request, one answer, over a socketpair and over the
 * real socket; what is no request harms nobody.
 */
#include "answer.h"
#include "ask.h"
#include "control.h"
#include "must.h"
#include "told.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

#define NOW 1795354205000

struct bench {
	char dir[400];
	struct loop *loop;
	struct spool *spool;
	struct wake *wake, *over;
	pthread_t thread;
	int fd;		 /* of the client, for the socketpair */
	const char *say; /* what it writes; then it reads to the end */
	char *heard;	 /* owned */
	size_t heard_n;
	json_t *request, *answer; /* for ask() */
	struct err err;
	bool ok;
};

static void on_wake(void *who)
{
	spool_results(((struct bench *)who)->spool);
}

static void wake_loop(void *who)
{
	wake_send(((struct bench *)who)->wake);
}

static void on_over(void *who)
{
	loop_stop(((struct bench *)who)->loop);
}

/* A path longer than sun_path: such state directories exist. */
static void make_dir(struct bench *b)
{
	const char *tmp = getenv("TMPDIR");
	size_t n;

	snprintf(b->dir, sizeof(b->dir), "%s/mailhaul-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(b->dir));
	n = strlen(b->dir);
	b->dir[n++] = '/';
	memset(b->dir + n, 'd', 200);
	b->dir[n + 200] = 0;
}

static void bench_open(struct bench *b)
{
	struct spool_options o = { .wake = wake_loop, .now_ms = NOW };
	struct spool_found found;

	*b = (struct bench){ .fd = -1 };
	make_dir(b);
	b->loop = loop_new(1);
	b->wake = wake_new(b->loop, on_wake, b);
	b->over = wake_new(b->loop, on_over, b);
	o.dir = b->dir;
	o.who = b;
	b->spool = spool_open(&o, &found, &b->err);
	if (!b->spool)
		print_error("%s\n", b->err.what);
	assert_non_null(b->spool);
}

static void bench_close(struct bench *b)
{
	char command[500];

	spool_close(b->spool);
	wake_free(b->wake);
	wake_free(b->over);
	loop_free(b->loop);
	free(b->heard);
	json_decref(b->request);
	json_decref(b->answer);
	*strrchr(b->dir, '/') = 0;
	snprintf(command, sizeof(command), "rm -rf '%s'", b->dir);
	assert_int_equal(system(command), 0);
}

/* The other end may close before all is said. */
static void say_all(int fd, const char *say)
{
	size_t left = strlen(say);

	while (left) {
		ssize_t n = send(fd, say, left, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		say += n;
		left -= (size_t)n;
	}
}

static void *converse(void *who)
{
	struct bench *b = who;
	char piece[4096];
	ssize_t n;

	if (*b->say)
		say_all(b->fd, b->say);
	else
		MUST(shutdown(b->fd, SHUT_WR) == 0);
	while ((n = read(b->fd, piece, sizeof(piece))) > 0) {
		b->heard = mem_grow(b->heard, b->heard_n + (size_t)n + 1);
		memcpy(b->heard + b->heard_n, piece, (size_t)n);
		b->heard_n += (size_t)n;
		b->heard[b->heard_n] = 0;
	}
	close(b->fd);
	wake_send(b->over);
	return NULL;
}

/* What comes back for `say` over a socketpair. */
static void exchange(struct bench *b, const char *say)
{
	struct control *c = control_new(b->loop, b->spool);
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	b->fd = pair[1];
	b->say = say;
	control_client(c, pair[0]);
	assert_int_equal(pthread_create(&b->thread, NULL, converse, b), 0);
	loop_run(b->loop);
	pthread_join(b->thread, NULL);
	control_close(c);
}

static void *ask_it(void *who)
{
	struct bench *b = who;

	b->answer = ask(b->dir, b->request, &b->err);
	wake_send(b->over);
	return NULL;
}

static void a_question_gets_one_line_of_json(void **state)
{
	struct bench b;
	json_t *o;

	(void)state;
	bench_open(&b);
	exchange(&b, "{\"ask\": \"status\"}\n");
	assert_non_null(b.heard);
	assert_int_equal(b.heard[b.heard_n - 1], '\n');
	assert_ptr_equal(strchr(b.heard, '\n'), b.heard + b.heard_n - 1);
	o = json_loads(b.heard, 0, NULL);
	assert_true(json_is_true(json_object_get(o, "ok")));
	assert_true(json_is_array(
		json_object_get(json_object_get(o, "answer"), "accounts")));
	json_decref(o);
	bench_close(&b);
}

static void expect_refusal(const char *say, const char *words)
{
	struct bench b;
	json_t *o;

	bench_open(&b);
	exchange(&b, say);
	o = json_loads(b.heard, 0, NULL);
	assert_non_null(o);
	assert_true(json_is_false(json_object_get(o, "ok")));
	assert_non_null(strstr(told_str(o, "what"), words));
	json_decref(o);
	bench_close(&b);
}

static void what_is_not_understood_is_refused(void **state)
{
	(void)state;
	expect_refusal("{\"ask\": \"sing\"}\n", "not understood");
	expect_refusal("[]\n", "not understood");
	expect_refusal("hello\n", "no JSON");
	expect_refusal("{\"ask\": \"queue\", \"ids\": [\"!\"]}\n",
		       "not a queue id");
	expect_refusal("{\"ask\": \"body\", \"id\": 7}\n", "not a queue id");
}

static void a_client_that_says_nothing_is_left(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	exchange(&b, "");
	assert_null(b.heard);
	bench_close(&b);
}

static void a_request_without_end_is_cut_off(void **state)
{
	size_t n = ANSWER_REQUEST_OCTETS * 4;
	char *flood = mem_new(n + 1);
	struct bench b;

	(void)state;
	memset(flood, 'x', n);
	bench_open(&b);
	exchange(&b, flood);
	assert_null(b.heard);
	free(flood);
	bench_close(&b);
}

static void ask_finds_the_holder_by_its_socket(void **state)
{
	struct control *c;
	char path[500];
	struct stat st;
	struct bench b;

	(void)state;
	bench_open(&b);
	assert_false(ask_is_held(b.dir));
	c = control_serve(b.loop, b.spool, b.dir, &b.err);
	assert_non_null(c);
	snprintf(path, sizeof(path), "%s/" CONTROL_NAME, b.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	b.request = json_pack("{s:s}", "ask", "queue");
	assert_int_equal(pthread_create(&b.thread, NULL, ask_it, &b), 0);
	loop_run(b.loop);
	pthread_join(b.thread, NULL);
	assert_non_null(b.answer);
	assert_true(json_is_array(json_object_get(b.answer, "messages")));
	control_close(c);
	assert_int_not_equal(stat(path, &st), 0);
	bench_close(&b);
}

static void a_stale_socket_is_harmless(void **state)
{
	struct control *c;
	struct bench b;
	char path[500];
	int fd;

	(void)state;
	bench_open(&b);
	/* a dead holder's socket, and something else of that name */
	c = control_serve(b.loop, b.spool, b.dir, &b.err);
	assert_non_null(c);
	snprintf(path, sizeof(path), "%s/" CONTROL_NAME, b.dir);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	control_close(c);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_false(ask_is_held(b.dir));
	c = control_serve(b.loop, b.spool, b.dir, &b.err);
	assert_non_null(c);
	assert_true(ask_is_held(b.dir));
	control_close(c);
	bench_close(&b);
}

static void without_a_holder_the_ledger_is_opened(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	spool_close(b.spool);
	b.request = json_pack("{s:s}", "ask", "status");
	b.answer = ask(b.dir, b.request, &b.err);
	assert_non_null(b.answer);
	assert_int_equal(
		told_number(json_object_get(b.answer, "queue"), "queued"), 0);
	b.spool = NULL;
	{
		struct spool_options o = { .dir = b.dir,
					   .wake = wake_loop,
					   .who = &b,
					   .now_ms = NOW };
		struct spool_found found;

		/* the look left nothing behind that keeps the next one out */
		b.spool = spool_open(&o, &found, &b.err);
	}
	assert_non_null(b.spool);
	bench_close(&b);
}

static void where_nothing_was_ever_kept_all_is_empty(void **state)
{
	json_t *request = json_pack("{s:s}", "ask", "status"), *answer;
	struct err err;

	(void)state;
	answer = ask("/nonexistent/mailhaul", request, &err);
	assert_non_null(answer);
	assert_int_equal(json_array_size(json_object_get(answer, "accounts")),
			 0);
	json_decref(answer);
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_gets_one_line_of_json),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(a_client_that_says_nothing_is_left),
		cmocka_unit_test(a_request_without_end_is_cut_off),
		cmocka_unit_test(ask_finds_the_holder_by_its_socket),
		cmocka_unit_test(a_stale_socket_is_harmless),
		cmocka_unit_test(without_a_holder_the_ledger_is_opened),
		cmocka_unit_test(where_nothing_was_ever_kept_all_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
