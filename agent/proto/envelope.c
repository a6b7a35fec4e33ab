#include "envelope.h"

#include "addrspec.h"
#include "field.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#define QUOTED_OCTETS 998u /* more is none: each quote costs so much at most   \
			    */

/* Behind the quoted string at v.p[i]; i + 1 where it is not closed. */
static size_t behind_quoted(struct view v, size_t i)
{
	for (size_t k = i + 1; k < v.n && k - i < QUOTED_OCTETS; k++) {
		if (v.p[k] == '\\')
			k++;
		else if (v.p[k] == '"')
			return k + 1;
	}
	return i + 1;
}

/*
 * Behind the comment at v.p[i] (RFC 5322 3.2.2), v.n where it is never closed.
 * A quoted string in it does not end it: envelope-from may hold one.
 */
static size_t behind_comment(struct view v, size_t i)
{
	size_t depth = 0;

	while (i < v.n) {
		char c = v.p[i];

		if (c == '"') {
			i = behind_quoted(v, i);
			continue;
		}
		if (c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return i + 1;
		i++;
	}
	return v.n;
}

/* ---- the `for` clause ---- */

/* Octets of comments, spaces and semicolons at the front. */
static size_t between(struct view v)
{
	size_t i = 0;

	while (i < v.n) {
		if (v.p[i] == '(')
			i = behind_comment(v, i);
		else if (is_space(v.p[i]) || v.p[i] == ';')
			i++;
		else
			break;
	}
	return i;
}

/* The next word; a path in <> belongs to one whatever it holds. */
static struct view next_word(struct view *v)
{
	struct view rest = view_skip(*v, between(*v));
	bool path = false;
	size_t i = 0;

	while (i < rest.n) {
		char c = rest.p[i];

		if (!path && (is_space(c) || c == ';' || c == '('))
			break;
		path = c == '<' || (path && c != '>');
		i = c == '"' ? behind_quoted(rest, i) : i + 1;
	}
	*v = view_skip(rest, i);
	return view_head(rest, i);
}

/*
 * What the client called itself stands before `by` and may look like a clause
 * of its own; behind it, two of them are one too many.
 */
static struct view for_clause(struct view body)
{
	struct view word, found = VIEW_NONE;
	bool by = false;
	unsigned n = 0;

	while ((word = next_word(&body)).n) {
		if (view_ieq(word, VIEW_LIT("by"))) {
			by = true;
			n = 0;
		} else if (by && view_ieq(word, VIEW_LIT("for"))) {
			found = next_word(&body);
			n++;
		}
	}
	return n == 1 ? found : VIEW_NONE;
}

/* ---- finding the line ---- */

static const char *which(const struct field *f, const char *const *names,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (field_is(f, view_of(names[i])))
			return names[i];
	return NULL;
}

bool envelope_find(struct view header, const char *const *names, size_t n,
		   struct view *body, const char **name)
{
	struct view top = VIEW_NONE;
	const char *at = NULL;
	struct field f;

	while (field_next(&header, &f)) {
		const char *is = which(&f, names, n);
		bool received = field_is(&f, VIEW_LIT("Received"));

		if (is && !at) {
			at = is;
			top = received ? for_clause(f.body) : f.body;
		}
		if (!received)
			continue;
		*body = top;
		*name = at;
		return at != NULL;
	}
	return false;
}

/* ---- addresses ---- */

struct item {
	char *out;
	size_t n;
	bool gap, words, path, closed, bad;
};

static void put(struct item *it, struct view v)
{
	if (it->closed) { /* behind the path: nothing that counts */
		it->bad |= v.p[0] == '<';
		return;
	}
	it->words |= it->gap && it->n > 0 && !it->path;
	it->gap = false;
	for (size_t i = 0; i < v.n; i++) {
		if (it->n < LIMIT_ADDRESS)
			it->out[it->n] = v.p[i];
		it->n++;
	}
}

static void begin_path(struct item *it)
{
	it->bad |= it->path;
	it->path = true;
	it->words = it->gap = false;
	it->n = 0;
}

/* One octet or quoted string at v.p[i]; returns what is behind it. */
static size_t step(struct item *it, struct view v, size_t i)
{
	char c = v.p[i];

	if (c == '(' && !it->path)
		return behind_comment(v, i);
	if (c == '"') {
		size_t end = behind_quoted(v, i);

		put(it, (struct view){ v.p + i, end - i });
		return end;
	}
	if (is_space(c)) {
		it->gap = true;
		it->bad |= it->path && !it->closed && it->n > 0;
	} else if (c == '<') {
		begin_path(it);
	} else if (c == '>') {
		it->bad |= !it->path || it->closed;
		it->closed = true;
	} else {
		put(it, (struct view){ v.p + i, 1 });
	}
	return i + 1;
}

static bool is_fit(const struct item *it)
{
	if (it->bad || it->words || it->n > LIMIT_ADDRESS ||
	    it->path != it->closed)
		return false;
	return addrspec_ok((struct view){ it->out, it->n });
}

bool envelope_next(struct view *body, char out[LIMIT_ADDRESS + 1], bool *ok,
		   struct view *raw)
{
	while (body->n) {
		struct item it = { .out = out };
		struct view v = *body;
		size_t i = 0;

		while (i < v.n && (v.p[i] != ',' || (it.path && !it.closed)))
			i = step(&it, v, i);
		*body = view_skip(v, i + 1);
		if (!it.n && !it.path)
			continue; /* "a, , b" */
		*ok = is_fit(&it);
		*raw = field_trim(view_head(v, i));
		out[*ok ? it.n : 0] = '\0';
		return true;
	}
	return false;
}
