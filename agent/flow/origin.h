/*
 * origin - who handed a message to its provider, for a destination that is to
 * judge that client and not us (INTERFACE 2, `xclient` and `received_by`).
 *
 * As one text, "ADDRESS NAME HELO" with - for what is not known, it stands in
 * the ledger beside the message, and two messages of one client compare equal.
 */
#ifndef FLOW_ORIGIN_H
#define FLOW_ORIGIN_H
#include "config.h"
#include "message.h"
#include "smtp.h"

/* Sets m->client where the account knows its provider's hosts, and d or who
 * takes what d refuses wants it. */
void origin_find(const struct config_account *a,
		 const struct config_delivery *d, struct view header,
		 struct message *m);
/* Borrowed from text. */
struct smtp_client origin_client(const char *text);
#endif
