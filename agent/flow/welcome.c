#include "welcome.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>
#include <string.h>

void welcome_fini(struct welcome *w)
{
	while (w->n)
		free(w->address[--w->n]);
}

bool welcome_has_one(const struct welcome *w, const char *address)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->address[i], address) == 0)
			return true;
	return false;
}

static void add_one(struct welcome *w, const char *address)
{
	if (w->n < WELCOME_MAX && !welcome_has_one(w, address))
		w->address[w->n++] = mem_str(address);
}

void welcome_add(struct welcome *w, const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		add_one(w, m->rcpts[i].address);
}

void welcome_lines(struct welcome *w, struct view lines)
{
	char address[LIMIT_ADDRESS + 1];

	while (lines.n) {
		size_t n = view_find(lines, '\n');

		if (n && n <= LIMIT_ADDRESS) {
			memcpy(address, lines.p, n);
			address[n] = '\0';
			add_one(w, address);
		}
		lines = view_skip(lines, n + 1);
	}
}

bool welcome_has(const struct welcome *w, const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (!welcome_has_one(w, m->rcpts[i].address))
			return false;
	return m->nrcpts > 0;
}
