#include "paced.h"
#include "limits.h"
#include "must.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_turn(void *who)
{
	struct delivery *d = who;

	task_post(&d->kick);
}

void paced_init(struct delivery *d)
{
	rate_init(&d->rate, d->config->rate, d->config->rate_window_ms);
	timer_init(&d->turn, d->parts.loop, on_turn, d);
}

void paced_fini(struct delivery *d)
{
	timer_stop(&d->turn);
	rate_fini(&d->rate);
	free(d->turns);
}

void paced_load(struct delivery *d, const int64_t *at, size_t n)
{
	int64_t now = loop_unix_ms();

	for (size_t i = 0; i < n; i++)
		rate_add(&d->rate, at[i], now);
}

bool paced_may(struct delivery *d)
{
	return rate_room(&d->rate, loop_unix_ms()) > 0;
}

void paced_take(struct parcel *p)
{
	p->paced = true;
	rate_take(&p->delivery->rate);
}

void paced_done(struct parcel *p, bool happened)
{
	if (p->paced)
		rate_done(&p->delivery->rate, loop_unix_ms(), happened);
	p->paced = false;
}

bool paced_counts(const struct dest_result *r)
{
	switch (r->outcome) {
	case DEST_ACCEPTED:
	case DEST_LOST:
		return true;
	case DEST_DEFERRED:
	case DEST_REFUSED:
		return r->stage == DEST_AT_END;
	case DEST_UNSENT:
	case DEST_DAMAGED:
		return false;
	}
	return true;
}

/*
 * So many lie in the ledger with their turn before them; who had it was loaded
 * again, or is nobody's any more.
 */
static size_t postponed(struct delivery *d, int64_t now_ms)
{
	size_t gone = 0;

	while (gone < d->nturns && d->turns[gone] <= now_ms)
		gone++;
	d->nturns -= gone;
	if (gone && d->nturns)
		memmove(d->turns, d->turns + gone,
			d->nturns * sizeof(*d->turns));
	return d->nturns;
}

static void note_turn(struct delivery *d, int64_t turn_ms)
{
	size_t at = d->nturns;

	d->turns = mem_grow(d->turns, (d->nturns + 1) * sizeof(*d->turns));
	for (; at && d->turns[at - 1] > turn_ms; at--)
		d->turns[at] = d->turns[at - 1];
	d->turns[at] = turn_ms;
	d->nturns++;
}

static void on_postponed(struct spool_req *req)
{
	struct parcel *p = req->who;

	handoff_settle(p->delivery, p);
}

static void postpone(struct delivery *d, struct parcel *p, int64_t turn_ms)
{
	static const char unit[] = "smhd";
	static const uint64_t ms[] = { 1000, 60000, 3600000, 86400000 };
	char why[80];
	size_t u = 0;

	while (u < 3 && ms[u] != d->config->rate_window_ms)
		u++;
	(void)snprintf(why, sizeof(why), "waits for its turn: rate = %u/%c",
		       d->config->rate, unit[u]);
	list_drop(&p->link);
	d->nready--;
	note_turn(d, turn_ms);
	p->postponed = true;
	p->phase = PARCEL_RECORDING;
	p->m->next_at = turn_ms;
	if (p->m->state == MESSAGE_SPOOLED)
		message_set(&p->m->reason, view_of(why));
	p->req.postpone = (struct spool_postpone){
		.req = { .done = on_postponed, .who = p },
		.m = p->m,
	};
	spool_postpone(d->parts.spool, &p->req.postpone);
}

/* It had a turn, which has come: those that lie in the queue come later. */
static bool was_postponed(const struct parcel *p)
{
	return p->m->next_at > p->m->fetched_at;
}

void paced_sort(struct delivery *d)
{
	int64_t now = loop_unix_ms(), turn;
	size_t i = 0, lying = postponed(d, now), ahead;
	struct parcel *p;

	/* who is under way may yet give its place back */
	if (!d->config->rate || !d->nready || d->rate.taken || paced_may(d))
		return;
	timer_stop(&d->turn);
	LIST_EACH(at, kept, &d->ready) {
		p = LIST_OF(at, struct parcel, link);
		ahead = i++ + (was_postponed(p) ? 0 : lying);
		turn = rate_turn_ms(&d->rate, now, ahead);
		if (turn - now > PACED_WAIT_MS) {
			postpone(d, p, turn);
			d->loaded_all = true; /* the rest: as it is */
		} else if (!timer_is_started(&d->turn)) {
			timer_start(&d->turn, (uint64_t)(turn - now) + 1);
		}
	}
}

size_t paced_room(struct delivery *d)
{
	size_t room = rate_room(&d->rate, loop_unix_ms()), waiting;

	if (room == SIZE_MAX)
		return SIZE_MAX;
	/* the source is the better queue (DESIGN 5) */
	room += LIMIT_DOWN_MESSAGES;
	waiting = d->in_hand - d->rate.taken + postponed(d, loop_unix_ms());
	return room > waiting ? room - waiting : 0;
}

bool paced_is_spent(struct delivery *d)
{
	int64_t now = loop_unix_ms();
	size_t waiting = d->in_hand - d->rate.taken + postponed(d, now);

	return d->config->rate && !d->rate.taken &&
	       rate_turn_ms(&d->rate, now, waiting) - now > PACED_WAIT_MS;
}
