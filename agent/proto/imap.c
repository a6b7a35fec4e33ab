#include "imap.h"
#include "imap_private.h"
#include "must.h"
#include "secret.h"

#include <stdlib.h>

struct imap *imap_new(bool under_tls)
{
	struct imap *p = mem_new(sizeof(*p));

	p->under_tls = under_tls;
	p->oldest = p->next_tag = 1;
	p->in_octets = mem_grow(NULL, IMAP_IN_OCTETS);
	p->in = (struct queue){ .data = p->in_octets, .cap = IMAP_IN_OCTETS };
	return p;
}

static void free_output(struct imap *p)
{
	if (p->out_octets)
		secret_wipe(p->out_octets, IMAP_OUT_OCTETS);
	free(p->out_octets);
	p->out_octets = NULL;
	p->out = (struct queue){ .data = NULL };
}

void imap_free(struct imap *p)
{
	if (!p)
		return;
	free_output(p);
	free(p->in_octets);
	free(p);
}

static void settle(struct imap *p)
{
	queue_drop(&p->in, p->lent);
	p->lent = 0;
}

/* Another layer is to come between us and the line, or there is no line. */
static bool is_cut_off(const struct imap *p)
{
	return p->phase == IMAP_PHASE_TLS || p->phase == IMAP_PHASE_DEFLATE ||
	       p->phase == IMAP_PHASE_DEAD;
}

void imap_ready_output(struct imap *p)
{
	if (p->out_octets)
		return;
	p->out_octets = mem_grow(NULL, IMAP_OUT_OCTETS);
	p->out =
		(struct queue){ .data = p->out_octets, .cap = IMAP_OUT_OCTETS };
}

static void rest(struct imap *p)
{
	free(p->in_octets);
	p->in_octets = NULL;
	p->in = (struct queue){ .data = p->rest, .cap = sizeof(p->rest) };
	free_output(p);
}

static void wake(struct imap *p)
{
	p->in_octets = mem_grow(NULL, IMAP_IN_OCTETS);
	memcpy(p->in_octets, p->in.data + p->in.off, p->in.len);
	p->in = (struct queue){ .data = p->in_octets,
				.cap = IMAP_IN_OCTETS,
				.len = p->in.len };
}

/* A thousand sessions in IDLE cost what they say, not what they could say. */
static void fit_buffers(struct imap *p)
{
	bool idling = p->idle == IMAP_TURN_CLIENT;

	if (p->in_octets && idling && p->in.len == 0 && p->out.len == 0)
		rest(p);
	else if (!p->in_octets && (!idling || p->in.len > p->in.cap / 2))
		wake(p);
}

struct room imap_room(struct imap *p)
{
	settle(p);
	if (is_cut_off(p))
		return (struct room){ NULL, 0 };
	fit_buffers(p);
	return queue_room(&p->in);
}

void imap_received(struct imap *p, size_t n)
{
	queue_added(&p->in, n);
}

void imap_eof(struct imap *p)
{
	p->eof = true;
}

struct view imap_pending(const struct imap *p)
{
	struct view v = queue_view(&p->out);

	if (is_cut_off(p))
		return VIEW_NONE;
	return p->n_holds ? view_head(v, p->holds[0].at - p->sent) : v;
}

void imap_sent(struct imap *p, size_t n)
{
	struct view v = imap_pending(p);

	MUST(n <= v.n);
	if (n)
		secret_wipe(p->out.data + p->out.off, n);
	queue_drop(&p->out, n);
	p->sent += n;
}

void imap_secured(struct imap *p)
{
	MUST(p->phase == IMAP_PHASE_TLS);
	p->phase = IMAP_PHASE_FRESH;
	p->under_tls = true;
	p->serial++;
}

void imap_deflated(struct imap *p)
{
	MUST(p->phase == IMAP_PHASE_DEFLATE);
	settle(p);
	queue_drop(&p->in, p->in.len);
	p->phase = p->behind;
	p->deflated = true;
	p->serial++;
}

const struct imap_capabilities *imap_capabilities(const struct imap *p)
{
	return &p->capabilities;
}

