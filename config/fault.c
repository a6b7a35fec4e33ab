#include "fault.h"
#include "must.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_OCTETS   1000u
#define NEARNESS_MOST 60u

static void put(struct faults *all, struct place at, char *text)
{
	all->item = mem_grow(all->item, (all->n + 1) * sizeof(*all->item));
	all->item[all->n] = (struct fault){ .file = at.number,
					    .line = at.line,
					    .order = all->n,
					    .text = text };
	all->n++;
}

void fault_add(struct faults *all, struct place at, const char *where,
	       const char *fmt, ...)
{
	char what[LINE_OCTETS], line[2 * LINE_OCTETS], out[2 * LINE_OCTETS];
	va_list ap;
	int n;

	if (all->n >= FAULT_MAX) {
		all->more++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (at.line)
		n = snprintf(line, sizeof(line), "%s:%u: %s%s%s", at.file,
			     at.line, where, where[0] ? ": " : "", what);
	else
		n = snprintf(line, sizeof(line), "%s: %s%s%s", at.file, where,
			     where[0] ? ": " : "", what);
	MUST(n >= 0);
	printable(out, sizeof(out), view_of(line));
	put(all, at, mem_str(out));
}

void faults_fini(struct faults *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->item[i].text);
	free(all->item);
	*all = (struct faults){ 0 };
}

static int by_place(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void faults_end(struct faults *all, struct config_errors *out)
{
	char last[64];

	*out = (struct config_errors){ 0 };
	if (!all->n)
		return;
	qsort(all->item, all->n, sizeof(*all->item), by_place);
	out->line = mem_new((all->n + 1) * sizeof(*out->line));
	for (size_t i = 0; i < all->n; i++) {
		char *text = all->item[i].text;

		all->item[i].text = NULL;
		if (out->n && strcmp(out->line[out->n - 1], text) == 0)
			free(text);
		else
			out->line[out->n++] = text;
	}
	if (all->more) {
		(void)snprintf(last, sizeof(last), "... and %zu more",
			       all->more);
		out->line[out->n++] = mem_str(last);
	}
	faults_fini(all);
}

void config_errors_fini(struct config_errors *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->line[i]);
	free(e->line);
	*e = (struct config_errors){ 0 };
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned fault_distance(struct view a, struct view b)
{
	unsigned row[3][NEARNESS_MOST + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2], *spare;

	if (a.n > NEARNESS_MOST || b.n > NEARNESS_MOST)
		return 99;
	for (unsigned j = 0; j <= b.n; j++)
		last[j] = j;
	memcpy(before, last, sizeof(row[0]));
	for (unsigned i = 1; i <= a.n; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned differ = a.p[i - 1] != b.p[j - 1];

			now[j] = least(least(last[j], now[j - 1]) + 1,
				       last[j - 1] + differ);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b.n];
}

bool fault_is_near(struct view written, struct view meant, unsigned *best)
{
	unsigned far = fault_distance(written, meant);
	unsigned most = meant.n <= 3 ? 1 : meant.n <= 6 ? 2 : 3;

	if (far > most || far >= *best)
		return false;
	*best = far;
	return true;
}
