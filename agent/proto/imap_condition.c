/*
 * Conditions: OK, NO, BAD, PREAUTH, BYE with their response codes (RFC
 * 3501 7.1), tagged or not, and continuation requests (RFC 3501 7.5).
 */
#include "imap_private.h"
#include "imap_value.h"
#include "throttle.h"

struct condition {
	enum imap_status status;
	enum imap_code code;
	struct view args, text;
};

/* "[CODE args] text" or "text"; an unclosed code is text. */
static void split_text(struct view line, struct condition *c)
{
	size_t end;
	struct view inside;

	line = view_trim(line);
	*c = (struct condition){ .status = c->status,
				 .args = VIEW_NONE,
				 .text = line };
	end = view_find(line, ']');
	if (line.n == 0 || line.p[0] != '[' || end == line.n)
		return;
	inside = (struct view){ line.p + 1, end - 1 };
	c->code = imap_value_code(view_word(&inside));
	c->args = inside;
	c->text = view_trim(view_skip(line, end + 1));
}

static void learn_capabilities(struct imap *p, struct view words)
{
	imap_value_capabilities(words, &p->capabilities);
	p->told++;
}

/* What a code says of the mailbox that is being selected: RFC 3501 7.1 */
static void learn_mailbox(struct imap *p, const struct condition *c)
{
	struct imap_mailbox *m = &p->selected;
	uint32_t n = imap_value_nz(c->args);

	if (c->code == IMAP_CODE_UIDVALIDITY) {
		m->uidvalidity = n;
	} else if (c->code == IMAP_CODE_UIDNEXT && n) {
		m->uidnext = n;
		m->has |= IMAP_HAS_UIDNEXT;
	} else if (c->code == IMAP_CODE_PERMANENTFLAGS) {
		m->permanent_flags = imap_value_flags(c->args);
		m->has |= IMAP_HAS_PERMANENTFLAGS;
	} else if (c->code == IMAP_CODE_UIDNOTSTICKY) {
		m->has |= IMAP_HAS_UIDNOTSTICKY;
	} else if (c->code == IMAP_CODE_READ_ONLY) {
		m->has |= IMAP_HAS_READ_ONLY;
	} else if (c->code == IMAP_CODE_CLOSED) { /* RFC 7162 3.2.11 */
		*m = (struct imap_mailbox){ .name = VIEW_NONE };
	}
}

static void learn(struct imap *p, const struct condition *c)
{
	if (c->code == IMAP_CODE_CAPABILITY)
		learn_capabilities(p, c->args);
	if (imap_flies(p, IMAP_SELECT) || imap_flies(p, IMAP_EXAMINE))
		learn_mailbox(p, c);
}

static void tell(struct imap_event *ev, enum imap_event_type type,
		 const struct condition *c)
{
	*ev = (struct imap_event){ .type = type,
				   .status = c->status,
				   .code = c->code,
				   .text = c->text,
				   .code_args = c->args };
}

/* ---- the start of a response ---- */

static bool is_atom(const struct lexeme *t, const char *word)
{
	return t->kind == LEX_ATOM && view_eq(t->text, view_of(word));
}

/* Our tags are "a" and a number without zeros in front. */
static bool our_tag(const struct imap *p, struct view text, uint32_t *tag)
{
	uint32_t n;

	if (text.n < 2 || text.p[0] != 'a' || text.p[1] == '0')
		return false;
	n = imap_value_nz(view_skip(text, 1));
	if (n - p->oldest >= p->next_tag - p->oldest ||
	    p->ring[n % IMAP_PIPELINE].command == IMAP_NO_COMMAND)
		return false;
	*tag = n;
	return true;
}

bool imap_on_start(struct imap *p, const struct lexeme *t,
		   struct imap_event *ev)
{
	if (is_atom(t, "*")) {
		p->step = IMAP_STEP_UNTAGGED;
		if (++p->untagged > LIMIT_UNTAGGED ||
		    ++p->chatter > IMAP_CHATTER)
			return imap_fail(p, ev, ERR_LIMIT,
					 "too many untagged responses");
		return false;
	}
	if (p->phase == IMAP_PHASE_GREETING)
		return imap_no_greeting(p, ev, t->text);
	if (is_atom(t, "+")) {
		p->step = IMAP_STEP_CONTINUE;
		return false;
	}
	if (t->kind != LEX_ATOM || !our_tag(p, t->text, &p->number))
		return imap_malformed(p, ev,
				      "a response to a command never sent");
	p->step = IMAP_STEP_TAGGED;
	return false;
}

