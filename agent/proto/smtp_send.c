#include "addrspec.h"
#include "ip.h"
#include "smtp_state.h"

#include <inttypes.h>
#include <stdio.h>

/* Kept free of bodies, so that a command finds room behind them. */
#define COMMAND_RESERVE (16u << 10)
#define PARAMETERS_MAX	2048u

bool smtp_put(struct smtp *s, const struct view *parts, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += parts[i].n;
	if (queue_free(&s->out) < total)
		return false;
	for (size_t i = 0; i < n; i++)
		MUST(queue_put(&s->out, parts[i]));
	s->queued += total;
	return true;
}

/* A command of this kind stands alone: RFC 2920 3.1, RFC 3207 4. */
static bool stands_alone(enum smtp_cmd cmd)
{
	switch (cmd) {
	case SMTP_CMD_EHLO:
	case SMTP_CMD_STARTTLS:
	case SMTP_CMD_AUTH:
	case SMTP_CMD_XCLIENT:
	case SMTP_CMD_NOOP:
		return true;
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_DATA:
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
	case SMTP_CMD_RSET:
	case SMTP_CMD_QUIT:
		return false;
	}
	return false;
}

static bool allowed_in_clear(enum smtp_cmd cmd)
{
	return cmd == SMTP_CMD_EHLO || cmd == SMTP_CMD_STARTTLS ||
	       cmd == SMTP_CMD_QUIT;
}

static bool may_queue(const struct smtp *s, enum smtp_cmd cmd)
{
	const struct smtp_inflight *newest;

	if (s->phase == SMTP_PHASE_REFUSED)
		return cmd == SMTP_CMD_QUIT && s->count == 0;
	if (s->phase != SMTP_PHASE_READY || s->feed != SMTP_FEED_NONE ||
	    s->count == SMTP_INFLIGHT_MAX)
		return false;
	if (s->line == SMTP_LINE_STARTTLS && !allowed_in_clear(cmd))
		return false;
	if (s->count == 0)
		return true;
	newest = &s->ring[(s->head + s->count - 1) % SMTP_INFLIGHT_MAX];
	return !stands_alone(cmd) && !stands_alone(newest->cmd) &&
	       newest->cmd != SMTP_CMD_QUIT;
}

/* Queues a line made of parts; its body, if any, has `body` octets. */
static bool command(struct smtp *s, enum smtp_cmd cmd, uint64_t tag,
		    const struct view *parts, size_t n, uint64_t body)
{
	struct smtp_inflight *new;

	if (!may_queue(s, cmd) || !smtp_put(s, parts, n))
		return false;
	new = &s->ring[(s->head + s->count) % SMTP_INFLIGHT_MAX];
	*new = (struct smtp_inflight){ .cmd = cmd,
				       .tag = tag,
				       .line_end = s->queued,
				       .end = s->queued + body };
	if (s->count++ == 0)
		s->serial++;
	return true;
}

#define COMMAND(s, cmd, tag, ...)                                              \
	command(s, cmd, tag, (const struct view[]){ __VA_ARGS__ },             \
		sizeof((const struct view[]){ __VA_ARGS__ }) /                 \
			sizeof(struct view),                                   \
		0)
#define CRLF VIEW_LIT("\r\n")

static bool is_word(struct view v)
{
	return v.n > 0 && !view_breaks_line(v) && view_find(v, ' ') == v.n;
}

bool smtp_ehlo(struct smtp *s, struct view name)
{
	struct view verb = s->kind == SMTP_KIND_LMTP ? VIEW_LIT("LHLO ")
						     : VIEW_LIT("EHLO ");

	if (!is_word(name) || name.n > SMTP_NAME_OCTETS ||
	    !COMMAND(s, SMTP_CMD_EHLO, 0, verb, name, CRLF))
		return false;
	memcpy(s->name, name.p, name.n);
	s->name_n = name.n;
	s->helo = false;
	s->learnt = 0;
	s->size_limit = 0;
	s->auth_n = 0;
	s->xclient = 0;
	return true;
}

void smtp_send_helo(struct smtp *s)
{
	const struct view line[] = { VIEW_LIT("HELO "),
				     { s->name, s->name_n },
				     CRLF };

	MUST(smtp_put(s, line, 3));
	s->helo = true;
	smtp_head(s)->line_end = smtp_head(s)->end = s->queued;
}

void smtp_send_lone_dot(struct smtp *s)
{
	const struct view dot[] = { VIEW_LIT(".\r\n") };

	MUST(smtp_put(s, dot, 1));
	smtp_head(s)->lone = true;
	smtp_head(s)->line_end = smtp_head(s)->end = s->queued;
}

bool smtp_starttls(struct smtp *s)
{
	return (smtp_caps(s) & SMTP_CAP_STARTTLS) &&
	       COMMAND(s, SMTP_CMD_STARTTLS, 0, VIEW_LIT("STARTTLS\r\n"));
}

