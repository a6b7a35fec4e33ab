/* smtp: every transcript in every way, and what transcripts cannot say. */
#include "limits.h"
#include "smtp.h"
#include "support_transcript.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- the engine in the words of transcripts --- */

static void *new_clear(void)
{
	return smtp_new(SMTP_KIND_SMTP, SMTP_LINE_CLEAR);
}

static void *new_starttls(void)
{
	return smtp_new(SMTP_KIND_SMTP, SMTP_LINE_STARTTLS);
}

static void *new_lmtp(void)
{
	return smtp_new(SMTP_KIND_LMTP, SMTP_LINE_CLEAR);
}

static void engine_free(void *e)
{
	smtp_free(e);
}

static struct room engine_room(void *e)
{
	return smtp_room(e);
}

static void engine_received(void *e, size_t n)
{
	smtp_received(e, n);
}

static void engine_eof(void *e)
{
	smtp_eof(e);
}

static void engine_secured(void *e)
{
	smtp_secured(e);
}

static struct view engine_pending(void *e)
{
	return smtp_pending(e);
}

static void engine_sent(void *e, size_t n)
{
	smtp_sent(e, n);
}

static const char *cmd_name(enum smtp_cmd cmd)
{
	switch (cmd) {
	case SMTP_CMD_EHLO:
		return "ehlo";
	case SMTP_CMD_STARTTLS:
		return "starttls";
	case SMTP_CMD_AUTH:
		return "auth";
	case SMTP_CMD_XCLIENT:
		return "xclient";
	case SMTP_CMD_MAIL:
		return "mail";
	case SMTP_CMD_RCPT:
		return "rcpt";
	case SMTP_CMD_DATA:
		return "data";
	case SMTP_CMD_BODY:
		return "body";
	case SMTP_CMD_BDAT:
		return "bdat";
	case SMTP_CMD_RSET:
		return "rset";
	case SMTP_CMD_NOOP:
		return "noop";
	case SMTP_CMD_QUIT:
		return "quit";
	}
	return "?";
}

static void put_caps(struct text *to, const struct smtp *s)
{
	static const char *const names[] = {
		"pipelining", "chunking", "size", "8bitmime", "smtputf8",
		"starttls",   "auth",	  "esc",  "dsn",      "xclient",
	};
	struct view auth = smtp_auth_names(s);

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (smtp_caps(s) >> i & 1)
			text_fmt(to, " %s", names[i]);
	if (smtp_size_limit(s))
		text_fmt(to, " limit=%" PRIu64, smtp_size_limit(s));
	if (auth.n) {
		text_puts(to, " auth=");
		transcript_escape(to, auth);
	}
}

static void put_shown(struct text *to, const struct reply *r)
{
	char shown[600];

	if (!r)
		return;
	reply_show(r, shown, sizeof(shown));
	text_fmt(to, " %s", shown);
	while (to->n && to->p[to->n - 1] == ' ')
		to->p[--to->n] = '\0';
}

static void put_reply(struct text *to, const struct smtp *s,
		      const struct smtp_event *ev)
{
	text_fmt(to, "reply %s", cmd_name(ev->cmd));
	if (ev->tag)
		text_fmt(to, " %" PRIu64, ev->tag);
	if (ev->rcpt)
		text_fmt(to, " rcpt %" PRIu64 " left %" PRIu32, ev->rcpt,
			 ev->left);
	text_puts(to, ev->ok ? " ok" : " refused");
	put_shown(to, ev->reply);
	if (ev->cmd == SMTP_CMD_EHLO && ev->ok)
		put_caps(to, s);
}

