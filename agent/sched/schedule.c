#include "schedule.h"
#include "backoff.h"
#include "list.h"
#include "must.h"
#include "outage.h"

#include <stdlib.h>

/* A wall clock gains so much by being corrected; more means a jump. */
#define JUMP_MS 10000
/* No wait that was written down is longer; one that seems so was written when
 * the clock stood elsewhere. */
#define LONGEST_MS (INT64_C(25) * 3600000)
#define NEVER	   INT64_MAX

enum entry_state {
	ENTRY_RESTING, /* in the heap, where it has a due */
	ENTRY_READY,   /* in its host's list */
	ENTRY_RUNNING,
};

struct entry {
	struct link link; /* in ready or requested of its host */
	struct host *host;
	int64_t due_ms; /* of the schedule's clock; NEVER */
	int64_t began_ms;
	uint64_t every_ms;
	size_t at; /* place in the heap plus 1; 0: not in it */
	enum entry_state state;
	bool requested;
	bool waits;  /* due_ms is a wait that only a request ends */
	bool missed; /* its host could not be reached the last time */
	bool probes;
	bool counts; /* of connected, for its host and for all */
};

struct host {
	struct link link; /* in turns, while somebody is ready */
	struct link requested, ready;
	size_t connected;
	int64_t paced_ms; /* GCRA: when the next would be in step */
};

struct schedule {
	struct schedule_options o;
	struct entry *all;
	struct host *hosts;
	struct outage outage;
	struct entry **heap; /* [0] is due first */
	size_t count;
	struct link turns; /* hosts with somebody ready */
	size_t running, connected, probing;
	int64_t paced_ms;
	/* The schedule's clock: the monotonic one, and what the wall clock
	 * gained on it. */
	struct schedule_now last;
	int64_t gained_ms;
};

/* --- the clock ------------------------------------------------------------ */

static int64_t tell(struct schedule *s, struct schedule_now now)
{
	int64_t passed = (int64_t)(now.now_ms - s->last.now_ms);
	int64_t gained = now.unix_ms - s->last.unix_ms - passed;

	if (gained > JUMP_MS)
		s->gained_ms += gained;
	s->last = now;
	return (int64_t)now.now_ms + s->gained_ms;
}

static int64_t told(const struct schedule *s)
{
	return (int64_t)s->last.now_ms + s->gained_ms;
}

/* A wait that ends at that wall time. */
static int64_t wait_until(struct schedule_now now, int64_t unix_ms)
{
	int64_t wait = unix_ms - now.unix_ms;

	return !unix_ms || wait < 0 ? 0 : wait > LONGEST_MS ? LONGEST_MS : wait;
}

/* --- the heap: a parent is never due after its children ------------------- */

static void put(struct schedule *s, size_t i, struct entry *e)
{
	s->heap[i] = e;
	e->at = i + 1;
}

static void sift_up(struct schedule *s, size_t i, struct entry *e)
{
	for (; i > 0 && e->due_ms < s->heap[(i - 1) / 2]->due_ms;
	     i = (i - 1) / 2)
		put(s, i, s->heap[(i - 1) / 2]);
	put(s, i, e);
}

static void sift_down(struct schedule *s, size_t i, struct entry *e)
{
	size_t child;

	while ((child = 2 * i + 1) < s->count) {
		if (child + 1 < s->count &&
		    s->heap[child + 1]->due_ms < s->heap[child]->due_ms)
			child++;
		if (e->due_ms <= s->heap[child]->due_ms)
			break;
		put(s, i, s->heap[child]);
		i = child;
	}
	put(s, i, e);
}

static void heap_drop(struct schedule *s, struct entry *e)
{
	size_t i = e->at - 1;
	struct entry *last;

	if (!e->at)
		return;
	last = s->heap[--s->count];
	e->at = 0;
	if (last == e)
		return;
	if (i > 0 && last->due_ms < s->heap[(i - 1) / 2]->due_ms)
		sift_up(s, i, last);
	else
		sift_down(s, i, last);
}

/* --- states --------------------------------------------------------------- */

static void leave(struct schedule *s, struct entry *e)
{
	struct host *h = e->host;

	heap_drop(s, e);
	list_drop(&e->link);
	if (list_empty(&h->ready) && list_empty(&h->requested))
		list_drop(&h->link);
}

