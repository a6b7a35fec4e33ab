/*
 * enquiry - what `check` asks an SMTP or LMTP server about addresses: MAIL,
 * RCPT for each, RSET; no message follows.
 *
 * On a connection of flow/dest_smtp.c, between messages. One more may be asked
 * for before the first is over: it follows.
 */
#ifndef FLOW_ENQUIRY_H
#define FLOW_ENQUIRY_H
#include "dest.h"
#include "smtp.h"

/* Tag of MAIL: 0; of RCPT: its place. */
struct enquired {
	char **address; /* owned; [0] is the sender */
	size_t n, queued;
	bool rset;
};

struct enquiry {
	const struct dest_reports *reports; /* borrowed; probed() alone */
	void *who;
	struct enquired now, next;
};

/* All zero but reports and who: nothing was asked yet. */
void enquiry_fini(struct enquiry *e);
/* rcpts: NULL-terminated. At most two at a time, or it is a bug of ours. */
void enquiry_ask(struct enquiry *e, const char *sender,
		 const char *const *rcpts);
bool enquiry_is_open(const struct enquiry *e);
/* Gives the engine what it takes now; what is no address is answered here. */
void enquiry_push(struct enquiry *e, struct smtp *s);
/* REPLY to MAIL, RCPT and RSET, while it is open. */
void enquiry_reply(struct enquiry *e, const struct smtp_event *ev);
#endif