static bool engine_next(void *e, struct text *to, struct view *stream)
{
	struct smtp_event ev;

	(void)stream;
	if (!smtp_next(e, &ev))
		return false;
	switch (ev.type) {
	case SMTP_EV_GREETING:
		text_puts(to, ev.ok ? "greeting" : "greeting refused");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_REPLY:
		put_reply(to, e, &ev);
		break;
	case SMTP_EV_CHALLENGE:
		text_puts(to, "challenge ");
		transcript_escape(to, view_head(ev.words, 80));
		break;
	case SMTP_EV_TLS_WANTED:
		text_puts(to, "tls wanted");
		break;
	case SMTP_EV_GO_AHEAD:
		text_fmt(to, "go ahead %" PRIu64, ev.tag);
		break;
	case SMTP_EV_BYE:
		text_puts(to, "bye");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_CLOSED:
		text_puts(to, "closed");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_FAILED:
		text_fmt(to, "failed %s: %s", err_class_name(ev.err->class),
			 ev.err->what);
		break;
	}
	return true;
}

static uint64_t number(struct view v)
{
	uint64_t n;

	if (!view_number(v, UINT64_MAX, &n))
		fail_msg("not a number: %.*s", VIEW_ARG(v));
	return n;
}

/* mail TAG <ADDRESS> [octets=N] [8bit] [utf8] [extra...] */
static bool command_mail(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	struct view from = view_word(&args);
	struct smtp_mail m = { .from = { from.p + 1, from.n - 2 } };

	while (args.n) {
		struct view all = args, word = view_word(&args);

		if (view_starts(word, VIEW_LIT("octets="))) {
			m.octets = number(view_skip(word, 7));
		} else if (view_eq(word, VIEW_LIT("8bit"))) {
			m.has_8bit = true;
		} else if (view_eq(word, VIEW_LIT("utf8"))) {
			m.utf8 = true;
		} else {
			m.extra = all;
			break;
		}
	}
	return smtp_mail(s, &m, tag);
}

/* rcpt TAG <ADDRESS> [extra...] */
static bool command_rcpt(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	struct view to = view_word(&args);

	return smtp_rcpt(s, (struct view){ to.p + 1, to.n - 2 }, args, tag);
}

/* bdat TAG OCTETS [last] */
static bool command_bdat(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	uint64_t octets = number(view_word(&args));

	return smtp_bdat(s, octets, args.n > 0, tag);
}

static bool command_auth(struct smtp *s, struct view args)
{
	struct view mech = view_word(&args);

	return smtp_auth(s, mech, args.n ? args : (struct view){ NULL, 0 });
}

static bool command_body(struct smtp *s, struct view octets)
{
	return smtp_body(s, octets) == octets.n;
}

static bool command_forgo(struct smtp *s, struct view args)
{
	if (view_eq(args, VIEW_LIT("pipelining")))
		smtp_forgo(s, SMTP_CAP_PIPELINING);
	else if (view_eq(args, VIEW_LIT("chunking")))
		smtp_forgo(s, SMTP_CAP_CHUNKING);
	else
		fail_msg("forgo what?");
	return true;
}

static bool command_end(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_body_end(s);
}

static bool command_data(struct smtp *s, struct view args)
{
	return smtp_data(s, number(args));
}

static bool command_rset(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_rset(s);
}

/* "ADDRESS NAME HELO"; - is empty */
static bool command_xclient(struct smtp *s, struct view args)
{
	struct view part[3];

	for (int i = 0; i < 3; i++) {
		part[i] = view_word(&args);
		if (view_eq(part[i], VIEW_LIT("-")))
			part[i] = VIEW_NONE;
	}
	return smtp_xclient(s, &(struct smtp_client){ .address = part[0],
						      .name = part[1],
						      .helo = part[2] });
}

static bool command_noop(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_noop(s);
}

static bool command_quit(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_quit(s);
}

static bool command_starttls(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_starttls(s);
}

static bool command_cancel(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_cancel(s);
}

