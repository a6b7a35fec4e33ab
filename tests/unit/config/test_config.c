/*
 * config: whole files, good and bad. cases/good/X.conf resolves to what
 * X.want lists; cases/bad/X.conf gives exactly the lines of X.want, all in one
 * run.
 */
#include "config.h"
#include "support_dir.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *load(const char *path, struct config_errors *e)
{
	struct config_where where = { .config = path };

	return config_load(&where, e);
}

static void put_all(struct text *t, const char *what, const char *name,
		    const struct config_effectives *e)
{
	assert_true(text_fmt(t, "%s%s%s\n", what, *name ? " " : "", name));
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->item[i].value, "none") != 0)
			assert_true(text_fmt(
				t, "  %s = %s  [%s]\n", e->item[i].name,
				e->item[i].shown ? e->item[i].shown
						 : e->item[i].value,
				e->item[i].origin));
}

/* The folder of the test stands in paths: shown as a dot. */
static void without_folder(char *text)
{
	char here[4096];
	size_t n;

	assert_non_null(getcwd(here, sizeof(here)));
	n = strlen(here);
	for (char *at; (at = strstr(text, here));) {
		*at = '.';
		memmove(at + 1, at + n, strlen(at + n) + 1);
	}
}

static void same_text(const char *got, const char *want_file)
{
	char *want = dir_read(want_file);

	if (strcmp(got, want) != 0)
		print_message("%s: got:\n%s", want_file, got);
	assert_string_equal(got, want);
	free(want);
}

static void good(const char *name)
{
	struct config_errors e;
	struct config *c;
	struct text t;
	char path[100], *got;

	assert_int_equal(chdir("good"), 0);
	snprintf(path, sizeof(path), "%s.conf", name);
	c = load(path, &e);
	for (size_t i = 0; i < e.n; i++)
		print_message("%s\n", e.line[i]);
	assert_non_null(c);
	assert_int_equal(e.n, 0);
	text_init(&t, 1 << 20);
	put_all(&t, "general", "", &c->effective);
	for (size_t i = 0; i < c->n_deliveries; i++)
		put_all(&t, "delivery", c->deliveries[i].name,
			&c->deliveries[i].effective);
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];

		put_all(&t, "account", a->name, &a->effective);
		for (size_t k = 0; k < a->n_blocks; k++)
			put_all(&t, "folder", a->blocks[k].pattern,
				&a->blocks[k].effective);
	}
	config_unref(c);
	got = text_take(&t);
	without_folder(got);
	snprintf(path, sizeof(path), "%s.want", name);
	same_text(got, path);
	free(got);
}

static void bad(const char *name)
{
	struct config_errors e;
	struct text t;
	char path[100], *got;

	assert_int_equal(chdir("bad"), 0);
	snprintf(path, sizeof(path), "%s.conf", name);
	assert_null(load(path, &e));
	text_init(&t, 1 << 20);
	for (size_t i = 0; i < e.n; i++)
		assert_true(text_fmt(&t, "%s\n", e.line[i]));
	config_errors_fini(&e);
	got = text_take(&t);
	without_folder(got);
	snprintf(path, sizeof(path), "%s.want", name);
	same_text(got, path);
	free(got);
}

