/* outgoing: what leaves, octet for octet, however it is cut. */
#include "field.h"
#include "head.h"
#include "must.h"
#include "outgoing.h"
#include "support_transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VIEW_ARRAY(a) ((struct view){ a, sizeof(a) - 1 })
#define PREFIX	      VIEW_LIT("P: 1\r\n")

static const struct view smtp_drops[] = { VIEW_LIT("Delivered-To"),
					  VIEW_LIT("return-path") };

/* --- a message through head, plan and next --- */

static struct outgoing_facts facts_of(struct view raw, size_t *header)
{
	struct head *h = head_new();
	struct head_facts f;

	head_add(h, raw);
	head_end(h, &f);
	*header = f.header_octets;
	head_free(h);
	return (struct outgoing_facts){
		.octets = f.octets,
		.repairs = f.repairs,
		.repaired_octets = f.repaired_octets,
		.ends_line = f.flags & HEAD_ENDS_LINE,
	};
}

static bool plan_of(struct outgoing_plan *plan, struct view raw,
		    struct view prefix, size_t drops)
{
	size_t header;
	struct outgoing_facts f = facts_of(raw, &header);
	struct err err;

	if (outgoing_plan(plan, &f, view_head(raw, header), smtp_drops, drops,
			  prefix.n, &err))
		return true;
	assert_int_equal(err.class, ERR_LIMIT);
	return false;
}

/*
 * Runs plan over raw, giving `in` octets at a time and taking `window` of what
 * comes; the first piece in is cut at `first`.
 */
static void run(const struct outgoing_plan *plan, struct view raw,
		struct view prefix, size_t first, size_t in, size_t window,
		struct text *to)
{
	struct outgoing o;
	struct view piece = VIEW_NONE, out;
	uint64_t piece_at = 0;

	text_clear(to);
	outgoing_init(&o, plan, prefix);
	for (;;) {
		uint64_t at = outgoing_at(&o);
		size_t gone = at - piece_at < piece.n ? (size_t)(at - piece_at)
						      : piece.n;

		switch (outgoing_next(&o, view_skip(piece, gone), &out)) {
		case OUTGOING_SEND:
			assert_true(out.n > 0);
			out = view_head(out, window);
			assert_true(text_put(to, out));
			outgoing_took(&o, out.n);
			break;
		case OUTGOING_NEED:
			piece_at = outgoing_at(&o);
			assert_true(piece_at < raw.n);
			piece = view_head(view_skip(raw, piece_at), in);
			if (piece_at < first)
				piece = view_head(piece, first - piece_at);
			break;
		case OUTGOING_DONE:
			return;
		}
	}
}

static void assert_text(const struct text *got, struct view want)
{
	struct text shown[2];

	if (view_eq(text_view(got), want))
		return;
	for (int i = 0; i < 2; i++) {
		text_init(&shown[i], 1 << 20);
		transcript_escape(&shown[i], i ? want : text_view(got));
	}
	fail_msg("got %s\nwanted %s", text_str(&shown[0]), text_str(&shown[1]));
}

/* raw must come out as want, in every way of cutting. */
static void check(struct view raw, struct view want, size_t drops)
{
	struct outgoing_plan plan;
	struct text got;

	text_init(&got, 1 << 20);
	assert_true(plan_of(&plan, raw, PREFIX, drops));
	assert_int_equal(plan.octets, want.n);
	for (size_t first = 0; first <= raw.n; first++) {
		run(&plan, raw, PREFIX, first, raw.n, SIZE_MAX, &got);
		assert_text(&got, want);
	}
	for (size_t step = 1; step < 9; step++) {
		run(&plan, raw, PREFIX, 0, step, SIZE_MAX, &got);
		assert_text(&got, want);
		run(&plan, raw, PREFIX, 0, raw.n, step, &got);
		assert_text(&got, want);
		run(&plan, raw, PREFIX, 0, step, step, &got);
		assert_text(&got, want);
	}
	text_fini(&got);
}

/* --- the rule once more, slowly --- */

static void repair(struct view v, struct text *to)
{
	for (size_t i = 0; i < v.n; i++) {
		size_t lf = i;

		while (lf < v.n && v.p[lf] == '\r')
			lf++;
		if (lf < v.n && v.p[lf] == '\n') {
			text_puts(to, "\r\n");
			i = lf;
		} else {
			text_put(to, v.p[i] == '\r'
					     ? VIEW_LIT(" ")
					     : (struct view){ v.p + i, 1 });
		}
	}
	if (v.n && v.p[v.n - 1] != '\n')
		text_puts(to, "\r\n");
}

