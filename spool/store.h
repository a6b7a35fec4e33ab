/*
 * store - the store thread: requests in, group commit, results out.
 *
 * Private to the spool. A commit is made when STORE_BATCH requests wait
 * for it, when one of them is urgent or has waited STORE_WAIT_MS, or when
 * nothing more is coming: at once when all commits lately are small, else
 * after some time without a new request. Work that changed
 * nothing waits for no company.
 *
 * A put waits for the barrier of its body before it is run, beside a commit of
 * others (syncer.h). What was asked behind it is not held up: it is the asking
 * side's to ask nothing that must not be durable without it.
 */
#ifndef SPOOL_STORE_H
#define SPOOL_STORE_H
#include "ledger.h"
#include "reader.h"
#include "syncer.h"

#include <pthread.h>
#include <stdatomic.h>

#define STORE_BATCH	     256u
#define STORE_BATCH_MOST     1024u /* of what waits already */
#define STORE_BUSY	     4u /* requests that make a commit no small one */
#define STORE_CALM_US	     50000 /* after such a one, none is at once */
#define STORE_WAIT_MS	     8
#define STORE_EARLY_US	     20000 /* what nobody waits for may wait */
#define STORE_QUIET_US	     2000
#define STORE_QUIET_LEAST_US 500

struct spool {
	struct spool_options options;
	struct ledger *ledger; /* the store thread's while it runs */
	struct reader reader;  /* the asking thread's */
	int dir, lock;	       /* owned */
	size_t out;	       /* asked and not done; the asking thread's */
	struct link kept;      /* of those, not sent yet; the asking thread's */
	int64_t free_asked_ms;
	uint64_t free_octets;
	_Atomic uint64_t octets;
	_Atomic int64_t lag_ms;
	atomic_bool uncommitted; /* the store thread has a transaction open */
	bool threaded;
	pthread_t thread;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t asked;  /* inbox, closing */
	pthread_cond_t answered;
	struct link inbox, outbox;
	struct spool_req *waited_for; /* by spool_call_now; NULL: came back */
	bool closing, stopped;
	struct syncer syncer;
	_Atomic int64_t syncing_us; /* since when; 0: no body is */

	atomic_bool failed; /* set behind fatal, once */
	struct err fatal;
};

/* Starts the thread. */
bool store_start(struct spool *s, struct err *err);
/* Has it finish what waits, and joins it. */
void store_stop(struct spool *s);
/* From the asking thread: r is out until its done, kept until it is sent. */
void store_ask(struct spool *s, struct spool_req *r,
	       bool (*run)(struct ledger *, struct spool_req *));
void store_send(struct spool *s);
/* Calls done for what is back. cancel: none of it counts. */
void store_results(struct spool *s, bool cancel);
/* Waits for r, which has no done. false: the store stopped before. */
bool store_wait(struct spool *s, struct spool_req *r);
#endif
