/* Untagged data (RFC 3501 7.2 and 7.3) but SEARCH and FETCH. */
#include "imap_private.h"
#include "imap_value.h"

/* ---- what comes ---- */

struct keyword {
	const char *word;
	enum imap_step step;
	/* wanted only while one of these is in flight; NO_COMMAND: always */
	enum imap_command of, or_of;
};

static const struct keyword keywords[] = {
	{ "CAPABILITY", IMAP_STEP_CAPABILITY, IMAP_NO_COMMAND,
	  IMAP_NO_COMMAND },
	{ "ENABLED", IMAP_STEP_ENABLED, IMAP_ENABLE, IMAP_ENABLE },
	{ "LIST", IMAP_STEP_LIST, IMAP_LIST, IMAP_LIST },
	{ "STATUS", IMAP_STEP_STATUS_NAME, IMAP_STATUS, IMAP_LIST },
	{ "SEARCH", IMAP_STEP_SEARCH, IMAP_SEARCH, IMAP_SEARCH },
	{ "ESEARCH", IMAP_STEP_ESEARCH, IMAP_SEARCH, IMAP_SEARCH },
	{ "FETCH", IMAP_STEP_FETCH, IMAP_FETCH, IMAP_FETCH_BODY },
};

/* Where the response of this name is read; what nobody asked for is skipped. */
static enum imap_step step_of(const struct imap *p, struct view word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword *k = &keywords[i];

		if (!view_ieq(view_of(k->word), word))
			continue;
		if (k->of == IMAP_NO_COMMAND || imap_flies(p, k->of) ||
		    imap_flies(p, k->or_of) ||
		    (k->of == IMAP_STATUS && p->notified))
			return k->step;
	}
	return IMAP_STEP_SKIP;
}

static void begin(struct imap *p, enum imap_step step)
{
	p->step = step;
	p->depth = 0;
	p->n_uids = 0;
	p->by_uid = false;
	p->range_at = 0;
	p->n_name = 0;
	p->body = false;
	p->fetch = (struct imap_fetch){ .seq = p->number };
	p->list = (struct imap_list){ .name = VIEW_NONE };
	p->status = (struct imap_mailbox){ .name = VIEW_NONE };
}

/* What of an odd response has been read already: skip from behind it. */
static bool skip_from(struct imap *p, const struct lexeme *t,
		      struct imap_event *ev)
{
	if (t->kind == LEX_END) {
		imap_response_done(p);
		return false;
	}
	p->step = IMAP_STEP_SKIP;
	if (t->kind == LEX_LITERAL)
		return imap_literal_begin(p, t, IMAP_LITERAL_SKIPPED, ev);
	return false;
}

bool imap_on_untagged(struct imap *p, const struct lexeme *t,
		      struct imap_event *ev)
{
	bool number;

	if (t->kind == LEX_ATOM && imap_value_status(t->text, &p->condition)) {
		p->step = IMAP_STEP_CONDITION;
		return false;
	}
	if (p->phase == IMAP_PHASE_GREETING)
		return imap_no_greeting(p, ev, VIEW_NONE);
	if (t->kind != LEX_ATOM)
		return skip_from(p, t, ev);
	p->number = imap_value_nz(t->text);
	number = p->number || view_eq(t->text, VIEW_LIT("0"));
	begin(p, number ? IMAP_STEP_NUMBERED : step_of(p, t->text));
	return false;
}

bool imap_on_numbered(struct imap *p, const struct lexeme *t,
		      struct imap_event *ev)
{
	enum imap_step step;

	if (t->kind != LEX_ATOM)
		return skip_from(p, t, ev);
	if (view_ieq(t->text, VIEW_LIT("EXISTS")))
		step = IMAP_STEP_EXISTS;
	else if (view_ieq(t->text, VIEW_LIT("EXPUNGE")))
		step = IMAP_STEP_EXPUNGE;
	else if (view_ieq(t->text, VIEW_LIT("FETCH")))
		step = step_of(p, t->text);
	else
		step = IMAP_STEP_SKIP;
	begin(p, step);
	return false;
}

/*
 * An unknown response, a line at a time; a line that ends like the head of a
 * literal is taken for one.
 */
