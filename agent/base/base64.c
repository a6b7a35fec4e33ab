#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(struct view v, char *out)
{
	char *at = out;

	for (size_t i = 0; i < v.n; i += 3) {
		size_t have = v.n - i < 3 ? v.n - i : 3;
		uint32_t three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 |
				(k < have ? (uint8_t)v.p[i + k] : 0u);
		*at++ = digits[three >> 18];
		*at++ = digits[three >> 12 & 63];
		*at++ = have > 1 ? digits[three >> 6 & 63] : '=';
		*at++ = have > 2 ? digits[three & 63] : '=';
	}
	return (size_t)(at - out);
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; pads: how many of its last digits are '='. */
static bool decode_group(const char *p, size_t pads, char *out)
{
	uint32_t three = 0;

	for (size_t k = 0; k < 4; k++) {
		int d = k < 4 - pads ? value_of(p[k]) : 0;

		if (d < 0)
			return false;
		three = three << 6 | (uint32_t)d;
	}
	/* RFC 4648 3.5: bits that no octet uses must be zero */
	if ((pads == 1 && (three & 0xff)) || (pads == 2 && (three & 0xffff)))
		return false;
	out[0] = (char)(three >> 16);
	if (pads < 2)
		out[1] = (char)(three >> 8);
	if (pads < 1)
		out[2] = (char)three;
	return true;
}

bool base64_decode(struct view text, char *out, size_t *n)
{
	size_t pads = 0, to = 0;

	if (text.n % 4 != 0)
		return false;
	if (text.n && text.p[text.n - 1] == '=')
		pads = text.p[text.n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < text.n; i += 4) {
		size_t here = i + 4 == text.n ? pads : 0;

		if (!decode_group(text.p + i, here, out + to))
			return false;
		to += 3 - here;
	}
	*n = to;
	return true;
}
