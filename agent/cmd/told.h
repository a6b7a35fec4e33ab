/*
 * told - reading the JSON of answer.h and shape.h back for people.
 */
#ifndef CMD_TOLD_H
#define CMD_TOLD_H
#include "text.h"
#include "when.h"

#include <jansson.h>

/* The string, or "" where there is none. */
const char *told_str(const json_t *object, const char *key);
uint64_t told_number(const json_t *object, const char *key);
/* An RFC 3339 time of ours as unix ms; 0: null. */
int64_t told_time(const json_t *object, const char *key);
/* "12 min ago", "never". */
void told_relative(const json_t *object, const char *key, int64_t now_unix_ms,
		   char out[WHEN_TEXT]);
/* `since` of the first whose "name" is name; NULL: there is none. */
json_t *told_named(const json_t *list, const char *name);
/* "3 messages larger than ..." for a reason as the ledger has it. */
const char *told_reason(const char *reason);
/* One line on what an account skipped: "2 too large (63 MB): INBOX 4711, ..."
 */
void told_skipped(const json_t *entry, struct text *out);
#endif
