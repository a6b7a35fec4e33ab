/* head, field, addrspec: what is found in a message while it arrives. */
#include "addrspec.h"
#include "field.h"
#include "head.h"
#include "limits.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VIEW_ARRAY(a) ((struct view){ a, sizeof(a) - 1 })

static struct head_facts facts_of(struct head *h, struct view v, size_t step)
{
	struct head_facts f;

	head_clear(h);
	for (size_t at = 0; at < v.n; at += step)
		head_add(h, view_head(view_skip(v, at), step));
	head_end(h, &f);
	return f;
}

static void assert_view(struct view got, const char *want)
{
	if (!view_eq(got, view_of(want)))
		fail_msg("got %.*s, wanted %s", VIEW_ARG(got), want);
}

static void assert_same_facts(const struct head_facts *a,
			      const struct head_facts *b)
{
	assert_int_equal(a->octets, b->octets);
	assert_int_equal(a->repairs, b->repairs);
	assert_int_equal(a->repaired_octets, b->repaired_octets);
	assert_int_equal(a->header_octets, b->header_octets);
	assert_int_equal(a->received, b->received);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->path, b->path);
	assert_true(view_eq(a->return_path, b->return_path));
	assert_true(view_eq(a->message_id, b->message_id));
	assert_true(view_eq(a->fingerprint, b->fingerprint));
	assert_int_equal(a->traces, b->traces);
	for (unsigned i = 0; i < a->traces; i++)
		assert_true(view_eq(a->trace[i], b->trace[i]));
}

/* --- the repair rule, by a second and slower reading of INTERFACE 3 --- */

static size_t repair(struct view v, char *out, size_t *repairs)
{
	size_t n = 0;

	*repairs = 0;
	for (size_t i = 0; i < v.n; i++) {
		size_t lf = i;

		while (lf < v.n && v.p[lf] == '\r')
			lf++;
		if (lf < v.n && v.p[lf] == '\n') {
			*repairs += lf - i != 1;
			memcpy(out + n, "\r\n", 2);
			n += 2;
			i = lf;
		} else if (v.p[i] == '\r') {
			++*repairs;
			out[n++] = ' ';
		} else {
			out[n++] = v.p[i];
		}
	}
	return n;
}

static void check_repair(struct head *h, struct view v)
{
	char out[64];
	size_t repairs, n = repair(v, out, &repairs);

	for (size_t step = 1; step <= v.n; step++) {
		struct head_facts f = facts_of(h, v, step);

		assert_int_equal(f.octets, v.n);
		assert_int_equal(f.repaired_octets, n);
		assert_int_equal(f.repairs, repairs);
		assert_int_equal(!!(f.flags & HEAD_ENDS_LINE),
				 v.p[v.n - 1] == '\n');
		assert_int_equal(f.header_octets,
				 field_header_octets(v) ? field_header_octets(v)
							: v.n);
	}
}

/* F1, J2: every string of CR, LF, a letter and a dot, in every cut. */
static void repairs_are_counted_exactly(void **state)
{
	static const char letters[] = "\r\na.";
	struct head *h = head_new();
	char v[7];

	(void)state;
	for (size_t n = 1; n <= sizeof(v); n++) {
		for (unsigned code = 0; code < 1u << (2 * n); code++) {
			for (size_t i = 0; i < n; i++)
				v[i] = letters[code >> (2 * i) & 3];
			check_repair(h, (struct view){ v, n });
		}
	}
	head_free(h);
}

static const char full[] =
	"Return-Path: <bounce@list.example>\r\n"
	"X-Mailhaul-Trace: aaa.B2.cafe\r\n"
	"Received: from a\r\n\tby b; Sat, 1 Jan 2022 00:00:00 +0000\r\n"
	"received : by c\r\n"
	"Received-SPF: pass\r\n"
	"Return-Path: <second@example>\r\n"
	"X-Mailhaul-Trace: bbb.C3.beef and more\r\n"
	"Date: Sat,  1 Jan 2022\r\n 00:00:00 +0000\r\n"
	"From: =?utf-8?q?x?=\t<x@y>\r\n"
	"message-id:\r\n <1@x>\r\n"
	"Message-ID: <2@x>\r\n"
	"\r\n"
	"Received: not this one\r\nbody\xE9\r\n";

