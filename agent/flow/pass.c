#include "pass.h"
#include "deliveries.h"
#include "hand.h"
#include "must.h"
#include "seats.h"
#include "solo.h"
#include "visit.h"

#include <stdlib.h>

#define DUE_SOON_MS   30000 /* INTERFACE 1, fetch */
#define STOP_MS	      8000u
#define QUIET_MS      30000u
#define QUIET_LOOK_MS 100u

/* One configured account; visit NULL: not asked for in this pass. */
struct guest {
	struct pass *pass;
	struct seat *seat;
	struct pass_account *told;
	struct visit *visit;
	bool over;
};

struct pass {
	struct parts parts;
	struct solo solo;
	struct hand hand;
	struct pass_options options;
	const struct pass_reports *reports;
	void *who;
	struct deliveries *deliveries;
	struct seats *seats;
	struct guest *guests;
	struct pass_account *told; /* those asked for, in order */
	size_t ntold;
	size_t binding, loading, over;
	bool looked, begun, finishing, finished, sealing, stopping, ended, cut;
	bool is_guest;	   /* seats and deliveries are somebody else's */
	int delivery_exit; /* then: of those that failed meanwhile */
	uint64_t quiet_by_ms;
	struct spool_call seal;
	struct err failure;
	struct task go_on, wake_all;
	struct timer patience;
};

const char *pass_reason_text(enum pass_reason r)
{
	static const char *const text[] = {
		[REASON_NEW] = "new",
		[REASON_QUEUED] = "in the queue",
		[REASON_DELIVERED] = "delivered before",
		[REASON_LATER] = "delivered, to be deleted later",
		[REASON_DUE] = "delivered, to be deleted",
		[REASON_GUARDED] = "delivered, to be deleted if you say so",
		[REASON_STUCK] = "delivered, cannot be deleted",
		[REASON_ADOPTED] = "was there before",
		[REASON_AGE] = "too old",
		[REASON_SIZE] = "too large",
		[REASON_MARKED] = "marked as deleted by somebody else",
		[REASON_GONE] = "deleted by us, listed all the same",
		[REASON_TO_MOVE] = "delivered, to be moved",
		[REASON_MOVED] = "moved by us, listed all the same",
		[REASON_SEEN] = "marked as seen",
		[REASON_EMPTY] = "without content so far",
		[REASON_DROPPED] = "dropped from the queue",
		[REASON_UNDECIDED] = "undecided",
		[REASON_KNOWN] = "known under another identity",
		[REASON_TWIN] = "known in another folder",
		[REASON_AGAIN] = "asked for again",
		[REASON_DUPLICATE] = "came another way",
	};

	return text[r];
}

static size_t guests_of(const struct pass *p)
{
	return p->parts.config->n_accounts;
}

/* account 0: a notice of our own. */
static struct guest *guest_of(struct pass *p, int64_t account)
{
	for (size_t i = 0; i < guests_of(p); i++)
		if (account && p->guests[i].seat->bind.a.id == account)
			return &p->guests[i];
	return NULL;
}

/* --- the end -------------------------------------------------------------- */

static void end(struct pass *p)
{
	if (p->ended)
		return;
	p->ended = true;
	timer_stop(&p->patience);
	p->reports->ended(p->who);
}

static bool seal(struct ledger *l, void *arg, struct err *err)
{
	(void)l;
	(void)arg;
	(void)err;
	return true;
}

static void on_sealed(struct spool_req *req)
{
	end(req->who);
}

/*
 * The outcomes of the visits, which waited for no commit, are on disk before
 * it is said how they ended.
 */
static void seal_and_end(struct pass *p)
{
	if (p->sealing)
		return;
	if (spool_is_durable(p->parts.spool)) {
		end(p);
		return;
	}
	p->sealing = true;
	p->seal = (struct spool_call){
		.req = { .done = on_sealed, .who = p, .urgent = true },
		.fn = seal,
	};
	spool_call(p->parts.spool, &p->seal);
}

static void load_due(struct pass *p)
{
	if (!p->options.dry_run && !p->stopping &&
	    p->options.task != PASS_ADOPT)
		deliveries_load(p->deliveries, loop_unix_ms() + DUE_SOON_MS);
}

/* What was loaded for this pass is on its way, or cannot go now. */
static void wait_for_quiet(struct pass *p)
{
	uint64_t now = loop_now_ms(p->parts.loop);

	if (!p->quiet_by_ms)
		p->quiet_by_ms = now + QUIET_MS;
	if (p->options.dry_run || now >= p->quiet_by_ms ||
	    deliveries_is_quiet(p->deliveries))
		end(p);
	else
		timer_start(&p->patience, QUIET_LOOK_MS);
}

