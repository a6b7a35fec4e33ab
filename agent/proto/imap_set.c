#include "imap_set.h"
#include "must.h"

#include <inttypes.h>
#include <stdio.h>

/* One past the last of the run of consecutive UIDs that begins at `from`. */
static size_t run_end(const uint32_t *uids, size_t n, size_t from)
{
	size_t i = from + 1;

	while (i < n && uids[i] - uids[i - 1] == 1)
		i++;
	return i;
}

size_t imap_set(const uint32_t *uids, size_t n, char *out, size_t cap,
		struct view *set)
{
	char range[IMAP_SET_RANGE_OCTETS + 1];
	size_t at = 0, i = 0, end, len;

	MUST(n > 0 && uids[0] > 0 && cap >= IMAP_SET_RANGE_OCTETS);
	while (i < n) {
		MUST(i == 0 || uids[i] > uids[i - 1]);
		end = run_end(uids, n, i);
		if (end - i == 1)
			len = (size_t)snprintf(range, sizeof(range),
					       ",%" PRIu32, uids[i]);
		else
			len = (size_t)snprintf(range, sizeof(range),
					       ",%" PRIu32 ":%" PRIu32, uids[i],
					       uids[end - 1]);
		if (i == 0) /* no comma in front */
			memmove(range, range + 1, len--);
		if (cap - at < len)
			break;
		memcpy(out + at, range, len);
		at += len;
		i = end;
	}
	*set = (struct view){ out, at };
	return i;
}

struct view imap_set_from(uint32_t from, char *out)
{
	int n;

	MUST(from > 0);
	n = snprintf(out, IMAP_SET_RANGE_OCTETS, "%" PRIu32 ":*", from);
	return (struct view){ out, (size_t)n };
}

bool imap_set_ok(struct view set)
{
	for (size_t i = 0; i < set.n; i++)
		if (!memchr("0123456789:,*", set.p[i], 13))
			return false;
	return set.n > 0;
}
