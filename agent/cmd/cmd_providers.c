#include "cmd_providers.h"
#include "command.h"
#include "provider.h"
#include "shape.h"
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#define OUT_OCTETS (1u << 20)

static json_t *shape_provider(const struct provider *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 shape_str(p->name), "title", shape_str(p->title),
			 "imap", shape_str(p->imap), "pop3", shape_str(p->pop3),
			 "smtp", shape_str(p->smtp), "password",
			 shape_str(p->password), "note", shape_str(p->note));
}

static void line(const char *key, const char *value)
{
	if (value)
		(void)printf("  %-9s %s\n", key, value);
}

static void show(const struct provider *p)
{
	(void)printf("%s: %s\n", p->name, p->title);
	line("imap", p->imap);
	line("pop3", p->pop3);
	line("smtp", p->smtp);
	line("password", p->password);
	line("note", p->note);
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

int cmd_providers(const struct options *o)
{
	const struct provider *only = NULL;

	if (o->nwords) {
		only = provider_find(view_of(o->words[0]));
		if (!only) {
			(void)fprintf(stderr, "mailhaul: no built-in provider "
					      "of that name (mailhaul "
					      "providers lists them)\n");
			return 64;
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