static void facts_do_not_depend_on_the_cuts(void **state)
{
	struct head *h = head_new(), *other = head_new();
	struct head_facts whole = facts_of(h, VIEW_ARRAY(full), SIZE_MAX / 2);

	(void)state;
	assert_int_equal(whole.path, HEAD_PATH_ADDRESS);
	assert_view(whole.return_path, "bounce@list.example");
	assert_int_equal(whole.received, 2);
	assert_int_equal(whole.traces, 2);
	assert_view(whole.trace[0], "aaa.B2.cafe");
	assert_view(whole.trace[1], "bbb.C3.beef");
	assert_view(whole.message_id, "<1@x>");
	assert_view(whole.fingerprint, "<1@x>\nSat, 1 Jan 2022 00:00:00 +0000\n"
				       "=?utf-8?q?x?= <x@y>\n");
	assert_int_equal(whole.flags, HEAD_8BIT_BODY | HEAD_ENDS_LINE);
	assert_int_equal(whole.repairs, 0);
	assert_int_equal(whole.repaired_octets, sizeof(full) - 1);
	for (size_t step = 1; step < sizeof(full); step++) {
		struct head_facts f = facts_of(other, VIEW_ARRAY(full), step);

		assert_same_facts(&whole, &f);
	}
	head_free(h);
	head_free(other);
}

/* E7, J13: the same message by another server, folded and ended otherwise. */
static void fingerprints_survive_another_rendering(void **state)
{
	static const char other[] = "From:   =?utf-8?q?x?=\n\t<x@y>\n"
				    "X-Added: by somebody\n"
				    "Message-Id: <1@x>  \n"
				    "Date: Sat, 1 Jan 2022 00:00:00 +0000\r\r\n"
				    "\n";
	struct head *h = head_new(), *g = head_new();
	struct head_facts a = facts_of(h, VIEW_ARRAY(full), 1000);
	struct head_facts b = facts_of(g, VIEW_ARRAY(other), 1000);

	(void)state;
	assert_true(view_eq(a.fingerprint, b.fingerprint));
	head_free(h);
	head_free(g);
}

static void no_fingerprint_of_nothing(void **state)
{
	struct head *h = head_new();
	struct head_facts f = facts_of(h, VIEW_LIT("Subject: x\r\n\r\n"), 1000);

	(void)state;
	assert_int_equal(f.fingerprint.n, 0);
	assert_int_equal(f.message_id.n, 0);
	assert_int_equal(f.path, HEAD_PATH_NONE);
	f = facts_of(h, VIEW_NONE, 1);
	assert_int_equal(f.octets, 0);
	assert_int_equal(f.flags, 0);
	head_free(h);
}

/* F7, F8 */
static void return_paths_are_checked(void **state)
{
	static const struct {
		const char *value;
		enum head_path path;
		const char *address;
	} rows[] = {
		{ "<a@b.example>", HEAD_PATH_ADDRESS, "a@b.example" },
		{ "a@b.example", HEAD_PATH_ADDRESS, "a@b.example" },
		{ "  <a@b.example>\t", HEAD_PATH_ADDRESS, "a@b.example" },
		{ "<-oQ/tmp@b>", HEAD_PATH_ADDRESS, "-oQ/tmp@b" },
		{ "<`id`@b>", HEAD_PATH_ADDRESS, "`id`@b" },
		{ "<>", HEAD_PATH_NULL, "" },
		{ "", HEAD_PATH_NULL, "" },
		{ "<root>", HEAD_PATH_INVALID, "" },
		{ "<a b@c>", HEAD_PATH_INVALID, "" },
		{ "<a@b> SIZE=1", HEAD_PATH_INVALID, "" },
		{ "<a@b>>", HEAD_PATH_INVALID, "" },
		{ "<a@b\r\n c>", HEAD_PATH_INVALID, "" },
		{ "<a@b\rc>", HEAD_PATH_INVALID, "" },
		{ "<;cmd@b;x>", HEAD_PATH_INVALID, "" },
		{ "<a@b,c@d>", HEAD_PATH_INVALID, "" },
		{ "<@r:a@b>", HEAD_PATH_INVALID, "" },
	};
	struct head *h = head_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[200];
		struct head_facts f;

		snprintf(text, sizeof(text), "Return-Path:%s\r\n\r\n",
			 rows[i].value);
		f = facts_of(h, view_of(text), 1000);
		if (f.path != rows[i].path)
			fail_msg("%s: %d", rows[i].value, f.path);
		assert_view(f.return_path, rows[i].address);
	}
	head_free(h);
}

static void a_return_path_has_a_limit(void **state)
{
	struct head *h = head_new();
	char text[600];

	(void)state;
	for (int n = 240; n < 300; n++) {
		struct head_facts f;

		snprintf(text, sizeof(text), "Return-Path: <%0*d@b>\r\n\r\n", n,
			 0);
		f = facts_of(h, view_of(text), 1000);
		assert_int_equal(f.path, n + 4 <= 256 ? HEAD_PATH_ADDRESS
						      : HEAD_PATH_INVALID);
	}
	head_free(h);
}

