/*
 * signin_imap - from the greeting to a signed-in session: STARTTLS, CAPABILITY,
 * AUTHENTICATE or LOGIN.
 *
 * A small machine over the engine: it is given every event until it is done,
 * and gives commands. Where TLS is required STARTTLS is sent unless the
 * greeting says that it is not offered; a refusal ends the session either way
 * (required TLS never falls back). PREAUTH is refused: the account asks for a
 * sign-in. AUTHENTICATE PLAIN before LOGIN; LOGINDISABLED is obeyed; nothing
 * else is tried after a refusal. Nothing is sent behind a sign-in before its
 * answer: a front end that hands the connection on may lose what it has read
 * already.
 */
#ifndef FLOW_SIGNIN_IMAP_H
#define FLOW_SIGNIN_IMAP_H
#include "imap.h"
#include "sasl.h"
#include "source.h"

enum imap_signin_step {
	IMAP_SIGNIN_GREETING,
	IMAP_SIGNIN_TLS,
	IMAP_SIGNIN_CAPABILITY,
	IMAP_SIGNIN_AUTH,
	IMAP_SIGNIN_OVER,
};

enum imap_signin_result {
	IMAP_SIGNIN_ON,	    /* more events are awaited */
	IMAP_SIGNIN_SECURE, /* the handshake is next, then _secured() */
	IMAP_SIGNIN_DONE,
	IMAP_SIGNIN_FAILED,
};

struct imap_signin {
	enum imap_signin_step step;
	const struct source_options *o; /* borrowed */
	struct sasl *sasl;		/* owned; NULL: LOGIN */
	struct err wrong;		/* why an exchange was cancelled */
};

void imap_signin_init(struct imap_signin *s, const struct source_options *o);
void imap_signin_fini(struct imap_signin *s);
/* err is set with FAILED. FAILED and BYE events of the engine are not for it.
 */
enum imap_signin_result imap_signin_event(struct imap_signin *s, struct imap *p,
					  const struct imap_event *ev,
					  struct err *err);
void imap_signin_secured(struct imap_signin *s, struct imap *p);
#endif
