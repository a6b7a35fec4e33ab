#include "handover.h"

#include "ip.h"
#include "must.h"
#include "origin.h"

#include <stdio.h>

#define REMEDY                                                                 \
	"let Postfix take it from this host: smtpd_authorized_xclient_hosts; " \
	"or set xclient = no"

void handover_not_offered(struct err *err)
{
	err_set(err, ERR_CONFIG,
		"XCLIENT is not offered: mail arrives as from us");
	err_remedy(err, REMEDY);
}

static enum handover_step say(struct handover *h, struct smtp *s)
{
	struct smtp_client c = origin_client(h->client);

	/* what a client is called, or a family of addresses that the server
	 * does not know, must not bring him through as us */
	if (h->refusals > 0)
		c.name = c.helo = VIEW_NONE;
	if (h->refusals > 1)
		c.address = VIEW_NONE;
	if (!smtp_xclient(s, &c)) {
		handover_not_offered(&h->not_handed);
		return HANDOVER_GOES_ON;
	}
	h->said = true;
	return HANDOVER_SAID;
}

enum handover_step handover_say(struct handover *h, struct smtp *s)
{
	if (!h->client || h->said)
		return HANDOVER_GOES_ON;
	return say(h, s);
}

/* XCLIENT_README: the client's EHLO follows. One that is not known is an
 * address (RFC 5321 4.1.3). */
struct view handover_name(const struct handover *h, struct view own,
			  char text[64])
{
	struct smtp_client c;

	if (!h->done || h->refused || h->not_handed.class != ERR_NONE)
		return own;
	c = origin_client(h->client);
	if (c.helo.n || c.name.n)
		return c.helo.n ? c.helo : c.name;
	(void)snprintf(text, 64, "[%s%.*s]", ip_is_v6(c.address) ? "IPv6:" : "",
		       VIEW_ARG(c.address));
	return view_of(text);
}

void handover_refuse(struct handover *h, const struct reply *r)
{
	h->refused = r->code;
	reply_show(r, h->words, sizeof(h->words));
}

/* 550 5.7.0 is Postfix's word for a host that may not say XCLIENT. With any
 * other it is the greeting of a client that is not let in. */
static bool is_our_fault(const struct reply *r, const char *shown)
{
	if (r->code == 550)
		return view_find(view_of(shown), '.') > 5 ||
		       view_starts(view_of(shown), VIEW_LIT("550 5.7.0"));
	return r->code == 500 || r->code == 501 || r->code == 502 ||
	       r->code == 503 || r->code == 504;
}

enum handover_step handover_reply(struct handover *h, struct smtp *s,
				  const struct reply *r)
{
	char shown[560];

	MUST(h->said && !h->done);
	if (r->code / 100 == 2) {
		h->done = true;
		return HANDOVER_GREETED;
	}
	if (r->code == 421)
		return HANDOVER_DEFERRED;
	reply_show(r, shown, sizeof(shown));
	if (r->code == 501 && h->refusals++ < 2)
		return say(h, s);
	h->done = true;
	if (!is_our_fault(r, shown)) {
		handover_refuse(h, r);
		return HANDOVER_REFUSED;
	}
	reply_err(r, &h->not_handed,
		  "XCLIENT was refused: mail arrives as from us");
	h->not_handed.class = ERR_CONFIG;
	err_remedy(&h->not_handed, REMEDY);
	return HANDOVER_GOES_ON;
}
