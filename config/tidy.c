#include "tidy.h"
#include "must.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_OCTETS 40u

struct tidying {
	struct tidy *t;
	const struct token *token;
	size_t n, at;
	struct place file;
	struct faults *faults;
	size_t *open; /* owned: sections not yet closed, as statements */
	size_t depth, depth_cap;
	size_t closed_for_user;
	char label[TIDY_LABEL];
	bool behind_secret; /* what stands here may be a part of one */
	size_t junk_until;  /* one fault for a run of tokens out of place */
};

static bool is(const struct tidying *d, size_t i, enum token_kind kind)
{
	return i < d->n && d->token[i].kind == kind;
}

static bool is_value(const struct tidying *d, size_t i)
{
	return i < d->n && token_is_value(&d->token[i]);
}

static bool is_quoted(const struct tidying *d, size_t i)
{
	return is(d, i, TOKEN_STRING) || is(d, i, TOKEN_LITERAL);
}

static struct place place_of(const struct tidying *d, size_t i)
{
	struct place p = d->file;

	p.line = d->token[i].line;
	return p;
}

static void role(struct tidying *d, size_t i, enum slot_role r)
{
	d->t->slot[i].role = r;
	d->t->slot[i].statement = d->t->statements - 1;
}

static struct statement *begin(struct tidying *d, enum statement_form form)
{
	struct tidy *t = d->t;

	if ((t->statements & (t->statements - 1)) == 0)
		t->statement =
			mem_grow(t->statement, (2 * t->statements + 1) *
						       sizeof(*t->statement));
	t->statement[t->statements++] = (struct statement){ .form = form,
							    .first = d->at,
							    .last = d->at };
	return &t->statement[t->statements - 1];
}

/* Adds `account "x"` to a label of cap octets. */
static void label_add(const struct tokens *t, const struct statement *s,
		      char *out, size_t cap)
{
	const struct token *name = &t->item[s->first];
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n,
		       token_is_value(name + 1) ? "%s%.40s \"%.64s\""
						: "%s%.40s",
		       n ? ": " : "", name->text, name[1].text);
}

void tidy_label(const struct tidy *t, size_t statement, char *out, size_t cap)
{
	size_t first = t->statement[statement].first;

	out[0] = 0;
	for (size_t i = 0; i < statement; i++)
		if (t->statement[i].form == STATEMENT_SECTION &&
		    t->statement[i].last > first)
			label_add(t->tokens, &t->statement[i], out, cap);
}

/* Of the sections that are open. */
static const char *label(struct tidying *d)
{
	d->label[0] = 0;
	for (size_t i = 0; i < d->depth && i < 3; i++)
		label_add(d->t->tokens, &d->t->statement[d->open[i]], d->label,
			  sizeof(d->label));
	return d->label;
}

/* `defaults {`: a section of a kind without names at i. */
static bool is_untitled(const struct tidying *d, size_t i)
{
	if (!is(d, i, TOKEN_WORD) || !is(d, i + 1, TOKEN_OPEN))
		return false;
	for (unsigned k = 1; k < SECTION_KINDS; k++)
		if (!section_table[k].has_title &&
		    view_eq(token_view(&d->token[i]),
			    view_of(section_table[k].name)))
			return true;
	return false;
}

/* `name {` or `name "title" {` at i; not the value in `keep = 7d multidrop {`.
 */
static bool is_section(const struct tidying *d, size_t i)
{
	return is(d, i, TOKEN_WORD) &&
	       (is(d, i + 1, TOKEN_OPEN) ||
		(is_value(d, i + 1) && is(d, i + 2, TOKEN_OPEN) &&
		 !is_untitled(d, i + 1)));
}

static bool begins_statement(const struct tidying *d, size_t i)
{
	return is(d, i, TOKEN_WORD) &&
	       (is(d, i + 1, TOKEN_EQUALS) || is(d, i + 1, TOKEN_APPEND) ||
		is_section(d, i));
}

