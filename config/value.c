#include "must.h"
#include "text.h"
#include "value_kind.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_OCTETS  64u
#define SHOWN_OCTETS 2000u
#define LIST_ITEMS   1000u

void config_list_add(struct config_list *l, struct view item)
{
	l->item = mem_grow(l->item, (l->n + 1) * sizeof(*l->item));
	l->item[l->n++] = value_string(item);
}

void config_list_copy(struct config_list *to, const struct config_list *from)
{
	*to = (struct config_list){ 0 };
	for (size_t i = 0; i < from->n; i++)
		config_list_add(to, view_of(from->item[i]));
}

void config_list_fini(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		secret_wipe(l->item[i], strlen(l->item[i]));
		free(l->item[i]);
	}
	free(l->item);
	*l = (struct config_list){ 0 };
}

char *value_string(struct view v)
{
	char *s = mem_new(v.n + 1);

	if (v.n)
		memcpy(s, v.p, v.n);
	return s;
}

void value_fini(struct value *v)
{
	config_list_fini(&v->list);
	free(v->text);
	free(v->shown);
	*v = (struct value){ 0 };
}

bool value_wrong(struct reading *r, const char *why)
{
	(void)snprintf(r->why, r->cap, "%s", why);
	return false;
}

bool value_wrong_word(struct reading *r, struct view word, const char *why)
{
	(void)snprintf(r->why, r->cap, "\"%.*s%s\" %s",
		       (int)(word.n < 100 ? word.n : 100), word.p,
		       word.n < 100 ? "" : "...", why);
	return false;
}

bool value_is_name(struct view v)
{
	if (!v.n || v.n > NAME_OCTETS)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');

		if (!plain && (i == 0 || !c || !strchr("._@+-", c)))
			return false;
	}
	return true;
}

/* Digits and one of the units; a bare 0, or bare octets where unit is ' '. */
static bool with_unit(struct view v, const char *units, const uint64_t *factor,
		      uint64_t *out)
{
	const char *unit;
	uint64_t number;

	if (!v.n)
		return false;
	unit = v.p[v.n - 1] ? strchr(units, v.p[v.n - 1]) : NULL;
	if (!view_number(view_head(v, v.n - (unit ? 1 : 0)), UINT64_MAX,
			 &number))
		return false;
	if (!unit)
		unit = strchr(units, ' ');
	if (!unit) {
		*out = 0;
		return number == 0;
	}
	if (number > UINT64_MAX / factor[unit - units])
		return false;
	*out = number * factor[unit - units];
	return true;
}

bool value_duration(struct view v, uint64_t *ms)
{
	static const uint64_t factor[] = { 1000, 60000, 3600000, 86400000,
					   604800000 };

	return with_unit(v, "smhdw", factor, ms);
}

bool value_size(struct view v, uint64_t *octets)
{
	static const uint64_t factor[] = { 1, 1u << 10, 1u << 20, 1u << 30 };

	return with_unit(v, " KMG", factor, octets);
}

bool value_is_list(enum value_kind kind)
{
	switch (kind) {
	case VALUE_SERVER: /* a provider has one for each protocol */
	case VALUE_ADDRESSES:
	case VALUE_ENVELOPE:
	case VALUE_HOSTS:
	case VALUE_MAP:
	case VALUE_FOLDERS:
	case VALUE_FIELDS:
	case VALUE_ARGUMENTS:
	case VALUE_FINGERPRINTS:
	case VALUE_ANYTHING:
		return true;
	case VALUE_ADDRESS:
	case VALUE_STRING:
	case VALUE_NAME:
	case VALUE_FOLDER:
	case VALUE_SECRET:
	case VALUE_BOOL:
	case VALUE_NUMBER:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_RANGE:
	case VALUE_RATE:
	case VALUE_CHOICE:
	case VALUE_AUTH:
	case VALUE_KEEP:
	case VALUE_FIRST_RUN:
	case VALUE_IDLE:
	case VALUE_SENDER:
	case VALUE_PATH:
	case VALUE_CREDENTIAL:
	case VALUE_IP:
	case VALUE_PROXY:
	case VALUE_HOST:
		return false;
	}
	return false;
}

