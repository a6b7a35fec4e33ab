#include "imap_private.h"
#include "imap_set.h"
#include "secret.h"

#include <inttypes.h>
#include <stdio.h>

#define QUOTED_OCTETS 1000u /* longer strings go as literals */
#define LITERAL_MINUS 4096u /* RFC 7888 5 */

/* ---- one command on its way into the output ---- */

struct build {
	struct imap *p;
	bool ok; /* so far; what is put after a failure is nothing */
	size_t before, holds_before; /* to take it all back */
};

static bool alone(enum imap_command command)
{
	return command == IMAP_STARTTLS || command == IMAP_LOGOUT;
}

static bool may_queue(const struct imap *p, enum imap_command command)
{
	if (p->phase != IMAP_PHASE_FRESH && p->phase != IMAP_PHASE_SIGNED_IN &&
	    p->phase != IMAP_PHASE_SELECTED)
		return false;
	if (imap_flies(p, IMAP_STARTTLS) || imap_flies(p, IMAP_LOGOUT) ||
	    imap_flies(p, IMAP_IDLE) || imap_flies(p, IMAP_COMPRESS))
		return false;
	if (alone(command) && p->in_flight > 0)
		return false;
	return p->next_tag - p->oldest < IMAP_PIPELINE;
}

static void put(struct build *b, struct view v)
{
	b->ok = b->ok && queue_put(&b->p->out, v);
}

static struct build begin(struct imap *p, enum imap_command command)
{
	imap_ready_output(p);

	struct build b = { .p = p,
			   .ok = may_queue(p, command),
			   .before = p->out.len,
			   .holds_before = p->n_holds };
	char tag[16];
	int n = snprintf(tag, sizeof(tag), "a%" PRIu32 " ", p->next_tag);

	put(&b, (struct view){ tag, (size_t)n });
	return b;
}

static bool take_back(struct build *b)
{
	b->p->out.len = b->before;
	b->p->n_holds = b->holds_before;
	return false;
}

static bool commit(struct build *b, enum imap_command command)
{
	struct imap *p = b->p;

	put(b, VIEW_LIT("\r\n"));
	if (!b->ok)
		return take_back(b);
	p->ring[p->next_tag % IMAP_PIPELINE] =
		(struct imap_inflight){ .command = command,
					.end = p->sent + p->out.len };
	p->next_tag++;
	p->flying[command]++;
	if (p->in_flight++ == 0)
		p->serial++;
	return true;
}

/* ---- words ---- */

/* Fit to stand in a line as it is: printable, and no literal head. */
static bool plain(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < ' ' ||
		    (unsigned char)v.p[i] > '~' || v.p[i] == '{')
			return false;
	return true;
}

static void put_plain(struct build *b, struct view v)
{
	b->ok = b->ok && v.n > 0 && plain(v);
	put(b, v);
}

/* Words of a parenthesized list of ours. */
static void put_listed(struct build *b, struct view v)
{
	b->ok = b->ok && view_find(v, '(') == v.n && view_find(v, ')') == v.n &&
		view_find(v, '"') == v.n;
	put_plain(b, v);
}

static void put_set(struct build *b, struct view set)
{
	b->ok = b->ok && set.n <= IMAP_SET_OCTETS && imap_set_ok(set);
	put(b, set);
}

static bool fits_quotes(const struct imap *p, struct view v)
{
	/* RFC 6855 3, RFC 9051 9: UTF-8 may stand in quotes */
	unsigned char most = imap_names_are_utf8(p) ? 0xff : '~';

	if (v.n > QUOTED_OCTETS)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7f ||
		    (unsigned char)v.p[i] > most)
			return false;
	return true;
}

static void put_quoted(struct build *b, struct view v)
{
	put(b, VIEW_LIT("\""));
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			put(b, VIEW_LIT("\\"));
		put(b, (struct view){ v.p + i, 1 });
	}
	put(b, VIEW_LIT("\""));
}

/* RFC 7888: without it the octets wait for the server's "+". */
static bool needs_no_wait(const struct imap *p, size_t n)
{
	uint32_t can = p->capabilities.can;

	return can & IMAP_CAN_LITERAL_PLUS ||
	       (can & IMAP_CAN_LITERAL_MINUS && n <= LITERAL_MINUS);
}