bool imap_on_skip(struct imap *p, const struct lexeme *t, struct imap_event *ev)
{
	struct lexeme head = { .kind = LEX_LITERAL };

	if (lex_line_literal(t->text, &head.size))
		return imap_literal_begin(p, &head, IMAP_LITERAL_SKIPPED, ev);
	imap_response_done(p);
	return false;
}

bool imap_on_exists(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	(void)t;
	imap_response_done(p);
	if (imap_flies(p, IMAP_SELECT) || imap_flies(p, IMAP_EXAMINE)) {
		p->selected.messages = p->number;
		p->selected.has |= IMAP_HAS_MESSAGES;
		return false;
	}
	if (p->phase != IMAP_PHASE_SELECTED)
		return false;
	*ev = (struct imap_event){ .type = IMAP_EV_EXISTS,
				   .number = p->number };
	return true;
}

bool imap_on_expunge(struct imap *p, const struct lexeme *t,
		     struct imap_event *ev)
{
	(void)t;
	imap_response_done(p);
	if (p->phase != IMAP_PHASE_SELECTED)
		return false;
	p->chatter = 0; /* EXPUNGE answers with one for each message */
	*ev = (struct imap_event){ .type = IMAP_EV_EXPUNGE };
	return true;
}

/* ---- what stands behind the known part of a response ---- */

/* Parentheses of what is skipped, within LIMIT_IMAP_NESTING (B9). */
static bool nest(struct imap *p, const struct lexeme *t, struct imap_event *ev)
{
	if (t->kind == LEX_OPEN && ++p->depth > LIMIT_IMAP_NESTING)
		return imap_fail(p, ev, ERR_LIMIT,
				 "parentheses are nested too deep");
	if (t->kind == LEX_CLOSE && p->depth-- == 0)
		return imap_malformed(p, ev, "a parenthesis too many");
	return false;
}

bool imap_skip_tail(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	if (t->kind == LEX_LITERAL)
		return imap_literal_begin(p, t, IMAP_LITERAL_SKIPPED, ev);
	if (t->kind != LEX_END)
		return nest(p, t, ev);
	if (p->depth > 0)
		return imap_malformed(p, ev, "a parenthesis is not closed");
	imap_response_done(p);
	return false;
}

/* ---- LIST: RFC 3501 7.2.2 ---- */

static bool bad_list(struct imap *p, struct imap_event *ev)
{
	return imap_malformed(p, ev, "a malformed LIST response");
}

bool imap_on_list(struct imap *p, const struct lexeme *t, struct imap_event *ev)
{
	if (t->kind != LEX_OPEN)
		return bad_list(p, ev);
	p->step = IMAP_STEP_LIST_ATTRIBUTES;
	return false;
}

bool imap_on_list_attributes(struct imap *p, const struct lexeme *t,
			     struct imap_event *ev)
{
	if (t->kind == LEX_ATOM)
		p->list.attributes |= imap_value_attribute(t->text);
	else if (t->kind == LEX_CLOSE)
		p->step = IMAP_STEP_LIST_DELIMITER;
	else
		return bad_list(p, ev);
	return false;
}

/* One quoted character, perhaps behind a backslash, or NIL. */
bool imap_on_list_delimiter(struct imap *p, const struct lexeme *t,
			    struct imap_event *ev)
{
	struct view v = t->text;

	p->step = IMAP_STEP_LIST_NAME;
	if (t->kind == LEX_ATOM && view_ieq(v, VIEW_LIT("NIL")))
		return false;
	if (v.n == 2 && v.p[0] == '\\')
		v = view_skip(v, 1);
	if (t->kind != LEX_QUOTED || v.n > 1)
		return bad_list(p, ev);
	p->list.delimiter = v.n ? v.p[0] : '\0';
	return false;
}

bool imap_on_list_name(struct imap *p, const struct lexeme *t,
		       struct imap_event *ev)
{
	if (t->kind != LEX_ATOM && t->kind != LEX_QUOTED &&
	    t->kind != LEX_LITERAL)
		return bad_list(p, ev);
	p->step = IMAP_STEP_LIST_TAIL;
	return imap_string_begin(p, t, IMAP_LITERAL_NAME, ev);
}