static bool engine_command(void *e, struct view words)
{
	static const struct {
		const char *name;
		bool (*give)(struct smtp *, struct view);
	} commands[] = {
		{ "ehlo", smtp_ehlo },	      { "starttls", command_starttls },
		{ "auth", command_auth },     { "answer", smtp_answer },
		{ "cancel", command_cancel }, { "mail", command_mail },
		{ "rcpt", command_rcpt },     { "data", command_data },
		{ "bdat", command_bdat },     { "body", command_body },
		{ "end", command_end },	      { "rset", command_rset },
		{ "noop", command_noop },     { "quit", command_quit },
		{ "forgo", command_forgo },   { "xclient", command_xclient },
	};
	struct view name = view_word(&words);
	struct text octets;
	bool ok = false, known = false;

	text_init(&octets, 1 << 20);
	if (!transcript_unescape(&octets, words))
		fail_msg("a malformed escape: %.*s", VIEW_ARG(words));
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!view_eq(name, view_of(commands[i].name)))
			continue;
		known = true;
		ok = commands[i].give(e, text_view(&octets));
	}
	text_fini(&octets);
	if (!known)
		fail_msg("no such command: %.*s", VIEW_ARG(name));
	return ok;
}

static void play(void *(*new)(void), const char *folder)
{
	struct transcript_ops ops = {
		.new = new,
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

	transcript_play_all(&ops, folder);
}

static void transcripts_smtp(void **state)
{
	(void)state;
	play(new_clear, "smtp");
}

static void transcripts_starttls(void **state)
{
	(void)state;
	play(new_starttls, "smtp-starttls");
}

static void transcripts_lmtp(void **state)
{
	(void)state;
	play(new_lmtp, "lmtp");
}

/* --- what transcripts cannot say --- */

static void feed(struct smtp *s, const char *octets)
{
	struct view v = view_of(octets);

	while (v.n) {
		struct room room = smtp_room(s);
		size_t n = room.n < v.n ? room.n : v.n;

		assert_true(n > 0);
		memcpy(room.p, v.p, n);
		smtp_received(s, n);
		v = view_skip(v, n);
	}
}

static struct smtp_event expect(struct smtp *s, enum smtp_event_type type)
{
	struct smtp_event ev;

	assert_true(smtp_next(s, &ev));
	assert_int_equal(ev.type, type);
	return ev;
}

static void send_all(struct smtp *s)
{
	struct view v;

	while ((v = smtp_pending(s)).n)
		smtp_sent(s, v.n);
}

static struct smtp *ready(const char *ehlo_reply)
{
	struct smtp *s = smtp_new(SMTP_KIND_SMTP, SMTP_LINE_TLS);

	feed(s, "220 hello\r\n");
	expect(s, SMTP_EV_GREETING);
	assert_true(smtp_ehlo(s, VIEW_LIT("me")));
	send_all(s);
	feed(s, ehlo_reply);
	expect(s, SMTP_EV_REPLY);
	return s;
}

/* One message up to the go-ahead. */
static void begin_data(struct smtp *s)
{
	struct smtp_mail m = { .from = VIEW_NONE };

	assert_true(smtp_mail(s, &m, 1));
	assert_true(smtp_rcpt(s, VIEW_LIT("a@b"), VIEW_NONE, 2));
	assert_true(smtp_data(s, 1));
	send_all(s);
	feed(s, "250 ok\r\n250 ok\r\n354 go\r\n");
	expect(s, SMTP_EV_REPLY);
	expect(s, SMTP_EV_REPLY);
	expect(s, SMTP_EV_GO_AHEAD);
}

#define EHLO_PIPELINING "250-x\r\n250 PIPELINING\r\n"

/* F1, F2: the stuffing is the same however the body is cut and drained. */
static void dots_are_stuffed_however_the_body_is_cut(void **state)
{
	static const char body[] = ".\r\n..\r\na.b\r\n\r\n.\r\nx\0.\r\n.y\r\n";
	static const char want[] =
		"..\r\n...\r\na.b\r\n\r\n..\r\nx\0.\r\n..y\r\n.\r\n";
	struct view all = { body, sizeof(body) - 1 };

	(void)state;
	for (size_t a = 0; a <= all.n; a++) {
		for (size_t b = a; b <= all.n; b++) {
			struct smtp *s = ready(EHLO_PIPELINING);
			struct view sent;

			begin_data(s);
			smtp_body(s, view_head(all, a));
			smtp_body(s, view_head(view_skip(all, a), b - a));
			smtp_body(s, view_skip(all, b));
			assert_true(smtp_body_end(s));
			sent = smtp_pending(s);
			assert_int_equal(sent.n, sizeof(want) - 1);
			assert_memory_equal(sent.p, want, sent.n);
			smtp_free(s);
		}
	}
}

/* A body much larger than the buffer, taken and sent in odd pieces. */
static void bodies_stream_through_the_buffer(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);
	size_t total = 4u << 20, fed = 0, got = 0, step = 1;
	char *body = malloc(total), *wire = malloc(total + total / 2);

	(void)state;
	for (size_t i = 0; i < total; i++)
		body[i] = i % 7 == 5 ? '\r' : i % 7 == 6 ? '\n' : '.';
	memcpy(body + total - 2, "\r\n", 2);
	begin_data(s);
	while (fed < total) {
		struct view v;

		fed += smtp_body(s, (struct view){ body + fed, total - fed });
		v = view_head(smtp_pending(s), step = step * 5 % 100003);
		memcpy(wire + got, v.p, v.n);
		smtp_sent(s, v.n);
		got += v.n;
	}
	for (struct view v; (v = smtp_pending(s)).n; got += v.n) {
		memcpy(wire + got, v.p, v.n);
		smtp_sent(s, v.n);
	}
	/* unstuffed it is the body again */
	for (size_t i = 0, at = 0; i < total; i++, at++) {
		if (wire[at] == '.' && (at == 0 || wire[at - 1] == '\n'))
			at++;
		assert_true(at < got && wire[at] == body[i]);
	}
	free(body);
	free(wire);
	smtp_free(s);
}

