#include "lex.h"
#include "must.h"

#include <stdlib.h>

struct lexer {
	struct view at; /* what is still to be read */
	struct place place;
	struct tokens *out;
	struct faults *faults;
};

static void add(struct lexer *l, enum token_kind kind, struct view text)
{
	struct tokens *t = l->out;
	char *copy = mem_new(text.n + 1);

	if (text.n)
		memcpy(copy, text.p, text.n);
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->item = mem_grow(t->item, t->cap * sizeof(*t->item));
	}
	t->item[t->n++] = (struct token){
		.kind = kind, .line = l->place.line, .text = copy, .n = text.n
	};
}

void tokens_fini(struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		secret_wipe(t->item[i].text, t->item[i].n);
		free(t->item[i].text);
	}
	free(t->item);
	*t = (struct tokens){ 0 };
}

bool token_is_value(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_LITERAL ||
	       t->kind == TOKEN_STRING;
}

struct view token_view(const struct token *t)
{
	return (struct view){ t->text, t->n };
}

static char peek(const struct lexer *l, size_t n)
{
	return n < l->at.n ? l->at.p[n] : 0;
}

static void skip_line(struct lexer *l)
{
	l->at = view_skip(l->at, view_find(l->at, '\n'));
}

static void skip_block(struct lexer *l)
{
	unsigned began = l->place.line;

	for (l->at = view_skip(l->at, 2); l->at.n;
	     l->at = view_skip(l->at, 1)) {
		if (peek(l, 0) == '*' && peek(l, 1) == '/') {
			l->at = view_skip(l->at, 2);
			return;
		}
		if (peek(l, 0) == '\n')
			l->place.line++;
	}
	l->place.line = began;
	l->out->unended++;
	fault_add(l->faults, l->place, "",
		  "the comment that begins here never ends: */ is missing");
}

static void unended(struct lexer *l, char quote)
{
	l->out->unended++;
	fault_add(l->faults, l->place, "",
		  "the text that begins here with %c does not end on this line",
		  quote);
}

/* 'everything stands for itself' */
static void literal(struct lexer *l)
{
	struct view text = view_skip(l->at, 1);
	size_t n = 0;

	while (n < text.n && text.p[n] != '\'' && text.p[n] != '\n')
		n++;
	l->at = view_skip(text, n);
	if (peek(l, 0) == '\'')
		l->at = view_skip(l->at, 1);
	else
		unended(l, '\'');
	add(l, TOKEN_LITERAL, view_head(text, n));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash. false: no escape of ours. */
static bool escape(struct lexer *l, char *out)
{
	static const char name[] = "\\\"'$nrt", value[] = "\\\"'$\n\r\t";
	char c = peek(l, 1);
	const char *at = c ? strchr(name, c) : NULL;

	if (at) {
		*out = value[at - name];
		l->at = view_skip(l->at, 2);
		return true;
	}
	if (c == 'x' && hex(peek(l, 2)) >= 0 && hex(peek(l, 3)) >= 0) {
		*out = (char)(hex(peek(l, 2)) << 4 | hex(peek(l, 3)));
		l->at = view_skip(l->at, 4);
		return true;
	}
	return false;
}

static void one(struct lexer *l, char *out)
{
	char c = *out = peek(l, 0);

	if (c == '\\') {
		if (escape(l, out))
			return;
		fault_add(l->faults, l->place, "",
			  "no such escape in \"double quotes\": in 'single "
			  "quotes' a backslash stands for itself");
	} else if (c == '$' && peek(l, 1) == '{') {
		fault_add(l->faults, l->place, "",
			  "${NAME} is not expanded: in 'single quotes' it "
			  "stands for itself");
	}
	l->at = view_skip(l->at, 1);
}

/* Octets up to the closing quote or the end of the line, escapes included. */
static size_t string_most(const struct lexer *l)
{
	size_t n = 1;

	while (n < l->at.n && peek(l, n) != '"' && peek(l, n) != '\n')
		n += peek(l, n) == '\\' && peek(l, n + 1) != '\n' ? 2 : 1;
	return n;
}

static void string(struct lexer *l)
{
	size_t n = 0;
	char *text = mem_new(string_most(l) + 1);

	l->at = view_skip(l->at, 1);
	while (l->at.n && peek(l, 0) != '"' && peek(l, 0) != '\n')
		one(l, &text[n++]);
	if (peek(l, 0) == '"')
		l->at = view_skip(l->at, 1);
	else
		unended(l, '"');
	add(l, TOKEN_STRING, (struct view){ text, n });
	secret_wipe(text, n);
	free(text);
}

static bool ends_word(const struct lexer *l, size_t n)
{
	char c = peek(l, n);

	return n >= l->at.n || strchr(" \t\r\n{}(),=#\"'", c) ||
	       (c == '+' && peek(l, n + 1) == '=');
}

static void word(struct lexer *l)
{
	size_t n = 0;

	while (!ends_word(l, n))
		n++;
	add(l, TOKEN_WORD, view_head(l->at, n));
	l->at = view_skip(l->at, n);
}

static void sign(struct lexer *l, enum token_kind kind, size_t n)
{
	add(l, kind, view_head(l->at, n));
	l->at = view_skip(l->at, n);
}

static void slash(struct lexer *l)
{
	if (peek(l, 1) == '/')
		skip_line(l);
	else if (peek(l, 1) == '*')
		skip_block(l);
	else
		word(l);
}

static void next(struct lexer *l)
{
	switch (peek(l, 0)) {
	case '\n':
		l->place.line++;
		/* fall through */
	case ' ':
	case '\t':
	case '\r':
		l->at = view_skip(l->at, 1);
		return;
	case '#':
		skip_line(l);
		return;
	case '/':
		slash(l);
		return;
	case '\'':
		literal(l);
		return;
	case '"':
		string(l);
		return;
	case '{':
		sign(l, TOKEN_OPEN, 1);
		return;
	case '}':
		sign(l, TOKEN_CLOSE, 1);
		return;
	case '(':
		sign(l, TOKEN_CALL, 1);
		return;
	case ')':
		sign(l, TOKEN_CALL_END, 1);
		return;
	case ',':
		sign(l, TOKEN_COMMA, 1);
		return;
	case '=':
		sign(l, TOKEN_EQUALS, 1);
		return;
	case '+':
		if (peek(l, 1) == '=') {
			sign(l, TOKEN_APPEND, 2);
			return;
		}
		break;
	}
	word(l);
}

void lex(struct view octets, struct place file, struct tokens *out,
	 struct faults *faults)
{
	struct lexer l = { octets, file, out, faults };

	*out = (struct tokens){ 0 };
	l.place.line = 1;
	if (view_starts(octets, VIEW_LIT("\xef\xbb\xbf")))
		l.at = view_skip(octets, 3);
	if (view_find(octets, '\0') < octets.n) {
		l.place.line = 0;
		fault_add(faults, l.place, "",
			  "holds a NUL octet: not a text file");
		return;
	}
	while (l.at.n)
		next(&l);
}
