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
#include "source.h"

enum signin_step {
	SIGNIN_GREETING,
	SIGNIN_STLS,
	SIGNIN_CAPA,
	SIGNIN_UTF8,
	SIGNIN_AUTH,
	SIGNIN_USER,
	SIGNIN_PASS,	   /* or APOP */
	SIGNIN_CAPA_AGAIN, /* RFC 2449 5: there may be more after sign-in */
	SIGNIN_OVER,
};

enum signin_result {
	SIGNIN_ON,  /* more events are awaited */
	SIGNIN_TLS, /* the handshake is next, then signin_secured() */
	SIGNIN_DONE,
	SIGNIN_FAILED,
};

struct signin {
	enum signin_step step;
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
void signin_init(struct signin *s, const struct source_options *o,
		 struct pop3 *p, struct task *wake);
void signin_fini(struct signin *s);
/* err is set with SIGNIN_FAILED. FAILED events of the engine are not for it. */
enum signin_result signin_event(struct signin *s, const struct stream *stream,
				const struct pop3_event *ev, struct err *err);
void signin_secured(struct signin *s);
#endif
