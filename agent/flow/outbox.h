/*
 * outbox - the messages on one SMTP or LMTP connection, from offer to result:
 * which command goes out when (what it says: envelope_smtp.h), and which result
 * comes of the answers (replies.h).
 *
 * Sits between flow/dest_smtp.c, which owns connection and sign-in, and the
 * engine. Messages go out in the order of their offers. MAIL and RCPT of the
 * first in line go out at once; DATA, or the BDAT line, only once it was
 * released (DESIGN 5, 4). Where CHUNKING is offered, several messages may await
 * their verdict at once; one whose doubt is to be held only alone (P2).
 *
 * What it promises of results: ACCEPTED only on a positive verdict; LOST only
 * where the end of the message was handed to the connection and no verdict
 * came; everything else that ends early is UNSENT, and may be sent again
 * without doubt.
 */
#ifndef FLOW_OUTBOX_H
#define FLOW_OUTBOX_H
#include "dest.h"
#include "leave.h"
#include "smtp.h"

struct outbox_options {
	struct smtp *smtp; /* borrowed, signed in; like all below */
	bool chunking;	   /* BDAT; else DATA */
	/* Where the server can: no bounces to the sender (RFC 3461 4.1). */
	bool notify_never;
	struct leave_options leave; /* its who is not ours */
	/* m is no longer looked at once this was called. Never called from
	 * outbox_offer(), _release() or _withdraw(). */
	void (*result)(void *who, struct message *m,
		       const struct dest_result *r);
	/* The envelope sender of m, into out; nothing: <>. NULL: as it stands
	 * in m. */
	void (*sender)(void *who, const struct message *m, struct text *out);
	/* A line of ours, for -vv; never with a body. NULL: nobody listens. */
	void (*trace)(void *who, const char *line);
	void *who;
};

struct outbox;
struct outbox *outbox_new(const struct outbox_options *o);
void outbox_free(struct outbox *b); /* NULL: nothing */

void outbox_offer(struct outbox *b, struct message *m);
void outbox_release(struct outbox *b, struct message *m);
/* Not after release. */
void outbox_withdraw(struct outbox *b, struct message *m);

enum outbox_state {
	OUTBOX_GOES_ON,
	/* A body could not be given to its end, or the server does not speak
	 * the BDAT it offers: the connection is to be cut now. */
	OUTBOX_CUT,
};
/*
 * All that the engine was given so far has gone out: the message whose MAIL is
 * among it and was not returned here before, or NULL.
 */
struct message *outbox_mailed(struct outbox *b);
/* Gives the engine what it takes now; call again after events and sent(). */
enum outbox_state outbox_push(struct outbox *b);
/* REPLY to MAIL, RCPT, DATA, BODY, BDAT, RSET, and GO_AHEAD. */
void outbox_event(struct outbox *b, const struct smtp_event *ev);
/* The server takes none of what was offered: each is settled as if it had
 * answered so to the data. */
void outbox_refuse(struct outbox *b, int code, const char *words);
/* BDAT was answered as if nobody knew it (CASES G12). */
bool outbox_bdat_failed(const struct outbox *b);
/* Some verdict has come on this connection. */
bool outbox_had_verdict(const struct outbox *b);
bool outbox_is_empty(const struct outbox *b);
/* The end of some message went out, and its verdict has not come. */
bool outbox_awaits(const struct outbox *b);
/*
 * The connection is over: results for all that is left. orderly: the server
 * took its leave (SMTP_EV_BYE), so what is not answered was not performed.
 */
void outbox_end(struct outbox *b, bool orderly);
#endif
