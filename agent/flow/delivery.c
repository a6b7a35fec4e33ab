#include "delivery.h"
#include "handoff.h"
#include "limits.h"
#include "must.h"
#include "paced.h"
#include "presented.h"
#include "refusal.h"
#include "remedy.h"
#include "settings.h"
#include "solo.h"

#include <stdlib.h>

#define HAND_MAX       1024u /* parcels in hand while all is well */
#define BARREN_MAX     3u    /* connections lost in a row without an answer */
#define CONNECTING_MAX 16u

static void kick(void *who);

struct delivery *delivery_new(const struct parts *p,
			      const struct config_delivery *c,
			      const struct delivery_reports *r, void *who)
{
	struct delivery *d = mem_new(sizeof(*d));

	d->parts = *p;
	d->config = c;
	d->reports = r;
	d->who = who;
	list_init(&d->conns);
	list_init(&d->ready);
	d->loaded_all = true;
	d->drop = mem_new((c->drop_headers.n + 1) * sizeof(*d->drop));
	for (size_t i = 0; i < c->drop_headers.n; i++)
		d->drop[i] = c->drop_headers.item[i];
	task_init(&d->kick, p->loop, kick, d);
	delivery_stay_init(d);
	paced_init(d);
	return d;
}

void delivery_free(struct delivery *d)
{
	if (!d)
		return;
	task_cancel(&d->kick);
	delivery_stay_fini(d);
	paced_fini(d);
	reach_done(&d->endpoint);
	secret_fini(&d->secret);
	secret_fini(&d->srs_secret);
	free(d->drop);
	delivery_forget(d);
	welcome_fini(&d->welcome);
	welcome_fini(&d->took);
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

const struct err *delivery_warning(const struct delivery *d)
{
	return &d->warning;
}

uint64_t delivery_max_octets(const struct delivery *d)
{
	return d->max_octets;
}

size_t delivery_in_hand(const struct delivery *d)
{
	return d->in_hand;
}

bool delivery_is_spent(struct delivery *d)
{
	return d->state == DELIVERY_UP && paced_is_spent(d);
}

struct share *delivery_share(struct delivery *d)
{
	return &d->share;
}

size_t delivery_room(struct delivery *d, uint64_t *octets)
{
	size_t room = d->in_hand < HAND_MAX && d->held < HANDOFF_HELD_MAX
			      ? HAND_MAX - d->in_hand
			      : 0;
	size_t paced;
	uint64_t left = share_left(&d->share);
	size_t n = 0;

	*octets = left;
	switch (d->state) {
	case DELIVERY_COLD:
		return 0;
	case DELIVERY_UP:
		paced = paced_room(d);
		return paced < room ? paced : room;
	case DELIVERY_CONNECTING: /* as many as may be left with it down */
	case DELIVERY_DOWN:
		if (!d->stopping)
			n = share_down_room(&d->share, octets);
		break;
	}
	if (*octets > left)
		*octets = left;
	return n;
}

void delivery_expect(struct delivery *d, size_t n)
{
	d->expected += n;
	task_post(&d->kick);
}

void delivery_unexpect(struct delivery *d, size_t n)
{
	d->expected -= n;
}

/* --- connections -------------------------------------------------------- */

static void open_conn(struct delivery *d);

/* What waits stays in the ledger, where it is due: nothing is written. */
static void give_back_ready(struct delivery *d)
{
	LIST_EACH(at, kept, &d->ready) {
		struct parcel *p = LIST_OF(at, struct parcel, link);

		list_drop(&p->link);
		d->nready--;
		handoff_settle(d, p);
	}
}

static void go_down(struct delivery *d, const struct err *err)
{
	d->state = DELIVERY_DOWN;
	d->err = *err;
	if (err->class == ERR_AUTH && !err->remedy[0])
		remedy_delivery(d->config, &d->err);
	if (err->class == ERR_PROTOCOL && !err->remedy[0])
		(void)remedy_protocol(&d->err);
	d->loaded_all = true;
	give_back_ready(d);
	d->reports->changed(d->who, d);
	task_post(&d->kick); /* it may be that nothing else is waited for */
}

static void on_ready(void *who, const struct dest_ready *r)
{
	struct conn *c = who;
	struct delivery *d = c->delivery;

	c->ready = true;
	c->tells_mailed = r->tells_mailed;
	c->window = r->window ? r->window : 1;
	d->nconnecting--;
	d->max_octets = r->max_octets;
	breadth_note_trip(&d->breadth, r->trip_ms);
	presented_ready(c, r);
	/* given up meanwhile: what failed is not undone by one more greeting */
	if (d->state == DELIVERY_CONNECTING) {
		d->state = DELIVERY_UP;
		d->reports->changed(d->who, d);
	}
	task_post(&d->kick);
}

static void on_closed(void *who, const struct err *err)
{
	struct conn *c = who;
	struct delivery *d = c->delivery;
	/* it may end what nobody uses; that says nothing of the next */
	bool idle = c->ready && !c->used && !d->nready && d->stays;

	LIST_EACH(at, kept, &c->parcels) {
		struct parcel *p = LIST_OF(at, struct parcel, link);

		handoff_leave(p);
	}
	list_drop(&c->link);
	d->nconns--;
	if (!c->ready)
		d->nconnecting--;
	if (err && !c->leaving && !idle) {
		d->barren++;
		if (c->ready && refusal_is_of_haste(view_of(err->peer)))
			breadth_narrow(&d->breadth, 1);
		/* one refused beside others: the server's own limit */
		if (!c->ready && d->nconns > 0)
			breadth_narrow(&d->breadth, d->nconns);
		else if (!c->ready || d->barren >= BARREN_MAX)
			go_down(d, err);
	}
	free(c->client);
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
	.mailed = handoff_mailed,
	.result = handoff_result,
	.probed = on_probed,
	.closed = on_closed,
};

static void open_conn(struct delivery *d)
{
	const char *client =
		d->state == DELIVERY_UP ? presented_wanted(d) : NULL;
	const struct config_server *s = &d->config->server;
	struct conn *c = mem_new(sizeof(*c));
	struct dest_options o = {
		.loop = d->parts.loop,
		.resolver = d->parts.resolver,
		.spool = d->parts.spool,
		.endpoint = d->endpoint,
		.lmtp = config_is_lmtp(s),
		.path = s->scheme == CONFIG_MAILDIR ? s->path : NULL,
		.hostname = d->parts.hostname,
		.user = d->config->user,
		.secret = &d->secret,
		.auth = d->config->auth,
		.password_in_clear = s->tls == CONFIG_TLS_NONE,
		.clear_on_loopback = s->tls == CONFIG_TLS_LOCAL,
		.notify_never = d->config->dsn == CONFIG_DSN_NEVER,
		.srs_domain = d->config->srs_domain,
		.srs_secret = &d->srs_secret,
		.drop_headers = d->drop,
		.trace = d->parts.trace ? d->config->name : NULL,
		.stamp = on_stamp,
	};

	c->delivery = d;
	c->serial = ++d->serial;
	c->client = mem_str(client);
	o.client = c->client;
	list_init(&c->parcels);
	list_push(&d->conns, &c->link);
	d->nconns++;
	d->nconnecting++;
	c->dest = s->scheme == CONFIG_MAILDIR
			  ? dest_maildir_open(&o, &dest_reports, c)
			  : dest_smtp_open(&o, &dest_reports, c);
	task_post(&d->kick); /* others may follow, see may_widen() */
}

static void read_secret(struct delivery *d, const struct config_secret *from,
			enum mech auth,
			void (*done)(void *who, struct reach_secret *s))
{
	d->nconnecting++; /* keeps kick() from ending before it */
	d->reading = true;
	d->fetching = (struct reach_secret){
		.config = d->parts.config,
		.from = from,
		.auth = auth,
		.done = done,
		.who = d,
	};
	reach_secret(&d->parts, &d->fetching);
}

static void took_secret(struct delivery *d, struct reach_secret *s,
			struct secret *to)
{
	secret_fini(to); /* who signs in just now has its own copy */
	*to = s->secret;
	s->secret = (struct secret){ NULL, 0 };
	d->reading = false;
	d->nconnecting--;
	task_post(&d->kick);
}

/* It refused us before, and nothing has changed since. */
static bool rests(struct delivery *d)
{
	d->rests = d->may_rest && d->rest_settings == delivery_settings(d);
	d->may_rest = false;
	if (d->rests)
		go_down(d, &d->err);
	return d->rests;
}

void delivery_rest(struct delivery *d, uint64_t settings, const struct err *err)
{
	d->may_rest = true;
	d->rest_settings = settings;
	d->err = *err;
}

bool delivery_rests(const struct delivery *d)
{
	return d->rests;
}

uint64_t delivery_settings(const struct delivery *d)
{
	return settings_of_delivery(&d->parts, d->config,
				    secret_view(&d->secret));
}

static void on_secret(void *who, struct reach_secret *s)
{
	struct delivery *d = who;

	took_secret(d, s, &d->secret);
	if (s->ok && rests(d))
		return;
	if (s->ok)
		open_conn(d);
	else if (d->nconns > 0)
		breadth_narrow(&d->breadth, d->nconns);
	else
		go_down(d, &s->err);
}

/* A secret is read anew for each sign-in. */
static void dial(struct delivery *d)
{
	if (d->config->user)
		read_secret(d, &d->config->secret, d->config->auth, on_secret);
	else if (!rests(d))
		open_conn(d);
}

static void on_srs_secret(void *who, struct reach_secret *s)
{
	struct delivery *d = who;

	took_secret(d, s, &d->srs_secret);
	if (s->ok)
		dial(d);
	else
		go_down(d, &s->err);
}

void delivery_reach_out(struct delivery *d)
{
	struct err err;

	if (!reach_endpoint(&d->parts, &d->config->server, &d->config->tls,
			    &d->config->route, &d->endpoint, &err)) {
		go_down(d, &err);
		return;
	}
	if (d->config->srs_domain)
		read_secret(d, &d->config->srs_secret, MECH_NONE,
			    on_srs_secret);
	else
		dial(d);
}

static void on_past(struct spool_req *req)
{
	struct delivery *d = req->who;

	d->nconnecting--;
	if (req->ok) {
		paced_load(d, d->past.handed, d->past.n);
		welcome_lines(&d->took, view_of(d->past.took));
		for (size_t i = 0; i < d->past.nsenders; i++)
			delivery_add_sender(d, d->past.senders[i].account,
					    d->past.senders[i].sender);
	}
	spool_past_fini(&d->past);
	if (!req->ok) {
		go_down(d, &req->err);
		task_post(&d->kick);
	} else if (d->stopping) {
		d->state = DELIVERY_DOWN;
		task_post(&d->kick);
	} else {
		delivery_reach_out(d);
	}
}

void delivery_warm(struct delivery *d)
{
	if (d->state != DELIVERY_COLD)
		return;
	d->state = DELIVERY_CONNECTING;
	d->nconnecting++; /* keeps kick() from ending before it */
	d->past = (struct spool_past){
		.req = { .done = on_past, .who = d, .urgent = true },
		.delivery = d->config->name,
		.since_ms = loop_unix_ms() - (int64_t)d->config->rate_window_ms,
	};
	spool_past(d->parts.spool, &d->past);
}

size_t delivery_most(const struct delivery *d)
{
	return breadth_most(&d->breadth, d->config->connections);
}

/* Of the first so many: those above their number run dry, and go. */
struct conn *delivery_conn_with_room(struct delivery *d, const char *client)
{
	struct conn *best = NULL;
	size_t most = delivery_most(d);

	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->leaving)
			continue;
		if (!most--)
			break;
		if (c->ready && c->used < c->window &&
		    presented_same(c->client, client) &&
		    (!best || c->used < best->used))
			best = c;
	}
	return best;
}

