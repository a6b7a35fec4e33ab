/*
 * term - what is known of the terminal: whether there is one, its size, colour,
 * and how wide text becomes on it.
 */
#ifndef CMD_TERM_H
#define CMD_TERM_H
#include "text.h"

enum term_colour {
	TERM_PLAIN,
	TERM_GOOD,
	TERM_WARN,
	TERM_BAD,
	TERM_DIM
};

/* A person may be looking at fd (isatty, and TERM is not "dumb"). */
bool term_is(int fd);
/* Columns and rows; 80 x 24 where it cannot be asked. */
void term_size(int fd, size_t *columns, size_t *rows);
/* fd is a terminal and NO_COLOR is not set (or empty). */
bool term_has_colour(int fd);
/* The sequence that begins a colour, or ends it (TERM_PLAIN); "" when !on. */
const char *term_colour(enum term_colour c, bool on);

/*
 * Columns that v takes: code points, those of East Asia twice, combining marks
 * none. Octets that are no UTF-8 count one each. Locale-free.
 */
size_t term_width(struct view v);
/* The longest beginning of v that takes at most columns. */
struct view term_cut(struct view v, size_t columns);

/* "4.2 MB", "512 B": steps of 1000, for people. */
#define TERM_OCTETS 16u
void term_octets(uint64_t octets, char out[TERM_OCTETS]);
/* "12,345" */
#define TERM_NUMBER 32u
void term_number(uint64_t n, char out[TERM_NUMBER]);
#endif
