#include "pass.h"
#include "delivery.h"
#include "event.h"
#include "log.h"
#include "must.h"
#include "query.h"
#include "solo.h"
#include "stamp.h"
#include "trouble.h"
#include "visit.h"

#include <stdlib.h>

#define DUE_SOON_MS 30000 /* INTERFACE 1, fetch */
#define STOP_MS	    8000u

struct host {		  /* that accounts share */
	const char *name; /* borrowed from the configuration */
	size_t active;
};

/* One configured account; visit NULL: not asked for in this pass. */
struct seat {
	struct pass *pass;
	const struct config_account *config;
	struct pass_account *told;
	struct host *host;
	struct visit *visit;
	struct spool_bind bind;
	struct spool_call hasten;
	bool active, over;
};

struct counter { /* one configured delivery */
	struct pass *pass;
	struct delivery *delivery;
	struct spool_delivery row;
	bool finished, failed, recovered;
	union {
		struct spool_delivery_load load;
		struct spool_delivery_save save;
	} req;
};

struct pass {
	struct parts parts;
	struct solo solo;
	struct pass_options options;
	const struct pass_reports *reports;
	void *who;
	struct seat *seats;
	struct host *hosts;
	size_t nhosts, active;
	size_t first; /* seats before it are active or over */
	struct counter *counters;
	struct pass_account *told; /* those asked for, in order */
	size_t ntold;
	size_t binding, loading, over, closed;
	bool begun, finishing, stopping, ended, cut;
	struct err failure;
	struct task schedule, wake_all;
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
		[REASON_DROPPED] = "dropped from the queue",
		[REASON_UNDECIDED] = "undecided",
		[REASON_KNOWN] = "known under another identity",
		[REASON_TWIN] = "known in another folder",
		[REASON_AGAIN] = "asked for again",
	};

	return text[r];
}

static void finish_if_over(struct pass *p);
static void end_if_closed(struct pass *p);

/* --- deliveries ---------------------------------------------------------- */

static struct seat *seat_of(struct pass *p, int64_t account)
{
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		if (p->seats[i].bind.a.id == account)
			return &p->seats[i];
	return NULL;
}

static void on_delivery_changed(void *who, struct delivery *d)
{
	struct counter *c = who;
	struct pass *p = c->pass;

	for (size_t i = 0; i < p->parts.config->n_accounts; i++) {
		struct visit *v = p->seats[i].visit;

		if (v && p->seats[i].active && v->delivery == d)
			visit_wake(v);
	}
}

static void on_refused(void *who, struct delivery *d, const struct message *m)
{
	struct counter *c = who;
	struct seat *s = seat_of(c->pass, m->account);

	(void)d;
	if (!s || !s->visit)
		return;
	if (s->over && s->told->err.class != ERR_REFUSED) {
		s->over = false; /* its outcome is written once more */
		c->pass->over--;
		visit_amend(s->visit, m->reason);
	} else if (!s->over) {
		visit_refused(s->visit, m->reason);
	}
}

/* A message from an earlier pass. */
static void on_settled(void *who, struct delivery *d, const struct message *m)
{
	struct counter *c = who;
	struct seat *s = seat_of(c->pass, m->account);

	(void)d;
	event_settled(m, s ? s->config->name : NULL, "");
	if (!s || !s->told)
		return;
	if (m->state == MESSAGE_DELIVERED)
		s->told->delivered++;
	else if (m->state == MESSAGE_HELD)
		s->told->held++;
	else
		s->told->queued++;
}

static void end(struct pass *p)
{
	if (p->ended)
		return;
	p->ended = true;
	timer_stop(&p->patience);
	p->reports->ended(p->who);
}

static void end_if_closed(struct pass *p)
{
	if (p->closed == p->parts.config->n_deliveries && p->over == p->ntold)
		end(p);
}

static bool on_elsewhere(void *who, struct delivery *d, struct parcel *p)
{
	struct counter *c = who;
	const struct config_delivery *to = delivery_config(d)->refused_to;

	return to && delivery_take(pass_delivery(c->pass, to), p);
}

/* What takes refused mail of others ends after them. */
static void finish_deliveries(struct pass *p)
{
	const size_t n = p->parts.config->n_deliveries;

	for (size_t i = 0; i < n; i++) {
		const struct config_delivery *d =
			delivery_config(p->counters[i].delivery);
		bool awaited = false;

		for (size_t k = 0; k < n && !awaited; k++)
			awaited = !p->counters[k].finished &&
				  delivery_config(p->counters[k].delivery)
						  ->refused_to == d;
		if (!awaited)
			delivery_finish(p->counters[i].delivery);
	}
}

static void on_delivery_saved(struct spool_req *req)
{
	struct counter *c = req->who;
	struct pass *p = c->pass;

	p->closed++;
	end_if_closed(p);
}

