/*
 * event - the log lines about one message (INTERFACE 6).
 */
#ifndef FLOW_EVENT_H
#define FLOW_EVENT_H
#include "message.h"

/* It arrived whole; it has no id yet. */
void event_fetched(const struct message *m, const char *account,
		   const char *folder);
/* n messages were deleted at the source. */
void event_deleted(const char *account, const char *folder, uint64_t n);
/* ... were moved there to another folder. */
void event_moved(const char *account, const char *folder, const char *to,
		 uint64_t n);
/*
 * delivered, deferred, held or in_doubt, as m->state says. account: its name,
 * NULL: no longer configured. folder: "" where the source has none.
 */
void event_settled(const struct message *m, const char *account,
		   const char *folder);
#endif
