/*
 * handover - XCLIENT on one connection, once, behind EHLO and TLS and before a
 * sign-in: the server greets anew and knows nothing of what was said before
 * (Postfix, XCLIENT_README). signin_smtp.c drives it.
 *
 * Two refusals differ. The server takes no client from us: the connection is
 * ours, and not_handed says why. The server refuses that client, as it would
 * have refused it at its own door: the answer counts for each of its messages.
 */
#ifndef FLOW_HANDOVER_H
#define FLOW_HANDOVER_H
#include "err.h"
#include "smtp.h"

struct handover {
	const char *client; /* borrowed (origin.h); NULL: there is none */
	bool said, done;
	unsigned refusals; /* of what was said of the client, as bad form */
	struct err not_handed;
	int refused; /* reply code that refuses the client; 0: none */
	char words[560];
};

enum handover_step {
	HANDOVER_SAID,	   /* its reply is awaited */
	HANDOVER_GREETED,  /* EHLO is due anew */
	HANDOVER_GOES_ON,  /* nothing more to say */
	HANDOVER_REFUSED,  /* as h->refused says */
	HANDOVER_DEFERRED, /* the server cannot now: end the connection */
};

/* EHLO was answered. */
enum handover_step handover_say(struct handover *h, struct smtp *s);
enum handover_step handover_reply(struct handover *h, struct smtp *s,
				  const struct reply *r);
/* What to say in EHLO: as the client would, once it was handed over; own: our
 * name. Text: room for it. */
struct view handover_name(const struct handover *h, struct view own,
			  char text[64]);
/* EHLO was refused once the client was handed over. */
void handover_refuse(struct handover *h, const struct reply *r);
/* What is wrong with a server that does not offer XCLIENT. */
void handover_not_offered(struct err *err);
#endif