static void hold(struct build *b)
{
	struct imap *p = b->p;

	b->ok = b->ok && p->n_holds < IMAP_HOLDS;
	if (b->ok)
		p->holds[p->n_holds++] =
			(struct imap_hold){ .at = p->sent + p->out.len,
					    .tag = p->next_tag };
}

static void put_literal(struct build *b, struct view v)
{
	bool no_wait = needs_no_wait(b->p, v.n);
	char head[32];
	int n = snprintf(head, sizeof(head), "{%zu%s}\r\n", v.n,
			 no_wait ? "+" : "");

	b->ok = b->ok && view_find(v, '\0') == v.n; /* RFC 3501 9 CHAR8 */
	put(b, (struct view){ head, (size_t)n });
	if (!no_wait)
		hold(b);
	put(b, v);
}

static void put_bare_string(struct build *b, struct view v)
{
	if (fits_quotes(b->p, v))
		put_quoted(b, v);
	else
		put_literal(b, v);
}

static void put_string(struct build *b, struct view v)
{
	put(b, VIEW_LIT(" "));
	put_bare_string(b, v);
}

/* ---- what answers do to the output ---- */

static void drop_holds(struct imap *p, size_t n)
{
	p->n_holds -= n;
	memmove(p->holds, p->holds + n, p->n_holds * sizeof(p->holds[0]));
}

bool imap_release_hold(struct imap *p)
{
	if (p->n_holds == 0 || p->holds[0].at != p->sent)
		return false;
	drop_holds(p, 1);
	return true;
}

/* A refused literal: the rest of its command is not sent. RFC 3501 7.5 */
static bool cut_short(struct imap *p, uint32_t tag, uint64_t end)
{
	size_t n = 0;

	if (p->n_holds == 0 || p->holds[0].tag != tag ||
	    p->holds[0].at != p->sent)
		return false;
	while (n < p->n_holds && p->holds[n].tag == tag)
		n++;
	drop_holds(p, n);
	secret_wipe(p->out.data + p->out.off, (size_t)(end - p->sent));
	queue_drop(&p->out, (size_t)(end - p->sent));
	p->sent = end;
	return true;
}

bool imap_settle_command(struct imap *p, uint32_t tag)
{
	struct imap_inflight *f = &p->ring[tag % IMAP_PIPELINE];

	if (f->end > p->sent && !cut_short(p, tag, f->end))
		return false;
	if (f->command == IMAP_AUTHENTICATE)
		p->auth = IMAP_TURN_NONE;
	else if (f->command == IMAP_IDLE)
		p->idle = IMAP_TURN_NONE;
	p->flying[f->command]--;
	p->in_flight--;
	f->command = IMAP_NO_COMMAND;
	while (p->oldest != p->next_tag &&
	       p->ring[p->oldest % IMAP_PIPELINE].command == IMAP_NO_COMMAND)
		p->oldest++;
	return true;
}

/* ---- lines inside AUTHENTICATE and IDLE ---- */

/* The command queued last goes on with this line. */
static bool put_line(struct imap *p, struct view line)
{
	imap_ready_output(p);

	struct build b = { .p = p,
			   .ok = plain(line),
			   .before = p->out.len,
			   .holds_before = p->n_holds };

	put(&b, line);
	put(&b, VIEW_LIT("\r\n"));
	if (!b.ok)
		return take_back(&b);
	p->ring[imap_tag(p) % IMAP_PIPELINE].end = p->sent + p->out.len;
	p->serial++;
	return true;
}

bool imap_answer(struct imap *p, struct view base64)
{
	const struct imap_inflight *last =
		&p->ring[imap_tag(p) % IMAP_PIPELINE];

	if (p->phase == IMAP_PHASE_DEAD || p->auth != IMAP_TURN_CLIENT ||
	    last->command != IMAP_AUTHENTICATE || !put_line(p, base64))
		return false;
	p->auth = IMAP_TURN_SERVER;
	return true;
}

bool imap_cancel(struct imap *p)
{
	return imap_answer(p, VIEW_LIT("*"));
}

bool imap_done(struct imap *p)
{
	if (p->phase == IMAP_PHASE_DEAD || p->idle != IMAP_TURN_CLIENT ||
	    !put_line(p, VIEW_LIT("DONE")))
		return false;
	p->idle = IMAP_TURN_ENDING;
	return true;
}

