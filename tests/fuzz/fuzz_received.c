/*
 * Any octets as a header. Claims: what is read of a Received line lies within
 * it, an address is one by form, and who handed a message over does not depend
 * on what stands below the line that says so.
 */
#include "field.h"
#include "ip.h"
#include "must.h"
#include "received.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void within(struct view part, struct view whole)
{
	MUST(part.n == 0 ||
	     (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void sane(const struct received *r, struct view whole)
{
	within(r->by, whole);
	within(r->helo, whole);
	within(r->name, whole);
	within(r->address, whole);
	MUST(!r->address.n || ip_is_v4(r->address) || ip_is_v6(r->address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "isp.test" };
	struct view v = { (const char *)data, n }, rest = v;
	struct received r, again;
	struct field f;

	received_read(v, &r);
	sane(&r, v);
	if (!received_client(v, names, 1, &r))
		return 0;
	sane(&r, v);
	/* the field that it stands in ends the header */
	while (field_next(&rest, &f) && r.address.p >= f.raw.p + f.raw.n)
		;
	MUST(received_client(view_head(v, (size_t)(rest.p - v.p)), names, 1,
			     &again));
	MUST(view_eq(r.address, again.address));
	return 0;
}
