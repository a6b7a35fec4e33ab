/*
 * pattern - which folders a pattern of `folders` or of a `folder` block means.
 *
 * A pattern is a name in UTF-8, with * for any octets and % for any but the
 * delimiter that the server lists (RFC 3501 6.3.8); or special:USE; behind a !
 * it leaves out. A user writes the server's delimiter: nothing is translated.
 * INBOX, and INBOX as the first level of a name, are the same in any case of
 * letters (RFC 3501 5.1); all else is compared octet by octet. Pure.
 */
#ifndef CONFIG_PATTERN_H
#define CONFIG_PATTERN_H
#include "config.h"

/* pattern may have its ! in front, which is not looked at. */
bool pattern_matches(struct view pattern, const struct config_mailbox *m);
/* It leaves out: a ! stands in front. */
bool pattern_excludes(struct view pattern);
/* A name, without * or %, no special use, no !. */
bool pattern_is_plain(struct view pattern);
/* The use that special:USE names; 0: it names none, or is no such pattern. */
enum config_use pattern_use(struct view pattern);
/* "Junk" and so on, for n from 0; NULL: no more. *use may be NULL. */
const char *pattern_use_name(size_t n, enum config_use *use);
/*
 * Whether patterns, one a line as pattern_lines() made them, take this folder.
 */
bool pattern_lines_take(struct view lines, const struct config_mailbox *m);
/* All patterns of an account, one a line. Appends to *out. */
struct text;
void pattern_lines(const struct config_account *a, struct text *out);
/*
 * false: no pattern; *why is set to what is wrong with it.
 */
bool pattern_is_valid(struct view written, const char **why);
#endif
