/*
 * envelope_smtp - MAIL and RCPT of one message in the words that this server
 * takes: SIZE, 8BITMIME, SMTPUTF8, and what reports of delivery are asked for
 * (RFC 3461).
 */
#ifndef FLOW_ENVELOPE_SMTP_H
#define FLOW_ENVELOPE_SMTP_H
#include "replies.h"
#include "smtp.h"

/* The answer of ours to an address that does not fit. */
#define SMTP_ENVELOPE_UNFIT_CODE 553
#define SMTP_ENVELOPE_UNFIT                                                    \
	"553 5.6.7 the destination cannot take this address (mailhaul)"

/* false: it needs SMTPUTF8 though that is not offered, or is no address. */
bool smtp_envelope_fits(const struct smtp *s, const char *address);
/*
 * sender: fits, or empty. to: the message and whom it is offered for; octets:
 * an estimate (RFC 1870 6). false: not now, as smtp_mail().
 */
bool smtp_envelope_mail(struct smtp *s, const char *sender,
			const struct replies *to, uint64_t octets,
			uint64_t tag);
/* to: fits. notify_never: no bounces for it, where the server can. */
bool smtp_envelope_rcpt(struct smtp *s, const char *to, bool notify_never,
			uint64_t tag);
#endif
