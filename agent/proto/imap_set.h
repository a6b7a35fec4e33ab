/*
 * imap_set - UID sets as commands want them, "1:5,7" (RFC 3501 9 sequence-set).
 *
 * A set names exactly the UIDs given: a range never spans a UID that is not in
 * the array.
 */
#ifndef PROTO_IMAP_SET_H
#define PROTO_IMAP_SET_H
#include "view.h"

/* Longest text of one "number:number,". */
#define IMAP_SET_RANGE_OCTETS 22u

/*
 * uids: n >= 1 numbers, none 0, ascending, no two equal (MUST). Writes as many
 * of them, from the front, as cap octets hold, without NUL; cap is at least
 * IMAP_SET_RANGE_OCTETS. *set is what was written (it borrows out). Returns how
 * many UIDs it names: at least 1.
 */
size_t imap_set(const uint32_t *uids, size_t n, char *out, size_t cap,
		struct view *set);
/* "from:*"; out holds IMAP_SET_RANGE_OCTETS. from: not 0. */
struct view imap_set_from(uint32_t from, char *out);
/* Only what a set may consist of: digits, ':' ',' '*'; not empty. */
bool imap_set_ok(struct view set);
#endif