static void junk(struct tidying *d, const char *what)
{
	struct view v = token_view(&d->token[d->at]);
	bool first = d->junk_until != d->at || d->at == 0;

	if (first && (d->behind_secret || is_quoted(d, d->at)))
		fault_add(d->faults, place_of(d, d->at), label(d),
			  "what stands behind the value is no setting and no "
			  "section (is a quote too many in it?)");
	else if (first)
		fault_add(d->faults, place_of(d, d->at), label(d),
			  "\"%.*s\" %s",
			  (int)(v.n < NAME_OCTETS ? v.n : NAME_OCTETS), v.p,
			  what);
	d->at++;
	d->junk_until = d->at;
}

static void not_closed(struct tidying *d, const struct statement *s)
{
	char name[TIDY_LABEL] = "";

	if (d->t->tokens->unended)
		return; /* what ate the } was reported */
	label_add(d->t->tokens, s, name, sizeof(name));
	fault_add(d->faults, place_of(d, s->first), name,
		  "the section is not closed: a } is missing");
}

/* Puts in the } that are missing before token d->at. */
static void close_all(struct tidying *d)
{
	while (d->depth) {
		struct statement *s = &d->t->statement[d->open[--d->depth]];

		not_closed(d, s);
		s->closed_for_user = true;
		s->last = d->at - 1;
		d->t->slot[d->at - 1].closes++;
		d->closed_for_user++;
	}
}

static bool only_at_the_top(struct view name)
{
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if (view_eq(name, view_of(section_table[i].name)))
			return section_table[i].within ==
			       SETTING_IN(SECTION_GENERAL);
	return false;
}

static void push(struct tidying *d)
{
	if (d->depth == d->depth_cap) {
		d->depth_cap = d->depth_cap ? 2 * d->depth_cap : 8;
		d->open = mem_grow(d->open, d->depth_cap * sizeof(*d->open));
	}
	d->open[d->depth++] = d->t->statements - 1;
}

static void section(struct tidying *d)
{
	bool titled = !is(d, d->at + 1, TOKEN_OPEN);
	size_t open = d->at + (titled ? 2 : 1);

	if (d->depth && only_at_the_top(token_view(&d->token[d->at])))
		close_all(d);
	begin(d, STATEMENT_SECTION);
	d->behind_secret = false;
	role(d, d->at, titled ? SLOT_NAME : SLOT_UNTITLED);
	if (titled)
		role(d, d->at + 1, SLOT_TITLE);
	role(d, open, SLOT_OPEN);
	if (titled && is(d, d->at + 1, TOKEN_WORD))
		fault_add(d->faults, place_of(d, d->at + 1), label(d),
			  "the name must stand in quotes: %.40s \"%.64s\" {",
			  d->token[d->at].text, d->token[d->at + 1].text);
	push(d);
	d->at = open + 1;
}

static void close_one(struct tidying *d)
{
	if (d->depth) {
		size_t s = d->open[--d->depth];

		d->t->slot[d->at].role = SLOT_CLOSE;
		d->t->slot[d->at].statement = s;
		d->t->statement[s].last = d->at;
	} else if (d->closed_for_user) {
		d->closed_for_user--;
	} else {
		fault_add(d->faults, place_of(d, d->at), label(d),
			  "a } too many, or its { is missing");
	}
	d->at++;
}

static void list_fault(struct tidying *d, size_t open)
{
	fault_add(d->faults, place_of(d, open), label(d),
		  "%.40s: the list that begins here is not closed: a } is "
		  "missing",
		  d->token[open - 2].text);
}