static void rest(struct schedule *s, struct entry *e, int64_t due_ms)
{
	leave(s, e);
	e->state = ENTRY_RESTING;
	e->due_ms = due_ms;
	if (due_ms != NEVER)
		sift_up(s, s->count++, e);
}

static void be_ready(struct schedule *s, struct entry *e)
{
	struct host *h = e->host;

	leave(s, e);
	e->state = ENTRY_READY;
	if (list_empty(&h->link))
		list_push(&s->turns, &h->link);
	list_push(e->requested ? &h->requested : &h->ready, &e->link);
}

static void run(struct schedule *s, struct entry *e)
{
	leave(s, e);
	e->state = ENTRY_RUNNING;
	e->requested = false;
	e->began_ms = told(s);
	e->counts = true;
	e->host->connected++;
	s->connected++;
	s->running++;
}

static void take_due(struct schedule *s)
{
	while (s->count > 0 && s->heap[0]->due_ms <= told(s))
		be_ready(s, s->heap[0]);
}

/* --- pace (generic cell rate algorithm) ----------------------------------- */

static int64_t pace_wait(const struct schedule *s, uint32_t pace,
			 int64_t paced_ms)
{
	int64_t room = pace ? 1000 * (int64_t)(SCHEDULE_BURST - 1) / pace : 0;
	int64_t wait = paced_ms - room - told(s);

	return pace && wait > 0 ? wait : 0;
}

static void pace_step(const struct schedule *s, uint32_t pace,
		      int64_t *paced_ms)
{
	if (!pace)
		return;
	if (*paced_ms < told(s))
		*paced_ms = told(s);
	*paced_ms += 1000 / pace ? 1000 / pace : 1;
}

/* --- what is known of an account ------------------------------------------ */

static uint64_t jittered(struct schedule *s, uint64_t every_ms)
{
	return backoff_ms(1, every_ms, every_ms, s->o.random());
}

void schedule_account(struct schedule *s, size_t i, struct schedule_now now,
		      const struct schedule_account *a)
{
	struct entry *e = &s->all[i];
	int64_t t = tell(s, now), wait = wait_until(now, a->not_before_ms);
	int64_t due = t;

	MUST(i < s->o.accounts && a->host < s->o.hosts);
	MUST(e->state != ENTRY_RUNNING);
	leave(s, e);
	e->host = &s->hosts[a->host];
	e->every_ms = a->poll_every_ms;
	e->waits = a->failed && wait > 0;
	/* a poll that lies in the future was of another clock */
	if (!a->failed && a->last_poll_ms && a->last_poll_ms <= now.unix_ms)
		due = t - (now.unix_ms - a->last_poll_ms) +
		      (int64_t)jittered(s, e->every_ms);
	if (wait && due < t + wait)
		due = t + wait;
	rest(s, e, a->poll_every_ms ? due : NEVER);
	if (e->requested)
		be_ready(s, e);
}

void schedule_request(struct schedule *s, size_t i)
{
	struct entry *e = &s->all[i];

	if (e->requested)
		return;
	e->requested = true;
	if (e->state != ENTRY_RUNNING)
		be_ready(s, e);
}

void schedule_withdraw(struct schedule *s, size_t i)
{
	struct entry *e = &s->all[i];

	if (!e->requested)
		return;
	e->requested = false;
	if (e->state == ENTRY_READY)
		rest(s, e, e->due_ms);
}

void schedule_poll_all(struct schedule *s, struct schedule_now now)
{
	int64_t t = tell(s, now);

	for (size_t i = 0; i < s->o.accounts; i++) {
		struct entry *e = &s->all[i];

		if (e->state == ENTRY_RUNNING && e->every_ms)
			e->requested = true; /* it may have looked before */
		if (e->state == ENTRY_RESTING && e->due_ms != NEVER &&
		    e->due_ms > t && (!e->waits || e->missed))
			rest(s, e, t);
	}
}

/* --- turns ---------------------------------------------------------------- */

