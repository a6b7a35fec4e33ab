#include "delivery.h"
#include "hash.h"
#include "limits.h"
#include "must.h"
#include "reach.h"
#include "verdict.h"

#include <stdlib.h>

#define HAND_MAX       2048u /* parcels in hand while all is well */
#define LOAD_MAX       256u  /* taken from the ledger at a time */
#define BARREN_MAX     3u    /* connections lost in a row without an answer */
#define CONNECTING_MAX 2u

struct conn {
	struct link link;
	struct delivery *delivery;
	struct dest *dest;
	int64_t serial;
	bool ready, leaving;
	uint32_t window, used;
	struct link parcels; /* offered and not settled */
};

struct delivery {
	struct parts parts;
	const struct config_delivery *config; /* borrowed */
	const struct delivery_reports *reports;
	void *who;
	enum delivery_state state;
	struct err err;
	struct endpoint endpoint;
	struct reach_secret fetching;
	struct secret secret;
	const char **drop; /* owned array, borrowed strings */
	uint64_t max_octets;

	struct link conns, ready;
	size_t nconns, nconnecting, limit, nready, in_hand, barren;
	size_t kept; /* entered or loaded while down */
	uint64_t kept_octets;
	int64_t serial;

	bool loading, loaded_all, finishing, stopping, finished;
	struct spool_due due;
	struct message *due_out[LOAD_MAX];
	int64_t due_until, due_after, first_put;
	struct task kick;
};

static void kick(void *who);
static void settle(struct delivery *d, struct parcel *p);

struct delivery *delivery_new(const struct parts *p,
			      const struct config_delivery *c,
			      const struct delivery_reports *r, void *who)
{
	struct delivery *d = mem_new(sizeof(*d));

	d->parts = *p;
	d->config = c;
	d->reports = r;
	d->who = who;
	d->limit = c->connections;
	list_init(&d->conns);
	list_init(&d->ready);
	d->loaded_all = true;
	d->drop = mem_new((c->drop_headers.n + 1) * sizeof(*d->drop));
	for (size_t i = 0; i < c->drop_headers.n; i++)
		d->drop[i] = c->drop_headers.item[i];
	task_init(&d->kick, p->loop, kick, d);
	return d;
}

void delivery_free(struct delivery *d)
{
	if (!d)
		return;
	task_cancel(&d->kick);
	reach_done(&d->endpoint);
	secret_fini(&d->secret);
	free(d->drop);
	free(d);
}

const struct config_delivery *delivery_config(const struct delivery *d)
{
	return d->config;
}

enum delivery_state delivery_state(const struct delivery *d)
{
	return d->state;
}

const struct err *delivery_err(const struct delivery *d)
{
	return &d->err;
}

uint64_t delivery_max_octets(const struct delivery *d)
{
	return d->max_octets;
}

size_t delivery_in_hand(const struct delivery *d)
{
	return d->in_hand;
}

size_t delivery_room(const struct delivery *d)
{
	switch (d->state) {
	case DELIVERY_COLD:
	case DELIVERY_CONNECTING:
		return 0;
	case DELIVERY_UP:
		return d->in_hand < HAND_MAX ? HAND_MAX - d->in_hand : 0;
	case DELIVERY_DOWN:
		break;
	}
	if (d->stopping || d->kept >= LIMIT_DOWN_MESSAGES ||
	    d->kept_octets >= LIMIT_DOWN_OCTETS)
		return 0;
	return LIMIT_DOWN_MESSAGES - d->kept;
}

static uint32_t random32(void)
{
	uint32_t r;

	hash_random(&r, sizeof(r));
	return r;
}

/* --- connections -------------------------------------------------------- */

static void open_conn(struct delivery *d);

static void leave_parcel(struct parcel *p)
{
	list_drop(&p->link);
	if (p->conn) {
		MUST(p->conn->used > 0);
		p->conn->used--;
		p->conn = NULL;
	}
}

/* What waits stays in the ledger, where it is due: nothing is written. */
static void give_back_ready(struct delivery *d)
{
	LIST_EACH(at, kept, &d->ready)
	{
		struct parcel *p = LIST_OF(at, struct parcel, link);

		list_drop(&p->link);
		d->nready--;
		settle(d, p);
	}
}

static void go_down(struct delivery *d, const struct err *err)
{
	d->state = DELIVERY_DOWN;
	d->err = *err;
	d->loaded_all = true;
	give_back_ready(d);
	d->reports->changed(d->who, d);
}

