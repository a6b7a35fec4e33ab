#include "pop3_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "limits.h"
#include "pop3_line.h"
#include "text.h"

/* --- patience --- */

static uint32_t command_ms(enum pop3_cmd cmd)
{
	switch (cmd) {
	case POP3_CMD_PASS:
	case POP3_CMD_APOP:
	case POP3_CMD_AUTH:
	case POP3_CMD_STAT:
	case POP3_CMD_LIST:
	case POP3_CMD_UIDL:
	case POP3_CMD_QUIT:
		return LIMIT_MAILBOX_MS;
	case POP3_CMD_CAPA:
	case POP3_CMD_STLS:
	case POP3_CMD_USER:
	case POP3_CMD_UTF8:
	case POP3_CMD_TOP:
	case POP3_CMD_RETR:
	case POP3_CMD_DELE:
	case POP3_CMD_NOOP:
	case POP3_CMD_RSET:
		break;
	}
	return LIMIT_COMMAND_MS;
}

static uint32_t awaited_ms(const struct pop3 *p)
{
	switch (p->phase) {
	case PHASE_GREETING:
		return LIMIT_COMMAND_MS; /* as IMAP; 5 min are SMTP's */
	case PHASE_READY:
	case PHASE_LISTING:
	case PHASE_BODY:
		if (p->count == 0 || queue_free(&p->in) == 0)
			return 0;
		return command_ms(p->ring[p->head].cmd);
	case PHASE_CHALLENGED:
	case PHASE_HANDSHAKE:
	case PHASE_OVER:
		break;
	}
	return 0;
}

struct patience pop3_patience(const struct pop3 *p)
{
	return (struct patience){ .serial = p->serial,
				  .ms = awaited_ms(p),
				  .rate = LIMIT_RATE_OCTETS_S };
}

/* --- commands --- */

static bool may_queue(const struct pop3 *p, struct view arg)
{
	if (p->phase == PHASE_GREETING || p->phase == PHASE_OVER ||
	    p->gate != GATE_OPEN || p->count == POP3_PIPELINE_MAX)
		return false;
	return !view_breaks_line(arg);
}

/* "VERB[ arg]": arg.n == 0: none. */
static bool queue_line(struct pop3 *p, struct view verb, struct view arg)
{
	if (queue_free(&p->out) < verb.n + arg.n + 3)
		return false;
	queue_put(&p->out, verb);
	if (verb.n && arg.n)
		queue_put(&p->out, VIEW_LIT(" "));
	queue_put(&p->out, arg);
	queue_put(&p->out, VIEW_LIT("\r\n"));
	return true;
}

static bool give(struct pop3 *p, enum pop3_cmd cmd, uint32_t number,
		 struct view arg)
{
	if (!may_queue(p, arg) || !queue_line(p, pop3_line_verb(cmd), arg))
		return false;
	if (p->count == 0)
		p->serial++;
	p->ring[(p->head + p->count) % POP3_PIPELINE_MAX] =
		(struct pop3_inflight){ cmd, number };
	p->count++;
	return true;
}

static bool give_numbered(struct pop3 *p, enum pop3_cmd cmd, uint32_t number)
{
	char text[11];
	int n = snprintf(text, sizeof(text), "%" PRIu32, number);

	return number && give(p, cmd, number, (struct view){ text, (size_t)n });
}

bool pop3_capa(struct pop3 *p)
{
	return give(p, POP3_CMD_CAPA, 0, VIEW_NONE);
}

bool pop3_stls(struct pop3 *p)
{
	if (p->count || !give(p, POP3_CMD_STLS, 0, VIEW_NONE))
		return false;
	p->gate = GATE_WAIT;
	return true;
}

bool pop3_user(struct pop3 *p, struct view name)
{
	return name.n && give(p, POP3_CMD_USER, 0, name);
}

bool pop3_pass(struct pop3 *p, const struct secret *secret)
{
	struct view v = secret_view(secret);

	if (!v.n || !give(p, POP3_CMD_PASS, 0, v))
		return false;
	p->tainted = true;
	return true;
}

bool pop3_apop(struct pop3 *p, struct view name, struct view digest)
{
	struct text line;
	bool ok;

	if (!name.n || !digest.n || view_find(name, ' ') < name.n)
		return false;
	text_init(&line, POP3_OUT_OCTETS);
	ok = text_put(&line, name) && text_puts(&line, " ") &&
	     text_put(&line, digest) &&
	     give(p, POP3_CMD_APOP, 0, text_view(&line));
	text_fini(&line);
	p->tainted = p->tainted || ok;
	return ok;
}

bool pop3_auth(struct pop3 *p, struct view mechanism, struct view first)
{
	char line[POP3_AUTH_LINE];
	size_t n = mechanism.n;
	bool ok;

	if (n == 0 || n > 32 || (first.p && !first.n) ||
	    sizeof("AUTH  \r\n") - 1 + n + first.n > POP3_AUTH_LINE)
		return false;
	memcpy(line, mechanism.p, n);
	if (first.p) {
		line[n++] = ' ';
		memcpy(line + n, first.p, first.n);
		n += first.n;
	}
	ok = give(p, POP3_CMD_AUTH, 0, (struct view){ line, n });
	secret_wipe(line, sizeof(line));
	if (!ok)
		return false;
	p->gate = GATE_WAIT;
	p->tainted = true;
	return true;
}

bool pop3_auth_answer(struct pop3 *p, struct view answer)
{
	if (p->phase != PHASE_CHALLENGED || view_breaks_line(answer) ||
	    !queue_line(p, VIEW_NONE, answer))
		return false;
	p->phase = PHASE_READY;
	p->tainted = true;
	p->serial++;
	return true;
}

bool pop3_utf8(struct pop3 *p)
{
	return give(p, POP3_CMD_UTF8, 0, VIEW_NONE);
}

bool pop3_stat(struct pop3 *p)
{
	return give(p, POP3_CMD_STAT, 0, VIEW_NONE);
}

bool pop3_list(struct pop3 *p)
{
	return give(p, POP3_CMD_LIST, 0, VIEW_NONE);
}

bool pop3_uidl(struct pop3 *p)
{
	return give(p, POP3_CMD_UIDL, 0, VIEW_NONE);
}

bool pop3_top(struct pop3 *p, uint32_t number, uint32_t lines)
{
	char text[22];
	int n = snprintf(text, sizeof(text), "%" PRIu32 " %" PRIu32, number,
			 lines);

	return number &&
	       give(p, POP3_CMD_TOP, number, (struct view){ text, (size_t)n });
}

bool pop3_retr(struct pop3 *p, uint32_t number)
{
	return give_numbered(p, POP3_CMD_RETR, number);
}

bool pop3_dele(struct pop3 *p, uint32_t number)
{
	return give_numbered(p, POP3_CMD_DELE, number);
}

bool pop3_noop(struct pop3 *p)
{
	return give(p, POP3_CMD_NOOP, 0, VIEW_NONE);
}

bool pop3_rset(struct pop3 *p)
{
	return give(p, POP3_CMD_RSET, 0, VIEW_NONE);
}

bool pop3_quit(struct pop3 *p)
{
	if (!give(p, POP3_CMD_QUIT, 0, VIEW_NONE))
		return false;
	p->gate = GATE_SHUT;
	return true;
}
