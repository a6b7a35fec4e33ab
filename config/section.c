#include "section.h"
#include "must.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define LABEL_OCTETS 200u

static char *label_of(enum section_kind kind, const char *title,
		      const struct section *in)
{
	const struct section_rule *rule = &section_table[kind];
	struct text t;

	text_init(&t, LABEL_OCTETS);
	if (in && in->kind != SECTION_GENERAL)
		(void)text_fmt(&t, "%.90s: ", in->label);
	(void)text_puts(&t, rule->name);
	if (title && rule->has_title)
		(void)text_fmt(&t, " \"%.70s\"", title);
	return text_take(&t);
}

struct section *sections_add(struct sections *all, enum section_kind kind,
			     const char *title, struct place at,
			     const struct section *in)
{
	struct section *s = mem_new(sizeof(*s));

	s->kind = kind;
	s->title = mem_str(title ? title : "");
	s->label = label_of(kind, title, in);
	s->at = at;
	s->in = in;
	all->item =
		mem_grow(all->item, (all->n + 1) * sizeof(struct section *));
	all->item[all->n++] = s;
	return s;
}

bool unread_may_hold(const struct unread *u, const char *title)
{
	for (size_t i = 0; i < u->titles.n; i++)
		if (strcmp(u->titles.item[i], title) == 0)
			return true;
	return u->files;
}

struct section *sections_find(const struct sections *all,
			      enum section_kind kind, const char *title)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i]->kind == kind &&
		    (!title || strcmp(all->item[i]->title, title) == 0))
			return all->item[i];
	return NULL;
}

static void section_free(struct section *s)
{
	for (unsigned i = 0; i < SETTINGS; i++)
		if (s->set[i]) {
			value_fini(&s->set[i]->value);
			free(s->set[i]);
		}
	free(s->title);
	free(s->label);
	free(s);
}

void sections_fini(struct sections *all)
{
	for (size_t i = 0; i < all->n; i++)
		section_free(all->item[i]);
	free(all->item);
	*all = (struct sections){ 0 };
}

static struct written *keep(struct section *s, enum setting_id id,
			    struct place at)
{
	struct written *w = mem_new(sizeof(*w));

	w->at = at;
	w->section = s;
	s->set[id] = w;
	return w;
}

static bool is_refused(const struct setting *rule, const struct words *words)
{
	if (!rule->later)
		return false;
	return !rule->later_word ||
	       (words->n == 1 &&
		view_eq(words->item[0].text, view_of(rule->later_word)));
}

static void written_twice(const struct section *s, const char *name,
			  const struct written *first, struct place at,
			  struct faults *faults)
{
	if (first->at.number == at.number)
		fault_add(faults, at, s->label,
			  "%s is written twice, first in line %u", name,
			  first->at.line);
	else
		fault_add(faults, at, s->label,
			  "%s is written twice, first in %s:%u", name,
			  first->at.file, first->at.line);
}

void section_set(struct section *s, enum setting_id id, struct place at,
		 const struct words *words, struct faults *faults)
{
	const struct setting *rule = &setting_table[id];
	struct written *w;
	char why[600];

	if (s->set[id]) {
		written_twice(s, rule->name, s->set[id], at, faults);
		return;
	}
	w = keep(s, id, at);
	if (is_refused(rule, words)) {
		fault_add(faults, at, s->label,
			  "not supported by this version: %s%s%s (%s)",
			  rule->name, rule->later_word ? " = " : "",
			  rule->later_word ? rule->later_word : "",
			  rule->later);
		return;
	}
	w->ok = value_read(&rule->rule, words, &w->value, why, sizeof(why));
	if (!w->ok)
		fault_add(faults, at, s->label, "%s: %s", rule->name, why);
}

void section_set_builtin(struct section *s, enum setting_id id,
			 const char *items)
{
	struct word word[16];
	struct words words = { .item = word };
	struct view rest = view_of(items);
	struct written *w;
	char why[600];

	while (rest.n) {
		MUST(words.n < 16);
		word[words.n++] = (struct word){ view_word(&rest), true };
	}
	words.is_list =
		value_is_list(setting_table[id].rule.kind) && words.n != 1;
	w = keep(s, id, s->at);
	w->ok = value_read(&setting_table[id].rule, &words, &w->value, why,
			   sizeof(why));
	MUST(w->ok);
}
