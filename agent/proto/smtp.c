#include "smtp.h"

#include "secret.h"
#include "smtp_state.h"

#include <stdlib.h>

struct smtp *smtp_new(enum smtp_kind kind, enum smtp_line line)
{
	struct smtp *s = mem_grow(NULL, sizeof(*s));

	memset(s, 0, offsetof(struct smtp, inbuf));
	s->kind = kind;
	s->line = line;
	s->in = (struct queue){ .data = s->inbuf, .cap = sizeof(s->inbuf) };
	s->out = (struct queue){ .data = s->outbuf, .cap = sizeof(s->outbuf) };
	return s;
}

void smtp_free(struct smtp *s)
{
	if (!s)
		return;
	/* no octet of outbuf lies behind the number of all that were queued */
	secret_wipe(s,
		    s->queued < SMTP_OUT_OCTETS
			    ? offsetof(struct smtp, outbuf) + (size_t)s->queued
			    : sizeof(*s));
	free(s);
}

/* ---- ports ---- */

static void settle(struct smtp *s)
{
	queue_drop(&s->in, s->lent);
	s->lent = 0;
}

static bool is_over(const struct smtp *s)
{
	return s->phase == SMTP_PHASE_LEAVING || s->phase == SMTP_PHASE_DEAD;
}

struct room smtp_room(struct smtp *s)
{
	settle(s);
	/* Octets behind the STARTTLS reply belong to the handshake (A4). */
	if (is_over(s) || s->phase == SMTP_PHASE_TLS)
		return (struct room){ NULL, 0 };
	return queue_room(&s->in);
}

void smtp_received(struct smtp *s, size_t n)
{
	queue_added(&s->in, n);
}

void smtp_eof(struct smtp *s)
{
	s->eof = true;
}

struct view smtp_pending(const struct smtp *s)
{
	uint64_t allowed = UINT64_MAX;

	if (is_over(s) || s->phase == SMTP_PHASE_TLS)
		return VIEW_NONE;
	/* RFC 2920: without it each command waits for the reply before. */
	if (s->count > 0 && !(smtp_caps(s) & SMTP_CAP_PIPELINING))
		allowed = s->ring[s->head].end - s->sent;
	if (allowed > s->out.len)
		return queue_view(&s->out);
	return view_head(queue_view(&s->out), (size_t)allowed);
}

bool smtp_pending_is_secret(const struct smtp *s)
{
	return s->count > 0 && s->ring[s->head].cmd == SMTP_CMD_AUTH;
}

#define PATIENCE_BLOCK (64u << 10)

void smtp_sent(struct smtp *s, size_t n)
{
	uint64_t end = s->count > 0 ? s->ring[s->head].end : 0;

	MUST(n <= s->out.len);
	if (smtp_pending_is_secret(s))
		secret_wipe(s->out.data + s->out.off, n);
	queue_drop(&s->out, n);
	if (s->sent < end && s->sent + n >= end)
		s->serial++; /* from now on its reply is awaited */
	s->sent += n;
	if (s->sent - s->block_at >= PATIENCE_BLOCK) {
		s->block_at = s->sent;
		s->serial++;
	}
}

static uint32_t reply_ms(enum smtp_cmd cmd)
{
	switch (cmd) {
	case SMTP_CMD_EHLO:
	case SMTP_CMD_STARTTLS:
	case SMTP_CMD_AUTH:
	case SMTP_CMD_XCLIENT:
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_RSET:
	case SMTP_CMD_NOOP:
		return LIMIT_MAIL_MS;
	case SMTP_CMD_DATA:
		return LIMIT_DATA_MS;
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
		return LIMIT_DOT_MS;
	case SMTP_CMD_QUIT:
		return 0;
	}
	return LIMIT_MAIL_MS;
}

struct patience smtp_patience(const struct smtp *s)
{
	struct patience p = { .serial = s->serial };

