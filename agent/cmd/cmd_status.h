/*
 * cmd_status - `mailhaul status`: accounts, deliveries, queue totals.
 */
#ifndef CMD_CMD_STATUS_H
#define CMD_CMD_STATUS_H
#include "config.h"
#include "options.h"
#include "text.h"

#include <jansson.h>

int cmd_status(const struct options *o);

/*
 * The object of INTERFACE 4 from what the ledger answered (answer.h, "status";
 * borrowed): every configured account in the order of the configuration, then
 * those gone from it that still have mail queued or held. A new reference.
 */
json_t *status_object(const struct config *c, const json_t *answer);
/* For people. skipped: of the answer. width 0: no limit. */
void status_write(const json_t *status, const json_t *skipped,
		  int64_t now_unix_ms, size_t width, bool colour,
		  struct text *out);
#endif
