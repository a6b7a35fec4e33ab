/* daemon: sessions that rest between visits (IDLE). */
#include "daemon_inside.h"
#include "log.h"
#include "must.h"

#define WHOLE_REST_MS 60000u /* who is cut off sooner waits for the poll */
/* So often in a row a poll found what the server had not told of. */
#define DEAF 3u

static bool same_settings(const struct config_effectives *a,
			  const struct config_effectives *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->item[i].name, b->item[i].name) != 0 ||
		    strcmp(a->item[i].value, b->item[i].value) != 0)
			return false;
	return true;
}

/* What the session was opened by, and what it looks at, is as it was. */
static bool same_account(const struct config_account *a,
			 const struct config_account *b)
{
	if (!a->enabled || !b->enabled || a->n_blocks != b->n_blocks ||
	    !same_settings(&a->effective, &b->effective))
		return false;
	for (size_t i = 0; i < a->n_blocks; i++)
		if (strcmp(a->blocks[i].pattern, b->blocks[i].pattern) != 0 ||
		    !same_settings(&a->blocks[i].effective,
				   &b->blocks[i].effective))
			return false;
	return true;
}

/* --- what the server says ------------------------------------------------ */

static void on_resting(void *who, bool all)
{
	struct tenant *t = who;
	struct log_line l;

	t->hears_all = all;
	if (log_begin(&l, LOG_DEBUG, "idling")) {
		log_str(&l, "account", t->seat->config->name);
		log_str(&l, "folders", all ? "all" : "one");
		log_end(&l);
	}
	daemon_open_ears(t);
}

static void on_stirred(void *who)
{
	struct tenant *t = who;

	t->stirred = true;
	seat_request(t->seat);
}

static void gone(struct tenant *t)
{
	t->tenancy->resting--;
	t->tenancy->daemon->resting--;
	task_post(&t->tenancy->daemon->tidy);
}

static void on_lost(void *who, const struct err *err)
{
	struct tenant *t = who;
	struct daemon *d = t->tenancy->daemon;
	uint64_t rested = loop_now_ms(d->parts.loop) - t->rests_since_ms;
	struct log_line l;

	gone(t);
	if (!err || t->tenancy->retired || d->stopping)
		return;
	if (log_begin(&l, LOG_INFO, "idle_ended")) {
		log_str(&l, "account", t->seat->config->name);
		log_err(&l, err);
		log_end(&l);
	}
	if (rested >= WHOLE_REST_MS)
		seat_request(t->seat);
}

static const struct watch_reports watch_reports = {
	.resting = on_resting,
	.stirred = on_stirred,
	.lost = on_lost,
};

/* --- between two visits -------------------------------------------------- */

static void rests(struct tenant *t)
{
	t->tenancy->resting++;
	t->tenancy->daemon->resting++;
	t->rests_since_ms = loop_now_ms(t->tenancy->daemon->parts.loop);
	t->stirred = t->hears_all = false;
}

static struct watch *watch_of(struct tenant *t)
{
	if (!t->watch)
		t->watch = watch_new(&t->tenancy->parts, t->seat->config,
				     &watch_reports, t);
	return t->watch;
}

/* Who has this account now: it may be a later configuration's. */
static struct tenant *heir_of(struct tenant *t)
{
	struct tenancy *y = daemon_working(t->tenancy->daemon);
	struct seat *s;

	if (!y || y == t->tenancy)
		return t->tenancy->retired ? NULL : t;
	s = seats_find(y->seats, t->seat->bind.a.id);
	if (!s || !same_account(t->seat->config, s->config))
		return NULL;
	return &y->tenants[s->config - y->config->accounts];
}

bool daemon_rest(struct tenant *t, struct visit *v)
{
	struct daemon *d = t->tenancy->daemon;
	struct tenant *heir = heir_of(t);

	if (d->stopping || !heir ||
	    d->resting + d->ears >= heir->tenancy->config->max_idle ||
	    (heir->watch && watch_rests(heir->watch)))
		return false;
	visit_give(v, watch_of(heir));
	rests(heir);
	return true;
}

void daemon_inherit(struct tenant *t, struct visit *v)
{
	struct session s;

	t->was_deaf_to = false;
	daemon_rearm_ears(t);
	if (!t->watch || !watch_rests(t->watch))
		return;
	t->was_deaf_to = !t->stirred && t->hears_all;
	s = watch_give(t->watch);
	gone(t);
	visit_inherit(v, &s);
}

/* Mail that came to it now would wait for the poll. */
bool daemon_is_unheard(const struct tenant *t)
{
	const struct config_account *c = t->seat->config;
	bool is_imap = c->server.scheme == CONFIG_IMAP ||
		       c->server.scheme == CONFIG_IMAPS;

	return is_imap && c->idle && t->tenancy->config->max_idle > 0 &&
	       !(t->watch && watch_rests(t->watch));
}

/* Nothing is lost by it: the polls go on. But mail is late, and it shows. */
void daemon_look_at_hearing(struct tenant *t)
{
	struct log_line l;

	if (!t->was_deaf_to)
		return;
	t->deaf = t->told.fetched ? t->deaf + 1 : 0;
	if (t->deaf != DEAF || !log_begin(&l, LOG_NOTICE, "idle_deaf"))
		return;
	log_str(&l, "account", t->seat->config->name);
	log_str(&l, "text",
		"the server does not tell of new mail, though it offers IDLE: "
		"it is found by polling (poll_every)");
	log_end(&l);
}

/* --- reload and end ------------------------------------------------------ */

void daemon_move_rests(struct tenancy *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct tenant *t = &from->tenants[i], *heir;

		if (!t->watch || !watch_rests(t->watch)) {
			daemon_end_ears(t); /* its heir has its own */
			continue;
		}
		heir = heir_of(t);
		if (!heir || (heir->watch && watch_rests(heir->watch))) {
			watch_end(t->watch);
			daemon_end_ears(t);
			continue;
		}
		watch_move(t->watch, watch_of(heir));
		rests(heir);
		heir->rests_since_ms = t->rests_since_ms;
		heir->stirred = t->stirred;
		heir->hears_all = t->hears_all;
		daemon_move_ears(t, heir);
		gone(t);
		if (heir->stirred)
			seat_request(heir->seat);
	}
}

void daemon_end_rests(struct tenancy *y)
{
	for (size_t i = 0; i < y->n; i++) {
		daemon_end_ears(&y->tenants[i]);
		if (y->tenants[i].watch)
			watch_end(y->tenants[i].watch);
	}
}

void daemon_cut_rests(struct tenancy *y)
{
	for (size_t i = 0; i < y->n; i++) {
		daemon_cut_ears(&y->tenants[i]);
		if (y->tenants[i].watch)
			watch_cut(y->tenants[i].watch);
	}
}

void daemon_free_rests(struct tenancy *y)
{
	for (size_t i = 0; i < y->n; i++) {
		watch_free(y->tenants[i].watch);
		ears_free(y->tenants[i].ears);
	}
}

size_t daemon_resting(const struct daemon *d)
{
	return d->resting + d->ears;
}
