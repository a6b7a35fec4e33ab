/*
 * field - walks the fields of a raw message header (RFC 5322 2.2).
 *
 * Reads the octets as they came and sees them as they will leave (INTERFACE 3):
 * a line ends at LF, the CRs directly before it belong to that end, any other
 * CR counts as a space. So no two readers of a header see different fields in
 * it.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H
#include "view.h"

struct field {
	struct view raw;  /* all of it, continuation lines and line end too */
	struct view name; /* without spaces; empty: no field (no colon, ...) */
	struct view body; /* behind the colon, raw */
};

/*
 * Takes the next field off *header. false: *header is at the empty line that
 * ends a header, or used up. All views borrow from *header.
 */
bool field_next(struct view *header, struct field *f);
/* The name is the one given, in either case of letters. */
bool field_is(const struct field *f, struct view name);
/*
 * The body made one line: each run of space, tab, CR and LF is one space, none
 * at the ends. Writes at most cap octets (what is beyond is left out) and
 * returns how many. NULs and 8-bit octets stay.
 */
size_t field_text(struct view body, char *out, size_t cap);
/* v without space, tab, CR and LF at both ends. */
struct view field_trim(struct view v);
/*
 * Octets of raw from the start on that end with the empty line of a header
 * (that line included); 0: there is none.
 */
size_t field_header_octets(struct view raw);
#endif