	if (is_over(s) || s->phase == SMTP_PHASE_TLS)
		return p;
	if (s->phase == SMTP_PHASE_GREETING) {
		p.ms = LIMIT_GREETING_MS;
	} else if (s->count > 0 && s->ring[s->head].end <= s->sent) {
		p.ms = s->challenged ? 0 : reply_ms(s->ring[s->head].cmd);
	} else if (smtp_pending(s).n > 0) { /* it does not read: G18 */
		p.ms = LIMIT_BLOCK_MS;
		p.rate = LIMIT_RATE_OCTETS_S;
	}
	return p;
}

void smtp_secured(struct smtp *s)
{
	MUST(s->phase == SMTP_PHASE_TLS);
	s->phase = SMTP_PHASE_READY;
	s->line = SMTP_LINE_TLS;
	s->serial++;
}

/* RFC 3207 4.2: nothing learnt in clear is known under TLS; nor behind XCLIENT.
 */
static void forget(struct smtp *s)
{
	s->caps = s->learnt = 0;
	s->size_limit = 0;
	s->auth_n = 0;
	s->xclient = 0;
	s->mail_ok = false;
	s->accepted = s->judged = 0;
}

unsigned smtp_caps(const struct smtp *s)
{
	return s->caps & ~s->forgone;
}

void smtp_forgo(struct smtp *s, unsigned caps)
{
	s->forgone |= caps;
}

unsigned smtp_in_flight(const struct smtp *s)
{
	return s->count;
}

bool smtp_is_in_doubt(const struct smtp *s, uint64_t tag)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct smtp_inflight *at =
			&s->ring[(s->head + i) % SMTP_INFLIGHT_MAX];

		if (at->last && at->tag == tag)
			return at->end <= s->sent;
	}
	return false;
}

/* ---- ends ---- */

static bool failed(struct smtp *s, struct smtp_event *ev)
{
	s->phase = SMTP_PHASE_DEAD;
	*ev = (struct smtp_event){ .type = SMTP_EV_FAILED, .err = &s->err };
	return true;
}

static bool fail(struct smtp *s, struct smtp_event *ev, enum err_class class,
		 const char *what)
{
	err_set(&s->err, class, "%s", what);
	s->err.origin = ERR_FROM_SMTP;
	if (s->reply.code)
		err_peer(&s->err, reply_words(&s->reply));
	return failed(s, ev);
}

static bool fail_strict(struct smtp *s, struct smtp_event *ev, const char *what)
{
	return fail(s, ev, ERR_PROTOCOL, what);
}

static bool bye(struct smtp *s, struct smtp_event *ev)
{
	s->phase = SMTP_PHASE_DEAD;
	*ev = (struct smtp_event){ .type = SMTP_EV_BYE, .reply = &s->reply };
	return true;
}

static bool ended(struct smtp *s, struct smtp_event *ev)
{
	if (s->count > 0 && smtp_head(s)->cmd == SMTP_CMD_QUIT) {
		s->phase = SMTP_PHASE_DEAD;
		*ev = (struct smtp_event){ .type = SMTP_EV_CLOSED };
		return true;
	}
	reply_begin(&s->reply);
	return fail(s, ev, ERR_NETWORK, "the server closed the connection");
}

/* ---- replies ---- */

static void pop(struct smtp *s)
{
	s->head = (s->head + 1) % SMTP_INFLIGHT_MAX;
	s->count--;
}

static bool is_positive(const struct smtp *s)
{
	return s->reply.code / 100 == 2;
}

/* The reply settles the command at the head. */
static bool answer(struct smtp *s, struct smtp_event *ev, bool ok)
{
	const struct smtp_inflight *at = smtp_head(s);

	*ev = (struct smtp_event){ .type = SMTP_EV_REPLY,
				   .cmd = at->cmd,
				   .ok = ok,
				   .last = at->last,
				   .tag = at->tag,
				   .reply = &s->reply };
	/* refused before its end: nothing more can be said here in order */
	if (s->reply.code == 421 || at->end > s->sent)
		s->phase = SMTP_PHASE_LEAVING;
	pop(s);
	return true;
}

