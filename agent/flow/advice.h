/*
 * advice - which header of a mailbox for many people tells for whom its
 * messages are: what multidrop() makes of some of them by the `envelope` that
 * is written, and what it would make of them by each header that servers are
 * known to write. Pure.
 */
#ifndef FLOW_ADVICE_H
#define FLOW_ADVICE_H
#include "config.h"
#include "err.h"
#include "text.h"

#define ADVICE_HEADERS 8u
#define ADVICE_PEOPLE  256u

/* Counts of messages. */
struct advice_header {
	const char *name; /* static; NULL: all of `envelope` */
	unsigned there;	  /* it stands where it is believed */
	/* Each is one of these: all its recipients are found; something of it
	 * is for the fallback; it would be held. */
	unsigned found, fallback, held;
	unsigned people; /* that were found, ADVICE_PEOPLE at most */
	bool itself;	 /* the mailbox's own user is one of them */
	uint64_t who[ADVICE_PEOPLE];
};

struct advice {
	unsigned looked;
	struct advice_header written, would[ADVICE_HEADERS];
};

void advice_init(struct advice *a);
/* header: raw, of one message in this folder. */
void advice_look(struct advice *a, const struct config_account *account,
		 struct view folder, struct view header);
/*
 * The one that finds the recipients of more messages than what is written;
 * NULL: none. One that names nothing but the mailbox itself is none.
 */
const struct advice_header *advice_better(const struct advice *a);
/* What is written is in none of them; ERR_NONE: it is. */
void advice_err(const struct advice *a, const struct config_account *account,
		struct err *err);
/* `envelope` as it is written, joined by commas. */
void advice_written(const struct config_account *account, struct text *out);
#endif
