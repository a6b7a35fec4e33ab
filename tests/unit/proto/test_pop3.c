/* pop3: every transcript in every way, and what transcripts cannot say. */
#include "limits.h"
#include "pop3_line.h"
#include "sasl.h"
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
	return pop3_new();
}

static void engine_free(void *e)
{
	pop3_free(e);
}

static struct room engine_room(void *e)
{
	return pop3_room(e);
}

static void engine_received(void *e, size_t n)
{
	pop3_received(e, n);
}

static void engine_eof(void *e)
{
	pop3_eof(e);
}

static void engine_secured(void *e)
{
	pop3_secured(e);
}

static struct view engine_pending(void *e)
{
	return pop3_pending(e);
}

static void engine_sent(void *e, size_t n)
{
	pop3_sent(e, n);
}

static void put_code(struct text *to, enum pop3_code code)
{
	switch (code) {
	case POP3_CODE_NONE:
		return;
	case POP3_CODE_OTHER:
		text_puts(to, " [other]");
		return;
	case POP3_CODE_LOGIN_DELAY:
		text_puts(to, " [login-delay]");
		return;
	case POP3_CODE_IN_USE:
		text_puts(to, " [in-use]");
		return;
	case POP3_CODE_SYS_TEMP:
		text_puts(to, " [sys/temp]");
		return;
	case POP3_CODE_SYS_PERM:
		text_puts(to, " [sys/perm]");
		return;
	case POP3_CODE_AUTH:
		text_puts(to, " [auth]");
		return;
	case POP3_CODE_UTF8:
		text_puts(to, " [utf8]");
		return;
	}
}

static void put_verb(struct text *to, enum pop3_cmd cmd)
{
	struct view verb = pop3_line_verb(cmd);

	for (size_t i = 0; i < verb.n; i++)
		text_fmt(to, "%c", verb.p[i] | 0x20);
}

static void put_octets(struct text *to, uint64_t octets)
{
	if (octets == POP3_OCTETS_UNKNOWN)
		text_puts(to, " unknown");
	else
		text_fmt(to, " %" PRIu64, octets);
}

static void put_reply(struct text *to, const struct pop3_event *ev)
{
	text_puts(to, "reply ");
	put_verb(to, ev->cmd);
	text_puts(to, ev->ok ? " ok" : " refused");
	if (ev->number || ev->cmd == POP3_CMD_STAT)
		text_fmt(to, " %" PRIu32, ev->number);
	if (ev->cmd == POP3_CMD_STAT && ev->ok)
		put_octets(to, ev->octets);
	put_code(to, ev->code);
}

static void put_listing(struct text *to, const struct pop3_event *ev)
{
	text_puts(to, "listing ");
	put_verb(to, ev->cmd);
	text_fmt(to, " %" PRIu32, ev->number);
	if (ev->cmd == POP3_CMD_LIST) {
		put_octets(to, ev->octets);
		return;
	}
	switch (ev->form) {
	case POP3_UID_FINE:
		break;
	case POP3_UID_ODD:
		text_puts(to, " odd");
		break;
	case POP3_UID_LONG:
		text_puts(to, " long");
		break;
	case POP3_UID_EMPTY:
		text_puts(to, " empty");
		return;
	}
	if (ev->text.n > 70) {
		text_fmt(to, " (%zu octets)", ev->text.n);
		return;
	}
	text_puts(to, " ");
	transcript_escape(to, ev->text);
}

static void put_words(struct text *to, const char *what, struct view words)
{
	text_puts(to, what);
	if (words.n)
		text_puts(to, " ");
	transcript_escape(to, words);
}

static void put_event(struct text *to, const struct pop3_event *ev)
{
	switch (ev->type) {
	case POP3_EV_GREETING:
		text_puts(to, "greeting");
		return;
	case POP3_EV_REPLY:
		put_reply(to, ev);
		return;
	case POP3_EV_CAPABILITY:
		put_words(to, "capability", ev->text);
		return;
	case POP3_EV_LISTING:
		put_listing(to, ev);
		return;
	case POP3_EV_BODY:
		text_puts(to, "body ");
		break;
	case POP3_EV_END:
		text_puts(to, "end ");
		break;
	case POP3_EV_CHALLENGE:
		put_words(to, "challenge", ev->text);
		return;
	case POP3_EV_TLS_WANTED:
		text_puts(to, "tls wanted");
		return;
	case POP3_EV_FAILED:
		text_fmt(to, "failed %s: %s", err_class_name(ev->err->class),
			 ev->err->what);
		return;
	}
	put_verb(to, ev->cmd);
	if (ev->number)
		text_fmt(to, " %" PRIu32, ev->number);
}

