/*
 * report - what a pass did, in words and as JSON (INTERFACE 1 and 4).
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H
#include "pass.h"
#include "text.h"

#include <jansson.h>

/* "gmx: 12 fetched (3.4 MB), 11 delivered, 1 held, 4 s"; no newline. */
void report_summary(const struct pass_account *a, struct text *out);
/*
 * What is told without a terminal though nothing failed: held and skipped mail.
 * false: there is nothing to tell.
 */
bool report_notable(const struct pass_account *a, struct text *out);
/* "gmx: what failed: server's words: what to do"; no newline. */
void report_error(const char *name, const struct err *err, struct text *out);
/* --dry-run -v: one message, a line; and the same as JSON, added to the list of
 * its account in by_account. */
void report_judged(const struct pass_account *a, const struct pass_judged *j,
		   struct text *out);
void report_judged_json(const struct pass_account *a,
			const struct pass_judged *j, json_t *by_account);
/* What recovery found at the start, in lines that `say` takes over. */
void report_found(const struct spool_found *found,
		  void (*say)(void *who, struct text *line), void *who);
/* What a person is asked when much is there, or asked for; no newline. */
void report_question(const struct pass_account *a, const char *folder,
		     uint64_t messages, uint64_t octets, enum pass_task task,
		     struct text *out);
/* --dry-run: one account's reasons, a line each. */
void report_dry_run(const struct pass_account *a, struct text *out);

/* One account of `fetch --json`; reasons: with "reasons" (--dry-run). */
json_t *report_account_json(const struct pass_account *a, bool reasons);
json_t *report_json(const struct pass_account *a, size_t n, int code,
		    bool reasons);
#endif
