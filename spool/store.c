#include "store.h"
#include "body.h"
#include "must.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* What the open transaction holds, and what waits before it. */
struct batch {
	struct link ran;   /* requests that wait for the commit */
	struct link early; /* done without, of what came together */
	unsigned n;	   /* of ran */
	bool urgent;
	int64_t first_us, last_us; /* when the first and the last came */
	int64_t begun_us;	   /* when the transaction was */
	int64_t busy_us;	   /* when the last commit was no small one */
	struct link written;	   /* puts whose bodies are to be synced */
	struct link syncing;	   /* ... are being synced */
	unsigned nwritten;
	int64_t written_us; /* when the first of written came */
};

static int64_t clock_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool without_commit(const struct spool_req *r)
{
	return r->run == body_run_chunk || r->run == body_run_drop;
}

/* --- store thread ------------------------------------------------------- */

/* Requests go back; the asking thread is told. */
static void give_back(struct spool *s, struct link *from)
{
	bool waited = false, poke;
	void (*wake)(void *);
	struct link *at;

	(void)pthread_mutex_lock(&s->mutex);
	wake = s->options.wake;
	poke = list_empty(&s->outbox);
	while ((at = list_pop(from)) != NULL) {
		struct spool_req *r = LIST_OF(at, struct spool_req, link);

		if (r == s->waited_for) {
			s->waited_for = NULL;
			waited = true;
			continue;
		}
		list_push(&s->outbox, &r->link);
	}
	poke = poke && !list_empty(&s->outbox);
	if (waited)
		(void)pthread_cond_signal(&s->answered);
	(void)pthread_mutex_unlock(&s->mutex);
	if (poke && wake)
		wake(s->options.who);
}

/* Nothing is given back from here on; store_main() ends. */
static bool stop_for(struct spool *s, const struct err *err)
{
	s->fatal = *err;
	atomic_store(&s->failed, true);
	return false;
}

static bool commit(struct spool *s, struct batch *b)
{
	struct ledger *l = s->ledger;
	struct err err;

	l->postpone = b->n >= STORE_BUSY;
	reader_tell(&s->reader, l);
	/* what is under way may be about the same segment */
	if ((l->unsynced && !syncer_wait(&s->syncer, &err)) ||
	    !ledger_commit(l, &err)) {
		err_within(&err, "the spool stopped");
		return stop_for(s, &err);
	}
#ifdef MAILHAUL_MUTANT_LATE_BODY
	if (s->syncer.state == SYNCER_BACK)
		(void)syncer_take(&s->syncer, &l->segments, &err);
	if (s->syncer.state == SYNCER_IDLE)
		syncer_go(&s->syncer, &l->segments);
#endif
	reader_tell(&s->reader, l);
	atomic_store(&s->octets, segments_live(&l->segments));
	atomic_store(&s->lag_ms, l->lag_ms);
	atomic_store(&s->uncommitted, false);
	if (b->n >= STORE_BUSY)
		b->busy_us = clock_us();
	b->n = l->owed = 0;
	b->urgent = false;
	give_back(s, &b->ran);
	return true;
}

static void give_back_one(struct spool *s, struct spool_req *r)
{
	struct link back;

	list_init(&back);
	list_push(&back, &r->link);
	give_back(s, &back);
}

static bool begin(struct spool *s, struct batch *b)
{
	if (!s->ledger->begun)
		b->begun_us = clock_us();
	atomic_store(&s->uncommitted, true);
	return ledger_begin(s->ledger);
}

/* r is done, and waits for the commit unless it need not. */
static void ran(struct spool *s, struct batch *b, struct spool_req *r)
{
	if (r->early && !s->ledger->broken) {
		list_push(&b->early, &r->link);
		return;
	}
	if (b->n++ == 0)
		b->first_us = clock_us();
	s->ledger->owed = b->n;
	b->urgent = b->urgent || r->urgent;
	list_push(&b->ran, &r->link);
}

/* false: fatal. */
static bool run_within(struct spool *s, struct batch *b, struct spool_req *r)
{
	struct ledger *l = s->ledger;

	if (!begin(s, b)) {
		list_push(&b->ran, &r->link);
		return stop_for(s, &l->why);
	}
	if (r->run(l, r))
		ran(s, b, r);
#ifdef MAILHAUL_MUTANT_EARLY_RESULT
	if (r->run == ledger_run_result)
		give_back(s, &b->ran);
#endif
	if (l->broken)
		return stop_for(s, &l->why);
	return true;
}

