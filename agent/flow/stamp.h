/*
 * stamp - the two lines in front of every message (INTERFACE 3), and how we
 * know our own again.
 */
#ifndef FLOW_STAMP_H
#define FLOW_STAMP_H
#include "head.h"
#include "pass.h"
#include "text.h"

/*
 * INSTANCE.ID.MAC of message id for this account row. The MAC is keyed with a
 * secret of the installation and covers id and account, so that nobody outside
 * can make a message look like a loop (CASES J11).
 */
#define STAMP_TRACE_OCTETS 80u
void stamp_trace(const struct spool *s, int64_t id, int64_t account,
		 char out[STAMP_TRACE_OCTETS]);
/* How many of the trace lines are our own, for the same account; the messages
 * they name. */
unsigned stamp_own(const struct spool *s, int64_t account,
		   const struct head_facts *f, int64_t ids[HEAD_TRACES]);
/*
 * Appends Received and X-Mailhaul-Trace. a: the account it came from; NULL: no
 * longer configured.
 */
void stamp_lines(const struct parts *p, const struct message *m,
		 const struct config_account *a, struct text *out);
#endif
