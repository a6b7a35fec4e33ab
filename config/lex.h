/*
 * lex - the octets of one configuration file as tokens.
 *
 * libconfuse's own lexer expands ${NAME}, eats backslashes and cuts unquoted
 * words at #, so values never reach it: they are read here, and it is given
 * their numbers (grammar.h). 'Single quotes' are literal. In "double quotes"
 * \\ \" \' \$ \n \r \t and \xHH are escapes and ${ is refused. Comments are #,
 * // at the start of a word, and C's.
 */
#ifndef CONFIG_LEX_H
#define CONFIG_LEX_H
#include "fault.h"

enum token_kind {
	TOKEN_WORD,
	TOKEN_LITERAL, /* 'x' */
	TOKEN_STRING,  /* "x" */
	TOKEN_OPEN,    /* { */
	TOKEN_CLOSE,
	TOKEN_CALL, /* ( */
	TOKEN_CALL_END,
	TOKEN_COMMA,
	TOKEN_EQUALS,
	TOKEN_APPEND, /* += */
};

struct token {
	enum token_kind kind;
	unsigned line;
	char *text; /* owned, NUL-terminated; may hold NULs; wiped */
	size_t n;
};
struct tokens {
	struct token *item; /* owned */
	size_t n, cap;
	size_t unended; /* quotes and comments that never end */
};

/* file gives the name for faults. Never fails: what cannot be read is a fault.
 */
void lex(struct view octets, struct place file, struct tokens *out,
	 struct faults *faults);
void tokens_fini(struct tokens *t);
bool token_is_value(const struct token *t); /* word, literal or string */
struct view token_view(const struct token *t);
#endif
