/* imap: what transcripts (test_imap_transcripts.c) cannot say. */
#include "imap.h"
#include "mech.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
