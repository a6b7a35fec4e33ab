#include "multidrop.h"
#include "addrspec.h"
#include "envelope.h"
#include "limits.h"
#include "must.h"

#define SHOWN 200 /* octets of what a header said */

struct search {
	const struct config_account *a;
	const struct config_multidrop *d;
	struct view folder;
	struct message *m;
	bool stray; /* something names nobody here */
	bool too_many;
	struct text *why; /* the first reason for it */
};

static void say(struct search *s, const char *what, struct view about)
{
	s->stray = true;
	if (s->why->n)
		return;
	(void)text_puts(s->why, "multidrop: ");
	if (about.n)
		(void)text_printable(s->why, view_head(about, SHOWN), SHOWN);
	(void)text_puts(s->why, what);
}

/* The domain's letters have no case, and no two people differ in theirs. */
static bool is_there(const struct message *m, const char *address)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (view_ieq(view_of(m->rcpts[i].address), view_of(address)))
			return true;
	return false;
}

static void add(struct search *s, const char *address)
{
	if (is_there(s->m, address))
		return;
	/* one place is the fallback's */
	if (s->m->nrcpts + 1 >= LIMIT_RECIPIENTS) {
		s->too_many = true;
		return;
	}
	message_add_rcpt(s->m, view_of(address));
	s->m->rcpts[s->m->nrcpts - 1].found = true;
}

static bool map_to(struct search *s, struct view name)
{
	char out[LIMIT_ADDRESS + 1];
	bool found = false;

	for (size_t i = 0; i < s->d->n_map; i++) {
		if (!view_ieq(view_of(s->d->map[i].name), name))
			continue;
		found = true;
		if (config_recipient(s->a, s->d->map[i].to, s->folder, out,
				     sizeof(out)))
			add(s, out);
		else
			say(s, ": `map` makes no address of it", name);
	}
	return found;
}

static bool is_ours(const struct config_multidrop *d, struct view domain)
{
	for (size_t i = 0; i < d->domains.n; i++)
		if (view_ieq(view_of(d->domains.item[i]), domain))
			return true;
	return false;
}

static struct view stripped(const struct config_multidrop *d, struct view a)
{
	struct view prefix = view_of(d->strip);

	return prefix.n && view_istarts(a, prefix) ? view_skip(a, prefix.n) : a;
}

static void take(struct search *s, const char *address)
{
	struct view v = stripped(s->d, view_of(address));
	struct view local = addrspec_local(v);

	if (!addrspec_ok(v)) {
		say(s, ": nothing is left of it without `strip`",
		    view_of(address));
		return;
	}
	if (map_to(s, v))
		return;
	if (!is_ours(s->d, addrspec_domain(v)))
		say(s, " is in none of `domains`", v);
	else if (!map_to(s, local))
		add(s, v.p);
}

/* Everything that stands in the line. */
static void look(struct search *s, struct view header)
{
	const char *const *names = (const char *const *)s->d->envelope.item;
	char address[LIMIT_ADDRESS + 1];
	const char *name;
	struct view body, raw;
	bool ok;

	if (!envelope_find(header, names, s->d->envelope.n, &body, &name)) {
		say(s, "", VIEW_NONE);
		(void)text_fmt(s->why,
			       "the header has no %.80s above its first "
			       "Received",
			       names[0]);
		return;
	}
	while (!s->too_many && envelope_next(&body, address, &ok, &raw)) {
		if (ok)
			take(s, address);
		else
			say(s, " is no address", raw);
	}
	if (!s->m->nrcpts && !s->stray) {
		say(s, "", VIEW_NONE);
		(void)text_fmt(s->why, "%.80s names nobody", name);
	}
}

bool multidrop(const struct config_account *a, struct view folder,
	       struct view header, struct message *m, struct text *why)
{
	struct search s = {
		.a = a, .d = a->multidrop, .folder = folder, .m = m, .why = why
	};
	char fallback[LIMIT_ADDRESS + 1];
	bool falls =
		s.d->fallback && config_recipient(a, s.d->fallback, folder,
						  fallback, sizeof(fallback));

	look(&s, header);
	if (s.too_many) {
		text_clear(why);
		(void)text_puts(why, "multidrop: more recipients than one "
				     "message may have");
		message_no_rcpts(m);
		return false;
	}
	if (s.stray && !falls) {
		(void)text_puts(why, ", and there is no `fallback`");
		message_no_rcpts(m);
		return false;
	}
	if (falls && s.stray && !is_there(m, fallback))
		message_add_rcpt(m, view_of(fallback));
	else if (falls && !s.stray && !is_there(m, fallback))
		message_set(&m->fallback, view_of(fallback));
	return true;
}