static void nothing_stray_comes_out(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\r')
			assert_true(i + 1 < v.n && v.p[i + 1] == '\n');
		if (v.p[i] == '\n')
			assert_true(i > 0 && v.p[i - 1] == '\r');
	}
}

/* F1: every string of CR, LF, a letter and a dot, in every cut. */
static void stray_cr_and_lf_are_repaired(void **state)
{
	static const char letters[] = "\r\na.";
	struct text want, got;
	char v[6];

	(void)state;
	text_init(&want, 1000);
	text_init(&got, 1000);
	for (size_t n = 1; n <= sizeof(v); n++) {
		for (unsigned code = 0; code < 1u << (2 * n); code++) {
			struct view raw = { v, n };
			struct outgoing_plan plan;

			for (size_t i = 0; i < n; i++)
				v[i] = letters[code >> (2 * i) & 3];
			text_clear(&want);
			repair(raw, &want);
			assert_true(plan_of(&plan, raw, VIEW_NONE, 2));
			assert_int_equal(plan.octets, want.n);
			for (size_t step = 1; step <= n; step++) {
				run(&plan, raw, VIEW_NONE, 0, step,
				    step % 3 + 1, &got);
				assert_text(&got, text_view(&want));
			}
			nothing_stray_comes_out(text_view(&got));
		}
	}
	text_fini(&want);
	text_fini(&got);
}

/* J1 */
static void fields_are_left_out_whole(void **state)
{
	static const char raw[] = "Return-Path: <a@b>\r\n"
				  "delivered-to: me@here\r\n"
				  "\tand me\r\n"
				  " \r\n"
				  "Delivered-To : me\r\n"
				  "Subject: Delivered-To: x\r\n"
				  "Delivered-To-X: stays\r\n"
				  "DELIVERED-TO: x\r\n"
				  "\r\n"
				  "Delivered-To: body\r\n";
	static const char want[] = "P: 1\r\n"
				   "Subject: Delivered-To: x\r\n"
				   "Delivered-To-X: stays\r\n"
				   "\r\n"
				   "Delivered-To: body\r\n";

	(void)state;
	check(VIEW_ARRAY(raw), VIEW_ARRAY(want), 2);
}

static void nothing_is_left_out_unasked(void **state)
{
	static const char raw[] = "Return-Path: <a@b>\r\n\r\nx\r\n";
	static const char want[] = "P: 1\r\nReturn-Path: <a@b>\r\n\r\nx\r\n";

	(void)state;
	check(VIEW_ARRAY(raw), VIEW_ARRAY(want), 0);
}

/* P6: what any signature names stays. */
static void signed_fields_are_kept(void **state)
{
	static const char raw[] =
		"Return-Path: <a@b>\r\n"
		"Delivered-To: me\r\n"
		"DKIM-Signature: v=1; a=rsa-sha256; h=From:To; b=h=Return-Path;\r\n"
		"dkim-signature: v=1; q=x; h = From : delivered-to\r\n"
		"\t:subject; b=xyz\r\n"
		"\r\n";
	static const char want[] =
		"P: 1\r\n"
		"Delivered-To: me\r\n"
		"DKIM-Signature: v=1; a=rsa-sha256; h=From:To; b=h=Return-Path;\r\n"
		"dkim-signature: v=1; q=x; h = From : delivered-to\r\n"
		"\t:subject; b=xyz\r\n"
		"\r\n";

	(void)state;
	check(VIEW_ARRAY(raw), VIEW_ARRAY(want), 2);
}

static void repairs_and_drops_together(void **state)
{
	static const char raw[] = "Delivered-To: a\rb\r\r\n"
				  "\rcontinues\n"
				  "From: a\r\r\nSubject: b\n"
				  "Return-Path: x\n"
				  "\r\r\n"
				  "one\rtwo\nthree\r\r";
	static const char want[] = "P: 1\r\n"
				   "From: a\r\nSubject: b\r\n"
				   "\r\n"
				   "one two\r\nthree  \r\n";

	(void)state;
	check(VIEW_ARRAY(raw), VIEW_ARRAY(want), 2);
}

