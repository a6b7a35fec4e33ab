/* form, serverurl, value: what a user writes, by form alone. */
#include "form.h"
#include "ip.h"
#include "proxyurl.h"
#include "serverurl.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
	const char *text;
	bool ok;
};
#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static void each(bool (*is)(struct view), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is(view_of(rows[i].text)) != rows[i].ok)
			print_message("%s\n", rows[i].text);
		assert_int_equal(is(view_of(rows[i].text)), rows[i].ok);
	}
}

static void addresses(void **state)
{
	static const struct row rows[] = {
		{ "me@example.org", true },
		{ "a.b+c=d_e-f@sub.example.org", true },
		{ "\"a b\"@example.org", true },
		{ "\"a\\\"b\"@example.org", true },
		{ "me@[192.0.2.1]", true },
		{ "me@[IPv6:2001:db8::1]", true },
		{ "j\xc3\xb6rg@b\xc3\xbc"
		  "cher.example",
		  true },
		{ "me", false },
		{ "@example.org", false },
		{ "me@", false },
		{ ".me@example.org", false },
		{ "me.@example.org", false },
		{ "m..e@example.org", false },
		{ "m e@example.org", false },
		{ "me@example..org", false },
		{ "me@[999.0.2.1]", false },
		{ "<me@example.org>", false },
		{ "me@example.org\r\nDATA", false },
		{ "\"a\r\n\"@example.org", false },
		{ "\"a\"b\"@example.org", false },
		{ "\"a\\\"@example.org", false },
		{ "m\xff"
		  "e@example.org",
		  false },
		{ "x@example.org, y@example.org", false },
	};

	(void)state;
	each(form_is_mail, rows, ROWS(rows));
}

static void hosts(void **state)
{
	static const struct row rows[] = {
		{ "localhost", true },
		{ "a-b.c_d.example", true },
		{ "xn--bcher-kva.de", true },
		{ "192.0.2.1", true },
		{ "", false },
		{ ".", false },
		{ "a.", false },
		{ "a..b", false },
		{ "-a", false },
		{ "a-", false },
		{ "a b", false },
		{ "a/b", false },
		{ "b\xc3\xbc.de", false },
	};

	(void)state;
	each(form_is_host, rows, ROWS(rows));
}

static void ip_addresses(void **state)
{
	static const struct row four[] = {
		{ "127.0.0.1", true },	 { "255.255.255.255", true },
		{ "1.2.3", false },	 { "1.2.3.4.5", false },
		{ "1.2.3.256", false },	 { "1..3.4", false },
		{ "1.2.3.", false },	 { "1.2.3.4 ", false },
		{ "0001.2.3.4", false }, { "", false },
	};
	static const struct row six[] = {
		{ "::", true },
		{ "::1", true },
		{ "2001:db8::1", true },
		{ "1:2:3:4:5:6:7:8", true },
		{ "::ffff:192.0.2.1", true },
		{ "fe80::1%eth0", true },
		{ "1::", true },
		{ "1:2:3:4:5:6:192.0.2.1", true },
		{ "", false },
		{ ":", false },
		{ "1:2:3:4:5:6:7", false },
		{ "1:2:3:4:5:6:7:8:9", false },
		{ "1::2::3", false },
		{ "12345::", false },
		{ "g::", false },
		{ "::1%", false },
		{ ":1:2:3:4:5:6:7", false },
		{ "1:2:3:4:5:6:7:", false },
		{ "1:2:3:4::5:6:7:8", false },
	};

	(void)state;
	each(ip_is_v4, four, ROWS(four));
	each(form_is_ipv6, six, ROWS(six));
}

static void fields(void **state)
{
	static const struct row rows[] = {
		{ "Delivered-To", true }, { "X-1", true }, { "A:", false },
		{ "A b", false },	  { "", false },   { "A\r\nB", false },
		{ "\xc3\xa4", false },
	};

	(void)state;
	each(form_is_field, rows, ROWS(rows));
}

static bool is_name(struct view v)
{
	return value_is_name(v);
}

static void names(void **state)
{
	static const struct row rows[] = {
		{ "gmx", true },
		{ "0a._@+-", true },
		{ "", false },
		{ ".a", false },
		{ "-a", false },
		{ "a/b", false },
		{ "a b", false },
		{ "\xc3\xa4", false },
		{ "1234567890123456789012345678901234567890123456789012345678901"
		  "234",
		  true },
		{ "1234567890123456789012345678901234567890123456789012345678901"
		  "2345",
		  false },
	};

	(void)state;
	each(is_name, rows, ROWS(rows));
}