static void on_ready(void *who, const struct dest_ready *r)
{
	struct conn *c = who;
	struct delivery *d = c->delivery;

	c->ready = true;
	c->window = r->window ? r->window : 1;
	d->nconnecting--;
	d->max_octets = r->max_octets;
	if (d->state != DELIVERY_UP) {
		d->state = DELIVERY_UP;
		d->reports->changed(d->who, d);
	}
	task_post(&d->kick);
}

static struct parcel *parcel_of(struct conn *c, const struct message *m)
{
	LIST_EACH(at, kept, &c->parcels)
	{
		struct parcel *p = LIST_OF(at, struct parcel, link);

		if (p->m == m)
			return p;
	}
	return NULL;
}

static void record(struct parcel *p);

static void on_result(void *who, struct message *m, const struct dest_result *r)
{
	struct conn *c = who;
	struct parcel *p = parcel_of(c, m);

	MUST(p && !p->answered);
	if (r->outcome != DEST_UNSENT && r->outcome != DEST_LOST)
		c->delivery->barren = 0;
	p->answered = true;
	p->answer = *r;
	printable(p->answer_words, sizeof(p->answer_words), r->words);
	p->answer.words = view_of(p->answer_words);
	/* with TX1 or TX2 out the row is not ours to change yet */
	if (p->phase == PARCEL_SENDING)
		record(p);
}

static void on_closed(void *who, const struct err *err)
{
	struct conn *c = who;
	struct delivery *d = c->delivery;

	LIST_EACH(at, kept, &c->parcels)
	{
		struct parcel *p = LIST_OF(at, struct parcel, link);

		leave_parcel(p);
	}
	list_drop(&c->link);
	d->nconns--;
	if (!c->ready)
		d->nconnecting--;
	if (err && !c->leaving) {
		d->barren++;
		/* one refused beside others: the server's own limit */
		if (!c->ready && d->nconns > 0)
			d->limit = d->nconns;
		else if (!c->ready || d->barren >= BARREN_MAX)
			go_down(d, err);
	}
	free(c);
	task_post(&d->kick);
}

static void on_stamp(void *who, const struct message *m, struct text *out)
{
	struct conn *c = who;

	c->delivery->reports->stamp(c->delivery->who, m, out);
}

static void on_probed(void *who, const char *rcpt, int code, struct view words)
{
	(void)who, (void)rcpt, (void)code, (void)words;
}

static const struct dest_reports dest_reports = {
	.ready = on_ready,
	.result = on_result,
	.probed = on_probed,
	.closed = on_closed,
};

static void open_conn(struct delivery *d)
{
	const struct config_server *s = &d->config->server;
	struct conn *c = mem_new(sizeof(*c));
	struct dest_options o = {
		.loop = d->parts.loop,
		.resolver = d->parts.resolver,
		.spool = d->parts.spool,
		.endpoint = d->endpoint,
		.path = s->scheme == CONFIG_MAILDIR ? s->path : NULL,
		.hostname = d->parts.hostname,
		.user = d->config->user,
		.secret = &d->secret,
		.auth = reach_auth(d->config->auth),
		.password_in_clear = s->tls == CONFIG_TLS_NONE,
		.clear_on_loopback = s->tls == CONFIG_TLS_LOCAL,
		.drop_headers = d->drop,
		.trace = d->parts.trace ? d->config->name : NULL,
		.stamp = on_stamp,
	};

	c->delivery = d;
	c->serial = ++d->serial;
	list_init(&c->parcels);
	list_push(&d->conns, &c->link);
	d->nconns++;
	d->nconnecting++;
	c->dest = s->scheme == CONFIG_MAILDIR
		      ? dest_maildir_open(&o, &dest_reports, c)
		      : dest_smtp_open(&o, &dest_reports, c);
}

static void on_secret(void *who, struct reach_secret *s)
{
	struct delivery *d = who;

	d->secret = s->secret;
	s->secret = (struct secret){ NULL, 0 };
	d->nconnecting--;
	if (!s->ok)
		go_down(d, &s->err);
	else
		open_conn(d);
	task_post(&d->kick);
}

