#include "pop3_private.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "must.h"
#include "pop3_line.h"

/* --- ports --- */

struct pop3 *pop3_new(void)
{
	struct pop3 *p = mem_grow(NULL, sizeof(*p));

	memset(p, 0, offsetof(struct pop3, in_octets));
	p->in = (struct queue){ .data = p->in_octets, .cap = POP3_IN_OCTETS };
	p->out =
		(struct queue){ .data = p->out_octets, .cap = POP3_OUT_OCTETS };
	return p;
}

void pop3_free(struct pop3 *p)
{
	if (!p)
		return;
	if (p->tainted)
		secret_wipe(p->out_octets, sizeof(p->out_octets));
	free(p);
}

static void settle(struct pop3 *p)
{
	queue_drop(&p->in, p->lent);
	p->lent = 0;
}

struct room pop3_room(struct pop3 *p)
{
	settle(p);
	if (p->phase == PHASE_OVER || p->phase == PHASE_HANDSHAKE)
		return (struct room){ NULL, 0 };
	return queue_room(&p->in);
}

void pop3_received(struct pop3 *p, size_t n)
{
	queue_added(&p->in, n);
}

void pop3_eof(struct pop3 *p)
{
	p->eof = true;
}

struct view pop3_pending(const struct pop3 *p)
{
	return queue_view(&p->out);
}

void pop3_sent(struct pop3 *p, size_t n)
{
	queue_drop(&p->out, n);
	if (p->tainted && p->out.len == 0) {
		secret_wipe(p->out_octets, sizeof(p->out_octets));
		p->tainted = false;
	}
}

void pop3_secured(struct pop3 *p)
{
	MUST(p->phase == PHASE_HANDSHAKE);
	p->phase = PHASE_READY;
	p->gate = GATE_OPEN;
	/* RFC 2595 4: what was learnt in clear is discarded */
	p->caps = (struct pop3_caps){ 0 };
}

const struct pop3_caps *pop3_caps(const struct pop3 *p)
{
	return &p->caps;
}

size_t pop3_in_flight(const struct pop3 *p)
{
	return p->count;
}

/* --- events --- */

/*
 * In blocks, so that the time bought by many octets cannot be spent on silence
 * afterwards, and an octet now and then buys none.
 */
static void streamed(struct pop3 *p, size_t n)
{
	p->block += n;
	if (p->block >= POP3_IN_OCTETS) {
		p->block = 0;
		p->serial++;
	}
}

static bool failed(struct pop3 *p, struct pop3_event *ev, enum err_class class,
		   const char *what, struct view peer)
{
	p->phase = PHASE_OVER;
	err_set(&p->err, class, "%s", what);
	err_peer(&p->err, peer);
	p->err.origin = ERR_FROM_POP3;
	*ev = (struct pop3_event){ .type = POP3_EV_FAILED, .err = &p->err };
	return true;
}

enum got {
	GOT_NOTHING,
	GOT_LINE,
	GOT_LF_ONLY,
	GOT_TOO_LONG
};

/* Takes one line off p->in; CRLF is lent with it. */
static enum got take_line(struct pop3 *p, struct view *line)
{
	struct view in = queue_view(&p->in);
	size_t lf = view_find(in, '\n');

	*line = view_head(in, lf);
	if (lf >= LIMIT_REPLY_LINE)
		return GOT_TOO_LONG;
	if (lf == in.n)
		return GOT_NOTHING;
	if (lf == 0 || in.p[lf - 1] != '\r')
		return GOT_LF_ONLY;
	line->n = lf - 1;
	p->lent = lf + 1;
	return GOT_LINE;
}

static struct pop3_inflight finish(struct pop3 *p)
{
	struct pop3_inflight done = p->ring[p->head];

	p->head = (p->head + 1) % POP3_PIPELINE_MAX;
	p->count--;
	p->serial++;
	p->block = 0;
	p->phase = PHASE_READY;
	if (p->gate == GATE_WAIT)
		p->gate = GATE_OPEN;
	return done;
}

static bool on_greeting(struct pop3 *p, struct view line, struct pop3_event *ev)
{
	struct view text;
	enum pop3_code code;
	bool ok;

	if (!pop3_line_status(line, &ok, &text))
		return failed(p, ev, ERR_PROTOCOL,
			      "this is not a POP3 greeting", line);
	code = pop3_line_code(text);
	if (!ok) /* temporary unless the server says otherwise */
		return failed(p, ev,
			      code == POP3_CODE_SYS_PERM ? ERR_REFUSED
							 : ERR_RETRY,
			      "the server refuses the session", text);
	p->phase = PHASE_READY;
	p->serial++;
	*ev = (struct pop3_event){
		.type = POP3_EV_GREETING, .ok = true, .code = code, .text = text
	};
	return true;
}

