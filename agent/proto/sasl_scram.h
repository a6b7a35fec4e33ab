/*
 * sasl_scram - SCRAM-SHA-1 and SCRAM-SHA-256, with and without -PLUS (RFC 5802,
 * 5929, 7677, 9266), for sasl.c alone: octets in, octets out, no base64 around.
 *
 * first -> answer to the server's first message (slow: derives the keys) ->
 * empty answer to its last one, whose signature was checked -> done.
 */
#ifndef PROTO_SASL_SCRAM_H
#define PROTO_SASL_SCRAM_H
#include "sasl.h"

struct sasl_scram;
/* NULL: ERR_CONFIG, the user name or password is none (RFC 4013). */
struct sasl_scram *sasl_scram_new(const struct sasl_options *o,
				  struct err *err);
void sasl_scram_free(struct sasl_scram *s); /* wipes; NULL: nothing */

/* What the client says first; lives as long as s. */
struct view sasl_scram_first(const struct sasl_scram *s);
/* The next step derives the keys. */
bool sasl_scram_is_slow(const struct sasl_scram *s);
/*
 * Each message of the server in turn. false: malformed, or a nonce that is not
 * ours (ERR_PROTOCOL); too many iterations, refused before computing
 * (ERR_LIMIT, CASES B14); wrong signature, or its refusal "e=" (ERR_AUTH).
 */
bool sasl_scram_step(struct sasl_scram *s, struct view message,
		     struct secret *out, struct err *err);
bool sasl_scram_done(const struct sasl_scram *s);
#endif