static void units(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(value_duration(VIEW_LIT("90s"), &n));
	assert_int_equal(n, 90000);
	assert_true(value_duration(VIEW_LIT("2w"), &n));
	assert_int_equal(n, 14 * 86400000ull);
	assert_true(value_duration(VIEW_LIT("0"), &n));
	assert_int_equal(n, 0);
	assert_false(value_duration(VIEW_LIT("5"), &n));
	assert_false(value_duration(VIEW_LIT("s"), &n));
	assert_false(value_duration(VIEW_LIT("-5s"), &n));
	assert_false(value_duration(VIEW_LIT("1.5h"), &n));
	assert_false(value_duration(VIEW_LIT("18446744073709551615d"), &n));
	assert_false(value_duration(VIEW_LIT("18446744073709552s"), &n));
	assert_false(value_duration(VIEW_NONE, &n));
	assert_true(value_size(VIEW_LIT("2G"), &n));
	assert_int_equal(n, 2ull << 30);
	assert_true(value_size(VIEW_LIT("512"), &n));
	assert_int_equal(n, 512);
	assert_false(value_size(VIEW_LIT("2g"), &n));
	assert_false(value_size(VIEW_LIT("99999999999999999999"), &n));
	assert_false(value_size(VIEW_LIT("18446744073709551615G"), &n));
}

static void servers(void **state)
{
	static const struct {
		const char *url, *host;
		unsigned port;
		enum config_tls_mode tls;
		bool ip, loopback;
	} rows[] = {
		{ "imaps://H.Example", "h.example", 993, CONFIG_TLS_IMPLICIT,
		  false, false },
		{ "IMAP://h.example:1143/", "h.example", 1143,
		  CONFIG_TLS_STARTTLS, false, false },
		{ "pop3s://[2001:DB8::1]:1", "2001:db8::1", 1,
		  CONFIG_TLS_IMPLICIT, true, false },
		{ "smtp://localhost", "localhost", 25, CONFIG_TLS_LOCAL, false,
		  true },
		{ "smtp://127.1.2.3:65535", "127.1.2.3", 65535,
		  CONFIG_TLS_LOCAL, true, true },
		{ "smtp://127.0.0.1.example", "127.0.0.1.example", 25,
		  CONFIG_TLS_STARTTLS, false, false },
		{ "smtp://localhost.example", "localhost.example", 25,
		  CONFIG_TLS_STARTTLS, false, false },
		{ "submission://localhost", "localhost", 587,
		  CONFIG_TLS_STARTTLS, false, true },
		{ "smtps://h.example.", "h.example", 465, CONFIG_TLS_IMPLICIT,
		  false, false },
	};
	struct config_server s;
	char why[400];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_true(serverurl_read(view_of(rows[i].url), &s, why,
					   sizeof(why)));
		assert_string_equal(s.host, rows[i].host);
		assert_int_equal(s.port, rows[i].port);
		assert_int_equal(s.tls, rows[i].tls);
		assert_int_equal(s.is_ip, rows[i].ip);
		assert_int_equal(s.is_loopback, rows[i].loopback);
		assert_string_equal(s.url, rows[i].url);
		serverurl_fini(&s);
	}
}

static void wrong_servers(void **state)
{
	static const char *const urls[] = {
		"",
		"imaps",
		"imaps:",
		"imaps:/h",
		"imaps://",
		"imaps://:993",
		"imaps://h:0",
		"imaps://h:65536",
		"imaps://h:",
		"imaps://h:1:2",
		"imaps://h?x",
		"imaps://h/INBOX",
		"imaps://u@h",
		"imaps://[::1",
		"imaps://[h]",
		"imaps://::1",
		"h.example:993",
		"maildir:",
		"maildir:/",
		"maildir:x",
		"maildir://h",
		"lmtp://h",
	};
	struct config_server s;
	char why[400];

	(void)state;
	for (size_t i = 0; i < ROWS(urls); i++) {
		why[0] = 0;
		if (serverurl_read(view_of(urls[i]), &s, why, sizeof(why)))
			print_message("%s\n", urls[i]);
		assert_null(s.url);
		assert_null(s.host);
		assert_true(why[0]);
	}
}