/* All rows are known. true: mail becomes due by it, which is awaited. */
static bool look_for_corrections(struct pass *p)
{
	if (p->looked || p->is_guest || p->options.dry_run)
		return false;
	p->looked = true;
	deliveries_forgive_corrected(p->deliveries);
	return p->loading > 0;
}

static void go_on(void *who)
{
	struct pass *p = who;

	if (p->binding || p->loading || p->ended)
		return;
	if (!p->begun) {
		if (look_for_corrections(p))
			return;
		p->begun = true;
		load_due(p);
		if (!p->is_guest)
			seats_open(p->seats);
	}
	if (p->over < p->ntold)
		return;
	if (p->finished) {
		seal_and_end(p);
	} else if (p->is_guest) {
		wait_for_quiet(p);
	} else if (!p->finishing) {
		p->finishing = true;
		deliveries_finish(p->deliveries);
	}
}

static void sit_down(struct guest *g)
{
	struct pass *p = g->pass;

	g->seat->bind.a = g->visit->row.id ? g->visit->row : g->seat->bind.a;
	seat_leave(g->seat, g->visit);
	g->over = true;
	g->told->phase = PASS_DONE;
	g->told->ended_ms = loop_now_ms(p->parts.loop);
	p->over++;
	p->reports->changed(p->who, g->told);
	task_post(&p->go_on);
}

/* --- deliveries ----------------------------------------------------------- */

static void on_delivery_changed(void *who, struct delivery *d)
{
	seats_wake(((struct pass *)who)->seats, d);
}

static void on_refused(void *who, const struct config_delivery *d,
		       const struct message *m)
{
	struct pass *p = who;
	struct guest *g = guest_of(p, m->account);

	if (!g || !g->visit)
		return;
	if (g->over && g->told->err.class != ERR_REFUSED) {
		g->over = false; /* its outcome is written once more */
		p->over--;
		visit_amend(g->visit, d, m);
	} else if (!g->over) {
		visit_refused(g->visit, d, m);
	}
}

/* A message from an earlier pass. */
static void on_settled(void *who, const struct message *m)
{
	struct guest *g = guest_of(who, m->account);

	if (!g || !g->told)
		return;
	if (m->state == MESSAGE_DELIVERED)
		g->told->delivered++;
	else if (m->state == MESSAGE_HELD)
		g->told->held++;
	else
		g->told->queued++;
}

static const struct config_account *owner(void *who, int64_t account)
{
	struct guest *g = guest_of(who, account);

	return g ? g->seat->config : NULL;
}

static void on_told(void *who, const struct config_delivery *d,
		    const struct err *err, bool is_new)
{
	struct pass *p = who;

	p->reports->delivery(p->who, d, err, is_new);
}

static void on_opened(void *who)
{
	struct pass *p = who;

	p->loading--;
	task_post(&p->go_on);
}

static void on_finished(void *who)
{
	struct pass *p = who;

	p->finished = true;
	task_post(&p->go_on);
}

static void hasten(struct guest *g);

static void on_corrected(void *who, int64_t account)
{
	struct guest *g = guest_of(who, account);

	if (!g)
		return;
	if (g->visit)
		g->visit->named = true;
	hasten(g);
}

static const struct deliveries_reports delivery_reports = {
	.corrected = on_corrected,
	.changed = on_delivery_changed,
	.refused = on_refused,
	.settled = on_settled,
	.owner = owner,
	.told = on_told,
	.opened = on_opened,
	.finished = on_finished,
};

/* --- visits --------------------------------------------------------------- */

static void on_visit_left(void *who, struct visit *v)
{
	struct guest *g = who;

	seat_disconnected(g->seat, v);
}

static void on_visit_ended(void *who, struct visit *v)
{
	struct guest *g = who;

	visit_sum_up(v);
	sit_down(g);
}

static void on_visit_changed(void *who, struct visit *v)
{
	struct pass *p = ((struct guest *)who)->pass;

	p->reports->changed(p->who, v->told);
}

static bool on_ask(void *who, struct visit *v, uint64_t messages,
		   uint64_t octets)
{
	struct pass *p = ((struct guest *)who)->pass;

	if (!p->reports->ask || p->options.dry_run)
		return false;
	p->reports->ask(p->who, v->told, v->folder, messages, octets);
	return true;
}

static void on_judged(void *who, struct visit *v, const struct pass_judged *j)
{
	struct pass *p = ((struct guest *)who)->pass;

	if (p->reports->judged)
		p->reports->judged(p->who, v->told, j);
}

static bool on_rest(void *who, struct visit *v)
{
	struct pass *p = ((struct guest *)who)->pass;

	return p->reports->rest && p->reports->rest(p->who, v->told, v);
}

static bool on_waited_for(void *who, struct visit *v)
{
	const struct pass *p = ((struct guest *)who)->pass;

	(void)v;
	return !p->is_guest && p->over + 1 == p->ntold;
}