static bool engine_next(void *e, struct text *words, struct view *stream)
{
	struct pop3_event ev;

	if (!pop3_next(e, &ev))
		return false;
	put_event(words, &ev);
	if (ev.type == POP3_EV_BODY)
		*stream = ev.text;
	return true;
}

static uint32_t number(struct view v)
{
	uint64_t n;

	if (!view_number(v, UINT32_MAX, &n))
		fail_msg("not a number: %.*s", VIEW_ARG(v));
	return (uint32_t)n;
}

static bool command_auth(struct pop3 *p, struct view args)
{
	struct view mech = view_word(&args);

	return pop3_auth(p, mech, args.n ? args : (struct view){ NULL, 0 });
}

static bool command_pass(struct pop3 *p, struct view args)
{
	struct secret s = { NULL, 0 };
	bool ok;

	secret_set(&s, args);
	ok = pop3_pass(p, &s);
	secret_fini(&s);
	return ok;
}

/* "retr 3", or "retr 1-60" for a pipeline. */
static bool command_many(struct pop3 *p, struct view args,
			 bool (*one)(struct pop3 *, uint32_t))
{
	size_t dash = view_find(args, '-');
	uint32_t from = number(view_head(args, dash));
	uint32_t to = dash < args.n ? number(view_skip(args, dash + 1)) : from;
	bool ok = true;

	for (uint32_t i = from; ok && i <= to; i++)
		ok = one(p, i);
	return ok;
}

static bool command_top(struct pop3 *p, struct view args)
{
	uint32_t message = number(view_word(&args));

	return pop3_top(p, message, number(args));
}

/* The argument with its escapes undone, for those that take any octets. */
static bool command_octets(struct pop3 *p, struct view args,
			   bool (*give)(struct pop3 *, struct view))
{
	struct text octets;
	bool ok;

	text_init(&octets, 1 << 20);
	if (!transcript_unescape(&octets, args))
		fail_msg("a malformed escape: %.*s", VIEW_ARG(args));
	ok = give(p, text_view(&octets));
	text_fini(&octets);
	return ok;
}

static bool engine_command(void *e, struct view words)
{
	static const struct {
		const char *name;
		bool (*give)(struct pop3 *);
	} plain[] = {
		{ "capa", pop3_capa }, { "stls", pop3_stls },
		{ "stat", pop3_stat }, { "list", pop3_list },
		{ "uidl", pop3_uidl }, { "noop", pop3_noop },
		{ "rset", pop3_rset }, { "quit", pop3_quit },
		{ "utf8", pop3_utf8 },
	};
	struct view name = view_word(&words);

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (view_eq(name, view_of(plain[i].name)))
			return plain[i].give(e);
	if (view_eq(name, VIEW_LIT("user")))
		return command_octets(e, words, pop3_user);
	if (view_eq(name, VIEW_LIT("pass")))
		return command_octets(e, words, command_pass);
	if (view_eq(name, VIEW_LIT("auth")))
		return command_octets(e, words, command_auth);
	if (view_eq(name, VIEW_LIT("answer")))
		return command_octets(e, words, pop3_auth_answer);
	if (view_eq(name, VIEW_LIT("retr")))
		return command_many(e, words, pop3_retr);
	if (view_eq(name, VIEW_LIT("dele")))
		return command_many(e, words, pop3_dele);
	if (view_eq(name, VIEW_LIT("top")))
		return command_top(e, words);
	fail_msg("no such command: %.*s", VIEW_ARG(name));
	return false;
}

static void transcripts(void **state)
{
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

	(void)state;
	transcript_play_all(&ops, "pop3");
}

/* --- what transcripts cannot say --- */