static void a_chunk_takes_its_octets_and_no_more(void **state)
{
	struct smtp *s = ready("250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	struct smtp_mail m = { .from = VIEW_NONE };

	(void)state;
	assert_true(smtp_mail(s, &m, 1));
	assert_true(smtp_rcpt(s, VIEW_LIT("a@b"), VIEW_NONE, 2));
	assert_true(smtp_bdat(s, 5, true, 1));
	assert_false(smtp_rset(s));
	assert_int_equal(smtp_body(s, VIEW_LIT("ab")), 2);
	assert_true(smtp_feeding(s));
	assert_int_equal(smtp_body(s, VIEW_LIT("cdefg")), 3);
	assert_false(smtp_feeding(s));
	assert_int_equal(smtp_body(s, VIEW_LIT("h")), 0);
	assert_false(smtp_body_end(s));
	assert_true(smtp_rset(s));
	smtp_free(s);
}

static void recipients_are_at_most_a_hundred(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);
	struct smtp_mail m = { .from = VIEW_NONE };

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_true(smtp_mail(s, &m, 1));
		for (unsigned i = 0; i < LIMIT_RECIPIENTS; i++)
			assert_true(
				smtp_rcpt(s, VIEW_LIT("a@b"), VIEW_NONE, i));
		assert_false(smtp_rcpt(s, VIEW_LIT("a@b"), VIEW_NONE, 1));
	}
	assert_int_equal(smtp_in_flight(s), 2 * (LIMIT_RECIPIENTS + 1));
	smtp_free(s);
}

static void the_pipeline_is_bounded(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);

	(void)state;
	for (unsigned i = 0; i < SMTP_INFLIGHT_MAX; i++)
		assert_true(smtp_rset(s));
	assert_false(smtp_rset(s));
	send_all(s);
	feed(s, "250 ok\r\n");
	expect(s, SMTP_EV_REPLY);
	assert_true(smtp_rset(s));
	smtp_free(s);
}

