#include "plan.h"
#include "fault.h"
#include "must.h"
#include "pattern.h"
#include "text.h"

#include <stdlib.h>

#define NEAR	       3u /* names that may have been meant */
#define NEAR_OCTETS    64u
#define MISSING_OCTETS 190u /* of names, in one error */

const char *plan_single(const struct config_account *a)
{
	const char *first = config_folder_pattern(a, 0);

	if (config_is_pop3(&a->server))
		return "";
	if (config_folder_pattern(a, 1) || !pattern_is_plain(view_of(first)))
		return NULL;
	return first;
}

static struct config_mailbox mailbox_of(const struct source_listed *l)
{
	return (struct config_mailbox){ .name = view_of(l->name),
					.delimiter = l->delimiter,
					.uses = l->uses };
}

const struct config_folder *plan_settings(const struct config_account *a,
					  const struct source_listed *l)
{
	struct config_mailbox m = mailbox_of(l);

	return l->no_name || l->no_select ? NULL : config_folder_for(a, &m);
}

/* --- what is asked ------------------------------------------------------- */

size_t plan_patterns(const struct config_account *a, const char ***out)
{
	const char *pattern;
	size_t n = 0;

	while (config_folder_pattern(a, n))
		n++;
	*out = mem_new((n + 1) * sizeof(**out));
	for (size_t i = 0; i < n; i++) {
		pattern = config_folder_pattern(a, i);
		if (pattern_use(view_of(pattern)))
			return 0;
		(*out)[i] = pattern;
	}
	return n;
}

static bool is_listed(const char *plain, const struct source_listed *l,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct config_mailbox m = mailbox_of(&l[i]);

		if (!l[i].no_name && !l[i].no_select &&
		    pattern_matches(view_of(plain), &m))
			return true;
	}
	return false;
}

/* The next pattern from *i on that is a mere name, not listed; NULL: none. */
static const char *missing(const struct config_account *a,
			   const struct source_listed *l, size_t n, size_t *i)
{
	const char *pattern;

	for (; (pattern = config_folder_pattern(a, *i)); ++*i)
		if (pattern_is_plain(view_of(pattern)) &&
		    !is_listed(pattern, l, n))
			return pattern;
	return NULL;
}

bool plan_lacks(const struct config_account *a, const struct source_listed *l,
		size_t n)
{
	size_t i = 0;

	return missing(a, l, n, &i) != NULL;
}

/* --- a name that is not there -------------------------------------------- */

/* The same levels, parted by another character than the server's. */
static bool differs_in_delimiter(const char *written,
				 const struct source_listed *l)
{
	const char *a = written, *b = l->name;

	if (!l->delimiter)
		return false;
	for (; *a && *b; a++, b++)
		if (*a != *b && !(*b == l->delimiter && strchr("/.\\", *a)))
			return false;
	return !*a && !*b;
}

/* ASCII letters in small, so far as NEAR_OCTETS go; the rest is never near. */
static struct view in_small(const char *name, char out[NEAR_OCTETS])
{
	size_t n = 0;

	for (; name[n] && n < NEAR_OCTETS; n++)
		out[n] = name[n] >= 'A' && name[n] <= 'Z'
				 ? (char)(name[n] + 'a' - 'A')
				 : name[n];
	return (struct view){ out, n };
}

static bool may_be_meant(const char *written, const struct source_listed *l)
{
	char a[NEAR_OCTETS], b[NEAR_OCTETS];
	unsigned best = 99;

	if (l->no_name || l->no_select)
		return false;
	return differs_in_delimiter(written, l) ||
	       fault_is_near(in_small(written, a), in_small(l->name, b), &best);
}

static void set_missing(struct err *err, const char *name,
			const struct source_listed *l, size_t n)
{
	struct text near;
	unsigned found = 0;

	err_set(err, ERR_REFUSED, "there is no folder \"%.200s\"", name);
	text_init(&near, 200);
	for (size_t i = 0; i < n && found < NEAR; i++)
		if (may_be_meant(name, &l[i]) &&
		    text_fmt(&near, "%s\"%s\"", found ? " or " : "", l[i].name))
			found++;
	if (found)
		(void)err_remedy(err, "did you mean %s?", text_str(&near));
	else
		(void)err_remedy(err, "write its name in `folders` as mailhaul "
				      "check lists it");
	text_fini(&near);
}

/* --- the plan ------------------------------------------------------------ */

