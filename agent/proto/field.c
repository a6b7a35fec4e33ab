#include "field.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Octets of the first line of v, its LF included; all of it without one. */
static size_t line_octets(struct view v)
{
	size_t n = view_find(v, '\n');

	return n < v.n ? n + 1 : n;
}

/* Nothing but CRs before the LF. */
static bool is_empty_line(struct view v)
{
	size_t i = 0;

	while (i < v.n && v.p[i] == '\r')
		i++;
	return i < v.n && v.p[i] == '\n';
}

/* The line at v goes on with the field before it. */
static bool is_continuation(struct view v)
{
	return v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t' ||
			   (v.p[0] == '\r' && !is_empty_line(v)));
}

struct view field_trim(struct view v)
{
	while (v.n > 0 && is_space(v.p[0]))
		v = view_skip(v, 1);
	while (v.n > 0 && is_space(v.p[v.n - 1]))
		v.n--;
	return v;
}

static void split(struct field *f)
{
	size_t colon = view_find(f->raw, ':');
	struct view name = field_trim(view_head(f->raw, colon));

	f->name = VIEW_NONE;
	f->body = VIEW_NONE;
	if (colon == f->raw.n || is_continuation(f->raw))
		return;
	for (size_t i = 0; i < name.n; i++)
		if (is_space(name.p[i]))
			return;
	f->name = name;
	f->body = view_skip(f->raw, colon + 1);
}

bool field_next(struct view *header, struct field *f)
{
	struct view rest = *header;

	if (rest.n == 0 || is_empty_line(rest))
		return false;
	do
		rest = view_skip(rest, line_octets(rest));
	while (is_continuation(rest));
	f->raw = view_head(*header, header->n - rest.n);
	split(f);
	*header = rest;
	return true;
}

bool field_is(const struct field *f, struct view name)
{
	return view_ieq(f->name, name);
}

size_t field_text(struct view body, char *out, size_t cap)
{
	size_t n = 0;

	body = field_trim(body);
	for (size_t i = 0; i < body.n && n < cap; i++) {
		if (!is_space(body.p[i]))
			out[n++] = body.p[i];
		else if (!is_space(body.p[i - 1]))
			out[n++] = ' ';
	}
	return n;
}

size_t field_header_octets(struct view raw)
{
	struct view rest = raw;

	while (rest.n > 0 && !is_empty_line(rest))
		rest = view_skip(rest, line_octets(rest));
	if (rest.n == 0)
		return 0;
	return raw.n - rest.n + line_octets(rest);
}
