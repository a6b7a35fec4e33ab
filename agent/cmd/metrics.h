/*
 * metrics - what a monitoring system is told: figures of the ledger in the text
 * format of Prometheus, version 0.0.4 (INTERFACE 5).
 *
 * Labels are the names of accounts and deliveries alone, so that there are as
 * many series as the configuration makes, whatever a server or sender does
 * (CASES H8). Counters are the ledger's, on disk: they do not fall when a
 * process ends.
 */
#ifndef CMD_METRICS_H
#define CMD_METRICS_H
#include "config.h"
#include "query.h"
#include "text.h"

/* What was read; starts as zeros. */
struct metrics {
	struct spool_account *accounts; /* owned; by name */
	size_t n_accounts;
	struct spool_delivery *deliveries; /* owned; by name */
	size_t n_deliveries;
	struct query_waiting *waiting; /* owned; by delivery */
	size_t n_waiting;
	uint64_t doubts;
};

/* On the store thread. false: err; *m holds a part. */
bool metrics_read(struct ledger *l, struct metrics *m, struct err *err);
void metrics_fini(struct metrics *m);
/*
 * The file. Series are made for the accounts of c that are enabled, its
 * deliveries, and deliveries gone from it that still have mail waiting.
 * reload_ok: the last reload took.
 */
void metrics_write(const struct metrics *m, const struct config *c,
		   bool reload_ok, struct text *out);
#endif
