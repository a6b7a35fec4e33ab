#include "stamp.h"
#include "hash.h"
#include "outgoing.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define MAC_OCTETS 8u

static void mac(const struct spool *s, int64_t id, int64_t account,
		char out[MAC_OCTETS * 2 + 1])
{
	char text[64];
	uint8_t sum[MAC_OCTETS];
	int n = snprintf(text, sizeof(text), "trace %" PRId64 " %" PRId64, id,
			 account);

	hash_keyed(spool_key(s), (struct view){ text, (size_t)n }, sum,
		   sizeof(sum));
	text_hex(out, sum, sizeof(sum));
}

void stamp_trace(const struct spool *s, int64_t id, int64_t account,
		 char out[STAMP_TRACE_OCTETS])
{
	char id_text[MESSAGE_ID_TEXT], sum[MAC_OCTETS * 2 + 1];

	message_id_text(id, id_text);
	mac(s, id, account, sum);
	(void)snprintf(out, STAMP_TRACE_OCTETS, "%.32s.%s.%s",
		       spool_instance(s), id_text, sum);
}

static bool is_own(const struct spool *s, int64_t account, struct view line,
		   int64_t *id)
{
	struct view v = view_trim(line), instance, id_text;
	char want[MAC_OCTETS * 2 + 1];
	size_t n;

	n = view_find(v, '.');
	instance = view_head(v, n);
	v = view_skip(v, n + 1);
	n = view_find(v, '.');
	id_text = view_head(v, n);
	v = view_skip(v, n + 1);
	if (!view_eq(instance, view_of(spool_instance(s))) ||
	    !message_id_parse(id_text, id))
		return false;
	mac(s, *id, account, want);
	return v.n == sizeof(want) - 1 && hash_same(v.p, want, v.n);
}

unsigned stamp_own(const struct spool *s, int64_t account,
		   const struct head_facts *f, int64_t ids[HEAD_TRACES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->traces; i++)
		n += is_own(s, account, f->trace[i], &ids[n]);
	return n;
}

/* RFC 3848 has no names for mail that was fetched; these say how. */
static const char *with(const struct config_account *a)
{
	switch (a->server.scheme) {
	case CONFIG_IMAPS:
		return "IMAPS";
	case CONFIG_IMAP:
		return a->server.tls == CONFIG_TLS_NONE ? "IMAP" : "IMAPS";
	case CONFIG_POP3S:
		return "POP3S";
	case CONFIG_POP3:
		return a->server.tls == CONFIG_TLS_NONE ? "POP3" : "POP3S";
	case CONFIG_SMTP:
	case CONFIG_SMTPS:
	case CONFIG_SUBMISSION:
	case CONFIG_SUBMISSIONS:
	case CONFIG_LMTP:
	case CONFIG_MAILDIR:
		break;
	}
	return "";
}

void stamp_lines(const struct parts *p, const struct message *m,
		 const struct config_account *a, struct text *out)
{
	char id[MESSAGE_ID_TEXT], trace[STAMP_TRACE_OCTETS];
	struct outgoing_origin o = {
		.by = view_of(p->hostname),
		.unix_s = m->fetched_at / 1000,
	};

	message_id_text(m->id, id);
	stamp_trace(p->spool, m->id, m->account, trace);
	o.id = view_of(id);
	o.trace = view_of(trace);
	if (a && a->received_from)
		o.from = view_of(a->server.host);
	if (a)
		o.with = view_of(with(a));
	if (m->nrcpts == 1)
		o.recipient = view_of(m->rcpts[0].address);
	outgoing_prefix(out, &o);
}