/* C8: nothing that could break a line or leave the angle brackets. */
static void arguments_that_break_the_line_are_refused(void **state)
{
	static const char *const bad[] = {
		"a\r\nRSET@b", "a@b\n",	  "a@b> SIZE=1", "a b@c", "<a@b",
		"a@b\t",       "",	  "a@",		 "@b",	  "a@b c",
		"\"a\"b@c",    "a@b\x7f", "a\x80@b",
	};
	struct smtp *s = ready(EHLO_PIPELINING);
	struct smtp_mail m = { .from = VIEW_NONE };
	size_t before = smtp_in_flight(s);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(smtp_rcpt(s, view_of(bad[i]), VIEW_NONE, 1));
	assert_false(smtp_rcpt(s, (struct view){ "a\0@b", 4 }, VIEW_NONE, 1));
	assert_false(smtp_rcpt(s, VIEW_LIT("a@b"), VIEW_LIT("X\r\nY"), 1));
	m.extra = VIEW_LIT("X\nY");
	assert_false(smtp_mail(s, &m, 1));
	assert_false(smtp_ehlo(s, VIEW_LIT("a b")));
	assert_false(smtp_ehlo(s, VIEW_LIT("a\r\nRSET")));
	assert_false(smtp_auth(s, VIEW_LIT("PLAIN\r\n"), VIEW_LIT("=")));
	assert_false(smtp_auth(s, VIEW_LIT("PLAIN"), VIEW_LIT("a\r\nb")));
	assert_int_equal(smtp_in_flight(s), before);
	assert_int_equal(smtp_pending(s).n, 0);
	smtp_free(s);
}

static void secrets_are_wiped_once_sent(void **state)
{
	struct smtp *s = ready("250-x\r\n250 AUTH PLAIN\r\n");
	struct view v;

	(void)state;
	assert_true(smtp_auth(s, VIEW_LIT("PLAIN"), VIEW_LIT("AHUAcA==")));
	assert_true(smtp_pending_is_secret(s));
	v = smtp_pending(s);
	assert_true(view_eq(v, VIEW_LIT("AUTH PLAIN AHUAcA==\r\n")));
	smtp_sent(s, v.n);
	for (size_t i = 0; i < v.n; i++)
		assert_int_equal(v.p[i], 0);
	smtp_free(s);
}

static void patience_follows_what_is_awaited(void **state)
{
	struct smtp *s = smtp_new(SMTP_KIND_SMTP, SMTP_LINE_TLS);
	uint64_t serial;

	(void)state;
	assert_int_equal(smtp_patience(s).ms, LIMIT_GREETING_MS);
	smtp_free(s);
	s = ready(EHLO_PIPELINING);
	assert_int_equal(smtp_patience(s).ms, 0);
	begin_data(s);
	/* the body is ours to give */
	assert_int_equal(smtp_patience(s).ms, 0);
	serial = smtp_patience(s).serial;
	assert_int_equal(smtp_body(s, VIEW_LIT("a\r\n")), 3);
	assert_int_equal(smtp_patience(s).ms, LIMIT_BLOCK_MS);
	assert_int_equal(smtp_patience(s).rate, LIMIT_RATE_OCTETS_S);
	assert_true(smtp_patience(s).serial != serial);
	serial = smtp_patience(s).serial;
	assert_true(smtp_body_end(s));
	send_all(s);
	assert_int_equal(smtp_patience(s).ms, LIMIT_DOT_MS);
	assert_int_equal(smtp_patience(s).rate, 0);
	assert_true(smtp_patience(s).serial != serial);
	feed(s, "250 ok\r\n");
	expect(s, SMTP_EV_REPLY);
	assert_int_equal(smtp_patience(s).ms, 0);
	assert_true(smtp_data(s, 3));
	send_all(s);
	assert_int_equal(smtp_patience(s).ms, LIMIT_DATA_MS);
	feed(s, "503 no\r\n");
	expect(s, SMTP_EV_REPLY);
	assert_true(smtp_rset(s));
	send_all(s);
	assert_int_equal(smtp_patience(s).ms, LIMIT_MAIL_MS);
	feed(s, "250 ok\r\n");
	expect(s, SMTP_EV_REPLY);
	assert_true(smtp_quit(s));
	send_all(s);
	assert_int_equal(smtp_patience(s).ms, 0); /* G19 */
	smtp_free(s);
}

/* A peer that took much must not be allowed to stall long for it. */
static void each_block_of_a_body_has_its_own_deadline(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);
	static char block[64 << 10];
	uint64_t serial;

	(void)state;
	memset(block, 'x', sizeof(block));
	begin_data(s);
	assert_int_equal(smtp_body(s, (struct view){ block, sizeof(block) }),
			 sizeof(block));
	assert_int_equal(smtp_body(s, (struct view){ block, sizeof(block) }),
			 sizeof(block));
	serial = smtp_patience(s).serial;
	smtp_sent(s, sizeof(block));
	assert_true(smtp_patience(s).serial != serial);
	smtp_free(s);
}

