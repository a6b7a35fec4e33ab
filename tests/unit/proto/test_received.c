/* received: lines as servers write them (the forms are those of real mail, the
 * names and addresses are not), and who handed a message over. */
#include "received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* "by|name|address|helo" */
static const char *read(const char *body)
{
	static char out[4096];
	struct received r;

	received_read(view_of(body), &r);
	(void)snprintf(out, sizeof(out), "%.*s|%.*s|%.*s|%.*s", VIEW_ARG(r.by),
		       VIEW_ARG(r.name), VIEW_ARG(r.address), VIEW_ARG(r.helo));
	return out;
}

#define READS(body, want) assert_string_equal(read(" " body "\r\n"), want)

static void postfix(void **state)
{
	(void)state;
	READS("from helo.test (mail.example [192.0.2.1])\r\n\tby mx.isp.test "
	      "(Postfix) with ESMTPS id 4Q\r\n\tfor <a@isp.test>; Mon, 6 Jan",
	      "mx.isp.test|mail.example|192.0.2.1|helo.test");
	READS("from helo.test (unknown [192.0.2.1]) by mx.isp.test (Postfix)",
	      "mx.isp.test||192.0.2.1|helo.test");
	READS("from [10.1.2.3] (host.example [IPv6:2001:db8::25])\r\n"
	      "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 "
	      "bits)\r\n\t key-exchange X25519)\r\n\tby mx.isp.test (Postfix)",
	      "mx.isp.test|host.example|2001:db8::25|[10.1.2.3]");
	READS("by mx.isp.test (Postfix, from userid 1000) id 7; Mon",
	      "mx.isp.test|||");
}

static void sendmail(void **state)
{
	(void)state;
	READS("from helo.test (mail.example [192.0.2.1] (may be forged))\r\n"
	      "\tby mx.isp.test (8.17.1/8.17.1) with ESMTP id 1",
	      "mx.isp.test||192.0.2.1|helo.test");
	READS("from helo.test (IDENT:root@mail.example [192.0.2.1]) by mx.test",
	      "mx.test|mail.example|192.0.2.1|helo.test");
	READS("from localhost (localhost [[UNIX: localhost]]) by mx.test",
	      "mx.test|||localhost");
}

static void exim(void **state)
{
	(void)state;
	READS("from mail.example ([192.0.2.1] helo=helo.test)\r\n\tby mx.test "
	      "with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384\r\n\t(Exim "
	      "4.96)\r\n\t(envelope-from <a@b.test>)\r\n\tid 1r",
	      "mx.test|mail.example|192.0.2.1|helo.test");
	READS("from mail.example ([192.0.2.1]:40000 helo=helo.test) by mx.test",
	      "mx.test|mail.example|192.0.2.1|helo.test");
	READS("from [192.0.2.1] (helo=helo.test) by mx.test with esmtp",
	      "mx.test||192.0.2.1|helo.test");
	READS("from [192.0.2.1] (port=4711 helo=[192.168.0.7]) by mx.test",
	      "mx.test||192.0.2.1|[192.168.0.7]");
	/* looked up, or only said? The line does not tell */
	READS("from mail.example ([2001:db8::1]) by mx.test with esmtp",
	      "mx.test||2001:db8::1|mail.example");
	READS("from root by mx.test with local (Exim 4.96)", "mx.test|||root");
}

static void exchange(void **state)
{
	(void)state;
	READS("from helo.test (192.0.2.1) by\r\n AM6.mail.isp.test "
	      "(2001:db8:a::1)\r\n with Microsoft SMTP Server "
	      "(version=TLS1_2,\r\n cipher=TLS_ECDHE) id 15.20; Mon",
	      "AM6.mail.isp.test||192.0.2.1|helo.test");
	READS("from a.isp.test ([fe80::1]) by b.isp.test ([fe80::2%3]) with "
	      "mapi id 15",
	      "b.isp.test||fe80::1|a.isp.test");
}

