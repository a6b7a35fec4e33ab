/* What the built-in table of providers does to accounts. */
#include "config.h"
#include "provider.h"
#include "support_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DELIVERY                                                               \
	"delivery \"d\" { server = \"smtp://localhost\" to = \"a@b.c\" }\n"

static struct config *load(const char *text, struct config_errors *e)
{
	struct config_where where = { .config = "providers.conf" };
	char all[4000];

	(void)snprintf(all, sizeof(all), DELIVERY "%s", text);
	dir_write("providers.conf", all);
	return config_load(&where, e);
}

static struct config *good(const char *text)
{
	struct config_errors e;
	struct config *c = load(text, &e);

	for (size_t i = 0; i < e.n; i++)
		print_message("%s\n", e.line[i]);
	assert_non_null(c);
	return c;
}

static bool is_remarked(const struct config_account *a, const char *words)
{
	for (size_t i = 0; i < a->remarks.n; i++)
		if (strstr(a->remarks.item[i], words))
			return true;
	return false;
}

static const char *effective(const struct config_account *a, const char *name,
			     const char **origin)
{
	for (size_t i = 0; i < a->effective.n; i++)
		if (strcmp(a->effective.item[i].name, name) == 0) {
			*origin = a->effective.item[i].origin;
			return a->effective.item[i].value;
		}
	return NULL;
}

/* web.de: 15 minutes by POP3, nothing known by IMAP. */
static void the_shortest_interval_clamps(void **state)
{
	static const struct {
		const char *written;
		uint64_t every_ms, min_ms;
		const char *shown, *origin;
		bool remarked;
	} cases[] = {
		{ "protocol = pop3", 900000, 900000, "15m", "built-in provider",
		  false },
		{ "protocol = pop3 poll_every = 60s", 900000, 900000, "15m",
		  "built-in provider", true },
		{ "protocol = pop3 poll_every = 1h", 3600000, 900000, "1h",
		  "providers.conf:2", false },
		{ "protocol = pop3 poll_every = 0", 0, 900000, "0",
		  "providers.conf:2", false },
		{ "protocol = imap poll_every = 60s", 60000, 0, "60s",
		  "providers.conf:2", false },
		{ "", 300000, 0, "5m", "built-in", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct config_account *a;
		const char *origin = NULL, *shown;
		char text[300];
		struct config *c;

		(void)snprintf(text, sizeof(text),
			       "account \"a\" { provider = \"web.de\" user = "
			       "\"u\" %s }\n",
			       cases[i].written);
		c = good(text);
		a = &c->accounts[0];
		assert_int_equal(a->poll_every_ms, cases[i].every_ms);
		assert_int_equal(a->poll_min_ms, cases[i].min_ms);
		shown = effective(a, "poll_every", &origin);
		assert_string_equal(shown, cases[i].shown);
		assert_non_null(strstr(origin, cases[i].origin));
		assert_int_equal(is_remarked(a, "every 15m"),
				 cases[i].remarked);
		config_unref(c);
	}
}

static void a_section_changes_only_what_it_names(void **state)
{
	static const char text[] =
		"provider \"web.de\" { server = \"pop3s://127.0.0.1:1\" }\n"
		"account \"a\" { provider = \"web.de\" user = \"u\" }\n";
	struct config *c = good(text);
	const struct config_account *a = &c->accounts[0];

	(void)state;
	assert_int_equal(a->server.port, 1);
	assert_ptr_equal(a->builtin, provider_find(view_of("web.de")));
	assert_int_equal(a->poll_every_ms, 900000);
	config_unref(c);
}

#define AT(name, server)                                                       \
	"account \"" name "\" { server = \"" server "\" user = \"u\" }\n"

static void refuse_as_same(const char *text)
{
	struct config_errors e;

	assert_null(load(text, &e));
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.line[0], "the same server and user"));
	config_errors_fini(&e);
}