/* ---- commands ---- */

static bool bare(struct imap *p, enum imap_command command, struct view words)
{
	struct build b = begin(p, command);

	put_plain(&b, words);
	return commit(&b, command);
}

static bool named(struct imap *p, enum imap_command command, struct view verb,
		  struct view name)
{
	struct build b = begin(p, command);

	put(&b, verb);
	put_string(&b, name);
	return commit(&b, command);
}

bool imap_capability(struct imap *p)
{
	return bare(p, IMAP_CAPABILITY, VIEW_LIT("CAPABILITY"));
}

bool imap_starttls(struct imap *p)
{
	return p->phase == IMAP_PHASE_FRESH && !p->under_tls &&
	       bare(p, IMAP_STARTTLS, VIEW_LIT("STARTTLS"));
}

bool imap_compress(struct imap *p)
{
	return (p->phase == IMAP_PHASE_SIGNED_IN ||
		p->phase == IMAP_PHASE_SELECTED) &&
	       !p->deflated && p->capabilities.can & IMAP_CAN_DEFLATE &&
	       bare(p, IMAP_COMPRESS, VIEW_LIT("COMPRESS DEFLATE"));
}

bool imap_login(struct imap *p, struct view user, struct view secret)
{
	struct build b = begin(p, IMAP_LOGIN);

	/* RFC 3501 6.2.3: not while LOGINDISABLED stands. */
	if (p->capabilities.known && !(p->capabilities.can & IMAP_CAN_LOGIN))
		return take_back(&b);
	put(&b, VIEW_LIT("LOGIN"));
	put_string(&b, user);
	put_string(&b, secret);
	return commit(&b, IMAP_LOGIN);
}

bool imap_authenticate(struct imap *p, struct view mech,
		       const struct view *initial)
{
	struct build b = begin(p, IMAP_AUTHENTICATE);

	if (p->auth != IMAP_TURN_NONE ||
	    (initial && !(p->capabilities.can & IMAP_CAN_SASL_IR)))
		return take_back(&b);
	put(&b, VIEW_LIT("AUTHENTICATE "));
	put_plain(&b, mech);
	if (initial) {
		put(&b, VIEW_LIT(" "));
		put_plain(&b, *initial);
	}
	if (!commit(&b, IMAP_AUTHENTICATE))
		return false;
	p->auth = IMAP_TURN_SERVER;
	return true;
}

bool imap_id(struct imap *p, struct view name, struct view version)
{
	struct build b = begin(p, IMAP_ID);

	put(&b, VIEW_LIT("ID (\"name\""));
	put_string(&b, name);
	put(&b, VIEW_LIT(" \"version\""));
	put_string(&b, version);
	put(&b, VIEW_LIT(")"));
	return commit(&b, IMAP_ID);
}

bool imap_enable(struct imap *p, struct view names)
{
	struct build b = begin(p, IMAP_ENABLE);

	put(&b, VIEW_LIT("ENABLE "));
	put_plain(&b, names);
	return commit(&b, IMAP_ENABLE);
}

/* What is told next belongs to the mailbox being selected. */
static bool select_named(struct imap *p, enum imap_command command,
			 struct view verb, struct view name)
{
	bool first =
		!imap_flies(p, IMAP_SELECT) && !imap_flies(p, IMAP_EXAMINE);

	if (!named(p, command, verb, name))
		return false;
	if (first)
		p->selected = (struct imap_mailbox){ .name = VIEW_NONE };
	return true;
}

bool imap_select(struct imap *p, struct view name)
{
	return select_named(p, IMAP_SELECT, VIEW_LIT("SELECT"), name);
}

bool imap_examine(struct imap *p, struct view name)
{
	return select_named(p, IMAP_EXAMINE, VIEW_LIT("EXAMINE"), name);
}

#define STATUS_ITEMS "(MESSAGES UIDNEXT UIDVALIDITY)"

bool imap_status(struct imap *p, struct view name)
{
	struct build b = begin(p, IMAP_STATUS);

	put(&b, VIEW_LIT("STATUS"));
	put_string(&b, name);
	put(&b, VIEW_LIT(" " STATUS_ITEMS));
	return commit(&b, IMAP_STATUS);
}