static void note_delivery(struct counter *c)
{
	struct spool_delivery *r = &c->row;
	const struct err *err = delivery_err(c->delivery);
	int64_t now = loop_unix_ms();

	if (delivery_state(c->delivery) == DELIVERY_DOWN) {
		c->failed = true;
		r->health = err->class == ERR_AUTH    ? HEALTH_AUTH
			    : err->class == ERR_TRUST ? HEALTH_TLS
						      : HEALTH_FAILING;
		r->failures++;
		c->pass->reports->delivery(c->pass->who,
					   delivery_config(c->delivery), err,
					   trouble_note(&r->trouble, err, now));
		return;
	}
	if (r->trouble.told_ms)
		c->pass->reports->delivery(
			c->pass->who, delivery_config(c->delivery), NULL, true);
	/* the accounts tell of it; here it must not say that all is well */
	r->health = delivery_refused(c->delivery) ? HEALTH_REFUSED
		    : delivery_deferred(c->delivery) &&
				    !delivery_accepted(c->delivery)
			    ? HEALTH_FAILING
			    : HEALTH_OK;
	r->failures = 0;
	if (r->health == HEALTH_OK || delivery_accepted(c->delivery))
		r->last_success_ms = now;
	r->trouble = (struct spool_trouble){ 0 };
}

static void on_finished(void *who, struct delivery *d)
{
	struct counter *c = who;
	struct pass *p = c->pass;

	c->finished = true;
	finish_deliveries(p);
	if (delivery_state(d) == DELIVERY_COLD || p->options.dry_run) {
		struct spool_req none = { .who = c };

		on_delivery_saved(&none);
		return;
	}
	note_delivery(c);
	c->req.save = (struct spool_delivery_save){
		.req = { .done = on_delivery_saved, .who = c },
		.d = c->row,
	};
	spool_delivery_save(p->parts.spool, &c->req.save);
}

static void on_stamp(void *who, const struct message *m, struct text *out)
{
	struct counter *c = who;
	struct seat *s = seat_of(c->pass, m->account);

	stamp_lines(&c->pass->parts, m, s ? s->config : NULL, out);
}

static const struct delivery_reports delivery_reports = {
	.changed = on_delivery_changed,
	.refused = on_refused,
	.settled = on_settled,
	.elsewhere = on_elsewhere,
	.finished = on_finished,
	.stamp = on_stamp,
};

/* --- accounts ---------------------------------------------------------------
 */

static struct host *host_of(struct pass *p, const char *name)
{
	struct host *h = p->hosts;

	while (h < p->hosts + p->nhosts && strcmp(h->name, name) != 0)
		h++;
	if (h == p->hosts + p->nhosts) {
		h->name = name;
		p->nhosts++;
	}
	return h;
}

static void be_active(struct seat *s)
{
	s->active = true;
	s->pass->active++;
	s->host->active++;
	visit_start(s->visit);
}

static void be_idle(struct seat *s)
{
	if (!s->active)
		return;
	s->active = false;
	s->pass->active--;
	s->host->active--;
}

static void load_queues(struct pass *p)
{
	p->begun = true;
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		if (!p->options.dry_run && !p->stopping &&
		    p->options.task != PASS_ADOPT)
			delivery_load(p->counters[i].delivery,
				      loop_unix_ms() + DUE_SOON_MS);
}

static void schedule(void *who)
{
	struct pass *p = who;
	const struct config *c = p->parts.config;

	if (p->binding || p->loading || p->ended)
		return;
	if (!p->begun)
		load_queues(p);
	for (size_t i = p->first; i < c->n_accounts && !p->stopping; i++) {
		struct seat *s = &p->seats[i];

		if (p->active >= c->max_connections)
			break;
		if (s->visit && !s->active && !s->over &&
		    s->host->active < c->max_connections_per_host)
			be_active(s);
		if (i == p->first && (!s->visit || s->active || s->over))
			p->first++;
	}
	finish_if_over(p);
}

static struct seat *seat_with(struct pass *p, const struct visit *v)
{
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		if (p->seats[i].visit == v)
			return &p->seats[i];
	MUST_NOT("a visit of another pass");
}

static void sit_down(struct seat *s)
{
	struct pass *p = s->pass;

	be_idle(s);
	s->over = true;
	s->told->phase = PASS_DONE;
	s->told->ended_ms = loop_now_ms(p->parts.loop);
	p->over++;
	p->reports->changed(p->who, s->told);
	task_post(&p->schedule);
}

