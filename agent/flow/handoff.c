#include "handoff.h"
#include "addressees.h"
#include "crash.h"
#include "hand.h"
#include "hash.h"
#include "must.h"
#include "paced.h"
#include "refusal.h"
#include "solo.h"
#include "value.h"

#include <stdio.h>

void handoff_leave(struct parcel *p)
{
	list_drop(&p->link);
	if (p->conn) {
		MUST(p->conn->used > 0);
		p->conn->used--;
		paced_done(p, false); /* no word of its end */
		delivery_note_offer(p->delivery, p->m->account, -1);
		p->conn = NULL;
		crash_done(p->noted);
		solo_end(p->delivery->parts.solo, 1);
	}
}

/* A few at a time: nearly every result asks for one, and few use it. */
static uint32_t random32(struct delivery *d)
{
	if (!d->ndice) {
		hash_random(d->dice, sizeof(d->dice));
		d->ndice = sizeof(d->dice) / sizeof(*d->dice);
	}
	return d->dice[--d->ndice];
}

void handoff_settle(struct delivery *d, struct parcel *p)
{
	d->in_hand--;
	hand_drop(p);
	delivery_watch_due(d, p->m);
	if (p->settled)
		p->settled(p->who, p);
	else
		d->reports->settled(d->who, d, p->m);
	parcel_free(p);
	d->reports->changed(d->who, d);
	task_post(&d->kick);
}

void handoff_ready(struct delivery *d, struct parcel *p)
{
	p->phase = PARCEL_READY;
	p->answered = false;
	if (d->state == DELIVERY_DOWN || d->stopping ||
	    delivery_is_paused(d, p->m->account)) {
		handoff_settle(d, p);
		return;
	}
	list_push(&d->ready, &p->link);
	d->nready++;
	task_post(&d->kick);
}

/* What the spool holds for each delivery, as this result leaves it. */
static void count_result(struct parcel *p)
{
	const uint64_t octets = p->m->place.octets;
	struct share *here = &p->delivery->share, *there;

	if (p->elsewhere) {
		share_give_up(here, octets, false);
		there = share_named(here->of, p->m->delivery);
		if (there)
			share_take(there, octets, false);
	} else if (p->m->state == MESSAGE_DELIVERED) {
		share_give_up(here, octets, false);
	} else if (p->m->state == MESSAGE_HELD) {
		share_hold(here, octets);
	}
}

static void on_recorded(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;
	bool unsent = p->req.result.unsent;

	breadth_note_own(&d->breadth, loop_now_ms(d->parts.loop) - p->asked_ms);
	handoff_leave(p);
	if (req->ok)
		count_result(p);
	if (p->elsewhere && req->ok && d->reports->elsewhere(d->who, d, p)) {
		d->in_hand--;
		task_post(&d->kick);
		return;
	}
	if ((unsent || p->again) && req->ok)
		handoff_ready(d, p);
	else
		handoff_settle(d, p);
}

static bool is_refused_to_some(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_REFUSED)
			return true;
	return false;
}

/* TX3. The slot in the window is free only when this is durable: P2. */
static void record(struct parcel *p)
{
	struct delivery *d = p->delivery;
	int64_t now = loop_unix_ms();
	bool blamed = verdict_blames_sender(p->m, &p->answer, &d->took);
	struct config_list today = { .n = 0 };
	enum verdict v;

	if (is_refused_to_some(p->m))
		addressees(d->reports->owner(d->who, p->m->account), p->m,
			   &today);
	v = verdict_apply(
		p->m, &p->answer,
		&(struct verdict_given){
			.delivery = d->config,
			.senders_before = delivery_refused_senders(d, p->m),
			.handed_over = p->handed_over,
			.now_ms = now,
			.random = random32(d),
			.took = &d->took,
			.today = &today });
	config_list_fini(&today);
	p->again = v == VERDICT_AGAIN;
	p->elsewhere = v == VERDICT_ELSEWHERE;
	p->phase = PARCEL_RECORDING;
	p->asked_ms = loop_now_ms(d->parts.loop);
	p->req.result = (struct spool_result){
		.req = { .done = on_recorded, .who = p },
		.m = p->m,
		.unsent = v == VERDICT_UNSENT,
		.now_ms = now,
		.delivery = d->config->name,
		.handed = d->config->rate && paced_counts(&p->answer),
		.senders = delivery_note_sender(d, p->m, &p->answer, blamed),
	};
	paced_done(p, paced_counts(&p->answer));
	delivery_note(d, p->m, v);
	p->req.result.pausing =
		delivery_note_pause(d, p->m, v, &p->req.result.pause);
	if (v == VERDICT_SETTING)
		d->reports->refused(d->who, d, p->m);
	spool_result(d->parts.spool, &p->req.result);
}