/* One pattern, or several in parentheses: RFC 5258 6. */
static void put_patterns(struct build *b, const struct view *patterns, size_t n)
{
	put(b, n > 1 ? VIEW_LIT(" (") : VIEW_LIT(" "));
	for (size_t i = 0; i < n; i++)
		if (i)
			put_string(b, patterns[i]);
		else
			put_bare_string(b, patterns[i]);
	if (n > 1)
		put(b, VIEW_LIT(")"));
}

bool imap_list(struct imap *p, const struct view *patterns, size_t n,
	       unsigned options)
{
	struct build b = begin(p, IMAP_LIST);

	put(&b, VIEW_LIT("LIST \"\""));
	put_patterns(&b, patterns, n);
	if (options) {
		put(&b, VIEW_LIT(" RETURN ("));
		if (options & IMAP_LIST_SPECIAL_USE)
			put(&b, VIEW_LIT("SPECIAL-USE"));
		if (options == (IMAP_LIST_SPECIAL_USE | IMAP_LIST_STATUS))
			put(&b, VIEW_LIT(" "));
		if (options & IMAP_LIST_STATUS)
			put(&b, VIEW_LIT("STATUS " STATUS_ITEMS));
		put(&b, VIEW_LIT(")"));
	}
	return commit(&b, IMAP_LIST);
}

/* "UID verb set rest" */
static bool uid_command(struct imap *p, enum imap_command command,
			struct view verb, struct view set, struct view rest)
{
	struct build b = begin(p, command);

	put(&b, verb);
	put_set(&b, set);
	put(&b, rest);
	return commit(&b, command);
}

bool imap_fetch(struct imap *p, struct view set, bool dates)
{
	struct build b = begin(p, IMAP_FETCH);

	put(&b, VIEW_LIT("UID FETCH "));
	put_set(&b, set);
	put(&b, VIEW_LIT(" (UID FLAGS"));
	if (dates)
		put(&b, VIEW_LIT(" INTERNALDATE"));
	put(&b, VIEW_LIT(" RFC822.SIZE"));
	if (p->capabilities.can & IMAP_CAN_GMAIL)
		put(&b, VIEW_LIT(" X-GM-MSGID"));
	put(&b, VIEW_LIT(")"));
	return commit(&b, IMAP_FETCH);
}

bool imap_fetch_body(struct imap *p, struct view set)
{
	return uid_command(p, IMAP_FETCH_BODY, VIEW_LIT("UID FETCH "), set,
			   VIEW_LIT(" (UID BODY.PEEK[])"));
}

bool imap_fetch_header(struct imap *p, struct view set, struct view fields)
{
	struct build b;

	if (fields.n == 0)
		return uid_command(p, IMAP_FETCH_BODY, VIEW_LIT("UID FETCH "),
				   set, VIEW_LIT(" (UID BODY.PEEK[HEADER])"));
	b = begin(p, IMAP_FETCH_BODY);
	put(&b, VIEW_LIT("UID FETCH "));
	put_set(&b, set);
	put(&b, VIEW_LIT(" (UID BODY.PEEK[HEADER.FIELDS ("));
	put_listed(&b, fields);
	put(&b, VIEW_LIT(")])"));
	return commit(&b, IMAP_FETCH_BODY);
}

bool imap_search(struct imap *p, struct view criteria)
{
	struct build b = begin(p, IMAP_SEARCH);

	put(&b, VIEW_LIT("UID SEARCH "));
	put_plain(&b, criteria);
	return commit(&b, IMAP_SEARCH);
}

bool imap_store(struct imap *p, struct view set, bool add, struct view flags)
{
	struct build b = begin(p, IMAP_STORE);

	put(&b, VIEW_LIT("UID STORE "));
	put_set(&b, set);
	put(&b,
	    add ? VIEW_LIT(" +FLAGS.SILENT (") : VIEW_LIT(" -FLAGS.SILENT ("));
	put_listed(&b, flags);
	put(&b, VIEW_LIT(")"));
	return commit(&b, IMAP_STORE);
}

bool imap_uid_expunge(struct imap *p, struct view set)
{
	return uid_command(p, IMAP_UID_EXPUNGE, VIEW_LIT("UID EXPUNGE "), set,
			   VIEW_NONE);
}