static bool need_tls(struct smtp *s, struct smtp_event *ev, const char *what)
{
	bool later = s->reply.code / 100 == 4;

	fail(s, ev, later ? ERR_RETRY : ERR_TRUST, what);
	err_remedy(&s->err, "the server must offer STARTTLS here; a port with "
			    "TLS from the start is another way");
	return true;
}

static bool on_ehlo(struct smtp *s, struct smtp_event *ev)
{
	bool ok = is_positive(s);

	if (!ok && s->line == SMTP_LINE_STARTTLS)
		return need_tls(s, ev, "EHLO was refused, so there is no TLS");
	/* RFC 5321 3.2: an old server may know HELO only */
	if (s->reply.code / 100 == 5 && !s->helo && s->kind == SMTP_KIND_SMTP) {
		smtp_send_helo(s);
		return false;
	}
	s->caps = ok && !s->helo ? s->learnt : 0;
	if (ok && s->line == SMTP_LINE_STARTTLS &&
	    !(s->caps & SMTP_CAP_STARTTLS))
		return need_tls(s, ev, "the server offers no STARTTLS");
	return answer(s, ev, ok);
}

static bool on_starttls(struct smtp *s, struct smtp_event *ev)
{
	if (s->reply.code != 220) {
		if (s->line == SMTP_LINE_STARTTLS)
			return need_tls(s, ev, "STARTTLS was refused");
		return is_positive(s)
			       ? fail_strict(s, ev, "odd reply to STARTTLS")
			       : answer(s, ev, false);
	}
	/* CVE-2021-38371 and its kin */
	if (s->in.len != s->lent)
		return fail(s, ev, ERR_TRUST,
			    "octets in clear behind the reply to STARTTLS");
	forget(s);
	pop(s);
	s->phase = SMTP_PHASE_TLS;
	*ev = (struct smtp_event){ .type = SMTP_EV_TLS_WANTED,
				   .reply = &s->reply };
	return true;
}

static bool on_auth(struct smtp *s, struct smtp_event *ev, struct view text)
{
	if (s->reply.code != 334)
		return answer(s, ev, is_positive(s));
	if (s->reply.lines > 1)
		return fail_strict(s, ev, "a challenge of several lines");
	s->challenged = true;
	*ev = (struct smtp_event){ .type = SMTP_EV_CHALLENGE,
				   .cmd = SMTP_CMD_AUTH,
				   .reply = &s->reply,
				   .words = text };
	return true;
}

static bool on_rcpt(struct smtp *s, struct smtp_event *ev)
{
	if (is_positive(s)) {
		if (!s->mail_ok)
			return fail_strict(s, ev,
					   "a recipient was accepted "
					   "without a sender");
		MUST(s->accepted < LIMIT_RECIPIENTS);
		s->rcpt[s->accepted++] = smtp_head(s)->tag;
	}
	return answer(s, ev, is_positive(s));
}

static void new_transaction(struct smtp *s, bool mail_ok)
{
	s->mail_ok = mail_ok;
	s->accepted = s->judged = 0;
}

static bool on_data(struct smtp *s, struct smtp_event *ev)
{
	struct smtp_inflight *at = smtp_head(s);

	if (at->lone || s->reply.code >= 400) {
		s->feed = SMTP_FEED_NONE;
		if (at->lone)
			new_transaction(s, false);
		return answer(s, ev, false);
	}
	if (s->reply.code != 354)
		return fail_strict(s, ev, "odd reply to DATA");
	if (s->accepted == 0 && s->kind == SMTP_KIND_LMTP)
		return fail_strict(s, ev, "354 without a recipient");
	if (s->accepted == 0) { /* RFC 2920 3.1 */
		smtp_send_lone_dot(s);
		return false;
	}
	at->cmd = SMTP_CMD_BODY;
	at->last = true;
	at->end = SMTP_END_OPEN;
	s->feed = SMTP_FEED_DATA;
	s->fed[0] = '\r';
	s->fed[1] = '\n';
	*ev = (struct smtp_event){ .type = SMTP_EV_GO_AHEAD,
				   .cmd = SMTP_CMD_DATA,
				   .ok = true,
				   .tag = at->tag,
				   .reply = &s->reply };
	return true;
}

