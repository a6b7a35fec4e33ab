/*
 * tunnel: the dialogues with a proxy, whole and cut at every octet; what a
 * hostile one says; that nothing behind its answer is taken.
 */
#include "limits.h"
#include "tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVER "mail.example"
#define PORT   993 /* 0x03 0xe1 */

/* One octet string, its length known: SOCKS has NULs. */
#define OCTETS(s) ((struct view){ "" s, sizeof(s) - 1 })

static struct secret secret_of(const char *text)
{
	struct secret s = { NULL, 0 };

	secret_set(&s, view_of(text));
	return s;
}

static struct tunnel *open_by(enum proxy_kind kind, const char *user,
			      const char *password, const char *host)
{
	struct secret s = secret_of(password);
	struct proxy via = { .kind = kind,
			     .host = "proxy.example",
			     .port = 1080,
			     .user = user,
			     .password = password ? &s : NULL };
	struct tunnel *t = tunnel_new(&via, host, PORT);

	secret_fini(&s);
	return t;
}

struct said {
	char octets[4096];
	size_t n;
};

static void listen_to(struct tunnel *t, struct said *said)
{
	struct view v = tunnel_pending(t);

	assert_true(said->n + v.n <= sizeof(said->octets));
	memcpy(said->octets + said->n, v.p, v.n);
	said->n += v.n;
	if (v.n)
		tunnel_sent(t, v.n);
}

/*
 * Gives what the proxy says in pieces of `piece` octets at most. Returns the
 * octets that were taken.
 */
static size_t play(struct tunnel *t, struct view says, size_t piece,
		   struct said *said)
{
	size_t taken = 0;
	struct room r;

	listen_to(t, said);
	while (taken < says.n && (r = tunnel_room(t)).n) {
		size_t n = r.n < piece ? r.n : piece;

		n = n < says.n - taken ? n : says.n - taken;
		memcpy(r.p, says.p + taken, n);
		taken += n;
		tunnel_received(t, n);
		listen_to(t, said);
	}
	return taken;
}

static void assert_said(const struct said *said, struct view want)
{
	assert_int_equal(said->n, want.n);
	assert_memory_equal(said->octets, want.p, want.n);
}

/* Opens, says `want`, and leaves "GREETING" alone, whatever the pieces. */
static void opens(enum proxy_kind kind, const char *user, const char *password,
		  const char *host, struct view answer, struct view want)
{
	char says[4096];
	struct err err;

	assert_true(answer.n + 8 <= sizeof(says));
	memcpy(says, answer.p, answer.n);
	memcpy(says + answer.n, "GREETING", 8);
	for (size_t piece = 1; piece <= answer.n + 8; piece++) {
		struct tunnel *t = open_by(kind, user, password, host);
		struct said said = { .n = 0 };

		assert_int_equal(play(t, (struct view){ says, answer.n + 8 },
				      piece, &said),
				 answer.n);
		assert_int_equal(tunnel_state(t, &err), TUNNEL_OPEN);
		assert_int_equal(tunnel_room(t).n, 0);
		assert_said(&said, want);
		tunnel_free(t);
	}
}

/* Ends so; returns the error. cut: the proxy hangs up behind it. */
static struct err fails(enum proxy_kind kind, const char *user,
			struct view says, bool cut, enum err_class class)
{
	struct tunnel *t = open_by(kind, user, user ? "s3cret" : NULL, SERVER);
	struct said said = { .n = 0 };
	struct err err = { 0 };

	(void)play(t, says, 3, &said);
	if (cut) {
		assert_int_equal(tunnel_state(t, &err), TUNNEL_ASKING);
		tunnel_cut(t, "hung up");
	}
	assert_int_equal(tunnel_state(t, &err), TUNNEL_FAILED);
	assert_int_equal(tunnel_room(t).n, 0);
	assert_int_equal(tunnel_pending(t).n, 0);
	assert_int_equal(err.class, class);
	assert_non_null(strstr(err.what, "the proxy proxy.example port 1080"));
	assert_true(err.remedy[0]);
	assert_null(strstr(err.what, "s3cret"));
	assert_null(strstr(err.peer, "s3cret"));
	tunnel_free(t);
	return err;
}

/* SOCKS5 */

