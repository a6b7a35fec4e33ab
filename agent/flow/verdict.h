/*
 * verdict - what a destination's answer means for a message (INTERFACE 2,
 * "A 5xx to one message's data ..."; DESIGN 5). Pure: time and randomness are
 * given.
 */
#ifndef FLOW_VERDICT_H
#define FLOW_VERDICT_H
#include "config.h"
#include "dest.h"
#include "welcome.h"

enum verdict {
	VERDICT_DELIVERED, /* accepted for every recipient */
	VERDICT_LATER,	   /* this message: again at next_at */
	VERDICT_HELD,	   /* this message: a person decides */
	VERDICT_DOUBT,	   /* it is unknown whether it was accepted */
	VERDICT_UNSENT,	   /* nothing happened: may be sent at once */
	VERDICT_ELSEWHERE, /* at once, by the delivery of refused_to */
	VERDICT_AGAIN,	   /* at once, for the fallback of its multidrop, or
			      for whom it is by the configuration of today */
	VERDICT_SETTING,   /* a wrong setting: the delivery pauses for the
			      account; the message waits in the queue */
};

#define VERDICT_SENDERS                                                        \
	3u /* so many refused in a row: not theirs, but ours                   \
	    */

struct verdict_given {
	const struct config_delivery *delivery;
	/* Other senders of the account refused since one was not. */
	unsigned senders_before;
	/* By XCLIENT: what is refused for its client is no wrong setting. */
	bool handed_over;
	int64_t now_ms; /* unix */
	uint32_t random;
	/* Of whom the destination ever took mail; NULL: of nobody. What it
	 * forbids them is not for who they are. */
	const struct welcome *took;
	/* Its recipients by the configuration of today (addressees.h); NULL, or
	 * none: not known. */
	const struct config_list *today;
};

/*
 * Sets m->state, next_at, reason, reply, waiting_since, settled_at, doubt_at
 * and doubts, m->delivery with ELSEWHERE, and adds the fallback to m->rcpts, or
 * replaces those that stand in the configuration no more, ready for
 * spool_result(); the states of m->rcpts were set by the dest.
 */
enum verdict verdict_apply(struct message *m, const struct dest_result *r,
			   const struct verdict_given *g);

/* The reason that VERDICT_SETTING left tells of a sender, not of a recipient.
 */
bool verdict_is_of_sender(const char *reason);
/*
 * r and what m's recipients were answered blame the sender: it counts for
 * senders_before. To be asked before verdict_apply().
 */
bool verdict_blames_sender(const struct message *m, const struct dest_result *r,
			   const struct welcome *took);
#endif
