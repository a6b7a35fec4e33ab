#include "seats.h"
#include "hash.h"
#include "must.h"
#include "query.h"
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

/* Sign-ins in a second, where they are paced: all, and of one host. */
#define PACE	      50u
#define PACE_PER_HOST 10u
#define PUT_OFF_MS    5000

struct seats {
	struct parts parts;
	struct deliveries *deliveries;
	struct seats_options options;
	struct seat *all;
	const char **hosts; /* borrowed from the configuration */
	size_t n, nhosts;
	struct schedule *schedule;
	bool open, offline;
	struct task fill;
	struct timer again;
};

static uint32_t random32(void)
{
	uint32_t r;

	hash_random(&r, sizeof(r));
	return r;
}

static struct schedule_now now_of(const struct seats *ss)
{
	return (struct schedule_now){ loop_now_ms(ss->parts.loop),
				      loop_unix_ms() };
}

static size_t index_of(const struct seat *s)
{
	return (size_t)(s - s->seats->all);
}

static size_t host_of(struct seats *ss, const char *name)
{
	size_t h = 0;

	while (h < ss->nhosts && strcmp(ss->hosts[h], name) != 0)
		h++;
	if (h == ss->nhosts)
		ss->hosts[ss->nhosts++] = name;
	return h;
}

static void tell_offline(struct seats *ss)
{
	bool is = schedule_is_offline(ss->schedule);

	if (is == ss->offline)
		return;
	ss->offline = is;
	if (ss->options.offline)
		ss->options.offline(ss->options.who, is);
}

/* --- turns ---------------------------------------------------------------- */

static void bind_row(struct seat *s, bool anew,
		     void (*done)(struct spool_req *));

static void go(struct seat *s)
{
	s->visit->row = s->bind.a;
	if (s->seats->options.begins)
		s->seats->options.begins(s->seats->options.who, s);
	visit_start(s->visit);
}

/* Commands beside us may have changed it since the last visit. */
static void on_row_read(struct spool_req *req)
{
	struct seat *s = req->who;

	s->reading = false;
	if (!req->ok) {
		visit_fail(s->visit, &req->err);
		s->visit->reports->ended(s->visit->who, s->visit);
		return;
	}
	go(s);
}

static void read_row(struct seat *s)
{
	s->reading = true;
	bind_row(s, false, on_row_read);
}

static void put_off(struct seat *s)
{
	struct seats *ss = s->seats;
	struct schedule_now now = now_of(ss);
	struct schedule_end e = { .reach = SCHEDULE_UNTRIED,
				  .failed = true,
				  .not_before_ms = now.unix_ms + PUT_OFF_MS };

	s->active = false;
	schedule_ended(ss->schedule, index_of(s), now, &e);
	if (!list_empty(&s->booked))
		schedule_request(ss->schedule, index_of(s));
}

static void take_turn(struct seat *s, bool is_probe)
{
	struct seats *ss = s->seats;
	struct link *at = list_pop(&s->booked);

	s->active = true;
	if (at)
		s->visit = LIST_OF(at, struct visit, booked);
	else if (ss->options.due)
		s->visit = ss->options.due(ss->options.who, s, is_probe);
	if (!list_empty(&s->booked))
		schedule_request(ss->schedule, index_of(s));
	if (!s->visit)
		put_off(s);
	else if (ss->options.due)
		read_row(s);
	else
		go(s);
}

static void fill(void *who)
{
	struct seats *ss = who;
	bool is_probe;
	size_t i;

	while (ss->open &&
	       schedule_next(ss->schedule, now_of(ss), &i, &is_probe))
		take_turn(&ss->all[i], is_probe);
	if (ss->open)
		timer_start(&ss->again,
			    schedule_wait_ms(ss->schedule, now_of(ss)) + 1);
}

static void look_again(struct seats *ss)
{
	if (ss->open)
		task_post(&ss->fill);
}

void seat_book(struct seat *s, struct visit *v)
{
	list_push(&s->booked, &v->booked);
	schedule_request(s->seats->schedule, index_of(s));
	look_again(s->seats);
}

