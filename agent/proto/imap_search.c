/*
 * SEARCH (RFC 3501 7.2.5), and what servers of IMAP4rev2 alone tell in its
 * place: ESEARCH (RFC 9051 7.3.4). Ranges are handed out number by number, a
 * buffer at a time; how many numbers one answer may stand for has a limit.
 */
#include "imap_private.h"
#include "imap_value.h"

static bool search_event(struct imap *p, bool last, struct imap_event *ev)
{
	*ev = (struct imap_event){ .type = IMAP_EV_SEARCH,
				   .last = last,
				   .uids = p->uids,
				   .n_uids = p->n_uids };
	imap_progress(p);
	p->n_uids = 0;
	return true;
}

/* ---- SEARCH ---- */

bool imap_on_search(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	uint32_t uid;

	if (t->kind == LEX_END) {
		imap_response_done(p);
		return search_event(p, true, ev);
	}
	if (t->kind == LEX_OPEN) { /* "(MODSEQ 917162500)", RFC 7162 3.1.5 */
		p->step = IMAP_STEP_SEARCH_TAIL;
		return imap_on_search_tail(p, t, ev);
	}
	uid = t->kind == LEX_ATOM ? imap_value_nz(t->text) : 0;
	if (uid == 0)
		return imap_malformed(p, ev, "a SEARCH result is no number");
	if (++p->untagged > LIMIT_UNTAGGED)
		return imap_fail(p, ev, ERR_LIMIT, "too many SEARCH results");
	p->uids[p->n_uids++] = uid;
	return p->n_uids == IMAP_SEARCH_UIDS && search_event(p, false, ev);
}

bool imap_on_search_tail(struct imap *p, const struct lexeme *t,
			 struct imap_event *ev)
{
	if (imap_skip_tail(p, t, ev))
		return true;
	return p->step == IMAP_STEP_START && search_event(p, true, ev);
}

/* ---- ESEARCH ---- */

static bool bad_esearch(struct imap *p, struct imap_event *ev)
{
	return imap_malformed(p, ev, "a malformed ESEARCH response");
}

/* Its end, "UID", the name of a datum, or the "(TAG "a1")" in front. */
bool imap_on_esearch(struct imap *p, const struct lexeme *t,
		     struct imap_event *ev)
{
	switch (t->kind) {
	case LEX_END:
		imap_response_done(p);
		return search_event(p, true, ev);
	case LEX_OPEN:
		p->depth = 1;
		p->step = IMAP_STEP_ESEARCH_NESTED;
		return false;
	case LEX_ATOM:
		break;
	case LEX_MORE:
	case LEX_BAD:
	case LEX_HUGE:
	case LEX_SPACE:
	case LEX_QUOTED:
	case LEX_LITERAL:
	case LEX_CLOSE:
	case LEX_LINE:
		return bad_esearch(p, ev);
	}
	if (view_ieq(t->text, VIEW_LIT("UID"))) {
		p->by_uid = true;
		return false;
	}
	p->step = IMAP_STEP_ESEARCH_VALUE;
	if (!view_ieq(t->text, VIEW_LIT("ALL")))
		return false;
	/* of messages by number: they would be taken for other messages */
	if (!p->by_uid)
		return imap_malformed(p, ev, "an ESEARCH result without UIDs");
	p->step = IMAP_STEP_ESEARCH_SET;
	return false;
}

/* Of a datum nobody asked for: one word, or what stands in parentheses. */
bool imap_on_esearch_value(struct imap *p, const struct lexeme *t,
			   struct imap_event *ev)
{
	if (t->kind == LEX_OPEN)
		return imap_on_esearch(p, t, ev);
	if (t->kind != LEX_ATOM)
		return bad_esearch(p, ev);
	p->step = IMAP_STEP_ESEARCH;
	return false;
}

bool imap_on_esearch_nested(struct imap *p, const struct lexeme *t,
			    struct imap_event *ev)
{
	if (t->kind == LEX_END)
		return bad_esearch(p, ev);
	if (imap_skip_tail(p, t, ev))
		return true;
	if (p->depth == 0)
		p->step = IMAP_STEP_ESEARCH;
	return false;
}

/* "2" or "10:11", which may stand the wrong way round (RFC 9051 9 seq-range) */
bool imap_on_esearch_set(struct imap *p, const struct lexeme *t,
			 struct imap_event *ev)
{
	size_t colon = view_find(t->text, ':');
	uint32_t a = 0, b, swap;

	if (t->kind == LEX_ATOM)
		a = imap_value_nz(view_head(t->text, colon));
	b = colon < t->text.n ? imap_value_nz(view_skip(t->text, colon + 1))
			      : a;
	if (!a || !b)
		return imap_malformed(p, ev,
				      "an ESEARCH result is no set of UIDs");
	if (b < a) {
		swap = a;
		a = b;
		b = swap;
	}
	if (p->untagged >= LIMIT_UNTAGGED ||
	    b - a >= LIMIT_UNTAGGED - p->untagged)
		return imap_fail(p, ev, ERR_LIMIT, "too many SEARCH results");
	p->untagged += b - a + 1;
	p->range_at = a;
	p->range_end = b;
	if (t->used == t->text.n) /* no comma behind it */
		p->step = IMAP_STEP_ESEARCH;
	return imap_search_range(p, ev);
}

bool imap_search_range(struct imap *p, struct imap_event *ev)
{
	while (p->range_at && p->n_uids < IMAP_SEARCH_UIDS) {
		p->uids[p->n_uids++] = p->range_at;
		p->range_at = p->range_at < p->range_end ? p->range_at + 1 : 0;
	}
	return p->n_uids == IMAP_SEARCH_UIDS && search_event(p, false, ev);
}
