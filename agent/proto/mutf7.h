/*
 * mutf7 - mailbox names between UTF-8 and the wire: modified UTF-7
 * (RFC 3501 5.1.3).
 *
 * Wire names stay opaque wherever they are sent back to the server; this is for
 * names a person writes or reads. Strict in both directions, so that a name has
 * one form: decoding refuses what encoding would not have written.
 */
#ifndef PROTO_MUTF7_H
#define PROTO_MUTF7_H
#include "text.h"

/*
 * Appends to *out. false (out unchanged): not well-formed UTF-8, a control
 * character (C0, DEL: no mailbox name has them), or beyond out's maximum.
 */
bool mutf7_encode(struct view utf8, struct text *out);
/*
 * Appends to *out. false (out unchanged): not modified UTF-7 in its one form:
 * an octet beyond 0x7E or control, a shift that does not end, bits left over,
 * stray or reversed surrogates, printable ASCII in base64, "&-" within a shift,
 * two shifts in a row; or beyond out's maximum.
 */
bool mutf7_decode(struct view wire, struct text *out);
#endif
