/*
 * notify - tells people what needs them: by mail (`notify`), by a program
 * (`notify_command`), or both; each for itself.
 *
 * notify_look() gathers what the ledger knows, decides (digest.h), runs the
 * program on the pool, puts the mail into the queue, and writes down what was
 * told; `done` follows. To be called behind a pass, or every minute. While a
 * mail of ours waits in the queue no other follows it. A program that failed is
 * run again after an hour.
 */
#ifndef FLOW_NOTIFY_H
#define FLOW_NOTIFY_H
#include "pass.h"

#define NOTIFY_COMMAND_MS 30000u

struct notify_outcome {
	bool mailed;	    /* one is in the queue now, of the first delivery */
	bool ran;	    /* the program, and it ended well */
	struct err command; /* what is wrong with it; ERR_NONE */
	bool command_is_new; /* ... and was not yesterday */
	struct err err;	     /* of the ledger; ERR_NONE */
};

/* Somebody is to be told. */
bool notify_wanted(const struct config *c);

struct notify;
/* parts: borrowed; its config may be another at each look. */
struct notify *
notify_new(const struct parts *parts,
	   void (*done)(void *who, const struct notify_outcome *o), void *who);
void notify_free(struct notify *n); /* not while it is looking */
/*
 * A look at this account ended, with that: for what the ledger does not keep
 * (keep was shortened). Counts until the next look.
 */
void notify_visited(struct notify *n, const struct pass_account *a);
/* Not while it is looking. */
void notify_look(struct notify *n);
bool notify_is_looking(const struct notify *n);

/* Runs `notify_command` with that text; blocks. false: *err. */
bool notify_run(const struct config *c, struct view text, struct err *err);
#endif