static bool on_challenge(struct pop3 *p, struct view line,
			 struct pop3_event *ev)
{
	p->phase = PHASE_CHALLENGED;
	p->serial++;
	*ev = (struct pop3_event){ .type = POP3_EV_CHALLENGE,
				   .cmd = POP3_CMD_AUTH,
				   .text = view_skip(line, 2) };
	return true;
}

/* The server speaks though nothing was asked. */
static bool on_unasked(struct pop3 *p, struct view line, struct pop3_event *ev)
{
	/* "-ERR idle for too long" before it closes */
	if (view_starts(line, VIEW_LIT("-ERR")))
		return failed(p, ev, ERR_RETRY, "the server ends the session",
			      line);
	return failed(p, ev, ERR_PROTOCOL, "a reply without a command", line);
}

static bool on_stls(struct pop3 *p, struct pop3_event *ev)
{
	/* RFC 2595 4: what follows in clear was put there by others */
	if (p->in.len != p->lent)
		return failed(p, ev, ERR_PROTOCOL,
			      "clear text behind the reply to STLS", VIEW_NONE);
	finish(p);
	p->phase = PHASE_HANDSHAKE;
	p->gate = GATE_WAIT;
	ev->type = POP3_EV_TLS_WANTED;
	return true;
}

static void begin_listing(struct pop3 *p)
{
	p->phase = PHASE_LISTING;
	p->lines = 0;
	p->block = 0;
	p->serial++;
}

static void begin_body(struct pop3 *p)
{
	p->phase = PHASE_BODY;
	p->line_start = true;
	p->after_cr = false;
	p->block = 0;
	p->serial++;
}

/* "+OK" to the command in ev. */
static bool on_accepted(struct pop3 *p, struct pop3_event *ev)
{
	switch (ev->cmd) {
	case POP3_CMD_STLS:
		return on_stls(p, ev);
	case POP3_CMD_CAPA:
		p->caps = (struct pop3_caps){ 0 };
		begin_listing(p);
		return true;
	case POP3_CMD_LIST:
	case POP3_CMD_UIDL:
		begin_listing(p);
		return true;
	case POP3_CMD_TOP:
	case POP3_CMD_RETR:
		begin_body(p);
		return true;
	case POP3_CMD_STAT:
		pop3_line_stat(ev->text, &ev->number, &ev->octets);
		break;
	case POP3_CMD_USER:
	case POP3_CMD_PASS:
	case POP3_CMD_APOP:
	case POP3_CMD_AUTH:
	case POP3_CMD_UTF8:
	case POP3_CMD_DELE:
	case POP3_CMD_NOOP:
	case POP3_CMD_RSET:
	case POP3_CMD_QUIT:
		break;
	}
	finish(p);
	return true;
}

static bool on_reply(struct pop3 *p, struct view line, struct pop3_event *ev)
{
	struct pop3_inflight now = p->ring[p->head];
	struct view text;
	bool ok;

	if (p->count == 0)
		return on_unasked(p, line, ev);
	if (!pop3_line_status(line, &ok, &text)) {
		if (now.cmd == POP3_CMD_AUTH &&
		    (view_eq(line, VIEW_LIT("+")) ||
		     view_starts(line, VIEW_LIT("+ "))))
			return on_challenge(p, line, ev);
		return failed(p, ev, ERR_PROTOCOL,
			      "a reply that is neither +OK nor -ERR", line);
	}
	*ev = (struct pop3_event){ .type = POP3_EV_REPLY,
				   .cmd = now.cmd,
				   .ok = ok,
				   .code = pop3_line_code(text),
				   .number = now.number,
				   .octets = POP3_OCTETS_UNKNOWN,
				   .text = text };
	if (ok && !on_accepted(p, ev))
		return false;
	if (!ok)
		finish(p);
	if (now.cmd == POP3_CMD_QUIT)
		p->phase = PHASE_OVER;
	return true;
}

static bool on_end(struct pop3 *p, struct pop3_event *ev)
{
	struct pop3_inflight done = finish(p);

	*ev = (struct pop3_event){ .type = POP3_EV_END,
				   .cmd = done.cmd,
				   .ok = true,
				   .number = done.number };
	return true;
}

