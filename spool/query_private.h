/*
 * query_private - what the three files behind query.h share.
 */
#ifndef SPOOL_QUERY_PRIVATE_H
#define SPOOL_QUERY_PRIVATE_H
#include "ledger.h"
#include "query.h"

struct query_ids {
	int64_t *at; /* owned */
	size_t n, cap;
};
void query_ids_add(struct query_ids *ids, int64_t id);
void query_ids_fini(struct query_ids *ids);

struct query_names {
	char account[65];
	char *folder; /* owned by whoever asked */
};
void query_names(struct ledger *l, int64_t account, int64_t folder,
		 struct query_names *out);
/* true, or false with the reason why the ledger is broken. */
bool query_ended(struct ledger *l, struct err *err);
/* Each message on the queue that the filter lets through, oldest first; false
 * from each ends it. */
bool query_each_queued(struct ledger *l, const struct query_filter *f,
		       bool (*each)(struct ledger *, void *, struct message *,
				    const struct query_names *),
		       void *arg, struct err *err);
#endif
