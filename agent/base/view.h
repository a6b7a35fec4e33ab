/*
 * view - borrowed octets.
 *
 * A struct view is read-only, not NUL-terminated, and does not outlive one turn
 * of the loop unless the call that hands it out says otherwise. A struct room
 * is writable; n == 0 means "no room: stop reading".
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const char *p;
	size_t n;
};
struct room {
	char *p;
	size_t n;
};

#define VIEW_LIT(s) ((struct view){ "" s, sizeof(s) - 1 })
#define VIEW_NONE   ((struct view){ "", 0 })
/* for printf: "%.*s", VIEW_ARG(v); only for octets known to be printable */
#define VIEW_ARG(v) (int)(v).n, (v).p

/* s may be NULL (an empty view). The view lives as long as s. */
struct view view_of(const char *s);
bool view_eq(struct view a, struct view b);
/* ASCII letters compare equal in either case; locale-free. */
bool view_ieq(struct view a, struct view b);
bool view_starts(struct view v, struct view prefix);
bool view_istarts(struct view v, struct view prefix);
/* v without its first n octets; n is cut at v.n. */
struct view view_skip(struct view v, size_t n);
/* The first n octets of v; n is cut at v.n. */
struct view view_head(struct view v, size_t n);
/* Without spaces and tabs at both ends. */
struct view view_trim(struct view v);
/* Offset of the first c, or v.n. */
size_t view_find(struct view v, char c);
/* Offset of the first `part`, in any case of ASCII letters, or v.n. */
size_t view_ifind(struct view v, struct view part);
/*
 * The word up to the first space or the end, taken off *v with the spaces
 * behind it. Empty when *v is.
 */
struct view view_word(struct view *v);
/*
 * The whole of v as a decimal number without sign. false (out untouched):
 * empty, another character, or more than max.
 */
bool view_number(struct view v, uint64_t max, uint64_t *out);
/* Some NUL, CR or LF in v: must not reach a command line of any protocol. */
bool view_breaks_line(struct view v);
#endif
