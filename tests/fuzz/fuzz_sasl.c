/*
 * Lines of input as challenges to each mechanism, as they are and put into
 * base64. Claims: no exchange goes on for ever, answers are base64, what
 * decodes encodes to the same text, and no server gets through SCRAM without a
 * password.
 */
#include "base64.h"
#include "limits.h"
#include "must.h"
#include "sasl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(struct view text)
{
	char *clear = mem_new(BASE64_DECODED(text.n));
	char *again = mem_new(text.n);
	size_t n;

	if (base64_decode(text, clear, &n)) {
		MUST(n <= BASE64_DECODED(text.n));
		MUST(BASE64_OCTETS(n) == text.n);
		n = base64_encode((struct view){ clear, n }, again);
		MUST(view_eq(text, (struct view){ again, n }));
	}
	free(clear);
	free(again);
}

/* Perhaps an iteration count that would be computed for a second. */
static bool is_long(struct view line)
{
	size_t digits = 0;

	for (size_t i = 0; i < line.n && digits < 5; i++)
		if (line.p[i] >= '0' && line.p[i] <= '9')
			digits++;
		else
			digits = 0;
	return digits == 5;
}

static bool take(struct sasl *s, struct view line, bool encode,
		 struct view *out, struct err *err)
{
	char *text;
	bool ok;

	if (!encode)
		return sasl_step(s, line, out, err);
	text = mem_new(BASE64_OCTETS(line.n));
	ok = sasl_step(s, (struct view){ text, base64_encode(line, text) }, out,
		       err);
	free(text);
	return ok;
}

static void exchange(enum mech mech, struct view in, bool encode)
{
	struct secret secret = { NULL, 0 };
	bool plus = MECH_BIT(mech) & MECH_BITS_SCRAM_PLUS;
	struct sasl_options o = {
		.mech = mech,
		.user = VIEW_LIT("user"),
		.secret = &secret,
		.nonce = VIEW_LIT("abc"),
		.binding = plus ? SASL_BINDING_USED : SASL_BINDING_NONE,
		.binding_type = VIEW_LIT("tls-unique"),
		.binding_data = VIEW_LIT("x"),
		.service = "imap",
		.host = "mail.example",
		.port = 993,
	};
	struct err err;
	struct sasl *s;
	struct view out;
	unsigned answers = 0;

	secret_set(&secret, VIEW_LIT("secret"));
	s = sasl_new(&o, &err);
	secret_fini(&secret);
	MUST(s);
	if (in.n % 2 && sasl_first(s, &out))
		round_trip(out);
	while (in.n) {
		size_t end = view_find(in, '\n');

		if (is_long(view_head(in, end)))
			break;
		if (take(s, view_head(in, end), encode, &out, &err)) {
			MUST(out.n % 4 == 0 && ++answers <= LIMIT_SASL_ROUNDS);
			round_trip(out);
		}
		/* nobody guesses the signature */
		MUST(!sasl_done(s) || !(MECH_BIT(mech) & MECH_BITS_SCRAM));
		in = view_skip(in, end + 1);
	}
	sasl_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = { (const char *)data, n };
	unsigned offered = mech_offered(in);

	round_trip(in);
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++) {
		/* GSSAPI asks the network: no part of a pure test */
		if (!(SASL_MECHS & MECH_BIT(m)) || m == MECH_GSSAPI)
			continue;
		exchange((enum mech)m, in, false);
		exchange((enum mech)m, in, true);
	}
	MUST((mech_pick(offered, MECH_NONE) == MECH_NONE) ==
	     ((offered & MECH_BITS_AUTO) == 0));
	return 0;
}
