#include "table.h"
#include "must.h"

#include <stdlib.h>

#define GAP 2u /* columns between cells */

void table_init(struct table *t, size_t columns, unsigned right)
{
	MUST(columns >= 1 && columns <= TABLE_COLUMNS);
	*t = (struct table){ .columns = columns, .right = right };
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	*t = (struct table){ 0 };
}

void table_add(struct table *t, const char *text, enum term_colour colour)
{
	if (t->cells == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cell = mem_grow(t->cell, t->cap * sizeof(*t->cell));
	}
	t->cell[t->cells++] =
		(struct table_cell){ mem_str(text ? text : ""), colour };
}

static void spaces(struct text *out, size_t n)
{
	while (n--)
		(void)text_puts(out, " ");
}

static void write_cell(const struct table *t, size_t i, size_t width,
		       bool colour, struct text *out)
{
	const struct table_cell *c = &t->cell[i];
	size_t column = i % t->columns, has = term_width(view_of(c->text));
	bool painted = colour && c->colour != TERM_PLAIN;
	bool last = column == t->columns - 1;

	if (t->right & 1u << column && has < width)
		spaces(out, width - has);
	if (painted)
		(void)text_puts(out, term_colour(c->colour, true));
	(void)text_put(out, last ? term_cut(view_of(c->text), width)
				 : view_of(c->text));
	if (painted)
		(void)text_puts(out, term_colour(TERM_PLAIN, true));
	if (!last && !(t->right & 1u << column))
		spaces(out, width - has);
	if (!last)
		spaces(out, GAP);
}

static void end_row(struct text *out)
{
	while (out->n && out->p[out->n - 1] == ' ')
		out->p[--out->n] = 0;
	(void)text_puts(out, "\n");
}

void table_write(const struct table *t, size_t width, bool colour,
		 struct text *out)
{
	size_t wide[TABLE_COLUMNS] = { 0 }, before = 0;

	for (size_t i = 0; i < t->cells; i++) {
		size_t w = term_width(view_of(t->cell[i].text));

		if (w > wide[i % t->columns])
			wide[i % t->columns] = w;
	}
	for (size_t i = 0; i + 1 < t->columns; i++)
		before += wide[i] + GAP;
	if (width && before + wide[t->columns - 1] > width)
		wide[t->columns - 1] = width > before + 8 ? width - before : 8;
	for (size_t i = 0; i < t->cells; i++) {
		write_cell(t, i, wide[i % t->columns], colour, out);
		if ((i + 1) % t->columns == 0 || i + 1 == t->cells)
			end_row(out);
	}
}
