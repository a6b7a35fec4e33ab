/*
 * FETCH responses (RFC 3501 7.4.2): attributes in any order, known ones kept,
 * the body streamed, the others skipped.
 */
#include "imap_private.h"
#include "imap_value.h"

static bool bad_fetch(struct imap *p, struct imap_event *ev)
{
	return imap_malformed(p, ev, "a malformed FETCH response");
}

bool imap_on_fetch(struct imap *p, const struct lexeme *t,
		   struct imap_event *ev)
{
	if (t->kind != LEX_OPEN)
		return bad_fetch(p, ev);
	p->depth = 1;
	p->step = IMAP_STEP_FETCH_KEY;
	return false;
}

static enum imap_item item_of(struct view word)
{
	static const struct {
		const char *word;
		enum imap_item item;
	} items[] = {
		{ "UID", IMAP_ITEM_UID },
		{ "FLAGS", IMAP_ITEM_FLAGS },
		{ "INTERNALDATE", IMAP_ITEM_DATE },
		{ "RFC822.SIZE", IMAP_ITEM_SIZE },
		{ "X-GM-MSGID", IMAP_ITEM_MSGID },
		{ "BODY[]", IMAP_ITEM_BODY },
		{ "BODY[HEADER]", IMAP_ITEM_HEADER },
	};
	static const struct view fields = VIEW_LIT("BODY[HEADER.FIELDS ");

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (view_ieq(view_of(items[i].word), word))
			return items[i].item;
	/* with "<0>" behind it, it is a part of a part: not what was asked */
	if (view_istarts(word, fields) && word.p[word.n - 1] == ']')
		return IMAP_ITEM_HEADER;
	return IMAP_ITEM_OTHER;
}

bool imap_on_fetch_key(struct imap *p, const struct lexeme *t,
		       struct imap_event *ev)
{
	if (t->kind == LEX_CLOSE) {
		p->step = IMAP_STEP_FETCH_END;
		return false;
	}
	if (t->kind != LEX_ATOM)
		return bad_fetch(p, ev);
	p->item = item_of(t->text);
	p->step = IMAP_STEP_FETCH_VALUE;
	return false;
}

/* ---- values ---- */

static bool on_uid(struct imap *p, const struct lexeme *t,
		   struct imap_event *ev)
{
	uint32_t uid = t->kind == LEX_ATOM ? imap_value_nz(t->text) : 0;

	/* What it is must not change behind a body that has gone out. */
	if (uid == 0 || (p->fetch.uid && p->fetch.uid != uid))
		return imap_malformed(p, ev, "a FETCH response without a UID");
	p->fetch.uid = uid;
	return false;
}

static bool begin_body(struct imap *p, struct imap_event *ev)
{
	p->body = true;
	p->fetch.octets = p->literal;
	p->fetch.part =
		p->item == IMAP_ITEM_BODY ? IMAP_PART_BODY : IMAP_PART_HEADER;
	imap_progress(p);
	*ev = (struct imap_event){ .type = IMAP_EV_BODY_BEGIN,
				   .fetch = p->fetch };
	return true;
}

static bool on_body(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	if (!imap_flies(p, IMAP_FETCH_BODY) || p->body)
		return imap_malformed(p, ev, "a body nobody asked for");
	if (t->kind == LEX_ATOM && view_ieq(t->text, VIEW_LIT("NIL"))) {
		p->fetch.has |= IMAP_HAS_NIL;
		return begin_body(p, ev);
	}
	if (t->kind != LEX_LITERAL && t->kind != LEX_QUOTED)
		return bad_fetch(p, ev);
	if (imap_string_begin(p, t, IMAP_LITERAL_BODY, ev))
		return true;
	return begin_body(p, ev);
}

/* Anything else: one lexeme, or all up to the parenthesis that closes it. */
static bool on_other(struct imap *p, const struct lexeme *t,
		     struct imap_event *ev)
{
	if (t->kind == LEX_LITERAL)
		return imap_literal_begin(p, t, IMAP_LITERAL_SKIPPED, ev);
	if (t->kind == LEX_CLOSE || t->kind == LEX_END)
		return bad_fetch(p, ev);
	if (t->kind == LEX_OPEN) {
		p->depth++;
		p->step = IMAP_STEP_FETCH_NESTED;
	}
	return false;
}

/* Sizes and dates are hints (B7): one that cannot be read is left out. */
static void on_size(struct imap *p, const struct lexeme *t)
{
	if (t->kind == LEX_ATOM &&
	    view_number(t->text, INT64_MAX, &p->fetch.size))
		p->fetch.has |= IMAP_HAS_SIZE;
}

static void on_msgid(struct imap *p, const struct lexeme *t)
{
	if (t->kind == LEX_ATOM)
		(void)view_number(t->text, UINT64_MAX, &p->fetch.msgid);
}

static void on_date(struct imap *p, const struct lexeme *t)
{
	if (t->kind == LEX_QUOTED && imap_value_date(t->text, &p->fetch.date))
		p->fetch.has |= IMAP_HAS_DATE;
}

bool imap_on_fetch_value(struct imap *p, const struct lexeme *t,
			 struct imap_event *ev)
{
	p->step = IMAP_STEP_FETCH_KEY;
	switch (p->item) {
	case IMAP_ITEM_UID:
		return on_uid(p, t, ev);
	case IMAP_ITEM_FLAGS:
		if (t->kind != LEX_OPEN)
			return bad_fetch(p, ev);
		p->fetch.flags = 0;
		p->fetch.has |= IMAP_HAS_FLAGS;
		p->step = IMAP_STEP_FETCH_FLAGS;
		return false;
	case IMAP_ITEM_BODY:
	case IMAP_ITEM_HEADER:
		return on_body(p, t, ev);
	case IMAP_ITEM_SIZE:
		on_size(p, t);
		break;
	case IMAP_ITEM_DATE:
		on_date(p, t);
		break;
	case IMAP_ITEM_MSGID:
		on_msgid(p, t);
		break;
	case IMAP_ITEM_OTHER:
		break;
	}
	return on_other(p, t, ev);
}

bool imap_on_fetch_flags(struct imap *p, const struct lexeme *t,
			 struct imap_event *ev)
{
	if (t->kind == LEX_ATOM)
		p->fetch.flags |= imap_value_flag(t->text);
	else if (t->kind == LEX_CLOSE)
		p->step = IMAP_STEP_FETCH_KEY;
	else
		return bad_fetch(p, ev);
	return false;
}

bool imap_on_fetch_nested(struct imap *p, const struct lexeme *t,
			  struct imap_event *ev)
{
	if (t->kind == LEX_LITERAL)
		return imap_literal_begin(p, t, IMAP_LITERAL_SKIPPED, ev);
	if (t->kind == LEX_END)
		return bad_fetch(p, ev);
	if (t->kind == LEX_OPEN && ++p->depth > LIMIT_IMAP_NESTING)
		return imap_fail(p, ev, ERR_LIMIT,
				 "parentheses are nested too deep");
	if (t->kind == LEX_CLOSE && --p->depth == 1)
		p->step = IMAP_STEP_FETCH_KEY;
	return false;
}

bool imap_on_fetch_end(struct imap *p, const struct lexeme *t,
		       struct imap_event *ev)
{
	if (t->kind != LEX_END)
		return bad_fetch(p, ev);
	imap_response_done(p);
	imap_progress(p);
	*ev = (struct imap_event){ .type = p->body ? IMAP_EV_BODY_END
						   : IMAP_EV_FETCH,
				   .fetch = p->fetch };
	return true;
}
