/*
 * Streams through a proxy: who is looked up, whom TLS believes, what becomes of
 * octets that come too early, deadlines, and sessions kept apart.
 */
#include "must.h"
#include "support_net.h"

#include <stdio.h>
#include <stdlib.h>

#define HOST "mail.test"

/* The proxy has a name; the server's is nobody's business here (CASES I13). */
static int proxy_only(const char *host, struct address *list, size_t *n)
{
	if (strncmp(host, "proxy", 5) != 0) {
		print_error("%s was looked up here\n", host);
		abort();
	}
	MUST(address_numeric(&list[(*n)++], "127.0.0.1"));
	return 0;
}

static struct fixture f;
static struct identity ca, good;
static char *ca_file;
static struct trust *trust;

static int set_up(void **state)
{
	struct cert_plan ca_plan = { .cn = "Test CA", .is_ca = true };
	struct cert_plan plan = { .cn = HOST, .dns = HOST };
	struct trust_setting setting = { 0 };
	struct err err;

	(void)state;
	fixture_up(&f, proxy_only);
	ca = cert_make(&ca_plan, NULL);
	good = cert_make(&plan, &ca);
	ca_file = cert_write(f.folder, "ca.pem", ca.cert);
	setting.ca_file = ca_file;
	trust = trust_get(f.trusts, &setting, &err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	trust_release(trust);
	identity_fini(&ca);
	identity_fini(&good);
	free(ca_file);
	fixture_down(&f);
	return 0;
}

static char asked[200]; /* the request line */

/* An HTTP proxy's part; sv->say: put behind the answer in the same segment. */
static bool answer_connect(struct server *sv, int fd)
{
	char line[400], answer[400];

	if (!read_line(fd, asked, sizeof(asked)))
		return false;
	while (read_line(fd, line, sizeof(line)) && line[0])
		;
	(void)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n\r\n%s",
		       sv->say ? sv->say : "");
	write_fully(fd, answer, strlen(answer));
	return true;
}

/* The server is in the proxy, as far as anybody can tell. */
static void serve_tls_beyond(struct server *sv, int fd)
{
	if (answer_connect(sv, fd))
		serve_tls_echo(sv, fd);
}

static void serve_echo_beyond(struct server *sv, int fd)
{
	if (answer_connect(sv, fd))
		serve_echo(sv, fd);
}

static void say_hello(struct owner *o)
{
	owner_text(o, "hello");
}

static bool was_loopback;

static void end_when_echoed(struct owner *o)
{
	if (o->in_total < 5)
		return;
	(void)stream_peer(o->stream, &was_loopback);
	stream_close(o->stream);
}

static struct endpoint beyond(const struct server *sv, enum stream_tls tls)
{
	return (struct endpoint){
		.host = HOST,
		.port = 993,
		.tls = tls,
		.trust = trust,
		.proxy = { .kind = PROXY_HTTP,
			   .host = "proxy.test",
			   .port = sv->port },
	};
}

static void visit(struct owner *o, const struct endpoint *to)
{
	o->on_opened = say_hello;
	o->on_received = end_when_echoed;
	was_loopback = true;
	owner_open(&f, o, to);
	owner_await(&f, o);
}

static void assert_says(const struct owner *o, const char *words)
{
	char line[900];

	err_line(&o->why, line, sizeof(line));
	if (!strstr(line, words))
		fail_msg("\"%s\" is not in: %s", words, line);
}

static void the_server_is_found_and_known_beyond_the_proxy(void **state)
{
	struct server sv = { .serve = serve_tls_beyond, .id = &good };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_NONE);
	assert_string_equal(o.in, "hello");
	assert_string_equal(o.info.subject, "CN=" HOST);
	assert_string_equal(asked, "CONNECT " HOST ":993 HTTP/1.1");
	/* CASES J10: it is the proxy that is near */
	assert_false(was_loopback);
}

static void another_name_beyond_the_proxy_is_not_trusted(void **state)
{
	struct server sv = { .serve = serve_tls_beyond, .id = &good };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	to.host = "other.test";
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_TRUST);
	assert_says(&o, "another name than other.test");
}

static void octets_before_tls_are_refused(void **state)
{
	struct server sv = { .serve = serve_tls_beyond,
			     .id = &good,
			     .say = "* OK injected\r\n" };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_PROTOCOL);
	assert_int_equal(o.opened + (int)o.in_total, 0);
	assert_says(&o, "octets came through the proxy before");
}