bool imap_expunge(struct imap *p)
{
	return bare(p, IMAP_EXPUNGE, VIEW_LIT("EXPUNGE"));
}

static bool to_mailbox(struct imap *p, enum imap_command command,
		       struct view verb, struct view set, struct view name)
{
	struct build b = begin(p, command);

	put(&b, verb);
	put_set(&b, set);
	put_string(&b, name);
	return commit(&b, command);
}

bool imap_move(struct imap *p, struct view set, struct view name)
{
	return to_mailbox(p, IMAP_MOVE, VIEW_LIT("UID MOVE "), set, name);
}

bool imap_copy(struct imap *p, struct view set, struct view name)
{
	return to_mailbox(p, IMAP_COPY, VIEW_LIT("UID COPY "), set, name);
}

bool imap_create(struct imap *p, struct view name)
{
	return named(p, IMAP_CREATE, VIEW_LIT("CREATE"), name);
}

bool imap_noop(struct imap *p)
{
	return bare(p, IMAP_NOOP, VIEW_LIT("NOOP"));
}

/*
 * RFC 5465 3.1: one SET replaces what was asked before, and what is told of the
 * selected mailbox by itself; 5.2, 5.3: the two kinds of events go together.
 */
#define NOTIFY_EVENTS "(MessageNew MessageExpunge)"

bool imap_notify(struct imap *p, const struct view *names, size_t n)
{
	struct build b = begin(p, IMAP_NOTIFY);

	if (!(p->capabilities.can & IMAP_CAN_NOTIFY))
		return take_back(&b);
	put(&b, VIEW_LIT("NOTIFY SET (selected-delayed " NOTIFY_EVENTS ")"));
	if (n) {
		put(&b, VIEW_LIT(" (mailboxes ("));
		for (size_t i = 0; i < n; i++) {
			put(&b, i ? VIEW_LIT(" ") : VIEW_NONE);
			put_bare_string(&b, names[i]);
		}
		put(&b, VIEW_LIT(") " NOTIFY_EVENTS ")"));
	}
	return commit(&b, IMAP_NOTIFY);
}

bool imap_idle(struct imap *p)
{
	if (!bare(p, IMAP_IDLE, VIEW_LIT("IDLE")))
		return false;
	p->idle = IMAP_TURN_SERVER;
	return true;
}

bool imap_unselect(struct imap *p)
{
	return bare(p, IMAP_UNSELECT, VIEW_LIT("UNSELECT"));
}

bool imap_logout(struct imap *p)
{
	return bare(p, IMAP_LOGOUT, VIEW_LIT("LOGOUT"));
}

const char *imap_command_name(enum imap_command command)
{
	switch (command) {
	case IMAP_NO_COMMAND:
		break;
	case IMAP_CAPABILITY:
		return "CAPABILITY";
	case IMAP_STARTTLS:
		return "STARTTLS";
	case IMAP_LOGIN:
		return "LOGIN";
	case IMAP_AUTHENTICATE:
		return "AUTHENTICATE";
	case IMAP_ID:
		return "ID";
	case IMAP_ENABLE:
		return "ENABLE";
	case IMAP_COMPRESS:
		return "COMPRESS";
	case IMAP_SELECT:
		return "SELECT";
	case IMAP_EXAMINE:
		return "EXAMINE";
	case IMAP_STATUS:
		return "STATUS";
	case IMAP_LIST:
		return "LIST";
	case IMAP_FETCH:
		return "FETCH";
	case IMAP_FETCH_BODY:
		return "FETCH BODY";
	case IMAP_SEARCH:
		return "SEARCH";
	case IMAP_STORE:
		return "STORE";
	case IMAP_UID_EXPUNGE:
		return "UID EXPUNGE";
	case IMAP_EXPUNGE:
		return "EXPUNGE";
	case IMAP_MOVE:
		return "MOVE";
	case IMAP_COPY:
		return "COPY";
	case IMAP_CREATE:
		return "CREATE";
	case IMAP_NOOP:
		return "NOOP";
	case IMAP_NOTIFY:
		return "NOTIFY";
	case IMAP_IDLE:
		return "IDLE";
	case IMAP_UNSELECT:
		return "UNSELECT";
	case IMAP_LOGOUT:
		return "LOGOUT";
	}
	return "";
}
