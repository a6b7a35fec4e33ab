/*
 * loop - the one loop of the loop thread (libuv underneath).
 *
 * Everything here is called from the loop thread alone, wake_send() excepted.
 * Callbacks come from loop_run(), never from inside the call that asked for
 * them. Timers and tasks are embedded in what they serve: stopping one takes
 * effect at once, also from its own callback, and then its memory may go.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H
#include "list.h"

#include <stdint.h>
#include <uv.h>

struct loop;

/*
 * pool_threads: threads for name look-ups and slow computations, started at
 * their first use; call before any other thread exists. SIGPIPE is ignored from
 * here on.
 */
struct loop *loop_new(unsigned pool_threads);
/*
 * Waits for what runs on the pool (a process in a hurry just exits). Streams,
 * timers and wakes must have been closed, stopped and freed by their owners.
 */
void loop_free(struct loop *l);
/* Runs until loop_stop(). May be called again. */
void loop_run(struct loop *l);
/* loop_run() returns when the present turn is over. */
void loop_stop(struct loop *l);
/* For the few handles of others (flow, cmd). */
uv_loop_t *loop_uv(struct loop *l);

/* Monotonic, as of the beginning of this turn. */
uint64_t loop_now_ms(const struct loop *l);
/* Wall time, now. */
int64_t loop_unix_ms(void);

/*
 * A callback after some time. Embed it; timer_init() once; timer_start() also
 * restarts. The callback of a one-shot timer may start it again or free it.
 */
struct timer {
	struct loop *loop; /* borrowed */
	void (*fn)(void *who);
	void *who;
	uint64_t due_ms, every_ms;
	uint64_t order; /* equal times fire in the order they were started */
	size_t at;	/* place in the heap plus 1; 0: not started */
};
void timer_init(struct timer *t, struct loop *l, void (*fn)(void *), void *who);
void timer_start(struct timer *t, uint64_t in_ms);
/* First after every_ms; every_ms >= 1. */
void timer_every(struct timer *t, uint64_t every_ms);
void timer_stop(struct timer *t);
bool timer_is_started(const struct timer *t);

/*
 * A callback soon: in this turn of the loop or the next, after the events that
 * are ready now. Posting a posted task changes nothing.
 */
struct task {
	struct link link;
	struct loop *loop; /* borrowed */
	void (*fn)(void *who);
	void *who;
};
void task_init(struct task *t, struct loop *l, void (*fn)(void *), void *who);
void task_post(struct task *t);
void task_cancel(struct task *t);

/*
 * A callback on the loop, asked for by another thread. Several wake_send() in a
 * row may make one callback; each is followed by at least one.
 */
struct wake;
struct wake *wake_new(struct loop *l, void (*fn)(void *), void *who);
/* No wake_send() may be under way or follow. NULL does nothing. */
void wake_free(struct wake *w);
void wake_send(struct wake *w); /* any thread */

/* fn is called on the loop for each signum from now on, until loop_free(). */
void loop_signal(struct loop *l, int signum, void (*fn)(void *who, int signum),
		 void *who);

/*
 * run(who) on a thread of the pool, then done(who) on the loop. Cannot be
 * cancelled: who lives until done.
 */
void loop_work(struct loop *l, void (*run)(void *), void (*done)(void *),
	       void *who);
#endif