static void a_last_field_without_line_end_is_left_out(void **state)
{
	static const char raw[] = "From: a\r\nDelivered-To: me\r";
	static const char want[] = "P: 1\r\nFrom: a\r\n";

	(void)state;
	check(VIEW_ARRAY(raw), VIEW_ARRAY(want), 2);
	check(VIEW_LIT("Delivered-To: me"), PREFIX, 2);
}

/* F3, F13, F14, F15: octets of every kind pass, and nothing is a mark. */
static void any_octets_are_carried(void **state)
{
	static const char raw[] = "From me@x Sat Jan  1\r\nStatus: RO\r\n"
				  "X-UID: 5\r\nX\0: \0\r\n\r\n\0\x80\xFF.\r\n"
				  ".\r\nFrom here\r\n\x1A\x04";
	char want[sizeof(raw) + 10];

	(void)state;
	memcpy(want, "P: 1\r\n", 6);
	memcpy(want + 6, raw, sizeof(raw) - 1);
	memcpy(want + 6 + sizeof(raw) - 1, "\r\n", 2);
	check(VIEW_ARRAY(raw), (struct view){ want, sizeof(raw) + 7 }, 2);
}

/* D8 and its kin */
static void messages_without_header_or_body(void **state)
{
	(void)state;
	check(VIEW_LIT("\r\nbody\r\n"), VIEW_LIT("P: 1\r\n\r\nbody\r\n"), 2);
	check(VIEW_LIT("words"), VIEW_LIT("P: 1\r\nwords\r\n"), 2);
	check(VIEW_LIT("\n"), VIEW_LIT("P: 1\r\n\r\n"), 2);
	check(VIEW_NONE, PREFIX, 2);
}

static void too_many_places_are_an_error(void **state)
{
	struct outgoing_plan plan;
	struct text raw;

	(void)state;
	text_init(&raw, 1 << 20);
	for (unsigned i = 0; i < LIMIT_DROP_RANGES; i++)
		text_puts(&raw,
			  "Delivered-To: a\r\nReturn-Path: b\r\nX: y\r\n");
	text_puts(&raw, "\r\n");
	assert_true(plan_of(&plan, text_view(&raw), PREFIX, 2));
	assert_int_equal(plan.ranges, LIMIT_DROP_RANGES);
	text_clear(&raw);
	for (unsigned i = 0; i <= LIMIT_DROP_RANGES; i++)
		text_puts(&raw, "Delivered-To: a\r\nX: y\r\n");
	text_puts(&raw, "\r\n");
	assert_false(plan_of(&plan, text_view(&raw), PREFIX, 2));
	text_fini(&raw);
}

/* B13: a field that the scan cuts off is not left out by half. */
static void a_field_at_the_edge_of_the_scan_stays(void **state)
{
	struct text raw, got;
	struct outgoing_plan plan;

	(void)state;
	text_init(&raw, 4u << 20);
	text_init(&got, 4u << 20);
	text_puts(&raw, "Delivered-To: first\r\nDelivered-To: ");
	while (raw.n < LIMIT_HEADER_SCAN + 100)
		text_puts(&raw, "x");
	text_puts(&raw, "\r\n\r\nbody\r\n");
	assert_true(plan_of(&plan, text_view(&raw), VIEW_NONE, 2));
	assert_int_equal(plan.ranges, 1);
	assert_int_equal(plan.octets, raw.n - 21);
	run(&plan, text_view(&raw), VIEW_NONE, 0, 65536, SIZE_MAX, &got);
	assert_text(&got, view_skip(text_view(&raw), 21));
	text_fini(&raw);
	text_fini(&got);
}

/* DESIGN 9: where nothing is to be repaired the input itself comes out. */
static void a_clean_body_is_not_copied(void **state)
{
	static const char raw[] = "A: b\r\n\r\nbody\r\n";
	struct outgoing_plan plan;
	struct outgoing o;
	struct view out;

	(void)state;
	assert_true(plan_of(&plan, VIEW_ARRAY(raw), VIEW_NONE, 2));
	outgoing_init(&o, &plan, VIEW_NONE);
	assert_int_equal(outgoing_next(&o, VIEW_ARRAY(raw), &out),
			 OUTGOING_SEND);
	assert_ptr_equal(out.p, raw);
	assert_int_equal(out.n, sizeof(raw) - 1);
}

/* --- what stands in front --- */