static void socks5_without_sign_in(void **state)
{
	(void)state;
	opens(PROXY_SOCKS5, NULL, NULL, SERVER,
	      OCTETS("\5\0\5\0\0\1\x7f\0\0\1\x10\x20"),
	      OCTETS("\5\1\0"
		     "\5\1\0\3\x0c" SERVER "\x03\xe1"));
}

static void socks5_signs_in_where_it_is_asked_to(void **state)
{
	(void)state;
	opens(PROXY_SOCKS5, "me", "s3cret", SERVER,
	      OCTETS("\5\2\1\0\5\0\0\1\x7f\0\0\1\x10\x20"),
	      OCTETS("\5\2\0\2"
		     "\1\2me\6s3cret"
		     "\5\1\0\3\x0c" SERVER "\x03\xe1"));
	/* user and password stay here where they are not wanted */
	opens(PROXY_SOCKS5, "me", "s3cret", SERVER,
	      OCTETS("\5\0\5\0\0\1\x7f\0\0\1\x10\x20"),
	      OCTETS("\5\2\0\2"
		     "\5\1\0\3\x0c" SERVER "\x03\xe1"));
}

static void socks5_addresses_go_as_addresses(void **state)
{
	(void)state;
	opens(PROXY_SOCKS5, NULL, NULL, "192.0.2.1",
	      OCTETS("\5\0\5\0\0\3\4name\0\0"),
	      OCTETS("\5\1\0\5\1\0\1\xc0\0\2\1\x03\xe1"));
	opens(PROXY_SOCKS5, NULL, NULL, "2001:db8::1",
	      OCTETS("\5\0\5\0\0\4"
		     "0123456789abcdef\0\0"),
	      OCTETS("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		     "\x03\xe1"));
}

static void socks5_refusals_are_told(void **state)
{
	struct err err;
	char answer[4] = "\5\0\5";

	(void)state;
	for (char reply = 1; reply < 12; reply++) {
		bool config = reply == 2 || reply == 7 || reply == 8;

		answer[3] = reply; /* and no octet more: some hang up here */
		err = fails(PROXY_SOCKS5, NULL, (struct view){ answer, 4 },
			    false, config ? ERR_CONFIG : ERR_NETWORK);
		assert_non_null(strstr(err.what, SERVER " port 993"));
		assert_true(err.peer[0]);
	}
	answer[3] = 5;
	err = fails(PROXY_SOCKS5, NULL, (struct view){ answer, 4 }, false,
		    ERR_NETWORK);
	assert_string_equal(err.peer, "Connection refused (reply 5)");
}

static void socks5_sign_in_refused(void **state)
{
	struct err err;

	(void)state;
	err = fails(PROXY_SOCKS5, "me", OCTETS("\5\2\1\1"), false, ERR_CONFIG);
	assert_non_null(strstr(err.what, "refuses its user and password"));
	err = fails(PROXY_SOCKS5, NULL, OCTETS("\5\xff"), false, ERR_CONFIG);
	assert_non_null(strstr(err.remedy, "socks5://USER:PASSWORD@"));
	err = fails(PROXY_SOCKS5, "me", OCTETS("\5\xff"), false, ERR_CONFIG);
	assert_non_null(strstr(err.what, "signs nobody in"));
}

static void what_is_no_socks5(void **state)
{
	static const struct view says[] = {
		OCTETS("\4\0"),
		OCTETS("\0\x5b"),
		OCTETS("\5\1"),
		OCTETS("\5\2"), /* not offered: there is no user */
		OCTETS("\5\0\4\0"),
		OCTETS("\5\0\5\0\0\2"),
		OCTETS("\5\0\5\0\0\0"),
		OCTETS("\x15\3"),
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		(void)fails(PROXY_SOCKS5, NULL, says[i], false, ERR_PROTOCOL);
	(void)fails(PROXY_SOCKS5, "me", OCTETS("\5\2\5\0"), false,
		    ERR_PROTOCOL);
	err = fails(PROXY_SOCKS5, NULL, OCTETS("HTTP/1.1 400"), false,
		    ERR_PROTOCOL);
	assert_non_null(strstr(err.remedy, "http://"));
}

static void a_proxy_that_hangs_up(void **state)
{
	static const struct view socks = OCTETS("\5\0\5\0\0\3\4name\0");
	static const struct view http = OCTETS("HTTP/1.1 200 OK\r\nA: b\r\n\r");

	(void)state;
	for (size_t n = 0; n <= socks.n; n++)
		(void)fails(PROXY_SOCKS5, NULL, view_head(socks, n), true,
			    ERR_NETWORK);
	for (size_t n = 0; n <= http.n; n++)
		(void)fails(PROXY_HTTP, NULL, view_head(http, n), true,
			    ERR_NETWORK);
}

/* What was not sent yet is not sent any more; it holds a password. */
static void nothing_is_left_to_be_sent_when_it_failed(void **state)
{
	struct tunnel *t = open_by(PROXY_HTTP, "me", "s3cret", SERVER);
	struct err err;

	(void)state;
	assert_true(tunnel_pending(t).n > 0);
	tunnel_cut(t, "hung up");
	assert_int_equal(tunnel_state(t, &err), TUNNEL_FAILED);
	assert_int_equal(tunnel_pending(t).n, 0);
	tunnel_free(t);
}

/* HTTP CONNECT */

#define ASKS                                                                   \
	"CONNECT " SERVER ":993 HTTP/1.1\r\n"                                  \
	"Host: " SERVER ":993\r\n"

static void connect_opens(void **state)
{
	static const struct view answers[] = {
		OCTETS("HTTP/1.1 200 Connection established\r\n\r\n"),
		OCTETS("HTTP/1.0 200\r\nVia: x\r\nContent-Length: 8\r\n\r\n"),
		OCTETS("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n"),
		OCTETS("HTTP/1.1 200 OK\nA: b\n\n"),
		OCTETS("HTTP/1.1 200 OK\n\r\n"),
		OCTETS("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
		       "HTTP/1.1 200 OK\r\n\r\n"),
		OCTETS("HTTP/1.1 200 OK\r\n\rx: y\r\n: \r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		opens(PROXY_HTTP, NULL, NULL, SERVER, answers[i],
		      OCTETS(ASKS "\r\n"));
}

static void connect_signs_in(void **state)
{
	(void)state;
	/* RFC 7617 2 has this pair */
	opens(PROXY_HTTP, "Aladdin", "open sesame", SERVER,
	      OCTETS("HTTP/1.1 200 OK\r\n\r\n"),
	      OCTETS(ASKS "Proxy-Authorization: Basic "
			  "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
	opens(PROXY_HTTP, NULL, NULL, "2001:db8::1",
	      OCTETS("HTTP/1.1 200 OK\r\n\r\n"),
	      OCTETS("CONNECT [2001:db8::1]:993 HTTP/1.1\r\n"
		     "Host: [2001:db8::1]:993\r\n\r\n"));
}

static void connect_refusals_are_told(void **state)
{
	static const struct {
		const char *says, *peer, *hint;
		enum err_class class;
	} rows[] = {
		{ "HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden", "443",
		  ERR_CONFIG },
		{ "HTTP/1.1 405 Not Allowed\r\n\r\n", "405 Not Allowed",
		  "CONNECT", ERR_CONFIG },
		{ "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
		  "302 Found", "CONNECT", ERR_CONFIG },
		{ "HTTP/1.1 101 Switching\r\n\r\n", "101 Switching", "CONNECT",
		  ERR_CONFIG },
		{ "HTTP/1.1 501 No\r\n\r\n", "501 No", "CONNECT", ERR_CONFIG },
		{ "HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway",
		  "`server`", ERR_NETWORK },
		{ "HTTP/1.1 503 \r\n\r\n", "503", "`server`", ERR_NETWORK },
		{ "HTTP/1.1 999 \x1b[2J\r\n\r\n", "999 \\x1B[2J", "",
		  ERR_NETWORK },
		{ "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic x\r\n\r\n",
		  "407 Who", "http://USER:PASSWORD@", ERR_CONFIG },
		{ "HTTP/1.1 407 Who\r\nproxy-authenticate: NTLM\r\n"
		  "Proxy-Authenticate: Negotiate abc\r\n\r\n",
		  "407 Who", "it wants NTLM Negotiate", ERR_CONFIG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct view says = view_of(rows[i].says);
		struct err err =
			fails(PROXY_HTTP, NULL, says, false, rows[i].class);

		assert_string_equal(err.peer, rows[i].peer);
		assert_non_null(strstr(err.remedy, rows[i].hint));
		/* the same where it hangs up behind the status line */
		err = fails(PROXY_HTTP, "me",
			    view_head(says, view_find(says, '\n') + 1), true,
			    rows[i].class == ERR_CONFIG && says.p[9] == '1'
				    ? ERR_NETWORK
				    : rows[i].class);
	}
}

static void what_is_no_http(void **state)
{
	static const struct view says[] = {
		OCTETS("\5\xff"),
		OCTETS("+OK ready\r\n"),
		OCTETS("HTTP/2 200\r\n"),
		OCTETS("HTTP/1.1 20\r\n"),
		OCTETS("HTTP/1.1 099 x\r\n"),
		OCTETS("HTTP/1.1 2000\r\n"),
		OCTETS("HTTP/1.1\r\n"),
		OCTETS("\r\n"),
		OCTETS("\n\n"),
		OCTETS("HTTP/1.1 -20 x\r\n"),
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		err = fails(PROXY_HTTP, NULL, says[i], false, ERR_PROTOCOL);
	err = fails(PROXY_HTTP, NULL, says[0], false, ERR_PROTOCOL);
	assert_non_null(strstr(err.remedy, "socks5://"));
}

/* CASES B3 to B5, of a proxy */
static void endless_answers_are_cut_off(void **state)
{
	static const char *const again[] = { "x", "A: b\r\n",
					     "\r\nHTTP/1.1 100 x\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		struct tunnel *t = open_by(PROXY_HTTP, NULL, NULL, SERVER);
		struct said said = { .n = 0 };
		size_t n = 0, more = strlen(again[i]);
		struct err err = { 0 };

		(void)play(t, OCTETS("HTTP/1.1 100 x\r\n"), 1, &said);
		while (tunnel_room(t).n && n <= LIMIT_PROXY_HEAD + more)
			n += play(t, view_of(again[i]), more, &said);
		assert_int_equal(tunnel_state(t, &err), TUNNEL_FAILED);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_non_null(strstr(err.what, "without end"));
		tunnel_free(t);
	}
}

static void the_longest_names_and_secrets_fit(void **state)
{
	char name[256], user[256];
	struct tunnel *t;
	struct said said = { .n = 0 };
	struct err err;

	(void)state;
	memset(name, 'n', 255);
	memset(user, 'u', 255);
	name[255] = user[255] = 0;
	t = open_by(PROXY_SOCKS5, user, user, name);
	(void)play(t, OCTETS("\5\2\1\0\5\0\0\1\x7f\0\0\1\x10\x20"), 1, &said);
	assert_int_equal(tunnel_state(t, &err), TUNNEL_OPEN);
	assert_int_equal(said.n, 4 + 513 + 3 + 1 + 256 + 2);
	tunnel_free(t);
	said.n = 0;
	t = open_by(PROXY_HTTP, user, user, name);
	(void)play(t, OCTETS("HTTP/1.1 200\r\n\r\n"), 1, &said);
	assert_int_equal(tunnel_state(t, &err), TUNNEL_OPEN);
	assert_memory_equal(said.octets + said.n - 4, "\r\n\r\n", 4);
	tunnel_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socks5_without_sign_in),
		cmocka_unit_test(socks5_signs_in_where_it_is_asked_to),
		cmocka_unit_test(socks5_addresses_go_as_addresses),
		cmocka_unit_test(socks5_refusals_are_told),
		cmocka_unit_test(socks5_sign_in_refused),
		cmocka_unit_test(what_is_no_socks5),
		cmocka_unit_test(a_proxy_that_hangs_up),
		cmocka_unit_test(nothing_is_left_to_be_sent_when_it_failed),
		cmocka_unit_test(connect_opens),
		cmocka_unit_test(connect_signs_in),
		cmocka_unit_test(connect_refusals_are_told),
		cmocka_unit_test(what_is_no_http),
		cmocka_unit_test(endless_answers_are_cut_off),
		cmocka_unit_test(the_longest_names_and_secrets_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
