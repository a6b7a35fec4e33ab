/*
 * Any octets as a message that leaves. Claims: no stray CR or LF comes out, the
 * size is the planned one, the end is a line end, and neither the cuts of the
 * input nor the window of the output make a difference.
 */
#include "head.h"
#include "must.h"
#include "outgoing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PREFIX VIEW_LIT("Received: x\r\n")

static void run(const struct outgoing_plan *plan, struct view raw, size_t in,
		size_t window, char *to)
{
	struct outgoing o;
	struct view piece = VIEW_NONE, out;
	uint64_t piece_at = 0;
	size_t n = 0;

	outgoing_init(&o, plan, PREFIX);
	for (;;) {
		uint64_t gone = outgoing_at(&o) - piece_at;

		switch (outgoing_next(&o, view_skip(piece, (size_t)gone),
				      &out)) {
		case OUTGOING_SEND:
			MUST(out.n > 0);
			out = view_head(out, window);
			MUST(n + out.n <= plan->octets);
			memcpy(to + n, out.p, out.n);
			n += out.n;
			outgoing_took(&o, out.n);
			break;
		case OUTGOING_NEED:
			piece_at = outgoing_at(&o);
			MUST(piece_at < raw.n);
			piece = view_head(view_skip(raw, piece_at), in);
			break;
		case OUTGOING_DONE:
			MUST(n == plan->octets);
			return;
		}
	}
}

static void check(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		MUST(p[i] != '\r' || (i + 1 < n && p[i + 1] == '\n'));
		MUST(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
	}
	MUST(n >= 2 && p[n - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct view drop[] = { VIEW_LIT("Delivered-To"),
					    VIEW_LIT("A"), VIEW_LIT("b") };
	struct view raw = { (const char *)data, n };
	size_t in = n ? data[0] % 19 + 1u : 1;
	size_t window = n > 1 ? data[n - 1] % 7 + 1u : 1;
	struct head *h = head_new();
	struct head_facts f;
	struct outgoing_facts facts;
	struct outgoing_plan plan;
	struct err err;

	head_add(h, raw);
	head_end(h, &f);
	facts = (struct outgoing_facts){ .octets = f.octets,
					 .repairs = f.repairs,
					 .repaired_octets = f.repaired_octets,
					 .ends_line =
						 f.flags & HEAD_ENDS_LINE };
	if (outgoing_plan(&plan, &facts, view_head(raw, f.header_octets), drop,
			  3, PREFIX.n, &err)) {
		char *whole = mem_new(plan.octets), *cut = mem_new(plan.octets);

		run(&plan, raw, n + 1, SIZE_MAX, whole);
		check(whole, plan.octets);
		run(&plan, raw, in, window, cut);
		MUST(memcmp(whole, cut, plan.octets) == 0);
		free(whole);
		free(cut);
	} else {
		MUST(err.class == ERR_LIMIT);
	}
	head_free(h);
	return 0;
}
