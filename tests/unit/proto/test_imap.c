/* imap: every transcript in every way, and what transcripts cannot say. */
#include "imap.h"
#include "imap_copyuid.h"
#include "imap_lex.h"
#include "imap_set.h"
#include "imap_value.h"
#include "mech.h"
#include "must.h"
#include "support_transcript.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- the engine in the words of transcripts --- */

static void *engine_new(void)
{
	return imap_new(false);
}

static void engine_free(void *e)
{
	imap_free(e);
}

static struct room engine_room(void *e)
{
	return imap_room(e);
}

static void engine_received(void *e, size_t n)
{
	imap_received(e, n);
}

static void engine_eof(void *e)
{
	imap_eof(e);
}

static void engine_secured(void *e)
{
	imap_secured(e);
}

static struct view engine_pending(void *e)
{
	return imap_pending(e);
}

static void engine_sent(void *e, size_t n)
{
	imap_sent(e, n);
}

static void put_lower(struct text *to, const char *word)
{
	for (; *word; word++)
		text_fmt(to, "%c",
			 *word >= 'A' && *word <= 'Z' ? *word | 0x20
			 : *word == ' '		      ? '-'
						      : *word);
}

static const char *status_name(enum imap_status status)
{
	switch (status) {
	case IMAP_OK:
		return "ok";
	case IMAP_NO:
		return "no";
	case IMAP_BAD:
		return "bad";
	case IMAP_PREAUTH:
		return "preauth";
	case IMAP_BYE:
		return "bye";
	}
	return "?";
}

static void put_bits(struct text *to, const char *const *names, unsigned bits)
{
	for (unsigned i = 0; names[i]; i++)
		if (bits & 1u << i)
			text_fmt(to, " %s", names[i]);
}

static void put_flags(struct text *to, const char *what, unsigned flags)
{
	static const char *const names[] = { "seen",	"answered", "flagged",
					     "deleted", "draft",    "recent",
					     "any",	NULL };

	text_fmt(to, " %s:", what);
	put_bits(to, names, flags);
	text_puts(to, ";");
}

static void put_condition(struct text *to, const struct imap_event *ev)
{
	if (ev->code) {
		text_fmt(to, " [%s", imap_code_name(ev->code));
		if (ev->code_args.n)
			text_puts(to, " ");
		transcript_escape(to, ev->code_args);
		text_puts(to, "]");
	}
	if (ev->text.n)
		text_puts(to, " ");
	transcript_escape(to, ev->text);
}

static void put_mailbox(struct text *to, const struct imap_mailbox *m)
{
	if (m->name.n)
		text_puts(to, " ");
	transcript_escape(to, m->name);
	if (m->has & IMAP_HAS_MESSAGES)
		text_fmt(to, " messages %" PRIu32, m->messages);
	if (m->has & IMAP_HAS_UIDNEXT)
		text_fmt(to, " uidnext %" PRIu32, m->uidnext);
	if (m->uidvalidity)
		text_fmt(to, " uidvalidity %" PRIu32, m->uidvalidity);
	if (m->has & IMAP_HAS_UNSEEN)
		text_fmt(to, " unseen %" PRIu32, m->unseen);
	if (m->has & IMAP_HAS_PERMANENTFLAGS)
		put_flags(to, "permanent", m->permanent_flags);
	if (m->has & IMAP_HAS_UIDNOTSTICKY)
		text_puts(to, " uidnotsticky");
	if (m->has & IMAP_HAS_READ_ONLY)
		text_puts(to, " read-only");
}

static void put_fetch(struct text *to, const struct imap_fetch *f)
{
	text_fmt(to, " uid %" PRIu32, f->uid);
	if (f->has & IMAP_HAS_FLAGS)
		put_flags(to, "flags", f->flags);
	if (f->has & IMAP_HAS_DATE)
		text_fmt(to, " date %" PRId64, f->date);
	if (f->has & IMAP_HAS_SIZE)
		text_fmt(to, " size %" PRIu64, f->size);
	if (f->msgid)
		text_fmt(to, " msgid %" PRIu64, f->msgid);
	if (f->has & IMAP_HAS_NIL)
		text_puts(to, " nil");
}

