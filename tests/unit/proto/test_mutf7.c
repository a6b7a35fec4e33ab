/* mutf7: RFC 3501 5.1.3, both ways, and one form for each name (D11). */
#include "mutf7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void same(const char *utf8, const char *wire)
{
	struct text t;

	text_init(&t, 4096);
	assert_true(mutf7_encode(view_of(utf8), &t));
	assert_string_equal(text_str(&t), wire);
	text_clear(&t);
	assert_true(mutf7_decode(view_of(wire), &t));
	assert_string_equal(text_str(&t), utf8);
	text_fini(&t);
}

static void names_have_one_form(void **state)
{
	(void)state;
	same("INBOX", "INBOX");
	same("", "");
	same("Lists/A&B", "Lists/A&-B");
	same("&", "&-");
	same("Entwürfe", "Entw&APw-rfe");
	same("Gelöschte Elemente", "Gel&APY-schte Elemente");
	/* RFC 3501 5.1.3 */
	same("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
	/* beyond 16 bits: surrogates */
	same("😀", "&2D3eAA-");
	same("a😀b", "a&2D3eAA-b");
	same("ü&ü", "&APw-&-&APw-");
	same("已发送", "&XfJT0ZAB-");
}

static void decodes(const char *wire, bool want)
{
	struct text t;

	text_init(&t, 4096);
	text_puts(&t, "before");
	assert_int_equal(mutf7_decode(view_of(wire), &t), want);
	if (!want)
		assert_string_equal(text_str(&t), "before");
	text_fini(&t);
}

static void what_encoding_never_writes_is_refused(void **state)
{
	(void)state;
	decodes("fine", true);
	decodes("&APw", false); /* does not end */
	decodes("&", false);
	decodes("&A-", false);	      /* not a whole unit */
	decodes("&APx-", false);      /* bits left over */
	decodes("&APwA-", false);     /* six bits too many */
	decodes("&AEE-", false);      /* "A" needs no shift: RFC 3501 5.1.3 */
	decodes("&ACY-", false);      /* "&" has its own form */
	decodes("&AAA-", false);      /* NUL */
	decodes("&AA0ACg-", false);   /* CR LF */
	decodes("&2D0-", false);      /* half a pair */
	decodes("&3gDYPQ-", false);   /* the wrong way round */
	decodes("&2D0APw-", false);   /* a half and something else */
	decodes("&APw-&APw-", false); /* two shifts in a row */
	decodes("&A/w-", false);      /* "/" is "," here */
	decodes("\xc3\xbc", false);   /* octets beyond ASCII */
	decodes("a\tb", false);
}

static void encodes(struct view utf8, bool want)
{
	struct text t;

	text_init(&t, 4096);
	text_puts(&t, "before");
	assert_int_equal(mutf7_encode(utf8, &t), want);
	if (!want)
		assert_string_equal(text_str(&t), "before");
	text_fini(&t);
}

static void only_well_formed_utf8_is_encoded(void **state)
{
	(void)state;
	encodes(VIEW_LIT("\xf4\x8f\xbf\xbf"), true);
	encodes(VIEW_LIT("\xc3"), false);
	encodes(VIEW_LIT("\xc3("), false);
	encodes(VIEW_LIT("\xc0\xaf"), false);
	encodes(VIEW_LIT("\xe0\x80\xaf"), false);
	encodes(VIEW_LIT("\xf0\x80\x80\xaf"), false);
	encodes(VIEW_LIT("\xed\xa0\x80"), false);
	encodes(VIEW_LIT("\xf4\x90\x80\x80"), false);
	encodes(VIEW_LIT("\x80"), false);
	encodes(VIEW_LIT("\xff"), false);
	encodes(VIEW_LIT("a\0b"), false);
	encodes(VIEW_LIT("a\r\nb"), false);
}

static void the_maximum_is_kept(void **state)
{
	struct text t;

	(void)state;
	text_init(&t, 6);
	assert_false(mutf7_encode(VIEW_LIT("Entwürfe"), &t));
	assert_int_equal(t.n, 0);
	assert_true(mutf7_encode(VIEW_LIT("ü"), &t));
	assert_string_equal(text_str(&t), "&APw-");
	text_clear(&t);
	assert_false(mutf7_decode(VIEW_LIT("abcdef&APw-"), &t));
	assert_int_equal(t.n, 0);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(what_encoding_never_writes_is_refused),
		cmocka_unit_test(only_well_formed_utf8_is_encoded),
		cmocka_unit_test(the_maximum_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