static void feed(struct pop3 *p, struct view v)
{
	while (v.n) {
		struct room room = pop3_room(p);
		size_t n = room.n < v.n ? room.n : v.n;

		assert_true(n > 0);
		memcpy(room.p, v.p, n);
		pop3_received(p, n);
		v = view_skip(v, n);
	}
}

/* The next event must be of this type. */
static struct pop3_event expect(struct pop3 *p, enum pop3_event_type type)
{
	struct pop3_event ev;

	assert_true(pop3_next(p, &ev));
	assert_int_equal(ev.type, type);
	return ev;
}

static struct pop3 *greeted(void)
{
	struct pop3 *p = pop3_new();

	feed(p, VIEW_LIT("+OK ready\r\n"));
	expect(p, POP3_EV_GREETING);
	return p;
}

static void big_bodies_come_in_big_pieces(void **state)
{
	struct pop3 *p = greeted();
	char line[77 + 1];
	size_t octets = 0, events = 0;
	struct pop3_event ev;

	(void)state;
	memset(line, 'x', 76);
	memcpy(line + 75, "\r\n", 3);
	assert_true(pop3_retr(p, 1));
	feed(p, VIEW_LIT("+OK\r\n"));
	expect(p, POP3_EV_REPLY);
	for (int i = 0; i < 10000; i++) {
		if (pop3_room(p).n < 1000)
			while (pop3_next(p, &ev)) {
				octets += ev.text.n;
				events++;
			}
		feed(p, (struct view){ line, 77 });
	}
	while (pop3_next(p, &ev))
		octets += ev.text.n;
	assert_int_equal(octets, 770000);
	assert_true(events < 20);
	pop3_free(p);
}

/* B10: streamed, and capped: the one line too many ends the session. */
static void a_listing_of_too_many_lines_ends_the_session(void **state)
{
	struct pop3 *p = greeted();
	struct pop3_event ev = { .type = POP3_EV_REPLY };
	static char lines[4096];
	uint32_t seen = 0;
	size_t n = 0;

	(void)state;
	for (; n + 6 <= sizeof(lines); n += 6)
		memcpy(lines + n, "9 xy\r\n", 6);
	assert_true(pop3_uidl(p));
	feed(p, VIEW_LIT("+OK\r\n"));
	expect(p, POP3_EV_REPLY);
	while (ev.type != POP3_EV_FAILED && seen <= LIMIT_UIDL_LINES) {
		feed(p, (struct view){ lines, n });
		while (pop3_next(p, &ev) && ev.type != POP3_EV_FAILED)
			seen += ev.type == POP3_EV_LISTING;
	}
	assert_int_equal(ev.type, POP3_EV_FAILED);
	assert_int_equal(ev.err->class, ERR_LIMIT);
	assert_int_equal(seen, LIMIT_UIDL_LINES);
	pop3_free(p);
}

static void a_pipeline_holds_256_commands(void **state)
{
	struct pop3 *p = greeted();

	(void)state;
	for (uint32_t i = 1; i <= POP3_PIPELINE_MAX; i++)
		assert_true(pop3_retr(p, 1000000000u + i));
	assert_false(pop3_noop(p));
	assert_int_equal(pop3_in_flight(p), POP3_PIPELINE_MAX);
	feed(p, VIEW_LIT("-ERR no\r\n"));
	expect(p, POP3_EV_REPLY);
	assert_true(pop3_noop(p));
	pop3_free(p);
}

/* A secret that was sent is found nowhere in the engine's output any more. */
static void secrets_are_wiped_once_sent(void **state)
{
	struct pop3 *p = greeted();
	struct secret s = { NULL, 0 };
	struct view v;

	(void)state;
	secret_set(&s, VIEW_LIT("correct horse"));
	assert_true(pop3_pass(p, &s));
	secret_fini(&s);
	v = pop3_pending(p);
	assert_true(view_eq(v, VIEW_LIT("PASS correct horse\r\n")));
	pop3_sent(p, v.n);
	for (size_t i = 0; i < v.n; i++)
		assert_int_equal(v.p[i], 0);
	pop3_free(p);
}

