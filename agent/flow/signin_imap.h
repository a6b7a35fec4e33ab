/*
 * signin_imap - from the greeting to a signed-in session: STARTTLS, CAPABILITY,
 * AUTHENTICATE or LOGIN.
 *
 * A small machine over the engine: it is given every event until it is done,
 * and gives commands. Where TLS is required STARTTLS is sent unless the
 * greeting says that it is not offered; a refusal ends the session either way
 * (required TLS never falls back). PREAUTH is refused: the account asks for a
 * sign-in. Which way is chosen: exchange.h; LOGIN the command counts as LOGIN,
 * and LOGINDISABLED is obeyed.
 *
 * Nothing may be sent behind a sign-in before its answer, but where
 * imap_signin_may_follow() says so: a front end that hands the connection on
 * may lose what it has read already.
 */
#ifndef FLOW_SIGNIN_IMAP_H
#define FLOW_SIGNIN_IMAP_H
#include "exchange.h"
#include "imap.h"
#include "signin.h"
#include "source.h"

enum imap_signin_step {
	IMAP_SIGNIN_GREETING,
	IMAP_SIGNIN_TLS,
	IMAP_SIGNIN_CAPABILITY,
	IMAP_SIGNIN_AUTH,
	IMAP_SIGNIN_OVER,
};

struct imap_signin {
	enum imap_signin_step step;
	const struct source_options *o; /* borrowed */
	struct imap *imap;		/* borrowed */
	struct task *wake;		/* borrowed */
	const struct stream *stream;	/* borrowed, as of the last event */
	bool hands_on; /* what was read before the sign-in is not lost */
	bool said;     /* all that we have to say for the sign-in */
	bool followed;
	struct exchange exchange;
};

/* wake: posted when the engine has octets to send that no event led to. */
void imap_signin_init(struct imap_signin *s, const struct source_options *o,
		      struct imap *p, struct task *wake);
void imap_signin_fini(struct imap_signin *s);
/* err is set with FAILED. FAILED and BYE events of the engine are not for it.
 */
enum signin_result imap_signin_event(struct imap_signin *s,
				     const struct stream *stream,
				     const struct imap_event *ev,
				     struct err *err);
void imap_signin_secured(struct imap_signin *s);
/* Other commands may be given now, behind the sign-in. */
bool imap_signin_may_follow(const struct imap_signin *s);
/* They will be: from now on a challenge is a failure. */
void imap_signin_follow(struct imap_signin *s);
#endif
