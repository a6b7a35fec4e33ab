#include "term.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_is(int fd)
{
	const char *kind = getenv("TERM");

	return isatty(fd) && (!kind || strcmp(kind, "dumb") != 0);
}

void term_size(int fd, size_t *columns, size_t *rows)
{
	struct winsize w;

	*columns = 80;
	*rows = 24;
	if (ioctl(fd, TIOCGWINSZ, &w) != 0)
		return;
	if (w.ws_col)
		*columns = w.ws_col;
	if (w.ws_row)
		*rows = w.ws_row;
}

bool term_has_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return term_is(fd) && (!no || !*no);
}

const char *term_colour(enum term_colour c, bool on)
{
	if (!on)
		return "";
	switch (c) {
	case TERM_PLAIN:
		return "\033[0m";
	case TERM_GOOD:
		return "\033[32m";
	case TERM_WARN:
		return "\033[33m";
	case TERM_BAD:
		return "\033[31m";
	case TERM_DIM:
		return "\033[2m";
	}
	return "";
}

/* One code point at v.p; *n octets long. An octet out of place stands alone. */
static uint32_t code_point(struct view v, size_t *n)
{
	unsigned char c = (unsigned char)v.p[0];
	size_t more = c >= 0xF0 && c < 0xF8   ? 3
		      : c >= 0xE0 && c < 0xF0 ? 2
		      : c >= 0xC2 && c < 0xE0 ? 1
					      : 0;
	uint32_t out = more == 3 ? c & 7u : more == 2 ? c & 15u : c & 31u;

	*n = 1;
	if (more == 0 || v.n <= more)
		return c;
	for (size_t i = 1; i <= more; i++) {
		if (((unsigned char)v.p[i] & 0xC0) != 0x80)
			return c;
		out = out << 6 | ((unsigned char)v.p[i] & 0x3Fu);
	}
	*n = more + 1;
	return out;
}

struct span {
	uint32_t from, to;
};

static bool within(uint32_t c, const struct span *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= s[i].from && c <= s[i].to)
			return true;
	return false;
}

static size_t columns_of(uint32_t c)
{
	static const struct span none[] = {
		{ 0x300, 0x36F },   { 0x483, 0x489 },	{ 0x591, 0x5BD },
		{ 0x610, 0x61A },   { 0x64B, 0x65F },	{ 0xE31, 0xE31 },
		{ 0xE34, 0xE3A },   { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF },
		{ 0x200B, 0x200F }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F },
		{ 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
	};
	static const struct span two[] = {
		{ 0x1100, 0x115F },   { 0x231A, 0x231B },
		{ 0x2E80, 0x303E },   { 0x3041, 0x33FF },
		{ 0x3400, 0x4DBF },   { 0x4E00, 0x9FFF },
		{ 0xA000, 0xA4CF },   { 0xA960, 0xA97F },
		{ 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },
		{ 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },
		{ 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F },
		{ 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF },
		{ 0x20000, 0x3FFFD },
	};

	if (c < 0x300)
		return 1;
	if (within(c, none, sizeof(none) / sizeof(*none)))
		return 0;
	return within(c, two, sizeof(two) / sizeof(*two)) ? 2 : 1;
}

size_t term_width(struct view v)
{
	size_t width = 0, n;

	while (v.n) {
		width += columns_of(code_point(v, &n));
		v = view_skip(v, n);
	}
	return width;
}

struct view term_cut(struct view v, size_t columns)
{
	struct view rest = v;
	size_t width = 0, n;

	while (rest.n) {
		width += columns_of(code_point(rest, &n));
		if (width > columns)
			break;
		rest = view_skip(rest, n);
	}
	return view_head(v, v.n - rest.n);
}

void term_octets(uint64_t octets, char out[TERM_OCTETS])
{
	static const char *const unit[] = { "kB", "MB", "GB", "TB", "PB" };
	double n = (double)octets / 1000;
	size_t i = 0;

	if (octets < 1000) {
		(void)snprintf(out, TERM_OCTETS, "%u B", (unsigned)octets);
		return;
	}
	for (; n >= 999.5 && i < 4; i++)
		n /= 1000;
	(void)snprintf(out, TERM_OCTETS, n < 99.95 ? "%.1f %s" : "%.0f %s", n,
		       unit[i]);
}

void term_number(uint64_t n, char out[TERM_NUMBER])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
}
