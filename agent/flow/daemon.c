#include "daemon_inside.h"
#include "limits.h"
#include "log.h"
#include "must.h"

#include <stdlib.h>

#define STOP_MS	     8000u /* then only replies to data are waited for */
#define STOP_LOOK_MS 200u
/* Twice what a session may be quiet: then it is ours that does not move. */
#define STUCK_MS (2 * (uint64_t)LIMIT_SESSION_QUIET_MS)

static struct tenancy *tenancy_at(struct link *at)
{
	return LIST_OF(at, struct tenancy, link);
}

static struct tenancy *present(const struct daemon *d)
{
	return list_empty(&d->tenancies) ? NULL : tenancy_at(d->tenancies.prev);
}

struct tenancy *daemon_working(const struct daemon *d)
{
	struct tenancy *found = NULL;

	LIST_EACH(at, kept, (struct link *)&d->tenancies)
		if (tenancy_at(at)->begun && !tenancy_at(at)->retired)
			found = tenancy_at(at);
	return found;
}

bool daemon_is_working(const struct daemon *d)
{
	return present(d) && present(d)->begun && !d->stopping;
}

/* --- visits --------------------------------------------------------------- */

static void bury(struct tenancy *y, struct visit *v)
{
	struct daemon *d = y->daemon;

	y->visits--;
	list_drop(&v->booked);
	list_push(&d->dead, &v->booked);
	task_post(&d->tidy);
}

static void on_visit_left(void *who, struct visit *v)
{
	seat_disconnected(((struct tenant *)who)->seat, v);
}

/* Whose turn had come under a later configuration need not wait longer. */
static void call_heir(struct tenant *t)
{
	struct tenancy *y = daemon_working(t->tenancy->daemon);
	struct seat *s;
	struct tenant *heir;

	if (!y || y == t->tenancy)
		return;
	s = seats_find(y->seats, t->seat->bind.a.id);
	heir = s ? &y->tenants[s->config - y->config->accounts] : NULL;
	if (heir && heir->awaits)
		seat_request(s);
}

static void on_visit_ended(void *who, struct visit *v)
{
	struct tenant *t = who;
	struct daemon *d = t->tenancy->daemon;
	bool amended = t->seat->visit != v;

	visit_sum_up(v);
	t->told.phase = PASS_DONE;
	t->told.ended_ms = loop_now_ms(d->parts.loop);
	t->seat->bind.a = v->row;
	seat_leave(t->seat, v);
	call_heir(t);
	if (amended && !t->seat->active)
		seat_schedule(t->seat, false, false);
	daemon_look_at_hearing(t);
	daemon_judge_ears(t, v);
	d->reports->account(d->who, &t->told);
	bury(t->tenancy, v);
}

static void on_visit_changed(void *who, struct visit *v)
{
	struct tenant *t = who;

	(void)v;
	t->moved_ms = loop_now_ms(t->tenancy->daemon->parts.loop);
}

static bool on_ask(void *who, struct visit *v, uint64_t messages,
		   uint64_t octets)
{
	(void)who, (void)v, (void)messages, (void)octets;
	return false;
}

static void on_judged(void *who, struct visit *v, const struct pass_judged *j)
{
	(void)who, (void)v, (void)j;
}

static bool on_rest(void *who, struct visit *v)
{
	return daemon_rest(who, v);
}

static const struct visit_reports visit_reports = {
	.left = on_visit_left,
	.ended = on_visit_ended,
	.changed = on_visit_changed,
	.ask = on_ask,
	.judged = on_judged,
	.rest = on_rest,
};

static struct visit *new_visit(struct tenant *t)
{
	struct tenancy *y = t->tenancy;

	y->visits++;
	t->told = (struct pass_account){ .config = t->seat->config };
	t->moved_ms = loop_now_ms(y->parts.loop);
	return visit_new(&y->parts, y->deliveries, &y->daemon->options,
			 &t->told, t->hurried, &visit_reports, t);
}

/* Under an older configuration a session of this account is not over yet. */
static bool is_held_elsewhere(const struct tenant *t)
{
	struct daemon *d = t->tenancy->daemon;

	LIST_EACH(at, kept, &d->tenancies) {
		struct tenancy *y = tenancy_at(at);
		struct seat *s;

		if (y == t->tenancy)
			continue;
		s = seats_find(y->seats, t->seat->bind.a.id);
		if (s && s->active)
			return true;
	}
	return false;
}

static void on_hastened(void *who)
{
	struct tenant *t = who;

	if (!t->tenancy->retired)
		deliveries_retry(t->tenancy->deliveries, t->seat->bind.a.id);
}

