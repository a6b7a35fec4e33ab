#include "deliveries.h"
#include "backoff.h"
#include "event.h"
#include "hash.h"
#include "must.h"
#include "stamp.h"
#include "trouble.h"

#include <stdio.h>
#include <stdlib.h>

#define SAVE_MS 60000 /* a success is written so often */

struct one {
	struct deliveries *of;
	struct delivery *delivery;
	struct spool_delivery row;
	bool finished, failed;
	bool hasty; /* asked at once, though it refused us before */
	bool was_down, probed, worked; /* while it stays */
	bool saving, save_again;
	int64_t saved_ms;
	struct timer probe;
	struct spool_delivery_load load;
	struct spool_delivery_save save;
};

struct deliveries {
	struct parts parts;
	bool record, stays;
	const struct deliveries_reports *reports;
	void *who;
	struct shares shares;
	struct one *all; /* owned */
	size_t n, loading, closed;
	bool finishing, finished;
	bool counting, count_again; /* what lies in the spool; once opened */
	struct task nothing; /* to be loaded or finished: none is configured */
};

static void finish_those_not_awaited(struct deliveries *ds);
static void watch(struct one *o);

static void on_changed(void *who, struct delivery *d)
{
	struct one *o = who;

	if (o->of->stays && !o->finished)
		watch(o);
	o->of->reports->changed(o->of->who, d);
}

static void on_refused(void *who, struct delivery *d, const struct message *m)
{
	struct one *o = who;

	o->of->reports->refused(o->of->who, delivery_config(d), m);
}

/* A message of an earlier session. */
static void on_settled(void *who, struct delivery *d, const struct message *m)
{
	struct one *o = who;
	const struct config_account *a =
		o->of->reports->owner(o->of->who, m->account);

	(void)d;
	event_settled(m, a ? a->name : NULL, "");
	o->of->reports->settled(o->of->who, m);
}

static bool on_elsewhere(void *who, struct delivery *d, struct parcel *p)
{
	struct one *o = who;
	const struct config_delivery *to = delivery_config(d)->refused_to;

	return to && delivery_take(deliveries_of(o->of, to), p);
}

static const struct config_account *on_owner(void *who, int64_t account)
{
	struct one *o = who;

	return o->of->reports->owner(o->of->who, account);
}

static void on_corrected(void *who, int64_t account)
{
	struct one *o = who;

	o->of->reports->corrected(o->of->who, account);
}

static void on_stamp(void *who, const struct message *m, struct text *out)
{
	struct one *o = who;

	stamp_lines(&o->of->parts, m,
		    o->of->reports->owner(o->of->who, m->account), out);
}

/* --- the end -------------------------------------------------------------- */

static void end_if_closed(struct deliveries *ds)
{
	if (ds->closed < ds->n || ds->finished || ds->counting)
		return;
	ds->finished = true;
	ds->reports->finished(ds->who);
}

static void close_one(struct one *o)
{
	o->of->closed++;
	end_if_closed(o->of);
}

static void save(struct one *o);

static void on_saved(struct spool_req *req)
{
	struct one *o = req->who;

	o->saving = false;
	if (o->save_again)
		save(o);
	else if (o->finished)
		close_one(o);
}

static void save(struct one *o)
{
	o->save_again = o->saving;
	if (o->saving)
		return;
	o->saving = true;
	o->saved_ms = loop_unix_ms();
	o->save = (struct spool_delivery_save){
		.req = { .done = on_saved, .who = o },
		.d = o->row,
	};
	spool_delivery_save(o->of->parts.spool, &o->save);
}

static enum spool_health health_of(const struct delivery *d)
{
	if (delivery_state(d) == DELIVERY_DOWN)
		switch (delivery_err(d)->class) {
		case ERR_AUTH:
			return HEALTH_AUTH;
		case ERR_TRUST:
			return HEALTH_TLS;
		case ERR_NONE:
		case ERR_NETWORK:
		case ERR_RETRY:
		case ERR_REFUSED:
		case ERR_BUSY:
		case ERR_PROTOCOL:
		case ERR_LIMIT:
		case ERR_CONFIG:
		case ERR_STATE:
		case ERR_DISK:
		case ERR_CANCELLED:
		case ERR_BUG:
			return HEALTH_FAILING;
		}
	/* the accounts tell of it; here it must not say that all is well */
	if (delivery_refused(d))
		return HEALTH_REFUSED;
	return delivery_deferred(d) && !delivery_accepted(d) ? HEALTH_FAILING
							     : HEALTH_OK;
}