bool imap_names_are_utf8(const struct imap *p)
{
	const struct imap_capabilities *c = &p->capabilities;

	return p->utf8 ||
	       (c->can & IMAP_CAN_REV1 && !(c->can & IMAP_CAN_MUTF7));
}

size_t imap_in_flight(const struct imap *p)
{
	return p->in_flight;
}

uint32_t imap_tag(const struct imap *p)
{
	return p->next_tag - 1;
}

bool imap_pending_is_secret(const struct imap *p)
{
	return p->flying[IMAP_LOGIN] || p->flying[IMAP_AUTHENTICATE];
}

/* ---- patience ---- */

static uint32_t command_ms(enum imap_command command)
{
	switch (command) {
	case IMAP_NO_COMMAND:
	case IMAP_CAPABILITY:
	case IMAP_STARTTLS:
	case IMAP_ID:
	case IMAP_ENABLE:
	case IMAP_COMPRESS:
	case IMAP_IDLE:
	case IMAP_LOGOUT:
		break;
	case IMAP_LOGIN:
	case IMAP_AUTHENTICATE:
	case IMAP_SELECT:
	case IMAP_EXAMINE:
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
	case IMAP_NOTIFY:
	case IMAP_UNSELECT:
		return LIMIT_MAILBOX_MS;
	}
	return LIMIT_COMMAND_MS;
}

static uint32_t patience_ms(const struct imap *p)
{
	if (p->phase == IMAP_PHASE_GREETING)
		return LIMIT_COMMAND_MS;
	if (is_cut_off(p) || p->in_flight == 0 || p->idle == IMAP_TURN_CLIENT ||
	    p->auth == IMAP_TURN_CLIENT)
		return 0;
	return command_ms(p->ring[p->oldest % IMAP_PIPELINE].command);
}

struct patience imap_patience(const struct imap *p)
{
	return (struct patience){ .serial = p->serial,
				  .ms = patience_ms(p),
				  .rate = LIMIT_RATE_OCTETS_S };
}

/* ---- failing ---- */

bool imap_fail(struct imap *p, struct imap_event *ev, enum err_class class,
	       const char *what)
{
	if (p->err.class == ERR_NONE) {
		err_set(&p->err, class, "%s", what);
		p->err.origin = ERR_FROM_IMAP;
	}
	p->phase = IMAP_PHASE_DEAD;
	*ev = (struct imap_event){ .type = IMAP_EV_FAILED, .err = &p->err };
	return true;
}

bool imap_malformed(struct imap *p, struct imap_event *ev, const char *what)
{
	return imap_fail(p, ev, ERR_PROTOCOL, what);
}

bool imap_no_greeting(struct imap *p, struct imap_event *ev, struct view said)
{
	(void)imap_malformed(p, ev, "this is no IMAP greeting");
	(void)err_peer(&p->err, view_head(said, said.n < 80 ? said.n : 80));
	return true;
}

static bool fail_eof(struct imap *p, struct imap_event *ev)
{
	return imap_fail(p, ev, ERR_NETWORK,
			 p->phase == IMAP_PHASE_GREETING
				 ? "the server closed without a greeting"
				 : "the server closed the connection");
}

/* ---- what handlers share ---- */

void imap_progress(struct imap *p)
{
	p->serial++;
	p->chatter = 0;
}

void imap_response_done(struct imap *p)
{
	p->step = IMAP_STEP_START;
	p->text = 0;
}

bool imap_flies(const struct imap *p, enum imap_command command)
{
	return p->flying[command] > 0;
}

static uint64_t most(enum imap_literal_use use)
{
	switch (use) {
	case IMAP_LITERAL_SKIPPED:
		return IMAP_SKIPPED_OCTETS;
	case IMAP_LITERAL_NAME:
		return IMAP_NAME_OCTETS;
	case IMAP_LITERAL_BODY:
		break;
	}
	return UINT64_MAX;
}

static bool string_octets(struct imap *p, uint64_t n, enum imap_literal_use use,
			  struct imap_event *ev)
{
	if (n > most(use))
		return imap_fail(p, ev, ERR_LIMIT,
				 use == IMAP_LITERAL_NAME
					 ? "a mailbox name is too long"
					 : "a literal nobody asked for is too "
					   "long");
	p->literal = n;
	p->use = use;
	p->n_name = use == IMAP_LITERAL_NAME ? 0 : p->n_name;
	return false;
}

