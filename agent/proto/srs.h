/*
 * srs - the Sender Rewriting Scheme: an envelope sender of a domain of ours
 * that leads a bounce back to the original one.
 *
 * Whoever re-injects mail under its original sender fails that domain's SPF.
 * SRS0=HASH=DAY=DOMAIN=LOCAL@OURS passes it; the server of OURS (postsrsd and
 * its like, with the same secret) turns it back. A sender that was rewritten
 * by somebody before is not nested: SRS1 names the first to have done so and
 * returns to it. The scheme is no RFC; form, hash (HMAC-SHA-1, four letters of
 * base64) and day (two letters of base32, modulo 1024) are those of libsrs2
 * and postsrsd, so that either can reverse them.
 */
#ifndef PROTO_SRS_H
#define PROTO_SRS_H
#include "secret.h"
#include "text.h"

/*
 * sender: addrspec_ok(). domain: ours. out: the rewritten sender, appended;
 * the same where it is of that domain already. false: it is no address, or
 * would become longer than LIMIT_ADDRESS; out is as it was.
 */
bool srs_forward(struct view sender, struct view domain,
		 const struct secret *secret, int64_t unix_s, struct text *out);
#endif
