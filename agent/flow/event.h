/*
 * event - the log lines about one message (INTERFACE 6).
 */
#ifndef FLOW_EVENT_H
#define FLOW_EVENT_H
#include "message.h"

/* It arrived whole, and is on record: under its id, but for a duplicate. */
void event_fetched(const struct message *m, const char *account,
		   const char *folder);
/* n messages are left at the source. uid: of one; NULL: of several, or of one
 * that is known by something else. */
void event_skipped(const char *account, const char *folder, const char *uid,
		   uint64_t n, const char *reason);
/* n messages were deleted at the source. uid: of one; NULL: of several. */
void event_deleted(const char *account, const char *folder, const char *uid,
		   uint64_t n);
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
