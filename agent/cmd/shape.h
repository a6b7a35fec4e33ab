/*
 * shape - records of ledger and pass as JSON (INTERFACE 4). Everything returned
 * is a new reference. Strings are made valid UTF-8 and printable on the way, so
 * that no peer's octets reach a program or a terminal raw.
 */
#ifndef CMD_SHAPE_H
#define CMD_SHAPE_H
#include "err.h"
#include "query.h"

#include <jansson.h>

/* NULL: null. */
json_t *shape_str(const char *s);
/* 0: null. */
json_t *shape_time(int64_t unix_ms);
json_t *shape_number(uint64_t n);

/* What `last_error` is made of; null without an error. */
json_t *shape_trouble(const struct spool_trouble *t);
/* {"class", "text", "remedy"}; null for ERR_NONE. */
json_t *shape_err(const struct err *e);

/* One row of `queue list --json`. */
json_t *shape_queue_row(const struct query_row *row);
/* One message of `trace --json`. */
json_t *shape_trace_row(const struct query_row *row,
			const struct query_event *events, size_t n);

/* One of the accounts of `status --json`. */
json_t *shape_account(const struct spool_account *a,
		      const struct query_counts *c);
json_t *shape_delivery(const struct spool_delivery *d,
		       const struct query_counts *c);
json_t *shape_queue_totals(const struct query_counts *c);
#endif