bool imap_literal_begin(struct imap *p, const struct lexeme *t,
			enum imap_literal_use use, struct imap_event *ev)
{
	return string_octets(p, t->size, use, ev);
}

bool imap_string_begin(struct imap *p, const struct lexeme *t,
		       enum imap_literal_use use, struct imap_event *ev)
{
	struct view text = t->text;
	char *front = p->in.data + p->in.off;

	if (t->kind == LEX_LITERAL)
		return imap_literal_begin(p, t, use, ev);
	/* The loop has not dropped the lexeme yet: keep its string in front. */
	if (t->kind == LEX_QUOTED)
		text = lex_unescape(front + (t->text.p - front), t->text.n);
	memmove(front + t->used - text.n, text.p, text.n);
	p->lent = t->used - text.n;
	return string_octets(p, text.n, use, ev);
}

/* ---- the loop ---- */

/* Literal octets at hand; false: none, or they meant nothing. */
static bool take_literal(struct imap *p, struct imap_event *ev)
{
	struct view in = queue_view(&p->in);
	size_t n = in.n < p->literal ? in.n : (size_t)p->literal;

	if (n == 0)
		return false;
	p->literal -= n;
	p->lent = n;
	switch (p->use) {
	case IMAP_LITERAL_SKIPPED:
		return false;
	case IMAP_LITERAL_NAME:
		memcpy(p->name + p->n_name, in.p, n);
		p->n_name += n;
		return false;
	case IMAP_LITERAL_BODY:
		break;
	}
	if (p->literal == 0)
		imap_progress(p);
	*ev = (struct imap_event){ .type = IMAP_EV_BODY,
				   .fetch = p->fetch,
				   .text = view_head(in, n) };
	return true;
}

enum lexer {
	BY_TOKEN,
	BY_ATTRIBUTE,
	BY_RANGE,
	BY_LINE
};

static const struct {
	imap_handler *handler;
	enum lexer lexer;
} steps[IMAP_STEPS] = {
	[IMAP_STEP_START] = { imap_on_start, BY_TOKEN },
	[IMAP_STEP_CONTINUE] = { imap_on_continue, BY_LINE },
	[IMAP_STEP_TAGGED] = { imap_on_tagged, BY_LINE },
	[IMAP_STEP_UNTAGGED] = { imap_on_untagged, BY_TOKEN },
	[IMAP_STEP_CONDITION] = { imap_on_condition, BY_LINE },
	[IMAP_STEP_CAPABILITY] = { imap_on_capability, BY_LINE },
	[IMAP_STEP_ENABLED] = { imap_on_enabled, BY_LINE },
	[IMAP_STEP_NUMBERED] = { imap_on_numbered, BY_TOKEN },
	[IMAP_STEP_EXISTS] = { imap_on_exists, BY_LINE },
	[IMAP_STEP_EXPUNGE] = { imap_on_expunge, BY_LINE },
	[IMAP_STEP_SKIP] = { imap_on_skip, BY_LINE },
	[IMAP_STEP_SEARCH] = { imap_on_search, BY_TOKEN },
	[IMAP_STEP_SEARCH_TAIL] = { imap_on_search_tail, BY_TOKEN },
	[IMAP_STEP_ESEARCH] = { imap_on_esearch, BY_TOKEN },
	[IMAP_STEP_ESEARCH_SET] = { imap_on_esearch_set, BY_RANGE },
	[IMAP_STEP_ESEARCH_VALUE] = { imap_on_esearch_value, BY_TOKEN },
	[IMAP_STEP_ESEARCH_NESTED] = { imap_on_esearch_nested, BY_TOKEN },
	[IMAP_STEP_LIST] = { imap_on_list, BY_TOKEN },
	[IMAP_STEP_LIST_ATTRIBUTES] = { imap_on_list_attributes, BY_TOKEN },
	[IMAP_STEP_LIST_DELIMITER] = { imap_on_list_delimiter, BY_TOKEN },
	[IMAP_STEP_LIST_NAME] = { imap_on_list_name, BY_TOKEN },
	[IMAP_STEP_LIST_TAIL] = { imap_on_list_tail, BY_TOKEN },
	[IMAP_STEP_STATUS_NAME] = { imap_on_status_name, BY_TOKEN },
	[IMAP_STEP_STATUS] = { imap_on_status, BY_TOKEN },
	[IMAP_STEP_STATUS_KEY] = { imap_on_status_key, BY_TOKEN },
	[IMAP_STEP_STATUS_VALUE] = { imap_on_status_value, BY_TOKEN },
	[IMAP_STEP_STATUS_END] = { imap_on_status_end, BY_TOKEN },
	[IMAP_STEP_FETCH] = { imap_on_fetch, BY_TOKEN },
	[IMAP_STEP_FETCH_KEY] = { imap_on_fetch_key, BY_ATTRIBUTE },
	[IMAP_STEP_FETCH_VALUE] = { imap_on_fetch_value, BY_TOKEN },
	[IMAP_STEP_FETCH_FLAGS] = { imap_on_fetch_flags, BY_TOKEN },
	[IMAP_STEP_FETCH_NESTED] = { imap_on_fetch_nested, BY_TOKEN },
	[IMAP_STEP_FETCH_END] = { imap_on_fetch_end, BY_TOKEN },
};

