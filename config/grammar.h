/*
 * grammar - one file's tokens as sections and settings (libconfuse lives here
 * alone).
 *
 * libconfuse knows which name may stand where and builds the tree; it is given
 * each token on a line of its own and, in place of every value, the number of
 * the token that holds it (tidy.h), so that its line numbers are token numbers
 * and no value passes its lexer. What it refuses is reported, taken out, and
 * the rest is given to it again: one run finds every mistake.
 */
#ifndef CONFIG_GRAMMAR_H
#define CONFIG_GRAMMAR_H
#include "lex.h"
#include "section.h"

/* include("pattern") as it was written. */
struct included {
	struct place at;
	char *pattern; /* owned */
};
struct includes {
	struct included *item; /* owned */
	size_t n;
};
void includes_fini(struct includes *all);

struct grammar {
	struct sections *sections; /* what was found is added */
	struct section *general;   /* borrowed; filled */
	struct includes *includes; /* what was found is added */
	struct faults *faults;
	struct place file;
	const char *dir;       /* of the file */
	struct unread *unread; /* what was left out is added */
};

void grammar_read(struct grammar *g, const struct tokens *tokens);
#endif