/* The items behind the { at d->at. The last token looked at ends the list. */
static void list(struct tidying *d)
{
	size_t open = d->at++;
	bool comma = true;

	while (d->at < d->n && !is(d, d->at, TOKEN_CLOSE)) {
		if (is(d, d->at, TOKEN_COMMA)) {
			comma = true;
		} else if (is_value(d, d->at) && !begins_statement(d, d->at)) {
			if (!comma)
				fault_add(d->faults, place_of(d, d->at),
					  label(d),
					  "%.40s: a comma is missing in the "
					  "list",
					  d->token[open - 2].text);
			role(d, d->at, SLOT_VALUE);
			comma = false;
		} else {
			list_fault(d, open);
			d->t->slot[d->at - 1].ends_list = true;
			return;
		}
		d->at++;
	}
	if (d->at == d->n) {
		if (!d->t->tokens->unended)
			list_fault(d, open);
		d->t->slot[d->at - 1].ends_list = true;
		return;
	}
	d->t->slot[d->at++].ends_list = true;
}

/* `name = a, b` without braces */
static void loose_commas(struct tidying *d, size_t name)
{
	if (!is(d, d->at, TOKEN_COMMA))
		return;
	fault_add(d->faults, place_of(d, d->at), label(d),
		  "%.40s: several values stand in braces: {\"a\", \"b\"}",
		  d->token[name].text);
	while (is(d, d->at, TOKEN_COMMA) ||
	       (is_value(d, d->at) && is(d, d->at - 1, TOKEN_COMMA)))
		d->at++;
}

static void set(struct tidying *d)
{
	size_t name = d->at, value = name + 2;
	struct statement *s;

	if (is(d, name + 1, TOKEN_APPEND))
		fault_add(d->faults, place_of(d, name), label(d),
			  "%.40s: there is no +=: write the whole list",
			  d->token[name].text);
	if (!is(d, value, TOKEN_OPEN) &&
	    (!is_value(d, value) || begins_statement(d, value))) {
		fault_add(d->faults, place_of(d, name), label(d),
			  "%.40s: the value is missing", d->token[name].text);
		d->at = value;
		return;
	}
	begin(d, STATEMENT_SET);
	d->behind_secret =
		view_starts(token_view(&d->token[name]), VIEW_LIT("pass"));
	role(d, name, SLOT_NAME);
	role(d, name + 1, SLOT_EQUALS);
	d->at = value;
	if (is(d, value, TOKEN_OPEN)) {
		list(d);
	} else {
		role(d, value, SLOT_VALUE);
		d->t->slot[value].ends_list = true;
		d->at++;
	}
	s = &d->t->statement[d->t->statements - 1];
	s->last = d->at - 1;
	loose_commas(d, name);
}

static void bad_call(struct tidying *d)
{
	size_t name = d->at;

	if (view_eq(token_view(&d->token[name]), VIEW_LIT("include")))
		fault_add(d->faults, place_of(d, name), label(d),
			  "it is written include(\"FILE\")");
	else
		fault_add(d->faults, place_of(d, name), label(d),
			  "unknown function \"%.60s\"", d->token[name].text);
	while (d->at < d->n && !is(d, d->at, TOKEN_CALL_END) &&
	       (d->at < name + 2 || !begins_statement(d, d->at)))
		d->at++;
	if (is(d, d->at, TOKEN_CALL_END))
		d->at++;
}

static void call(struct tidying *d)
{
	size_t name = d->at;

	if (!is_quoted(d, name + 2) || !is(d, name + 3, TOKEN_CALL_END)) {
		bad_call(d);
		return;
	}
	begin(d, STATEMENT_CALL)->last = name + 3;
	role(d, name, SLOT_NAME);
	role(d, name + 1, SLOT_CALL);
	role(d, name + 2, SLOT_ARGUMENT);
	role(d, name + 3, SLOT_CALL_END);
	d->at = name + 4;
}

static bool is_plain_name(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!((v.p[i] >= 'a' && v.p[i] <= 'z') ||
		      (v.p[i] >= 'A' && v.p[i] <= 'Z') ||
		      (v.p[i] >= '0' && v.p[i] <= '9') || v.p[i] == '_'))
			return false;
	return v.n <= NAME_OCTETS;
}