static void put_list(struct text *to, const struct imap_list *l)
{
	static const char *const names[] = {
		"noselect", "noinferiors", "all",	"archive",
		"drafts",   "flagged",	   "important", "junk",
		"sent",	    "trash",	   NULL
	};

	if (l->delimiter)
		transcript_escape(to, (struct view){ &l->delimiter, 1 });
	else
		text_puts(to, "flat");
	text_puts(to, " ");
	transcript_escape(to, l->name);
	put_bits(to, names, l->attributes);
}

static void put_capabilities(struct text *to, const struct imap_capabilities *c)
{
	static const char *const names[] = {
		"rev1",	     "starttls",    "login",	   "sasl-ir",
		"literal+",  "literal-",    "uidplus",	   "move",
		"idle",	     "id",	    "enable",	   "unselect",
		"list-ext",  "list-status", "special-use", "esearch",
		"gmail",     "deflate",	    "mutf7",	   "utf8-accept",
		"utf8-only", "notify",	    NULL
	};

	text_puts(to, c->known ? "capabilities" : "capabilities unknown");
	put_bits(to, names, c->can);
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++)
		if (c->sasl & MECH_BIT(m))
			text_fmt(to, " auth=%.*s",
				 VIEW_ARG(mech_name((enum mech)m)));
}

static void put_search(struct text *to, const struct imap_event *ev)
{
	text_puts(to, "search");
	for (size_t i = 0; i < ev->n_uids; i++)
		text_fmt(to, " %" PRIu32, ev->uids[i]);
	text_puts(to, ev->last ? " end" : "");
}

static void put_tagged(struct text *to, const struct imap_event *ev)
{
	put_lower(to, imap_command_name(ev->command));
	text_fmt(to, " %s", status_name(ev->status));
	put_condition(to, ev);
	if (ev->command == IMAP_SELECT || ev->command == IMAP_EXAMINE) {
		text_puts(to, " |");
		put_mailbox(to, &ev->mailbox);
	}
}

static void put_body(struct text *to, const char *what,
		     const struct imap_fetch *f)
{
	text_fmt(to, "%s %s %" PRIu64,
		 f->part == IMAP_PART_BODY ? "body" : "header", what,
		 f->octets);
	put_fetch(to, f);
}

static const char *class_name(enum err_class class)
{
	switch (class) {
	case ERR_NETWORK:
		return "network";
	case ERR_RETRY:
		return "retry";
	case ERR_AUTH:
		return "auth";
	case ERR_TRUST:
		return "trust";
	case ERR_PROTOCOL:
		return "protocol";
	case ERR_LIMIT:
		return "limit";
	default:
		return "?";
	}
}

static void put_event(struct text *to, const struct imap *p,
		      const struct imap_event *ev)
{
	switch (ev->type) {
	case IMAP_EV_GREETING:
		text_fmt(to, "greeting %s", status_name(ev->status));
		put_condition(to, ev);
		return;
	case IMAP_EV_CAPABILITIES:
		put_capabilities(to, imap_capabilities(p));
		return;
	case IMAP_EV_TLS_WANTED:
		text_puts(to, "tls wanted");
		return;
	case IMAP_EV_DEFLATE:
		text_puts(to, ev->text.n ? "deflate " : "deflate");
		transcript_escape(to, ev->text);
		return;
	case IMAP_EV_CONTINUE:
		text_puts(to, ev->text.n ? "continue " : "continue");
		transcript_escape(to, ev->text);
		return;
	case IMAP_EV_IDLING:
		text_puts(to, "idling");
		return;
	case IMAP_EV_NOTE:
		text_fmt(to, "note %s", status_name(ev->status));
		put_condition(to, ev);
		return;
	case IMAP_EV_LIST:
		text_puts(to, "list ");
		put_list(to, &ev->list);
		return;
	case IMAP_EV_STATUS:
		text_puts(to, "status of");
		put_mailbox(to, &ev->mailbox);
		return;
	case IMAP_EV_FETCH:
		text_puts(to, "fetch");
		put_fetch(to, &ev->fetch);
		return;
	case IMAP_EV_BODY_BEGIN:
		put_body(to, "begin", &ev->fetch);
		return;
	case IMAP_EV_BODY:
		text_puts(to, "octets");
		return;
	case IMAP_EV_BODY_END:
		put_body(to, "end", &ev->fetch);
		return;
	case IMAP_EV_SEARCH:
		put_search(to, ev);
		return;
	case IMAP_EV_EXISTS:
		text_fmt(to, "exists %" PRIu32, ev->number);
		return;
	case IMAP_EV_EXPUNGE:
		text_puts(to, "expunge");
		return;
	case IMAP_EV_TAGGED:
		put_tagged(to, ev);
		return;
	case IMAP_EV_BYE:
		text_puts(to, "bye");
		put_condition(to, ev);
		return;
	case IMAP_EV_CLOSED:
		text_puts(to, "closed");
		return;
	case IMAP_EV_FAILED:
		text_fmt(to, "failed %s: %s", class_name(ev->err->class),
			 ev->err->what);
		if (*ev->err->peer)
			text_fmt(to, ": %s", ev->err->peer);
		return;
	}
}

