/*
 * signin_pop3 - from the greeting to the maildrop: STLS, CAPA, AUTH or USER and
 * PASS.
 *
 * A small machine over the engine: it is given every event until it is done,
 * and gives commands. STLS is sent without asking whether it is offered: what a
 * server says in clear about that is worth nothing, and a refusal ends the
 * session either way (required TLS never falls back). Which way is chosen:
 * exchange.h; APOP where it is written, with the timestamp of the greeting.
 */
#ifndef FLOW_SIGNIN_POP3_H
#define FLOW_SIGNIN_POP3_H
#include "exchange.h"
#include "pop3.h"
#include "signin.h"
#include "source.h"

enum pop3_signin_step {
	POP3_SIGNIN_GREETING,
	POP3_SIGNIN_STLS,
	POP3_SIGNIN_CAPA,
	POP3_SIGNIN_UTF8,
	POP3_SIGNIN_AUTH,
	POP3_SIGNIN_USER,
	POP3_SIGNIN_PASS,	/* or APOP */
	POP3_SIGNIN_CAPA_AGAIN, /* RFC 2449 5: there may be more after sign-in
				 */
	POP3_SIGNIN_OVER,
};

struct pop3_signin {
	enum pop3_signin_step step;
	const struct source_options *o; /* borrowed */
	struct pop3 *pop3;		/* borrowed */
	struct task *wake;		/* borrowed */
	const struct stream *stream;	/* borrowed, as of the last event */
	bool capa_known;
	struct exchange exchange;
	char stamp[512];	/* of the greeting, for APOP; "": none */
	char capabilities[512]; /* printable, of the last CAPA */
};

/* wake: posted when the engine has octets to send that no event led to. */
void pop3_signin_init(struct pop3_signin *s, const struct source_options *o,
		      struct pop3 *p, struct task *wake);
void pop3_signin_fini(struct pop3_signin *s);
/* err is set with SIGNIN_FAILED. FAILED events of the engine are not for it. */
enum signin_result pop3_signin_event(struct pop3_signin *s,
				     const struct stream *stream,
				     const struct pop3_event *ev,
				     struct err *err);
void pop3_signin_secured(struct pop3_signin *s);
#endif
