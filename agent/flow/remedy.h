/*
 * remedy - what to do about a refused sign-in, by how the secret is given and
 * by what the provider wants; about a server of another kind, and one that
 * wants something before it takes mail. Only where a layer below gave no remedy
 * of its own.
 */
#ifndef FLOW_REMEDY_H
#define FLOW_REMEDY_H
#include "config.h"
#include "err.h"

void remedy_signin(const struct config_account *a, struct err *e);
/* The same of a delivery. */
void remedy_delivery(const struct config_delivery *d, struct err *e);
/*
 * e: ERR_PROTOCOL. Where the server's words are those of a server of another
 * kind (a POP3 server at the port that an IMAP server was looked for), e is
 * told so. false: they are not.
 */
bool remedy_protocol(struct err *e);
/*
 * The answer to MAIL is about no sender, but wants TLS or a sign-in first
 * (RFC 3207 4, RFC 4954 6): *e with class, the server's words (shown) and
 * remedy. false: it does not; e is untouched.
 */
bool remedy_demand(int code, struct view shown, struct err *e);
#endif
