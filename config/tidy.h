/*
 * tidy - tokens as statements, and as the text that libconfuse is given.
 *
 * A statement is `name = value`, `name "title" { ... }` or `name(value)`.
 * Whatever is not of one of these forms is a fault and left out, a section
 * that is not closed is closed where the next one of the top begins, so that
 * what remains is always well formed and reading goes on behind each mistake.
 */
#ifndef CONFIG_TIDY_H
#define CONFIG_TIDY_H
#include "lex.h"
#include "text.h"

enum statement_form {
	STATEMENT_SET,
	STATEMENT_SECTION,
	STATEMENT_CALL
};

struct statement {
	enum statement_form form;
	size_t first, last;   /* tokens; first is the name */
	bool closed_for_user; /* its } was missing */
};

enum slot_role {
	SLOT_NOTHING,
	SLOT_NAME,
	SLOT_UNTITLED, /* the name of a section that has no title */
	SLOT_TITLE,
	SLOT_OPEN,
	SLOT_CLOSE,
	SLOT_EQUALS,
	SLOT_VALUE,
	SLOT_CALL,
	SLOT_ARGUMENT,
	SLOT_CALL_END,
};

/* What one token is for. */
struct slot {
	enum slot_role role;
	bool ends_list;
	unsigned closes; /* missing } to be put behind it */
	size_t statement;
};

struct tidy {
	const struct tokens *tokens; /* borrowed */
	struct slot *slot;	     /* owned; one for each token */
	struct statement *statement; /* owned */
	size_t statements;
};

void tidy_init(struct tidy *t, const struct tokens *tokens, struct place file,
	       struct faults *faults);
void tidy_fini(struct tidy *t);
/* `account "x"`, or "": the sections that a statement stands in. */
#define TIDY_LABEL 256
void tidy_label(const struct tidy *t, size_t statement, char *out, size_t cap);
/* Takes a statement out, with all that is in it. */
void tidy_drop(struct tidy *t, size_t statement);
/*
 * The text for libconfuse: token i on line i + 1, `name = {e, v, w}` where e is
 * the number of the = and v, w those of the values; titles are numbers too (of
 * the name where there is none).
 */
void tidy_write(const struct tidy *t, struct text *out);
#endif