static void gmail_gmx_and_others(void **state)
{
	(void)state;
	READS("from helo.test (mail.example. [192.0.2.1])\r\n        by "
	      "mx.google.test with ESMTPS id z9.1\r\n        (version=TLS1_3)",
	      "mx.google.test|mail.example|192.0.2.1|helo.test");
	READS("by 2002:a05:7300:1::1 with SMTP id x1; Mon, 6 Jan", "|||");
	READS("from helo.test ([192.0.2.1]) by mx-ha.gmx.test (mxgmx101\r\n "
	      "[212.0.0.9]) with ESMTPS (Nemesis) id 1M for <a@gmx.test>",
	      "mx-ha.gmx.test||192.0.2.1|helo.test");
	READS("from mail.example (HELO helo.test) (192.0.2.1)\r\n  by mx.test "
	      "with SMTP; 6 Jan",
	      "mx.test|mail.example|192.0.2.1|helo.test");
	READS("from unknown (HELO helo.test) (root@192.0.2.1) by mx.test",
	      "mx.test||192.0.2.1|helo.test");
	READS("from unknown (192.0.2.1) by mx.test with SMTP",
	      "mx.test||192.0.2.1|");
	READS("from 127.0.0.1  (EHLO helo.test) (192.0.2.1)\r\n by x.test with "
	      "SMTPs; Mon",
	      "x.test||192.0.2.1|helo.test");
	READS("from helo.test (unknown [192.0.2.1])\r\n\tby mx27 (Coremail) "
	      "with SMTP id k",
	      "mx27||192.0.2.1|helo.test");
}

static void what_is_missing_or_broken(void **state)
{
	(void)state;
	READS("", "|||");
	READS("from", "|||");
	READS("by", "|||");
	READS("from (unknown [192.0.2.1]) by mx.test", "mx.test||192.0.2.1|");
	READS("from a (b [999.1.1.1]) by mx.test", "mx.test|||a");
	READS("from a (b [192.0.2.1", "|b|192.0.2.1|a");
	READS("from by by by", "by|||by");
	READS("((((", "|||");
	READS("from a (x\\) [192.0.2.1]) by mx.test",
	      "mx.test|x\\|192.0.2.1|a");
	/* what stands behind `by` does not come once more */
	READS("from a (b [192.0.2.1]) by mx.test from c (d [192.0.2.9]) by e",
	      "mx.test|b|192.0.2.1|a");
}

/* "address helo" of who handed it to isp.test; NULL: nobody known. */
static const char *client(const char *header)
{
	static const char *const names[] = { "isp.test", "isp.example" };
	static char out[512];
	struct received r;

	if (!received_client(view_of(header), names, 2, &r))
		return NULL;
	(void)snprintf(out, sizeof(out), "%.*s %.*s", VIEW_ARG(r.address),
		       VIEW_ARG(r.helo));
	return out;
}

#define LINE(from, by) "Received: from " from " by " by " with ESMTP; Mon\r\n"
#define INNER	       LINE("mx1.isp.test (mx1.isp.test [10.0.0.5])", "box.isp.test")
#define OUTER	       LINE("evil (dsl.far.test [198.51.100.9])", "mx1.isp.test")
#define FORGED	       LINE("good (good.test [203.0.113.7])", "mx1.isp.test")
#define END	       "Subject: x\r\n\r\n"

static void the_lowest_line_of_the_run_counts(void **state)
{
	(void)state;
	assert_string_equal(client(OUTER END), "198.51.100.9 evil");
	assert_string_equal(client(INNER OUTER END), "198.51.100.9 evil");
	assert_string_equal(
		client("X-Spam: no\r\n" INNER "Return-Path: <>\r\n" OUTER END),
		"198.51.100.9 evil");
	assert_null(client(END));
	assert_null(client(LINE("a (b [192.0.2.1])", "mx.other.test") OUTER));
	assert_null(client(LINE("a (b [192.0.2.1])", "notisp.test") END));
}

static void what_stands_below_may_be_forged(void **state)
{
	(void)state;
	assert_string_equal(client(OUTER FORGED END), "198.51.100.9 evil");
	assert_string_equal(client(INNER OUTER INNER FORGED END),
			    "198.51.100.9 evil");
	/* calling itself one of them does not make it one */
	assert_string_equal(
		client(LINE("mx1.isp.test (dsl.far.test [198.51.100.9])",
			    "box.isp.test") FORGED END),
		"198.51.100.9 mx1.isp.test");
	assert_string_equal(client(LINE("mx1.isp.test ([198.51.100.9])",
					"box.isp.test") FORGED END),
			    "198.51.100.9 mx1.isp.test");
}

