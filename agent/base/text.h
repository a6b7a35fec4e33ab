/*
 * text - an owned, growing string with a maximum.
 *
 * Always NUL-terminated once something was put (text_str() in any case).
 * Appending more than max octets in all fails, and nothing is appended.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include "view.h"

struct text {
	char *p; /* owned; NULL while empty */
	size_t n, cap, max;
};

void text_init(struct text *t, size_t max);
void text_fini(struct text *t);	 /* releases; t is as after text_init */
void text_clear(struct text *t); /* keeps the memory */
/* false: the maximum would be exceeded; unchanged. */
bool text_put(struct text *t, struct view v);
bool text_puts(struct text *t, const char *s);
bool text_fmt(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * v made fit for a log line or a terminal: printable ASCII and well-formed
 * UTF-8 stay, control characters (C0, DEL, C1), bidi controls, line and
 * paragraph separators and stray octets become \xNN; a backslash is doubled.
 * At most max octets are written; what is cut ends in "...". Locale-free.
 */
bool text_printable(struct text *t, struct view v, size_t max);
struct view text_view(const struct text *t); /* lives until t changes */
const char *text_str(const struct text *t);  /* never NULL */
/* The string, taken out; free() releases it. t is empty afterwards. */
char *text_take(struct text *t);

/* As text_printable, into out[cap] (cap >= 8), NUL-terminated. */
void printable(char *out, size_t cap, struct view v);

/* Two lower-case hexadecimal digits for each octet, and NUL: 2 * n + 1. */
void text_hex(char *out, const uint8_t *octets, size_t n);
#endif
