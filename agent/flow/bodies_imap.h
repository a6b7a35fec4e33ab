/*
 * bodies_imap - bodies (or headers) of many messages through one engine.
 *
 * Commands name a few dozen messages each, and as many are in flight as a
 * window of messages and octets allows: a round trip costs nothing. What comes
 * is told through source_reports, one message at a time; bodies nobody asked
 * for are not told.
 *
 * A body is complete when its literal and the closing of its response have
 * come, and then the tagged OK, or the next body: Dovecot holds back the tagged
 * replies of pipelined commands until it has answered them all. A command that
 * is refused spoils what of it has not come: each such message is asked for
 * once more, in a command of its own, so that in the end a refusal names one
 * message.
 */
#ifndef FLOW_BODIES_IMAP_H
#define FLOW_BODIES_IMAP_H
#include "imap.h"
#include "source.h"

enum imap_body_state {
	IMAP_BODY_WAITING, /* nothing of it has come */
	IMAP_BODY_COMING,
	IMAP_BODY_CLOSED, /* has come; not told yet */
	IMAP_BODY_NIL,
	IMAP_BODY_SPOILED, /* it was another message's */
	IMAP_BODY_TOLD,	   /* complete; its tagged reply is awaited */
	IMAP_BODY_DONE,
};

struct imap_body {
	uint32_t uid, tag;
	uint32_t octets; /* announced in the listing: a claim */
	bool is_header;
	bool alone;   /* in a command of its own */
	bool is_bare; /* a response named it, without the body */
	enum imap_body_state state;
};

struct imap_bodies {
	struct imap *imap;		     /* borrowed */
	const struct source_reports *report; /* borrowed */
	void *who;

	/* in the order asked; done <= given <= n */
	struct imap_body *job; /* owned */
	size_t done, given, n, cap;
	size_t commands; /* in flight */
	size_t awaited;	 /* messages of them that have not come */
	uint64_t window; /* octets announced of those */
	size_t coming;	 /* of job: whose octets come now; SIZE_MAX: none */
	size_t closed;	 /* of job: CLOSED; SIZE_MAX: none */
	size_t next;	 /* of job: the likely one to come next */
	uint64_t header_left; /* octets of a header that are still told */
};

void imap_bodies_init(struct imap_bodies *b, struct imap *imap,
		      const struct source_reports *report, void *who);
void imap_bodies_fini(struct imap_bodies *b);
/* May be called from within a report. */
void imap_bodies_add(struct imap_bodies *b, const struct spool_item *items,
		     size_t n, bool headers);
/* Gives the engine as many commands as fit. Not from within a report. */
void imap_bodies_fill(struct imap_bodies *b);
/* FETCH, BODY_BEGIN, BODY, BODY_END, and TAGGED of IMAP_FETCH_BODY. */
void imap_bodies_event(struct imap_bodies *b, const struct imap_event *ev);
/* All that was added has been answered. */
bool imap_bodies_idle(const struct imap_bodies *b);
#endif