/* Whose turn it is at h; NULL: nobody's, as things are. */
static struct entry *first_of(const struct schedule *s, const struct host *h,
			      bool also_due)
{
	if (h->connected >= s->o.most_per_host ||
	    pace_wait(s, s->o.pace_per_host, h->paced_ms))
		return NULL;
	if (!list_empty(&h->requested))
		return LIST_OF(h->requested.next, struct entry, link);
	if (also_due && !list_empty(&h->ready))
		return LIST_OF(h->ready.next, struct entry, link);
	return NULL;
}

/* The next host in turn that may; it goes behind the others. */
static struct entry *next_in_turn(struct schedule *s, bool also_due)
{
	LIST_EACH(at, kept, &s->turns) {
		struct host *h = LIST_OF(at, struct host, link);
		struct entry *e = first_of(s, h, also_due);

		if (e) {
			list_drop(&h->link);
			list_push(&s->turns, &h->link);
			return e;
		}
	}
	return NULL;
}

/* Whoever is ready, else whoever will be first. */
static struct entry *next_probe(struct schedule *s)
{
	struct entry *e;

	if (s->probing || s->outage.probe_at_ms > told(s))
		return NULL;
	e = next_in_turn(s, true);
	return e || !s->count ? e : s->heap[0];
}

bool schedule_next(struct schedule *s, struct schedule_now now, size_t *i,
		   bool *is_probe)
{
	struct entry *e;

	(void)tell(s, now);
	take_due(s);
	*is_probe = false;
	if (s->connected >= s->o.most || pace_wait(s, s->o.pace, s->paced_ms))
		return false;
	e = next_in_turn(s, !s->outage.is_down);
	if (!e && s->outage.is_down) {
		e = next_probe(s);
		*is_probe = e != NULL;
	}
	if (!e)
		return false;
	pace_step(s, s->o.pace, &s->paced_ms);
	pace_step(s, s->o.pace_per_host, &e->host->paced_ms);
	e->probes = *is_probe;
	s->probing += e->probes;
	run(s, e);
	*i = (size_t)(e - s->all);
	return true;
}

bool schedule_guest(struct schedule *s, size_t i, struct schedule_now now)
{
	struct host *h = s->all[i].host;

	(void)tell(s, now);
	if (s->outage.is_down || s->connected >= s->o.most ||
	    h->connected >= s->o.most_per_host ||
	    pace_wait(s, s->o.pace, s->paced_ms) ||
	    pace_wait(s, s->o.pace_per_host, h->paced_ms))
		return false;
	pace_step(s, s->o.pace, &s->paced_ms);
	pace_step(s, s->o.pace_per_host, &h->paced_ms);
	h->connected++;
	s->connected++;
	return true;
}

