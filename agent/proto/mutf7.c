#include "mutf7.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* One code point off the front of *v. false: not well-formed UTF-8. */
static bool take_utf8(struct view *v, uint32_t *c)
{
	unsigned char lead = (unsigned char)v->p[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };

	if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || v->n < n)
		return false;
	*c = lead & mask[n];
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)v->p[i];

		if ((next & 0xc0) != 0x80)
			return false;
		*c = *c << 6 | (next & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return false;
	*v = view_skip(*v, n);
	return true;
}

static bool put_char(struct text *out, char c)
{
	return text_put(out, (struct view){ &c, 1 });
}

/* Bits on their way between 16-bit units and 6-bit letters. */
struct bits {
	uint32_t value;
	unsigned n;
};

static bool encode_unit(struct bits *b, uint32_t unit, struct text *out)
{
	b->value = b->value << 16 | unit;
	b->n += 16;
	while (b->n >= 6) {
		b->n -= 6;
		if (!put_char(out, alphabet[b->value >> b->n & 63]))
			return false;
	}
	return true;
}

static bool encode_shifted(struct bits *b, uint32_t c, struct text *out)
{
	if (c < 0x10000)
		return encode_unit(b, c, out);
	c -= 0x10000;
	return encode_unit(b, 0xd800 | c >> 10, out) &&
	       encode_unit(b, 0xdc00 | (c & 0x3ff), out);
}

static bool encode_end(struct bits *b, struct text *out)
{
	if (b->n && !put_char(out, alphabet[b->value << (6 - b->n) & 63]))
		return false;
	*b = (struct bits){ 0, 0 };
	return put_char(out, '-');
}

static bool encode_all(struct view in, struct text *out)
{
	struct bits bits = { 0, 0 };
	bool shifted = false;
	uint32_t c;

	while (in.n) {
		if (!take_utf8(&in, &c) || c < 0x20 || c == 0x7f)
			return false;
		if (shifted && direct(c)) {
			shifted = false;
			if (!encode_end(&bits, out))
				return false;
		}
		if (direct(c)) {
			if (!put_char(out, (char)c) ||
			    (c == '&' && !put_char(out, '-')))
				return false;
			continue;
		}
		if (!shifted && !put_char(out, '&'))
			return false;
		shifted = true;
		if (!encode_shifted(&bits, c, out))
			return false;
	}
	return !shifted || encode_end(&bits, out);
}

/* Puts back what was there before when the whole cannot be done. */
static bool undone(struct text *out, size_t n)
{
	if (out->p) {
		out->n = n;
		out->p[n] = '\0';
	}
	return false;
}

bool mutf7_encode(struct view utf8, struct text *out)
{
	size_t before = out->n;

	return encode_all(utf8, out) || undone(out, before);
}

static bool put_utf8(struct text *out, uint32_t c)
{
	char o[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		o[i] = (char)(0x80 | (c & 0x3f));
	o[0] = (char)(lead[n] | c);
	return text_put(out, (struct view){ o, n });
}

/* One 16-bit unit; *high is a surrogate waiting for its other half, or 0. */
static bool decode_unit(uint32_t unit, uint32_t *high, struct text *out)
{
	if (*high) {
		uint32_t c = 0x10000 + ((*high & 0x3ff) << 10 | (unit & 0x3ff));

		*high = 0;
		return unit >= 0xdc00 && unit < 0xe000 && put_utf8(out, c);
	}
	if (unit >= 0xd800 && unit < 0xdc00) {
		*high = unit;
		return true;
	}
	if ((unit >= 0xdc00 && unit < 0xe000) || direct(unit) || unit < 0x20 ||
	    unit == 0x7f)
		return false;
	return put_utf8(out, unit);
}

/* letters: what stands between "&" and "-"; at least one */
static bool decode_shifted(struct view letters, struct text *out)
{
	struct bits b = { 0, 0 };
	uint32_t high = 0;

	for (size_t i = 0; i < letters.n; i++) {
		const char *at =
			letters.p[i] ? strchr(alphabet, letters.p[i]) : NULL;

		if (!at)
			return false;
		b.value = b.value << 6 | (uint32_t)(at - alphabet);
		b.n += 6;
		if (b.n < 16)
			continue;
		b.n -= 16;
		if (!decode_unit(b.value >> b.n & 0xffff, &high, out))
			return false;
	}
	return high == 0 && b.n < 6 && (b.value & ((1u << b.n) - 1)) == 0;
}

static bool decode_all(struct view in, struct text *out)
{
	bool after_shift = false;

	while (in.n) {
		size_t end;

		if (in.p[0] != '&') {
			if (!direct((unsigned char)in.p[0]) ||
			    !put_char(out, in.p[0]))
				return false;
			in = view_skip(in, 1);
			after_shift = false;
			continue;
		}
		end = view_find(in, '-');
		if (end == in.n)
			return false;
		if (end == 1) {
			if (!put_char(out, '&'))
				return false;
		} else if (after_shift ||
			   !decode_shifted((struct view){ in.p + 1, end - 1 },
					   out)) {
			return false;
		}
		after_shift = end > 1;
		in = view_skip(in, end + 1);
	}
	return true;
}

bool mutf7_decode(struct view wire, struct text *out)
{
	size_t before = out->n;

	return decode_all(wire, out) || undone(out, before);
}
