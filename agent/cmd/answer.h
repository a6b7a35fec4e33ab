/*
 * answer - what is asked of the ledger by people: one request object, one
 * answer object. Runs on the store thread, whether the question came over the
 * control socket or the ledger was opened for it.
 *
 *   {"ask": "status"}
 *     -> {"accounts": [...], "deliveries": [...], "queue": {...},
 *         "skipped": [{"account", "reason", "messages", "octets",
 *                      "examples": [{"folder", "uid", "size"}]}]}
 *     and "run" where a `run` answers (now.h)
 *   {"ask": "queue", FILTER}   -> {"messages": [...]}   FILTER: "ids" (array),
 *     "account", "reason"; each may be missing
 *   {"ask": "retry"|"drop", FILTER, "now": ms}  -> {"changed": n, "left": n}
 *   {"ask": "trace", "pattern", "from", "to", "account", "since": ms}
 *     -> {"messages": [...], "accounts": [...], "skipped": [...]}
 *   {"ask": "body", "id"}  -> {"octets": n}, and by answer_place() where it
 * lies
 *   {"ask": "backup", "file": absolute path}  -> {"bodies": n}
 */
#ifndef CMD_ANSWER_H
#define CMD_ANSWER_H
#include "query.h"

#include <jansson.h>

#define ANSWER_REQUEST_OCTETS (256u << 10)
#define ANSWER_MESSAGES	      200000u /* in one answer */
#define ANSWER_EXAMPLES	      5u      /* skipped messages named, per reason */

/*
 * *out: a new reference. false: ERR_CONFIG for a question that is not
 * understood or too wide, else the ledger's error.
 */
bool answer(struct ledger *l, const json_t *request, json_t **out,
	    struct err *err);
/* Is it {"ask": what}? */
bool answer_is(const json_t *request, const char *what);
/* For "body": where the body of the one message asked for lies. */
bool answer_place(struct ledger *l, const json_t *request,
		  struct message_place *out, struct err *err);
#endif
