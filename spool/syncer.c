#include "syncer.h"
#include "must.h"

#include <time.h>

void syncer_init(struct syncer *y, pthread_mutex_t *mutex, pthread_cond_t *back)
{
	*y = (struct syncer){ .mutex = mutex, .back = back };
	MUST(pthread_cond_init(&y->asked, NULL) == 0);
}

void syncer_fini(struct syncer *y)
{
	(void)pthread_mutex_lock(y->mutex);
	y->closing = true;
	(void)pthread_cond_signal(&y->asked);
	(void)pthread_mutex_unlock(y->mutex);
	if (y->threaded)
		(void)pthread_join(y->thread, NULL);
	y->threaded = false;
	segments_due_fini(&y->due);
	(void)pthread_cond_destroy(&y->asked);
}

static void sync_now(struct syncer *y)
{
#ifdef MAILHAUL_MUTANT_LATE_BODY
	(void)nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
#endif
	y->ok = segments_due_sync(&y->due, &y->err);
}

static void *syncer_main(void *arg)
{
	struct syncer *y = arg;

	(void)pthread_mutex_lock(y->mutex);
	while (y->state == SYNCER_BUSY || !y->closing) {
		if (y->state != SYNCER_BUSY) {
			(void)pthread_cond_wait(&y->asked, y->mutex);
			continue;
		}
		(void)pthread_mutex_unlock(y->mutex);
		sync_now(y);
		(void)pthread_mutex_lock(y->mutex);
		y->state = SYNCER_BACK;
		(void)pthread_cond_broadcast(y->back);
	}
	(void)pthread_mutex_unlock(y->mutex);
	return NULL;
}

/* Signals are blocked, as in the store thread. */
static bool has_thread(struct syncer *y)
{
	if (!y->threaded)
		y->threaded =
			pthread_create(&y->thread, NULL, syncer_main, y) == 0;
	return y->threaded;
}

void syncer_go(struct syncer *y, struct segments *s)
{
	bool beside;

	segments_take_due(s, &y->due);
	beside = segments_due_any(&y->due) && has_thread(y);
	if (!beside)
		sync_now(y);
	(void)pthread_mutex_lock(y->mutex);
	y->state = beside ? SYNCER_BUSY : SYNCER_BACK;
	(void)pthread_cond_signal(&y->asked);
	(void)pthread_mutex_unlock(y->mutex);
}

bool syncer_is(const struct syncer *y, enum syncer_state state)
{
	return y->state == state;
}

bool syncer_wait(struct syncer *y, struct err *err)
{
	bool failed;

	(void)pthread_mutex_lock(y->mutex);
	while (y->state == SYNCER_BUSY)
		(void)pthread_cond_wait(y->back, y->mutex);
	failed = y->state == SYNCER_BACK && !y->ok;
	(void)pthread_mutex_unlock(y->mutex);
	if (failed)
		*err = y->err;
	return !failed;
}

bool syncer_take(struct syncer *y, struct segments *s, struct err *err)
{
	(void)pthread_mutex_lock(y->mutex);
	MUST(y->state == SYNCER_BACK);
	y->state = SYNCER_IDLE;
	(void)pthread_mutex_unlock(y->mutex);
	if (!y->ok) {
		*err = y->err;
		return false;
	}
	segments_synced(s);
	return true;
}
