#include "seats.h"
#include "must.h"
#include "query.h"

#include <stdio.h>
#include <stdlib.h>

struct host {		  /* that accounts share */
	const char *name; /* borrowed from the configuration */
	size_t active;
};

struct seats {
	struct parts parts;
	struct deliveries *deliveries;
	struct seat *all;
	struct host *hosts;
	size_t n, nhosts, active;
	size_t first; /* seats before it wait for nothing */
	bool open;
	struct task fill;
	seat_bound *bound;
	void *who;
};

static struct host *host_of(struct seats *ss, const char *name)
{
	struct host *h = ss->hosts;

	while (h < ss->hosts + ss->nhosts && strcmp(h->name, name) != 0)
		h++;
	if (h == ss->hosts + ss->nhosts) {
		h->name = name;
		ss->nhosts++;
	}
	return h;
}

static void start(struct seat *s)
{
	s->active = true;
	s->seats->active++;
	s->host->active++;
	s->visit->row = s->bind.a;
	visit_start(s->visit);
}

static void fill(void *who)
{
	struct seats *ss = who;
	const struct config *c = ss->parts.config;

	for (size_t i = ss->first; i < ss->n && ss->open; i++) {
		struct seat *s = &ss->all[i];

		if (ss->active >= c->max_connections)
			break;
		if (s->visit && !s->active &&
		    s->host->active < c->max_connections_per_host)
			start(s);
		if (i == ss->first && (!s->visit || s->active))
			ss->first++;
	}
}

void seat_book(struct seat *s, struct visit *v)
{
	struct seats *ss = s->seats;
	size_t at = (size_t)(s - ss->all);

	MUST(!s->visit);
	s->visit = v;
	if (at < ss->first)
		ss->first = at;
	if (ss->open)
		task_post(&ss->fill);
}

void seat_leave(struct seat *s)
{
	s->visit = NULL;
	if (s->active) {
		s->active = false;
		s->seats->active--;
		s->host->active--;
	}
	if (s->seats->open)
		task_post(&s->seats->fill);
}

void seats_open(struct seats *ss)
{
	ss->open = true;
	task_post(&ss->fill);
}

void seats_shut(struct seats *ss)
{
	ss->open = false;
}

void seats_wake(struct seats *ss, const struct delivery *d)
{
	for (size_t i = 0; i < ss->n; i++) {
		struct seat *s = &ss->all[i];

		if (s->active && (!d || s->visit->delivery == d))
			visit_wake(s->visit);
	}
}

/* --- rows ----------------------------------------------------------------- */

static void on_bound(struct spool_req *req)
{
	struct seat *s = req->who;

	s->seats->bound(s->seats->who, s);
}

static void bind_row(struct seat *s)
{
	const struct config_account *a = s->config;
	struct spool_account *row = &s->bind.a;

	s->bind.req = (struct spool_req){ .done = on_bound, .who = s };
	s->bind.now_ms = loop_unix_ms();
	(void)snprintf(row->name, sizeof(row->name), "%s", a->name);
	(void)snprintf(row->user, sizeof(row->user), "%s", a->user);
	(void)snprintf(row->place, sizeof(row->place), "%s", a->place);
	row->family = config_is_pop3(&a->server) ? SPOOL_POP3 : SPOOL_IMAP;
	spool_bind(s->seats->parts.spool, &s->bind);
}

void seats_bind(struct seats *ss, seat_bound *bound, void *who)
{
	ss->bound = bound;
	ss->who = who;
	for (size_t i = 0; i < ss->n; i++)
		bind_row(&ss->all[i]);
}

static bool hasten(struct ledger *l, void *arg, struct err *err)
{
	struct seat *s = arg;

	return query_hasten(l, s->bind.a.id, s->bind.now_ms, err);
}

static void on_hastened(struct spool_req *req)
{
	struct seat *s = req->who;

	s->hastened(s->hastened_who);
}

void seat_hasten(struct seat *s, void (*done)(void *who), void *who)
{
	s->hastened = done;
	s->hastened_who = who;
	s->hasten = (struct spool_call){
		.req = { .done = on_hastened, .who = s },
		.fn = hasten,
		.arg = s,
	};
	spool_call(s->seats->parts.spool, &s->hasten);
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
		if (ss->all[i].bind.a.id == account)
			return &ss->all[i];
	return NULL;
}

struct seats *seats_new(const struct parts *p, struct deliveries *d)
{
	const struct config *c = p->config;
	struct seats *ss = mem_new(sizeof(*ss));

	ss->parts = *p;
	ss->deliveries = d;
	ss->n = c->n_accounts;
	ss->all = mem_new((ss->n + 1) * sizeof(*ss->all));
	ss->hosts = mem_new((ss->n + 1) * sizeof(*ss->hosts));
	task_init(&ss->fill, p->loop, fill, ss);
	for (size_t i = 0; i < ss->n; i++) {
		struct seat *s = &ss->all[i];

		s->seats = ss;
		s->config = &c->accounts[i];
		s->host = host_of(ss, s->config->server.host);
	}
	return ss;
}

void seats_free(struct seats *ss)
{
	if (!ss)
		return;
	task_cancel(&ss->fill);
	free(ss->all);
	free(ss->hosts);
	free(ss);
}