/* The row says SENDING from here on: the connection may complete it. */
static void go(struct parcel *p)
{
	p->phase = PARCEL_SENDING;
	if (!p->answered && !p->conn) { /* closed without a word: cannot be */
		p->answered = true;
		p->answer = (struct dest_result){ .outcome = DEST_UNSENT };
	}
	if (p->answered) {
		record(p);
		return;
	}
	if (!p->conn->sending++)
		p->conn->busy_ms = loop_now_ms(p->delivery->parts.loop);
	p->conn->dest->ops->release(p->conn->dest, p->m);
}

static void on_marked(struct spool_req *req)
{
	struct parcel *p = req->who;

	if (req->ok) {
		go(p);
		return;
	}
	if (p->conn && !p->answered)
		p->conn->dest->ops->withdraw(p->conn->dest, p->m);
	handoff_leave(p);
	handoff_settle(p->delivery, p);
}

/*
 * TX2. What was answered before it with nothing done goes back as it is; any
 * other answer is recorded behind it.
 */
static void mark(struct parcel *p)
{
	if (p->answered && p->answer.outcome == DEST_UNSENT) {
		handoff_leave(p);
		handoff_ready(p->delivery, p);
		return;
	}
	p->phase = PARCEL_MARKING;
	p->req.sending = (struct spool_sending){
		.req = { .done = on_marked, .who = p },
		.m = p->m,
		.connection = p->conn ? p->conn->serial : 0,
		.now_ms = loop_unix_ms(),
	};
	spool_sending(p->delivery->parts.spool, &p->req.sending);
}

static struct parcel *parcel_of(struct conn *c, const struct message *m)
{
	LIST_EACH(at, kept, &c->parcels) {
		struct parcel *p = LIST_OF(at, struct parcel, link);

		if (p->m == m)
			return p;
	}
	return NULL;
}

/* One of those that were released was answered. */
static void note_pace(struct conn *c)
{
	uint64_t now = loop_now_ms(c->delivery->parts.loop);

	breadth_note(&c->delivery->breadth, now - c->busy_ms);
	c->busy_ms = now;
	c->sending--;
}

/* G15: it says that this is too much, or takes what there is. */
static void heed(struct delivery *d, const struct dest_result *r)
{
	if (r->outcome == DEST_ACCEPTED) {
		if (breadth_took(&d->breadth))
			delivery_wake(d);
	} else if (r->outcome == DEST_DEFERRED &&
		   refusal_is_of_haste(r->words)) {
		breadth_narrow(&d->breadth, 1);
		delivery_wake(d);
	}
}

void handoff_result(void *who, struct message *m, const struct dest_result *r)
{
	struct conn *c = who;
	struct parcel *p = parcel_of(c, m);

	MUST(p && !p->answered);
	if (r->outcome != DEST_UNSENT && r->outcome != DEST_LOST)
		c->delivery->barren = 0;
	heed(c->delivery, r);
	p->answered = true;
	p->answer = *r;
	printable(p->answer_words, sizeof(p->answer_words), r->words);
	p->answer.words = view_of(p->answer_words);
	/* with TX1 or TX2 out the row is not ours to change yet */
	if (p->phase == PARCEL_SENDING) {
		note_pace(c);
		record(p);
	} else if (p->phase == PARCEL_OFFERED) {
		mark(p);
	}
}

/* By id where it has one. */
static int note_crash(const struct message *m)
{
	struct crash_entry e = {
		.id = m->id,
		.account = m->account,
		.folder = m->folder,
	};

	memcpy(e.key, m->key.octets, sizeof(e.key));
	(void)snprintf(e.uid, sizeof(e.uid), "%s",
		       m->uid_text ? m->uid_text : "");
	return crash_note(&e);
}

static void reserve(struct conn *c, struct parcel *p)
{
	p->noted = note_crash(p->m);
	solo_begin(p->delivery->parts.solo, 1, p->m->suspect);
	/* as it is written today, also for what was fetched for another one */
	if (p->delivery->config->sender == CONFIG_SENDER_FIXED)
		message_set(&p->m->sender,
			    view_of(p->delivery->config->sender_address));
	c->used++;
	paced_take(p);
	delivery_note_offer(p->delivery, p->m->account, 1);
	p->conn = c;
	p->handed_over = c->client != NULL;
	p->answered = p->mailed = false;
	list_push(&c->parcels, &p->link);
	c->dest->ops->offer(c->dest, p->m);
}

static void on_held(struct spool_req *req)
{
	struct parcel *p = req->who;

	if (req->ok) {
		p->m->state = MESSAGE_HELD;
		share_hold(&p->delivery->share, p->m->place.octets);
	}
	handoff_settle(p->delivery, p);
}