/* RFC 2033 4.2: a verdict for each recipient that was accepted. */
static bool lmtp_verdict(struct smtp *s, struct smtp_event *ev)
{
	struct smtp_inflight at = *smtp_head(s);
	uint64_t rcpt = s->rcpt[s->judged++];
	uint32_t left = s->accepted - s->judged;

	answer(s, ev, is_positive(s));
	ev->rcpt = rcpt;
	ev->left = left;
	if (left > 0) { /* not settled yet: back to the head */
		s->head = (s->head + SMTP_INFLIGHT_MAX - 1) % SMTP_INFLIGHT_MAX;
		s->ring[s->head] = at;
		s->count++;
	} else {
		new_transaction(s, false);
	}
	return true;
}

static bool on_verdict(struct smtp *s, struct smtp_event *ev)
{
	bool ok = is_positive(s);

	if (!smtp_head(s)->last)
		return answer(s, ev, ok);
	if (s->kind == SMTP_KIND_LMTP && s->accepted > 0)
		return lmtp_verdict(s, ev);
	if (ok && s->accepted == 0)
		return fail_strict(s, ev,
				   "a message without recipients was "
				   "accepted");
	new_transaction(s, false);
	return answer(s, ev, ok);
}

static bool on_quit(struct smtp *s, struct smtp_event *ev)
{
	s->phase = SMTP_PHASE_DEAD;
	*ev = (struct smtp_event){ .type = SMTP_EV_CLOSED,
				   .cmd = SMTP_CMD_QUIT,
				   .ok = is_positive(s),
				   .reply = &s->reply };
	return true;
}

/* false: no event comes of it. */
static bool on_reply(struct smtp *s, struct smtp_event *ev, struct view text)
{
	bool ok = is_positive(s);

	switch (smtp_head(s)->cmd) {
	case SMTP_CMD_EHLO:
		return on_ehlo(s, ev);
	case SMTP_CMD_STARTTLS:
		return on_starttls(s, ev);
	case SMTP_CMD_AUTH:
		return on_auth(s, ev, text);
	case SMTP_CMD_XCLIENT:
		if (ok)
			forget(s);
		return answer(s, ev, ok);
	case SMTP_CMD_MAIL:
		new_transaction(s, ok);
		return answer(s, ev, ok);
	case SMTP_CMD_RCPT:
		return on_rcpt(s, ev);
	case SMTP_CMD_DATA:
		return on_data(s, ev);
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
		return on_verdict(s, ev);
	case SMTP_CMD_RSET:
		if (ok)
			new_transaction(s, false);
		return answer(s, ev, ok);
	case SMTP_CMD_NOOP:
		return answer(s, ev, ok);
	case SMTP_CMD_QUIT:
		return on_quit(s, ev);
	}
	return false;
}

static bool on_greeting(struct smtp *s, struct smtp_event *ev)
{
	int code = s->reply.code;

	if (code == 421)
		return bye(s, ev);
	if (code != 220 && code < 400)
		return fail_strict(s, ev, "odd greeting");
	s->phase = code == 220 ? SMTP_PHASE_READY : SMTP_PHASE_REFUSED;
	*ev = (struct smtp_event){ .type = SMTP_EV_GREETING,
				   .ok = code == 220,
				   .reply = &s->reply };
	return true;
}