bool smtp_auth(struct smtp *s, struct view mech, struct view first)
{
	struct view space = VIEW_LIT(" ");

	if (!first.p)
		first = space = VIEW_NONE;
	else if (!is_word(first))
		return false;
	return is_word(mech) && COMMAND(s, SMTP_CMD_AUTH, 0, VIEW_LIT("AUTH "),
					mech, space, first, CRLF);
}

bool smtp_answer(struct smtp *s, struct view base64)
{
	const struct view line[] = { base64, CRLF };

	if (s->phase != SMTP_PHASE_READY || !s->challenged ||
	    view_breaks_line(base64) || !smtp_put(s, line, 2))
		return false;
	s->challenged = false;
	smtp_head(s)->line_end = smtp_head(s)->end = s->queued;
	s->serial++;
	return true;
}

bool smtp_cancel(struct smtp *s)
{
	return smtp_answer(s, VIEW_LIT("*")); /* RFC 4954 4 */
}

/* RFC 3461 4: everything but printable US-ASCII without + and = as +XX. */
static void put_xtext(struct text *out, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c > ' ' && c < 0x7f && c != '+' && c != '=')
			(void)text_fmt(out, "%c", c);
		else
			(void)text_fmt(out, "+%02X", c);
	}
}

static void put_attr(struct text *out, const char *attr, struct view v)
{
	(void)text_fmt(out, " %s", attr);
	if (v.n)
		put_xtext(out, v);
	else
		(void)text_puts(out, "[UNAVAILABLE]");
}

bool smtp_xclient(struct smtp *s, const struct smtp_client *c)
{
	bool v6 = ip_is_v6(c->address), ok;
	struct text line;

	if (!(s->xclient & SMTP_ATTR_ADDR) ||
	    !(smtp_caps(s) & SMTP_CAP_XCLIENT) ||
	    (c->address.n && !v6 && !ip_is_v4(c->address)) ||
	    c->name.n > SMTP_NAME_OCTETS || c->helo.n > SMTP_NAME_OCTETS)
		return false;
	text_init(&line, PARAMETERS_MAX);
	if (s->xclient & SMTP_ATTR_NAME)
		put_attr(&line, "NAME=", c->name);
	put_attr(&line, v6 ? "ADDR=IPV6:" : "ADDR=", c->address);
	if (s->xclient & SMTP_ATTR_HELO)
		put_attr(&line, "HELO=", c->helo);
	ok = COMMAND(s, SMTP_CMD_XCLIENT, 0, VIEW_LIT("XCLIENT"),
		     text_view(&line), CRLF);
	text_fini(&line);
	return ok;
}

bool smtp_rset(struct smtp *s)
{
	if (!COMMAND(s, SMTP_CMD_RSET, 0, VIEW_LIT("RSET\r\n")))
		return false;
	s->rcpts_queued = 0;
	return true;
}

bool smtp_noop(struct smtp *s)
{
	return COMMAND(s, SMTP_CMD_NOOP, 0, VIEW_LIT("NOOP\r\n"));
}

bool smtp_quit(struct smtp *s)
{
	return COMMAND(s, SMTP_CMD_QUIT, 0, VIEW_LIT("QUIT\r\n"));
}

static bool address_fits(const struct smtp *s, struct view a)
{
	return addrspec_or_local_ok(a) &&
	       (!addrspec_is_utf8(a) || (smtp_caps(s) & SMTP_CAP_SMTPUTF8));
}

static bool parameters_fit(struct view extra)
{
	return extra.n <= PARAMETERS_MAX && !view_breaks_line(extra);
}

bool smtp_mail(struct smtp *s, const struct smtp_mail *m, uint64_t tag)
{
	struct view body = VIEW_NONE, utf8 = VIEW_NONE, space = VIEW_NONE;
	char size[32] = "";

	if (m->from.n > 0 && !address_fits(s, m->from))
		return false;
	if (m->utf8 && !(smtp_caps(s) & SMTP_CAP_SMTPUTF8))
		return false;
	if (!parameters_fit(m->extra))
		return false;
	if (m->octets > 0 && (smtp_caps(s) & SMTP_CAP_SIZE)) /* RFC 1870 6 */
		(void)snprintf(size, sizeof(size), " SIZE=%" PRIu64, m->octets);
	if (m->has_8bit && (smtp_caps(s) & SMTP_CAP_8BITMIME))
		body = VIEW_LIT(" BODY=8BITMIME");
	if (m->utf8)
		utf8 = VIEW_LIT(" SMTPUTF8");
	if (m->extra.n > 0)
		space = VIEW_LIT(" ");
	if (!COMMAND(s, SMTP_CMD_MAIL, tag, VIEW_LIT("MAIL FROM:<"), m->from,
		     VIEW_LIT(">"), view_of(size), body, utf8, space, m->extra,
		     CRLF))
		return false;
	s->rcpts_queued = 0;
	return true;
}