/* What may stand without quotes: INTERFACE 2, and a setting's own words. */
static bool goes_unquoted(enum value_kind kind)
{
	return kind == VALUE_BOOL || kind == VALUE_NUMBER ||
	       kind == VALUE_DURATION || kind == VALUE_SIZE ||
	       kind == VALUE_RANGE || kind == VALUE_RATE ||
	       kind == VALUE_CHOICE || kind == VALUE_AUTH ||
	       kind == VALUE_KEEP || kind == VALUE_FIRST_RUN ||
	       kind == VALUE_IDLE || kind == VALUE_ANYTHING;
}

/* `sender = original` */
static bool is_own_word(enum value_kind kind, struct view v)
{
	return kind == VALUE_SENDER && view_eq(v, VIEW_LIT("original"));
}

static void show_item(struct text *t, struct view v, bool quoted)
{
	char q = view_find(v, '"') < v.n || view_find(v, '\\') < v.n ? '\''
								     : '"';

	if (quoted)
		(void)text_fmt(t, "%c%.*s%c", q, VIEW_ARG(v), q);
	else
		(void)text_put(t, v);
}

/* How the value could be written, for `check --effective`. */
static char *show(const struct reading *r)
{
	const struct config_list *l = &r->out->list;
	bool quoted = !goes_unquoted(r->rule->kind);
	struct text t;

	if (r->rule->kind == VALUE_SECRET)
		return mem_str("(set)");
	text_init(&t, SHOWN_OCTETS);
	if (l->n == 1 && !r->words->is_list) {
		show_item(&t, view_of(l->item[0]), quoted);
		return text_take(&t);
	}
	(void)text_puts(&t, "{");
	for (size_t i = 0; i < l->n; i++) {
		(void)text_puts(&t, i ? ", " : "");
		show_item(&t, view_of(l->item[i]), quoted);
	}
	(void)text_puts(&t, "}");
	return text_take(&t);
}

/* Which program it is, and not what it is told. */
static char *show_program(const struct config_list *l)
{
	struct text t;

	text_init(&t, SHOWN_OCTETS);
	(void)text_puts(&t, "{");
	show_item(&t, view_of(l->item[0]), true);
	(void)text_puts(&t, ", ...}");
	return text_take(&t);
}

/* What holds for every word, whatever it is for. */
static bool words_are_sound(struct reading *r)
{
	const struct words *w = r->words;

	if (!value_is_list(r->rule->kind) && (w->is_list || w->n != 1))
		return value_wrong(r, "one value is wanted, not a list");
	if (w->n > LIST_ITEMS)
		return value_wrong(r, "the list is too long");
	for (size_t i = 0; i < w->n; i++) {
		struct view v = w->item[i].text;

		if (!w->item[i].quoted && !goes_unquoted(r->rule->kind) &&
		    !is_own_word(r->rule->kind, v))
			return value_wrong(
				r, "it must stand in quotes: 'like this' "
				   "or \"like this\"");
		if (!v.n)
			return value_wrong(r, "it is empty");
		if (view_breaks_line(v))
			return value_wrong(r, "it holds a line break or a NUL");
	}
	return true;
}

bool value_read(const struct value_rule *rule, const struct words *words,
		struct value *out, char *why, size_t cap)
{
	struct reading r = { .rule = rule,
			     .words = words,
			     .first =
				     words->n ? words->item[0].text : VIEW_NONE,
			     .out = out,
			     .why = why,
			     .cap = cap };

	*out = (struct value){ 0 };
	if (!words_are_sound(&r))
		return false;
	for (size_t i = 0; i < words->n; i++)
		config_list_add(&out->list, words->item[i].text);
	if (!value_read_kind(&r)) {
		value_fini(out);
		return false;
	}
	if (!out->text)
		out->text = show(&r);
	if (rule->kind == VALUE_ARGUMENTS && out->list.n > 1)
		out->shown = show_program(&out->list);
	return true;
}