/* ---- continuation ---- */

bool imap_on_continue(struct imap *p, const struct lexeme *t,
		      struct imap_event *ev)
{
	imap_response_done(p);
	if (p->auth == IMAP_TURN_SERVER) {
		p->auth = IMAP_TURN_CLIENT;
		imap_progress(p);
		*ev = (struct imap_event){ .type = IMAP_EV_CONTINUE,
					   .text = view_trim(t->text) };
		return true;
	}
	if (imap_release_hold(p)) {
		imap_progress(p);
		return false;
	}
	if (p->idle != IMAP_TURN_SERVER)
		return imap_malformed(p, ev, "a continuation nobody awaits");
	p->idle = IMAP_TURN_CLIENT;
	imap_progress(p);
	*ev = (struct imap_event){ .type = IMAP_EV_IDLING };
	return true;
}

/* ---- tagged ---- */

static void signed_in(struct imap *p)
{
	p->phase = IMAP_PHASE_SIGNED_IN;
	/* RFC 3501 6.2: what was known before a sign-in holds no longer. */
	if (p->told == p->told_before)
		p->capabilities = (struct imap_capabilities){ .known = false };
}

static bool tls_wanted(struct imap *p, struct imap_event *ev)
{
	/*
	 * Whatever is here was written before TLS, to be believed under it
	 * (CVE-2021-38371 and many more).
	 */
	if (p->in.len > p->lent)
		return imap_fail(p, ev, ERR_TRUST,
				 "clear text follows the answer to STARTTLS");
	p->capabilities = (struct imap_capabilities){ .known = false };
	p->phase = IMAP_PHASE_TLS;
	*ev = (struct imap_event){ .type = IMAP_EV_TLS_WANTED };
	return true;
}

/* What follows is for the layer to come; it cannot be taken for text. */
static bool deflate(struct imap *p, struct imap_event *ev)
{
	struct view behind = view_skip(queue_view(&p->in), p->lent);

	p->behind = p->phase;
	p->phase = IMAP_PHASE_DEFLATE;
	*ev = (struct imap_event){ .type = IMAP_EV_DEFLATE, .text = behind };
	return true;
}

static bool logged_out(struct imap *p, struct imap_event *ev)
{
	p->phase = IMAP_PHASE_DEAD;
	*ev = (struct imap_event){ .type = IMAP_EV_CLOSED };
	return true;
}

static void selected(struct imap *p, struct imap_event *ev)
{
	ev->mailbox = p->selected;
	p->uidvalidity = p->selected.uidvalidity;
	p->selected = (struct imap_mailbox){ .name = VIEW_NONE };
	/* RFC 3501 6.3.1: a SELECT that failed leaves nothing selected. */
	p->phase = ev->status == IMAP_OK ? IMAP_PHASE_SELECTED
					 : IMAP_PHASE_SIGNED_IN;
}

/* What the answer to this command changes; true: *ev is another event. */
static bool conclude(struct imap *p, struct imap_event *ev)
{
	bool ok = ev->status == IMAP_OK;

	switch (ev->command) {
	case IMAP_STARTTLS:
		return ok && tls_wanted(p, ev);
	case IMAP_COMPRESS:
		return ok && deflate(p, ev);
	case IMAP_LOGOUT:
		return ok && logged_out(p, ev);
	case IMAP_LOGIN:
	case IMAP_AUTHENTICATE:
		if (ok)
			signed_in(p);
		return false;
	case IMAP_SELECT:
	case IMAP_EXAMINE:
		selected(p, ev);
		return false;
	case IMAP_UNSELECT:
		if (ok)
			p->phase = IMAP_PHASE_SIGNED_IN;
		return false;
	case IMAP_NOTIFY:
		p->notified = p->notified || ok;
		return false;
	case IMAP_NO_COMMAND:
	case IMAP_CAPABILITY:
	case IMAP_ID:
	case IMAP_ENABLE:
	case IMAP_STATUS:
	case IMAP_LIST:
	case IMAP_FETCH:
	case IMAP_FETCH_BODY:
	case IMAP_SEARCH:
	case IMAP_STORE:
	case IMAP_UID_EXPUNGE:
	case IMAP_EXPUNGE:
	case IMAP_MOVE:
	case IMAP_COPY:
	case IMAP_CREATE:
	case IMAP_NOOP:
	case IMAP_IDLE:
		break;
	}
	return false;
}