/* --- keeping it going ------------------------------------------------------
 */

static void fill(struct delivery *d)
{
	LIST_EACH(at, kept, &d->ready) {
		struct parcel *p = LIST_OF(at, struct parcel, link);
		struct conn *c =
			delivery_conn_with_room(d, delivery_client_of(d, p->m));

		if (d->stopping || !paced_may(d))
			return;
		if (!c && !d->config->xclient)
			return; /* one is as good as another */
		if (delivery_is_paused(d, p->m->account)) {
			list_drop(&p->link);
			d->nready--;
			handoff_settle(d, p);
		} else if (c && delivery_may_offer(d, p->m) &&
			   solo_may(d->parts.solo, p->m->suspect)) {
			list_drop(&p->link);
			d->nready--;
			handoff_begin(c, p);
		}
	}
}

/* Not all that is here, and that sources will send, is under way at once. */
static bool is_narrow(const struct delivery *d)
{
	size_t window = d->state == DELIVERY_UP ? 1 : LIMIT_WINDOW_BDAT;

	LIST_EACH(at, kept, &d->conns) {
		const struct conn *c = LIST_OF(at, struct conn, link);

		if (c->ready)
			window = c->window;
	}
	return d->nconns <
	       breadth_wanted(&d->breadth, window, d->in_hand + d->expected);
}

