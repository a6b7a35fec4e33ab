#include "ip.h"

static bool v4_octets(struct view v, uint64_t out[4])
{
	for (int part = 0; part < 4; part++) {
		size_t n = view_find(v, '.');

		if ((part == 3) != (n == v.n) || n > 3 ||
		    !view_number(view_head(v, n), 255, &out[part]))
			return false;
		v = view_skip(v, n + 1);
	}
	return true;
}

bool ip_is_v4(struct view v)
{
	uint64_t octets[4];

	return v4_octets(v, octets);
}

/* -1: no digit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_group(struct view v)
{
	if (v.n == 0 || v.n > 4)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (digit(v.p[i]) < 0)
			return false;
	return true;
}

/* Groups of up to four hexadecimal digits; false: something else. */
static bool is_groups(struct view v, unsigned *groups)
{
	while (v.n) {
		size_t n = view_find(v, ':');

		if (n == v.n && ip_is_v4(v)) {
			*groups += 2;
			return true;
		}
		if (!is_group(view_head(v, n)) || n + 1 == v.n)
			return false;
		++*groups;
		v = view_skip(v, n + 1);
	}
	return true;
}

bool ip_is_v6(struct view v)
{
	unsigned groups = 0;
	size_t gap = 0;

	while (gap + 1 < v.n && !(v.p[gap] == ':' && v.p[gap + 1] == ':'))
		gap++;
	if (gap + 1 >= v.n)
		return is_groups(v, &groups) && groups == 8;
	return is_groups(view_head(v, gap), &groups) &&
	       is_groups(view_skip(v, gap + 2), &groups) && groups <= 7;
}

static bool v4_is_inside(const uint64_t o[4])
{
	return o[0] == 10 || o[0] == 127 || (o[0] == 169 && o[1] == 254) ||
	       (o[0] == 172 && o[1] >= 16 && o[1] <= 31) ||
	       (o[0] == 192 && o[1] == 168) ||
	       (o[0] == 100 && o[1] >= 64 && o[1] <= 127); /* RFC 6598 */
}

static struct view last_group(struct view v)
{
	size_t n = v.n;

	while (n > 0 && v.p[n - 1] != ':')
		n--;
	return view_skip(v, n);
}

bool ip_is_inside(struct view v)
{
	uint64_t octets[4], first = 0;
	size_t n = view_find(v, ':');

	if (v4_octets(v, octets))
		return v4_is_inside(octets);
	if (!ip_is_v6(v))
		return false;
	if (view_eq(v, VIEW_LIT("::1")) ||
	    view_ieq(v, VIEW_LIT("0:0:0:0:0:0:0:1")))
		return true;
	if (v4_octets(last_group(v), octets))
		return v4_is_inside(octets);
	for (size_t i = 0; i < n; i++)
		first = first << 4 | (uint64_t)digit(v.p[i]);
	return (first & 0xfe00) == 0xfc00 || (first & 0xffc0) == 0xfe80;
}