void pass_visit_ended(struct pass *p, struct visit *v)
{
	struct seat *s = seat_with(p, v);
	struct log_line l;

	s->told->err = v->err.class ? v->err : v->warning;
	if (s->told->result == PASS_OK && s->told->err.class != ERR_NONE)
		s->told->result = PASS_FAILED;
	if (s->told->result != PASS_BACKOFF &&
	    log_begin(&l, v->err.class ? LOG_NOTICE : LOG_INFO, "polled")) {
		log_str(&l, "account", v->config->name);
		log_num(&l, "found", (int64_t)s->told->found);
		log_num(&l, "fetched", (int64_t)s->told->fetched);
		log_num(&l, "delivered", (int64_t)s->told->delivered);
		log_num(&l, "deleted", (int64_t)s->told->deleted);
		if (v->err.class)
			log_err(&l, &v->err);
		log_end(&l);
	}
	sit_down(s);
}

void pass_visit_changed(struct pass *p, struct visit *v)
{
	p->reports->changed(p->who, v->told);
}

bool pass_ask(struct pass *p, struct visit *v, uint64_t messages,
	      uint64_t octets)
{
	if (!p->reports->ask || p->options.dry_run)
		return false;
	p->reports->ask(p->who, v->told, v->folder, messages, octets);
	return true;
}

void pass_judged(struct pass *p, struct visit *v, const struct pass_judged *j)
{
	if (p->reports->judged)
		p->reports->judged(p->who, v->told, j);
}

static bool hasten(struct ledger *l, void *arg, struct err *err)
{
	struct seat *s = arg;

	return query_hasten(l, s->bind.a.id, s->bind.now_ms, err);
}

static void on_hastened(struct spool_req *req)
{
	struct seat *s = req->who;

	s->pass->loading--;
	task_post(&s->pass->schedule);
}

/*
 * A named account is tried at once, and so is one whose setting was refused
 * when its time has come: its mail first, to see whether that is mended.
 */
static void hasten_queue(struct seat *s)
{
	struct pass *p = s->pass;

	if (p->options.dry_run || p->options.task == PASS_ADOPT ||
	    (!p->options.names && (s->bind.a.health != HEALTH_REFUSED ||
				   s->bind.a.next_poll_ms > s->bind.now_ms)))
		return;
	s->hasten = (struct spool_call){
		.req = { .done = on_hastened, .who = s },
		.fn = hasten,
		.arg = s,
	};
	p->loading++;
	spool_call(p->parts.spool, &s->hasten);
}

/* `fetch` without names takes those that are polled; the rest is asked for. */
static bool is_requested(const struct pass *p)
{
	return p->options.names || p->options.task != PASS_FETCH;
}

static void on_bound(struct spool_req *req)
{
	struct seat *s = req->who;
	struct pass *p = s->pass;

	p->binding--;
	if (s->visit) {
		s->visit->row = s->bind.a;
		if (!req->ok) {
			visit_fail(s->visit, &req->err);
			pass_visit_ended(p, s->visit);
		} else if (!s->config->enabled) {
			s->told->result = PASS_DISABLED;
			sit_down(s);
		} else if (!s->config->poll_every_ms && !is_requested(p)) {
			s->told->result = PASS_ON_REQUEST;
			sit_down(s);
		} else {
			hasten_queue(s);
		}
	}
	task_post(&p->schedule);
}

static void bind_row(struct pass *p, struct seat *s)
{
	const struct config_account *a = s->config;
	struct spool_account *row = &s->bind.a;

	s->bind.req = (struct spool_req){ .done = on_bound, .who = s };
	s->bind.now_ms = loop_unix_ms();
	(void)snprintf(row->name, sizeof(row->name), "%s", a->name);
	(void)snprintf(row->user, sizeof(row->user), "%s", a->user);
	(void)snprintf(row->place, sizeof(row->place), "%s", a->place);
	row->family = config_is_pop3(&a->server) ? SPOOL_POP3 : SPOOL_IMAP;
	p->binding++;
	spool_bind(p->parts.spool, &s->bind);
}

/* --- beginning and end
 * ---------------------------------------------------------- */

static void finish_if_over(struct pass *p)
{
	if (p->finishing)
		end_if_closed(p);
	if (p->finishing || p->over < p->ntold || p->binding || p->loading)
		return;
	p->finishing = true;
	finish_deliveries(p);
	if (!p->parts.config->n_deliveries)
		end(p);
}

static void on_loaded(struct spool_req *req)
{
	struct counter *c = req->who;
	struct pass *p = c->pass;

	if (req->ok)
		c->row = c->req.load.d;
	p->loading--;
	task_post(&p->schedule);
}

static void load(struct pass *p, struct counter *c,
		 const struct config_delivery *d)
{
	(void)snprintf(c->row.name, sizeof(c->row.name), "%s", d->name);
	c->req.load = (struct spool_delivery_load){
		.req = { .done = on_loaded, .who = c },
		.d = c->row,
	};
	p->loading++;
	spool_delivery_load(p->parts.spool, &c->req.load);
}

static bool is_asked(const struct pass_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (strcmp(o->names[i], name) == 0)
			return true;
	return !o->names;
}

