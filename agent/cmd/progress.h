/*
 * progress - the live lines at the foot of a terminal while a pass runs: one
 * per account at work, as many as fit, and one for all.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H
#include "pass.h"
#include "text.h"

#define PROGRESS_MS 200u /* between drawings */

struct progress {
	int fd;
	const struct pass_account *accounts; /* borrowed */
	size_t n;
	size_t drawn; /* lines on the screen now */
	struct timer timer;
	struct loop *loop;
};

/* Draws every PROGRESS_MS until progress_end(). */
void progress_begin(struct progress *p, struct loop *l, int fd,
		    const struct pass_account *accounts, size_t n);
/* Takes the lines off the screen, before something else is written. */
void progress_clear(struct progress *p);
void progress_end(struct progress *p);

/* One account's line, cut at columns; no newline. For tests. */
void progress_line(const struct pass_account *a, uint64_t now_ms,
		   size_t name_columns, size_t columns, struct text *out);
/* The line for all. */
void progress_total(const struct pass_account *a, size_t n, uint64_t now_ms,
		    size_t columns, struct text *out);
#endif
