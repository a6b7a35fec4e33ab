/*
 * Any octets as a message that arrives. Claims: the facts are the same for two
 * ways of cutting it, and for a whole; texts kept stay within their limits.
 */
#include "field.h"
#include "head.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct head_facts facts_of(struct head *h, struct view v, size_t step)
{
	struct head_facts f;

	for (size_t at = 0; at < v.n; at += step)
		head_add(h, view_head(view_skip(v, at), step));
	head_end(h, &f);
	return f;
}

static void same(const struct head_facts *a, const struct head_facts *b)
{
	MUST(a->octets == b->octets && a->repairs == b->repairs &&
	     a->repaired_octets == b->repaired_octets &&
	     a->header_octets == b->header_octets &&
	     a->received == b->received && a->flags == b->flags &&
	     a->path == b->path && a->traces == b->traces);
	MUST(view_eq(a->return_path, b->return_path) &&
	     view_eq(a->message_id, b->message_id) &&
	     view_eq(a->fingerprint, b->fingerprint));
	for (unsigned i = 0; i < a->traces; i++)
		MUST(view_eq(a->trace[i], b->trace[i]));
}

static void sane(const struct head_facts *f, struct view v)
{
	size_t header = field_header_octets(v);

	MUST(f->octets == v.n);
	MUST(f->header_octets == (header ? header : v.n) ||
	     (f->flags & HEAD_CUT));
	MUST(!view_breaks_line(f->return_path));
	MUST(f->path == HEAD_PATH_ADDRESS || f->return_path.n == 0);
	MUST(f->message_id.n <= HEAD_TEXT_OCTETS);
	MUST((f->repairs == 0) <= (f->repaired_octets == v.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t step = n ? data[0] % 97 + 1u : 1;
	struct view v = { (const char *)data, n };
	struct head *a = head_new(), *b = head_new();
	struct head_facts whole = facts_of(a, v, n + 1);
	struct head_facts cut = facts_of(b, v, step);

	same(&whole, &cut);
	sane(&whole, v);
	/* the same scanner for the next message */
	head_clear(b);
	cut = facts_of(b, v, step + 1);
	same(&whole, &cut);
	head_free(a);
	head_free(b);
	return 0;
}
