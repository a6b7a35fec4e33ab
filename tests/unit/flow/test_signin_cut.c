/*
 * A server that ends the sign-in while keys are derived on the pool: both the
 * end and the pool's answer wait for the loop, and the end comes first.
 */
#include "secret.h"
#include "source.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* "r=" and the client's nonce of not_random(), "srv,s=c2FsdHNhbHQ=,i=100000" */
#define CHALLENGE                                                              \
	"cj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFzcnYscz1jMkZzZEhOaGJIUT0saT0xMDAw" \
	"MDA="

struct meeting {
	struct loop *loop;
	struct source *source;
	struct timer tick;
	unsigned ticks; /* since the challenge was said */
	enum err_class closed;
	int listener;
	const char *said[4]; /* before each command, then the challenge */
	const char *junk;
	atomic_bool asked, asleep, cut;
};

static void pause_ms(long ms)
{
	(void)nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 },
			NULL);
}

static void say(int fd, const char *words)
{
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL),
			 strlen(words));
}

static void *serve(void *arg)
{
	struct meeting *m = arg;
	char line[1000];
	int fd = accept(m->listener, NULL, NULL);

	say(fd, m->said[0]);
	for (int i = 1; i < 4 && m->said[i]; i++) {
		assert_true(read(fd, line, sizeof(line)) > 0);
		say(fd, m->said[i]);
	}
	atomic_store(&m->asked, true);
	while (!atomic_load(&m->asleep))
		pause_ms(1);
	say(fd, m->junk);
	atomic_store(&m->cut, true);
	while (read(fd, line, sizeof(line)) > 0)
		;
	close(fd);
	return NULL;
}

/* Some turns behind the challenge the loop is late for a second. */
static void on_tick(void *who)
{
	struct meeting *m = who;

	if (!atomic_load(&m->asked) || ++m->ticks != 5)
		return;
	atomic_store(&m->asleep, true);
	while (!atomic_load(&m->cut))
		pause_ms(1);
	pause_ms(1000);
}

static void on_closed(void *who, const struct err *err)
{
	struct meeting *m = who;

	m->closed = err ? err->class : ERR_NONE;
	loop_stop(m->loop);
}

static void not_random(void *out, size_t n)
{
	memset(out, 0, n);
}

static void meet(struct source *(*open)(const struct source_options *,
					const struct source_reports *, void *),
		 struct meeting *m)
{
	static const struct source_reports reports = { .closed = on_closed };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(at);
	struct secret secret = { 0 };
	struct source_options o = {
		.endpoint = { .host = "127.0.0.1" },
		.user = "tim",
		.secret = &secret,
		.random = not_random,
		.password_in_clear = true,
	};
	pthread_t server;

	m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(m->listener, (void *)&at, n), 0);
	assert_int_equal(listen(m->listener, 1), 0);
	assert_int_equal(getsockname(m->listener, (void *)&at, &n), 0);
	m->loop = loop_new(2);
	assert_int_equal(pthread_create(&server, NULL, serve, m), 0);
	secret_set(&secret, VIEW_LIT("tanstaaf"));
	o.loop = m->loop;
	o.resolver = resolver_new(m->loop, 1, NULL);
	o.endpoint.port = ntohs(at.sin_port);
	timer_init(&m->tick, m->loop, on_tick, m);
	timer_every(&m->tick, 2);
	m->source = open(&o, &reports, m);
	loop_run(m->loop);
	timer_stop(&m->tick);
	pthread_join(server, NULL);
	close(m->listener);
	resolver_free(o.resolver);
	loop_free(m->loop);
	secret_fini(&secret);
	assert_int_equal(m->closed, ERR_PROTOCOL);
}

static void of_imap(void **state)
{
	struct meeting m = {
		.said = { "* OK [CAPABILITY IMAP4rev1 SASL-IR "
			  "AUTH=SCRAM-SHA-256] hi\r\n",
			  "+ " CHALLENGE "\r\n" },
		.junk = "?\r\n",
	};

	(void)state;
	meet(source_imap_open, &m);
}

static void of_pop3(void **state)
{
	struct meeting m = {
		.said = { "+OK hi\r\n", "+OK\r\nSASL SCRAM-SHA-256\r\n.\r\n",
			  "+ " CHALLENGE "\r\n" },
		.junk = "?\r\n",
	};

	(void)state;
	meet(source_pop3_open, &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_imap),
		cmocka_unit_test(of_pop3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
