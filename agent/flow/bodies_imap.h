/*
 * bodies_imap - bodies (or headers) of many messages through one engine.
 *
 * A command for each message, so that a refusal spoils that message alone, and
 * so that a body counts as complete only with its literal, the closing of its
 * response and the tagged OK. As many commands are in flight as a window of
 * messages and announced octets allows; so a round trip costs nothing.
 *
 * What comes is told through source_reports, one message at a time. A server
 * that mixes its answers (RFC 3501 5.5 lets it) is asked for one message at a
 * time from then on. Bodies nobody asked for are not told.
 */
#ifndef FLOW_BODIES_IMAP_H
#define FLOW_BODIES_IMAP_H
#include "imap.h"
#include "source.h"

enum imap_body_state {
	IMAP_BODY_WAITING, /* nothing of it has come */
	IMAP_BODY_COMING,
	IMAP_BODY_CLOSED, /* its tagged reply is awaited */
	IMAP_BODY_NIL,
	IMAP_BODY_SPOILED, /* it was another message's */
	IMAP_BODY_ASIDE,   /* it is asked for again */
	IMAP_BODY_DONE,
};

struct imap_body {
	uint32_t uid, tag;
	uint32_t octets; /* announced in the listing */
	bool is_header;
	enum imap_body_state state;
};

struct imap_bodies {
	struct imap *imap;		     /* borrowed */
	const struct source_reports *report; /* borrowed */
	void *who;

	/* in the order asked; done <= given <= n */
	struct imap_body *job; /* owned */
	size_t done, given, n, cap;
	uint64_t window; /* octets announced of what is in flight */
	size_t in_flight;
	bool one_by_one;
	size_t coming; /* of job: whose octets come now; SIZE_MAX: none */
	uint64_t header_left; /* octets of a header that are still told */
};

void imap_bodies_init(struct imap_bodies *b, struct imap *imap,
		      const struct source_reports *report, void *who);
void imap_bodies_fini(struct imap_bodies *b);
void imap_bodies_add(struct imap_bodies *b, const struct spool_item *items,
		     size_t n, bool headers);
/* Gives the engine as many commands as fit. */
void imap_bodies_fill(struct imap_bodies *b);
/* BODY_BEGIN, BODY, BODY_END, and TAGGED of IMAP_FETCH_BODY. */
void imap_bodies_event(struct imap_bodies *b, const struct imap_event *ev);
/* All that was added has been answered. */
bool imap_bodies_idle(const struct imap_bodies *b);
#endif