static void patience_follows_what_is_awaited(void **state)
{
	struct pop3 *p = pop3_new();
	uint64_t serial;

	(void)state;
	assert_int_equal(pop3_patience(p).ms, LIMIT_COMMAND_MS);
	feed(p, VIEW_LIT("+OK\r\n"));
	expect(p, POP3_EV_GREETING);
	assert_int_equal(pop3_patience(p).ms, 0);
	serial = pop3_patience(p).serial;
	assert_true(pop3_uidl(p));
	assert_int_equal(pop3_patience(p).ms, LIMIT_MAILBOX_MS);
	assert_true(pop3_patience(p).serial != serial);
	serial = pop3_patience(p).serial;
	feed(p, VIEW_LIT("+OK\r\n1 a\r\n2"));
	expect(p, POP3_EV_REPLY);
	assert_true(pop3_patience(p).serial != serial);
	serial = pop3_patience(p).serial;
	expect(p, POP3_EV_LISTING);
	/* lines that drip buy no time */
	assert_true(pop3_patience(p).serial == serial);
	feed(p, VIEW_LIT(" b\r\n.\r\n"));
	expect(p, POP3_EV_LISTING);
	expect(p, POP3_EV_END);
	assert_true(pop3_patience(p).serial != serial);
	assert_int_equal(pop3_patience(p).ms, 0);
	assert_true(pop3_dele(p, 1));
	assert_int_equal(pop3_patience(p).ms, LIMIT_COMMAND_MS);
	assert_int_equal(pop3_patience(p).rate, LIMIT_RATE_OCTETS_S);
	pop3_free(p);
}

static void capabilities_are_forgotten_with_tls(void **state)
{
	struct pop3 *p = greeted();
	struct pop3_event ev;

	(void)state;
	assert_true(pop3_capa(p));
	feed(p, VIEW_LIT("+OK\r\nSTLS\r\nPIPELINING\r\nSASL LOGIN X plain\r\n"
			 "EXPIRE 0\r\nLOGIN-DELAY 900 USER\r\nUIDL\r\n.\r\n"));
	while (pop3_next(p, &ev))
		;
	assert_true(pop3_caps(p)->stls && pop3_caps(p)->pipelining);
	assert_true(pop3_caps(p)->expires && pop3_caps(p)->uidl);
	assert_false(pop3_caps(p)->top);
	assert_int_equal(pop3_caps(p)->login_delay_s, 900);
	assert_int_equal(pop3_caps(p)->sasl,
			 MECH_BIT(MECH_PLAIN) | MECH_BIT(MECH_LOGIN));
	assert_true(pop3_stls(p));
	feed(p, VIEW_LIT("+OK\r\n"));
	expect(p, POP3_EV_TLS_WANTED);
	assert_int_equal(pop3_room(p).n, 0);
	assert_false(pop3_capa(p));
	pop3_secured(p);
	assert_false(pop3_caps(p)->pipelining || pop3_caps(p)->sasl);
	assert_true(pop3_room(p).n > 0);
	pop3_free(p);
}

static struct pop3_caps told(const char *lines)
{
	struct pop3 *p = greeted();
	struct pop3_event ev;
	struct pop3_caps caps;

	assert_true(pop3_capa(p));
	feed(p, VIEW_LIT("+OK\r\n"));
	feed(p, view_of(lines));
	feed(p, VIEW_LIT(".\r\n"));
	while (pop3_next(p, &ev))
		assert_int_not_equal(ev.type, POP3_EV_FAILED);
	caps = *pop3_caps(p);
	pop3_free(p);
	return caps;
}

/* RFC 2449 6.5, 6.7 */
static void policies_of_a_server(void **state)
{
	(void)state;
	assert_true(told("EXPIRE 0\r\n").expires);
	assert_false(told("EXPIRE 0\r\n").by_user);
	assert_true(told("EXPIRE 0 USER\r\n").expires);
	assert_true(told("EXPIRE 0 USER\r\n").by_user);
	assert_false(told("EXPIRE 30\r\n").expires);
	assert_false(told("EXPIRE NEVER\r\n").expires);
	assert_false(told("EXPIRE\r\n").expires);
	assert_true(told("EXPIRE USER\r\n").by_user);
	assert_int_equal(told("LOGIN-DELAY 900\r\n").login_delay_s, 900);
	assert_false(told("LOGIN-DELAY 900\r\n").by_user);
	assert_true(told("login-delay 900 user\r\n").by_user);
	assert_int_equal(told("LOGIN-DELAY soon\r\n").login_delay_s, 0);
	assert_int_equal(told("LOGIN-DELAY 99999999999\r\n").login_delay_s, 0);
	assert_true(told("UTF8 USER\r\n").utf8);
	assert_false(told("LANG\r\n").utf8);
}

