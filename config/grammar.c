#include "grammar.h"
#include "must.h"
#include "text.h"
#include "tidy.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>

#define PASSES_MOST 100u

/* One reading of a file by libconfuse, whose callbacks carry no context. */
struct pass {
	const struct tokens *tokens;
	struct includes found;
	struct grammar *g;
	bool failed;
	size_t token;		/* of the first thing refused */
	enum section_kind kind; /* of the section it stood in */
};
static _Thread_local struct pass *now;

/* Close together, and the room that is not needed is not touched. */
struct options {
	cfg_opt_t *of[SECTION_KINDS];
	size_t n;
	cfg_opt_t item[SECTION_KINDS * (SETTINGS + SECTION_KINDS + 2)];
};

static enum section_kind kind_of(const char *name)
{
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if (strcmp(name, section_table[i].name) == 0)
			return (enum section_kind)i;
	return SECTION_GENERAL;
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

static void options_fill(struct options *all, enum section_kind kind)
{
	cfg_opt_t *opt = all->of[kind] = all->item + all->n;
	const cfg_opt_t end = CFG_END(),
			include = CFG_FUNC("include", on_include);

	for (unsigned i = 0; i < SETTINGS; i++)
		if (setting_fits((enum setting_id)i, kind))
			*opt++ = (cfg_opt_t)CFG_STR_LIST(setting_table[i].name,
							 NULL, CFGF_NODEFAULT);
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if (section_table[i].within & SETTING_IN(kind))
			*opt++ = (cfg_opt_t)CFG_SEC(
				section_table[i].name, all->of[i],
				CFGF_MULTI | CFGF_TITLE | CFGF_NODEFAULT);
	if (kind == SECTION_GENERAL)
		*opt++ = include;
	*opt++ = end;
	all->n += (size_t)(opt - all->of[kind]);
}

static struct options *options_new(void)
{
	struct options *all = mem_grow(NULL, sizeof(*all));

	all->n = 0;
	/* the inner ones first: libconfuse copies them with the outer */
	for (unsigned i = SECTION_KINDS; i > 0; i--)
		options_fill(all, (enum section_kind)(i - 1));
	return all;
}

/* Its text is translated and knows no token: only the line counts. */
__attribute__((format(printf, 2, 0))) static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	(void)fmt;
	(void)ap;
	if (now->failed)
		return;
	now->failed = true;
	now->token = cfg->line > 0 ? (size_t)cfg->line - 1 : 0;
	now->kind = kind_of(cfg->name);
}

static const struct token *token_of(const struct tokens *t, const char *number)
{
	size_t i = (size_t)strtoul(number, NULL, 10);

	MUST(i < t->n);
	return &t->item[i];
}

static struct place place_of(const struct grammar *g, const struct token *t)
{
	struct place p = g->file;

	p.line = t->line;
	return p;
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	const struct token *t;

	(void)cfg;
	(void)opt;
	MUST(argc == 1);
	t = token_of(now->tokens, argv[0]);
	now->found.item = mem_grow(
		now->found.item, (now->found.n + 1) * sizeof(*now->found.item));
	now->found.item[now->found.n++] =
		(struct included){ place_of(now->g, t),
				   value_string(token_view(t)) };
	return 0;
}

void includes_fini(struct includes *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->item[i].pattern);
	free(all->item);
	*all = (struct includes){ 0 };
}

static void includes_move(struct includes *to, struct includes *from)
{
	to->item =
		mem_grow(to->item, (to->n + from->n + 1) * sizeof(*to->item));
	for (size_t i = 0; i < from->n; i++)
		to->item[to->n++] = from->item[i];
	free(from->item);
	*from = (struct includes){ 0 };
}

static bool is_setting_of(struct view name, enum section_kind kind)
{
	for (unsigned i = 0; i < SETTINGS; i++)
		if (setting_fits((enum setting_id)i, kind) &&
		    view_eq(name, view_of(setting_table[i].name)))
			return true;
	return false;
}

static bool is_section_of(struct view name, enum section_kind kind)
{
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if ((section_table[i].within & SETTING_IN(kind)) &&
		    view_eq(name, view_of(section_table[i].name)))
			return true;
	return false;
}

/* What the refused statement should have been. */
static void refused(const struct pass *p, const struct tidy *t, size_t i)
{
	const struct statement *s = &t->statement[i];
	const struct token *name = &p->tokens->item[s->first];
	struct view v = token_view(name);
	struct place at = place_of(p->g, name);
	char label[TIDY_LABEL], hint[400];

	tidy_label(t, i, label, sizeof(label));
	if (is_section_of(v, p->kind)) {
		fault_add(p->g->faults, at, label,
			  "%s is a section: %s %s{ ... }", v.p, v.p,
			  section_table[kind_of(v.p)].has_title ? "\"NAME\" "
								: "");
	} else if (is_setting_of(v, p->kind)) {
		fault_add(p->g->faults, at, label,
			  "%s is a setting: %s = VALUE", v.p, v.p);
	} else if (p->kind == SECTION_GENERAL &&
		   view_eq(v, VIEW_LIT("include"))) {
		fault_add(p->g->faults, at, label,
			  "it is written include(\"FILE\")");
	} else {
		setting_hint(v, p->kind, hint, sizeof(hint));
		fault_add(p->g->faults, at, label, "unknown %s \"%.60s\"%s%s",
			  s->form == STATEMENT_SECTION ? "section"
			  : s->form == STATEMENT_CALL  ? "function"
						       : "setting",
			  v.p, hint[0] ? ": " : "", hint);
	}
}

