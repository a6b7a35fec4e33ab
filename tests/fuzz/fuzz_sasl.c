/*
 * Lines of input as challenges to both mechanisms, and as base64. Claims: no
 * exchange goes on for ever, answers are base64, and what decodes encodes to
 * the same text.
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

static void exchange(enum mech mech, struct view in)
{
	struct secret secret = { NULL, 0 };
	struct err err;
	struct sasl *s;
	struct view out;
	unsigned answers = 0;

	secret_set(&secret, VIEW_LIT("secret"));
	s = sasl_new(mech, VIEW_LIT("user"), &secret, &err);
	secret_fini(&secret);
	MUST(s);
	if (in.n % 2 && sasl_first(s, &out))
		round_trip(out);
	while (in.n) {
		size_t end = view_find(in, '\n');

		if (sasl_step(s, view_head(in, end), &out, &err)) {
			MUST(out.n % 4 == 0 && ++answers <= LIMIT_SASL_ROUNDS);
			round_trip(out);
		}
		in = view_skip(in, end + 1);
	}
	sasl_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = { (const char *)data, n };
	unsigned offered = mech_offered(in);

	round_trip(in);
	exchange(MECH_PLAIN, in);
	exchange(MECH_LOGIN, in);
	MUST((mech_pick(offered, MECH_NONE) == MECH_NONE) ==
	     ((offered & MECH_BITS_AUTO) == 0));
	return 0;
}