/*
 * What may make a server think gets ten minutes for its first octet: Dovecot
 * computes sizes at sign-in and at LIST, and expunges 20,000 messages in QUIT.
 */
static void slow_servers_have_their_time(void **state)
{
	static bool (*const thinks[])(struct pop3 *) = { pop3_stat, pop3_list,
							 pop3_uidl, pop3_quit };
	static bool (*const quick[])(struct pop3 *) = { pop3_capa, pop3_utf8,
							pop3_noop, pop3_rset };
	struct secret secret = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pop3 *p = greeted();

		assert_true(thinks[i](p));
		assert_int_equal(pop3_patience(p).ms, LIMIT_MAILBOX_MS);
		pop3_free(p);
		p = greeted();
		assert_true(quick[i](p));
		assert_int_equal(pop3_patience(p).ms, LIMIT_COMMAND_MS);
		/* what is behind it counts from its own turn on */
		assert_true(pop3_quit(p));
		assert_int_equal(pop3_patience(p).ms, LIMIT_COMMAND_MS);
		pop3_free(p);
	}
	secret_set(&secret, VIEW_LIT("x"));
	for (size_t i = 0; i < 2; i++) {
		struct pop3 *p = greeted();

		assert_true(i ? pop3_pass(p, &secret)
			      : pop3_auth(p, VIEW_LIT("PLAIN"),
					  (struct view){ NULL, 0 }));
		assert_int_equal(pop3_patience(p).ms, LIMIT_MAILBOX_MS);
		pop3_free(p);
	}
	secret_fini(&secret);
}

static void refusals_have_a_class(void **state)
{
	static const struct {
		enum pop3_cmd cmd;
		struct view text;
		enum err_class class;
	} cases[] = {
		{ POP3_CMD_PASS, VIEW_LIT("[AUTH] wrong"), ERR_AUTH },
		{ POP3_CMD_PASS, VIEW_LIT("wrong"), ERR_AUTH },
		{ POP3_CMD_AUTH, VIEW_LIT("[X-STRANGE] wrong"), ERR_AUTH },
		{ POP3_CMD_AUTH, VIEW_LIT("[AUTH wrong"), ERR_AUTH },
		{ POP3_CMD_PASS, VIEW_LIT("[in-use] wait"), ERR_BUSY },
		{ POP3_CMD_RETR, VIEW_LIT("[UTF8] not so"), ERR_REFUSED },
		{ POP3_CMD_AUTH, VIEW_LIT("[LOGIN-DELAY] wait"), ERR_RETRY },
		{ POP3_CMD_USER, VIEW_LIT("[SYS/TEMP] wait"), ERR_RETRY },
		{ POP3_CMD_PASS, VIEW_LIT("[SYS/PERM] gone"), ERR_REFUSED },
		{ POP3_CMD_RETR, VIEW_LIT("no such message"), ERR_REFUSED },
		{ POP3_CMD_RETR, VIEW_LIT("[SYS/TEMP] later"), ERR_RETRY },
		{ POP3_CMD_PASS, VIEW_LIT("["), ERR_AUTH },
		{ POP3_CMD_PASS, VIEW_LIT(""), ERR_AUTH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(pop3_line_class(cases[i].cmd,
						 pop3_line_code(cases[i].text)),
				 cases[i].class);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts),
		cmocka_unit_test(big_bodies_come_in_big_pieces),
		cmocka_unit_test(a_listing_of_too_many_lines_ends_the_session),
		cmocka_unit_test(a_pipeline_holds_256_commands),
		cmocka_unit_test(secrets_are_wiped_once_sent),
		cmocka_unit_test(patience_follows_what_is_awaited),
		cmocka_unit_test(policies_of_a_server),
		cmocka_unit_test(slow_servers_have_their_time),
		cmocka_unit_test(capabilities_are_forgotten_with_tls),
		cmocka_unit_test(refusals_have_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
