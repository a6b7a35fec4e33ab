/*
 * notices - `notify` and `notify_command` behind a pass of `fetch`: looks what
 * is to be told, and lets a notice by mail go out at once.
 */
#ifndef CMD_NOTICES_H
#define CMD_NOTICES_H
#include "notify.h"
#include "parts.h"

struct notices {
	struct kit *kit;		    /* borrowed, its spool open */
	const struct pass_reports *reports; /* `ended` stops the loop */
	void *who;			    /* of the reports */
	/* private */
	struct pass *pass; /* that sends the notice; NULL: none */
	struct notify_outcome outcome;
	bool over, cut;
};

/*
 * Runs the loop until all is said; the outcome is there then. Exit code of what
 * failed (a pass that sends mail fails like any), or 0.
 */
int notices_tell(struct notices *n, const struct pass_account *a, size_t count);
/* Lets a pass without accounts send what is due in the queue. */
int notices_send(struct notices *n);
void notices_stop(struct notices *n); /* a signal came */
/* The store failed: the loop is stopped. */
void notices_store_failed(struct notices *n);
/* false: as pass_is_clean(). */
bool notices_is_clean(const struct notices *n);
/* Behind kit_close_spool(). */
void notices_fini(struct notices *n);
#endif
