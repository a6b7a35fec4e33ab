/* dial: addresses that are dead, slow or absent (RFC 8305). */
#include "must.h"
#include "support_net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "A,B,C": these addresses in this order. */
static int listed(const char *host, struct address *list, size_t *n)
{
	char copy[256], *rest = copy, *one;

	(void)snprintf(copy, sizeof(copy), "%s", host);
	while ((one = strsep(&rest, ",")) != NULL)
		assert_true(address_numeric(&list[(*n)++], one));
	return 0;
}

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_up(&f, listed);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_down(&f);
	return 0;
}

static char reached[64];
static bool reached_loopback;

static void note_peer(struct owner *o)
{
	(void)snprintf(reached, sizeof(reached), "%s",
		       stream_peer(o->stream, &reached_loopback));
	stream_close(o->stream);
}

static void visit(struct owner *o, const struct endpoint *to)
{
	reached[0] = 0;
	o->on_opened = note_peer;
	owner_open(&f, o, to);
	owner_await(&f, o);
}

/* Bound and, if backlog >= 0, listening on that address; port 0: any. */
static int bound(const char *address, uint16_t *port, int backlog)
{
	struct address a;
	socklen_t n;
	int fd;

	assert_true(address_numeric(&a, address));
	address_set_port(&a, *port);
	fd = socket(a.to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	n = a.length;
	if (bind(fd, &a.to.any, n) != 0 ||
	    (backlog >= 0 && listen(fd, backlog)))
		fail_msg("cannot bind to %s", address);
	assert_int_equal(getsockname(fd, &a.to.any, &n), 0);
	*port = ntohs(a.to.in.sin_port);
	return fd;
}

/* A listener whose queue is full: further SYNs get no answer. */
struct stalling {
	int fd, queued[8];
};

static struct stalling stall(const char *address, uint16_t *port)
{
	struct stalling st = { .fd = bound(address, port, 0) };
	struct address a;

	assert_true(address_numeric(&a, address));
	address_set_port(&a, *port);
	for (size_t i = 0; i < 8; i++) {
		st.queued[i] = socket(
			AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(st.queued[i], &a.to.any, a.length);
	}
	return st;
}

static void unstall(struct stalling *st)
{
	for (size_t i = 0; i < 8; i++)
		(void)close(st->queued[i]);
	(void)close(st->fd);
}

static void a_refused_address_is_followed_by_the_next(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to = { .host = "127.0.0.2,127.0.0.1" };
	struct owner o = { 0 };
	int dead;

	(void)state;
	server_start(&sv);
	to.port = sv.port;
	dead = bound("127.0.0.2", &to.port, -1); /* bound, not listening */
	visit(&o, &to);
	assert_class(&o, ERR_NONE);
	assert_string_equal(reached, "127.0.0.1");
	assert_true(reached_loopback);
	(void)close(dead);
	server_join(&sv);
}

static void a_silent_address_does_not_hold_up_the_next(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to = { .host = "127.0.0.2,127.0.0.1" };
	struct owner o = { 0 };
	struct stalling st;

	(void)state;
	server_start(&sv);
	to.port = sv.port;
	st = stall("127.0.0.2", &to.port);
	visit(&o, &to);
	assert_class(&o, ERR_NONE);
	assert_string_equal(reached, "127.0.0.1");
	unstall(&st);
	server_join(&sv);
}

static void families_take_turns(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to = {
		/* The second to be tried is the first IPv4 one. */
		.host = "100::1,100::2,100::3,127.0.0.1,127.0.0.3",
	};
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to.port = sv.port;
	visit(&o, &to);
	assert_string_equal(reached, "127.0.0.1");
	server_join(&sv);
}

static void where_all_refuse_the_first_is_told(void **state)
{
	struct endpoint to = { .host = "127.0.0.2,127.0.0.3" };
	struct owner o = { 0 };
	uint16_t port = 0;
	int dead = bound("127.0.0.2", &port, -1);

	(void)state;
	to.port = port;
	visit(&o, &to);
	assert_int_equal(o.opened, 0);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "(127.0.0.2)"));
	assert_non_null(strstr(o.why.what, "refused"));
	assert_true(o.why.remedy[0]);
	(void)close(dead);
}

static void no_answer_at_all_ends_at_the_deadline(void **state)
{
	struct endpoint to = { .host = "127.0.0.2", .connect_ms = 30 };
	struct owner o = { 0 };
	struct stalling st;

	(void)state;
	to.port = 0;
	st = stall("127.0.0.2", &to.port);
	visit(&o, &to);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "no answer within 1 s"));
	unstall(&st);
}