#define GOOD(name)                                                             \
	static void good_##name(void **state)                                  \
	{                                                                      \
		(void)state;                                                   \
		good(#name);                                                   \
	}
#define BAD(name)                                                              \
	static void bad_##name(void **state)                                   \
	{                                                                      \
		(void)state;                                                   \
		bad(#name);                                                    \
	}

GOOD(smallest)
GOOD(inheritance)
GOOD(forms)
GOOD(proxy)
GOOD(folders)
GOOD(multidrop)
BAD(unknown)
BAD(syntax)
BAD(quotes)
BAD(crlf)
BAD(nul)
BAD(values)
BAD(schemes)
BAD(later)
BAD(folders)
BAD(multidrop)
BAD(twice)
BAD(missing)
BAD(nodelivery)
BAD(include)
BAD(secret)
BAD(proxy)
BAD(auth)

/* What libconfuse's own lexer would change: DESIGN 8. */
static void passwords_come_out_as_written(void **state)
{
	static const struct {
		const char *written, *want;
	} cases[] = {
		{ "'plain'", "plain" },
		{ "'a#b//c/*d*/e'", "a#b//c/*d*/e" },
		{ "'back\\\\slash \\n \\x41 \\'",
		  "back\\\\slash \\n \\x41 \\" },
		{ "'${HOME} $HOME ${}'", "${HOME} $HOME ${}" },
		{ "'say \"yes\"'", "say \"yes\"" },
		{ "\"it's \\\"q\\\" \\\\ \\$ \\x41\"", "it's \"q\" \\ $ A" },
		{ "\"pa$$w#rd // $HOME\"", "pa$$w#rd // $HOME" },
		{ "'  spaces\tand tabs  '", "  spaces\tand tabs  " },
		{ "'Gr\xc3\xbc\xc3\x9f \xe6\x8e\x88\xe6\x9d\x83\xe7\xa0\x81'",
		  "Gr\xc3\xbc\xc3\x9f \xe6\x8e\x88\xe6\x9d\x83\xe7\xa0\x81" },
		{ "'latin \xfc'", "latin \xfc" },
		{ "'{a=1, b} (c) ; += ,'", "{a=1, b} (c) ; += ," },
		{ "'%s%n'", "%s%n" },
		{ "'yes'", "yes" },
	};
	char file[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors e;
		struct config *c;

		snprintf(file, sizeof(file),
			 "delivery \"d\" { server = \"smtp://localhost\" to = "
			 "\"a@b.c\" }\naccount \"a\" { provider = \"gmx\" user "
			 "= \"u\" password = %s keep = no }\n",
			 cases[i].written);
		dir_write("password.conf", file);
		c = load("password.conf", &e);
		for (size_t k = 0; k < e.n; k++)
			print_message("%s\n", e.line[k]);
		assert_non_null(c);
		assert_int_equal(c->accounts[0].secret.kind,
				 CONFIG_SECRET_PASSWORD);
		assert_true(
			view_eq(secret_view(&c->accounts[0].secret.password),
				view_of(cases[i].want)));
		assert_int_equal(c->accounts[0].own.keep, CONFIG_KEEP_NO);
		config_unref(c);
	}
}

static void a_password_of_a_proxy_needs_a_private_file(void **state)
{
	static const struct {
		const char *proxy;
		bool ok;
	} cases[] = { { "socks5://p", true },
		      { "socks5://u:geheim@p", false } };
	struct config_errors e;
	struct config *c;
	char text[400];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(
			text, sizeof(text),
			"delivery \"d\" { server = \"smtp://localhost\" "
			"to = \"a@b.c\" }\ndefaults { proxy = \"%s\" }\n"
			"account \"a\" { provider = \"gmx\" user = \"u\" "
			"}\n",
			cases[i].proxy);
		dir_write("private.conf", text);
		assert_int_equal(chmod("private.conf", 0644), 0);
		c = load("private.conf", &e);
		assert_int_equal(c != NULL, cases[i].ok);
		if (!c)
			assert_non_null(strstr(e.line[0], "chmod 600"));
		config_errors_fini(&e);
		config_unref(c);
	}
}

static void a_password_needs_a_private_file(void **state)
{
	static const char text[] =
		"delivery \"d\" { server = \"smtp://localhost\" to = \"a@b.c\" "
		"}\naccount \"a\" { provider = \"gmx\" user = \"u\" password = "
		"'x' }\n";
	static const struct {
		mode_t mode;
		gid_t other_group;
		bool ok;
	} cases[] = {
		{ 0600, 0, true },  { 0400, 0, true },	{ 0640, 0, true },
		{ 0640, 1, false }, { 0644, 0, false }, { 0604, 0, false },
		{ 0602, 0, false }, { 0610, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors e;
		struct config *c;

		dir_write("private.conf", text);
		if (cases[i].other_group &&
		    chown("private.conf", (uid_t)-1, getegid() + 4242) != 0)
			continue; /* only root may give a file away */
		assert_int_equal(chmod("private.conf", cases[i].mode), 0);
		c = load("private.conf", &e);
		assert_int_equal(c != NULL, cases[i].ok);
		if (!c) {
			assert_int_equal(e.n, 1);
			assert_non_null(strstr(e.line[0], "chmod 600"));
		}
		config_errors_fini(&e);
		config_unref(c);
	}
}

static void the_tree_is_typed(void **state)
{
	struct config_errors e;
	const struct config_account *a;
	const struct config_delivery *d;
	struct config *c;

	(void)state;
	c = load("good/forms.conf", &e);
	assert_non_null(c);
	assert_int_equal(c->spool_limit_octets, 512u << 20);
	assert_int_equal(c->history_keep_ms, 30 * 86400000ull);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->log_format, LOG_JSON);
	/* beside the file that it is written in */
	assert_non_null(strstr(c->metrics_file, "/good/m.prom"));
	assert_int_equal(c->metrics_file[0], '/');
	assert_int_equal(c->n_accounts, 6);
	a = config_account(c, VIEW_LIT("pinned"));
	assert_true(config_is_pop3(&a->server));
	assert_int_equal(a->server.tls, CONFIG_TLS_STARTTLS);
	assert_int_equal(a->server.port, 110);
	assert_int_equal(a->tls.fingerprint.n, 2);
	assert_int_equal(a->folders.n, 0);
	assert_int_equal(a->poll_every_ms, 0);
	a = config_account(c, VIEW_LIT("clear"));
	assert_int_equal(a->server.tls, CONFIG_TLS_NONE);
	assert_int_equal(a->tls.min, CONFIG_TLS_1_0);
	assert_string_equal(a->server.host, "old.example");
	assert_string_equal(a->place, "old.example");
	assert_string_equal(a->route.source_address, "192.0.2.7");
	assert_int_equal(a->secret.kind, CONFIG_SECRET_CREDENTIAL);
	assert_ptr_equal(a->own.delivery, config_delivery(c, VIEW_LIT("md")));
	d = config_delivery(c, VIEW_LIT("v6"));
	assert_int_equal(d->server.tls, CONFIG_TLS_LOCAL);
	assert_string_equal(d->server.host, "::1");
	assert_int_equal(d->connections, 16);
	assert_int_equal(d->drop_headers.n, 2);
	d = config_delivery(c, VIEW_LIT("near"));
	assert_int_equal(d->server.tls, CONFIG_TLS_STARTTLS);
	d = config_delivery(c, VIEW_LIT("each"));
	assert_int_equal(d->sender, CONFIG_SENDER_FIXED);
	assert_string_equal(d->sender_address, "");
	assert_string_equal(d->server.path, "/var/mail/%u");
	assert_null(config_account(c, VIEW_LIT("nobody")));
	assert_ptr_equal(config_ref(c), c);
	config_unref(c);
	config_unref(c);
}

static void proxies_are_taken_apart(void **state)
{
	const struct config_account *a;
	const struct config_delivery *d;
	struct config_errors e;
	struct config *c;

	(void)state;
	c = load("good/proxy.conf", &e);
	assert_non_null(c);
	a = config_account(c, VIEW_LIT("a"));
	assert_int_equal(a->route.proxy.kind, CONFIG_PROXY_SOCKS5);
	assert_string_equal(a->route.proxy.host, "proxy.example");
	assert_int_equal(a->route.proxy.port, 1080);
	assert_string_equal(a->route.proxy.user, "me");
	assert_string_equal(secret_view(&a->route.proxy.password).p, "geheim1");
	a = config_account(c, VIEW_LIT("b"));
	assert_int_equal(a->route.proxy.kind, CONFIG_PROXY_NONE);
	assert_null(a->route.proxy.host);
	/* CASES J10: the proxy's localhost is not this machine */
	d = config_delivery(c, VIEW_LIT("there"));
	assert_int_equal(d->route.proxy.kind, CONFIG_PROXY_HTTP);
	assert_int_equal(d->server.tls, CONFIG_TLS_STARTTLS);
	assert_false(d->server.is_loopback);
	assert_int_equal(d->connections, 4);
	d = config_delivery(c, VIEW_LIT("here"));
	assert_int_equal(d->server.tls, CONFIG_TLS_LOCAL);
	d = config_delivery(c, VIEW_LIT("straight"));
	assert_int_equal(d->server.tls, CONFIG_TLS_LOCAL);
	assert_true(d->server.is_loopback);
	config_unref(c);
}

static void recipients_are_filled_in(void **state)
{
	static const struct {
		const char *template, *folder, *want;
	} cases[] = {
		{ "me@example.org", "INBOX", "me@example.org" },
		{ "me+{account}@example.org", "INBOX", "me+one@example.org" },
		{ "{user}", "INBOX", "one@gmx.example" },
		{ "me+{user}@x.org", "INBOX", "me+one=gmx.example@x.org" },
		{ "me+{folder}@x.org", "INBOX", "me+INBOX@x.org" },
		{ "me+{folder}@x.org", "a/b c@d", "me+a-b-c=d@x.org" },
		{ "me+{folder}@x.org", "Gel\xc3\xb6scht", "me+Gel-scht@x.org" },
		{ "{folder}@x.org", ".a..b.", "-a.-b-@x.org" },
		{ "{folder}@x.org", "\r\nRCPT TO:<", "--RCPT-TO--@x.org" },
	};
	char out[321], longest[321];
	struct config_errors e;
	struct config *c;

	(void)state;
	c = load("good/inheritance.conf", &e);
	assert_non_null(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(config_recipient(&c->accounts[0], cases[i].template,
					     view_of(cases[i].folder), out,
					     sizeof(out)));
		assert_string_equal(out, cases[i].want);
	}
	memset(longest, 'x', 320);
	assert_false(config_recipient(&c->accounts[0], "{folder}@x.org",
				      (struct view){ longest, 320 }, out,
				      sizeof(out)));
	assert_string_equal(out, "");
	config_unref(c);
}

static const char small[] =
	"delivery \"d\" { server = \"smtp://localhost\" to = \"a@b.c\" }\n"
	"account \"a\" { provider = \"gmx\" user = \"u\" }\n";

static void expect_file(const char *want, const char *state_dir)
{
	struct config_where where = { 0 };
	struct config_errors e;
	struct config *c = config_load(&where, &e);
	char here[4096], path[8192];

	for (size_t i = 0; i < e.n; i++)
		print_message("%s\n", e.line[i]);
	assert_non_null(c);
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(path, sizeof(path), "%s/%s", here, want);
	assert_string_equal(c->file, path);
	assert_string_equal(c->state_dir, state_dir);
	config_unref(c);
}

static void the_file_is_looked_for_in_order(void **state)
{
	struct config_where where = { 0 };
	struct config_errors e;
	char here[2048], path[4096], home_state[8192];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(path, sizeof(path), "%s/home", here);
	setenv("HOME", path, 1);
	snprintf(home_state, sizeof(home_state), "%s/.local/state/mailhaul",
		 path);
	assert_int_equal(mkdir("home", 0700), 0);
	if (access("/etc/mailhaul/mailhaul.conf", F_OK) != 0) {
		assert_null(config_load(&where, &e));
		assert_int_equal(e.n, 1);
		assert_non_null(strstr(e.line[0], "home/.config/mailhaul"));
		assert_non_null(strstr(e.line[0], "/etc/mailhaul"));
		config_errors_fini(&e);
	}
	assert_int_equal(mkdir("home/.config", 0700), 0);
	assert_int_equal(mkdir("home/.config/mailhaul", 0700), 0);
	dir_write("home/.config/mailhaul/mailhaul.conf", small);
	expect_file("home/.config/mailhaul/mailhaul.conf", home_state);
	assert_int_equal(mkdir("xdg", 0700), 0);
	assert_int_equal(mkdir("xdg/mailhaul", 0700), 0);
	dir_write("xdg/mailhaul/mailhaul.conf", small);
	snprintf(path, sizeof(path), "%s/xdg", here);
	setenv("XDG_CONFIG_HOME", path, 1);
	setenv("XDG_STATE_HOME", "/xdg-state", 1);
	expect_file("xdg/mailhaul/mailhaul.conf", "/xdg-state/mailhaul");
	dir_write("named.conf", small);
	setenv("MAILHAUL_CONFIG", "named.conf", 1);
	setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
	expect_file("named.conf", "/var/lib/one");
	unsetenv("MAILHAUL_CONFIG");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
}

static void options_go_before_the_environment(void **state)
{
	struct config_where where = { .config = "good/smallest.conf",
				      .state = "/elsewhere" };
	struct config_errors e;
	struct config *c;

	(void)state;
	setenv("MAILHAUL_CONFIG", "not-there.conf", 1);
	setenv("STATE_DIRECTORY", "/var/lib/one", 1);
	c = config_load(&where, &e);
	assert_non_null(c);
	assert_string_equal(c->state_dir, "/elsewhere");
	assert_string_equal(c->effective.item[0].origin, "--state");
	config_unref(c);
	where.config = NULL;
	assert_null(config_load(&where, &e));
	assert_string_equal(e.line[0],
			    "not-there.conf: No such file or directory");
	config_errors_fini(&e);
	unsetenv("MAILHAUL_CONFIG");
	unsetenv("STATE_DIRECTORY");
}

static void what_is_no_file_is_refused(void **state)
{
	struct config_errors e;

	(void)state;
	assert_null(load("good", &e));
	assert_string_equal(e.line[0], "good: not a regular file");
	config_errors_fini(&e);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_null(load("fifo", &e));
	assert_string_equal(e.line[0], "fifo: not a regular file");
	config_errors_fini(&e);
}

/* As long as one mistake a setting: bounded, and said to be. */
static void endless_mistakes_come_to_an_end(void **state)
{
	struct config_errors e;
	struct text t;

	(void)state;
	text_init(&t, 1 << 20);
	for (int i = 0; i < 1000; i++)
		assert_true(text_puts(&t, "nosuch = 1 account \"a/\" {\n"));
	dir_write("endless.conf", text_str(&t));
	text_fini(&t);
	assert_null(load("endless.conf", &e));
	assert_in_range(e.n, 100, 220);
	config_errors_fini(&e);
}

static void a_file_without_accounts_is_sound(void **state)
{
	struct config_errors e;
	struct config *c;

	(void)state;
	dir_write("empty.conf", "# nothing yet\n");
	c = load("empty.conf", &e);
	assert_non_null(c);
	assert_int_equal(c->n_accounts, 0);
	config_unref(c);
}

static void the_example_is_sound(void **state)
{
	struct config_errors e;
	struct config *c;

	(void)state;
	c = load(TESTS_DIR "/../config/mailhaul.conf.example", &e);
	for (size_t i = 0; i < e.n; i++)
		print_message("%s\n", e.line[i]);
	assert_non_null(c);
	assert_int_equal(c->n_accounts, 4);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_smallest, dir_home),
		cmocka_unit_test_setup(good_inheritance, dir_home),
		cmocka_unit_test_setup(good_forms, dir_home),
		cmocka_unit_test_setup(good_proxy, dir_home),
		cmocka_unit_test_setup(proxies_are_taken_apart, dir_home),
		cmocka_unit_test_setup(good_folders, dir_home),
		cmocka_unit_test_setup(good_multidrop, dir_home),
		cmocka_unit_test_setup(bad_unknown, dir_home),
		cmocka_unit_test_setup(bad_syntax, dir_home),
		cmocka_unit_test_setup(bad_quotes, dir_home),
		cmocka_unit_test_setup(bad_crlf, dir_home),
		cmocka_unit_test_setup(bad_nul, dir_home),
		cmocka_unit_test_setup(bad_values, dir_home),
		cmocka_unit_test_setup(bad_schemes, dir_home),
		cmocka_unit_test_setup(bad_later, dir_home),
		cmocka_unit_test_setup(bad_folders, dir_home),
		cmocka_unit_test_setup(bad_multidrop, dir_home),
		cmocka_unit_test_setup(bad_twice, dir_home),
		cmocka_unit_test_setup(bad_missing, dir_home),
		cmocka_unit_test_setup(bad_nodelivery, dir_home),
		cmocka_unit_test_setup(bad_include, dir_home),
		cmocka_unit_test_setup(bad_secret, dir_home),
		cmocka_unit_test_setup(bad_auth, dir_home),
		cmocka_unit_test_setup(bad_proxy, dir_home),
		cmocka_unit_test_setup(passwords_come_out_as_written, dir_home),
		cmocka_unit_test_setup(
			a_password_of_a_proxy_needs_a_private_file, dir_home),
		cmocka_unit_test_setup(a_password_needs_a_private_file,
				       dir_home),
		cmocka_unit_test_setup(the_tree_is_typed, dir_home),
		cmocka_unit_test_setup(recipients_are_filled_in, dir_home),
		cmocka_unit_test_setup(the_file_is_looked_for_in_order,
				       dir_home),
		cmocka_unit_test_setup(options_go_before_the_environment,
				       dir_home),
		cmocka_unit_test_setup(what_is_no_file_is_refused, dir_home),
		cmocka_unit_test_setup(endless_mistakes_come_to_an_end,
				       dir_home),
		cmocka_unit_test_setup(a_file_without_accounts_is_sound,
				       dir_home),
		cmocka_unit_test_setup(the_example_is_sound, dir_home),
	};

	return cmocka_run_group_tests(tests, dir_enter, dir_leave);
}
