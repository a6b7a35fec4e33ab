/*
 * table - rows of cells in columns as wide as their widest cell, by the width
 * on the screen (term_width). Cells are printable text; the caller saw to that.
 */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H
#include "term.h"

#define TABLE_COLUMNS 12u

struct table {
	size_t columns;
	unsigned right; /* bit n: column n is set to the right */
	size_t cells, cap;
	struct table_cell {
		char *text; /* owned */
		enum term_colour colour;
	} * cell; /* owned; row by row */
};

/* columns: 1 to TABLE_COLUMNS. */
void table_init(struct table *t, size_t columns, unsigned right);
void table_fini(struct table *t);
/* The next cell of the row; a full row begins the next. NULL: empty. */
void table_add(struct table *t, const char *text, enum term_colour colour);
/*
 * The rows, each with its newline and without spaces at its end. width: columns
 * of the screen; the last column is cut there; 0: nothing is.
 */
void table_write(const struct table *t, size_t width, bool colour,
		 struct text *out);
#endif
