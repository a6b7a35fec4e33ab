/*
 * received - one Received line (RFC 5321 4.4) as servers really write it:
 * Postfix, Sendmail, Exim, Exchange, Gmail, qmail and their kin; and who handed
 * a message to a provider, for XCLIENT.
 */
#ifndef PROTO_RECEIVED_H
#define PROTO_RECEIVED_H
#include "view.h"

/* All borrowed from the body; empty: the line does not tell. */
struct received {
	struct view by;	     /* the host that wrote the line */
	struct view helo;    /* as the client called itself */
	struct view name;    /* as the host that wrote the line found out */
	struct view address; /* of the client, without brackets and IPv6: */
	bool has_from;	     /* it names a sender in some way */
	bool name_checked;   /* written by software that looks a name up both
			      * ways, from the address and back to it */
	bool submitted;	     /* its client signed in, or used the web */
	bool by_lmtp;	     /* from within: nobody outside speaks LMTP */
};

/* body: raw, behind "Received:". What is unreadable is left empty. */
void received_read(struct view body, struct received *r);

/* host is one of the n names, or lies below one of them. */
bool received_is_of(struct view host, const char *const *names, size_t n);

/*
 * Who handed the message over to the provider whose hosts are called so: from
 * the lowest line of the unbroken run of topmost Received lines that its hosts
 * wrote. The run goes on below a line only where that line names a sender
 * within the provider (by a name that was looked up both ways, by a private
 * address, or by LMTP); one without a sender is passed over. Otherwise the
 * message came from outside there, and what stands below may have been written
 * by anybody, in whosever name. It ends above a line of the provider's whose
 * client signed in: that one is its customer, whose dial-up address says
 * nothing, and the provider's own way out is who handed the message over.
 * false: there is no such line, or it names no address, or a private one.
 */
bool received_client(struct view header, const char *const *names, size_t n,
		     struct received *r);
#endif
