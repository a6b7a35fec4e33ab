#include "reply.h"

#include "limits.h"

#include <stdio.h>

#define REPLY_SHOWN 512u /* octets of words in reply_show() */
#define CODES_SHOWN 16	 /* octets, "599 5.999.999 " */

void reply_begin(struct reply *r)
{
	r->code = 0;
	r->lines = 0;
	memset(r->enhanced, 0, sizeof(r->enhanced));
	r->n = 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 5321 4.2: 2yz to 5yz. 0: no such code. */
static int code_of(struct view line)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' ||
	    !is_digit(line.p[1]) || !is_digit(line.p[2]))
		return 0;
	return (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
	       (line.p[2] - '0');
}

/*
 * RFC 2034 4: "class.subject.detail SP text", its class that of the code.
 * Returns the octets of it with the space, 0: there is none.
 */
static size_t enhanced_code(int code, struct view text, uint16_t out[3])
{
	struct view word = view_head(text, view_find(text, ' '));
	uint16_t part[3];

	for (int i = 0; i < 3; i++) {
		size_t n = i < 2 ? view_find(word, '.') : word.n;
		uint64_t value;

		if (n > 3 || !view_number(view_head(word, n), 999, &value))
			return 0;
		part[i] = (uint16_t)value;
		word = view_skip(word, n + (i < 2));
	}
	if (part[0] != code / 100)
		return 0;
	memcpy(out, part, sizeof(part));
	return view_find(text, ' ') + 1;
}

static void add_words(struct reply *r, struct view words)
{
	if (words.n == 0)
		return;
	if (r->n > 0 && r->n < REPLY_WORDS)
		r->words[r->n++] = ' ';
	words = view_head(words, REPLY_WORDS - r->n);
	memcpy(r->words + r->n, words.p, words.n);
	r->n += words.n;
}

enum reply_step reply_line(struct reply *r, struct view line, struct view *text)
{
	int code = code_of(line);
	struct view rest = view_skip(line, 4);
	uint16_t enhanced[3];
	size_t n;

	if (code == 0 || (r->lines > 0 && code != r->code))
		return REPLY_BAD;
	/* RFC 5321 4.2.1: the space may be missing where no text follows */
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return REPLY_BAD;
	if (r->lines == LIMIT_SMTP_REPLY_LINES)
		return REPLY_LONG;
	r->code = code;
	r->lines++;
	if (text)
		*text = rest;
	n = enhanced_code(code, rest, enhanced);
	if (n > 0 && r->enhanced[0] == 0)
		memcpy(r->enhanced, enhanced, sizeof(enhanced));
	add_words(r, view_skip(rest, n));
	return line.n > 3 && line.p[3] == '-' ? REPLY_MORE : REPLY_DONE;
}

struct view reply_words(const struct reply *r)
{
	return (struct view){ r->words, r->n };
}

/* v below 1000; returns its digits. */
static size_t put_number(char *out, unsigned v)
{
	size_t n = 0;

	if (v >= 100)
		out[n++] = (char)('0' + v / 100);
	if (v >= 10)
		out[n++] = (char)('0' + v / 10 % 10);
	out[n++] = (char)('0' + v % 10);
	return n;
}

/* "550 5.1.1 ", without the words; returns its octets. One for each message. */
static size_t show_codes(const struct reply *r, char out[CODES_SHOWN])
{
	size_t n = put_number(out, (unsigned)r->code);

	out[n++] = ' ';
	for (int i = 0; i < 3 && r->enhanced[0]; i++) {
		n += put_number(out + n, r->enhanced[i]);
		out[n++] = i < 2 ? '.' : ' ';
	}
	return n;
}

void reply_show(const struct reply *r, char *out, size_t cap)
{
	size_t n = show_codes(r, out), room = cap - n;

	printable(out + n, room < REPLY_SHOWN ? room : REPLY_SHOWN,
		  reply_words(r));
}

static enum err_class class_of(int code)
{
	switch (code) {
	case 530: /* RFC 4954 6 */
	case 534:
	case 535:
	case 538:
		return ERR_AUTH;
	}
	if (code / 100 == 4)
		return ERR_RETRY;
	return code / 100 == 5 ? ERR_REFUSED : ERR_PROTOCOL;
}

bool reply_err(const struct reply *r, struct err *err, const char *what)
{
	char raw[32 + REPLY_WORDS];
	size_t n = show_codes(r, raw);

	err_set(err, class_of(r->code), "%s", what);
	err->origin = ERR_FROM_SMTP;
	err->code = r->code;
	memcpy(raw + n, r->words, r->n);
	return err_peer(err, (struct view){ raw, n + r->n });
}
