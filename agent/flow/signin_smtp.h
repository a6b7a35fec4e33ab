/*
 * signin_smtp - from the greeting to where messages may go: EHLO, STARTTLS,
 * XCLIENT (handover.h), AUTH.
 *
 * A small machine over the engine, as signin.h says. It has no steps of its
 * own: the engine lets only one of these commands be under way, and says which
 * of them a reply is for. Required TLS never falls back: the engine fails.
 * Which way is chosen: exchange.h. DONE also where nobody signs in, and where
 * the server refused the client of the connection (handover.refused).
 */
#ifndef FLOW_SIGNIN_SMTP_H
#define FLOW_SIGNIN_SMTP_H
#include "dest.h"
#include "exchange.h"
#include "handover.h"
#include "signin.h"
#include "smtp.h"

struct smtp_signin {
	const struct dest_options *o; /* borrowed, like all pointers here */
	struct smtp *smtp;
	const struct stream *stream;
	enum smtp_line line; /* as the engine was made for */
	struct task *wake;   /* posted when an answer came from the pool */
	/* A line of ours, for -vv; never with a secret. */
	void (*trace)(void *who, const char *line);
	void *who;

	struct exchange exchange;
	struct handover handover;
	uint64_t hello_ms; /* monotonic: when the last EHLO was said */
	uint32_t trip_ms;  /* ... and how long its reply took */
};

/* The fields above the empty line are set. */
void smtp_signin_init(struct smtp_signin *s);
/* Also where _init() was not called and all is zero. */
void smtp_signin_fini(struct smtp_signin *s);
/*
 * GREETING, CHALLENGE, TLS_WANTED, and REPLY to EHLO, STARTTLS, AUTH and
 * XCLIENT. err is set with FAILED.
 */
enum signin_result smtp_signin_event(struct smtp_signin *s,
				     const struct smtp_event *ev,
				     struct err *err);
enum signin_result smtp_signin_secured(struct smtp_signin *s, struct err *err);
#endif
