/*
 * check_view - what `check` found, for people and as JSON.
 */
#ifndef CMD_CHECK_VIEW_H
#define CMD_CHECK_VIEW_H
#include "pass.h"
#include "probe.h"
#include "text.h"

#include <jansson.h>

/* The block of lines on one source or destination; no faults in it. */
void check_view_text(const struct probe *p, bool colour, struct text *out);
/* A line per account on what the next pass would do; from a dry run. */
void check_view_next(const struct pass_account *a, size_t n, struct text *out);
/* Each fault as a line "NAME: what: server's words: what to do". */
void check_view_faults(const struct probe *p, struct text *out);

/* next: NULL: not known. */
json_t *check_view_json(const struct probe *p, const struct pass_account *next);

/* `check --effective`. only: NULL: all accounts. */
void check_view_effective(const struct config *c, const char *const *names,
			  size_t n, struct text *out);
json_t *check_view_effective_json(const struct config *c,
				  const char *const *names, size_t n);
#endif
