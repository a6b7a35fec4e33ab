/*
 * replies - what a server said about one message: to MAIL, to each RCPT, and
 * about each recipient behind the end of its data (LMTP). Pure.
 *
 * Says what that makes of the message, and puts it into its recipients. One
 * whom RCPT alone accepted has not got it: only a verdict on the data counts,
 * and behind a refused MAIL nothing that was said of recipients.
 */
#ifndef FLOW_REPLIES_H
#define FLOW_REPLIES_H
#include "dest.h"

#define REPLIES_SHOWN_OCTETS 560u /* one reply, printable */

struct replies_rcpt {
	size_t at;   /* in m->rcpts */
	int code;    /* 0: not answered */
	char *words; /* owned */
	bool judged; /* LMTP: by a verdict, not by RCPT alone */
};

struct replies {
	struct message *m;	   /* borrowed */
	struct replies_rcpt *rcpt; /* owned */
	size_t offered;		   /* of rcpt */
	size_t answered, accepted, judged, judged_ok;
	bool failed_late;
	int mail_code;
	char mail_words[REPLIES_SHOWN_OCTETS];
};

/* Recipients of m that wait now are offered, LIMIT_RECIPIENTS at most. */
void replies_init(struct replies *r, struct message *m);
void replies_fini(struct replies *r);
/* Of the one offered at i. */
const char *replies_address(const struct replies *r, size_t i);

void replies_to_mail(struct replies *r, int code, const char *words);
void replies_to_rcpt(struct replies *r, size_t i, int code, const char *words);
/* LMTP: behind the end of the data. */
void replies_judge(struct replies *r, size_t i, bool ok, int code,
		   const char *words);

/* MAIL, or every RCPT, was refused: no data are wanted. */
bool replies_refuse(const struct replies *r);
/* ... and so this is the result; words borrowed from r. */
struct dest_result replies_refusal(const struct replies *r);
/* LMTP: all were judged. */
enum dest_outcome replies_outcome(const struct replies *r);
/* Of a code that is not positive: 4xx, or for good. */
enum dest_outcome replies_outcome_of(int code);
/* What is known of each recipient goes into the message. accepted: its data
 * were, for all whom RCPT accepted. */
void replies_settle(struct replies *r, bool accepted);
#endif
