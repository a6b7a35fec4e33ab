/*
 * base64 - RFC 4648 4, strict: canonical padding, no line ends, no other octet.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H
#include "view.h"

/* Octets of text for n octets. */
#define BASE64_OCTETS(n) (((n) + 2) / 3 * 4)
/* At most so many octets come of n octets of text. */
#define BASE64_DECODED(n) ((n) / 4 * 3)

/* out holds BASE64_OCTETS(v.n); no NUL is put. Returns the octets written. */
size_t base64_encode(struct view v, char *out);
/*
 * out holds BASE64_DECODED(text.n). false: text is not base64 in its canonical
 * form; *n untouched, out undefined. An empty text is zero octets.
 */
bool base64_decode(struct view text, char *out, size_t *n);
#endif