/* F3: a NUL ends nothing. */
static void nul_is_an_octet_like_others(void **state)
{
	static const char text[] =
		"X-A\0: 1\r\nMessage-ID: <a\0b@c>\r\n\r\nx\0y\r\n";
	struct head *h = head_new();
	struct head_facts f = facts_of(h, VIEW_ARRAY(text), 3);

	(void)state;
	assert_true(f.flags & HEAD_NUL);
	assert_int_equal(f.message_id.n, 7);
	assert_memory_equal(f.message_id.p, "<a\0b@c>", 7);
	assert_int_equal(f.octets, sizeof(text) - 1);
	f = facts_of(h, VIEW_LIT("A: b\r\n\r\nc\r\n"), 3);
	assert_false(f.flags & HEAD_NUL);
	head_free(h);
}

static void eight_bit_is_told_by_place(void **state)
{
	struct head *h = head_new();

	(void)state;
	assert_int_equal(
		facts_of(h, VIEW_LIT("A: \xC3\xBC\r\n\r\nb\r\n"), 2).flags,
		HEAD_8BIT_HEADER | HEAD_ENDS_LINE);
	assert_int_equal(
		facts_of(h, VIEW_LIT("A: b\r\n\r\n\xC3\xBC\r\n"), 2).flags,
		HEAD_8BIT_BODY | HEAD_ENDS_LINE);
	/* the last octet of a long body */
	{
		char body[1003];

		memset(body, 'x', sizeof(body));
		memcpy(body, "\r\n", 2);
		body[500] = '\n';
		body[499] = '\r';
		body[1002] = '\x80';
		assert_int_equal(
			facts_of(h, (struct view){ body, 1003 }, 1003).flags,
			HEAD_8BIT_BODY);
	}
	head_free(h);
}

/* J7 asks for this: 998 octets fit, 999 do not. */
static void long_lines_are_told(void **state)
{
	struct head *h = head_new();
	char line[1100];

	(void)state;
	memset(line, 'x', sizeof(line));
	for (size_t n = 990; n < 1010; n++) {
		memcpy(line + n, "\r\ny\r\n", 5);
		for (size_t step = 1; step < 9; step++) {
			struct head_facts f = facts_of(
				h, (struct view){ line, n + 5 }, step * 131);

			assert_int_equal(!!(f.flags & HEAD_LONG_LINE), n > 998);
		}
		memset(line + n, 'x', 5);
	}
	assert_true(facts_of(h, (struct view){ line, 999 }, 999).flags &
		    HEAD_LONG_LINE);
	head_free(h);
}

/* D8 */
static void a_message_may_have_no_header(void **state)
{
	struct head *h = head_new();
	struct head_facts f;

	(void)state;
	for (size_t piece = 1; piece <= 20; piece++) {
		f = facts_of(h, VIEW_LIT("\r\nReceived: x\r\n"), piece);
		assert_int_equal(f.header_octets, 2);
		assert_int_equal(f.received, 0);
	}
	f = facts_of(h, VIEW_LIT("just words\r\nand more"), 4);
	assert_int_equal(f.header_octets, 20);
	head_free(h);
}

/* F10: loops are counted, however many lines there are. */
static void received_lines_are_counted(void **state)
{
	struct head *h = head_new();
	struct text t;

	(void)state;
	text_init(&t, 1 << 20);
	for (int i = 0; i < 5000; i++)
		text_fmt(&t, "Received: by h%d\r\nX-Mailhaul-Trace: %d\r\n", i,
			 i);
	text_puts(&t, "\r\n");
	{
		struct head_facts f = facts_of(h, text_view(&t), 777);

		assert_int_equal(f.received, 5000);
		assert_int_equal(f.traces, HEAD_TRACES);
		assert_view(f.trace[0], "0");
		assert_view(f.trace[HEAD_TRACES - 1], "63");
	}
	text_fini(&t);
	head_free(h);
}

/* B13: a header without end is looked at as far as the limit. */
static void the_header_scan_is_bounded(void **state)
{
	struct head *h = head_new();
	size_t n = LIMIT_HEADER_SCAN + 5000;
	char *text = malloc(n);
	static const char line[] = "Received: by somebody\r\n";
	static const char last[] = "Message-ID: <late@x>\r\n\r\n\x80\r\n";
	struct head_facts f;

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = line[i % (sizeof(line) - 1)];
	memcpy(text + n - sizeof(last) + 1, last, sizeof(last) - 1);
	f = facts_of(h, (struct view){ text, n }, 4096);
	assert_true(f.flags & HEAD_CUT);
	assert_int_equal(f.header_octets, LIMIT_HEADER_SCAN);
	assert_int_equal(f.message_id.n, 0);
	assert_int_equal(f.octets, n);
	assert_int_equal(head_raw(h).n, LIMIT_HEADER_SCAN);
	free(text);
	head_free(h);
}

