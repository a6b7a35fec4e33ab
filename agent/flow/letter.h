/*
 * letter - a mail of our own: plain text in UTF-8, marked as nobody's writing.
 *
 * Its octets are ASCII with CRLF and lines of at most 78, so that any server
 * takes it. Pure.
 */
#ifndef FLOW_LETTER_H
#define FLOW_LETTER_H
#include "config.h"
#include "text.h"

struct letter {
	const char *host;	      /* ours */
	const char *from;	      /* address; NULL: mailhaul@host */
	const struct config_list *to; /* addresses as written */
	const char *subject;	      /* one line */
	struct view text;	      /* lines that end in LF */
	int64_t unix_s;
	uint64_t random; /* makes the Message-ID */
};
void letter_write(const struct letter *l, struct text *out);
#endif
