#include "welcome.h"
#include "must.h"

#include <stdlib.h>
#include <string.h>

void welcome_fini(struct welcome *w)
{
	while (w->n)
		free(w->address[--w->n]);
}

static bool has_one(const struct welcome *w, const char *address)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->address[i], address) == 0)
			return true;
	return false;
}

void welcome_add(struct welcome *w, const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++) {
		const char *address = m->rcpts[i].address;

		if (w->n < WELCOME_MAX && !has_one(w, address))
			w->address[w->n++] = mem_str(address);
	}
}

bool welcome_has(const struct welcome *w, const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (!has_one(w, m->rcpts[i].address))
			return false;
	return m->nrcpts > 0;
}
