/* smtp: what transcripts (test_smtp_transcripts.c) cannot say. */
#include "limits.h"
#include "smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

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