static void proxies(void **state)
{
	static const struct {
		const char *url, *host;
		unsigned port;
		const char *user, *password, *shown;
	} rows[] = {
		{ "socks5://Proxy.Example", "proxy.example", 1080, NULL, NULL,
		  "\"socks5://proxy.example:1080\"" },
		{ "HTTP://127.0.0.1:3128/", "127.0.0.1", 3128, NULL, NULL,
		  "\"http://127.0.0.1:3128\"" },
		{ "http://[2001:db8::1]", "2001:db8::1", 80, NULL, NULL,
		  "\"http://[2001:db8::1]:80\"" },
		{ "socks5://me:s3cret@h:1", "h", 1, "me", "s3cret",
		  "\"socks5://(set)@h:1\"" },
		{ "socks5://me@h", "h", 1080, "me", "",
		  "\"socks5://(set)@h:1080\"" },
		/* the last @ divides; %XX stands for any other */
		{ "http://m%40e:p@ss:w%2fd%25@h", "h", 80, "m@e", "p@ss:w/d%",
		  "\"http://(set)@h:80\"" },
	};
	struct config_proxy p;
	char why[400], *shown;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_true(proxyurl_read(view_of(rows[i].url), &p, why,
					  sizeof(why)));
		assert_string_equal(p.host, rows[i].host);
		assert_int_equal(p.port, rows[i].port);
		assert_int_equal(!!p.user, !!rows[i].user);
		if (p.user) {
			assert_string_equal(p.user, rows[i].user);
			assert_string_equal(secret_view(&p.password).p,
					    rows[i].password);
		}
		shown = proxyurl_show(&p);
		assert_string_equal(shown, rows[i].shown);
		free(shown);
		proxyurl_fini(&p);
	}
	assert_true(proxyurl_read(VIEW_LIT("none"), &p, why, sizeof(why)));
	assert_int_equal(p.kind, CONFIG_PROXY_NONE);
}

static void wrong_proxies(void **state)
{
	static const struct {
		const char *url, *hint;
	} rows[] = {
		{ "", "socks5://" },
		{ "proxy.example", "socks5://" },
		{ "proxy.example:1080", "socks5://" },
		{ "socks5:h", "socks5://" },
		{ "ftp://s3cret@h", "socks5://" },
		{ "socks5h://s3cret@h", "socks5://" },
		{ "socks4://h", "socks5://" },
		{ "https://h", "http://" },
		{ "socks5://", "host" },
		{ "socks5://s3cret@", "host" },
		{ "socks5://h:0", "PORT" },
		{ "socks5://u:s3cret@h:x", "PORT" },
		{ "socks5://:s3cret@h", "user" },
		{ "socks5://u:s3cret%@h", "%25" },
		{ "socks5://u:s3cret%4@h", "%25" },
		{ "socks5://u:s3cret%zz@h", "%25" },
		{ "socks5://u:s3cret%0a@h", "line break" },
		{ "socks5://u:s3cret%00@h", "NUL" },
		{ "http://u%3a:s3cret@h", ":" },
		{ "socks5://h/path", "host" },
	};
	char longest[600], why[400];
	struct config_proxy p;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		why[0] = 0;
		if (proxyurl_read(view_of(rows[i].url), &p, why, sizeof(why)) ||
		    !strstr(why, rows[i].hint))
			fail_msg("%s: %s", rows[i].url, why);
		assert_null(strstr(why, "s3cret"));
		assert_null(p.host);
		assert_null(p.user);
	}
	(void)snprintf(longest, sizeof(longest), "socks5://%0256d@h", 1);
	assert_false(proxyurl_read(view_of(longest), &p, why, sizeof(why)));
	(void)snprintf(longest, sizeof(longest), "socks5://%0255d@h", 1);
	assert_true(proxyurl_read(view_of(longest), &p, why, sizeof(why)));
	proxyurl_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),	cmocka_unit_test(hosts),
		cmocka_unit_test(ip_addresses), cmocka_unit_test(fields),
		cmocka_unit_test(names),	cmocka_unit_test(units),
		cmocka_unit_test(servers),	cmocka_unit_test(wrong_servers),
		cmocka_unit_test(proxies),	cmocka_unit_test(wrong_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
