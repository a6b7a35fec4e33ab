#include "secret.h"
#include "must.h"

#include <stdlib.h>

void secret_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

void secret_fini(struct secret *s)
{
	if (s->p)
		secret_wipe(s->p, s->n);
	free(s->p);
	*s = (struct secret){ NULL, 0 };
}

void secret_set(struct secret *s, struct view v)
{
	char *copy = mem_new(v.n + 1);

	if (v.n)
		memcpy(copy, v.p, v.n);
	secret_fini(s);
	*s = (struct secret){ copy, v.n };
}

bool secret_is_set(const struct secret *s)
{
	return s->p != NULL;
}

struct view secret_view(const struct secret *s)
{
	return (struct view){ s->p ? s->p : "", s->n };
}
