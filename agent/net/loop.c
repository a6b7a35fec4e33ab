#include "loop.h"
#include "must.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HELD_UP_MS 1000u /* a clock that is so late was not ours to read */

struct loop {
	uv_loop_t uv;
	uv_async_t hold; /* keeps loop_run() going while nothing is open */
	/* Tasks: idle keeps the poll from blocking, check runs them. */
	uv_idle_t idle;
	uv_check_t check;
	struct link tasks;
	/* Timers: one of libuv's, set to the earliest of a heap of ours. */
	uv_timer_t clock;
	uint64_t clock_due_ms; /* UINT64_MAX: not set */
	bool held_up;	       /* timers wait for what lies in the sockets */
	struct timer **heap;   /* owned; [0] is due first */
	size_t count, cap;
	uint64_t order;
	struct link signals;
};

struct signal_hook {
	struct link link;
	uv_signal_t handle;
	void (*fn)(void *who, int signum);
	void *who;
};

struct wake {
	uv_async_t handle;
	void (*fn)(void *who);
	void *who;
};

struct pool_work {
	uv_work_t request;
	void (*run)(void *who);
	void (*done)(void *who);
	void *who;
};

static void on_hold(uv_async_t *h)
{
	(void)h;
}

static void on_idle(uv_idle_t *h)
{
	(void)h;
}

static void on_check(uv_check_t *h);
static void on_clock(uv_timer_t *h);

struct loop *loop_new(unsigned pool_threads)
{
	struct loop *l = mem_new(sizeof(*l));
	char number[16];

	/* libuv reads this once, at the first piece of work. */
	(void)snprintf(number, sizeof(number), "%u", pool_threads);
	(void)setenv("UV_THREADPOOL_SIZE", number, 1);
	(void)signal(SIGPIPE, SIG_IGN);
	MUST(uv_loop_init(&l->uv) == 0);
	MUST(uv_async_init(&l->uv, &l->hold, on_hold) == 0);
	(void)uv_idle_init(&l->uv, &l->idle);
	(void)uv_check_init(&l->uv, &l->check);
	(void)uv_timer_init(&l->uv, &l->clock);
	l->check.data = l->clock.data = l;
	l->clock_due_ms = UINT64_MAX;
	list_init(&l->tasks);
	list_init(&l->signals);
	return l;
}

static void on_signal_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_signals(struct loop *l)
{
	struct link *at;

	while ((at = list_pop(&l->signals)) != NULL) {
		struct signal_hook *hook =
			LIST_OF(at, struct signal_hook, link);

		uv_close((uv_handle_t *)&hook->handle, on_signal_closed);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	MUST(l->count == 0);
	close_signals(l);
	uv_close((uv_handle_t *)&l->hold, NULL);
	uv_close((uv_handle_t *)&l->clock, NULL);
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
	MUST(list_empty(&l->tasks));
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&l->uv) == 0);
	free(l->heap);
	free(l);
}

void loop_run(struct loop *l)
{
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

uint64_t loop_now_ms(const struct loop *l)
{
	return uv_now(&l->uv);
}

int64_t loop_unix_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The heap: a parent is never due after its children. */

static bool is_before(const struct timer *a, const struct timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms
				      : a->order < b->order;
}

static void put(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->at = i + 1;
}

static void sift_up(struct loop *l, size_t i, struct timer *t)
{
	for (; i > 0 && is_before(t, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		put(l, i, l->heap[(i - 1) / 2]);
	put(l, i, t);
}

static void sift_down(struct loop *l, size_t i, struct timer *t)
{
	size_t child;

	while ((child = 2 * i + 1) < l->count) {
		if (child + 1 < l->count &&
		    is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!is_before(l->heap[child], t))
			break;
		put(l, i, l->heap[child]);
		i = child;
	}
	put(l, i, t);
}

static void heap_add(struct loop *l, struct timer *t)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->heap = mem_grow(l->heap, l->cap * sizeof(struct timer *));
	}
	sift_up(l, l->count++, t);
}

static void heap_drop(struct loop *l, struct timer *t)
{
	size_t i = t->at - 1;
	struct timer *last = l->heap[--l->count];

	t->at = 0;
	if (last == t)
		return;
	if (i > 0 && is_before(last, l->heap[(i - 1) / 2]))
		sift_up(l, i, last);
	else
		sift_down(l, i, last);
}

/*
 * Only ever sets the clock earlier: one that rings for nothing costs less than
 * setting it again at each change.
 */
static void set_clock(struct loop *l, uint64_t least_ms)
{
	uint64_t due, in, now = uv_now(&l->uv);

	if (l->count == 0)
		return;
	due = l->heap[0]->due_ms;
	if (due >= l->clock_due_ms)
		return;
	l->clock_due_ms = due;
	in = due > now ? due - now : 0;
	(void)uv_timer_start(&l->clock, on_clock, in > least_ms ? in : least_ms,
			     0);
}

/*
 * The process stood still (SIGSTOP, a frozen machine): what peers said
 * meanwhile is read before anybody is taken for silent.
 */
static bool reads_first(struct loop *l)
{
	l->held_up = !l->held_up && l->count > 0 &&
		     uv_now(&l->uv) > l->heap[0]->due_ms + HELD_UP_MS;
	if (l->held_up) {
		l->clock_due_ms = 0;
		(void)uv_timer_start(&l->clock, on_clock, 1, 0);
	}
	return l->held_up;
}

static void on_clock(uv_timer_t *h)
{
	struct loop *l = h->data;
	uint64_t now = uv_now(&l->uv), newest = l->order;
	struct timer *t;

	if (reads_first(l))
		return;
	l->clock_due_ms = 0; /* those started in here need not set the clock */
	/* One started in here waits for the next turn, even with 0 ms. */
	while (l->count > 0 && (t = l->heap[0])->due_ms <= now &&
	       t->order <= newest) {
		heap_drop(l, t);
		if (t->every_ms) {
			t->due_ms = now + t->every_ms;
			t->order = ++l->order;
			heap_add(l, t);
		}
		t->fn(t->who);
	}
	/* libuv would run a timer of 0 ms in this same turn, for ever. */
	l->clock_due_ms = UINT64_MAX;
	set_clock(l, 1);
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *), void *who)
{
	*t = (struct timer){ .loop = l, .fn = fn, .who = who };
}

