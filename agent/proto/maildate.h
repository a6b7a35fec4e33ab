/*
 * maildate - the date-time of a header (RFC 5322 3.3, obsolete zones of 4.3).
 *
 * text: such as "Sun, 22 Nov 2026 01:02:03 +0100 (CET)". false: unreadable;
 * *unix_s untouched.
 */
#ifndef PROTO_MAILDATE_H
#define PROTO_MAILDATE_H
#include "view.h"

bool maildate_parse(struct view text, int64_t *unix_s);
/* The date of a Received field: what stands behind its last semicolon. */
bool maildate_received(struct view body, int64_t *unix_s);
#endif