bool imap_on_tagged(struct imap *p, const struct lexeme *t,
		    struct imap_event *ev)
{
	struct view line = view_trim(t->text);
	struct condition c;

	imap_response_done(p);
	if (!imap_value_status(view_word(&line), &c.status) ||
	    c.status == IMAP_PREAUTH || c.status == IMAP_BYE)
		return imap_malformed(p, ev,
				      "a tagged response without status");
	split_text(line, &c);
	learn(p, &c);
	tell(ev, IMAP_EV_TAGGED, &c);
	ev->tag = p->number;
	ev->command = p->ring[p->number % IMAP_PIPELINE].command;
	if (!imap_settle_command(p, p->number))
		return imap_malformed(p, ev, "an answer before the question");
	imap_progress(p);
	p->untagged = 0;
	conclude(p, ev);
	p->told_before = p->told;
	return true;
}

/* ---- untagged ---- */

static bool greet(struct imap *p, const struct condition *c,
		  struct imap_event *ev)
{
	if (c->status == IMAP_NO || c->status == IMAP_BAD)
		return imap_no_greeting(p, ev, c->text);
	/* RFC 9051 11.1: it would keep TLS from ever being asked for. */
	if (c->status == IMAP_PREAUTH && !p->under_tls)
		return imap_fail(p, ev, ERR_TRUST,
				 "the server signs in before TLS (PREAUTH)");
	p->phase = c->status == IMAP_PREAUTH ? IMAP_PHASE_SIGNED_IN
					     : IMAP_PHASE_FRESH;
	learn(p, c);
	p->told_before = p->told;
	imap_progress(p);
	tell(ev, IMAP_EV_GREETING, c);
	return true;
}

static bool goodbye(struct imap *p, const struct condition *c,
		    struct imap_event *ev)
{
	tell(ev, IMAP_EV_BYE, c);
	if (imap_flies(p, IMAP_LOGOUT))
		return true;
	p->phase = IMAP_PHASE_BYE;
	if (imap_not_now(ev, &p->err))
		return true;
	err_set(&p->err, imap_refusal(IMAP_NO_COMMAND, IMAP_BYE, c->code),
		"the server ended the session");
	p->err.origin = ERR_FROM_IMAP;
	err_peer(&p->err, c->text);
	return true;
}

/*
 * Of the mailbox selected, while none is being selected: what its UIDs name has
 * changed in mid-session (CASES D3).
 */
static bool changes_uids(const struct imap *p, const struct condition *c)
{
	return c->code == IMAP_CODE_UIDVALIDITY &&
	       p->phase == IMAP_PHASE_SELECTED && !imap_flies(p, IMAP_SELECT) &&
	       !imap_flies(p, IMAP_EXAMINE) &&
	       imap_value_nz(c->args) != p->uidvalidity;
}

/* Before sign-in nothing a server says of itself is to be believed (A5). */
static bool worth_a_note(const struct imap *p, const struct condition *c)
{
	if (p->phase == IMAP_PHASE_FRESH && !imap_flies(p, IMAP_LOGIN) &&
	    !imap_flies(p, IMAP_AUTHENTICATE))
		return false;
	return c->status != IMAP_OK || c->code == IMAP_CODE_ALERT ||
	       changes_uids(p, c) ||
	       (c->code == IMAP_CODE_COPYUID && /* RFC 6851 4.3 */
		(imap_flies(p, IMAP_MOVE) || imap_flies(p, IMAP_COPY)));
}

bool imap_on_condition(struct imap *p, const struct lexeme *t,
		       struct imap_event *ev)
{
	struct condition c = { .status = p->condition };

	imap_response_done(p);
	split_text(t->text, &c);
	if (c.status == IMAP_BYE)
		return goodbye(p, &c, ev);
	if (p->phase == IMAP_PHASE_GREETING)
		return greet(p, &c, ev);
	if (c.status == IMAP_PREAUTH)
		return imap_malformed(p, ev, "PREAUTH behind the greeting");
	learn(p, &c);
	if (!worth_a_note(p, &c))
		return false;
	tell(ev, IMAP_EV_NOTE, &c);
	return true;
}

bool imap_on_capability(struct imap *p, const struct lexeme *t,
			struct imap_event *ev)
{
	imap_response_done(p);
	learn_capabilities(p, t->text);
	*ev = (struct imap_event){ .type = IMAP_EV_CAPABILITIES,
				   .text = view_trim(t->text) };
	return true;
}