/* Tunnels and bridges; of another machine it is the same server. */
static void ports_of_this_machine_are_servers(void **state)
{
	struct config *c = good(AT("a", "imap://localhost:1143")
					AT("b", "imap://localhost:1144"));

	(void)state;
	assert_string_equal(c->accounts[0].place, "localhost:1143");
	assert_string_equal(c->accounts[1].place, "localhost:1144");
	config_unref(c);
	c = good(AT("a", "imap://localhost:1143") AT(
		"b", "pop3://localhost:1110") AT("c", "imap://127.0.0.1:1144"));
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(c->accounts[i].place, "localhost");
	assert_string_equal(c->accounts[2].place, "127.0.0.1");
	config_unref(c);
	refuse_as_same(AT("a", "imap://localhost:1143")
			       AT("b", "imaps://localhost:1143"));
	refuse_as_same(AT("a", "imap://localhost")
			       AT("b", "imaps://localhost"));
	refuse_as_same(AT("a", "imap://mail.example")
			       AT("b", "imap://mail.example:1144"));
}

/* The same mailbox, however its provider is called. */
static void an_alias_is_the_same_provider(void **state)
{
	struct config *c = good("account \"a\" { provider = \"googlemail\" "
				"user = \"u@gmail.com\" }\n");
	struct config_errors e;

	(void)state;
	assert_string_equal(c->accounts[0].place, "gmail");
	assert_string_equal(c->accounts[0].server.host, "imap.gmail.com");
	config_unref(c);
	c = load("account \"a\" { provider = \"googlemail\" user = \"u\" }\n"
		 "account \"b\" { provider = \"gmail\" user = \"u\" }\n",
		 &e);
	assert_null(c);
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.line[0], "the same server and user"));
	config_errors_fini(&e);
	c = good("provider \"gmail\" { server = \"imaps://127.0.0.1:1\" }\n"
		 "account \"a\" { provider = \"googlemail\" user = \"u\" }\n");
	assert_int_equal(c->accounts[0].server.port, 1);
	config_unref(c);
}

static void a_provider_without_server_says_what_to_write(void **state)
{
	struct config_errors e;
	struct config *c = load(
		"account \"a\" { provider = \"mxroute\" user = \"u@x.y\" }\n",
		&e);

	(void)state;
	assert_null(c);
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.line[0], "providers.conf:2: account \"a\": "
					  "server is missing: MXroute: "));
	assert_non_null(strstr(e.line[0], "mxrouting.net"));
	config_errors_fini(&e);
	c = good("account \"a\" { provider = \"mxroute\" user = \"u@x.y\" "
		 "server = \"imaps://arrow.mxrouting.net\" }\n");
	config_unref(c);
}

static void remarks(void **state)
{
	static const struct {
		const char *account, *words;
		bool there;
	} cases[] = {
		{ "provider = \"gmx\" user = \"me@gmx.com\"",
		  "provider = \"gmx.com\"", true },
		{ "provider = \"gmx\" user = \"me@GMX.net\"", "addresses at",
		  false },
		{ "provider = \"gmx\" user = \"me@example.org\"",
		  "addresses at", false },
		/* the same servers */
		{ "provider = \"workspace\" user = \"me@gmail.com\"",
		  "addresses at", false },
		{ "provider = \"outlook\" user = \"me@live.com\"",
		  "OAuth 2 access token", true },
		{ "provider = \"gmail\" user = \"me@gmail.com\" protocol = pop3",
		  "not listed again", true },
		{ "provider = \"gmail\" user = \"me@gmail.com\"",
		  "not listed again", false },
		{ "provider = \"gmail\" user = \"me@gmail.com\"",
		  "folders are labels", true },
		/* nothing that a person must know */
		{ "provider = \"icloud\" user = \"me@icloud.com\"", "", false },
		{ "server = \"imaps://imap.gmx.net\" user = \"me@gmx.com\"", "",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[300];
		struct config *c;

		(void)snprintf(text, sizeof(text), "account \"a\" { %s }\n",
			       cases[i].account);
		c = good(text);
		assert_int_equal(is_remarked(&c->accounts[0], cases[i].words),
				 cases[i].there);
		config_unref(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_interval_clamps),
		cmocka_unit_test(a_section_changes_only_what_it_names),
		cmocka_unit_test(ports_of_this_machine_are_servers),
		cmocka_unit_test(an_alias_is_the_same_provider),
		cmocka_unit_test(a_provider_without_server_says_what_to_write),
		cmocka_unit_test(remarks),
	};

	return cmocka_run_group_tests(tests, dir_enter, dir_leave);
}
