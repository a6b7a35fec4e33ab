/*
 * now - what a process that holds the state directory does at this moment, as
 * `status` shows it.
 *
 *   {"command", "pid", "since", "offline": bool, "accounts": [{"name",
 *     "now": {"doing": "disabled|waiting|polling|idle", "next_poll",
 *             "folders": [...], "polled_folders": n}}]}
 *
 * folders: of which the server tells by itself (IDLE); polled_folders: how many
 * besides are left to the polls. next_poll: null while it is polled, and where
 * it is polled on request alone.
 */
#ifndef CMD_NOW_H
#define CMD_NOW_H
#include "daemon.h"
#include "text.h"

#include <jansson.h>

/* A new reference. since_ms: unix, when the process began. */
json_t *now_object(const struct daemon *d, int64_t since_ms);
/* The same of a process that runs one pass: of the accounts that it has not
 * done with. */
json_t *now_of_pass(enum pass_task task, const struct pass_account *a, size_t n,
		    int64_t since_ms);
/* "idle INBOX, Work", for people; now: as above. */
void now_words(const json_t *now, struct text *out);
/* The line on the process itself; run NULL: there is none. */
void now_line(const json_t *run, int64_t now_unix_ms, struct text *out);
#endif