static bool run_one(struct spool *s, struct batch *b, struct spool_req *r)
{
	if (without_commit(r)) {
		(void)r->run(s->ledger, r);
		list_push(&b->early, &r->link);
		return true;
	}
	if (r->run == ledger_run_put && ledger_put_body(s->ledger, r)) {
#ifdef MAILHAUL_MUTANT_LATE_BODY
		return run_within(s, b, r);
#endif
		if (b->nwritten++ == 0)
			b->written_us = clock_us();
		list_push(&b->written, &r->link);
		return true;
	}
	return run_within(s, b, r);
}

/* One slice of one of the jobs, in turn. */
static bool run_job(struct spool *s, struct batch *b)
{
	struct ledger *l = s->ledger;
	struct link *at = list_pop(&l->jobs);
	struct ledger_job *j = LIST_OF(at, struct ledger_job, link);

	if (!begin(s, b)) {
		list_push(&l->jobs, &j->link);
		return stop_for(s, &l->why);
	}
	if (j->step(l, j)) {
		ran(s, b, j->req);
		ledger_job_free(j);
	} else {
		list_push(&l->jobs, &j->link);
	}
	return l->broken ? stop_for(s, &l->why) : true;
}

/* A slice of a job that wants no transaction; there is none now. */
static bool run_apart(struct spool *s, struct batch *b)
{
	struct ledger *l = s->ledger;
	struct link *at = list_pop(&l->apart);
	struct ledger_job *j = LIST_OF(at, struct ledger_job, link);
	bool done = j->step(l, j);

	if (!done && j->flushes) {
		if (!begin(s, b) || !ledger_flush(l)) {
			list_push(&l->apart, &j->link);
			return stop_for(s, &l->why);
		}
		if (!commit(s, b)) {
			list_push(&l->apart, &j->link);
			return false;
		}
		done = j->step(l, j);
	}
	if (!done) {
		list_push(&l->apart, &j->link);
		return true;
	}
	give_back_one(s, j->req);
	ledger_job_free(j);
	return true;
}

/*
 * How long without a new request means that none is coming: long against the
 * distance at which those of this batch came. All of a burst wait for its
 * commit, and nothing else comes before it; what a network delivers drips.
 */
static int64_t quiet_us(const struct batch *b)
{
	int64_t each = b->n > 1 ? (b->last_us - b->first_us) / (b->n - 1) : 0;

	each *= 8;
	if (each < STORE_QUIET_LEAST_US)
		return STORE_QUIET_LEAST_US;
	return each < STORE_QUIET_US ? each : STORE_QUIET_US;
}

/* Microseconds until so many, the first of which came then, have no company to
 * wait for; 0: now. */
static int64_t gather_us(const struct batch *b, unsigned n, int64_t first_us,
			 bool quiet)
{
	int64_t now = clock_us(), wait, still;

	if (n >= STORE_BATCH ||
	    (n < STORE_BUSY && now > b->busy_us + STORE_CALM_US))
		return 0;
	wait = first_us + STORE_WAIT_MS * 1000 - now;
	still = b->last_us + quiet_us(b) - now;
	if (quiet && still < wait)
		wait = still;
	return wait > 0 ? wait : 0;
}

/* Microseconds until the commit; 0: now. */
static int64_t commit_in(const struct spool *s, const struct batch *b)
{
	int64_t wait;

	if (!ledger_changed(s->ledger) || b->urgent)
		return 0;
	if (!b->n) { /* nobody waits */
		wait = b->begun_us + STORE_EARLY_US - clock_us();
		return wait > 0 ? wait : 0;
	}
#ifdef MAILHAUL_MUTANT_EARLY_RESULT
	wait = b->first_us + 500000 - clock_us();
	return wait > 0 ? wait : 0;
#endif
	/* those whose bodies are being synced are company */
	return gather_us(b, b->n, b->first_us, list_empty(&b->syncing));
}

/* Microseconds until there is something to do that nobody asks for; -1: none.
 */
static int64_t idle_us(const struct spool *s, const struct batch *b)
{
	int64_t commit = s->ledger->begun ? commit_in(s, b) : -1;
	int64_t bodies = -1;

	if (b->nwritten && list_empty(&b->syncing))
		bodies = gather_us(b, b->nwritten, b->written_us, true);
	if (commit < 0 || (bodies >= 0 && bodies < commit))
		return bodies;
	return commit;
}

static void wait_us(struct spool *s, int64_t us)
{
	struct timespec t;
	int64_t at;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	at = (int64_t)t.tv_nsec + us * 1000;
	t.tv_sec += (time_t)(at / 1000000000);
	t.tv_nsec = (long)(at % 1000000000);
	(void)pthread_cond_timedwait(&s->asked, &s->mutex, &t);
}

/* Nothing is asked, and nothing came back. Mutex held. */
static bool is_still(const struct spool *s)
{
	return list_empty(&s->inbox) && !syncer_is(&s->syncer, SYNCER_BACK);
}