static bool wants_more(struct delivery *d)
{
	return d->config->xclient && !d->no_xclient ? presented_lacks(d)
						    : is_narrow(d);
}

/*
 * The first connection need not be up where none can be refused for a password:
 * three round trips are won, and a destination that is down hears of us a few
 * times more.
 */
static bool may_widen(const struct delivery *d)
{
	return d->state == DELIVERY_UP ||
	       (d->state == DELIVERY_CONNECTING && d->nconns && d->expected &&
		!d->config->user && !d->config->xclient && !d->config->rate);
}

static void widen(struct delivery *d)
{
	while (may_widen(d) && !d->stopping && paced_may(d) &&
	       d->nconns < delivery_most(d) &&
	       d->nconnecting < CONNECTING_MAX && !d->reading && wants_more(d))
		dial(d);
}

static void quit(struct conn *c)
{
	c->leaving = true;
	if (c->ready)
		c->dest->ops->quit(c->dest);
	else
		c->dest->ops->cancel(c->dest);
}

void delivery_quit_all(struct delivery *d)
{
	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		if (!c->leaving)
			quit(c);
	}
}

/* More are open than the server bears. */
static void shed(struct delivery *d)
{
	size_t most = delivery_most(d);

	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		if (c->leaving)
			continue;
		if (most)
			most--;
		else if (!c->used)
			quit(c);
	}
}