/* RFC 5161 3.2 */
bool imap_on_enabled(struct imap *p, const struct lexeme *t,
		     struct imap_event *ev)
{
	struct view words = view_trim(t->text);

	(void)ev;
	imap_response_done(p);
	imap_progress(p);
	while (words.n)
		if (view_ieq(view_word(&words), VIEW_LIT("UTF8=ACCEPT")))
			p->utf8 = true;
	return false;
}

/* ---- judgement ---- */

static bool may_pass(enum imap_code code)
{
	return code == IMAP_CODE_UNAVAILABLE || code == IMAP_CODE_INUSE ||
	       code == IMAP_CODE_LIMIT || code == IMAP_CODE_SERVERBUG ||
	       code == IMAP_CODE_OVERQUOTA || code == IMAP_CODE_EXPUNGEISSUED;
}

static bool of_sign_in(enum imap_code code)
{
	return code == IMAP_CODE_AUTHENTICATIONFAILED ||
	       code == IMAP_CODE_AUTHORIZATIONFAILED ||
	       code == IMAP_CODE_EXPIRED || code == IMAP_CODE_PRIVACYREQUIRED;
}

enum err_class imap_refusal(enum imap_command command, enum imap_status status,
			    enum imap_code code)
{
	if (may_pass(code))
		return ERR_RETRY;
	if (of_sign_in(code))
		return ERR_AUTH;
	if (status == IMAP_BYE)
		return ERR_RETRY;
	if (status == IMAP_BAD)
		return ERR_PROTOCOL;
	if (command == IMAP_LOGIN || command == IMAP_AUTHENTICATE)
		return ERR_AUTH;
	return ERR_REFUSED;
}

/* [LIMIT] and [OVERQUOTA] to what writes nothing: a limit on how much, when. */
static bool only_reads(enum imap_command command)
{
	switch (command) {
	case IMAP_NO_COMMAND:
	case IMAP_CAPABILITY:
	case IMAP_STARTTLS:
	case IMAP_LOGIN:
	case IMAP_AUTHENTICATE:
	case IMAP_ID:
	case IMAP_ENABLE:
	case IMAP_COMPRESS:
	case IMAP_SELECT:
	case IMAP_EXAMINE:
	case IMAP_STATUS:
	case IMAP_LIST:
	case IMAP_FETCH:
	case IMAP_FETCH_BODY:
	case IMAP_SEARCH:
	case IMAP_NOOP:
	case IMAP_NOTIFY:
	case IMAP_IDLE:
	case IMAP_UNSELECT:
	case IMAP_LOGOUT:
		return true;
	case IMAP_STORE:
	case IMAP_UID_EXPUNGE:
	case IMAP_EXPUNGE:
	case IMAP_MOVE:
	case IMAP_COPY:
	case IMAP_CREATE:
		break;
	}
	return false;
}

/*
 * Exchange's words behind a sign-in that went well: jstedfast/MailKit issue
 * 1494 (2022-12-27), mscdex/node-imap 689 (2018-03-23), getmail6/getmail6 221
 * (2025-02-10: the token was another user's).
 */
static bool not_connected(const struct imap_event *ev, struct err *err)
{
	static const struct view words =
		VIEW_LIT("authenticated but not connected");

	if (view_ifind(ev->text, words) == ev->text.n)
		return false;
	err_set(err, ERR_RETRY, "signed in, but the mailbox does not open");
	err->wait_ms = THROTTLE_WAIT_MS;
	err_remedy(err,
		   "see that IMAP is switched on for the mailbox, that the "
		   "token is this user's, and that few programs use it; tried "
		   "again after %u min",
		   throttle_minutes(err->wait_ms));
	return true;
}

bool imap_not_now(const struct imap_event *ev, struct err *err)
{
	bool by_code = (ev->code == IMAP_CODE_LIMIT ||
			ev->code == IMAP_CODE_OVERQUOTA) &&
		       only_reads(ev->command);
	uint64_t wait_ms = 0;

	if (ev->status == IMAP_OK || ev->status == IMAP_PREAUTH)
		return false;
	if (throttle_said(ev->text, &wait_ms) || by_code ||
	    ev->code == IMAP_CODE_THROTTLED) {
		err_set(err, ERR_RETRY, "the server asks us to slow down");
		throttle_err(err, wait_ms);
	} else if (!not_connected(ev, err)) {
		return false;
	}
	err->origin = ERR_FROM_IMAP;
	err_peer(err, ev->text);
	return true;
}