static void start(struct timer *t, uint64_t in_ms, uint64_t every_ms)
{
	timer_stop(t);
	t->due_ms = uv_now(&t->loop->uv) + in_ms;
	t->every_ms = every_ms;
	t->order = ++t->loop->order;
	heap_add(t->loop, t);
	set_clock(t->loop, 0);
}

void timer_start(struct timer *t, uint64_t in_ms)
{
	start(t, in_ms, 0);
}

void timer_every(struct timer *t, uint64_t every_ms)
{
	MUST(every_ms > 0);
	start(t, every_ms, every_ms);
}

void timer_stop(struct timer *t)
{
	if (t->at)
		heap_drop(t->loop, t);
}

bool timer_is_started(const struct timer *t)
{
	return t->at != 0;
}

void task_init(struct task *t, struct loop *l, void (*fn)(void *), void *who)
{
	list_init(&t->link);
	t->loop = l;
	t->fn = fn;
	t->who = who;
}

void task_post(struct task *t)
{
	struct loop *l = t->loop;

	if (!list_empty(&t->link))
		return;
	if (list_empty(&l->tasks)) {
		(void)uv_idle_start(&l->idle, on_idle);
		(void)uv_check_start(&l->check, on_check);
	}
	list_push(&l->tasks, &t->link);
}

void task_cancel(struct task *t)
{
	list_drop(&t->link);
}

static void on_check(uv_check_t *h)
{
	struct loop *l = h->data;
	struct link last, *at;

	/* Those posted from here on stand behind `last`: the next turn's. */
	list_init(&last);
	list_push(&l->tasks, &last);
	while ((at = list_pop(&l->tasks)) != &last) {
		struct task *t = LIST_OF(at, struct task, link);

		t->fn(t->who);
	}
	if (!list_empty(&l->tasks))
		return;
	(void)uv_idle_stop(&l->idle);
	(void)uv_check_stop(&l->check);
}

static void on_wake(uv_async_t *h)
{
	struct wake *w = h->data;

	w->fn(w->who);
}

struct wake *wake_new(struct loop *l, void (*fn)(void *), void *who)
{
	struct wake *w = mem_new(sizeof(*w));

	w->fn = fn;
	w->who = who;
	w->handle.data = w;
	MUST(uv_async_init(&l->uv, &w->handle, on_wake) == 0);
	return w;
}

static void on_wake_closed(uv_handle_t *h)
{
	free(h->data);
}

void wake_free(struct wake *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->handle, on_wake_closed);
}

void wake_send(struct wake *w)
{
	(void)uv_async_send(&w->handle);
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct signal_hook *hook = h->data;

	hook->fn(hook->who, signum);
}

void loop_signal(struct loop *l, int signum, void (*fn)(void *who, int signum),
		 void *who)
{
	struct signal_hook *hook = mem_new(sizeof(*hook));

	hook->fn = fn;
	hook->who = who;
	hook->handle.data = hook;
	MUST(uv_signal_init(&l->uv, &hook->handle) == 0);
	MUST(uv_signal_start(&hook->handle, on_signal, signum) == 0);
	list_push(&l->signals, &hook->link);
}

static void on_work(uv_work_t *request)
{
	struct pool_work *w = request->data;

	w->run(w->who);
}

static void on_worked(uv_work_t *request, int status)
{
	struct pool_work *w = request->data;

	(void)status; /* never cancelled */
	w->done(w->who);
	free(w);
}

void loop_work(struct loop *l, void (*run)(void *), void (*done)(void *),
	       void *who)
{
	struct pool_work *w = mem_new(sizeof(*w));

	*w = (struct pool_work){ .run = run, .done = done, .who = who };
	w->request.data = w;
	MUST(uv_queue_work(&l->uv, &w->request, on_work, on_worked) == 0);
}
