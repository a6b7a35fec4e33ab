/*
 * welcome - recipients of which a destination took mail, so that others' mail
 * for them needs no trial of its own, and what it refuses by some rule is not
 * taken for a wrong recipient.
 *
 * Few of them are kept: accounts that share a recipient are what counts, not a
 * multidrop box with a thousand.
 */
#ifndef FLOW_WELCOME_H
#define FLOW_WELCOME_H
#include "message.h"

#define WELCOME_MAX 64u

struct welcome {		    /* zeros: none */
	char *address[WELCOME_MAX]; /* owned */
	size_t n;
};

void welcome_fini(struct welcome *w);
/* m was taken for all its recipients. */
void welcome_add(struct welcome *w, const struct message *m);
/* lines: addresses, one a line. */
void welcome_lines(struct welcome *w, struct view lines);
bool welcome_has_one(const struct welcome *w, const char *address);
/* All recipients of m are among them, and it has some. */
bool welcome_has(const struct welcome *w, const struct message *m);
#endif
