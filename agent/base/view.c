#include "view.h"

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

struct view view_of(const char *s)
{
	return s ? (struct view){ s, strlen(s) } : VIEW_NONE;
}

bool view_eq(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool view_ieq(struct view a, struct view b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool view_starts(struct view v, struct view prefix)
{
	return v.n >= prefix.n && view_eq(view_head(v, prefix.n), prefix);
}

bool view_istarts(struct view v, struct view prefix)
{
	return v.n >= prefix.n && view_ieq(view_head(v, prefix.n), prefix);
}

struct view view_skip(struct view v, size_t n)
{
	if (n > v.n)
		n = v.n;
	return (struct view){ v.p + n, v.n - n };
}

struct view view_head(struct view v, size_t n)
{
	return (struct view){ v.p, n < v.n ? n : v.n };
}

struct view view_trim(struct view v)
{
	while (v.n && (v.p[0] == ' ' || v.p[0] == '\t'))
		v = view_skip(v, 1);
	while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
		v.n--;
	return v;
}

size_t view_find(struct view v, char c)
{
	const char *at = v.n ? memchr(v.p, c, v.n) : NULL;

	return at ? (size_t)(at - v.p) : v.n;
}

size_t view_ifind(struct view v, struct view part)
{
	for (size_t i = 0; i < v.n && v.n - i >= part.n; i++)
		if (view_istarts(view_skip(v, i), part))
			return i;
	return v.n;
}

struct view view_word(struct view *v)
{
	size_t n = view_find(*v, ' ');
	struct view word = view_head(*v, n);

	*v = view_skip(*v, n);
	while (v->n && v->p[0] == ' ')
		*v = view_skip(*v, 1);
	return word;
}

bool view_number(struct view v, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (v.n == 0)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned digit = (unsigned)(unsigned char)v.p[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*out = n;
	return true;
}

bool view_breaks_line(struct view v)
{
	return v.n && (memchr(v.p, '\r', v.n) || memchr(v.p, '\n', v.n) ||
		       memchr(v.p, '\0', v.n));
}
