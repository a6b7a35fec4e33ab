/*
 * post - a mail of our own into the queue: to the addresses that are written,
 * through one delivery, of no account (id 0). From there it goes the way of any
 * message.
 *
 * Its envelope sender is <>, so that nobody answers and nothing bounces to us
 * (RFC 3834 3.3); where the delivery has a fixed one, which it then demands of
 * all mail, that one.
 */
#ifndef FLOW_POST_H
#define FLOW_POST_H
#include "pass.h"

struct post {
	struct spool_put put; /* the spool's while out */
	/* id of the message, or 0 and why not. The post may be freed. */
	void (*done)(void *who, int64_t id, const struct err *err);
	void *who;
};

void post_send(struct post *p, const struct parts *parts,
	       const struct config_delivery *by, const struct config_list *to,
	       const char *subject, struct view text);
#endif
