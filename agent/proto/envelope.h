/*
 * envelope - for whom a message came, from the lines that the last server wrote
 * above its header (multidrop).
 *
 * Only what stands above the topmost Received is believed, and of that field
 * the `for` clause: whatever is below was there when the message arrived, and
 * anybody may have written it. A header without Received says nothing. To and
 * Cc are never asked, whatever their names are called here.
 */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H
#include "limits.h"
#include "view.h"

/*
 * The body of the topmost believed field that bears one of the n names; for
 * "Received" its `for` clause, empty where it has none, or several. Borrowed
 * from header. *name: which of them. false: there is no such field.
 */
bool envelope_find(struct view header, const char *const *names, size_t n,
		   struct view *body, const char **name);
/*
 * Takes the next address off a list such as "a@b.example, <c@d.example>";
 * comments and display names are passed over. false: no more. *ok: out is one
 * that addrspec_ok() takes; else out is "", and what stood there is *raw.
 */
bool envelope_next(struct view *body, char out[LIMIT_ADDRESS + 1], bool *ok,
		   struct view *raw);
#endif
