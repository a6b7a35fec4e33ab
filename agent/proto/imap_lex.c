#include "imap_lex.h"

/* An attribute is looked at from its start each time; this keeps that cheap. */
#define ATTRIBUTE_OCTETS 4096u

static bool ends_atom(unsigned char c)
{
	return c <= ' ' || c == 0x7f || c == '(' || c == ')';
}

static struct lexeme lexeme(enum lex_kind kind, size_t used)
{
	return (struct lexeme){ .kind = kind, .text = VIEW_NONE, .used = used };
}

static struct lexeme more(size_t *scanned, size_t at)
{
	*scanned = at;
	return lexeme(LEX_MORE, 0);
}

/* An atom ends at a delimiter that has arrived, never at the end of input. */
static struct lexeme lex_atom(struct view in, size_t *scanned)
{
	size_t i = *scanned;
	struct lexeme t;

	while (i < in.n && !ends_atom((unsigned char)in.p[i]))
		i++;
	if (i == in.n)
		return more(scanned, i);
	if (i == 0)
		return lexeme(LEX_BAD, 0);
	t = lexeme(LEX_ATOM, i);
	t.text = view_head(in, i);
	return t;
}

static struct lexeme lex_quoted(struct view in, size_t *scanned)
{
	size_t i = *scanned ? *scanned : 1;
	struct lexeme t;

	for (; i < in.n && in.p[i] != '"'; i++) {
		if (in.p[i] == '\\') {
			if (i + 1 == in.n)
				break;
			i++;
		}
		if (in.p[i] == '\r' || in.p[i] == '\n' || in.p[i] == '\0')
			return lexeme(LEX_BAD, 0);
	}
	if (i >= in.n || in.p[i] != '"')
		return more(scanned, i);
	t = lexeme(LEX_QUOTED, i + 1);
	t.text = (struct view){ in.p + 1, i - 1 };
	return t;
}

/* Digits of a literal head, with the "+" that only clients should write. */
static enum lex_kind literal_size(struct view digits, uint64_t *size)
{
	if (digits.n && digits.p[digits.n - 1] == '+')
		digits.n--;
	if (digits.n == 0)
		return LEX_BAD;
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return LEX_BAD;
	return view_number(digits, INT64_MAX, size) ? LEX_LITERAL : LEX_HUGE;
}

/* "{" number ["+"] "}" CRLF; in begins with the brace */
static struct lexeme lex_literal(struct view in)
{
	size_t close = view_find(in, '}');
	struct lexeme t = lexeme(LEX_LITERAL, close + 3);

	if (close == in.n) {
		/* 20 digits say 2^63 already; what is longer never ends */
		if (in.n > 32 || view_find(in, '\n') < in.n)
			return lexeme(LEX_BAD, 0);
		return lexeme(LEX_MORE, 0);
	}
	t.kind = literal_size((struct view){ in.p + 1, close - 1 }, &t.size);
	if (t.kind != LEX_LITERAL)
		return t;
	if (in.n < t.used) {
		t.used = 0;
		t.kind = LEX_MORE;
	} else if (in.p[close + 1] != '\r' || in.p[close + 2] != '\n') {
		t.kind = LEX_BAD;
	}
	return t;
}

static struct lexeme lex_space(struct view in)
{
	size_t i = 0;

	while (i < in.n && in.p[i] == ' ')
		i++;
	return lexeme(LEX_SPACE, i);
}

static struct lexeme lex_crlf(struct view in)
{
	if (in.n < 2)
		return lexeme(LEX_MORE, 0);
	return lexeme(in.p[1] == '\n' ? LEX_END : LEX_BAD, 2);
}

/* What stands where an atom might. LEX_ATOM: an atom does. */
static struct lexeme lex_other(struct view in, size_t *scanned)
{
	struct lexeme t;

	if (in.n == 0)
		return lexeme(LEX_MORE, 0);
	switch (in.p[0]) {
	case ' ':
		return lex_space(in);
	case '(':
		return lexeme(LEX_OPEN, 1);
	case ')':
		return lexeme(LEX_CLOSE, 1);
	case '\r':
		return lex_crlf(in);
	case '"':
		return lex_quoted(in, scanned);
	case '{':
		return lex_literal(in);
	case '~': /* literal8, RFC 3516 4.2 */
		if (in.n < 2)
			return lexeme(LEX_MORE, 0);
		if (in.p[1] != '{')
			break;
		t = lex_literal(view_skip(in, 1));
		t.used += t.kind == LEX_LITERAL;
		return t;
	}
	return lexeme(LEX_ATOM, 0);
}

struct lexeme lex_token(struct view in, size_t *scanned)
{
	struct lexeme t = lex_other(in, scanned);

	return t.kind == LEX_ATOM ? lex_atom(in, scanned) : t;
}

/* More octets, unless there are already more than any attribute has. */
static struct lexeme more_attribute(struct view in)
{
	return lexeme(in.n > ATTRIBUTE_OCTETS ? LEX_BAD : LEX_MORE, 0);
}

struct lexeme lex_attribute(struct view in, size_t *scanned)
{
	struct lexeme t = lex_other(in, scanned);
	size_t open, close;

	if (t.kind != LEX_ATOM)
		return t;
	for (open = 0; open < in.n && in.p[open] != '['; open++)
		if (ends_atom((unsigned char)in.p[open]))
			return lex_atom(in, scanned);
	for (close = open; close < in.n && in.p[close] != ']'; close++)
		if ((unsigned char)in.p[close] < ' ')
			return lexeme(LEX_BAD, 0);
	if (close == in.n)
		return more_attribute(in);
	if (*scanned <= close)
		*scanned = close + 1;
	return lex_atom(in, scanned);
}

struct lexeme lex_range(struct view in, size_t *scanned)
{
	struct lexeme t = lex_other(in, scanned);
	size_t i = *scanned;

	if (t.kind != LEX_ATOM)
		return t;
	while (i < in.n && in.p[i] != ',' && !ends_atom((unsigned char)in.p[i]))
		i++;
	if (i == in.n)
		return more(scanned, i);
	t.used = i + (in.p[i] == ',');
	t.text = view_head(in, i);
	return t;
}

struct lexeme lex_line(struct view in, size_t *scanned)
{
	struct view rest = view_skip(in, *scanned);
	size_t n = *scanned + view_find(rest, '\n');
	struct lexeme t;

	if (n == in.n)
		return more(scanned, n);
	if (n == 0 || in.p[n - 1] != '\r')
		return lexeme(LEX_BAD, 0);
	t = lexeme(LEX_LINE, n + 1);
	t.text = view_head(in, n - 1);
	return t;
}

bool lex_line_literal(struct view line, uint64_t *size)
{
	size_t open;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return false;
	for (open = line.n - 1; open > 0 && line.p[open] != '{'; open--)
		;
	if (line.p[open] != '{')
		return false;
	return literal_size(
		       (struct view){ line.p + open + 1, line.n - open - 2 },
		       size) == LEX_LITERAL;
}

struct view lex_unescape(char *text, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\' && i + 1 < n)
			i++;
		text[to++] = text[i];
	}
	memmove(text + n - to, text, to);
	return (struct view){ text + n - to, to };
}