static bool engine_next(void *e, struct text *words, struct view *stream)
{
	struct imap_event ev;

	if (!imap_next(e, &ev))
		return false;
	put_event(words, e, &ev);
	if (ev.type == IMAP_EV_BODY)
		*stream = ev.text;
	return true;
}

/* A command's words; escapes are undone, "\x20" is a space within one. */
struct args {
	struct text raw[8];
	size_t n;
};

static void args_take(struct args *a, struct view words)
{
	*a = (struct args){ .n = 0 };
	while (words.n) {
		assert_true(a->n < 8);
		text_init(&a->raw[a->n], 1u << 20);
		assert_true(
			transcript_unescape(&a->raw[a->n], view_word(&words)));
		a->n++;
	}
}

static void args_drop(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		text_fini(&a->raw[i]);
}

static struct view arg(const struct args *a, size_t i)
{
	return i < a->n ? text_view(&a->raw[i]) : VIEW_NONE;
}

typedef bool command(struct imap *p, const struct args *a);

static bool do_capability(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_capability(p);
}

static bool do_starttls(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_starttls(p);
}

static bool do_compress(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_compress(p);
}

/* No command, but what the flow does once the layer is there. */
static bool do_deflated(struct imap *p, const struct args *a)
{
	(void)a;
	imap_deflated(p);
	return true;
}

static bool do_login(struct imap *p, const struct args *a)
{
	return imap_login(p, arg(a, 1), arg(a, 2));
}

static bool do_authenticate(struct imap *p, const struct args *a)
{
	struct view initial = arg(a, 2);

	return imap_authenticate(p, arg(a, 1), a->n > 2 ? &initial : NULL);
}

static bool do_answer(struct imap *p, const struct args *a)
{
	return imap_answer(p, arg(a, 1));
}

static bool do_cancel(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_cancel(p);
}

static bool do_id(struct imap *p, const struct args *a)
{
	return imap_id(p, arg(a, 1), arg(a, 2));
}

static bool do_enable(struct imap *p, const struct args *a)
{
	return imap_enable(p, arg(a, 1));
}

static bool do_select(struct imap *p, const struct args *a)
{
	return imap_select(p, arg(a, 1));
}

static bool do_examine(struct imap *p, const struct args *a)
{
	return imap_examine(p, arg(a, 1));
}

static bool do_status(struct imap *p, const struct args *a)
{
	return imap_status(p, arg(a, 1));
}

static bool do_list(struct imap *p, const struct args *a)
{
	struct view patterns[8];
	unsigned options = 0;
	size_t n = 0;

	for (size_t i = 1; i < a->n; i++)
		if (view_eq(arg(a, i), VIEW_LIT("status")))
			options |= IMAP_LIST_STATUS;
		else if (view_eq(arg(a, i), VIEW_LIT("special-use")))
			options |= IMAP_LIST_SPECIAL_USE;
		else
			patterns[n++] = arg(a, i);
	return imap_list(p, patterns, n, options);
}

static bool do_notify(struct imap *p, const struct args *a)
{
	struct view names[8];

	for (size_t i = 1; i < a->n; i++)
		names[i - 1] = arg(a, i);
	return imap_notify(p, names, a->n - 1);
}

static bool do_fetch(struct imap *p, const struct args *a)
{
	return imap_fetch(p, arg(a, 1), true);
}

static bool do_body(struct imap *p, const struct args *a)
{
	return imap_fetch_body(p, arg(a, 1));
}

static bool do_header(struct imap *p, const struct args *a)
{
	return imap_fetch_header(p, arg(a, 1), arg(a, 2));
}

