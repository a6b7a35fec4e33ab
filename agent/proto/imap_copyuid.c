#include "imap_copyuid.h"
#include "imap_value.h"

bool imap_copyuid_begin(struct imap_copyuid *c, struct view args)
{
	struct view uidvalidity = view_word(&args);

	*c = (struct imap_copyuid){ .uidvalidity = imap_value_nz(uidvalidity) };
	c->from.rest = view_word(&args);
	c->to.rest = view_word(&args);
	return c->uidvalidity && c->from.rest.n && c->to.rest.n &&
	       !view_trim(args).n;
}

/* "4", "7:9", and "9:7", which is the same: RFC 3501 9 seq-range */
static bool next_range(struct imap_copyuid_set *s)
{
	struct view range = view_head(s->rest, view_find(s->rest, ','));
	size_t colon = view_find(range, ':');
	uint32_t a = imap_value_nz(view_head(range, colon)), b = a;

	if (colon < range.n)
		b = imap_value_nz(view_skip(range, colon + 1));
	if (!a || !b)
		return false;
	s->rest =
		view_skip(s->rest, range.n < s->rest.n ? range.n + 1 : range.n);
	s->at = a < b ? a : b;
	s->last = a < b ? b : a;
	return true;
}

static bool next(struct imap_copyuid_set *s, uint32_t *uid)
{
	if (!s->at && !next_range(s))
		return false;
	*uid = s->at;
	s->at = s->at < s->last ? s->at + 1 : 0;
	return true;
}

bool imap_copyuid_next(struct imap_copyuid *c, uint32_t *from, uint32_t *to)
{
	return next(&c->from, from) && next(&c->to, to);
}