static void forget(struct plan_folder *f)
{
	free(f->name);
	free(f->err);
}

static struct plan_folder *add(struct plan *p, const char *name)
{
	struct plan_folder *f;

	p->item = mem_grow(p->item, (p->n + 1) * sizeof(*p->item));
	f = &p->item[p->n++];
	*f = (struct plan_folder){ .name = mem_str(name) };
	f->mailbox.name = view_of(f->name);
	return f;
}

void plan_make_single(struct plan *p, const struct config_account *a)
{
	struct plan_folder *f;

	plan_fini(p);
	f = add(p, plan_single(a));
	f->settings = config_folder_for(a, &f->mailbox);
	if (!f->settings) /* an odd ! on it, which `check` has told */
		f->settings = &a->own;
}

static size_t first_pattern(const struct config_account *a,
			    const struct config_mailbox *m)
{
	const char *pattern;
	size_t i = 0;

	while ((pattern = config_folder_pattern(a, i)) &&
	       !pattern_matches(view_of(pattern), m))
		i++;
	return i;
}

static bool is_inbox(const struct plan_folder *f)
{
	return view_ieq(f->mailbox.name, VIEW_LIT("INBOX"));
}

static int in_order(const void *a, const void *b)
{
	const struct plan_folder *x = a, *y = b;

	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	if (is_inbox(x) != is_inbox(y))
		return is_inbox(x) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void add_listed(struct plan *p, const struct config_account *a,
		       const struct source_listed *l)
{
	const struct config_folder *settings = plan_settings(a, l);
	struct plan_folder *f;

	if (!settings)
		return;
	f = add(p, l->name);
	f->settings = settings;
	f->mailbox.delimiter = l->delimiter;
	f->mailbox.uses = l->uses;
	f->counted = l->counted;
	f->there = l->there;
	f->pattern = first_pattern(a, &f->mailbox);
}

/* Two names on the wire may read the same: the first of them counts. */
static void drop_doubles(struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (n && strcmp(p->item[n - 1].name, p->item[i].name) == 0)
			forget(&p->item[i]);
		else
			p->item[n++] = p->item[i];
	}
	p->n = n;
}

void plan_make(struct plan *p, const struct config_account *a,
	       const struct source_listed *l, size_t n)
{
	const char *name;

	plan_fini(p);
	for (size_t i = 0; i < n; i++)
		add_listed(p, a, &l[i]);
	for (size_t i = 0; (name = missing(a, l, n, &i)); i++) {
		struct plan_folder *f = add(p, name);

		f->settings = &a->own;
		f->pattern = i;
		f->err = mem_new(sizeof(*f->err));
		set_missing(f->err, name, l, n);
	}
	if (p->n)
		qsort(p->item, p->n, sizeof(*p->item), in_order);
	drop_doubles(p);
}

/* "NAME" (did you mean "NEAR"?); false: no more of them. */
static bool add_missing(const struct plan_folder *f, bool first,
			struct text *all)
{
	struct text one;
	bool ok;

	text_init(&one, MISSING_OCTETS);
	ok = text_fmt(&one, "%s\"%.150s\"", first ? "" : ", ", f->name);
	if (view_starts(view_of(f->err->remedy), VIEW_LIT("did you mean")))
		(void)text_fmt(&one, " (%s)", f->err->remedy);
	ok = ok && text_put(all, text_view(&one));
	text_fini(&one);
	return ok;
}

void plan_missing(const struct plan *p, struct err *err)
{
	const struct plan_folder *one = NULL;
	size_t n = 0, named = 0;
	struct text all;

	text_init(&all, MISSING_OCTETS);
	for (size_t i = 0; i < p->n; i++) {
		if (!p->item[i].err)
			continue;
		one = &p->item[i];
		if (named == n++)
			named += add_missing(one, !named, &all);
	}
	if (n == 1)
		*err = *one->err;
	if (n > 1) {
		(void)err_set(err, ERR_REFUSED, "there are no folders %s",
			      text_str(&all));
		if (named < n)
			(void)err_set(err, ERR_REFUSED,
				      "there are no folders %s and %zu more",
				      text_str(&all), n - named);
		(void)err_remedy(err, "write their names in `folders` as "
				      "mailhaul check lists them");
	}
	text_fini(&all);
}

void plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		forget(&p->item[i]);
	free(p->item);
	*p = (struct plan){ .item = NULL };
}