/* B5: a line that never ends is cut off, whatever it is made of. */
static void a_reply_line_has_a_limit(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);
	char line[LIMIT_REPLY_LINE + 1];
	struct smtp_event ev;

	(void)state;
	assert_true(smtp_noop(s));
	send_all(s);
	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	line[LIMIT_REPLY_LINE] = '\0';
	feed(s, line);
	ev = expect(s, SMTP_EV_FAILED);
	assert_int_equal(ev.err->class, ERR_LIMIT);
	assert_int_equal(smtp_room(s).n, 0);
	assert_false(smtp_next(s, &ev));
	smtp_free(s);
}

static void the_longest_reply_line_is_read(void **state)
{
	struct smtp *s = ready(EHLO_PIPELINING);
	char line[LIMIT_REPLY_LINE + 1];

	(void)state;
	assert_true(smtp_noop(s));
	send_all(s);
	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	memcpy(line + LIMIT_REPLY_LINE - 2, "\r\n", 3);
	feed(s, line);
	assert_true(expect(s, SMTP_EV_REPLY).ok);
	smtp_free(s);
}

/* G8 */
static void words_of_a_reply_are_cut_and_escaped(void **state)
{
	struct reply r;
	char line[5000], shown[2000];

	(void)state;
	memset(line, '\x1b', sizeof(line));
	memcpy(line, "250-2.0.0 ", 10);
	reply_begin(&r);
	assert_int_equal(
		reply_line(&r, (struct view){ line, sizeof(line) }, NULL),
		REPLY_MORE);
	memcpy(line, "250 ", 4);
	assert_int_equal(
		reply_line(&r, (struct view){ line, sizeof(line) }, NULL),
		REPLY_DONE);
	reply_show(&r, shown, sizeof(shown));
	assert_true(strlen(shown) < 540);
	assert_non_null(strstr(shown, "250 2.0.0 \\x1"));
	assert_null(strchr(shown, '\x1b'));
}

static void refusals_have_classes(void **state)
{
	static const struct {
		const char *line;
		enum err_class class;
	} rows[] = {
		{ "450 4.2.1 later", ERR_RETRY },
		{ "421 bye", ERR_RETRY },
		{ "550 5.1.1 nobody", ERR_REFUSED },
		{ "535 5.7.8 wrong", ERR_AUTH },
		{ "530 sign in", ERR_AUTH },
		{ "251 odd", ERR_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reply r;
		struct err err;

		reply_begin(&r);
		assert_int_equal(reply_line(&r, view_of(rows[i].line), NULL),
				 REPLY_DONE);
		assert_false(reply_err(&r, &err, "RCPT"));
		assert_int_equal(err.class, rows[i].class);
		assert_string_equal(err.peer, rows[i].line);
		assert_int_equal(err.origin, ERR_FROM_SMTP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts_smtp),
		cmocka_unit_test(transcripts_starttls),
		cmocka_unit_test(transcripts_lmtp),
		cmocka_unit_test(dots_are_stuffed_however_the_body_is_cut),
		cmocka_unit_test(bodies_stream_through_the_buffer),
		cmocka_unit_test(a_chunk_takes_its_octets_and_no_more),
		cmocka_unit_test(recipients_are_at_most_a_hundred),
		cmocka_unit_test(the_pipeline_is_bounded),
		cmocka_unit_test(arguments_that_break_the_line_are_refused),
		cmocka_unit_test(secrets_are_wiped_once_sent),
		cmocka_unit_test(patience_follows_what_is_awaited),
		cmocka_unit_test(each_block_of_a_body_has_its_own_deadline),
		cmocka_unit_test(a_reply_line_has_a_limit),
		cmocka_unit_test(the_longest_reply_line_is_read),
		cmocka_unit_test(words_of_a_reply_are_cut_and_escaped),
		cmocka_unit_test(refusals_have_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
