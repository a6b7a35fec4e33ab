/*
 * imap_value - words and values inside IMAP responses: capabilities, flags,
 * attributes, response codes, dates, numbers.
 *
 * Words compare in either case of letters; unknown ones mean nothing.
 */
#ifndef PROTO_IMAP_VALUE_H
#define PROTO_IMAP_VALUE_H
#include "imap.h"

/* Words separated by spaces, as behind CAPABILITY. known becomes true. */
void imap_value_capabilities(struct view words, struct imap_capabilities *out);
/* IMAP_FLAG_ bit of "\\Seen"; 0: a keyword or not known */
unsigned imap_value_flag(struct view word);
/* Flags of a list with or without its parentheses. */
unsigned imap_value_flags(struct view list);
/* IMAP_ATTR_ bit of "\\Junk"; 0: not known */
unsigned imap_value_attribute(struct view word);
/* OK NO BAD PREAUTH BYE; false: none of them, *status untouched */
bool imap_value_status(struct view word, enum imap_status *status);
enum imap_code imap_value_code(struct view word);
/* 1 to 2^32-1; else 0 */
uint32_t imap_value_nz(struct view digits);
/*
 * " 7-Feb-1994 22:43:04 -0800" (RFC 3501 9 date-time) to unix seconds. false:
 * not a date, *out untouched.
 */
bool imap_value_date(struct view text, int64_t *out);
#endif