static bool do_search(struct imap *p, const struct args *a)
{
	return imap_search(p, arg(a, 1));
}

static bool do_store(struct imap *p, const struct args *a)
{
	return imap_store(p, arg(a, 1), arg(a, 2).p[0] == '+',
			  view_skip(arg(a, 2), 1));
}

static bool do_uid_expunge(struct imap *p, const struct args *a)
{
	return imap_uid_expunge(p, arg(a, 1));
}

static bool do_expunge(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_expunge(p);
}

static bool do_move(struct imap *p, const struct args *a)
{
	return imap_move(p, arg(a, 1), arg(a, 2));
}

static bool do_copy(struct imap *p, const struct args *a)
{
	return imap_copy(p, arg(a, 1), arg(a, 2));
}

static bool do_create(struct imap *p, const struct args *a)
{
	return imap_create(p, arg(a, 1));
}

static bool do_noop(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_noop(p);
}

static bool do_idle(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_idle(p);
}

static bool do_done(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_done(p);
}

static bool do_unselect(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_unselect(p);
}

static bool do_logout(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_logout(p);
}

static bool engine_command(void *e, struct view words)
{
	static const struct {
		const char *name;
		command *run;
	} commands[] = {
		{ "capability", do_capability },
		{ "starttls", do_starttls },
		{ "compress", do_compress },
		{ "deflated", do_deflated },
		{ "login", do_login },
		{ "authenticate", do_authenticate },
		{ "answer", do_answer },
		{ "cancel", do_cancel },
		{ "id", do_id },
		{ "enable", do_enable },
		{ "select", do_select },
		{ "examine", do_examine },
		{ "status", do_status },
		{ "list", do_list },
		{ "fetch", do_fetch },
		{ "body", do_body },
		{ "header", do_header },
		{ "search", do_search },
		{ "store", do_store },
		{ "uid-expunge", do_uid_expunge },
		{ "expunge", do_expunge },
		{ "move", do_move },
		{ "copy", do_copy },
		{ "create", do_create },
		{ "noop", do_noop },
		{ "notify", do_notify },
		{ "idle", do_idle },
		{ "done", do_done },
		{ "unselect", do_unselect },
		{ "logout", do_logout },
	};
	struct args a;
	bool taken = false, known = false;

	args_take(&a, words);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (view_eq(arg(&a, 0), view_of(commands[i].name))) {
			known = true;
			taken = commands[i].run(e, &a);
		}
	args_drop(&a);
	if (!known)
		fail_msg("no command: %.*s", VIEW_ARG(words));
	return taken;
}

static const struct transcript_ops ops = {
	.new = engine_new,
	.free = engine_free,
	.room = engine_room,
	.received = engine_received,
	.eof = engine_eof,
	.secured = engine_secured,
	.pending = engine_pending,
	.sent = engine_sent,
	.next = engine_next,
	.command = engine_command,
};

static void transcripts(void **state)
{
	(void)state;
	transcript_play_all(&ops, "imap");
}

/* --- an engine by hand --- */

static void feed(struct imap *p, struct view v)
{
	while (v.n) {
		struct room r = imap_room(p);
		size_t n = v.n < r.n ? v.n : r.n;

		assert_true(n > 0);
		memcpy(r.p, v.p, n);
		imap_received(p, n);
		v = view_skip(v, n);
	}
}

static struct imap_event expect(struct imap *p, enum imap_event_type type)
{
	struct imap_event ev;

	assert_true(imap_next(p, &ev));
	assert_int_equal(ev.type, type);
	return ev;
}

static void nothing(struct imap *p)
{
	struct imap_event ev;

	assert_false(imap_next(p, &ev));
}

static void all_sent(struct imap *p)
{
	imap_sent(p, imap_pending(p).n);
}

static struct imap *greeted(void)
{
	struct imap *p = imap_new(true);

	feed(p, VIEW_LIT("* OK ready\r\n"));
	expect(p, IMAP_EV_GREETING);
	return p;
}