static struct visit *on_due(void *who, struct seat *s, bool is_probe)
{
	struct tenancy *y = who;
	struct tenant *t = &y->tenants[s->config - y->config->accounts];
	struct visit *v;

	t->awaits = is_held_elsewhere(t);
	if (t->awaits)
		return NULL;
	v = new_visit(t);
	v->is_probe = is_probe;
	/* its mail first, to see whether the setting is mended */
	if (s->bind.a.health == HEALTH_REFUSED && !s->hastening)
		seat_hasten(s, on_hastened, t);
	t->hurried = false;
	return v;
}

/* There is never a second session beside the one that rests. */
static void on_begins(void *who, struct seat *s)
{
	struct tenancy *y = who;

	daemon_inherit(&y->tenants[s->config - y->config->accounts], s->visit);
}

/* --- deliveries ----------------------------------------------------------- */

static void on_delivery_changed(void *who, struct delivery *d)
{
	seats_wake(((struct tenancy *)who)->seats, d);
}

static struct tenant *tenant_of(struct tenancy *y, int64_t account)
{
	struct seat *s = seats_find(y->seats, account);

	return s ? &y->tenants[s->config - y->config->accounts] : NULL;
}

static void on_refused(void *who, const struct config_delivery *d,
		       const struct message *m)
{
	struct tenancy *y = who;
	struct tenant *t = tenant_of(y, m->account);
	struct visit *v;

	if (daemon_tell_refused(y, d, m) || !t)
		return;
	if (t->seat->active) {
		if (t->seat->visit->who == t && !t->seat->reading)
			visit_refused(t->seat->visit, d, m);
	} else if (t->told.err.class != ERR_REFUSED) {
		v = new_visit(t); /* its outcome is written once more */
		v->row = t->seat->bind.a;
		visit_amend(v, d, m);
	}
}

static void on_settled(void *who, const struct message *m)
{
	struct tenancy *y = who;

	daemon_tell_settled(y, m);
}

static const struct config_account *owner(void *who, int64_t account)
{
	struct tenant *t = tenant_of(who, account);

	return t ? t->seat->config : NULL;
}

static void on_told(void *who, const struct config_delivery *c,
		    const struct err *err, bool is_new)
{
	struct tenancy *y = who;
	struct daemon *d = y->daemon;

	d->reports->delivery(d->who, c, err, is_new);
	daemon_tell_delivery(y, c, err);
}

static void begin_if_ready(struct tenancy *y);

static void on_opened(void *who)
{
	struct tenancy *y = who;

	y->opened = true;
	begin_if_ready(y);
	task_post(&y->daemon->tidy);
}

static void on_finished(void *who)
{
	struct tenancy *y = who;

	y->finished = true;
	task_post(&y->daemon->tidy);
}