static void kick(void *who)
{
	struct delivery *d = who;

	shed(d);
	fill(d);
	paced_sort(d);
	presented_make_room(d);
	widen(d);
	if (!d->loading && !d->loaded_all &&
	    d->nready < DELIVERY_LOAD_MAX / 4 && d->state != DELIVERY_DOWN &&
	    !d->stopping)
		delivery_load_more(d);
	delivery_watch_idle(d);
	if (!d->finishing || d->in_hand || d->loading ||
	    (!d->loaded_all && !d->stopping))
		return;
	delivery_quit_all(d);
	if (!d->nconns && !d->nconnecting && !d->finished) {
		d->finished = true;
		d->reports->finished(d->who, d);
	}
}

void delivery_wake(struct delivery *d)
{
	task_post(&d->kick);
}

bool delivery_take(struct delivery *d, struct parcel *p)
{
	if (d->finished || d->stopping || d->state == DELIVERY_DOWN)
		return false;
	p->delivery = d;
	d->in_hand++;
	delivery_warm(d);
	handoff_ready(d, p);
	return true;
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
	LIST_EACH(at, kept, &d->conns) {
		struct conn *c = LIST_OF(at, struct conn, link);

		c->leaving = true;
		c->dest->ops->cancel(c->dest);
	}
}
