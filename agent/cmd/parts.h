/*
 * parts - makes what a pass needs (struct parts: loop, resolver, trusts, spool,
 * control socket) and takes it down again in the right order.
 */
#ifndef CMD_PARTS_H
#define CMD_PARTS_H
#include "control.h"
#include "pass.h"

struct kit {
	struct parts parts; /* parts.spool NULL: made without */
	struct wake *wake;
	struct task send;	 /* what a turn asked of the store goes there */
	struct control *control; /* NULL: none */
	struct timer serve;
	struct control_hooks hooks; /* set by the command, if any */
	/* The store failed (spool_fatal). Set by the command; NULL: nothing. */
	void (*store_failed)(void *who);
	void *who;
};

/*
 * Loop, resolver and trusts; no spool. config: borrowed until kit_fini().
 * trace: -vv. Call before any other thread exists.
 */
void kit_init(struct kit *k, const struct config *config, bool trace);
/*
 * Takes the state directory: opens the spool. The control socket is served a
 * little later: who asks meanwhile waits, and a poll that finds nothing new is
 * over by then. A short look of somebody else (status) is waited for. false:
 * err; ERR_BUSY: a process that stays holds it.
 */
bool kit_open_spool(struct kit *k, struct spool_found *found, struct err *err);
/* Now, for who stays. Its failure is only logged. */
void kit_serve(struct kit *k);
/*
 * Gives the state directory up. What is still out is answered (with
 * ERR_CANCELLED after a failure of the store), so a pass must still be there.
 */
void kit_close_spool(struct kit *k);
void kit_fini(struct kit *k); /* closes the spool if that was not done */
#endif