/* A8: under TLS it is told; the source refuses it. */
/* A6, RFC 3501 6.2.1: what was offered in clear is not known under TLS. */
static void capabilities_are_forgotten_with_tls(void **state)
{
	struct imap *p = imap_new(false);

	(void)state;
	feed(p, VIEW_LIT("* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR "
			 "AUTH=PLAIN] hello\r\n"));
	expect(p, IMAP_EV_GREETING);
	assert_true(imap_capabilities(p)->known);
	assert_true(imap_capabilities(p)->sasl & MECH_BIT(MECH_PLAIN));
	assert_true(imap_starttls(p));
	imap_sent(p, imap_pending(p).n);
	feed(p, VIEW_LIT("a1 OK go\r\n"));
	expect(p, IMAP_EV_TLS_WANTED);
	assert_false(imap_capabilities(p)->known);
	assert_false(imap_capabilities(p)->sasl || imap_capabilities(p)->can);
	imap_secured(p);
	assert_false(imap_capabilities(p)->known);
	imap_free(p);
}

static void preauth_under_tls_is_told(void **state)
{
	struct imap *p = imap_new(true);
	struct imap_event ev;

	(void)state;
	feed(p, VIEW_LIT("* PREAUTH welcome\r\n"));
	ev = expect(p, IMAP_EV_GREETING);
	assert_int_equal(ev.status, IMAP_PREAUTH);
	imap_free(p);
}

/* Feeds a line over and over; returns how often until the engine failed. */
static unsigned flood(struct imap *p, struct view line, unsigned most)
{
	struct imap_event ev;

	for (unsigned i = 0; i < most; i++) {
		feed(p, line);
		while (imap_next(p, &ev))
			if (ev.type == IMAP_EV_FAILED) {
				assert_int_equal(ev.err->class, ERR_LIMIT);
				return i;
			}
	}
	return most;
}

/* B3 */
static void endless_untagged_responses_end_the_session(void **state)
{
	struct imap *p = greeted();

	(void)state;
	assert_true(imap_noop(p));
	all_sent(p);
	assert_int_equal(
		flood(p, VIEW_LIT("* OK still here\r\n"), 2 * IMAP_CHATTER),
		IMAP_CHATTER);
	imap_free(p);
}

/* B3: what was asked for may be long, and breaks the count of what was not. */
static void a_long_listing_is_no_flood(void **state)
{
	struct imap *p = greeted();
	unsigned n = IMAP_CHATTER + 10;

	(void)state;
	assert_true(imap_fetch(p, VIEW_LIT("1:*"), true));
	all_sent(p);
	assert_int_equal(flood(p, VIEW_LIT("* 1 FETCH (UID 1)\r\n"), n), n);
	imap_free(p);
}

static void a_search_result_may_be_longer_than_a_response(void **state)
{
	struct imap *p = greeted();
	struct imap_event ev;
	size_t n = 0;
	bool last = false;

	(void)state;
	assert_true(imap_search(p, VIEW_LIT("ALL")));
	all_sent(p);
	feed(p, VIEW_LIT("* SEARCH"));
	for (int i = 0; i < 20000; i++) {
		feed(p, VIEW_LIT(" 4000000000"));
		while (imap_next(p, &ev)) {
			assert_int_equal(ev.type, IMAP_EV_SEARCH);
			n += ev.n_uids;
		}
	}
	feed(p, VIEW_LIT("\r\n"));
	while (imap_next(p, &ev)) {
		n += ev.n_uids;
		last = ev.last;
	}
	assert_int_equal(n, 20000);
	assert_true(last);
	imap_free(p);
}

static size_t count_search(struct imap *p, uint32_t *top, bool *last)
{
	struct imap_event ev;
	size_t n = 0;

	while (imap_next(p, &ev)) {
		assert_int_equal(ev.type, IMAP_EV_SEARCH);
		for (size_t i = 0; i < ev.n_uids; i++)
			*top = ev.uids[i] > *top ? ev.uids[i] : *top;
		n += ev.n_uids;
		*last = ev.last;
	}
	return n;
}

/* A set of any length, and wide ranges, come a buffer at a time. */
static void an_esearch_result_may_be_longer_than_a_response(void **state)
{
	struct imap *p = greeted();
	uint32_t top = 0;
	bool last = false;
	size_t n = 0;

	(void)state;
	assert_true(imap_search(p, VIEW_LIT("ALL")));
	all_sent(p);
	feed(p, VIEW_LIT("* ESEARCH (TAG \"a1\") UID ALL 1"));
	for (int i = 0; i < 20000; i++) {
		feed(p, VIEW_LIT(",4000000000:4000000002"));
		n += count_search(p, &top, &last);
	}
	feed(p, VIEW_LIT(",5:1000004\r\n"));
	n += count_search(p, &top, &last);
	assert_int_equal(n, 1 + 3 * 20000 + 1000000);
	assert_int_equal(top, 4000000002);
	assert_true(last);
	imap_free(p);
}