static void within_the_provider_the_run_goes_on(void **state)
{
	(void)state;
	/* by a name that was looked up, also of its other domain */
	assert_string_equal(client(LINE("x (out.isp.example [198.51.100.1])",
					"a.isp.test (Postfix)") OUTER END),
			    "198.51.100.9 evil");
	assert_string_equal(
		client("Received: from out.isp.test ([198.51.100.1] helo=x) by "
		       "a.isp.test with esmtps (TLS1.3) tls X\r\n\t(Exim "
		       "4.96) id 1\r\n" OUTER END),
		"198.51.100.9 evil");
	assert_string_equal(
		client(LINE("x (out.isp.test [198.51.100.1])",
			    "a.isp.test (8.17.1/8.17.1)") OUTER END),
		"198.51.100.9 evil");
	/* handed over within one machine */
	assert_string_equal(
		client("Received: by 2002:a05::1 with SMTP id x\r\n"
		       "Received: (qmail 1 invoked by uid 89)\r\n" OUTER FORGED
			       END),
		"198.51.100.9 evil");
	assert_string_equal(client("Received: from mx1 by box.isp.test with "
				   "LMTP id x; Mon\r\n" OUTER FORGED END),
			    "198.51.100.9 evil");
	/* it ends within: who brought it from there is not known */
	assert_null(client(LINE("x", "box.isp.test") LINE(
		"a (b [192.0.2.1])", "mx.other.test") END));
	assert_null(client(LINE("10.2.3.4", "box.isp.test")
				   LINE("192.0.2.9", "10.2.3.4") END));
	assert_null(client(INNER END));
	assert_null(client(INNER LINE("a (b [192.0.2.1])", "mx.other.test")));
}

/* A stranger's PTR record names whom he likes; not all look it up forwards. */
static void a_name_counts_where_it_is_known_to_be_checked(void **state)
{
	(void)state;
	assert_string_equal(client(LINE("x (a.isp.test [198.51.100.1])",
					"mx.isp.test") FORGED END),
			    "198.51.100.1 x");
	assert_string_equal(client(LINE("x (a.isp.test [198.51.100.1])",
					"mx.isp.test (Haraka/3.0)") FORGED END),
			    "198.51.100.1 x");
	assert_string_equal(client(LINE("a.isp.test (HELO x) (198.51.100.1)",
					"mx.isp.test (Postfix)") FORGED END),
			    "198.51.100.1 x");
	assert_string_equal(
		client(LINE("x (a.isp.test [198.51.100.1] (may be forged))",
			    "mx.isp.test (8.17.1/8.17.1)") FORGED END),
		"198.51.100.1 x");
	/* what the client says of himself is not the server's software */
	assert_string_equal(client(LINE("x (Postfix) (a.isp.test "
					"[198.51.100.1])",
					"mx.isp.test") FORGED END),
			    "198.51.100.1 x");
}

#define SENT(from, with)                                                       \
	"Received: from " from " by out.isp.test (Postfix) with " with         \
	" id 1; Mon\r\n"
#define DIALLED "me (dsl.far.test [198.51.100.9])"
#define WAY_OUT                                                                \
	LINE("out.isp.test (out.isp.test [192.0.2.5])", "mx.isp.test (Postfix)")

/* From one customer to the other: his line is no one's but the provider's. */
static void who_signed_in_is_no_client(void **state)
{
	static const char *const with[] = { "ESMTPA", "ESMTPSA", "esmtpsa",
					    "UTF8SMTPSA", "HTTP" };
	char header[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++) {
		(void)snprintf(header, sizeof(header), SENT(DIALLED, "%s") END,
			       with[i]);
		assert_null(client(header));
		(void)snprintf(header, sizeof(header),
			       WAY_OUT SENT(DIALLED, "%s") FORGED END, with[i]);
		assert_string_equal(client(header), "192.0.2.5 out.isp.test");
		(void)snprintf(header, sizeof(header),
			       INNER SENT(DIALLED, "%s") FORGED END, with[i]);
		assert_null(client(header));
	}
	assert_null(client(SENT(DIALLED " (Authenticated sender: me)", "ESMTPS")
				   END));
	assert_null(client(SENT(DIALLED " (authenticated bits=0)", "ESMTPS")));
	/* nobody hides by what he calls himself, nor is TLS a sign-in */
	assert_string_equal(client(SENT("me (authenticated as me) "
					"(dsl.far.test [198.51.100.9])",
					"ESMTPS") END),
			    "198.51.100.9 me");
	assert_string_equal(client(SENT(DIALLED, "ESMTPS") FORGED END),
			    "198.51.100.9 me");
	/* by somebody else it ends nothing that had not ended */
	assert_string_equal(client(OUTER "Received: from a (b [192.0.2.9]) by "
					 "mx.far.test with ESMTPSA\r\n" END),
			    "198.51.100.9 evil");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postfix),
		cmocka_unit_test(sendmail),
		cmocka_unit_test(exim),
		cmocka_unit_test(exchange),
		cmocka_unit_test(gmail_gmx_and_others),
		cmocka_unit_test(what_is_missing_or_broken),
		cmocka_unit_test(the_lowest_line_of_the_run_counts),
		cmocka_unit_test(what_stands_below_may_be_forged),
		cmocka_unit_test(within_the_provider_the_run_goes_on),
		cmocka_unit_test(a_name_counts_where_it_is_known_to_be_checked),
		cmocka_unit_test(who_signed_in_is_no_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