/* Whether the complete reply can belong to the command at the head. */
static bool is_in_order(const struct smtp *s)
{
	const struct smtp_inflight *at = &s->ring[s->head];

	if (s->count == 0 || at->line_end > s->sent || s->challenged)
		return false;
	/* before the end of a body nothing but a refusal: CASES G12 */
	return at->end <= s->sent || s->reply.code >= 400;
}

static bool is_intermediate_fit(const struct smtp *s)
{
	enum smtp_cmd cmd = s->ring[s->head].cmd;

	return s->reply.code / 100 != 3 ||
	       (cmd == SMTP_CMD_DATA && !s->ring[s->head].lone) ||
	       (cmd == SMTP_CMD_AUTH && s->reply.code == 334);
}

static bool on_complete(struct smtp *s, struct smtp_event *ev, struct view text)
{
	s->serial++;
	s->reply_done = true;
	if (s->phase == SMTP_PHASE_GREETING)
		return on_greeting(s, ev);
	if (!is_in_order(s)) {
		if (s->reply.code == 421)
			return bye(s, ev);
		return fail_strict(s, ev,
				   s->count == 0 ? "a reply without a command"
						 : "a reply before the command "
						   "was sent");
	}
	if (!is_intermediate_fit(s))
		return fail_strict(s, ev, "a reply that does not fit");
	return on_reply(s, ev, text);
}

enum line {
	LINE_NONE,
	LINE_WHOLE,
	LINE_BAD
};

static enum line take_line(struct smtp *s, struct view *line)
{
	struct view in = queue_view(&s->in);
	size_t n = view_find(view_head(in, LIMIT_REPLY_LINE), '\n');

	if (n == in.n || n == LIMIT_REPLY_LINE)
		return in.n >= LIMIT_REPLY_LINE ? LINE_BAD : LINE_NONE;
	if (n == 0 || in.p[n - 1] != '\r')
		return LINE_BAD;
	*line = view_head(in, n - 1);
	s->lent = n + 1;
	return LINE_WHOLE;
}

static bool bad_line(struct smtp *s, struct smtp_event *ev)
{
	struct view in = queue_view(&s->in);

	reply_begin(&s->reply);
	if (in.n >= LIMIT_REPLY_LINE)
		return fail(s, ev, ERR_LIMIT, "a reply line too long");
	fail_strict(s, ev, "not a reply line");
	err_peer(&s->err, view_head(in, 80));
	return true;
}

/* false: no event comes of this line. */
static bool on_line(struct smtp *s, struct smtp_event *ev, struct view line)
{
	struct view text = VIEW_NONE;
	enum reply_step step;

	if (s->reply_done)
		reply_begin(&s->reply);
	s->reply_done = false;
	step = reply_line(&s->reply, line, &text);
	if (step == REPLY_BAD)
		return bad_line(s, ev);
	if (step == REPLY_LONG)
		return fail(s, ev, ERR_LIMIT, "a reply of too many lines");
	if (s->count > 0 && smtp_head(s)->cmd == SMTP_CMD_EHLO &&
	    s->reply.lines > 1)
		smtp_learn(s, text);
	/* told at once, so that no endless reply need be read */
	if (s->count == 0 && s->phase != SMTP_PHASE_GREETING &&
	    s->reply.code != 421)
		return fail_strict(s, ev, "a reply without a command");
	return step == REPLY_DONE && on_complete(s, ev, text);
}

bool smtp_next(struct smtp *s, struct smtp_event *ev)
{
	struct view line = VIEW_NONE;

	for (;;) {
		settle(s);
		if (s->phase == SMTP_PHASE_LEAVING)
			return bye(s, ev);
		if (s->phase == SMTP_PHASE_DEAD || s->phase == SMTP_PHASE_TLS)
			return false;
		switch (take_line(s, &line)) {
		case LINE_NONE:
			return s->eof && ended(s, ev);
		case LINE_BAD:
			return bad_line(s, ev);
		case LINE_WHOLE:
			if (on_line(s, ev, line))
				return true;
		}
	}
}
