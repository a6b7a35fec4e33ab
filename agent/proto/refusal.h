/*
 * refusal - whom a refused RCPT is about, and whether a pace was refused.
 *
 * Servers that put their checks off until the recipient is known (Postfix by
 * default, Exim by where its rules stand, Sendmail by delay_checks) refuse the
 * sender in answer to RCPT. Some say no more than that it is not allowed.
 */
#ifndef PROTO_REFUSAL_H
#define PROTO_REFUSAL_H
#include "view.h"

/*
 * words: a refusal of RCPT as reply_show() writes it. sender and rcpt: as they
 * were given to the server; sender may be empty (<>). true: it says that it is
 * the sender that is not taken, by its enhanced code, by words that Postfix and
 * Exim use for nothing else, or by naming the sender and not the recipient.
 */
bool refusal_is_of_sender(struct view words, struct view sender,
			  struct view rcpt);
/*
 * words: likewise. true: a rule forbids it, and it is not said on whose account
 * (RFC 3463 3.8, Exim's words for a rule that has none of its own): it may be
 * the sender, the client, or that nobody from outside may write to rcpt.
 */
bool refusal_is_of_rule(struct view words);
/*
 * words: a 4xx reply to anything. true: it came too fast, or too much at a
 * time, and would be taken at another pace; a greylist says nothing of the
 * kind.
 */
bool refusal_is_of_haste(struct view words);
#endif