/*
 * Moves the inbox to todo. wait: how long something may be waited for (-1: as
 * long as it takes, 0: not at all). false: closing, and nothing is left.
 */
static bool take(struct spool *s, struct link *todo, int64_t wait)
{
	struct link *at;
	bool more;

	(void)pthread_mutex_lock(&s->mutex);
	if (is_still(s) && !s->closing && wait > 0)
		wait_us(s, wait);
	while (is_still(s) && wait < 0 &&
	       (!s->closing || syncer_is(&s->syncer, SYNCER_BUSY)))
		(void)pthread_cond_wait(&s->asked, &s->mutex);
	while ((at = list_pop(&s->inbox)) != NULL)
		list_push(todo, at);
	more = !list_empty(todo) || !s->closing;
	(void)pthread_mutex_unlock(&s->mutex);
	return more;
}

static bool run_all(struct spool *s, struct batch *b, struct link *todo)
{
	struct link *at;

	if (!list_empty(todo))
		b->last_us = clock_us();
	while ((at = list_pop(todo)) != NULL) {
		if (!run_one(s, b, LIST_OF(at, struct spool_req, link)))
			return false;
		/* A slow disk gathers more than a batch meanwhile. */
		if (b->n >= STORE_BATCH_MOST && !commit(s, b))
			return false;
	}
	return true;
}

/* What came together goes back together: each poke is a turn of the loop. */
static void give_back_early(struct spool *s, struct batch *b)
{
	if (!list_empty(&b->early))
		give_back(s, &b->early);
}

/* Their bodies are synced: they go into the transaction, and have waited. */
static bool run_synced(struct spool *s, struct batch *b)
{
	struct link *at;
	struct err err;
	bool back;

	(void)pthread_mutex_lock(&s->mutex);
	back = syncer_is(&s->syncer, SYNCER_BACK);
	(void)pthread_mutex_unlock(&s->mutex);
	if (!back)
		return true;
	if (!syncer_take(&s->syncer, &s->ledger->segments, &err)) {
		err_within(&err, "the spool stopped");
		return stop_for(s, &err);
	}
	atomic_store(&s->syncing_us, 0);
	while ((at = list_pop(&b->syncing)) != NULL)
		if (!run_within(s, b, LIST_OF(at, struct spool_req, link)))
			return false;
	b->urgent = true;
	return true;
}

/*
 * Those that were written go to be synced, if it is time, or if a commit is
 * about to keep us from it. now: all that there is.
 */
static void sync_written(struct spool *s, struct batch *b, bool now)
{
	struct link *at;

	if (!b->nwritten || !list_empty(&b->syncing) ||
	    (!now && gather_us(b, b->nwritten, b->written_us, true) > 0))
		return;
	while ((at = list_pop(&b->written)) != NULL)
		list_push(&b->syncing, at);
	b->nwritten = 0;
	atomic_store(&s->syncing_us, clock_us());
	syncer_go(&s->syncer, &s->ledger->segments);
}

uint64_t spool_syncing_ms(const struct spool *s)
{
	int64_t since = atomic_load(&s->syncing_us);

	return since ? (uint64_t)(clock_us() - since) / 1000 : 0;
}

/*
 * One turn: take what waits, run it, one slice of a job, commit if it is time.
 * false: ended.
 */
static bool turn(struct spool *s, struct batch *b, struct link *todo)
{
	struct ledger *l = s->ledger;
	bool jobs = !list_empty(&l->jobs);
	bool apart = !list_empty(&l->apart), open = l->begun;
	int64_t wait = jobs || (apart && !open) ? 0 : idle_us(s, b);
	bool more = take(s, todo, wait), due;

	if (!run_all(s, b, todo))
		return false;
	if (!list_empty(&l->jobs) && !run_job(s, b))
		return false;
	give_back_early(s, b);
	if (!run_synced(s, b))
		return false;
	/* A job alone: each slice that wrote is a commit of its own. */
	due = l->begun && (commit_in(s, b) == 0 || !more);
	sync_written(s, b, due || !more);
	if (due && !commit(s, b))
		return false;
	if (!l->begun && !list_empty(&l->apart) && !run_apart(s, b))
		return false;
	return more || !list_empty(&l->jobs) || !list_empty(&l->apart) ||
	       l->begun || b->nwritten || !list_empty(&b->syncing);
}