void schedule_guest_left(struct schedule *s, size_t i)
{
	s->all[i].host->connected--;
	s->connected--;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Of those that are ready: until one of them may. */
static int64_t turn_wait(const struct schedule *s)
{
	int64_t all = pace_wait(s, s->o.pace, s->paced_ms), least = NEVER;

	if (s->connected >= s->o.most)
		return NEVER;
	LIST_EACH(at, kept, (struct link *)&s->turns) {
		const struct host *h = LIST_OF(at, struct host, link);
		int64_t wait = pace_wait(s, s->o.pace_per_host, h->paced_ms);

		if (h->connected >= s->o.most_per_host ||
		    (s->outage.is_down && list_empty(&h->requested)))
			continue;
		least = sooner(least, wait > all ? wait : all);
		if (least == all)
			break;
	}
	return least;
}

uint64_t schedule_wait_ms(const struct schedule *s, struct schedule_now now)
{
	int64_t t = (int64_t)now.now_ms + s->gained_ms;
	int64_t wait = sooner(SCHEDULE_LOOK_MS, turn_wait(s));

	if (s->outage.is_down && !s->probing)
		wait = sooner(wait, s->outage.probe_at_ms - t);
	else if (!s->outage.is_down && s->count)
		wait = sooner(wait, s->heap[0]->due_ms - t);
	return wait > 0 ? (uint64_t)wait : 0;
}

/* --- how it went ---------------------------------------------------------- */

static void call_back_missed(struct schedule *s)
{
	for (size_t i = 0; i < s->o.accounts; i++) {
		struct entry *e = &s->all[i];

		if (e->missed && e->state == ENTRY_RESTING &&
		    e->due_ms != NEVER && e->due_ms > told(s))
			rest(s, e, told(s));
	}
}

static void note_reach(struct schedule *s, struct entry *e,
		       enum schedule_reach reach)
{
	switch (reach) {
	case SCHEDULE_UNTRIED:
		/* another probe soon, by somebody else */
		break;
	case SCHEDULE_REACHED:
	case SCHEDULE_UNREACHED:
		e->missed = reach == SCHEDULE_UNREACHED;
		if (outage_note(&s->outage, (size_t)(e->host - s->hosts),
				!e->missed, told(s), s->o.random()) &&
		    !s->outage.is_down)
			call_back_missed(s);
		break;
	}
}

static int64_t due_after(struct schedule *s, const struct entry *e,
			 int64_t wait, bool failed)
{
	int64_t t = told(s), every, due;

	if (!e->every_ms)
		return NEVER;
	if (failed && wait)
		return t + wait;
	/* counted from its beginning; but a slow one leaves a gap, too */
	every = (int64_t)jittered(s, e->every_ms);
	due = e->began_ms + every;
	if (due < t + every / 10)
		due = t + every / 10;
	return due < t + wait ? t + wait : due;
}

void schedule_disconnected(struct schedule *s, size_t i)
{
	struct entry *e = &s->all[i];

	if (!e->counts)
		return;
	e->counts = false;
	e->host->connected--;
	s->connected--;
}

void schedule_ended(struct schedule *s, size_t i, struct schedule_now now,
		    const struct schedule_end *end)
{
	struct entry *e = &s->all[i];
	int64_t t = tell(s, now), wait = wait_until(now, end->not_before_ms);

	MUST(e->state == ENTRY_RUNNING);
	schedule_disconnected(s, i);
	s->running--;
	s->probing -= e->probes;
	e->probes = false;
	e->waits = end->failed && wait > 0;
	rest(s, e, due_after(s, e, wait, end->failed));
	note_reach(s, e, end->reach);
	/* in an outage nothing is known of it: it is due when that is over */
	if (s->outage.is_down && e->missed && e->due_ms != NEVER)
		rest(s, e, t + (int64_t)e->every_ms);
	if (e->requested)
		be_ready(s, e);
}

/* --- all of it ------------------------------------------------------------ */

bool schedule_is_offline(const struct schedule *s)
{
	return s->outage.is_down;
}

int64_t schedule_due_ms(const struct schedule *s, size_t i,
			struct schedule_now now)
{
	const struct entry *e = &s->all[i];
	int64_t t = (int64_t)now.now_ms + s->gained_ms;

	switch (e->state) {
	case ENTRY_RUNNING:
		return 0;
	case ENTRY_READY:
		return now.unix_ms;
	case ENTRY_RESTING:
		break;
	}
	if (e->due_ms == NEVER)
		return 0;
	return now.unix_ms + (e->due_ms > t ? e->due_ms - t : 0);
}

size_t schedule_running(const struct schedule *s)
{
	return s->running;
}

struct schedule *schedule_new(const struct schedule_options *o,
			      struct schedule_now now)
{
	struct schedule *s = mem_new(sizeof(*s));

	MUST(o->most && o->most_per_host);
	s->o = *o;
	s->last = now;
	s->all = mem_new((o->accounts + 1) * sizeof(*s->all));
	s->hosts = mem_new((o->hosts + 1) * sizeof(*s->hosts));
	s->heap = mem_new((o->accounts + 1) * sizeof(struct entry *));
	outage_init(&s->outage, o->hosts);
	list_init(&s->turns);
	for (size_t i = 0; i < o->hosts; i++) {
		list_init(&s->hosts[i].link);
		list_init(&s->hosts[i].requested);
		list_init(&s->hosts[i].ready);
	}
	for (size_t i = 0; i < o->accounts; i++) {
		list_init(&s->all[i].link);
		s->all[i].host = s->hosts;
		s->all[i].due_ms = NEVER;
	}
	return s;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	outage_fini(&s->outage);
	free(s->all);
	free(s->hosts);
	free(s->heap);
	free(s);
}