/*
 * It takes nothing for now (a full mailbox, greylisting): that lasts and is
 * told like an outage, though each message waits for itself. The visit that
 * fetched one has told it already.
 */
static void note_deferral(struct one *o, int64_t now)
{
	const struct err *why = delivery_deferral(o->delivery);
	struct deliveries *ds = o->of;

	if (trouble_note(&o->row.trouble, why, now))
		ds->reports->told(ds->who, delivery_config(o->delivery), why,
				  true);
}

/* Nobody waits any more for what was deferred: it was dropped, or is held. */
static bool forget_deferral(struct one *o)
{
	struct spool_delivery *r = &o->row;

	if (r->health != HEALTH_FAILING || r->trouble.class != ERR_RETRY ||
	    o->was_down || delivery_share(o->delivery)->waiting)
		return false;
	r->health = HEALTH_OK;
	r->trouble = (struct spool_trouble){ 0 };
	return true;
}

/* It works, and yet not as its settings want it. */
static void note_warning(struct one *o, int64_t now)
{
	const struct err *w = delivery_warning(o->delivery);
	const struct config_delivery *c = delivery_config(o->delivery);
	struct deliveries *ds = o->of;
	struct spool_trouble *t = &o->row.trouble;

	if (w->class != ERR_NONE) {
		ds->reports->told(ds->who, c, w, trouble_note(t, w, now));
		return;
	}
	if (t->told_ms || (ds->stays && t->class != ERR_NONE))
		ds->reports->told(ds->who, c, NULL, true);
	*t = (struct spool_trouble){ 0 };
}

static uint32_t random32(void)
{
	uint32_t r;

	hash_random(&r, sizeof(r));
	return r;
}

/*
 * For a later process, which would ask it at each pass: passwords that are
 * refused again and again may lock an account.
 */
static void note_refusal(struct one *o, int64_t now)
{
	enum err_class class = delivery_err(o->delivery)->class;
	struct spool_delivery *r = &o->row;

	r->next_try_ms = 0;
	r->settings = 0;
	if (class != ERR_AUTH && class != ERR_REFUSED)
		return;
	r->next_try_ms = now + (int64_t)backoff_delivery_ms(class, r->failures,
							    random32());
	r->settings = delivery_settings(o->delivery);
}

static void note(struct one *o)
{
	const struct deliveries *ds = o->of;
	struct spool_delivery *r = &o->row;
	const struct config_delivery *c = delivery_config(o->delivery);
	const struct err *err = delivery_err(o->delivery);
	int64_t now = loop_unix_ms();

	r->health = health_of(o->delivery);
	if (delivery_state(o->delivery) == DELIVERY_DOWN) {
		o->failed = true;
		r->failures++;
		note_refusal(o, now);
		ds->reports->told(ds->who, c, err,
				  trouble_note(&r->trouble, err, now));
		return;
	}
	if (r->health == HEALTH_FAILING)
		note_deferral(o, now);
	else
		note_warning(o, now);
	r->failures = 0;
	r->next_try_ms = 0;
	if (r->health == HEALTH_OK || delivery_accepted(o->delivery))
		r->last_success_ms = now;
}

/* --- while it stays ------------------------------------------------------- */

static void on_probe_time(void *who)
{
	struct one *o = who;

	o->probed = delivery_revive(o->delivery);
	if (!o->probed && o->was_down) /* its connections are still closing */
		timer_start(&o->probe, 1000);
}

static void note_and_save(struct one *o)
{
	o->worked = false;
	o->row.paused = delivery_share(o->delivery)->paused;
	note(o);
	delivery_turn_page(o->delivery);
	save(o);
}

static void watch_down(struct one *o)
{
	if (o->was_down && !o->probed)
		return;
	o->was_down = true;
	o->probed = false;
	note_and_save(o);
	timer_start(&o->probe,
		    backoff_delivery_ms(delivery_err(o->delivery)->class,
					o->row.failures, random32()));
}

/* When its queue has run empty: written where something is new to know. */
static void watch_up(struct one *o)
{
	bool is_back = o->was_down;

	if (is_back) {
		o->was_down = false;
		timer_stop(&o->probe);
		note_and_save(o);
		return;
	}
	if (delivery_in_hand(o->delivery) == 0 && o->worked &&
	    (health_of(o->delivery) != o->row.health ||
	     loop_unix_ms() - o->saved_ms > SAVE_MS))
		note_and_save(o);
}

