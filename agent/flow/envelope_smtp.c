#include "envelope_smtp.h"

#include "addrspec.h"
#include "head.h"

#include <stdio.h>

bool smtp_envelope_fits(const struct smtp *s, const char *address)
{
	struct view v = view_of(address);

	return addrspec_or_local_ok(v) &&
	       (!addrspec_is_utf8(v) || smtp_caps(s) & SMTP_CAP_SMTPUTF8);
}

static bool can_dsn(const struct smtp *s)
{
	return smtp_caps(s) & SMTP_CAP_DSN;
}

/*
 * Whoever gets a report of it can then ask `trace` for the queue id (RFC 3461
 * 4.4). One that is still being spooled has none yet. The text of an id needs
 * no quoting as xtext.
 */
static struct view envelope_id(const struct smtp *s, const struct message *m,
			       char out[MESSAGE_ID_TEXT + 8])
{
	char id[MESSAGE_ID_TEXT];

	if (!can_dsn(s) || !m->id)
		return VIEW_NONE;
	message_id_text(m->id, id);
	(void)snprintf(out, MESSAGE_ID_TEXT + 8, "ENVID=%s", id);
	return view_of(out);
}

bool smtp_envelope_mail(struct smtp *s, const char *sender,
			const struct replies *to, uint64_t octets, uint64_t tag)
{
	char id[MESSAGE_ID_TEXT + 8];
	struct smtp_mail mail = {
		.from = view_of(sender),
		.octets = octets,
		.has_8bit = to->m->facts & (HEAD_8BIT_HEADER | HEAD_8BIT_BODY),
		.extra = envelope_id(s, to->m, id),
	};

	mail.utf8 = addrspec_is_utf8(mail.from);
	for (size_t i = 0; i < to->offered; i++) {
		const char *address = replies_address(to, i);

		if (addrspec_is_utf8(view_of(address)) &&
		    smtp_envelope_fits(s, address))
			mail.utf8 = true;
	}
	return smtp_mail(s, &mail, tag);
}

bool smtp_envelope_rcpt(struct smtp *s, const char *to, bool notify_never,
			uint64_t tag)
{
	return smtp_rcpt(s, view_of(to),
			 notify_never && can_dsn(s) ? VIEW_LIT("NOTIFY=NEVER")
						    : VIEW_NONE,
			 tag);
}
