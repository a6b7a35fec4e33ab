#include "addrspec.h"

#include "limits.h"

/* Where the last @ is, or a.n. */
static size_t last_at(struct view a)
{
	for (size_t i = a.n; i > 0; i--)
		if (a.p[i - 1] == '@')
			return i - 1;
	return a.n;
}

struct view addrspec_local(struct view a)
{
	return view_head(a, last_at(a));
}

struct view addrspec_domain(struct view a)
{
	return view_skip(a, last_at(a) + 1);
}

bool addrspec_is_utf8(struct view a)
{
	for (size_t i = 0; i < a.n; i++)
		if ((unsigned char)a.p[i] > 0x7F)
			return true;
	return false;
}

/* Octets of the well-formed UTF-8 sequence at p (RFC 3629 4), 0: none. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	size_t more;

	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	more = p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
	if (n <= more)
		return 0;
	for (size_t i = 1; i <= more; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	if (p[0] == 0xC2 && p[1] < 0xA0) /* C1 controls */
		return 0;
	return more + 1;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* Letters, digits, UTF-8, and what stands in also. */
static bool consists_of(struct view v, struct view also)
{
	for (size_t i = 0; i < v.n;) {
		size_t n = 1;

		if (v.p[i] & 0x80)
			n = utf8_sequence((const unsigned char *)v.p + i,
					  v.n - i);
		else if (!is_alnum(v.p[i]) && view_find(also, v.p[i]) == also.n)
			return false;
		if (n == 0)
			return false;
		i += n;
	}
	return v.n > 0;
}

/* RFC 5321 4.1.2 Quoted-string, without spaces, < and > */
static bool is_quoted(struct view v)
{
	if (v.n < 3 || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < v.n; i++) {
		bool escaped = v.p[i] == '\\';

		if (escaped && ++i + 1 >= v.n)
			return false;
		if (v.p[i] <= ' ' || v.p[i] > '~' || v.p[i] == '<' ||
		    v.p[i] == '>' || (v.p[i] == '"' && !escaped))
			return false;
	}
	return true;
}

/* Dots anywhere: "a..b@" and ".a@" are in real use. */
static bool is_local(struct view v)
{
	return is_quoted(v) || consists_of(v, VIEW_LIT("!#$%&'*+-/=?^_`{|}~."));
}

static bool is_domain(struct view v)
{
	if (v.n > 2 && v.p[0] == '[' && v.p[v.n - 1] == ']')
		return consists_of((struct view){ v.p + 1, v.n - 2 },
				   VIEW_LIT(".:-"));
	return consists_of(v, VIEW_LIT("._-"));
}

bool addrspec_ok(struct view a)
{
	size_t at = last_at(a);

	return at < a.n && a.n <= LIMIT_ADDRESS &&
	       is_local(addrspec_local(a)) && is_domain(addrspec_domain(a));
}

bool addrspec_or_local_ok(struct view a)
{
	return addrspec_ok(a) ||
	       (a.n <= LIMIT_ADDRESS && last_at(a) == a.n && is_local(a));
}