static void watch(struct one *o)
{
	o->worked = delivery_has_worked(o->delivery) || o->worked;
	switch (delivery_state(o->delivery)) {
	case DELIVERY_DOWN:
		watch_down(o);
		break;
	case DELIVERY_UP:
		watch_up(o);
		break;
	case DELIVERY_COLD:
	case DELIVERY_CONNECTING:
		break;
	}
}

void deliveries_stay(struct deliveries *ds)
{
	ds->stays = true;
	for (size_t i = 0; i < ds->n; i++)
		delivery_stay(ds->all[i].delivery);
}

void deliveries_retry(struct deliveries *ds, int64_t account)
{
	for (size_t i = 0; i < ds->n; i++) {
		struct one *o = &ds->all[i];

		delivery_forgive(o->delivery, account);
		if (o->was_down)
			on_probe_time(o);
		else
			delivery_load(o->delivery, loop_unix_ms());
	}
}

void deliveries_forgive(struct deliveries *ds, int64_t account)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_forgive(ds->all[i].delivery, account);
}

void deliveries_forgive_corrected(struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_forgive_corrected(ds->all[i].delivery);
}

static void on_recounted(void *who);

static void count(struct deliveries *ds)
{
	ds->counting = true;
	ds->count_again = false;
	shares_load(&ds->shares, ds->parts.spool, on_recounted, ds);
}

static void on_recounted(void *who)
{
	struct deliveries *ds = who;

	ds->counting = false;
	if (ds->count_again && !ds->finishing) {
		count(ds);
		return;
	}
	for (size_t i = 0; i < ds->n; i++) {
		if (ds->all[i].finished)
			continue;
		if (ds->record && forget_deferral(&ds->all[i]))
			save(&ds->all[i]);
		ds->reports->changed(ds->who, ds->all[i].delivery);
	}
	if (ds->finishing)
		end_if_closed(ds);
}

void deliveries_recount(struct deliveries *ds)
{
	if (!ds->n || ds->loading || ds->finishing)
		return; /* for nobody */
	if (ds->loading || ds->counting)
		ds->count_again = true;
	else
		count(ds);
}

bool deliveries_is_quiet(const struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		if (delivery_in_hand(ds->all[i].delivery) ||
		    delivery_is_loading(ds->all[i].delivery))
			return false;
	return true;
}

bool deliveries_hurry(struct deliveries *ds)
{
	bool waits = false;

	for (size_t i = 0; i < ds->n; i++)
		waits = delivery_hurry(ds->all[i].delivery) || waits;
	return waits;
}

/* --- finishing ------------------------------------------------------------ */

static void on_finished(void *who, struct delivery *d)
{
	struct one *o = who;
	struct deliveries *ds = o->of;
	bool cold = delivery_state(d) == DELIVERY_COLD;
	bool known = cold || o->was_down || delivery_rests(d);
	bool moved = o->row.paused != delivery_share(d)->paused;

	o->finished = true;
	timer_stop(&o->probe);
	finish_those_not_awaited(ds);
	moved = (cold && forget_deferral(o)) || moved;
	if (!ds->record || (known && !moved)) {
		if (!o->saving)
			close_one(o);
		return;
	}
	o->row.paused = delivery_share(d)->paused;
	if (!known)
		note(o);
	save(o);
}

static bool is_awaited(const struct deliveries *ds,
		       const struct config_delivery *d)
{
	for (size_t i = 0; i < ds->n; i++)
		if (!ds->all[i].finished &&
		    delivery_config(ds->all[i].delivery)->refused_to == d)
			return true;
	return false;
}

static void finish_those_not_awaited(struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n && ds->finishing; i++) {
		struct delivery *d = ds->all[i].delivery;

		if (!is_awaited(ds, delivery_config(d)))
			delivery_finish(d);
	}
}

static void on_nothing(void *who)
{
	struct deliveries *ds = who;

	if (ds->finishing)
		end_if_closed(ds);
	else
		ds->reports->opened(ds->who);
}

void deliveries_finish(struct deliveries *ds)
{
	if (ds->finishing)
		return;
	ds->finishing = true;
	finish_those_not_awaited(ds);
	if (!ds->n)
		task_post(&ds->nothing);
}

/* --- beginning ------------------------------------------------------------ */

static const struct delivery_reports delivery_reports = {
	.changed = on_changed,
	.refused = on_refused,
	.settled = on_settled,
	.elsewhere = on_elsewhere,
	.finished = on_finished,
	.owner = on_owner,
	.corrected = on_corrected,
	.stamp = on_stamp,
};