static enum schedule_reach reach_of(const struct visit *v)
{
	if (!v->session_ms)
		return SCHEDULE_UNTRIED;
	return v->err.class == ERR_NETWORK && !v->signed_in_ms
		       ? SCHEDULE_UNREACHED
		       : SCHEDULE_REACHED;
}

void seat_disconnected(struct seat *s, const struct visit *v)
{
	if (s->visit != v)
		return;
	schedule_disconnected(s->seats->schedule, index_of(s));
	look_again(s->seats);
}

void seat_leave(struct seat *s, struct visit *v)
{
	struct seats *ss = s->seats;
	struct schedule_end e = { .reach = reach_of(v),
				  .failed = v->row.failures > 0,
				  .not_before_ms = v->row.next_poll_ms };

	if (s->visit == v) {
		s->visit = NULL;
		s->active = false;
		schedule_ended(ss->schedule, index_of(s), now_of(ss), &e);
		tell_offline(ss);
	} else if (!list_empty(&v->booked)) {
		list_drop(&v->booked);
		if (list_empty(&s->booked))
			schedule_withdraw(ss->schedule, index_of(s));
	}
	look_again(ss);
}

void seat_schedule(struct seat *s, bool early, bool unheard)
{
	const struct spool_account *row = &s->bind.a;
	const struct config_account *c = s->config;
	struct seats *ss = s->seats;
	struct schedule_account a = {
		.host = host_of(ss, c->server.host),
		.poll_every_ms = c->enabled ? c->poll_every_ms : 0,
		.last_poll_ms = unheard ? 0 : row->last_poll_ms,
		.not_before_ms = early && row->failures ? 0 : row->next_poll_ms,
		.failed = row->failures > 0,
	};

	schedule_account(ss->schedule, index_of(s), now_of(ss), &a);
	look_again(ss);
}

void seat_request(struct seat *s)
{
	schedule_request(s->seats->schedule, index_of(s));
	look_again(s->seats);
}

bool seat_guest(struct seat *s)
{
	return s->seats->open && schedule_guest(s->seats->schedule, index_of(s),
						now_of(s->seats));
}

void seat_guest_left(struct seat *s)
{
	schedule_guest_left(s->seats->schedule, index_of(s));
	look_again(s->seats);
}

int64_t seat_due_ms(const struct seat *s)
{
	return schedule_due_ms(s->seats->schedule, index_of(s),
			       now_of(s->seats));
}

void seats_open(struct seats *ss)
{
	ss->open = true;
	task_post(&ss->fill);
}

void seats_shut(struct seats *ss)
{
	ss->open = false;
	timer_stop(&ss->again);
}

void seats_poll_all(struct seats *ss)
{
	schedule_poll_all(ss->schedule, now_of(ss));
	look_again(ss);
}

void seats_stop(struct seats *ss)
{
	seats_shut(ss);
	for (size_t i = 0; i < ss->n; i++) {
		struct seat *s = &ss->all[i];

		if (s->reading)
			s->visit->stopping = true; /* it ends as it begins */
		else if (s->visit)
			visit_stop(s->visit);
	}
}

void seats_abort(struct seats *ss)
{
	seats_shut(ss);
	for (size_t i = 0; i < ss->n; i++)
		if (ss->all[i].visit)
			visit_abort(ss->all[i].visit);
}

void seats_wake(struct seats *ss, const struct delivery *d)
{
	for (size_t i = 0; i < ss->n; i++) {
		struct visit *v = ss->all[i].visit;

		if (v && !ss->all[i].reading && (!d || v->delivery == d))
			visit_wake(v);
	}
}

size_t seats_taken(const struct seats *ss)
{
	return schedule_running(ss->schedule);
}

bool seats_are_busy(const struct seats *ss)
{
	for (size_t i = 0; i < ss->n; i++)
		if (ss->all[i].hastening)
			return true;
	return seats_taken(ss) > 0;
}

bool seats_is_offline(const struct seats *ss)
{
	return ss->offline;
}

/* --- rows ----------------------------------------------------------------- */

static void on_bound(struct spool_req *req)
{
	struct seat *s = req->who;

	s->seats->options.bound(s->seats->options.who, s);
}