static bool on_listing(struct pop3 *p, struct view line, struct pop3_event *ev)
{
	enum pop3_cmd cmd = p->ring[p->head].cmd;
	bool fine;

	if (view_eq(line, VIEW_LIT(".")))
		return on_end(p, ev);
	if (++p->lines > LIMIT_UIDL_LINES)
		return failed(p, ev, ERR_LIMIT, "a listing of too many lines",
			      VIEW_NONE);
	streamed(p, p->lent);
	if (line.n && line.p[0] == '.') /* RFC 1939 3 */
		line = view_skip(line, 1);
	*ev = (struct pop3_event){ .type = POP3_EV_LISTING,
				   .cmd = cmd,
				   .octets = POP3_OCTETS_UNKNOWN,
				   .text = line };
	if (cmd == POP3_CMD_CAPA) {
		ev->type = POP3_EV_CAPABILITY;
		pop3_line_caps(line, &p->caps);
		return true;
	}
	fine = cmd == POP3_CMD_UIDL
		       ? pop3_line_uid(line, &ev->number, &ev->text, &ev->form)
		       : pop3_line_scan(line, &ev->number, &ev->octets);
	return fine ||
	       failed(p, ev, ERR_PROTOCOL, "a malformed listing line", line);
}

/* Where the run of octets from `from` on ends that needs no edit. */
static size_t run_end(const struct pop3 *p, struct view in, size_t from)
{
	for (size_t at = from; at < in.n;) {
		const char *lf = memchr(in.p + at, '\n', in.n - at);
		size_t next;
		bool cr;

		if (!lf)
			break;
		next = (size_t)(lf - in.p) + 1;
		cr = next >= 2 ? lf[-1] == '\r' : p->after_cr;
		if (cr && next < in.n && *(lf + 1) == '.')
			return next;
		at = next;
	}
	return in.n;
}

/*
 * RFC 1939 3. At the start of a line up to three octets wait until "." CRLF is
 * told from a dot that was put before another: a dot is never half taken.
 */
static bool next_body(struct pop3 *p, struct pop3_event *ev)
{
	struct view in = queue_view(&p->in);
	size_t from = 0, end;

	if (p->line_start && in.n && in.p[0] == '.') {
		if (in.n == 1 || (in.n == 2 && in.p[1] == '\r'))
			return false;
		if (in.p[1] == '\r' && in.p[2] == '\n') {
			p->lent = 3;
			return on_end(p, ev);
		}
		from = 1;
	}
	if (in.n == from)
		return false;
	end = run_end(p, in, from);
	p->line_start = in.p[end - 1] == '\n' &&
			(end >= 2 ? in.p[end - 2] == '\r' : p->after_cr);
	p->after_cr = in.p[end - 1] == '\r';
	p->lent = end;
	streamed(p, end);
	*ev = (struct pop3_event){ .type = POP3_EV_BODY,
				   .cmd = p->ring[p->head].cmd,
				   .ok = true,
				   .number = p->ring[p->head].number,
				   .text = { in.p + from, end - from } };
	return true;
}

static bool next_line(struct pop3 *p, struct pop3_event *ev)
{
	struct view line;

	switch (take_line(p, &line)) {
	case GOT_NOTHING:
		return false;
	case GOT_LF_ONLY:
		return failed(p, ev, ERR_PROTOCOL,
			      "the server ends a line with LF alone instead of "
			      "CR LF",
			      line);
	case GOT_TOO_LONG:
		return failed(p, ev, ERR_LIMIT, "a line above 8 KiB",
			      view_head(line, 80));
	case GOT_LINE:
		break;
	}
	if (p->phase == PHASE_GREETING)
		return on_greeting(p, line, ev);
	if (p->phase == PHASE_LISTING)
		return on_listing(p, line, ev);
	return on_reply(p, line, ev);
}

static const char *cut_words(const struct pop3 *p)
{
	switch (p->phase) {
	case PHASE_GREETING:
		return "the server closed the connection before its greeting";
	case PHASE_LISTING:
		return "the server closed the connection within a listing";
	case PHASE_BODY:
		return "the server closed the connection within a message";
	case PHASE_READY:
	case PHASE_CHALLENGED:
	case PHASE_HANDSHAKE:
	case PHASE_OVER:
		break;
	}
	return p->count ? "the server closed the connection instead of replying"
			: "the server closed the connection";
}

bool pop3_next(struct pop3 *p, struct pop3_event *ev)
{
	bool got = false;

	settle(p);
	switch (p->phase) {
	case PHASE_OVER:
		return false;
	case PHASE_BODY:
		got = next_body(p, ev);
		break;
	case PHASE_GREETING:
	case PHASE_READY:
	case PHASE_LISTING:
		got = next_line(p, ev);
		break;
	case PHASE_CHALLENGED:
	case PHASE_HANDSHAKE:
		break;
	}
	if (got || !p->eof)
		return got;
	return failed(p, ev, ERR_NETWORK, cut_words(p), VIEW_NONE);
}