struct deliveries *deliveries_new(const struct parts *p, bool record,
				  const struct deliveries_reports *r, void *who)
{
	const struct config *c = p->config;
	struct deliveries *ds = mem_new(sizeof(*ds));

	ds->parts = *p;
	ds->record = record;
	ds->reports = r;
	ds->who = who;
	ds->n = c->n_deliveries;
	ds->all = mem_new((ds->n + 1) * sizeof(*ds->all));
	task_init(&ds->nothing, p->loop, on_nothing, ds);
	shares_init(&ds->shares, c->spool_limit_octets);
	for (size_t i = 0; i < ds->n; i++) {
		ds->all[i].of = ds;
		timer_init(&ds->all[i].probe, p->loop, on_probe_time,
			   &ds->all[i]);
		ds->all[i].delivery =
			delivery_new(&ds->parts, &c->deliveries[i],
				     &delivery_reports, &ds->all[i]);
		share_add(&ds->shares, delivery_share(ds->all[i].delivery),
			  c->deliveries[i].name);
	}
	return ds;
}

void deliveries_free(struct deliveries *ds)
{
	if (!ds)
		return;
	for (size_t i = 0; i < ds->n; i++) {
		timer_stop(&ds->all[i].probe);
		delivery_free(ds->all[i].delivery);
	}
	task_cancel(&ds->nothing);
	shares_fini(&ds->shares);
	free(ds->all);
	free(ds);
}

/* All rows, and what lies in the spool. */
static void open_if_known(struct deliveries *ds)
{
	if (ds->loading || ds->counting)
		return;
	ds->reports->opened(ds->who);
	if (ds->count_again)
		count(ds);
	end_if_closed(ds); /* stopped before that */
}

static void on_counted(void *who)
{
	struct deliveries *ds = who;

	ds->counting = false;
	open_if_known(ds);
}

static void rest(struct one *o)
{
	struct err err = { .class = ERR_NONE };

	trouble_err(&o->row.trouble, &err);
	delivery_rest(o->delivery, o->row.settings, &err);
}

void deliveries_try(struct deliveries *ds, const struct config_delivery *d)
{
	for (size_t i = 0; i < ds->n; i++)
		if (delivery_config(ds->all[i].delivery) == d)
			ds->all[i].hasty = true;
}

static void on_loaded(struct spool_req *req)
{
	struct one *o = req->who;

	if (req->ok)
		o->row = o->load.d;
	if (o->row.next_try_ms > loop_unix_ms() && !o->of->stays && !o->hasty)
		rest(o);
	delivery_load_pauses(o->delivery, o->load.pauses, o->load.npauses);
	free(o->load.pauses);
	delivery_share(o->delivery)->paused = o->row.paused;
	o->of->loading--;
	open_if_known(o->of);
}

void deliveries_open(struct deliveries *ds)
{
	if (!ds->n) {
		task_post(&ds->nothing);
		return;
	}
	ds->loading = ds->n;
	ds->counting = true;
	for (size_t i = 0; i < ds->n; i++) {
		struct one *o = &ds->all[i];

		(void)snprintf(o->row.name, sizeof(o->row.name), "%s",
			       delivery_config(o->delivery)->name);
		o->load = (struct spool_delivery_load){
			.req = { .done = on_loaded, .who = o },
			.d = o->row,
		};
		spool_delivery_load(ds->parts.spool, &o->load);
	}
	shares_load(&ds->shares, ds->parts.spool, on_counted, ds);
}

struct delivery *deliveries_of(const struct deliveries *ds,
			       const struct config_delivery *d)
{
	for (size_t i = 0; i < ds->n; i++)
		if (delivery_config(ds->all[i].delivery) == d)
			return ds->all[i].delivery;
	MUST_NOT("a delivery of another configuration");
}

void deliveries_load(struct deliveries *ds, int64_t until_ms)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_load(ds->all[i].delivery, until_ms);
}

void deliveries_wake(struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_wake(ds->all[i].delivery);
}

/* --- ending early --------------------------------------------------------- */

void deliveries_stop(struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_stop(ds->all[i].delivery);
}

void deliveries_abort(struct deliveries *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		delivery_abort(ds->all[i].delivery);
}

int deliveries_exit(const struct deliveries *ds)
{
	int code = 0;

	for (size_t i = 0; i < ds->n; i++) {
		const struct delivery *d = ds->all[i].delivery;

		if (ds->all[i].failed)
			code = err_worse(code,
					 err_exit(delivery_err(d)->class));
		if (delivery_was_set_back(d))
			code = err_worse(code, err_exit(ERR_RETRY));
	}
	return code;
}