void delivery_warm(struct delivery *d)
{
	struct err err;

	if (d->state != DELIVERY_COLD)
		return;
	d->state = DELIVERY_CONNECTING;
	if (!reach_endpoint(&d->parts, &d->config->server, &d->config->tls,
			    &d->endpoint, &err)) {
		go_down(d, &err);
		return;
	}
	if (!d->config->user) {
		open_conn(d);
		return;
	}
	d->nconnecting++; /* keeps kick() from ending before it */
	d->fetching = (struct reach_secret){
		.config = d->parts.config,
		.from = &d->config->secret,
		.done = on_secret,
		.who = d,
	};
	reach_secret(&d->parts, &d->fetching);
}

/* --- the life of a parcel ------------------------------------------------ */

static void settle(struct delivery *d, struct parcel *p)
{
	if (d->state == DELIVERY_DOWN && p->m->state == MESSAGE_SPOOLED) {
		d->kept++;
		d->kept_octets += p->m->place.octets;
	}
	d->in_hand--;
	if (p->settled)
		p->settled(p->who, p);
	else
		d->reports->settled(d->who, d, p->m);
	parcel_free(p);
	d->reports->changed(d->who, d);
	task_post(&d->kick);
}

static void make_ready(struct delivery *d, struct parcel *p)
{
	p->phase = PARCEL_READY;
	p->answered = false;
	if (d->state == DELIVERY_DOWN || d->stopping) {
		settle(d, p);
		return;
	}
	list_push(&d->ready, &p->link);
	d->nready++;
	task_post(&d->kick);
}

static void on_recorded(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;
	bool unsent = p->req.result.unsent;

	leave_parcel(p);
	if (unsent && req->ok)
		make_ready(d, p);
	else
		settle(d, p);
}

/* TX3. The slot in the window is free only when this is durable: P2. */
static void record(struct parcel *p)
{
	struct delivery *d = p->delivery;
	int64_t now = loop_unix_ms();
	enum verdict v;

	v = verdict_apply(p->m, &p->answer, d->config, now, random32());
	p->phase = PARCEL_RECORDING;
	p->req.result = (struct spool_result){
		.req = { .done = on_recorded, .who = p },
		.m = p->m,
		.unsent = v == VERDICT_UNSENT,
		.now_ms = now,
	};
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
	if (p->answered)
		record(p);
	else
		p->conn->dest->ops->release(p->conn->dest, p->m);
}

static void reserve(struct conn *c, struct parcel *p)
{
	c->used++;
	p->conn = c;
	p->answered = false;
	list_push(&c->parcels, &p->link);
	c->dest->ops->offer(c->dest, p->m);
}

/* The emptiest connection with room: its MAIL goes out first. */
static struct conn *room_for_one(struct delivery *d)
{
	struct conn *best = NULL;

	LIST_EACH(at, kept, &d->conns)
	{
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->ready && !c->leaving && c->used < c->window &&
		    (!best || c->used < best->used))
			best = c;
	}
	return best;
}