/* B5: without a line end the buffer is all that is ever used. */
static void a_line_without_end_ends_the_session(void **state)
{
	struct imap *p = greeted();
	struct imap_event ev = { .type = IMAP_EV_IDLING };
	struct room r;

	(void)state;
	assert_true(imap_noop(p));
	all_sent(p);
	feed(p, VIEW_LIT("* OK "));
	nothing(p);
	while ((r = imap_room(p)).n) {
		memset(r.p, 'x', r.n);
		imap_received(p, r.n);
		if (imap_next(p, &ev))
			break;
	}
	assert_int_equal(ev.type, IMAP_EV_FAILED);
	assert_int_equal(ev.err->class, ERR_LIMIT);
	assert_int_equal(imap_room(p).n, 0);
	imap_free(p);
}

/* One octet at a time into a long quoted string: nothing is scanned twice. */
static void many_lines_within_one_response_are_bounded(void **state)
{
	struct imap *p = greeted();
	unsigned n;

	(void)state;
	assert_true(imap_fetch(p, VIEW_LIT("1"), true));
	all_sent(p);
	feed(p, VIEW_LIT("* 1 FETCH (UID 1"));
	n = flood(p, VIEW_LIT(" X {1}\r\nx"), LIMIT_IMAP_TEXT);
	assert_in_range(n, LIMIT_IMAP_TEXT / 10, LIMIT_IMAP_TEXT / 7);
	imap_free(p);
}

static void patience_follows_the_oldest_command(void **state)
{
	struct imap *p = imap_new(true);
	struct patience before, after;

	(void)state;
	assert_int_equal(imap_patience(p).ms, LIMIT_COMMAND_MS);
	feed(p, VIEW_LIT("* OK ready\r\n"));
	expect(p, IMAP_EV_GREETING);
	before = imap_patience(p);
	assert_int_equal(before.ms, 0);
	assert_true(imap_capability(p));
	assert_true(imap_select(p, VIEW_LIT("INBOX")));
	all_sent(p);
	after = imap_patience(p);
	assert_int_equal(after.ms, LIMIT_COMMAND_MS);
	assert_int_equal(after.rate, LIMIT_RATE_OCTETS_S);
	assert_int_not_equal(after.serial, before.serial);
	feed(p, VIEW_LIT("* OK chatter buys no time\r\n"));
	nothing(p);
	assert_int_equal(imap_patience(p).serial, after.serial);
	feed(p, VIEW_LIT("a1 OK done\r\n"));
	expect(p, IMAP_EV_TAGGED);
	before = after;
	after = imap_patience(p);
	assert_int_equal(after.ms, LIMIT_MAILBOX_MS);
	assert_int_not_equal(after.serial, before.serial);
	imap_free(p);
}

static void idle_and_our_turn_await_nothing(void **state)
{
	struct imap *p = greeted();

	(void)state;
	assert_true(imap_authenticate(p, VIEW_LIT("LOGIN"), NULL));
	all_sent(p);
	assert_int_equal(imap_patience(p).ms, LIMIT_MAILBOX_MS);
	feed(p, VIEW_LIT("+ \r\n"));
	expect(p, IMAP_EV_CONTINUE);
	assert_int_equal(imap_patience(p).ms, 0);
	assert_true(imap_answer(p, VIEW_LIT("YQ==")));
	all_sent(p);
	assert_int_equal(imap_patience(p).ms, LIMIT_MAILBOX_MS);
	feed(p, VIEW_LIT("a1 OK in\r\n"));
	expect(p, IMAP_EV_TAGGED);
	assert_true(imap_idle(p));
	all_sent(p);
	assert_int_equal(imap_patience(p).ms, LIMIT_COMMAND_MS);
	feed(p, VIEW_LIT("+ idling\r\n"));
	expect(p, IMAP_EV_IDLING);
	assert_int_equal(imap_patience(p).ms, 0);
	assert_true(imap_done(p));
	assert_int_equal(imap_patience(p).ms, LIMIT_COMMAND_MS);
	imap_free(p);
}

