/*
 * reply - one SMTP or LMTP reply, line by line (RFC 5321 4.2, 2034, 3463).
 *
 * Strict in what decides (the code, equal in all lines, at most
 * LIMIT_SMTP_REPLY_LINES of them), indifferent to the words: those may hold any
 * octets, are for people only, and are kept up to REPLY_WORDS octets.
 */
#ifndef PROTO_REPLY_H
#define PROTO_REPLY_H
#include "err.h"
#include "text.h"

#define REPLY_WORDS 1024u

struct reply {
	int code; /* 200 to 599; 0: no line yet */
	unsigned lines;
	uint16_t enhanced[3]; /* RFC 3463, such as 5 1 1; [0] is 0: none */
	size_t n;
	char words[REPLY_WORDS]; /* lines joined by a space, codes left out */
};

enum reply_step {
	REPLY_MORE, /* another line belongs to it */
	REPLY_DONE,
	REPLY_BAD,  /* no reply line, or another code than the lines before */
	REPLY_LONG, /* too many lines */
};

void reply_begin(struct reply *r);
/*
 * line: without its CRLF. *text (may be NULL): what stands behind the code in
 * this line, borrowed from line, untouched on REPLY_BAD.
 */
enum reply_step reply_line(struct reply *r, struct view line,
			   struct view *text);

struct view reply_words(const struct reply *r); /* lives until r changes */
/* "550 5.1.1 no such user", printable, cut at 512 (CASES G8). cap >= 32. */
void reply_show(const struct reply *r, char *out, size_t cap);

/*
 * The class of a refusal (4xx: RETRY, 5xx: REFUSED; 530, 534, 535, 538: AUTH;
 * anything else: PROTOCOL) with the server's words. what: ours, such as "MAIL".
 * Returns false.
 */
bool reply_err(const struct reply *r, struct err *err, const char *what);
#endif