bool smtp_rcpt(struct smtp *s, struct view to, struct view extra, uint64_t tag)
{
	struct view space = extra.n > 0 ? VIEW_LIT(" ") : VIEW_NONE;

	if (!address_fits(s, to) || !parameters_fit(extra) ||
	    s->rcpts_queued == LIMIT_RECIPIENTS ||
	    !COMMAND(s, SMTP_CMD_RCPT, tag, VIEW_LIT("RCPT TO:<"), to,
		     VIEW_LIT(">"), space, extra, CRLF))
		return false;
	s->rcpts_queued++;
	return true;
}

bool smtp_data(struct smtp *s, uint64_t tag)
{
	if (!COMMAND(s, SMTP_CMD_DATA, tag, VIEW_LIT("DATA\r\n")))
		return false;
	s->feed = SMTP_FEED_AWAITED;
	return true;
}

bool smtp_bdat(struct smtp *s, uint64_t octets, bool last, uint64_t tag)
{
	char line[64];
	struct view parts[1];

	if (!(smtp_caps(s) & SMTP_CAP_CHUNKING) || octets >= SMTP_END_OPEN / 2)
		return false;
	(void)snprintf(line, sizeof(line), "BDAT %" PRIu64 "%s\r\n", octets,
		       last ? " LAST" : "");
	parts[0] = view_of(line);
	if (!command(s, SMTP_CMD_BDAT, tag, parts, 1, octets))
		return false;
	s->ring[(s->head + s->count - 1) % SMTP_INFLIGHT_MAX].last = last;
	s->chunk_left = octets;
	if (octets > 0)
		s->feed = SMTP_FEED_CHUNK;
	return true;
}

/*
 * Contiguous room for body octets. The queue is packed only when that gains
 * half of it, so that an octet is moved about once on its way.
 */
static size_t body_room(struct smtp *s)
{
	struct queue *q = &s->out;

	if (q->off >= q->cap / 2)
		queue_pack(q);
	if (q->cap - q->off - q->len <= COMMAND_RESERVE)
		return 0;
	return q->cap - q->off - q->len - COMMAND_RESERVE;
}

static void append(struct smtp *s, const char *p, size_t n)
{
	memcpy(s->out.data + s->out.off + s->out.len, p, n);
	queue_added(&s->out, n);
	s->queued += n;
}

static size_t feed_chunk(struct smtp *s, struct view v)
{
	size_t n = body_room(s);

	if (n > v.n)
		n = v.n;
	if (n > s->chunk_left)
		n = (size_t)s->chunk_left;
	append(s, v.p, n);
	s->chunk_left -= n;
	if (s->chunk_left == 0)
		s->feed = SMTP_FEED_NONE;
	return n;
}

/* Octets of v up to the LF before a dot, or all. */
static size_t run_before_dot(struct view v)
{
	const char *at = memmem(v.p, v.n, "\n.", 2);

	return at ? (size_t)(at - v.p) + 1 : v.n;
}

static size_t feed_data(struct smtp *s, struct view v)
{
	size_t room = body_room(s), taken = 0;

	/* two octets of room: a dot and the one that stuffs it */
	while (taken < v.n && room >= 2) {
		struct view rest = view_skip(v, taken);
		size_t n;

		if (rest.p[0] == '.' && s->fed[1] == '\n') {
			append(s, ".", 1);
			room--;
		}
		n = run_before_dot(view_head(rest, room));
		append(s, rest.p, n);
		room -= n;
		taken += n;
		s->fed[0] = n > 1 ? rest.p[n - 2] : s->fed[1];
		s->fed[1] = rest.p[n - 1];
	}
	return taken;
}

size_t smtp_body(struct smtp *s, struct view v)
{
	bool was_idle = smtp_pending(s).n == 0;
	size_t n = 0;

	if (v.n == 0 || s->phase != SMTP_PHASE_READY)
		return 0;
	switch (s->feed) {
	case SMTP_FEED_NONE:
	case SMTP_FEED_AWAITED:
		return 0;
	case SMTP_FEED_DATA:
		n = feed_data(s, v);
		break;
	case SMTP_FEED_CHUNK:
		n = feed_chunk(s, v);
		break;
	}
	if (was_idle && n > 0)
		s->serial++;
	return n;
}

bool smtp_feeding(const struct smtp *s)
{
	return s->phase == SMTP_PHASE_READY &&
	       (s->feed == SMTP_FEED_DATA || s->feed == SMTP_FEED_CHUNK);
}

bool smtp_body_end(struct smtp *s)
{
	const struct view dot[] = { VIEW_LIT(".\r\n") };
	struct smtp_inflight *newest;

	if (!smtp_feeding(s) || s->feed != SMTP_FEED_DATA)
		return false;
	if (s->fed[0] != '\r' || s->fed[1] != '\n')
		return false;
	if (!smtp_put(s, dot, 1))
		return false;
	newest = &s->ring[(s->head + s->count - 1) % SMTP_INFLIGHT_MAX];
	MUST(newest->cmd == SMTP_CMD_BODY);
	newest->end = s->queued;
	s->feed = SMTP_FEED_NONE;
	s->serial++;
	return true;
}