/* P5: what was sent leaves nothing behind. */
static void sent_octets_are_wiped(void **state)
{
	struct imap *p = greeted();
	struct view v;

	(void)state;
	assert_true(imap_login(p, VIEW_LIT("u"), VIEW_LIT("hunter2")));
	assert_true(imap_pending_is_secret(p));
	v = imap_pending(p);
	imap_sent(p, v.n);
	for (size_t i = 0; i < v.n; i++)
		assert_int_equal(v.p[i], 0);
	feed(p, VIEW_LIT("a1 OK in\r\n"));
	expect(p, IMAP_EV_TAGGED);
	assert_false(imap_pending_is_secret(p));
	imap_free(p);
}

static void a_full_pipeline_refuses_and_goes_on(void **state)
{
	struct imap *p = greeted();
	unsigned n = 0;
	char line[32];

	(void)state;
	while (imap_noop(p)) {
		all_sent(p);
		n++;
	}
	assert_int_equal(n, IMAP_PIPELINE);
	assert_int_equal(imap_in_flight(p), n);
	/* answered out of order: RFC 3501 5.5 */
	for (unsigned tag = n; tag > 0; tag--) {
		snprintf(line, sizeof(line), "a%u OK\r\n", tag);
		feed(p, view_of(line));
		assert_int_equal(expect(p, IMAP_EV_TAGGED).tag, tag);
	}
	assert_int_equal(imap_in_flight(p), 0);
	assert_true(imap_noop(p));
	imap_free(p);
}

static void a_full_output_refuses_whole_commands(void **state)
{
	struct imap *p = greeted();
	char set[IMAP_SET_OCTETS];
	struct view v;
	unsigned n = 0;

	(void)state;
	memset(set, '1', sizeof(set));
	while (imap_fetch_body(p, (struct view){ set, sizeof(set) }))
		n++;
	assert_in_range(n, 3, 5);
	v = imap_pending(p);
	assert_memory_equal(v.p + v.n - 2, "\r\n", 2);
	imap_free(p);
}

/* --- values --- */

static void sets_name_exactly_what_is_given(void **state)
{
	static const uint32_t uids[] = { 1, 2, 3,	    5,
					 7, 8, 4294967294u, 4294967295u };
	char out[64], small[IMAP_SET_RANGE_OCTETS];
	struct view set;

	(void)state;
	assert_int_equal(imap_set(uids, 8, out, sizeof(out), &set), 8);
	assert_true(view_eq(set, VIEW_LIT("1:3,5,7:8,4294967294:4294967295")));
	assert_true(imap_set_ok(set));
	assert_int_equal(imap_set(uids, 8, small, sizeof(small), &set), 6);
	assert_true(view_eq(set, VIEW_LIT("1:3,5,7:8")));
	assert_int_equal(imap_set(uids + 6, 2, small, sizeof(small), &set), 2);
	assert_true(view_eq(set, VIEW_LIT("4294967294:4294967295")));
	assert_true(view_eq(imap_set_from(4294967295u, small),
			    VIEW_LIT("4294967295:*")));
	assert_false(imap_set_ok(VIEW_LIT("1 2")));
	assert_false(imap_set_ok(VIEW_NONE));
}

/* What a COPYUID says, as "from>to"; "!" behind it: malformed. */
static void pairs_of(const char *args, struct text *out)
{
	struct imap_copyuid c;
	uint32_t from, to;

	text_init(out, 1000);
	if (!imap_copyuid_begin(&c, view_of(args))) {
		text_puts(out, "!");
		return;
	}
	text_fmt(out, "%" PRIu32, c.uidvalidity);
	for (unsigned n = 0; n < 9 && imap_copyuid_next(&c, &from, &to); n++)
		text_fmt(out, " %" PRIu32 ">%" PRIu32, from, to);
}