/* After a fatal error: all that is out goes back, to be cancelled. */
static void give_up(struct spool *s, struct batch *b, struct link *todo)
{
	struct link *at;
	void (*wake)(void *);

	(void)pthread_mutex_lock(&s->mutex);
	while ((at = list_pop(&b->ran)) || (at = list_pop(&b->early)) ||
	       (at = list_pop(&b->syncing)) || (at = list_pop(&b->written)) ||
	       (at = list_pop(todo)))
		list_push(&s->outbox, at);
	while ((at = list_pop(&s->ledger->jobs)) ||
	       (at = list_pop(&s->ledger->apart))) {
		struct ledger_job *j = LIST_OF(at, struct ledger_job, link);

		list_push(&s->outbox, &j->req->link);
		ledger_job_free(j);
	}
	s->stopped = true;
	wake = s->options.wake;
	(void)pthread_cond_signal(&s->answered);
	(void)pthread_mutex_unlock(&s->mutex);
	if (wake && atomic_load(&s->failed))
		wake(s->options.who);
}

static void *store_main(void *arg)
{
	struct spool *s = arg;
	struct batch b = { 0 };
	struct link todo;

	list_init(&b.ran);
	list_init(&b.early);
	list_init(&b.written);
	list_init(&b.syncing);
	list_init(&todo);
	syncer_init(&s->syncer, &s->mutex, &s->asked);
	while (turn(s, &b, &todo))
		;
	syncer_fini(&s->syncer); /* nothing is closed beneath it */
	give_up(s, &b, &todo);
	return NULL;
}

/* --- asking thread ------------------------------------------------------ */

bool store_start(struct spool *s, struct err *err)
{
	sigset_t all, old;
	int bad;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	bad = pthread_create(&s->thread, NULL, store_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (bad)
		return err_errno(err, bad, "cannot start the store thread");
	s->threaded = true;
	return true;
}

void store_stop(struct spool *s)
{
	if (!s->threaded)
		return;
	store_send(s);
	(void)pthread_mutex_lock(&s->mutex);
	s->closing = true;
	s->options.wake = NULL;
	(void)pthread_cond_signal(&s->asked);
	(void)pthread_mutex_unlock(&s->mutex);
	(void)pthread_join(s->thread, NULL);
	s->threaded = false;
}

void store_ask(struct spool *s, struct spool_req *r,
	       bool (*run)(struct ledger *, struct spool_req *))
{
	bool first = list_empty(&s->kept);

	r->run = run;
	r->ok = false;
	r->err = (struct err){ 0 };
	s->out++;
	list_push(&s->kept, &r->link);
	if (!s->threaded || !s->options.asked)
		store_send(s);
	else if (first)
		s->options.asked(s->options.who);
}

void store_send(struct spool *s)
{
	struct link *at;
	bool first;

	if (list_empty(&s->kept))
		return;
	(void)pthread_mutex_lock(&s->mutex);
	first = list_empty(&s->inbox);
	while ((at = list_pop(&s->kept)) != NULL)
		list_push(&s->inbox, at);
	(void)pthread_mutex_unlock(&s->mutex);
	/* behind it: else who wakes finds it locked, and sleeps again */
	if (first)
		(void)pthread_cond_signal(&s->asked);
}

bool store_wait(struct spool *s, struct spool_req *r)
{
	bool back;

	store_send(s);
	(void)pthread_mutex_lock(&s->mutex);
	while (s->waited_for == r && !s->stopped)
		(void)pthread_cond_wait(&s->answered, &s->mutex);
	back = s->waited_for != r;
	if (!back) /* wherever it got stuck: it is the caller's again */
		list_drop(&r->link);
	s->waited_for = NULL;
	(void)pthread_mutex_unlock(&s->mutex);
	s->out--;
	return back;
}

static void cancelled(struct spool_req *r)
{
	r->ok = err_set(&r->err, ERR_CANCELLED, "the spool stopped");
	/* Its lease, if it has one, goes with the segments. */
	if (r->run == ledger_run_put)
		LIST_OF(r, struct spool_put, req)->body->sink.segment = NULL;
	if (r->run == body_run_drop)
		LIST_OF(r, struct spool_body, dropped)->sink.segment = NULL;
}

static void finish(struct spool *s, struct spool_req *r, bool cancel)
{
	s->out--;
	if (cancel)
		cancelled(r);
	if (r->run == ledger_run_put) {
		struct spool_put *p = LIST_OF(r, struct spool_put, req);

		body_free(p->body);
		p->body = NULL;
	}
	if (r->run == body_run_chunk)
		body_chunk_back(r);
	else if (r->done)
		r->done(r);
}

void store_results(struct spool *s, bool cancel)
{
	struct link back, *at;

	list_init(&back);
	(void)pthread_mutex_lock(&s->mutex);
	if (!atomic_load(&s->failed) || cancel)
		while ((at = list_pop(&s->outbox)) != NULL)
			list_push(&back, at);
	(void)pthread_mutex_unlock(&s->mutex);
	while ((at = list_pop(&back)) != NULL)
		finish(s, LIST_OF(at, struct spool_req, link), cancel);
}