struct delivery *pass_delivery(struct pass *p, const struct config_delivery *d)
{
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		if (delivery_config(p->counters[i].delivery) == d)
			return p->counters[i].delivery;
	MUST_NOT("a delivery of another configuration");
}

static void seat_all(struct pass *p)
{
	const struct config *c = p->parts.config;

	for (size_t i = 0; i < c->n_accounts; i++) {
		struct seat *s = &p->seats[i];

		s->pass = p;
		s->config = &c->accounts[i];
		s->host = host_of(p, s->config->server.host);
		if (!is_asked(&p->options, s->config->name))
			continue;
		s->told = &p->told[p->ntold++];
		s->told->config = s->config;
		s->visit = visit_new(p, &p->parts, &p->options, s->told,
				     pass_delivery(p, s->config->own.delivery),
				     is_requested(p));
	}
}

/* Where a suspect waited, or waits for one, it may go on now. */
static void wake_all(void *who)
{
	struct pass *p = who;

	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		delivery_wake(p->counters[i].delivery);
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		if (p->seats[i].visit && p->seats[i].active)
			visit_wake(p->seats[i].visit);
}

static void on_solo_changed(void *who)
{
	task_post(&((struct pass *)who)->wake_all);
}

static void on_patience_over(void *who)
{
	struct pass *p = who;

	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		delivery_abort(p->counters[i].delivery);
	p->cut = true;
	end(p);
}

struct pass *pass_start(const struct parts *parts, const struct pass_options *o,
			const struct pass_reports *r, void *who)
{
	const struct config *c = parts->config;
	struct pass *p = mem_new(sizeof(*p));

	p->parts = *parts;
	p->solo = (struct solo){ .changed = on_solo_changed, .who = p };
	p->parts.solo = &p->solo;
	p->options = *o;
	p->reports = r;
	p->who = who;
	p->seats = mem_new(c->n_accounts * sizeof(*p->seats));
	p->hosts = mem_new(c->n_accounts * sizeof(*p->hosts));
	p->told = mem_new(c->n_accounts * sizeof(*p->told));
	p->counters = mem_new(c->n_deliveries * sizeof(*p->counters));
	task_init(&p->schedule, parts->loop, schedule, p);
	task_init(&p->wake_all, parts->loop, wake_all, p);
	timer_init(&p->patience, parts->loop, on_patience_over, p);
	for (size_t i = 0; i < c->n_deliveries; i++) {
		p->counters[i].pass = p;
		p->counters[i].delivery =
			delivery_new(&p->parts, &c->deliveries[i],
				     &delivery_reports, &p->counters[i]);
	}
	seat_all(p);
	/* rows before the queue: a stamp names the account */
	for (size_t i = 0; i < c->n_accounts; i++)
		bind_row(p, &p->seats[i]);
	for (size_t i = 0; i < c->n_deliveries; i++)
		load(p, &p->counters[i], &c->deliveries[i]);
	task_post(&p->schedule);
	return p;
}

void pass_answer(struct pass *p, struct pass_account *a, enum pass_choice c)
{
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		if (p->seats[i].told == a && p->seats[i].visit)
			visit_answer(p->seats[i].visit, c);
}

void pass_store_failed(struct pass *p)
{
	const struct err *err = spool_fatal(p->parts.spool);

	if (p->ended)
		return;
	p->failure = *err;
	p->stopping = true;
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		delivery_abort(p->counters[i].delivery);
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		if (p->seats[i].visit)
			visit_abort(p->seats[i].visit);
	p->cut = true;
	end(p);
}

void pass_stop(struct pass *p)
{
	if (p->stopping || p->ended)
		return;
	p->stopping = true;
	timer_start(&p->patience, STOP_MS);
	for (size_t i = 0; i < p->parts.config->n_accounts; i++) {
		struct seat *s = &p->seats[i];

		if (s->visit && s->active)
			visit_stop(s->visit);
		else if (s->visit && !s->over)
			sit_down(s);
	}
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		delivery_stop(p->counters[i].delivery);
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
	int code = err_exit(p->failure.class);

	for (size_t i = 0; i < p->ntold; i++)
		code = err_worse(code, err_exit(p->told[i].err.class));
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		if (p->counters[i].failed)
			code = err_worse(
				code,
				err_exit(delivery_err(p->counters[i].delivery)
						 ->class));
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
	for (size_t i = 0; i < p->parts.config->n_accounts; i++)
		visit_free(p->seats[i].visit);
	for (size_t i = 0; i < p->parts.config->n_deliveries; i++)
		delivery_free(p->counters[i].delivery);
	task_cancel(&p->schedule);
	task_cancel(&p->wake_all);
	timer_stop(&p->patience);
	free(p->seats);
	free(p->hosts);
	free(p->told);
	free(p->counters);
	free(p);
}
