#include "text.h"
#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_init(struct text *t, size_t max)
{
	*t = (struct text){ .max = max };
}

void text_fini(struct text *t)
{
	free(t->p);
	text_init(t, t->max);
}

void text_clear(struct text *t)
{
	t->n = 0;
	if (t->p)
		t->p[0] = 0;
}

static bool reserve(struct text *t, size_t more)
{
	size_t need, cap;

	if (more > t->max || t->n > t->max - more)
		return false;
	need = t->n + more + 1;
	if (need <= t->cap)
		return true;
	cap = t->cap ? t->cap : 64;
	while (cap < need)
		cap *= 2;
	t->p = mem_grow(t->p, cap);
	t->cap = cap;
	return true;
}

bool text_put(struct text *t, struct view v)
{
	if (!reserve(t, v.n))
		return false;
	if (v.n)
		memcpy(t->p + t->n, v.p, v.n);
	t->n += v.n;
	t->p[t->n] = 0;
	return true;
}

bool text_puts(struct text *t, const char *s)
{
	return text_put(t, view_of(s));
}

bool text_fmt(struct text *t, const char *fmt, ...)
{
	size_t room = t->cap - t->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->p + t->n : NULL, room, fmt, ap);
	va_end(ap);
	MUST(n >= 0);
	if (!reserve(t, (size_t)n)) {
		if (room)
			t->p[t->n] = 0;
		return false;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		(void)vsnprintf(t->p + t->n, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	t->n += (size_t)n;
	return true;
}

void text_hex(char *out, const uint8_t *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[octets[i] >> 4];
		*out++ = digits[octets[i] & 15];
	}
	*out = 0;
}

/* Length of the well-formed UTF-8 sequence at v (RFC 3629 4), 0 if none. */
static size_t utf8_length(struct view v, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)v.p[0];
	size_t n = c < 0x80	  ? 1
		   : c >> 5 == 6  ? 2
		   : c >> 4 == 14 ? 3
		   : c >> 3 == 30 ? 4
				  : 0;
	uint32_t u;

	if (n == 0 || n > v.n)
		return 0;
	u = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((v.p[i] & 0xc0) != 0x80)
			return 0;
		u = u << 6 | (uint32_t)(v.p[i] & 0x3f);
	}
	if ((n > 1 && u < least[n]) || u > 0x10ffff ||
	    (u >= 0xd800 && u < 0xe000))
		return 0;
	*code = u;
	return n;
}

static bool harmless(uint32_t u)
{
	if (u < 0x20 || (u >= 0x7f && u < 0xa0))
		return false;
	if (u == 0x061c || u == 0x200e || u == 0x200f || u == 0xfeff)
		return false;
	return !(u >= 0x2028 && u <= 0x202e) && !(u >= 0x2066 && u <= 0x2069) &&
	       !(u >= 0xfff9 && u <= 0xfffb);
}

/* One character of v for print: what to write in piece, what it took of v. */
static size_t escape(struct view v, char piece[8], size_t *took)
{
	uint32_t code = 0;
	size_t n = utf8_length(v, &code);

	if (n == 1 && code == '\\') {
		memcpy(piece, "\\\\", 2);
		*took = 1;
		return 2;
	}
	if (n && harmless(code)) {
		memcpy(piece, v.p, n);
		*took = n;
		return n;
	}
	*took = 1;
	return (size_t)snprintf(piece, 8, "\\x%02X", (unsigned char)v.p[0]);
}

/* So many octets at the head of v stand for themselves: most do. */
static size_t plain(struct view v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] >= 0x20 && v.p[n] < 0x7f && v.p[n] != '\\')
		n++;
	return n;
}

void printable(char *out, size_t cap, struct view v)
{
	size_t n = 0, cut = 0, took, len;
	char piece[8];

	MUST(cap >= 8);
	for (; v.n; v = view_skip(v, took)) {
		took = len = plain(view_head(v, cap - 1 - n));
		if (took) {
			memcpy(out + n, v.p, took);
			if (n < cap - 4)
				cut = n + len < cap - 4 ? n + len : cap - 4;
			n += len;
			continue;
		}
		len = escape(v, piece, &took);
		if (n + len > cap - 1) {
			memcpy(out + cut, "...", 3);
			n = cut + 3;
			break;
		}
		memcpy(out + n, piece, len);
		n += len;
		if (n <= cap - 4)
			cut = n;
	}
	out[n] = 0;
}

bool text_printable(struct text *t, struct view v, size_t max)
{
	size_t cap = v.n > max / 4 ? max + 1 : v.n * 4 + 1;
	char *line = mem_new(cap < 8 ? 8 : cap);
	bool ok;

	printable(line, cap < 8 ? 8 : cap, v);
	ok = text_puts(t, line);
	free(line);
	return ok;
}

struct view text_view(const struct text *t)
{
	return (struct view){ t->p ? t->p : "", t->n };
}

const char *text_str(const struct text *t)
{
	return t->p ? t->p : "";
}

char *text_take(struct text *t)
{
	char *p = t->p ? t->p : mem_str("");

	text_init(t, t->max);
	return p;
}