/* F9: a Message-ID of a megabyte is cut in what is kept, not in the message. */
static void a_message_id_may_be_huge(void **state)
{
	struct head *h = head_new();
	size_t n = 500000;
	char *text = malloc(n);
	struct head_facts f;

	(void)state;
	memset(text, 'x', n);
	memcpy(text, "Message-ID: <", 13);
	memcpy(text + n - 4, "\r\n\r\n", 4);
	f = facts_of(h, (struct view){ text, n }, 10000);
	assert_int_equal(f.message_id.n, HEAD_TEXT_OCTETS);
	assert_int_equal(f.repaired_octets, n);
	free(text);
	head_free(h);
}

/* J2: one line end, so no header is cut in two and no body begins early. */
static void crs_before_lf_are_one_line_end(void **state)
{
	static const char text[] =
		"From: a\r\r\nMessage-ID: <b>\r\r\r\n\r\r\nbody\r\n";
	struct head *h = head_new();

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		struct head_facts f = facts_of(h, VIEW_ARRAY(text), step);

		assert_view(f.message_id, "<b>");
		assert_int_equal(f.header_octets, sizeof(text) - 1 - 6);
		assert_int_equal(f.repairs, 3);
		assert_int_equal(f.repaired_octets, sizeof(text) - 1 - 4);
	}
	head_free(h);
}

static void fields_are_walked_as_they_will_be_seen(void **state)
{
	static const char text[] = "A: 1\n\rB: continues\r\r\nno colon\r\n"
				   "C : 3\r\n\t3\r\n: empty\r\nD:\r\n\r\nE: 5";
	static const char *const names[] = { "A", "", "C", "", "D" };
	struct view rest = VIEW_ARRAY(text);
	struct field f;
	char out[40];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(field_next(&rest, &f));
		assert_view(f.name, names[i]);
		if (i == 0)
			assert_view(
				(struct view){ out, field_text(f.body, out,
							       sizeof(out)) },
				"1 B: continues");
		if (i == 2)
			assert_view(
				(struct view){ out, field_text(f.body, out,
							       sizeof(out)) },
				"3 3");
	}
	assert_false(field_next(&rest, &f));
	assert_view(rest, "\r\nE: 5");
}

static void addresses_in_their_forms(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "a@b", true },
		{ "a.b+c-d_e=f@sub.example.org", true },
		{ "a..b.@docomo.example", true },
		{ "a@[192.0.2.1]", true },
		{ "a@[IPv6:2001:db8::1]", true },
		{ "\"x@y\"@b", true },
		{ "\"a\\\"b\"@c", true },
		{ "j\xC3\xBCrgen@m\xC3\xBCller.example", true },
		{ "", false },
		{ "a", false },
		{ "@b", false },
		{ "a@", false },
		{ "a@b@c", false },
		{ "a b@c", false },
		{ "\"a b\"@c", false },
		{ "\"a\"\"@c", false },
		{ "\"a\\\"@c", false },
		{ "\"a\\\\\"b\"@c", false },
		{ "a>@b", false },
		{ "a@b>", false },
		{ "a@b\xC3", false },
		{ "a@b\xED\xA0\x80", false },
		{ "a@b\xC2\x85", false },
		{ "a@[b", false },
		{ "a@b/c", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (addrspec_ok(view_of(rows[i].text)) != rows[i].ok)
			fail_msg("%s", rows[i].text);
	assert_true(addrspec_or_local_ok(VIEW_LIT("postmaster")));
	assert_false(addrspec_or_local_ok(VIEW_LIT("post master")));
	assert_true(addrspec_is_utf8(VIEW_LIT("\xC3\xBC@b")));
	assert_false(addrspec_is_utf8(VIEW_LIT("a@b")));
	assert_view(addrspec_local(VIEW_LIT("a@b@c")), "a@b");
	assert_view(addrspec_domain(VIEW_LIT("a@b@c")), "c");
	assert_view(addrspec_domain(VIEW_LIT("a")), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repairs_are_counted_exactly),
		cmocka_unit_test(facts_do_not_depend_on_the_cuts),
		cmocka_unit_test(fingerprints_survive_another_rendering),
		cmocka_unit_test(no_fingerprint_of_nothing),
		cmocka_unit_test(return_paths_are_checked),
		cmocka_unit_test(a_return_path_has_a_limit),
		cmocka_unit_test(nul_is_an_octet_like_others),
		cmocka_unit_test(eight_bit_is_told_by_place),
		cmocka_unit_test(long_lines_are_told),
		cmocka_unit_test(a_message_may_have_no_header),
		cmocka_unit_test(received_lines_are_counted),
		cmocka_unit_test(the_header_scan_is_bounded),
		cmocka_unit_test(a_message_id_may_be_huge),
		cmocka_unit_test(crs_before_lf_are_one_line_end),
		cmocka_unit_test(fields_are_walked_as_they_will_be_seen),
		cmocka_unit_test(addresses_in_their_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
