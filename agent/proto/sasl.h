/*
 * sasl - signing in by SASL (RFC 4422), as pure steps, for POP3, IMAP and SMTP.
 *
 * PLAIN (RFC 4616) and LOGIN (as servers practise it; never an RFC). Everything
 * that goes in or comes out here is base64 as it stands on the wire: an engine
 * passes challenges in and answers out without looking at them.
 *
 *   s = sasl_new(mech, user, secret, err);
 *   ir = sasl_first(s, &first) ? first : none;     AUTH mech [ir]
 *   on each continuation: sasl_step(s, text, &answer, err)
 *           ? send answer : send "*" and report err
 *   on the server's success: believed only if sasl_done(s)
 *   sasl_free(s)
 *
 * A mechanism of another library fits behind the same calls.
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H
#include "err.h"
#include "mech.h"
#include "secret.h"

/* What sasl_new() takes. */
#define SASL_MECHS (MECH_BIT(MECH_PLAIN) | MECH_BIT(MECH_LOGIN))

struct sasl;
/*
 * mech: of SASL_MECHS. user and secret are copied, and wiped by sasl_free().
 * NULL, with err ERR_CONFIG: user or secret is empty, has a NUL, or is too long
 * for one answer (LIMIT_SASL_OCTETS).
 */
struct sasl *sasl_new(enum mech mech, struct view user,
		      const struct secret *secret, struct err *err);
void sasl_free(struct sasl *s); /* wipes; NULL: nothing */

/*
 * The initial response, where the mechanism has one and the protocol (POP3
 * always, SMTP always, IMAP with SASL-IR) and its line length let it be sent
 * with the command. "=" stands for an empty one. false: there is none, or the
 * exchange has begun; *out untouched. Do not call it where the response will
 * not be sent: sasl_step() then gives it as the answer to the empty challenge.
 * *out lives until the next call on s.
 */
bool sasl_first(struct sasl *s, struct view *out);
/*
 * challenge: the text of a continuation, without "+ " or "334 "; may be empty.
 * true: *out is the answer, maybe empty, living until the next call on s.
 * false: the exchange must be cancelled ("*"): not base64 or a challenge the
 * mechanism has no answer to (ERR_PROTOCOL), or beyond LIMIT_SASL_OCTETS or
 * LIMIT_SASL_ROUNDS (ERR_LIMIT).
 */
bool sasl_step(struct sasl *s, struct view challenge, struct view *out,
	       struct err *err);
/* The mechanism is satisfied: a success told by the server may be believed. */
bool sasl_done(const struct sasl *s);
#endif
