/*
 * syncer - the barriers of bodies, beside the commits of the ledger.
 *
 * Private to the store thread. A body's barrier comes before the commit that
 * names it and has nothing to do with the one before: both are under way at
 * once. One request at a time; the thread begins with the first.
 */
#ifndef SPOOL_SYNCER_H
#define SPOOL_SYNCER_H
#include "segment.h"

#include <pthread.h>

enum syncer_state {
	SYNCER_IDLE,
	SYNCER_BUSY,
	SYNCER_BACK, /* done; syncer_take() */
};

struct syncer {
	pthread_mutex_t *mutex; /* borrowed; of all below but thread */
	pthread_cond_t *back;	/* borrowed; told when it is done */
	pthread_cond_t asked;
	pthread_t thread;
	bool threaded, closing;
	enum syncer_state state;
	struct segments_due due;
	bool ok;
	struct err err;
};

void syncer_init(struct syncer *y, pthread_mutex_t *mutex,
		 pthread_cond_t *back);
/* Waits for what is under way, and ends the thread. */
void syncer_fini(struct syncer *y);
/* SYNCER_IDLE: all bodies that came in since the last time. */
void syncer_go(struct syncer *y, struct segments *s);
/* With the mutex held. */
bool syncer_is(const struct syncer *y, enum syncer_state state);
/*
 * Until it is not SYNCER_BUSY. false: the barrier failed. It was for all that
 * was written to those segments by then, and a second one would not fail.
 */
bool syncer_wait(struct syncer *y, struct err *err);
/* SYNCER_BACK: it is idle again. false: the barrier failed, for good. */
bool syncer_take(struct syncer *y, struct segments *s, struct err *err);
#endif
