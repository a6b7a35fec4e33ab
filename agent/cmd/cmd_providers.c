#include "cmd_providers.h"
#include "command.h"
#include "fault.h"
#include "provider.h"
#include "shape.h"
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#define OUT_OCTETS (1u << 20)

static json_t *shape_list(const char *const *list)
{
	json_t *out = json_array();

	for (; list && *list; list++)
		(void)json_array_append_new(out, shape_str(*list));
	return out;
}

static json_t *shape_quirks(unsigned quirks)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < PROVIDER_QUIRKS; i++)
		if (quirks >> i & 1)
			(void)json_array_append_new(
				out, shape_str(provider_quirk_text(
					     (enum provider_quirk)(1u << i))));
	return out;
}

/* 0 is not known. */
static json_t *shape_limit(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *shape_provider(const struct provider *p)
{
	static const char *const secret[] = {
		[PROVIDER_SECRET_OWN] = "own",
		[PROVIDER_SECRET_MAIL] = "mail",
		[PROVIDER_SECRET_APP] = "app",
		[PROVIDER_SECRET_APP_2FA] = "own_or_app",
		[PROVIDER_SECRET_CODE] = "code",
		[PROVIDER_SECRET_OAUTH] = "oauth",
	};
	json_t *out = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
		"name", shape_str(p->name), "aliases", shape_list(p->aliases),
		"title", shape_str(p->title), "imap", shape_str(p->imap),
		"pop3", shape_str(p->pop3), "smtp", shape_str(p->smtp), "user",
		shape_str(provider_user_text(p->user)), "secret",
		secret[p->secret], "password", shape_str(p->password), "note",
		shape_str(p->note), "help", shape_str(p->help));
	json_t *more = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "domains",
		shape_list(p->domains), "received_by",
		shape_list(p->received_by), "imap_poll_s",
		shape_limit(p->imap_poll_s), "pop3_poll_s",
		shape_limit(p->pop3_poll_s), "account_connections",
		shape_limit(p->account_connections), "quirks",
		shape_quirks(p->quirks), "sources", shape_list(p->sources));

	(void)json_object_update(out, more);
	json_decref(more);
	return out;
}

static void line(const char *key, const char *value)
{
	if (value)
		(void)printf("  %-9s %s\n", key, value);
}

static void lines(const char *key, const char *const *list)
{
	for (; list && *list; list++, key = "")
		line(key, *list);
}

static void limit(const char **key, const char *before, unsigned n,
		  const char *behind)
{
	if (n == 0)
		return;
	(void)printf("  %-9s %s%u%s\n", *key, before, n, behind);
	*key = "";
}

static void put_limits(const struct provider *p)
{
	const char *key = "limits";

	limit(&key, "may be asked by IMAP every ", p->imap_poll_s / 60,
	      " minutes");
	limit(&key, "may be asked by POP3 every ", p->pop3_poll_s / 60,
	      " minutes");
	limit(&key, "", p->account_connections,
	      " connections at once to a mailbox");
}

static void put_quirks(const struct provider *p)
{
	const char *key = "differs";

	for (unsigned i = 0; i < PROVIDER_QUIRKS; i++) {
		enum provider_quirk q = (enum provider_quirk)(1u << i);

		if (!provider_has(p, q))
			continue;
		line(key, provider_quirk_text(q));
		key = "";
	}
}

static void show(const struct provider *p)
{
	(void)printf("%s: %s\n", p->name, p->title);
	lines("also", p->aliases);
	line("imap", p->imap);
	line("pop3", p->pop3);
	line("smtp", p->smtp);
	line("user", provider_user_text(p->user));
	line("password", p->password ? p->password : "that of the mailbox");
	line("", provider_secret_text(p->secret));
	line("note", p->note);
	line("help", p->help);
	put_limits(p);
	put_quirks(p);
	(void)printf("  %-9s mailhaul providers %s --json\n", "sources",
		     p->name);
}

static void show_all(void)
{
	const struct provider *p;
	struct table t;
	struct text out;

	table_init(&t, 4, 0);
	for (size_t i = 0; (p = provider_at(i)); i++) {
		table_add(&t, p->name, TERM_PLAIN);
		table_add(&t, p->imap ? p->imap : "-", TERM_PLAIN);
		table_add(&t, p->pop3 ? p->pop3 : "-", TERM_PLAIN);
		table_add(&t, p->title, TERM_DIM);
	}
	text_init(&out, OUT_OCTETS);
	table_write(&t, 0, term_has_colour(STDOUT_FILENO), &out);
	(void)fputs(text_str(&out), stdout);
	text_fini(&out);
	table_fini(&t);
}

static void json_all(const struct provider *only)
{
	json_t *list = json_array();
	const struct provider *p;

	for (size_t i = 0; (p = provider_at(i)); i++)
		if (!only || p == only)
			(void)json_array_append_new(list, shape_provider(p));
	(void)command_print_json(json_pack("{s:o}", "providers", list));
}

static int unknown(const char *name)
{
	const char *near = NULL;
	const struct provider *p;
	unsigned best = 99;

	for (size_t i = 0; (p = provider_at(i)); i++)
		if (fault_is_near(view_of(name), view_of(p->name), &best))
			near = p->name;
	(void)fprintf(stderr,
		      "mailhaul: no built-in provider of that name%s%s%s "
		      "(mailhaul providers lists them)\n",
		      near ? ": did you mean " : "", near ? near : "",
		      near ? "?" : "");
	return 64;
}

int cmd_providers(const struct options *o)
{
	const struct provider *only = NULL;

	if (o->nwords) {
		only = provider_find(view_of(o->words[0]));
		if (!only) {
			return unknown(o->words[0]);
		}
	}
	if (options_has(o, OPTION_JSON))
		json_all(only);
	else if (only)
		show(only);
	else
		show_all();
	return command_flush() ? 0 : err_exit(ERR_DISK);
}
