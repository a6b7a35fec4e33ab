#include "pattern.h"
#include "form.h"
#include "text.h"

static const struct view special = VIEW_LIT("special:"),
			 inbox = VIEW_LIT("INBOX");

static const struct {
	const char *name;
	enum config_use use;
} uses[] = {
	{ "All", CONFIG_USE_ALL },
	{ "Archive", CONFIG_USE_ARCHIVE },
	{ "Drafts", CONFIG_USE_DRAFTS },
	{ "Flagged", CONFIG_USE_FLAGGED },
	{ "Important", CONFIG_USE_IMPORTANT },
	{ "Junk", CONFIG_USE_JUNK },
	{ "Sent", CONFIG_USE_SENT },
	{ "Trash", CONFIG_USE_TRASH },
};
#define USES (sizeof(uses) / sizeof(uses[0]))

const char *pattern_use_name(size_t n, enum config_use *use)
{
	if (n >= USES)
		return NULL;
	if (use)
		*use = uses[n].use;
	return uses[n].name;
}

bool pattern_excludes(struct view pattern)
{
	return pattern.n && pattern.p[0] == '!';
}

static struct view without_mark(struct view pattern)
{
	return pattern_excludes(pattern) ? view_skip(pattern, 1) : pattern;
}

static bool has_wildcard(struct view v)
{
	return view_find(v, '*') < v.n || view_find(v, '%') < v.n;
}

bool pattern_is_plain(struct view pattern)
{
	return !pattern_excludes(pattern) && !has_wildcard(pattern) &&
	       !view_istarts(pattern, special);
}

enum config_use pattern_use(struct view pattern)
{
	pattern = without_mark(pattern);
	if (view_istarts(pattern, special))
		for (size_t i = 0; i < USES; i++)
			if (view_ieq(view_skip(pattern, special.n),
				     view_of(uses[i].name)))
				return uses[i].use;
	return 0;
}

/* How much of v is the first level INBOX; 0: none of it. */
static size_t inbox_of(struct view v, char delimiter)
{
	if (!view_istarts(v, inbox))
		return 0;
	if (v.n > inbox.n && (!delimiter || v.p[inbox.n] != delimiter))
		return 0;
	return inbox.n;
}

/*
 * The last * tried is gone back to, and within its reach the last %: no name
 * needs more, so that no pattern takes longer than the product of the lengths.
 */
static bool glob(struct view pat, struct view name, char delimiter)
{
	size_t p = 0, n = 0;
	size_t star = SIZE_MAX, star_n = 0, part = SIZE_MAX, part_n = 0;

	while (n < name.n || p < pat.n) {
		if (p < pat.n && pat.p[p] == '*') {
			star = p++;
			star_n = n;
			part = SIZE_MAX;
		} else if (p < pat.n && pat.p[p] == '%') {
			part = p++;
			part_n = n;
		} else if (p < pat.n && n < name.n && pat.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (part != SIZE_MAX && part_n < name.n &&
			   (!delimiter || name.p[part_n] != delimiter)) {
			p = part + 1;
			n = ++part_n;
		} else if (star != SIZE_MAX && star_n < name.n) {
			p = star + 1;
			n = ++star_n;
			part = SIZE_MAX;
		} else {
			return false;
		}
	}
	return true;
}

bool pattern_matches(struct view pattern, const struct config_mailbox *m)
{
	size_t ours, theirs;

	pattern = without_mark(pattern);
	if (view_istarts(pattern, special))
		return pattern_use(pattern) & m->uses;
	ours = inbox_of(pattern, m->delimiter);
	theirs = inbox_of(m->name, m->delimiter);
	if (ours && theirs)
		return glob(view_skip(pattern, ours),
			    view_skip(m->name, theirs), m->delimiter);
	return glob(pattern, m->name, m->delimiter);
}

static bool excluded(const struct config_account *a,
		     const struct config_mailbox *m)
{
	for (size_t i = 0; i < a->folders.n; i++) {
		struct view p = view_of(a->folders.item[i]);

		if (pattern_excludes(p) && pattern_matches(p, m))
			return true;
	}
	return false;
}

const char *config_folder_pattern(const struct config_account *a, size_t i)
{
	for (size_t n = 0; n < a->folders.n; n++)
		if (!pattern_excludes(view_of(a->folders.item[n])) && i-- == 0)
			return a->folders.item[n];
	return i < a->n_blocks ? a->blocks[i].pattern : NULL;
}

const struct config_folder *config_folder_for(const struct config_account *a,
					      const struct config_mailbox *m)
{
	if (config_is_pop3(&a->server))
		return &a->own;
	if (excluded(a, m))
		return NULL;
	for (size_t i = 0; i < a->n_blocks; i++)
		if (pattern_matches(view_of(a->blocks[i].pattern), m))
			return &a->blocks[i];
	for (size_t i = 0; i < a->folders.n; i++) {
		struct view p = view_of(a->folders.item[i]);

		if (!pattern_excludes(p) && pattern_matches(p, m))
			return &a->own;
	}
	return NULL;
}

void pattern_lines(const struct config_account *a, struct text *out)
{
	for (size_t i = 0; i < a->folders.n; i++)
		(void)text_fmt(out, "%s\n", a->folders.item[i]);
	for (size_t i = 0; i < a->n_blocks; i++)
		(void)text_fmt(out, "%s\n", a->blocks[i].pattern);
}

bool pattern_lines_take(struct view lines, const struct config_mailbox *m)
{
	bool takes = false;

	while (lines.n) {
		size_t n = view_find(lines, '\n');
		struct view p = view_head(lines, n);

		lines = view_skip(lines, n + 1);
		if (!pattern_matches(p, m))
			continue;
		if (pattern_excludes(p))
			return false;
		takes = true;
	}
	return takes;
}

bool pattern_is_valid(struct view written, const char **why)
{
	struct view v = without_mark(written);

	*why = "is no folder name in UTF-8";
	if (!form_is_text(v))
		return false;
	*why = "names no folder";
	if (!v.n)
		return false;
	*why = "is no special use: there are special:All Archive Drafts "
	       "Flagged Important Junk Sent Trash";
	return !view_istarts(v, special) || pattern_use(v);
}
