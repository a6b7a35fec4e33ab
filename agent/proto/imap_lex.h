/*
 * imap_lex - the next lexeme of an IMAP response (RFC 3501 9), from octets that
 * may end anywhere.
 *
 * Looks at the front of `in` and consumes nothing itself: `used` octets are to
 * be dropped by the caller. Literals are not looked into; only their head is a
 * lexeme. Lenient where servers are loose (8-bit octets, atoms with any
 * printable character), strict where framing hangs on it (CR LF, literal
 * heads).
 */
#ifndef PROTO_IMAP_LEX_H
#define PROTO_IMAP_LEX_H
#include "view.h"

enum lex_kind {
	LEX_MORE,    /* more octets are needed */
	LEX_BAD,     /* no response may go on so */
	LEX_HUGE,    /* a literal size beyond 63 bits (B6) */
	LEX_SPACE,   /* a run of spaces */
	LEX_ATOM,    /* text */
	LEX_QUOTED,  /* text: between the quotes, escapes as they are */
	LEX_LITERAL, /* size; its octets follow `used` */
	LEX_OPEN,
	LEX_CLOSE,
	LEX_LINE, /* text: the rest of the line, without CRLF */
	LEX_END,  /* CRLF */
};

struct lexeme {
	enum lex_kind kind;
	struct view text; /* borrows from in */
	uint64_t size;
	size_t used;
};

/*
 * scanned: 0 for a new lexeme; after LEX_MORE call again with the value left
 * there and more octets, so that nothing is looked at twice.
 */
struct lexeme lex_token(struct view in, size_t *scanned);
/* As lex_token, but an atom goes on through [...]: BODY[HEADER.FIELDS (To)] */
struct lexeme lex_attribute(struct view in, size_t *scanned);
/* As lex_token, but an atom ends behind a comma as well, which is not its text:
 * one number or range of a set. */
struct lexeme lex_range(struct view in, size_t *scanned);
/* LEX_LINE, LEX_MORE or LEX_BAD */
struct lexeme lex_line(struct view in, size_t *scanned);
/*
 * The literal size at the end of a line, "{12}" or "{12+}". false: it has none
 * (LEX_HUGE sizes are none as well).
 */
bool lex_line_literal(struct view line, uint64_t *size);
/*
 * Removes the backslashes of a quoted string: text becomes shorter, and is
 * moved so that it ends where it ended. Returns it.
 */
struct view lex_unescape(char *text, size_t n);
#endif
