/* delivery: what is due in the ledger, and a destination that stays open. */
#include "hand.h"
#include "handoff.h"
#include "must.h"

#define IDLE_MS	     30000u
#define ROUND_MS     300000 /* somebody else may have made something due */
#define ROUND_GAP_MS 1000   /* ... or many things one after the other */

/* --- what is due in the ledger ------------------------------------------- */

static void take_due(struct delivery *d, struct message *m)
{
	struct parcel *p;

	d->due_after = m->id;
	if (hand_has(d->parts.hand, m->id) ||
	    (!d->stays && d->first_put && m->id >= d->first_put) ||
	    delivery_is_refused(d, m->account)) {
		message_free(m); /* in hand, or was in this pass, or waits */
		return;
	}
	p = parcel_new(m);
	p->delivery = d;
	p->verified = spool_body_trusted(d->parts.spool, &m->place);
	d->in_hand++;
	hand_add(d->parts.hand, p);
	handoff_ready(d, p);
}

static void set_round(struct delivery *d, int64_t at_ms)
{
	int64_t wait = at_ms - loop_unix_ms();

	if (!d->stays || d->finishing)
		return;
	if (wait < ROUND_GAP_MS)
		wait = ROUND_GAP_MS;
	if (wait > ROUND_MS)
		wait = ROUND_MS;
	d->round_at_ms = loop_unix_ms() + wait;
	timer_start(&d->round, (uint64_t)wait);
}

void delivery_watch_due(struct delivery *d, const struct message *m)
{
	bool waits = m->state == MESSAGE_SPOOLED || m->state == MESSAGE_DOUBT;

	/* what is due already was given back: its time comes otherwise */
	if (waits && m->next_at > loop_unix_ms() && m->next_at < d->round_at_ms)
		set_round(d, m->next_at);
}

static void on_due(struct spool_req *req)
{
	struct delivery *d = req->who;
	int64_t next = d->due.next_ms;

	d->loading = false;
	d->loaded_all = !req->ok || d->due.n < DELIVERY_LOAD_MAX;
	for (size_t i = 0; i < d->due.n; i++)
		take_due(d, d->due_out[i]);
	if (d->due.n && !d->loaded_all && !d->stays)
		d->loaded_all = d->first_put && d->due_after >= d->first_put;
	d->due.n = 0;
	if (d->load_again) {
		d->load_again = d->loaded_all = false;
		d->due_after = 0;
	} else if (d->loaded_all) {
		set_round(d, next ? next : INT64_MAX / 2);
	}
	if (d->in_hand)
		delivery_warm(d);
	task_post(&d->kick);
}

void delivery_load_more(struct delivery *d)
{
	d->loading = true;
	d->due = (struct spool_due){
		.req = { .done = on_due, .who = d },
		.delivery = d->config->name,
		.after = d->due_after,
		.until_ms = d->due_until,
		.max = DELIVERY_LOAD_MAX,
		.out = d->due_out,
	};
	spool_due(d->parts.spool, &d->due);
}

void delivery_load(struct delivery *d, int64_t until_ms)
{
	if (d->stays && (d->finishing || d->state == DELIVERY_DOWN))
		return;
	d->due_until = until_ms;
	d->loaded_all = false;
	if (d->stays)
		d->due_after = 0;
	if (d->loading)
		d->load_again = d->stays;
	else
		delivery_load_more(d);
}

bool delivery_is_loading(const struct delivery *d)
{
	return d->loading || !d->loaded_all;
}

/* --- staying -------------------------------------------------------------- */

static void on_round(void *who)
{
	struct delivery *d = who;

	delivery_end_pauses(d);
	set_round(d, INT64_MAX / 2);
	delivery_load(d, loop_unix_ms());
}

static void on_idle(void *who)
{
	struct delivery *d = who;

	if (!d->in_hand && !d->nconnecting)
		delivery_quit_all(d);
}

bool delivery_has_worked(struct delivery *d)
{
	bool worked = d->worked;

	d->worked = false;
	return worked;
}

/* All that was in hand is done: that is worth knowing, and writing down. */
void delivery_watch_idle(struct delivery *d)
{
	if (d->stays && !d->in_hand && d->worked && !d->finished)
		d->reports->changed(d->who, d);
	if (!d->stays || d->in_hand || !d->nconns)
		timer_stop(&d->idle);
	else if (!timer_is_started(&d->idle))
		timer_start(&d->idle, IDLE_MS);
}

void delivery_stay_init(struct delivery *d)
{
	timer_init(&d->idle, d->parts.loop, on_idle, d);
	timer_init(&d->round, d->parts.loop, on_round, d);
}

void delivery_stay_fini(struct delivery *d)
{
	timer_stop(&d->idle);
	timer_stop(&d->round);
}

void delivery_stay(struct delivery *d)
{
	d->stays = true;
}

bool delivery_revive(struct delivery *d)
{
	if (d->state != DELIVERY_DOWN || d->nconns || d->nconnecting ||
	    d->finishing)
		return false;
	d->state = DELIVERY_CONNECTING;
	d->barren = 0;
	breadth_forget(&d->breadth);
	d->reports->changed(d->who, d);
	reach_done(&d->endpoint);
	delivery_reach_out(d);
	delivery_load(d, loop_unix_ms());
	return true;
}

bool delivery_hurry(struct delivery *d)
{
	bool waits = false;

	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->dest->ops->awaits && c->dest->ops->awaits(c->dest)) {
			waits = true;
			continue;
		}
		c->leaving = true;
		c->dest->ops->cancel(c->dest);
	}
	return waits;
}