static void one_section(struct grammar *g, const struct tokens *tokens,
			cfg_t *cfg, enum section_kind kind,
			const struct section *in);

static void one_setting(struct grammar *g, const struct tokens *tokens,
			cfg_opt_t *opt, enum setting_id id, struct section *s)
{
	struct word *word = mem_new(cfg_opt_size(opt) * sizeof(*word));
	const struct token *equals = NULL, *t;
	struct words words = { .item = word, .dir = g->dir };
	size_t n = cfg_opt_size(opt);

	for (size_t i = 0; i <= n; i++) {
		t = i < n ? token_of(tokens, cfg_opt_getnstr(opt, (unsigned)i))
			  : NULL;
		if (t && token_is_value(t)) {
			word[words.n++] =
				(struct word){ token_view(t),
					       t->kind != TOKEN_WORD };
			continue;
		}
		if (equals) {
			words.is_list = equals[1].kind == TOKEN_OPEN;
			section_set(s, id, place_of(g, equals - 1), &words,
				    g->faults);
		}
		equals = t;
		words.n = 0;
	}
	free(word);
}

static void fill(struct grammar *g, const struct tokens *tokens, cfg_t *cfg,
		 struct section *s)
{
	for (unsigned i = 0; i < SETTINGS; i++)
		if (setting_fits((enum setting_id)i, s->kind))
			one_setting(g, tokens,
				    cfg_getopt(cfg, setting_table[i].name),
				    (enum setting_id)i, s);
	for (unsigned i = 1; i < SECTION_KINDS; i++) {
		cfg_opt_t *opt;

		if (!(section_table[i].within & SETTING_IN(s->kind)))
			continue;
		opt = cfg_getopt(cfg, section_table[i].name);
		for (unsigned k = 0; k < cfg_opt_size(opt); k++)
			one_section(g, tokens, cfg_opt_getnsec(opt, k),
				    (enum section_kind)i, s);
	}
}

static void one_section(struct grammar *g, const struct tokens *tokens,
			cfg_t *cfg, enum section_kind kind,
			const struct section *in)
{
	const struct token *title = token_of(tokens, cfg_title(cfg));
	const struct section_rule *rule = &section_table[kind];
	bool titled = title[1].kind == TOKEN_OPEN && title > tokens->item &&
		      token_is_value(title - 1) &&
		      title[-1].kind == TOKEN_WORD &&
		      strcmp(title[-1].text, rule->name) == 0;
	struct place at = place_of(g, titled ? title - 1 : title);
	struct section *s;

	if (rule->has_title && !titled) {
		fault_add(g->faults, at, "", "%s needs a name: %s \"NAME\" {",
			  rule->name, rule->name);
		g->unread->files = true;
	} else if (!rule->has_title && titled) {
		fault_add(g->faults, at, "", "%s has no name: %s {", rule->name,
			  rule->name);
	}
	s = sections_add(g->sections, kind, titled ? title->text : NULL, at,
			 in);
	if (rule->later)
		fault_add(g->faults, at, in->label,
			  "not supported by this version: %s { } (%s)",
			  rule->name, rule->later);
	fill(g, tokens, cfg, s);
}

static bool parse(struct pass *p, const struct options *options,
		  const char *text, cfg_t **cfg)
{
	bool ok;

	includes_fini(&p->found);
	p->failed = false;
	now = p;
	*cfg = cfg_init((cfg_opt_t *)options->of[SECTION_GENERAL], CFGF_NONE);
	MUST(*cfg);
	cfg_set_error_function(*cfg, on_error);
	ok = cfg_parse_buf(*cfg, text) == CFG_SUCCESS;
	now = NULL;
	return ok;
}

/* Takes out what was refused. false: it cannot go on. */
static bool drop(struct pass *p, struct tidy *t, unsigned passes)
{
	struct place whole = p->g->file;
	size_t i;

	if (passes >= PASSES_MOST || !p->failed || p->token >= t->tokens->n ||
	    t->slot[p->token].role == SLOT_NOTHING) {
		fault_add(p->g->faults, whole, "",
			  "too many mistakes: the rest was not read");
		p->g->unread->files = true;
		return false;
	}
	i = t->slot[p->token].statement;
	refused(p, t, i);
	if (t->statement[i].form == STATEMENT_SECTION)
		config_list_add(
			&p->g->unread->titles,
			view_of(t->tokens->item[t->statement[i].first + 1]
					.text));
	tidy_drop(t, i);
	return true;
}

void grammar_read(struct grammar *g, const struct tokens *tokens)
{
	struct options *options = options_new();
	struct pass p = { .tokens = tokens, .g = g };
	struct text text;
	struct tidy tidy;
	bool done = false, ok = true;
	cfg_t *cfg;

	tidy_init(&tidy, tokens, g->file, g->faults);
	text_init(&text, (size_t)1 << 30);
	for (unsigned passes = 0; ok && !done; passes++) {
		tidy_write(&tidy, &text);
		done = parse(&p, options, text_str(&text), &cfg);
		if (done)
			fill(g, tokens, cfg, g->general);
		else
			ok = drop(&p, &tidy, passes);
		cfg_free(cfg);
	}
	includes_move(g->includes, &p.found);
	text_fini(&text);
	tidy_fini(&tidy);
	free(options);
}