/* As a reload would have it tried. */
static void on_corrected(void *who, int64_t account)
{
	struct tenant *t = tenant_of(who, account);

	if (!t)
		return;
	t->hurried = true;
	seat_schedule(t->seat, true, daemon_is_unheard(t));
	seat_hasten(t->seat, on_hastened, t);
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

/* --- tenancies ------------------------------------------------------------ */

static void on_bound(void *who, struct seat *s)
{
	struct tenancy *y = who;
	struct log_line l;

	if (!s->bind.req.ok && log_begin(&l, LOG_ERROR, "no_account_row")) {
		log_str(&l, "account", s->config->name);
		log_err(&l, &s->bind.req.err);
		log_end(&l);
	}
	y->binding--;
	begin_if_ready(y);
	task_post(&y->daemon->tidy);
}

static void on_offline(void *who, bool is_offline)
{
	struct tenancy *y = who;

	if (y == present(y->daemon))
		y->daemon->reports->offline(y->daemon->who, is_offline);
}

static void retire(struct tenancy *y)
{
	struct daemon *d = y->daemon;

	y->retired = true;
	seats_shut(y->seats);
	daemon_shut_clients(d, y);
	task_post(&d->tidy);
}

static void begin(struct tenancy *y)
{
	struct daemon *d = y->daemon;

	y->begun = true;
	LIST_EACH(at, kept, &d->tenancies)
		if (tenancy_at(at) != y)
			daemon_move_rests(tenancy_at(at));
	for (size_t i = 0; i < y->n; i++) {
		struct tenant *t = &y->tenants[i];
		bool refused = t->seat->bind.a.health == HEALTH_REFUSED;

		/* a reload may have mended it; the visit looks whether */
		t->hurried = d->again && refused;
		seat_schedule(t->seat, d->again, daemon_is_unheard(t));
	}
	if (d->again)
		deliveries_forgive(y->deliveries, 0);
	else
		deliveries_forgive_corrected(y->deliveries);
	d->again = true;
	deliveries_load(y->deliveries, loop_unix_ms());
	seats_open(y->seats);
	d->reports->working(d->who);
}

static void begin_if_ready(struct tenancy *y)
{
	struct daemon *d = y->daemon;

	if (y->binding || !y->opened || y->begun || d->stopping)
		return;
	if (y != present(d)) { /* a later reload was faster */
		y->retired = true;
		return;
	}
	LIST_EACH(at, kept, &d->tenancies)
		if (tenancy_at(at) != y && !tenancy_at(at)->retired)
			retire(tenancy_at(at));
	begin(y);
}

static struct tenancy *new_tenancy(struct daemon *d, const struct parts *p)
{
	struct tenancy *y = mem_new(sizeof(*y));

	y->daemon = d;
	y->config = config_ref((struct config *)p->config);
	y->parts = *p;
	y->parts.solo = &d->solo;
	y->parts.hand = &d->hand;
	y->n = y->binding = p->config->n_accounts;
	y->deliveries = deliveries_new(&y->parts, true, &delivery_reports, y);
	deliveries_stay(y->deliveries);
	y->seats = seats_new(&y->parts, y->deliveries,
			     &(struct seats_options){ .paced = true,
						      .bound = on_bound,
						      .due = on_due,
						      .begins = on_begins,
						      .offline = on_offline,
						      .who = y });
	y->tenants = mem_new((y->n + 1) * sizeof(*y->tenants));
	for (size_t i = 0; i < y->n; i++) {
		y->tenants[i].tenancy = y;
		y->tenants[i].seat = seats_at(y->seats, i);
	}
	list_push(&d->tenancies, &y->link);
	seats_bind(y->seats);
	deliveries_open(y->deliveries);
	return y;
}

static void free_tenancy(struct tenancy *y)
{
	list_drop(&y->link);
	daemon_free_rests(y);
	seats_free(y->seats);
	deliveries_free(y->deliveries);
	config_unref(y->config);
	free(y->tenants);
	free(y);
}

/* --- what is over --------------------------------------------------------- */

static void end(struct daemon *d)
{
	if (d->ended)
		return;
	d->ended = true;
	timer_stop(&d->patience);
	d->reports->ended(d->who);
}

static void tidy_tenancy(struct tenancy *y)
{
	struct daemon *d = y->daemon;

	if (!y->retired || y->binding || !y->opened || y->visits ||
	    y->resting || y->ears || daemon_has_clients(d, y) ||
	    seats_are_busy(y->seats))
		return;
	deliveries_finish(y->deliveries);
	if (!y->finished)
		return;
	/* what it gave back belongs to the next */
	if (daemon_working(d) && !d->stopping) {
		deliveries_recount(daemon_working(d)->deliveries);
		deliveries_load(daemon_working(d)->deliveries, loop_unix_ms());
	}
	free_tenancy(y);
}

static void tidy(void *who)
{
	struct daemon *d = who;

	LIST_EACH(at, kept, &d->dead) {
		struct visit *v = LIST_OF(at, struct visit, booked);

		list_drop(&v->booked);
		visit_free(v);
	}
	daemon_free_clients(d);
	LIST_EACH(at, kept, &d->tenancies)
		tidy_tenancy(tenancy_at(at));
	if (d->stopping && list_empty(&d->tenancies))
		end(d);
}

/* --- all of it ------------------------------------------------------------ */

static void wake_all(void *who)
{
	struct daemon *d = who;

	LIST_EACH(at, kept, &d->tenancies) {
		deliveries_wake(tenancy_at(at)->deliveries);
		seats_wake(tenancy_at(at)->seats, NULL);
	}
}

static void on_solo_changed(void *who)
{
	task_post(&((struct daemon *)who)->wake_all);
}

/* Behind its time only replies to data are waited for. */
static void on_patience_over(void *who)
{
	struct daemon *d = who;
	bool waits = false;

	if (loop_now_ms(d->parts.loop) >= d->stop_by_ms) {
		LIST_EACH(at, kept, &d->tenancies)
			waits = deliveries_hurry(tenancy_at(at)->deliveries) ||
				waits;
		if (!waits && loop_now_ms(d->parts.loop) >=
				      d->stop_by_ms + STOP_LOOK_MS * 5) {
			d->cut = true;
			end(d);
			return;
		}
	}
	timer_start(&d->patience, STOP_LOOK_MS);
}

struct daemon *daemon_start(const struct parts *p,
			    const struct daemon_reports *r, void *who)
{
	struct daemon *d = mem_new(sizeof(*d));

	d->parts = *p;
	d->solo = (struct solo){ .changed = on_solo_changed, .who = d };
	d->reports = r;
	d->who = who;
	list_init(&d->tenancies);
	list_init(&d->clients);
	list_init(&d->dead);
	task_init(&d->tidy, p->loop, tidy, d);
	task_init(&d->wake_all, p->loop, wake_all, d);
	timer_init(&d->patience, p->loop, on_patience_over, d);
	(void)new_tenancy(d, p);
	return d;
}

void daemon_reload(struct daemon *d, const struct parts *p)
{
	if (!d->stopping)
		(void)new_tenancy(d, p);
}

void daemon_poll_all(struct daemon *d)
{
	if (daemon_working(d))
		seats_poll_all(daemon_working(d)->seats);
}

static struct tenant *tenant_called(const struct daemon *d, const char *name)
{
	struct tenancy *y = daemon_working(d);

	for (size_t i = 0; y && i < y->n; i++)
		if (strcmp(y->config->accounts[i].name, name) == 0)
			return &y->tenants[i];
	return NULL;
}

bool daemon_poll(struct daemon *d, const char *account)
{
	struct tenant *t = tenant_called(d, account);

	if (t && t->seat->config->enabled)
		seat_request(t->seat);
	return t != NULL;
}

void daemon_send_due(struct daemon *d)
{
	struct tenancy *y = daemon_working(d);

	if (y && !d->stopping)
		deliveries_load(y->deliveries, loop_unix_ms());
}

void daemon_retry(struct daemon *d)
{
	struct tenancy *y = daemon_working(d);

	if (!y || d->stopping)
		return;
	deliveries_recount(y->deliveries);
	deliveries_retry(y->deliveries, 0);
	for (size_t i = 0; i < y->n; i++) {
		struct tenant *t = &y->tenants[i];

		if (t->seat->bind.a.health != HEALTH_REFUSED ||
		    !t->seat->config->enabled)
			continue;
		t->hurried = true;
		seat_request(t->seat);
	}
}

void daemon_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->stop_by_ms = loop_now_ms(d->parts.loop) + STOP_MS;
	timer_start(&d->patience, STOP_LOOK_MS);
	daemon_shut_clients(d, NULL);
	LIST_EACH(at, kept, &d->tenancies) {
		struct tenancy *y = tenancy_at(at);

		y->retired = true;
		daemon_end_rests(y);
		seats_stop(y->seats);
		deliveries_stop(y->deliveries);
	}
	task_post(&d->tidy);
}

