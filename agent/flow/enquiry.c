#include "enquiry.h"

#include "addrspec.h"
#include "must.h"

#include <stdlib.h>

static void clear(struct enquired *q)
{
	for (size_t i = 0; i < q->n; i++)
		free(q->address[i]);
	free(q->address);
	*q = (struct enquired){ .n = 0 };
}

void enquiry_fini(struct enquiry *e)
{
	clear(&e->now);
	clear(&e->next);
}

bool enquiry_is_open(const struct enquiry *e)
{
	return e->now.n > 0;
}

void enquiry_ask(struct enquiry *e, const char *sender,
		 const char *const *rcpts)
{
	struct enquired *q = enquiry_is_open(e) ? &e->next : &e->now;
	size_t n = 0;

	MUST(q->n == 0);
	while (rcpts[n])
		n++;
	q->address = mem_new((n + 1) * sizeof(*q->address));
	q->address[0] = mem_str(sender);
	for (size_t i = 0; i < n; i++)
		q->address[i + 1] = mem_str(rcpts[i]);
	q->n = n + 1;
}

/* The one at the place `queued`. false: not now. */
static bool push_address(struct enquired *q, struct smtp *s, struct view v)
{
	struct smtp_mail mail = { .from = v };

	return q->queued == 0 ? smtp_mail(s, &mail, 0)
			      : smtp_rcpt(s, v, VIEW_NONE, q->queued);
}

void enquiry_push(struct enquiry *e, struct smtp *s)
{
	struct enquired *q = &e->now;

	for (; q->queued < q->n; q->queued++) {
		struct view v = view_of(q->address[q->queued]);
		bool empty_ok = q->queued == 0 && v.n == 0;

		if (!empty_ok && !addrspec_or_local_ok(v))
			e->reports->probed(e->who, q->queued ? v.p : NULL, 553,
					   VIEW_LIT("553 not an address"));
		else if (!push_address(q, s, v))
			return;
	}
	if (!q->rset)
		q->rset = smtp_rset(s);
}

void enquiry_reply(struct enquiry *e, const struct smtp_event *ev)
{
	char shown[600];

	if (ev->cmd == SMTP_CMD_RSET) {
		clear(&e->now);
		e->now = e->next;
		e->next = (struct enquired){ .n = 0 };
		return;
	}
	reply_show(ev->reply, shown, sizeof(shown));
	e->reports->probed(e->who, ev->tag ? e->now.address[ev->tag] : NULL,
			   ev->reply->code, view_of(shown));
}
