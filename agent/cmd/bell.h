/*
 * bell - `notify` and `notify_command` under `run`: looks each minute, and soon
 * after an account or a delivery began to fail, whether somebody is to be told.
 */
#ifndef CMD_BELL_H
#define CMD_BELL_H
#include "daemon.h"
#include "notify.h"

#define BELL_MS	     60000u
#define BELL_SOON_MS 2000u /* what fails beside it is told with it */

struct bell {
	const struct parts *parts; /* borrowed; of the present configuration */
	struct daemon *daemon;
	struct notify *notify; /* owned */
	struct timer every, soon;
};

void bell_begin(struct bell *b, const struct parts *p, struct daemon *d);
/* A visit is over. */
void bell_visited(struct bell *b, const struct pass_account *a);
void bell_delivery(struct bell *b,
		   bool is_new); /* a delivery's state changed */
/* No look begins any more. */
void bell_stop(struct bell *b);
/* After bell_stop(); false: a look is under way, the process must leave without
 * freeing anything. */
bool bell_end(struct bell *b);
#endif