static struct lexeme read_lexeme(struct imap *p)
{
	struct view in = queue_view(&p->in);

	switch (steps[p->step].lexer) {
	case BY_TOKEN:
		return lex_token(in, &p->scanned);
	case BY_ATTRIBUTE:
		return lex_attribute(in, &p->scanned);
	case BY_RANGE:
		return lex_range(in, &p->scanned);
	case BY_LINE:
		break;
	}
	return lex_line(in, &p->scanned);
}

/* SEARCH alone may be longer than a response: its numbers are counted. */
static bool counts_as_text(const struct imap *p)
{
	return p->step != IMAP_STEP_SEARCH && p->step != IMAP_STEP_ESEARCH_SET;
}

/* Odd data at a place where it may be anything is skipped by lines (D19). */
static bool on_bad(struct imap *p, struct imap_event *ev)
{
	if (p->phase == IMAP_PHASE_GREETING)
		return imap_no_greeting(p, ev, VIEW_NONE);
	if (p->step != IMAP_STEP_UNTAGGED && p->step != IMAP_STEP_NUMBERED)
		return imap_malformed(p, ev, "malformed response");
	p->step = IMAP_STEP_SKIP;
	return false;
}

static bool handle(struct imap *p, const struct lexeme *t,
		   struct imap_event *ev)
{
	p->scanned = 0;
	if (t->kind == LEX_BAD)
		return on_bad(p, ev);
	if (t->kind == LEX_HUGE)
		return imap_fail(p, ev, ERR_LIMIT, "a literal is too long");
	p->lent = t->used;
	if (counts_as_text(p))
		p->text += t->used;
	if (p->text > LIMIT_IMAP_TEXT)
		return imap_fail(p, ev, ERR_LIMIT, "a response is too long");
	if (t->kind == LEX_SPACE)
		return false;
	return steps[p->step].handler(p, t, ev);
}

/* One lexeme or piece of a literal. false with *stuck: more octets needed. */
static bool advance(struct imap *p, struct imap_event *ev, bool *stuck)
{
	struct lexeme t;

	settle(p);
	if (p->literal > 0) {
		*stuck = p->in.len == 0;
		return take_literal(p, ev);
	}
	if (p->range_at)
		return imap_search_range(p, ev);
	t = read_lexeme(p);
	*stuck = t.kind == LEX_MORE;
	if (!*stuck)
		return handle(p, &t, ev);
	if (p->in.len == IMAP_IN_OCTETS)
		return imap_fail(p, ev, ERR_LIMIT, "a line is too long");
	return false;
}

bool imap_next(struct imap *p, struct imap_event *ev)
{
	bool stuck = false;

	settle(p);
	if (is_cut_off(p))
		return false;
	if (p->phase == IMAP_PHASE_BYE)
		return imap_fail(p, ev, ERR_NETWORK, "the server said goodbye");
	while (!stuck)
		if (advance(p, ev, &stuck))
			return true;
	return p->eof && fail_eof(p, ev);
}
