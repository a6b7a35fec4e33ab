#include "ratespec.h"

static uint64_t unit_ms(char c)
{
	switch (c) {
	case 's':
		return 1000;
	case 'm':
		return 60 * (uint64_t)1000;
	case 'h':
		return 3600 * (uint64_t)1000;
	case 'd':
		return 86400 * (uint64_t)1000;
	default:
		return 0;
	}
}

bool ratespec_read(struct view v, uint64_t *n, uint64_t *window_ms)
{
	size_t slash = view_find(v, '/');
	uint64_t number, ms;

	if (slash + 2 != v.n ||
	    !view_number(view_head(v, slash), RATESPEC_MAX, &number) || !number)
		return false;
	ms = unit_ms(v.p[slash + 1]);
	if (!ms)
		return false;
	*n = number;
	*window_ms = ms;
	return true;
}
