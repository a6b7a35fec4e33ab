#include "letter.h"
#include "base64.h"
#include "must.h"
#include "outgoing.h"

#include <inttypes.h>

#define LINE_OCTETS 76u /* RFC 2045 6.7 (5) */

static bool is_plain(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] >= 0x7f || (v.p[i] < ' '))
			return false;
	return true;
}

/* One line; RFC 2045 6.7 */
static void put_quoted(struct text *out, struct view line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool space = c == ' ' && i + 1 < line.n;
		bool plain = space || (c > ' ' && c < 0x7f && c != '=');

		if (column + (plain ? 1 : 3) >= LINE_OCTETS) {
			(void)text_puts(out, "=\r\n");
			column = 0;
		}
		(void)text_fmt(out, plain ? "%c" : "=%02X", c);
		column += plain ? 1 : 3;
	}
	(void)text_puts(out, "\r\n");
}

/* RFC 2047, in pieces that keep a line short; cut between characters. */
static void put_subject(struct text *out, struct view v)
{
	char word[80];

	(void)text_puts(out, "Subject:");
	if (is_plain(v)) {
		(void)text_fmt(out, " %.*s\r\n", VIEW_ARG(view_head(v, 900)));
		return;
	}
	while (v.n) {
		size_t n = v.n < 42 ? v.n : 42;

		while (n > 1 && n < v.n &&
		       ((unsigned char)v.p[n] & 0xc0) == 0x80)
			n--;
		n = n ? n : 1;
		word[base64_encode(view_head(v, n), word)] = 0;
		(void)text_fmt(out, " =?UTF-8?B?%s?=\r\n", word);
		v = view_skip(v, n);
	}
}

static void put_addresses(struct text *out, const struct config_list *to)
{
	(void)text_puts(out, "To:");
	for (size_t i = 0; i < to->n; i++)
		(void)text_fmt(out, "%s <%s>", i ? ",\r\n\t" : "", to->item[i]);
	(void)text_puts(out, "\r\n");
}

void letter_write(const struct letter *l, struct text *out)
{
	struct view rest = l->text;

	(void)text_fmt(out, "From: mailhaul <%s%s>\r\n",
		       l->from ? l->from : "mailhaul@", l->from ? "" : l->host);
	put_addresses(out, l->to);
	put_subject(out, view_of(l->subject));
	(void)text_puts(out, "Date: ");
	outgoing_date(out, l->unix_s);
	(void)text_fmt(out,
		       "Message-ID: <notice.%" PRId64 ".%016" PRIx64 "@%s>\r\n"
		       "Auto-Submitted: auto-generated\r\n" /* RFC 3834 5.1 */
		       "MIME-Version: 1.0\r\n"
		       "Content-Type: text/plain; charset=utf-8\r\n"
		       "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		       l->unix_s, l->random, l->host);
	while (rest.n) {
		size_t n = view_find(rest, '\n');

		put_quoted(out, view_head(rest, n));
		rest = view_skip(rest, n + 1);
	}
}