/* Extension data, RFC 5258 6 */
bool imap_on_list_tail(struct imap *p, const struct lexeme *t,
		       struct imap_event *ev)
{
	if (imap_skip_tail(p, t, ev))
		return true;
	if (p->step != IMAP_STEP_START)
		return false;
	imap_progress(p);
	p->list.name = (struct view){ p->name, p->n_name };
	*ev = (struct imap_event){ .type = IMAP_EV_LIST, .list = p->list };
	return true;
}

/* ---- STATUS: RFC 3501 7.2.4 ---- */

static bool bad_status(struct imap *p, struct imap_event *ev)
{
	return imap_malformed(p, ev, "a malformed STATUS response");
}

bool imap_on_status_name(struct imap *p, const struct lexeme *t,
			 struct imap_event *ev)
{
	if (t->kind != LEX_ATOM && t->kind != LEX_QUOTED &&
	    t->kind != LEX_LITERAL)
		return bad_status(p, ev);
	p->step = IMAP_STEP_STATUS;
	return imap_string_begin(p, t, IMAP_LITERAL_NAME, ev);
}

bool imap_on_status(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	if (t->kind != LEX_OPEN)
		return bad_status(p, ev);
	p->step = IMAP_STEP_STATUS_KEY;
	return false;
}

bool imap_on_status_key(struct imap *p, const struct lexeme *t,
			struct imap_event *ev)
{
	static const struct {
		const char *word;
		enum imap_number key;
	} keys[] = {
		{ "MESSAGES", IMAP_NUMBER_MESSAGES },
		{ "UIDNEXT", IMAP_NUMBER_UIDNEXT },
		{ "UIDVALIDITY", IMAP_NUMBER_UIDVALIDITY },
		{ "UNSEEN", IMAP_NUMBER_UNSEEN },
	};

	if (t->kind == LEX_CLOSE) {
		p->step = IMAP_STEP_STATUS_END;
		return false;
	}
	if (t->kind != LEX_ATOM)
		return bad_status(p, ev);
	p->key = IMAP_NUMBER_OTHER;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_ieq(view_of(keys[i].word), t->text))
			p->key = keys[i].key;
	p->step = IMAP_STEP_STATUS_VALUE;
	return false;
}

/* A value that is no number of its kind is as good as none (D1, D5). */
static void status_number(struct imap_mailbox *m, enum imap_number key,
			  struct view digits)
{
	uint32_t n = imap_value_nz(digits);
	bool number = n || view_eq(digits, VIEW_LIT("0"));

	switch (key) {
	case IMAP_NUMBER_OTHER:
		break;
	case IMAP_NUMBER_MESSAGES:
		m->messages = n;
		m->has |= number ? IMAP_HAS_MESSAGES : 0;
		break;
	case IMAP_NUMBER_UIDNEXT:
		m->uidnext = n;
		m->has |= n ? IMAP_HAS_UIDNEXT : 0;
		break;
	case IMAP_NUMBER_UIDVALIDITY:
		m->uidvalidity = n;
		break;
	case IMAP_NUMBER_UNSEEN:
		m->unseen = n;
		m->has |= number ? IMAP_HAS_UNSEEN : 0;
		break;
	}
}

bool imap_on_status_value(struct imap *p, const struct lexeme *t,
			  struct imap_event *ev)
{
	if (t->kind != LEX_ATOM)
		return bad_status(p, ev);
	status_number(&p->status, p->key, t->text);
	p->step = IMAP_STEP_STATUS_KEY;
	return false;
}

bool imap_on_status_end(struct imap *p, const struct lexeme *t,
			struct imap_event *ev)
{
	if (t->kind != LEX_END)
		return bad_status(p, ev);
	imap_response_done(p);
	if (imap_flies(p, IMAP_STATUS) || imap_flies(p, IMAP_LIST))
		imap_progress(p);
	p->status.name = (struct view){ p->name, p->n_name };
	*ev = (struct imap_event){ .type = IMAP_EV_STATUS,
				   .mailbox = p->status };
	return true;
}