/* A word that begins nothing: `user "x"`, or something out of place. */
static void stray_word(struct tidying *d)
{
	struct view v = token_view(&d->token[d->at]);

	if (d->behind_secret || view_eq(v, VIEW_LIT(";"))) {
		junk(d, "divides nothing here: leave it out");
	} else if (is_value(d, d->at + 1) && !begins_statement(d, d->at + 1) &&
		   is_plain_name(v)) {
		fault_add(d->faults, place_of(d, d->at), label(d),
			  "%.40s: the = is missing", d->token[d->at].text);
		d->at += 2;
	} else {
		junk(d, "stands where a setting or a section should begin");
	}
}

static void statement(struct tidying *d)
{
	if (is(d, d->at, TOKEN_CLOSE))
		close_one(d);
	else if (!is(d, d->at, TOKEN_WORD))
		junk(d, "stands where a setting or a section should begin");
	else if (is(d, d->at + 1, TOKEN_EQUALS) ||
		 is(d, d->at + 1, TOKEN_APPEND))
		set(d);
	else if (is_section(d, d->at))
		section(d);
	else if (is(d, d->at + 1, TOKEN_CALL))
		call(d);
	else
		stray_word(d);
}

void tidy_init(struct tidy *t, const struct tokens *tokens, struct place file,
	       struct faults *faults)
{
	struct tidying d = { .t = t,
			     .token = tokens->item,
			     .n = tokens->n,
			     .file = file,
			     .faults = faults };

	*t = (struct tidy){ .tokens = tokens };
	t->slot = mem_new(tokens->n * sizeof(*t->slot));
	while (d.at < d.n)
		statement(&d);
	close_all(&d);
	free(d.open);
}

void tidy_fini(struct tidy *t)
{
	free(t->slot);
	free(t->statement);
	*t = (struct tidy){ 0 };
}

void tidy_drop(struct tidy *t, size_t statement)
{
	const struct statement *gone = &t->statement[statement];

	for (size_t i = statement; i < t->statements; i++) {
		struct statement *s = &t->statement[i];

		if (s->first > gone->last)
			break;
		if (s->closed_for_user) {
			t->slot[s->last].closes--;
			s->closed_for_user = false;
		}
	}
	for (size_t i = gone->first; i <= gone->last; i++) {
		t->slot[i].role = SLOT_NOTHING;
		t->slot[i].ends_list = false;
	}
}

static void write_name(const struct token *name, struct text *out)
{
	/* what libconfuse would cut differently is no name of ours either */
	(void)text_puts(out, is_plain_name(token_view(name)) ? name->text
							     : "no_name");
}

static void write_slot(const struct tidy *t, size_t i, struct text *out)
{
	switch (t->slot[i].role) {
	case SLOT_NOTHING:
		break;
	case SLOT_NAME:
		write_name(&t->tokens->item[i], out);
		break;
	case SLOT_UNTITLED:
		write_name(&t->tokens->item[i], out);
		(void)text_fmt(out, " %zu", i);
		break;
	case SLOT_TITLE:
	case SLOT_ARGUMENT:
		(void)text_fmt(out, "%zu", i);
		break;
	case SLOT_OPEN:
		(void)text_puts(out, "{");
		break;
	case SLOT_CLOSE:
		(void)text_puts(out, "}");
		break;
	case SLOT_EQUALS:
		(void)text_fmt(out, "+= {%zu", i);
		break;
	case SLOT_VALUE:
		(void)text_fmt(out, ", %zu", i);
		break;
	case SLOT_CALL:
		(void)text_puts(out, "(");
		break;
	case SLOT_CALL_END:
		(void)text_puts(out, ")");
		break;
	}
}

void tidy_write(const struct tidy *t, struct text *out)
{
	text_clear(out);
	for (size_t i = 0; i < t->tokens->n; i++) {
		write_slot(t, i, out);
		(void)text_puts(out, t->slot[i].ends_list ? "}" : "");
		for (unsigned c = 0; c < t->slot[i].closes; c++)
			(void)text_puts(out, "}");
		(void)text_puts(out, "\n");
	}
}
