/* sasl, base64: the exact octets of each mechanism; limits; wrong challenges.
 */
#include "base64.h"
#include "limits.h"
#include "sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sasl *begin_with(struct sasl_options o, struct view password,
			       struct err *err)
{
	struct secret s = { NULL, 0 };
	struct sasl *sasl;

	secret_set(&s, password);
	o.secret = &s;
	sasl = sasl_new(&o, err);
	secret_fini(&s);
	return sasl;
}

static struct sasl *begin(enum mech mech, struct view user,
			  struct view password)
{
	struct sasl_options o = { .mech = mech,
				  .user = user,
				  .nonce = VIEW_LIT("abc"),
				  .service = "imap",
				  .host = "mail.example",
				  .port = 993 };
	struct err err;

	return begin_with(o, password, &err);
}

static void assert_view(struct view got, struct view want)
{
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

static void assert_answer(struct sasl *s, struct view challenge,
			  struct view want)
{
	struct view got;
	struct err err;

	assert_true(sasl_step(s, challenge, &got, &err));
	assert_view(got, want);
}

static void assert_fails(struct sasl *s, struct view challenge,
			 enum err_class class)
{
	struct view got;
	struct err err;

	assert_false(sasl_step(s, challenge, &got, &err));
	assert_int_equal(err.class, class);
}

/* RFC 4616 4 */
static void plain_as_initial_response(void **state)
{
	struct sasl *s = begin(MECH_PLAIN, VIEW_LIT("tim"),
			       VIEW_LIT("tanstaaftanstaaf"));
	struct view v;

	(void)state;
	assert_false(sasl_done(s));
	assert_true(sasl_first(s, &v));
	assert_view(v, VIEW_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"));
	assert_true(sasl_done(s));
	assert_false(sasl_first(s, &v));
	/* the server wants more though there is no more */
	assert_fails(s, VIEW_LIT(""), ERR_PROTOCOL);
	sasl_free(s);
}

static void plain_as_answer(void **state)
{
	struct sasl *s = begin(MECH_PLAIN, VIEW_LIT("tim"),
			       VIEW_LIT("tanstaaftanstaaf"));

	(void)state;
	assert_answer(s, VIEW_LIT(""),
		      VIEW_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"));
	assert_true(sasl_done(s));
	sasl_free(s);
}

static void login_in_two_steps(void **state)
{
	struct sasl *s =
		begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("p\xc3\xa4ss"));
	struct view v;

	(void)state;
	assert_false(sasl_first(s, &v));
	assert_answer(s, VIEW_LIT("VXNlcm5hbWU6"), VIEW_LIT("dGlt"));
	assert_false(sasl_done(s));
	assert_answer(s, VIEW_LIT("UGFzc3dvcmQ6"), VIEW_LIT("cMOkc3M="));
	assert_true(sasl_done(s));
	assert_fails(s, VIEW_LIT("YWdhaW4="), ERR_PROTOCOL);
	sasl_free(s);
}

static void challenges_are_bounded(void **state)
{
	static char big[LIMIT_SASL_OCTETS + 4];
	struct sasl *s = begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("x"));

	(void)state;
	memset(big, 'A', sizeof(big));
	assert_fails(s, (struct view){ big, sizeof(big) }, ERR_LIMIT);
	assert_fails(s, VIEW_LIT("not base64"), ERR_PROTOCOL);
	/* a failed challenge asks for nothing: the user name is still to come
	 */
	assert_answer(s, (struct view){ big, LIMIT_SASL_OCTETS },
		      VIEW_LIT("dGlt"));
	for (unsigned i = 2; i < LIMIT_SASL_ROUNDS; i++)
		(void)sasl_step(s, VIEW_LIT(""), &(struct view){ 0 },
				&(struct err){ 0 });
	assert_fails(s, VIEW_LIT(""), ERR_LIMIT);
	sasl_free(s);
}

static void unusable_names_and_secrets(void **state)
{
	static char big[LIMIT_SASL_OCTETS];

	(void)state;
	memset(big, 'A', sizeof(big));
	assert_null(begin(MECH_PLAIN, VIEW_LIT(""), VIEW_LIT("x")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("tim"), VIEW_LIT("")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("t\0m"), VIEW_LIT("x")));
	assert_null(begin(MECH_LOGIN, VIEW_LIT("tim"), VIEW_LIT("x\0")));
	assert_null(begin(MECH_PLAIN, VIEW_LIT("tim"),
			  (struct view){ big, sizeof(big) }));
	sasl_free(NULL);
}

/* --- SCRAM --- */

/* Octets as base64, and back; the result lives until the next call. */
static struct view in_base64(const char *clear)
{
	static char out[2000];
	struct view v = view_of(clear);

	assert_true(BASE64_OCTETS(v.n) <= sizeof(out));
	return (struct view){ out, base64_encode(v, out) };
}

static void assert_says(struct sasl *s, const char *challenge, const char *want)
{
	struct view got;
	struct err err;
	char clear[2000];
	size_t n;

	if (challenge)
		assert_true(sasl_step(s, in_base64(challenge), &got, &err));
	else
		assert_true(sasl_first(s, &got));
	assert_true(base64_decode(got, clear, &n));
	assert_view((struct view){ clear, n }, view_of(want));
}

static void assert_refuses(struct sasl *s, const char *challenge,
			   enum err_class class)
{
	assert_fails(s, in_base64(challenge), class);
}

static struct sasl *scram(enum mech mech, const char *user, const char *secret,
			  const char *nonce)
{
	struct sasl_options o = { .mech = mech,
				  .user = view_of(user),
				  .nonce = view_of(nonce) };
	struct err err;
	struct sasl *s = begin_with(o, view_of(secret), &err);

	assert_non_null(s);
	return s;
}

/* RFC 5802 5 */
static void scram_sha_1_of_the_rfc(void **state)
{
	struct sasl *s = scram(MECH_SCRAM_SHA_1, "user", "pencil",
			       "fyko+d2lbbFgONRv9qkxdawL");

	(void)state;
	assert_says(s, NULL, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
	assert_true(sasl_is_slow(s));
	assert_says(s,
		    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		    "s=QSXCR+Q6sek8bf92,i=4096",
		    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
	assert_false(sasl_is_slow(s));
	assert_false(sasl_done(s));
	assert_says(s, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "");
	assert_true(sasl_done(s));
	assert_refuses(s, "", ERR_PROTOCOL);
	sasl_free(s);
}

/* RFC 7677 3 */
#define N256 "rOprNGfwEbeRWgbNEkqO"
#define S256                                                                   \
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"                \
	"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define P256                                                                   \
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"         \
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define V256 "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct sasl *scram_256(void)
{
	struct sasl *s = scram(MECH_SCRAM_SHA_256, "user", "pencil", N256);

	assert_says(s, NULL, "n,,n=user,r=" N256);
	return s;
}

static void scram_sha_256_of_the_rfc(void **state)
{
	struct sasl *s = scram_256();

	(void)state;
	assert_says(s, S256, P256);
	assert_says(s, V256, "");
	assert_true(sasl_done(s));
	sasl_free(s);
}

/* The server sends "+ " first where the initial response was not sent. */
static void scram_without_initial_response(void **state)
{
	struct sasl *s = scram(MECH_SCRAM_SHA_256, "user", "pencil", N256);

	(void)state;
	assert_int_equal(sasl_first_octets(s), 44);
	assert_false(sasl_is_slow(s));
	assert_says(s, "", "n,,n=user,r=" N256);
	assert_int_equal(sasl_first_octets(s), 0);
	assert_true(sasl_is_slow(s));
	assert_says(s, S256, P256);
	assert_says(s, V256, "");
	assert_true(sasl_done(s));
	sasl_free(s);
}

/* CASES C5 */
static void test_c5_a_wrong_signature_is_no_sign_in(void **state)
{
	static const char *const wrong[] = {
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
		"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		"v=",
		"",
		("r=" N256),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sasl *s = scram_256();

		assert_says(s, S256, P256);
		assert_refuses(s, wrong[i], ERR_AUTH);
		assert_false(sasl_done(s));
		sasl_free(s);
	}
	/* and a server that says OK before it has proved anything */
	struct sasl *s = scram_256();

	assert_false(sasl_done(s));
	assert_says(s, S256, P256);
	assert_false(sasl_done(s));
	sasl_free(s);
}

static void a_refusal_inside_of_scram_is_told(void **state)
{
	struct sasl *s = scram_256();
	struct view got;
	struct err err;

	(void)state;
	assert_says(s, S256, P256);
	assert_false(sasl_step(s, in_base64("e=invalid-proof"), &got, &err));
	assert_int_equal(err.class, ERR_AUTH);
	assert_string_equal(err.peer, "invalid-proof");
	sasl_free(s);
}

/* CASES B14: refused before a single round. 2^31 of them take ten minutes. */
static void test_b14_iterations_are_capped(void **state)
{
	static const char *const counts[] = { "1000001", "2147483648",
					      "4294967297",
					      "18446744073709551615" };
	char message[200];

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sasl *s = scram_256();

		snprintf(message, sizeof(message),
			 "r=" N256 "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=%s",
			 counts[i]);
		assert_refuses(s, message, ERR_LIMIT);
		sasl_free(s);
	}
}

static void malformed_scram_messages(void **state)
{
	static const char *const wrong[] = {
		"",
		"x",
		("r=" N256 "x"),
		("r=" N256 "x,s=QUFB"),
		("r=" N256 "x,s=QUFB,i="),
		("r=" N256 "x,s=QUFB,i=0"),
		("r=" N256 "x,s=QUFB,i=-1"),
		("r=" N256 "x,s=QUFB,i=4096x"),
		("r=" N256 "x,s=QUFB,i=99999999999999999999"),
		("r=" N256 "x,s=,i=4096"),
		("r=" N256 "x,s=!,i=4096"),
		("s=QUFB,r=" N256 "x,i=4096"),
		/* a mandatory extension: RFC 5802 5.1 */
		("m=ext,r=" N256 "x,s=QUFB,i=4096"),
		/* not ours, or nothing added to ours */
		"r=abcx,s=QUFB,i=4096",
		("r=" N256 ",s=QUFB,i=4096"),
		("r=" N256 "\x01,s=QUFB,i=4096"),
		("r=" N256 "\xff,s=QUFB,i=4096"),
		"e=other-error",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sasl *s = scram_256();

		assert_refuses(s, wrong[i], ERR_PROTOCOL);
		sasl_free(s);
	}
}

/* RFC 5802 6, RFC 9266: what is said about the TLS around it. */
static void each_word_about_channel_binding(void **state)
{
	struct sasl_options o = { .mech = MECH_SCRAM_SHA_256,
				  .user = VIEW_LIT("user"),
				  .nonce = VIEW_LIT(N256),
				  .binding = SASL_BINDING_NOT_OFFERED };
	struct err err;
	struct sasl *s = begin_with(o, VIEW_LIT("pencil"), &err);

	(void)state;
	assert_says(s, NULL, "y,,n=user,r=" N256);
	assert_says(s, "r=" N256 "x,s=QUFB,i=1",
		    "c=eSws,r=" N256 "x,"
		    "p=zQmx/8euL3+SmUZVxgDJGbliJJpZaB2D0MxfHnHjTA4=");
	sasl_free(s);

	o.mech = MECH_SCRAM_SHA_256_PLUS;
	o.binding = SASL_BINDING_USED;
	o.binding_type = VIEW_LIT("tls-exporter");
	o.binding_data = VIEW_LIT("\x00\x01\xff");
	s = begin_with(o, VIEW_LIT("pencil"), &err);
	assert_says(s, NULL, "p=tls-exporter,,n=user,r=" N256);
	assert_says(s, "r=" N256 "x,s=QUFB,i=1",
		    "c=cD10bHMtZXhwb3J0ZXIsLAAB/w==,r=" N256 "x,"
		    "p=AoJxTyKjUVFZdmuZYE5Es+vfb45iA0OUOrpvQHfvLpY=");
	sasl_free(s);
}

/* RFC 5802 5.1, RFC 4013 3: escaped in names; prepared in both. */
static void names_and_passwords_are_prepared(void **state)
{
	struct sasl *s =
		scram(MECH_SCRAM_SHA_256, "a,b=c\xc2\xaa", "I\xc2\xadX", N256);
	struct sasl *plain = scram(MECH_SCRAM_SHA_256, "a,b=ca", "IX", N256);
	struct view a, b;
	char kept[400];
	struct err err;

	(void)state;
	assert_says(s, NULL, "n,,n=a=2Cb=3Dca,r=" N256);
	assert_says(plain, NULL, "n,,n=a=2Cb=3Dca,r=" N256);
	assert_true(sasl_step(s, in_base64(S256), &a, &err));
	snprintf(kept, sizeof(kept), "%.*s", VIEW_ARG(a));
	assert_true(sasl_step(plain, in_base64(S256), &b, &err));
	assert_view(view_of(kept), b);
	sasl_free(s);
	sasl_free(plain);
	/* a control character cannot stand in either */
	assert_null(begin(MECH_SCRAM_SHA_256, VIEW_LIT("user"),
			  VIEW_LIT("a\x07"
				   "b")));
	assert_null(begin(MECH_SCRAM_SHA_1, VIEW_LIT("us\xff"), VIEW_LIT("x")));
}

/* --- the others --- */

/* RFC 2195 3 */
static void cram_md5_of_the_rfc(void **state)
{
	struct sasl *s = begin(MECH_CRAM_MD5, VIEW_LIT("tim"),
			       VIEW_LIT("tanstaaftanstaaf"));
	struct view v;

	(void)state;
	assert_false(sasl_first(s, &v));
	assert_false(sasl_done(s));
	assert_refuses(s, "", ERR_PROTOCOL);
	assert_says(s, "<1896.697170952@postoffice.reston.mci.net>",
		    "tim b913a602c7eda7a495b4e6e7334d3890");
	assert_true(sasl_done(s));
	assert_refuses(s, "<1896.697170952@postoffice.reston.mci.net>",
		       ERR_PROTOCOL);
	sasl_free(s);
}

/* RFC 4422 A */
static void external_names_the_user(void **state)
{
	struct sasl_options o = { .mech = MECH_EXTERNAL,
				  .user = VIEW_LIT("fred@example.com") };
	struct err err;
	struct sasl *s = sasl_new(&o, &err);

	(void)state;
	assert_says(s, NULL, "fred@example.com");
	assert_true(sasl_done(s));
	sasl_free(s);
}

/* MIT's library keeps 16 octets of an attempt that failed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libgssapi_krb5";
}

/* No ticket here; and if there were one, the server's part is missing. */
static void gssapi_without_a_ticket_is_refused_in_words(void **state)
{
	struct sasl_options o = { .mech = MECH_GSSAPI,
				  .user = VIEW_LIT("fred"),
				  .service = "imap",
				  .host = "mail.example" };
	struct view got;
	struct err err;
	struct sasl *s;

	(void)state;
	setenv("KRB5CCNAME", "FILE:/nonexistent/ccache", 1);
	setenv("KRB5_CONFIG", "/dev/null", 1);
	s = sasl_new(&o, &err);
	assert_non_null(s);
	assert_int_equal(sasl_first_octets(s), 0);
	assert_true(sasl_is_slow(s));
	assert_false(sasl_step(s, VIEW_LIT(""), &got, &err));
	assert_int_equal(err.class, ERR_AUTH);
	assert_non_null(strstr(err.what, "Kerberos"));
	assert_non_null(strstr(err.remedy, "kinit"));
	assert_false(sasl_done(s));
	sasl_free(s);
}

/* Google's example: someuser@example.com, ya29.vF9dft4qmTc2Nvb3RlckBhdH... */
static void xoauth2_with_its_error_challenge(void **state)
{
	struct sasl *s = begin(MECH_XOAUTH2, VIEW_LIT("someuser@example.com"),
			       VIEW_LIT("ya29.vF9dft4"));

	(void)state;
	assert_says(s, NULL,
		    "user=someuser@example.com\1"
		    "auth=Bearer ya29.vF9dft4\1\1");
	assert_true(sasl_done(s));
	/* CASES C10: heard, answered by nothing; success is not believed */
	assert_says(s, "{\"status\":\"401\"}", "");
	assert_view(sasl_said(s), VIEW_LIT("{\"status\":\"401\"}"));
	assert_false(sasl_done(s));
	assert_refuses(s, "{}", ERR_PROTOCOL);
	sasl_free(s);
}

/* RFC 7628 4.1, 4.2 */
static void oauthbearer_with_its_error_challenge(void **state)
{
	struct sasl_options o = { .mech = MECH_OAUTHBEARER,
				  .user = VIEW_LIT("user@example.com"),
				  .host = "server.example.com",
				  .port = 143 };
	struct err err;
	struct sasl *s = begin_with(
		o, VIEW_LIT("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
		&err);
	struct view v;

	(void)state;
	assert_true(sasl_first(s, &v));
	assert_view(v, VIEW_LIT("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLm"
				"V4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZG"
				"OWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMj"
				"l0Q2c9PQEB"));
	assert_says(s, "{\"status\":\"invalid_token\"}", "\1");
	assert_view(sasl_said(s), VIEW_LIT("{\"status\":\"invalid_token\"}"));
	assert_false(sasl_done(s));
	sasl_free(s);
}

/* CASES C11: a server that repeats the token does not bring it into a log. */
static void test_c11_a_token_is_not_repeated(void **state)
{
	struct sasl *s =
		begin(MECH_XOAUTH2, VIEW_LIT("me"), VIEW_LIT("ya29.secret"));
	struct view v;

	(void)state;
	assert_true(sasl_first(s, &v));
	assert_says(s, "{\"bad\":\"ya29.secret\"}", "");
	assert_view(sasl_said(s), VIEW_LIT(""));
	assert_false(sasl_done(s));
	sasl_free(s);
	assert_null(begin(MECH_XOAUTH2, VIEW_LIT("me"), VIEW_LIT("two words")));
	assert_null(begin(MECH_OAUTHBEARER, VIEW_LIT("me"), VIEW_LIT("a\1b")));
}

/* RFC 4648 10 */
static void base64_of_the_rfc(void **state)
{
	static const struct {
		struct view clear, text;
	} cases[] = {
		{ VIEW_LIT(""), VIEW_LIT("") },
		{ VIEW_LIT("f"), VIEW_LIT("Zg==") },
		{ VIEW_LIT("fo"), VIEW_LIT("Zm8=") },
		{ VIEW_LIT("foo"), VIEW_LIT("Zm9v") },
		{ VIEW_LIT("foob"), VIEW_LIT("Zm9vYg==") },
		{ VIEW_LIT("\xff\xfe\xfb\x00"), VIEW_LIT("//77AA==") },
	};
	char out[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = base64_encode(cases[i].clear, out);
		assert_view((struct view){ out, n }, cases[i].text);
		assert_true(base64_decode(cases[i].text, out, &n));
		assert_view((struct view){ out, n }, cases[i].clear);
	}
}

static void base64_is_strict(void **state)
{
	static const struct view bad[] = {
		VIEW_LIT("Z"),
		VIEW_LIT("Zg="),
		VIEW_LIT("Zg==="),
		VIEW_LIT("Zh=="),
		VIEW_LIT("Zm9="),
		VIEW_LIT("===="),
		VIEW_LIT("Zg==Zg=="),
		VIEW_LIT("Zm9v\r\n"),
		VIEW_LIT("Z g="),
		VIEW_LIT("Z=9v"),
		VIEW_LIT("\xff\xff\xff\xff"),
	};
	char out[16];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(base64_decode(bad[i], out, &n));
	assert_int_equal(n, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_as_initial_response),
		cmocka_unit_test(plain_as_answer),
		cmocka_unit_test(login_in_two_steps),
		cmocka_unit_test(challenges_are_bounded),
		cmocka_unit_test(unusable_names_and_secrets),
		cmocka_unit_test(scram_sha_1_of_the_rfc),
		cmocka_unit_test(scram_sha_256_of_the_rfc),
		cmocka_unit_test(scram_without_initial_response),
		cmocka_unit_test(test_c5_a_wrong_signature_is_no_sign_in),
		cmocka_unit_test(a_refusal_inside_of_scram_is_told),
		cmocka_unit_test(test_b14_iterations_are_capped),
		cmocka_unit_test(malformed_scram_messages),
		cmocka_unit_test(each_word_about_channel_binding),
		cmocka_unit_test(names_and_passwords_are_prepared),
		cmocka_unit_test(cram_md5_of_the_rfc),
		cmocka_unit_test(external_names_the_user),
		cmocka_unit_test(gssapi_without_a_ticket_is_refused_in_words),
		cmocka_unit_test(xoauth2_with_its_error_challenge),
		cmocka_unit_test(oauthbearer_with_its_error_challenge),
		cmocka_unit_test(test_c11_a_token_is_not_repeated),
		cmocka_unit_test(base64_of_the_rfc),
		cmocka_unit_test(base64_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