static void hold(struct parcel *p)
{
	p->req.hold = (struct spool_hold){
		.req = { .done = on_held, .who = p },
		.m = p->m,
		.now_ms = loop_unix_ms(),
	};
	spool_hold(p->delivery->parts.spool, &p->req.hold);
}

static void tell_recorded(struct parcel *p)
{
	share_take(&p->delivery->share, p->m->place.octets, false);
	if (p->recorded)
		p->recorded(p->who, p);
}

/* Where the disk is slower than the source, that one waits (delivery_room). */
static void body_is_down(struct delivery *d, const struct parcel *p)
{
	bool was_full = d->held >= HANDOFF_HELD_MAX;

	share_unexpect(&d->share, 1, p->expected);
	d->held -= p->held;
	if (was_full && d->held < HANDOFF_HELD_MAX)
		d->reports->changed(d->who, d);
}

static void on_put_to_hold(struct spool_req *req)
{
	struct parcel *p = req->who;

	body_is_down(p->delivery, p);
	if (!req->ok) {
		handoff_settle(p->delivery, p);
		return;
	}
	hand_add(p->delivery->parts.hand, p);
	tell_recorded(p);
	hold(p);
}

static void on_put(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;
	bool sending = p->req.put.sending;

	body_is_down(d, p);
	if (!req->ok) { /* m->id is 0: it is not here, and not lost */
		if (p->conn && !p->answered)
			p->conn->dest->ops->withdraw(p->conn->dest, p->m);
		handoff_leave(p);
		handoff_settle(d, p);
		return;
	}
	tell_recorded(p);
	if (p->m->state ==
	    MESSAGE_SKIPPED) { /* no id: its recipients have it */
		handoff_settle(d, p);
		return;
	}
	hand_add(d->parts.hand, p);
	if (p->conn) { /* from here on by its id */
		crash_done(p->noted);
		p->noted = note_crash(p->m);
	}
	if (!d->first_put)
		d->first_put = p->m->id;
	if (sending)
		go(p);
	else if (p->mailed || p->answered)
		mark(p);
	else if (p->conn)
		p->phase = PARCEL_OFFERED;
	else
		handoff_ready(d, p);
}

void delivery_enter(struct delivery *d, struct parcel *p,
		    struct spool_body *body, bool hold_it)
{
	struct conn *c = NULL;

	p->delivery = d;
	p->phase = PARCEL_PUTTING;
	p->verified = true;
	p->expected = spool_body_octets(body);
	share_expect(&d->share, 1, p->expected);
	p->held = spool_body_held(body);
	d->held += p->held;
	d->in_hand++;
	/* TX1 has to say first for whom it is to be sent */
	if (!hold_it && !p->m->once && !d->nready && !d->stopping &&
	    delivery_may_offer(d, p->m) && d->state == DELIVERY_UP &&
	    solo_may(d->parts.solo, false) && paced_may(d))
		c = delivery_conn_with_room(d, delivery_client_of(d, p->m));
	p->req.put = (struct spool_put){
		.req = { .done = hold_it ? on_put_to_hold : on_put, .who = p },
		.m = p->m,
		.body = body,
		.sending = c && !c->tells_mailed,
		.connection = c ? c->serial : 0,
	};
	if (c)
		reserve(c, p);
	else if (d->state == DELIVERY_UP)
		task_post(&d->kick);
	spool_put(d->parts.spool, &p->req.put);
}

static void on_verified(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;

	if (req->ok && p->req.verify.same) {
		p->verified = true;
		handoff_ready(d, p);
		return;
	}
	message_set(&p->m->reason,
		    VIEW_LIT("the copy in the spool is damaged"));
	hold(p);
}

static void verify(struct parcel *p)
{
	p->phase = PARCEL_VERIFYING;
	p->req.verify = (struct spool_verify){
		.req = { .done = on_verified, .who = p },
		.place = p->m->place,
	};
	spool_verify(p->delivery->parts.spool, &p->req.verify);
}

void handoff_begin(struct conn *c, struct parcel *p)
{
	if (!p->m->nrcpts) { /* the process died before it was held */
		message_set(&p->m->reason,
			    VIEW_LIT("it is not known for whom it is"));
		hold(p);
		return;
	}
	if (!p->verified) {
		verify(p);
		return;
	}
	reserve(c, p);
	if (c->tells_mailed)
		p->phase = PARCEL_OFFERED;
	else
		mark(p);
}

void handoff_mailed(void *who, struct message *m)
{
	struct parcel *p = parcel_of(who, m);

	MUST(p);
	p->mailed = true;
	if (p->phase == PARCEL_OFFERED)
		mark(p);
}