void daemon_store_failed(struct daemon *d)
{
	if (d->ended)
		return;
	d->failure = *spool_fatal(d->parts.spool);
	d->stopping = d->cut = true;
	LIST_EACH(at, kept, &d->tenancies) {
		deliveries_abort(tenancy_at(at)->deliveries);
		seats_abort(tenancy_at(at)->seats);
		daemon_cut_rests(tenancy_at(at));
	}
	end(d);
}

const struct err *daemon_failure(const struct daemon *d)
{
	return &d->failure;
}

bool daemon_is_clean(const struct daemon *d)
{
	return d->ended && !d->cut;
}

void daemon_free(struct daemon *d)
{
	task_cancel(&d->tidy);
	task_cancel(&d->wake_all);
	timer_stop(&d->patience);
	free(d);
}

const struct config *daemon_config(const struct daemon *d)
{
	return present(d) ? present(d)->config : NULL;
}

int64_t daemon_due_ms(const struct daemon *d, const char *account)
{
	struct tenant *t = tenant_called(d, account);

	return t ? seat_due_ms(t->seat) : 0;
}

size_t daemon_sessions(const struct daemon *d)
{
	size_t n = 0;

	LIST_EACH(at, kept, (struct link *)&d->tenancies)
		n += seats_taken(tenancy_at(at)->seats);
	return n;
}

const char *daemon_stuck(const struct daemon *d)
{
	uint64_t now = loop_now_ms(d->parts.loop);

	LIST_EACH(at, kept, (struct link *)&d->tenancies) {
		struct tenancy *y = tenancy_at(at);

		for (size_t i = 0; i < y->n; i++) {
			struct tenant *t = &y->tenants[i];
			struct visit *v = t->seat->visit;

			if (v && v->who == t && now - t->moved_ms > STUCK_MS)
				return t->seat->config->name;
		}
	}
	return NULL;
}