static void bind_row(struct seat *s, bool anew,
		     void (*done)(struct spool_req *))
{
	const struct config_account *a = s->config;
	struct spool_account *row = &s->bind.a;

	s->bind.req = (struct spool_req){ .done = done, .who = s };
	s->bind.anew = anew;
	s->bind.now_ms = loop_unix_ms();
	(void)snprintf(row->name, sizeof(row->name), "%s", a->name);
	(void)snprintf(row->user, sizeof(row->user), "%s", a->user);
	(void)snprintf(row->place, sizeof(row->place), "%s", a->place);
	row->family = config_is_pop3(&a->server) ? SPOOL_POP3 : SPOOL_IMAP;
	spool_bind(s->seats->parts.spool, &s->bind);
}

void seats_bind(struct seats *ss)
{
	for (size_t i = 0; i < ss->n; i++)
		bind_row(&ss->all[i], i == 0, on_bound);
}

/* Several passes may want it at the same time. */
struct hasten {
	struct spool_call call;
	struct seat *seat;
	int64_t account, now_ms;
	void (*done)(void *who);
	void *who;
};

static bool hasten(struct ledger *l, void *arg, struct err *err)
{
	struct hasten *h = arg;

	return query_hasten(l, h->account, h->now_ms, err);
}

static void on_hastened(struct spool_req *req)
{
	struct hasten *h = req->who;

	h->seat->hastening--;
	h->done(h->who);
	free(h);
}

void seat_hasten(struct seat *s, void (*done)(void *who), void *who)
{
	struct hasten *h = mem_new(sizeof(*h));

	*h = (struct hasten){
		.call = { .req = { .done = on_hastened, .who = h },
			  .fn = hasten,
			  .arg = h },
		.seat = s,
		.account = s->bind.a.id,
		.now_ms = loop_unix_ms(),
		.done = done,
		.who = who,
	};
	s->hastening++;
	spool_call(s->seats->parts.spool, &h->call);
}

/* --- all of them ---------------------------------------------------------- */

struct seat *seats_at(struct seats *ss, size_t i)
{
	MUST(i < ss->n);
	return &ss->all[i];
}

struct seat *seats_find(struct seats *ss, int64_t account)
{
	for (size_t i = 0; i < ss->n; i++)
		if (ss->all[i].bind.a.id == account && account)
			return &ss->all[i];
	return NULL;
}

static void add_seat(struct seats *ss, size_t i)
{
	struct seat *s = &ss->all[i];

	s->seats = ss;
	s->config = &ss->parts.config->accounts[i];
	list_init(&s->booked);
	schedule_account(ss->schedule, i, now_of(ss),
			 &(struct schedule_account){
				 .host = host_of(ss, s->config->server.host) });
}

struct seats *seats_new(const struct parts *p, struct deliveries *d,
			const struct seats_options *o)
{
	const struct config *c = p->config;
	struct seats *ss = mem_new(sizeof(*ss));
	struct schedule_options so = {
		.accounts = c->n_accounts,
		.most = c->max_connections,
		.most_per_host = c->max_connections_per_host,
		.pace = o->paced ? PACE : 0,
		.pace_per_host = o->paced ? PACE_PER_HOST : 0,
		.random = random32,
	};

	ss->parts = *p;
	ss->deliveries = d;
	ss->options = *o;
	ss->n = c->n_accounts;
	ss->all = mem_new((ss->n + 1) * sizeof(*ss->all));
	ss->hosts = mem_new((ss->n + 1) * sizeof(*ss->hosts));
	for (size_t i = 0; i < ss->n; i++)
		(void)host_of(ss, c->accounts[i].server.host);
	so.hosts = ss->nhosts;
	ss->schedule = schedule_new(&so, now_of(ss));
	task_init(&ss->fill, p->loop, fill, ss);
	timer_init(&ss->again, p->loop, fill, ss);
	for (size_t i = 0; i < ss->n; i++)
		add_seat(ss, i);
	return ss;
}

void seats_free(struct seats *ss)
{
	if (!ss)
		return;
	task_cancel(&ss->fill);
	timer_stop(&ss->again);
	schedule_free(ss->schedule);
	free(ss->all);
	free(ss->hosts);
	free(ss);
}