static void a_local_socket_needs_no_resolver(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct endpoint to = { .path = un.sun_path }, none, huge;
	struct owner o = { 0 }, absent = { 0 }, too_long = { 0 };
	char path[300];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/lmtp", f.folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 4), 0);
	visit(&o, &to);
	assert_class(&o, ERR_NONE);
	assert_string_equal(reached, un.sun_path);
	assert_true(reached_loopback);
	(void)close(fd);
	none = to;
	none.path = "/nowhere/lmtp";
	visit(&absent, &none);
	assert_class(&absent, ERR_NETWORK);
	assert_non_null(strstr(absent.why.what, "/nowhere/lmtp"));
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	huge = to;
	huge.path = path;
	visit(&too_long, &huge);
	assert_class(&too_long, ERR_CONFIG);
}

static void note_source(struct server *sv, int fd)
{
	struct address a;
	socklen_t n = sizeof(a.to);

	MUST(getpeername(fd, &a.to.any, &n) == 0);
	a.length = n;
	address_text(&a, sv->extra, 64);
	write_fully(fd, "!", 1);
	serve_silence(sv, fd);
}

static void the_source_address_is_obeyed(void **state)
{
	char source[64] = "";
	struct server sv = { .serve = note_source, .extra = source };
	struct endpoint to = { .host = "::1,127.0.0.1",
			       .source_address = "127.0.0.9" };
	struct owner o = { .close_in = PORT_RECEIVED };
	struct owner wrong = { 0 }, none = { 0 };

	(void)state;
	server_start(&sv);
	to.port = sv.port;
	owner_open(&f, &o, &to);
	owner_await(&f, &o);
	server_join(&sv);
	assert_string_equal(source, "127.0.0.9");
	to.source_address = "eth0";
	visit(&wrong, &to);
	assert_class(&wrong, ERR_CONFIG);
	to.source_address = "127.0.0.9";
	to.host = "::1";
	visit(&none, &to);
	assert_class(&none, ERR_NETWORK);
	assert_non_null(strstr(none.why.what, "source_address"));
}

static void an_ipv6_source_address_is_obeyed(void **state)
{
	struct endpoint to = { .host = "127.0.0.1,::1",
			       .source_address = "::1" };
	struct owner o = { 0 }, none = { 0 }, foreign = { 0 };
	struct address a;
	socklen_t n;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(address_numeric(&a, "::1"));
	n = a.length;
	if (fd < 0 || bind(fd, &a.to.any, n) != 0)
		skip(); /* a kernel without IPv6 */
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, &a.to.any, &n), 0);
	to.port = ntohs(a.to.in6.sin6_port);
	visit(&o, &to);
	assert_class(&o, ERR_NONE);
	assert_string_equal(reached, "::1");
	to.source_address = "2001:db8::1";
	visit(&foreign, &to);
	assert_class(&foreign, ERR_NETWORK);
	assert_non_null(strstr(foreign.why.remedy, "source_address"));
	to.host = "127.0.0.1";
	visit(&none, &to);
	assert_non_null(strstr(none.why.what, "source_address"));
	(void)close(fd);
}

static void closing_while_it_dials_is_silent(void **state)
{
	struct endpoint to = { .host = "127.0.0.2" };
	struct owner a = { 0 }, b = { 0 };
	struct stalling st;

	(void)state;
	to.port = 0;
	st = stall("127.0.0.2", &to.port);
	owner_open(&f, &a, &to);
	stream_close(a.stream); /* in the look-up */
	assert_int_equal(a.closed, 0);
	owner_await(&f, &a);
	assert_class(&a, ERR_NONE);
	owner_open(&f, &b, &to);
	for (int i = 0; i < 3; i++)
		(void)uv_run(loop_uv(f.loop), UV_RUN_NOWAIT);
	stream_finish(b.stream); /* in the attempt */
	owner_await(&f, &b);
	assert_class(&b, ERR_NONE);
	assert_int_equal(a.opened + b.opened, 0);
	unstall(&st);
}

static int unknown(const char *host, struct address *list, size_t *n)
{
	(void)host, (void)list, (void)n;
	return -2; /* EAI_NONAME */
}

static void an_unknown_host_is_told_as_such(void **state)
{
	struct fixture other;
	struct endpoint to = { .host = "no.test", .port = 25 };
	struct owner o = { 0 };

	(void)state;
	fixture_up(&other, unknown);
	owner_open(&other, &o, &to);
	owner_await(&other, &o);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "no such host"));
	fixture_down(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_address_is_followed_by_the_next),
		cmocka_unit_test(a_silent_address_does_not_hold_up_the_next),
		cmocka_unit_test(families_take_turns),
		cmocka_unit_test(where_all_refuse_the_first_is_told),
		cmocka_unit_test(no_answer_at_all_ends_at_the_deadline),
		cmocka_unit_test(a_local_socket_needs_no_resolver),
		cmocka_unit_test(the_source_address_is_obeyed),
		cmocka_unit_test(an_ipv6_source_address_is_obeyed),
		cmocka_unit_test(closing_while_it_dials_is_silent),
		cmocka_unit_test(an_unknown_host_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
