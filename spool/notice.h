/*
 * notice - what people were told, and when (`notify`): one row for each cause
 * that is known; and what of the queue waits for a person.
 *
 * All of it inside of spool_call().
 */
#ifndef SPOOL_NOTICE_H
#define SPOOL_NOTICE_H
#include "spool.h"

struct spool_notice {
	char cause[96];	   /* "account gmx", "held gmx" ...; the key */
	int64_t since_ms;  /* of the cause, as first seen */
	int64_t mailed_ms; /* last told by mail; 0: not, or its end was */
	int64_t ran_ms;	   /* ... by command */
	int64_t over_ms;   /* it ended then; 0: it lasts */
	uint64_t mailed_n, ran_n; /* messages told of */
};

/* *out: owned, in the order of causes; free() it. */
bool notice_load(struct ledger *l, struct spool_notice **out, size_t *n,
		 struct err *err);
/* These, and no others. */
bool notice_save(struct ledger *l, const struct spool_notice *all, size_t n,
		 struct err *err);

/* What of an account waits for a person. */
struct spool_waiting {
	char account[65]; /* "": notices of our own */
	bool doubt;	  /* held because in doubt; else HELD */
	uint64_t n;
	int64_t since_ms;
	char words[512]; /* of the newest: why */
};
bool notice_waiting(struct ledger *l, struct spool_waiting **out, size_t *n,
		    struct err *err);
/* Notices of our own on the queue that are neither delivered nor held. words:
 * why the last attempt failed, "" where none did. */
bool notice_queued(struct ledger *l, uint64_t *n, char *words, size_t cap,
		   struct err *err);

/* What `fetch` met with as it wrote metrics_file, and when that was told. */
bool notice_metrics_load(struct ledger *l, struct spool_trouble *t,
			 struct err *err);
bool notice_metrics_save(struct ledger *l, const struct spool_trouble *t,
			 struct err *err);
#endif