static const struct visit_reports visit_reports = {
	.rest = on_rest,
	.waited_for = on_waited_for,
	.left = on_visit_left,
	.ended = on_visit_ended,
	.changed = on_visit_changed,
	.ask = on_ask,
	.judged = on_judged,
};

/* --- beginning ------------------------------------------------------------ */

/* In a process that stays a delivery may be paused, too. */
static void on_hastened(void *who)
{
	struct guest *g = who;
	struct pass *p = g->pass;

	if (!p->is_guest)
		deliveries_forgive(p->deliveries, g->seat->bind.a.id);
	else if (!p->stopping)
		deliveries_retry(p->deliveries, g->seat->bind.a.id);
	on_opened(p);
}

static void hasten(struct guest *g)
{
	g->pass->loading++;
	seat_hasten(g->seat, on_hastened, g);
}

/* `fetch` without names takes those that are polled; the rest is asked for. */
static bool is_requested(const struct pass *p)
{
	return p->options.names || p->options.task != PASS_FETCH;
}

/*
 * A named account is tried at once, and so is one whose setting was refused
 * when its time has come: its mail first, to see whether that is mended.
 */
static void hasten_queue(struct guest *g)
{
	const struct spool_bind *b = &g->seat->bind;
	struct pass *p = g->pass;

	if (p->options.dry_run || p->options.task == PASS_ADOPT ||
	    (!p->options.names &&
	     (b->a.health != HEALTH_REFUSED || b->a.next_poll_ms > b->now_ms)))
		return;
	hasten(g);
}

/* Its row is known. */
static void admit(struct guest *g)
{
	const struct config_account *a = g->seat->config;
	struct pass *p = g->pass;

	if (!a->enabled) {
		g->told->result = PASS_DISABLED;
		sit_down(g);
	} else if (!a->poll_every_ms && !is_requested(p)) {
		g->told->result = PASS_ON_REQUEST;
		sit_down(g);
	} else {
		hasten_queue(g);
		seat_book(g->seat, g->visit);
	}
}

static void on_bound(void *who, struct seat *s)
{
	struct pass *p = who;
	struct guest *g = &p->guests[s->config - p->parts.config->accounts];

	p->binding--;
	task_post(&p->go_on);
	if (!g->visit || g->over)
		return;
	if (s->bind.req.ok) {
		admit(g);
	} else {
		visit_fail(g->visit, &s->bind.req.err);
		on_visit_ended(g, g->visit);
	}
}

static bool is_asked(const struct pass_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (strcmp(o->names[i], name) == 0)
			return true;
	return !o->names;
}

static void try_deliveries(struct pass *p, const struct config_account *a)
{
	deliveries_try(p->deliveries, a->own.delivery);
	for (size_t i = 0; i < a->n_blocks; i++)
		deliveries_try(p->deliveries, a->blocks[i].delivery);
}

static void invite(struct pass *p, size_t i)
{
	struct guest *g = &p->guests[i];

	g->pass = p;
	g->seat = seats_at(p->seats, i);
	if (!is_asked(&p->options, g->seat->config->name))
		return;
	if (p->options.names && !p->is_guest)
		try_deliveries(p, g->seat->config);
	g->told = &p->told[p->ntold++];
	g->told->config = g->seat->config;
	g->visit = visit_new(&p->parts, p->deliveries, &p->options, g->told,
			     is_requested(p), &visit_reports, g);
}

/* Where a suspect waited, or waits for one, it may go on now. */
static void wake_all(void *who)
{
	struct pass *p = who;

	deliveries_wake(p->deliveries);
	seats_wake(p->seats, NULL);
}

static void on_solo_changed(void *who)
{
	task_post(&((struct pass *)who)->wake_all);
}

static void on_patience_over(void *who)
{
	struct pass *p = who;

	if (p->is_guest) {
		task_post(&p->go_on);
		return;
	}
	deliveries_abort(p->deliveries);
	p->cut = true;
	end(p);
}

static struct pass *new_pass(const struct parts *parts,
			     const struct pass_options *o,
			     const struct pass_reports *r, void *who)
{
	const size_t n = parts->config->n_accounts;
	struct pass *p = mem_new(sizeof(*p));

	p->parts = *parts;
	p->options = *o;
	p->reports = r;
	p->who = who;
	p->guests = mem_new((n + 1) * sizeof(*p->guests));
	p->told = mem_new((n + 1) * sizeof(*p->told));
	task_init(&p->go_on, parts->loop, go_on, p);
	task_init(&p->wake_all, parts->loop, wake_all, p);
	timer_init(&p->patience, parts->loop, on_patience_over, p);
	return p;
}