static void a_greeting_right_behind_the_answer_is_the_servers(void **state)
{
	struct server sv = { .serve = serve_echo_beyond, .say = "+OK\r\n" };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_NONE);
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_NONE);
	assert_memory_equal(o.in, "+OK\r\n", 5);
	assert_false(was_loopback);
}

static void a_silent_proxy_ends_at_the_deadline(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	to.proxy_ms = 20;
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_NETWORK);
	assert_says(&o, "the proxy proxy.test port");
	assert_says(&o, "did not answer in time");
}

static void serve_end(struct server *sv, int fd)
{
	char line[200];

	(void)sv;
	(void)read_line(fd, line, sizeof(line));
}

static void a_proxy_that_hangs_up_is_named(void **state)
{
	struct server sv = { .serve = serve_end };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_NETWORK);
	assert_says(&o, "the proxy proxy.test port");
}

static void a_proxy_that_is_not_there_is_named(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to;
	struct owner o = { 0 }, foreign = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	server_join(&sv); /* nobody listens on that port any more */
	visit(&o, &to);
	assert_class(&o, ERR_NETWORK);
	assert_says(&o, "the proxy: cannot connect to proxy.test");
	assert_says(&o, "check `proxy`");
	/* our own address is wrong, whoever is to be reached */
	to.source_address = "192.0.2.1";
	visit(&foreign, &to);
	assert_class(&foreign, ERR_NETWORK);
	assert_says(&foreign, "check source_address");
}

static void note_source(struct server *sv, int fd)
{
	struct address a = { .length = sizeof(a.to) };

	MUST(getpeername(fd, &a.to.any, &a.length) == 0);
	address_text(&a, sv->extra, 64);
	serve_echo_beyond(sv, fd);
}

static void the_source_address_is_that_of_the_way_to_the_proxy(void **state)
{
	char source[64] = "";
	struct server sv = { .serve = note_source, .extra = source };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_NONE);
	to.source_address = "127.0.0.9";
	visit(&o, &to);
	server_join(&sv);
	assert_class(&o, ERR_NONE);
	assert_string_equal(source, "127.0.0.9");
}

/* CASES A21: a ticket would tie what a proxy is there to keep apart. */
static void sessions_are_kept_apart_by_proxy(void **state)
{
	struct server sv = { .serve = serve_tls_beyond,
			     .id = &good,
			     .count = 4 };
	struct owner o[4] = { 0 };
	struct endpoint to;

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	visit(&o[0], &to);
	visit(&o[1], &to);
	to.proxy.user = "another";
	visit(&o[2], &to);
	to.proxy.host = "proxy2.test";
	to.proxy.user = NULL;
	visit(&o[3], &to);
	server_join(&sv);
	assert_true(o[0].has_info && o[3].has_info);
	assert_false(o[0].info.resumed);
	assert_true(o[1].info.resumed);
	assert_false(o[2].info.resumed);
	assert_false(o[3].info.resumed);
}

static void closing_while_the_proxy_thinks_is_silent(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct endpoint to;
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	to = beyond(&sv, TLS_IMPLICIT);
	owner_open(&f, &o, &to);
	for (int i = 0; i < 6; i++)
		(void)uv_run(loop_uv(f.loop), UV_RUN_NOWAIT);
	stream_finish(o.stream);
	owner_await(&f, &o);
	assert_class(&o, ERR_NONE);
	assert_int_equal(o.opened, 0);
	server_join(&sv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_server_is_found_and_known_beyond_the_proxy),
		cmocka_unit_test(another_name_beyond_the_proxy_is_not_trusted),
		cmocka_unit_test(octets_before_tls_are_refused),
		cmocka_unit_test(
			a_greeting_right_behind_the_answer_is_the_servers),
		cmocka_unit_test(a_silent_proxy_ends_at_the_deadline),
		cmocka_unit_test(a_proxy_that_hangs_up_is_named),
		cmocka_unit_test(a_proxy_that_is_not_there_is_named),
		cmocka_unit_test(
			the_source_address_is_that_of_the_way_to_the_proxy),
		cmocka_unit_test(sessions_are_kept_apart_by_proxy),
		cmocka_unit_test(closing_while_the_proxy_thinks_is_silent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
