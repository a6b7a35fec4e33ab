/*
 * sasl - signing in by SASL (RFC 4422), as pure steps, for POP3, IMAP and SMTP.
 *
 * SCRAM (RFC 5802, 7677), PLAIN (RFC 4616), LOGIN (as servers practise it;
 * never an RFC), CRAM-MD5 (RFC 2195), EXTERNAL (RFC 4422 A), GSSAPI (RFC 4752),
 * OAUTHBEARER (RFC 7628), XOAUTH2 (Google, "OAuth 2.0 Mechanism"). NTLM and
 * DIGEST-MD5 never (CASES C4). What goes in or comes out here is base64 as it
 * stands on the wire: an engine passes challenges in and answers out without
 * looking at them.
 *
 *   s = sasl_new(&options, err);
 *   ir = sasl_first(s, &first) ? first : none;     AUTH mech [ir]
 *   on each continuation: sasl_step(s, text, &answer, err)
 *           ? send answer : send "*" and report err
 *   on the server's success: believed only if sasl_done(s)
 *   sasl_free(s)
 *
 * No socket, clock or randomness; one thread at a time. libgsasl prepares
 * strings, derives keys, and steps CRAM-MD5 and GSSAPI (sasl_gsasl.h).
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H
#include "err.h"
#include "mech.h"
#include "secret.h"

/* What sasl_new() takes: all that are SASL. */
#define SASL_MECHS                                                             \
	(~(MECH_BIT(MECH_NONE) | MECH_BIT(MECH_USER) | MECH_BIT(MECH_APOP)))

/* What SCRAM says about the TLS around it (RFC 5802 6). */
enum sasl_binding {
	SASL_BINDING_NONE,	  /* n: there is none, or it was refused */
	SASL_BINDING_NOT_OFFERED, /* y: we could; the server names no -PLUS */
	SASL_BINDING_USED,	  /* p: with the data; for -PLUS alone */
};

#define SASL_NONCE_OCTETS 24u

/* Everything is copied. */
struct sasl_options {
	enum mech mech;		     /* of SASL_MECHS */
	struct view user;	     /* UTF-8 */
	const struct secret *secret; /* password or access token; NULL where
					mech_needs_secret() is false */
	/* SCRAM: unpredictable, printable, no comma; SASL_NONCE_OCTETS */
	struct view nonce;
	enum sasl_binding binding;
	struct view binding_type; /* "tls-exporter"; for BINDING_USED */
	struct view binding_data;
	/* GSSAPI, OAUTHBEARER */
	const char *service; /* "imap", "pop", "smtp" */
	const char *host;
	unsigned port;
};

struct sasl;
/*
 * user and secret are wiped by sasl_free(). NULL, with err ERR_CONFIG: user or
 * secret is empty, has a NUL, is too long for one answer (LIMIT_SASL_OCTETS),
 * or holds what this mechanism cannot carry; or libgsasl lacks the mechanism.
 */
struct sasl *sasl_new(const struct sasl_options *o, struct err *err);
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
/* Octets of that response, before it is asked for; 0: there is none. */
size_t sasl_first_octets(const struct sasl *s);
/*
 * The next sasl_step() may compute or wait for long (SCRAM's keys: up to a
 * second; GSSAPI: the network): not on the loop thread.
 */
bool sasl_is_slow(const struct sasl *s);
/*
 * challenge: the text of a continuation, without "+ " or "334 "; may be empty.
 * true: *out is the answer, maybe empty, living until the next call on s.
 * false: the exchange must be cancelled ("*"): not base64 or a challenge the
 * mechanism has no answer to (ERR_PROTOCOL), beyond LIMIT_SASL_OCTETS,
 * LIMIT_SASL_ROUNDS or LIMIT_SCRAM_ITERATIONS (ERR_LIMIT), the server's
 * signature wrong, the server's refusal inside of SCRAM, or no ticket
 * (ERR_AUTH).
 */
bool sasl_step(struct sasl *s, struct view challenge, struct view *out,
	       struct err *err);
/*
 * The mechanism is satisfied, SCRAM with the server's signature (RFC 5802 9,
 * CASES C5): a success told by the server may be believed.
 */
bool sasl_done(const struct sasl *s);
/*
 * What the server said inside of the exchange about its refusal (RFC 7628
 * 3.2.2: JSON), decoded, any octets; empty: nothing. Lives as long as s.
 */
struct view sasl_said(const struct sasl *s);
#endif