struct pass *pass_start(const struct parts *parts, const struct pass_options *o,
			const struct pass_reports *r, void *who)
{
	struct pass *p = new_pass(parts, o, r, who);

	p->solo = (struct solo){ .changed = on_solo_changed, .who = p };
	p->parts.solo = &p->solo;
	p->parts.hand = &p->hand;
	p->deliveries =
		deliveries_new(&p->parts, !o->dry_run, &delivery_reports, p);
	p->seats = seats_new(
		&p->parts, p->deliveries,
		&(struct seats_options){ .bound = on_bound, .who = p });
	for (size_t i = 0; i < guests_of(p); i++)
		invite(p, i);
	/* rows before the queue: a stamp names the account */
	p->binding = guests_of(p);
	p->loading = 1;
	seats_bind(p->seats);
	deliveries_open(p->deliveries);
	return p;
}

/* --- in a process that stays ---------------------------------------------- */

struct pass *pass_start_in(const struct parts *parts, struct deliveries *ds,
			   struct seats *ss, const struct pass_options *o,
			   const struct pass_reports *r, void *who)
{
	struct pass *p = new_pass(parts, o, r, who);

	p->is_guest = true;
	p->deliveries = ds;
	p->seats = ss;
	for (size_t i = 0; i < guests_of(p); i++)
		invite(p, i);
	for (size_t i = 0; i < guests_of(p); i++)
		if (p->guests[i].visit)
			admit(&p->guests[i]);
	task_post(&p->go_on);
	return p;
}

void pass_note_settled(struct pass *p, const struct message *m)
{
	on_settled(p, m);
}

bool pass_note_refused(struct pass *p, const struct config_delivery *d,
		       const struct message *m)
{
	struct guest *g = guest_of(p, m->account);

	if (!g || !g->visit || g->over || g->seat->visit != g->visit)
		return false;
	visit_refused(g->visit, d, m);
	return true;
}

void pass_note_delivery(struct pass *p, const struct config_delivery *d,
			const struct err *err)
{
	if (err)
		p->delivery_exit =
			err_worse(p->delivery_exit, err_exit(err->class));
	if (!p->ended)
		p->reports->delivery(p->who, d, err, true);
}

/* Nobody here asked for the end, and who waits for it must not take it for a
 * visit. */
static void not_tried(struct pass_account *a)
{
	a->result = PASS_FAILED;
	(void)err_set(&a->err, ERR_BUSY,
		      "not tried: the running mailhaul reloads or stops");
	(void)err_remedy(&a->err, "fetch again");
	a->err_is_new = true;
}

void pass_shut(struct pass *p)
{
	p->stopping = true;
	for (size_t i = 0; i < guests_of(p); i++) {
		struct guest *g = &p->guests[i];

		if (!g->visit || g->over || g->seat->visit == g->visit)
			continue;
		if (p->is_guest)
			not_tried(g->told);
		sit_down(g);
	}
}

void pass_answer(struct pass *p, struct pass_account *a, enum pass_choice c)
{
	for (size_t i = 0; i < guests_of(p); i++)
		if (p->guests[i].told == a && p->guests[i].visit)
			visit_answer(p->guests[i].visit, c);
}

/* --- ending early --------------------------------------------------------- */

void pass_store_failed(struct pass *p)
{
	const struct err *err = spool_fatal(p->parts.spool);

	if (p->ended)
		return;
	p->failure = *err;
	p->stopping = true;
	deliveries_abort(p->deliveries);
	seats_abort(p->seats);
	p->cut = true;
	end(p);
}

void pass_stop(struct pass *p)
{
	if (p->stopping || p->ended)
		return;
	p->stopping = true;
	timer_start(&p->patience, STOP_MS);
	seats_stop(p->seats);
	pass_shut(p);
	deliveries_stop(p->deliveries);
}

const struct pass_account *pass_accounts(const struct pass *p, size_t *n)
{
	*n = p->ntold;
	return p->told;
}

const struct err *pass_failure(const struct pass *p)
{
	return &p->failure;
}

int pass_exit(const struct pass *p)
{
	int code = err_worse(err_exit(p->failure.class),
			     p->is_guest ? p->delivery_exit
					 : deliveries_exit(p->deliveries));

	for (size_t i = 0; i < p->ntold; i++)
		code = err_worse(code, err_exit(p->told[i].err.class));
	return code;
}

bool pass_is_clean(const struct pass *p)
{
	return p->ended && !p->cut;
}

void pass_free(struct pass *p)
{
	if (!p)
		return;
	p->solo.changed = NULL;
	for (size_t i = 0; i < guests_of(p); i++)
		visit_free(p->guests[i].visit);
	if (!p->is_guest) {
		seats_free(p->seats);
		deliveries_free(p->deliveries);
	}
	task_cancel(&p->go_on);
	task_cancel(&p->wake_all);
	timer_stop(&p->patience);
	free(p->guests);
	free(p->told);
	free(p);
}
