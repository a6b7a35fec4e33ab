/*
 * Any octets as a mailbox name. Claims: what decodes is well-formed and encodes
 * to the very same octets; what encodes decodes to the very same name.
 */
#include "must.h"
#include "mutf7.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef bool convert(struct view, struct text *);

static void there_and_back(struct view v, convert *there, convert *back)
{
	struct text a, b;

	text_init(&a, 1u << 20);
	text_init(&b, 1u << 20);
	if (there(v, &a)) {
		MUST(back(text_view(&a), &b));
		MUST(view_eq(text_view(&b), v));
	} else {
		MUST(a.n == 0);
	}
	text_fini(&a);
	text_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view v = { (const char *)data, n };

	there_and_back(v, mutf7_encode, mutf7_decode);
	there_and_back(v, mutf7_decode, mutf7_encode);
	return 0;
}