static void copyuid_pairs_sets_of_any_shape(void **state)
{
	static const struct {
		const char *args, *pairs;
	} cases[] = {
		{ "38505 304,319:320 3956:3958",
		  "38505 304>3956 319>3957 320>3958" },
		{ "1 7:6 4,4294967295", "1 6>4 7>4294967295" },
		{ "1 5 9:12", "1 5>9" }, /* no partner for the others */
		{ "1 5:8 9", "1 5>9" },
		{ "1 1:4294967295 1:4294967295",
		  "1 1>1 2>2 3>3 4>4 5>5 6>6 7>7 8>8 9>9" },
		{ "1 4294967295:4294967294,3 1:3",
		  "1 4294967294>1 4294967295>2 3>3" },
		{ "1 5,,6 7:8", "1 5>7" },
		{ "1 5:* 7:8", "1" },
		{ "1 0 7", "1" },
		{ "0 5 7", "!" },
		{ "1 5", "!" },
		{ "1 5 7 9", "!" },
		{ "", "!" },
	};
	struct text out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pairs_of(cases[i].args, &out);
		assert_string_equal(text_str(&out), cases[i].pairs);
		text_fini(&out);
	}
}

static void dates_become_unix_time(void **state)
{
	int64_t t = 0;

	(void)state;
	assert_true(
		imap_value_date(VIEW_LIT("17-Jul-1996 02:44:25 -0700"), &t));
	assert_int_equal(t, 837596665);
	assert_true(
		imap_value_date(VIEW_LIT(" 1-Jan-1970 00:00:00 +0000"), &t));
	assert_int_equal(t, 0);
	assert_true(imap_value_date(VIEW_LIT("1-Jan-1970 00:00:00 +0000"), &t));
	assert_int_equal(t, 0);
	assert_true(
		imap_value_date(VIEW_LIT("29-FEB-2024 23:59:60 +0530"), &t));
	assert_int_equal(t, 1709231400);
	assert_true(
		imap_value_date(VIEW_LIT("31-Dec-1969 23:59:59 +0000"), &t));
	assert_int_equal(t, -1);
	t = 7;
	assert_false(
		imap_value_date(VIEW_LIT("17-Jux-1996 02:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT(" 0-Jan-1996 02:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT("17-Jan-1996 24:44:25 -0700"), &t));
	assert_false(
		imap_value_date(VIEW_LIT("17-Jan-1996 02:44:25 0700"), &t));
	assert_false(imap_value_date(VIEW_NONE, &t));
	assert_int_equal(t, 7);
}

static void refusals_have_classes(void **state)
{
	(void)state;
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_NONE),
			 ERR_AUTH);
	assert_int_equal(
		imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_UNAVAILABLE),
		ERR_RETRY);
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_NO, IMAP_CODE_INUSE),
			 ERR_RETRY);
	assert_int_equal(imap_refusal(IMAP_LOGIN, IMAP_BAD, IMAP_CODE_NONE),
			 ERR_PROTOCOL);
	assert_int_equal(imap_refusal(IMAP_SELECT, IMAP_NO, IMAP_CODE_NONE),
			 ERR_REFUSED);
	assert_int_equal(
		imap_refusal(IMAP_NO_COMMAND, IMAP_BYE, IMAP_CODE_NONE),
		ERR_RETRY);
	assert_int_equal(
		imap_refusal(IMAP_NO_COMMAND, IMAP_BYE, IMAP_CODE_EXPIRED),
		ERR_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts),
		cmocka_unit_test(capabilities_are_forgotten_with_tls),
		cmocka_unit_test(preauth_under_tls_is_told),
		cmocka_unit_test(endless_untagged_responses_end_the_session),
		cmocka_unit_test(a_long_listing_is_no_flood),
		cmocka_unit_test(a_search_result_may_be_longer_than_a_response),
		cmocka_unit_test(
			an_esearch_result_may_be_longer_than_a_response),
		cmocka_unit_test(a_line_without_end_ends_the_session),
		cmocka_unit_test(many_lines_within_one_response_are_bounded),
		cmocka_unit_test(patience_follows_the_oldest_command),
		cmocka_unit_test(idle_and_our_turn_await_nothing),
		cmocka_unit_test(sent_octets_are_wiped),
		cmocka_unit_test(a_full_pipeline_refuses_and_goes_on),
		cmocka_unit_test(a_full_output_refuses_whole_commands),
		cmocka_unit_test(sets_name_exactly_what_is_given),
		cmocka_unit_test(copyuid_pairs_sets_of_any_shape),
		cmocka_unit_test(dates_become_unix_time),
		cmocka_unit_test(refusals_have_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