static void on_held(struct spool_req *req)
{
	struct parcel *p = req->who;

	if (req->ok)
		p->m->state = MESSAGE_HELD;
	settle(p->delivery, p);
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

static void on_put_to_hold(struct spool_req *req)
{
	struct parcel *p = req->who;

	if (!req->ok)
		settle(p->delivery, p);
	else
		hold(p);
}

static void on_put(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;
	bool sending = p->req.put.sending;

	if (!req->ok) { /* m->id is 0: it is not here, and not lost */
		if (p->conn && !p->answered)
			p->conn->dest->ops->withdraw(p->conn->dest, p->m);
		leave_parcel(p);
		settle(d, p);
		return;
	}
	if (!d->first_put)
		d->first_put = p->m->id;
	if (sending)
		go(p);
	else
		make_ready(d, p);
}

void delivery_enter(struct delivery *d, struct parcel *p,
		    struct spool_body *body, bool hold_it)
{
	struct conn *c = NULL;

	p->delivery = d;
	p->phase = PARCEL_PUTTING;
	p->verified = true;
	d->in_hand++;
	if (!hold_it && !d->nready && !d->stopping && d->state == DELIVERY_UP)
		c = room_for_one(d);
	p->req.put = (struct spool_put){
		.req = { .done = hold_it ? on_put_to_hold : on_put, .who = p },
		.m = p->m,
		.body = body,
		.sending = c != NULL,
		.connection = c ? c->serial : 0,
	};
	/* MAIL is on its way before the row can say SENDING */
	if (c)
		reserve(c, p);
	else if (d->state == DELIVERY_UP)
		task_post(&d->kick);
	spool_put(d->parts.spool, &p->req.put);
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
	leave_parcel(p);
	settle(p->delivery, p);
}

static void mark(struct conn *c, struct parcel *p)
{
	p->phase = PARCEL_MARKING;
	reserve(c, p);
	p->req.sending = (struct spool_sending){
		.req = { .done = on_marked, .who = p },
		.m = p->m,
		.connection = c->serial,
		.now_ms = loop_unix_ms(),
	};
	spool_sending(p->delivery->parts.spool, &p->req.sending);
}

static void on_verified(struct spool_req *req)
{
	struct parcel *p = req->who;
	struct delivery *d = p->delivery;

	if (req->ok && p->req.verify.same) {
		p->verified = true;
		make_ready(d, p);
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

/* --- what is due in the ledger ------------------------------------------- */

static void take_due(struct delivery *d, struct message *m)
{
	struct parcel *p;

	d->due_after = m->id;
	if (d->first_put && m->id >= d->first_put) {
		message_free(m); /* in hand already */
		return;
	}
	p = parcel_new(m);
	p->delivery = d;
	p->verified = spool_body_trusted(d->parts.spool, &m->place);
	d->in_hand++;
	make_ready(d, p);
}

static void on_due(struct spool_req *req)
{
	struct delivery *d = req->who;

	d->loading = false;
	d->loaded_all = !req->ok || d->due.n < LOAD_MAX;
	for (size_t i = 0; i < d->due.n; i++)
		take_due(d, d->due_out[i]);
	if (d->due.n && !d->loaded_all)
		d->loaded_all = d->first_put && d->due_after >= d->first_put;
	d->due.n = 0;
	if (d->in_hand)
		delivery_warm(d);
	task_post(&d->kick);
}

static void load(struct delivery *d)
{
	d->loading = true;
	d->due = (struct spool_due){
		.req = { .done = on_due, .who = d },
		.delivery = d->config->name,
		.after = d->due_after,
		.until_ms = d->due_until,
		.max = LOAD_MAX,
		.out = d->due_out,
	};
	spool_due(d->parts.spool, &d->due);
}

void delivery_load(struct delivery *d, int64_t until_ms)
{
	d->due_until = until_ms;
	d->loaded_all = false;
	if (!d->loading)
		load(d);
}

/* --- keeping it going ------------------------------------------------------
 */

static void fill(struct delivery *d)
{
	struct conn *c;

	while (d->nready && !d->stopping && (c = room_for_one(d))) {
		struct parcel *p =
		    LIST_OF(list_pop(&d->ready), struct parcel, link);

		d->nready--;
		if (p->verified)
			mark(c, p);
		else
			verify(p);
	}
}

static void widen(struct delivery *d)
{
	if (d->state == DELIVERY_UP && !d->stopping && d->nconns < d->limit &&
	    d->nconnecting < CONNECTING_MAX &&
	    (d->nready || (!d->finishing && d->nconns && !room_for_one(d))))
		open_conn(d);
}

static void quit_all(struct delivery *d)
{
	LIST_EACH(at, kept, &d->conns)
	{
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->leaving)
			continue;
		c->leaving = true;
		if (c->ready)
			c->dest->ops->quit(c->dest);
		else
			c->dest->ops->cancel(c->dest);
	}
}

static void kick(void *who)
{
	struct delivery *d = who;

	fill(d);
	widen(d);
	if (!d->loading && !d->loaded_all && d->nready < LOAD_MAX / 4 &&
	    d->state != DELIVERY_DOWN && !d->stopping)
		load(d);
	if (!d->finishing || d->in_hand || d->loading ||
	    (!d->loaded_all && !d->stopping))
		return;
	quit_all(d);
	if (!d->nconns && !d->nconnecting && !d->finished) {
		d->finished = true;
		d->reports->finished(d->who, d);
	}
}

void delivery_finish(struct delivery *d)
{
	d->finishing = true;
	task_post(&d->kick);
}

void delivery_stop(struct delivery *d)
{
	d->stopping = true;
	give_back_ready(d);
	delivery_finish(d);
}

void delivery_abort(struct delivery *d)
{
	d->stopping = d->finishing = true;
	LIST_EACH(at, kept, &d->conns)
	{
		struct conn *c = LIST_OF(at, struct conn, link);

		c->leaving = true;
		c->dest->ops->cancel(c->dest);
	}
}
