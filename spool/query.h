/*
 * query - what people ask of the ledger: queue, trace, status.
 *
 * Each runs on the store thread (spool_call) or, with nobody else there, by
 * spool_call_now. The callbacks get records that live until they return; false
 * from a callback ends the query.
 */
#ifndef SPOOL_QUERY_H
#define SPOOL_QUERY_H
#include "spool.h"

struct query_row {
	const struct message *m;
	const char *account, *folder; /* names */
};

/*
 * What `queue` shows: SPOOLED, SENDING, DOUBT, HELD; oldest first. With
 * look_only nobody is sending: what was, when the last process ended, is given
 * and counted as DOUBT.
 */
struct query_filter {
	const int64_t *ids; /* nids of them; nids 0: all */
	size_t nids;
	const char *account; /* NULL: any */
	const char *reason;  /* part of reason or reply; NULL: any */
};
bool query_queue(struct ledger *l, const struct query_filter *f,
		 bool (*row)(void *who, const struct query_row *), void *who,
		 struct err *err);

/* `queue retry`: HELD, DOUBT and SPOOLED are due at now_ms; SENDING is left
 * alone. A held body that was given up is asked of the source again; one that
 * was lost, of a message that somebody may have, is not: left alone. */
bool query_retry(struct ledger *l, const struct query_filter *f, int64_t now_ms,
		 uint64_t *changed, struct err *err);
/* What waits for a later attempt (SPOOLED) is due at now_ms: a named account is
 * tried at once (INTERFACE 1, fetch). A doubt keeps its time. */
bool query_hasten(struct ledger *l, int64_t account, int64_t now_ms,
		  struct err *err);
/* `queue drop`: DROPPED, the body given up; SENDING is left alone. */
bool query_drop(struct ledger *l, const struct query_filter *f, int64_t now_ms,
		uint64_t *changed, struct err *err);

/* An event in the life of a message, in order of time. */
struct query_event {
	int64_t at_ms;
	const char *what;  /* fetched spooled attempt delivered deferred held
			      in_doubt deleted dropped duplicate */
	const char *words; /* server's, printable; may be "" */
	uint32_t attempt;
};
struct query_trace {
	struct view pattern; /* Message-ID, queue id, UID, address part; may be
				empty */
	const char *from, *to, *account; /* NULL: any */
	int64_t since_ms;		 /* 0: ever */
};
/* Every message that matches, with its events. */
bool query_trace(struct ledger *l, const struct query_trace *t,
		 bool (*row)(void *who, const struct query_row *,
			     const struct query_event *events, size_t n),
		 void *who, struct err *err);

/* What is known of a message that has no row of its own in the history. */
struct query_known {
	const char *account, *folder;
	enum spool_fate fate; /* SKIPPED ADOPTED DELIVERED GONE DROPPED */
	int64_t at_ms;	      /* SKIPPED: when; DELIVERED: the day; else 0 */
	uint64_t octets;      /* SKIPPED */
	const char *reason;   /* SKIPPED: why; else "" */
	/* SKIPPED as a duplicate: of which message; 0: not so */
	int64_t same;
	const char *same_account; /* "": no longer on record */
	int64_t same_at_ms;	  /* when that was delivered; 0: it is not */
};
/*
 * uid: a UID or a unique-id. name: makes the key of a unique-id, with the key
 * of the installation. account: NULL: any.
 */
struct query_whereabouts {
	struct view uid;
	const char *account;
	struct message_key (*name)(const uint8_t *key, struct view uid);
};
bool query_known(struct ledger *l, const struct query_whereabouts *q,
		 bool (*row)(void *who, const struct query_known *), void *who,
		 struct err *err);

struct query_counts {
	uint64_t queued, held, in_doubt, octets, skipped;
};
/* account 0 and delivery NULL: all. */
bool query_counts(struct ledger *l, int64_t account, const char *delivery,
		  struct query_counts *out, struct err *err);
/* What lies in the spool for a delivery, or lay there for one of that name. */
struct query_usage {
	char delivery[65];
	uint64_t octets;		  /* of bodies */
	uint64_t waiting, waiting_octets; /* of these: not held */
};
bool query_usage(struct ledger *l,
		 bool (*row)(void *who, const struct query_usage *), void *who,
		 struct err *err);
/* Messages of one state that wait for a delivery, for metrics. */
struct query_waiting {
	char delivery[65];
	enum message_state state;  /* SPOOLED SENDING DOUBT HELD */
	uint64_t messages, octets; /* octets: of bodies that are here */
	int64_t oldest_ms;	   /* the first of them was fetched then */
};
/* By delivery and state; only where there are such. */
bool query_waiting(struct ledger *l,
		   bool (*row)(void *who, const struct query_waiting *),
		   void *who, struct err *err);
/* So many messages ever came to be in doubt; never falls. */
bool query_doubts(struct ledger *l, uint64_t *n, struct err *err);
bool query_accounts(struct ledger *l,
		    bool (*row)(void *who, const struct spool_account *),
		    void *who, struct err *err);
bool query_deliveries(struct ledger *l,
		      bool (*row)(void *who, const struct spool_delivery *),
		      void *who, struct err *err);
/* Messages left at the source, with reason; account 0: all. */
bool query_skipped(struct ledger *l, int64_t account,
		   bool (*row)(void *who, const struct query_row *), void *who,
		   struct err *err);
/* Folders that are not fetched, as spool_account_save has them; of accounts
 * where there are such. */
bool query_unfetched(struct ledger *l,
		     bool (*row)(void *who, const char *account,
				 const char *lines, int64_t at_ms),
		     void *who, struct err *err);
/* A whole body to a callback, for `queue show`. */
bool query_body(struct ledger *l, int64_t id,
		bool (*octets)(void *who, struct view), void *who,
		struct err *err);
#endif