static void prefix_of(const struct outgoing_origin *o, struct text *t)
{
	text_init(t, OUTGOING_PREFIX_OCTETS);
	outgoing_prefix(t, o);
	nothing_stray_comes_out(text_view(t));
}

static void the_lines_in_front(void **state)
{
	struct outgoing_origin o = {
		.from = VIEW_LIT("pop.example"),
		.by = VIEW_LIT("here.example"),
		.with = VIEW_LIT("POP3S"),
		.id = VIEW_LIT("7Q2K"),
		.recipient = VIEW_LIT("me@example.org"),
		.unix_s = 1709210096, /* a leap day */
		.trace = VIEW_LIT("abc.7Q2K.0011"),
	};
	struct text t;

	(void)state;
	prefix_of(&o, &t);
	assert_string_equal(text_str(&t),
			    "Received: from pop.example\r\n"
			    "\tby here.example with POP3S id 7Q2K\r\n"
			    "\tfor <me@example.org>;\r\n"
			    "\tThu, 29 Feb 2024 12:34:56 +0000\r\n"
			    "X-Mailhaul-Trace: abc.7Q2K.0011\r\n");
	text_fini(&t);
	o.from = o.recipient = o.trace = VIEW_NONE;
	o.unix_s = 0;
	prefix_of(&o, &t);
	assert_string_equal(text_str(&t),
			    "Received: by here.example with POP3S id 7Q2K;\r\n"
			    "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
	text_fini(&t);
}

static void dates_of_all_kinds(void **state)
{
	static const struct {
		int64_t unix_s;
		const char *date;
	} rows[] = {
		{ -1, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ 86399, "Thu, 01 Jan 1970 23:59:59 +0000" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ 951868800, "Wed, 01 Mar 2000 00:00:00 +0000" },
		{ 1735689599, "Tue, 31 Dec 2024 23:59:59 +0000" },
		{ 1735689600, "Wed, 01 Jan 2025 00:00:00 +0000" },
		{ 4107542400, "Mon, 01 Mar 2100 00:00:00 +0000" },
		{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct outgoing_origin o = { .unix_s = rows[i].unix_s };
		struct text t;

		prefix_of(&o, &t);
		if (!strstr(text_str(&t), rows[i].date))
			fail_msg("%s: %s", rows[i].date, text_str(&t));
		text_fini(&t);
	}
}

/* F6: nothing that others chose can end a line or grow it beyond bounds. */
static void values_in_front_are_tamed(void **state)
{
	char huge[5000];
	struct outgoing_origin o = {
		.from = VIEW_LIT("a\r\nBcc: x (b) <c>"),
		.by = { huge, sizeof(huge) },
		.with = { huge, sizeof(huge) },
		.id = VIEW_LIT("x;y\0z\x80"),
		.recipient = VIEW_LIT("a@b>;\r\nX: y"),
		.trace = { huge, sizeof(huge) },
	};
	struct text t;

	(void)state;
	memset(huge, '\n', sizeof(huge));
	prefix_of(&o, &t);
	assert_true(t.n < OUTGOING_PREFIX_OCTETS);
	assert_non_null(
		strstr(text_str(&t), "from a??Bcc:?x??b???c?\r\n\tby ????"));
	assert_non_null(strstr(text_str(&t), " id x?y?z?;"));
	assert_null(strstr(text_str(&t), "for"));
	text_fini(&t);
	o.recipient = VIEW_LIT("j\xC3\xBCrgen@b");
	prefix_of(&o, &t);
	assert_null(strstr(text_str(&t), "for"));
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stray_cr_and_lf_are_repaired),
		cmocka_unit_test(fields_are_left_out_whole),
		cmocka_unit_test(nothing_is_left_out_unasked),
		cmocka_unit_test(signed_fields_are_kept),
		cmocka_unit_test(repairs_and_drops_together),
		cmocka_unit_test(a_last_field_without_line_end_is_left_out),
		cmocka_unit_test(any_octets_are_carried),
		cmocka_unit_test(messages_without_header_or_body),
		cmocka_unit_test(too_many_places_are_an_error),
		cmocka_unit_test(a_field_at_the_edge_of_the_scan_stays),
		cmocka_unit_test(a_clean_body_is_not_copied),
		cmocka_unit_test(the_lines_in_front),
		cmocka_unit_test(dates_of_all_kinds),
		cmocka_unit_test(values_in_front_are_tamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
