#include "ears.h"
#include "backoff.h"
#include "hash.h"
#include "must.h"
#include "reach.h"
#include "watch.h"

#include <stdlib.h>

#define AGAIN_MS      1000u  /* there was no room for one more */
#define WHOLE_REST_MS 60000u /* who is cut off sooner is not welcome */
#define DEAF	      3u     /* times in a row a poll found it first */

enum ear_phase {
	EAR_WAITING, /* for room */
	EAR_SECRET,  /* being read on the pool */
	EAR_SIGNIN,
	EAR_OPEN,
	EAR_ENDING, /* our own doing */
};

struct ear {
	struct link link;
	struct ears *ears;
	char *folder; /* owned */
	enum ear_phase phase;
	bool is_guest; /* counts among those that sign in */
	bool reads;    /* its secret is on the pool */
	bool rests;
	struct reach_secret fetching;
	struct secret secret;
	struct endpoint endpoint;
	struct source *source;
	struct timer renew;
	uint64_t since_ms; /* it rests since then */
	struct source_folder there;
	uint32_t known; /* UIDNEXT as the last visit found it; 0: none yet */
	bool heard;	/* since then */
	unsigned missed;
};

struct ears {
	const struct parts *parts;
	const struct config_account *config;
	const struct ears_reports *report;
	void *who;
	struct link all;
	struct timer again;
	bool scram;	   /* the server offered SCRAM the last time */
	uint32_t failures; /* in a row */
	uint64_t pause_until_ms;
};

/* --- the end of one ------------------------------------------------------- */

static void advance(void *who);

static void leave_guests(struct ear *r)
{
	if (!r->is_guest)
		return;
	r->is_guest = false;
	r->ears->report->signed_in(r->ears->who);
}

/* Nothing of it is out any more. */
static void drop(struct ear *r)
{
	struct ears *e = r->ears;

	leave_guests(r);
	timer_stop(&r->renew);
	list_drop(&r->link);
	secret_fini(&r->secret);
	reach_done(&r->endpoint);
	free(r->folder);
	free(r);
	e->report->gone(e->who);
}

static void end(struct ear *r, bool politely)
{
	bool signing_in = r->phase == EAR_SIGNIN;

	r->phase = EAR_ENDING;
	r->rests = false;
	timer_stop(&r->renew);
	if (r->source && politely && !signing_in)
		r->source->ops->quit(r->source);
	else if (r->source)
		r->source->ops->cancel(r->source);
	else if (!r->reads)
		drop(r);
}

static void drop_waiting(struct ears *e)
{
	timer_stop(&e->again);
	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase == EAR_WAITING)
			drop(r);
	}
}

/* No more are opened for a while. */
static void hold_off(struct ears *e, const struct err *err)
{
	uint32_t random;

	hash_random(&random, sizeof(random));
	e->failures++;
	e->pause_until_ms = loop_now_ms(e->parts->loop) +
			    backoff_account_ms(err->class, e->failures,
					       err->wait_ms, random);
	drop_waiting(e);
}

/*
 * Whose line broke once it had rested comes back behind the next visit. Whoever
 * did not get so far is not welcome now.
 */
static void lose(struct ear *r, const struct err *err)
{
	struct ears *e = r->ears;
	uint64_t rested = loop_now_ms(e->parts->loop) - r->since_ms;
	bool refused = !r->rests || rested < WHOLE_REST_MS;

	if (refused)
		hold_off(e, err);
	e->report->lost(e->who, r->folder, err, refused, e->failures == 1);
	drop(r);
	if (!refused)
		advance(e);
}

static void on_closed(void *who, const struct err *err)
{
	struct ear *r = who;

	r->source = NULL;
	if (r->phase == EAR_ENDING || !err)
		drop(r);
	else
		lose(r, err);
}

/* --- it hears ------------------------------------------------------------- */

static void rest(struct ear *r)
{
	timer_start(&r->renew, watch_renewal_ms(r->ears->config));
	r->source->ops->rest(r->source, NULL, 0);
}

static void rest_anew(void *who)
{
	struct ear *r = who;

	r->source->ops->wake(r->source);
	rest(r);
}

static void hear(struct ear *r)
{
	r->heard = true;
	r->ears->report->stirred(r->ears->who, r->folder);
}

static void on_stirred(void *who)
{
	hear(who);
}

static void on_resting(void *who, bool all)
{
	struct ear *r = who;
	struct ears *e = r->ears;

	(void)all;
	if (r->rests)
		return;
	r->rests = true;
	r->since_ms = loop_now_ms(e->parts->loop);
	e->report->resting(e->who, r->folder);
	advance(e);
}

/* Between the visit that looked and now, some may have come. */
static void on_folder(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct ear *r = who;

	if (r->phase == EAR_ENDING)
		return;
	if (err) { /* the next visit tells why */
		hold_off(r->ears, err);
		end(r, true);
		return;
	}
	if (source_folder_differs(f, &r->there))
		hear(r);
	rest(r);
}

static void on_ready(void *who, const struct source_ready *ready)
{
	struct ear *r = who;

	leave_guests(r);
	secret_fini(&r->secret);
	r->ears->scram = ready->scram_offered;
	if (r->phase != EAR_SIGNIN)
		return;
	r->phase = EAR_OPEN;
	if (!ready->can_rest)
		end(r, true);
}

static const struct source_reports reports = {
	.ready = on_ready,
	.folder = on_folder,
	.resting = on_resting,
	.stirred = on_stirred,
	.closed = on_closed,
};

/* --- it signs in ---------------------------------------------------------- */

static void open_session(struct ear *r)
{
	const struct config_account *c = r->ears->config;
	const struct parts *p = r->ears->parts;
	struct source_options o = {
		.loop = p->loop,
		.resolver = p->resolver,
		.endpoint = r->endpoint,
		.user = c->user,
		.secret = &r->secret,
		.auth = c->auth,
		.password_in_clear = c->server.tls == CONFIG_TLS_NONE,
		.compress = c->compress,
		.scram_before = r->ears->scram,
		.key = spool_key(p->spool),
		.trace = p->trace ? c->name : NULL,
	};

	r->phase = EAR_SIGNIN;
	r->source = source_imap_open(&o, &reports, r);
	r->source->ops->folder(r->source, r->folder);
}

static void on_secret(void *who, struct reach_secret *s)
{
	struct ear *r = who;
	const struct config_account *c = r->ears->config;
	struct err err;

	r->reads = false;
	r->secret = s->secret;
	s->secret = (struct secret){ NULL, 0 };
	if (r->phase == EAR_ENDING) {
		drop(r);
	} else if (!s->ok) {
		lose(r, &s->err);
	} else if (!reach_endpoint(r->ears->parts, &c->server, &c->tls,
				   &c->route, &r->endpoint, &err)) {
		lose(r, &err);
	} else {
		r->endpoint.alpn = "imap";
		open_session(r);
	}
}

static void begin(struct ear *r)
{
	const struct parts *p = r->ears->parts;

	r->is_guest = r->reads = true;
	r->phase = EAR_SECRET;
	r->fetching = (struct reach_secret){
		.config = p->config,
		.from = &r->ears->config->secret,
		.auth = r->ears->config->auth,
		.done = on_secret,
		.who = r,
	};
	reach_secret(p, &r->fetching);
}

/* The next that waits, one at a time. */
static void advance(void *who)
{
	struct ears *e = who;
	struct ear *next = NULL;

	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase == EAR_SECRET || r->phase == EAR_SIGNIN)
			return;
		if (r->phase == EAR_WAITING && !next)
			next = r;
	}
	if (!next)
		return;
	if (e->report->may_sign_in(e->who))
		begin(next);
	else
		timer_start(&e->again, AGAIN_MS);
}

/* --- what the owner asks -------------------------------------------------- */

struct ears *ears_new(const struct parts *p, const struct config_account *a,
		      const struct ears_reports *r, void *who)
{
	struct ears *e = mem_new(sizeof(*e));

	e->parts = p;
	e->config = a;
	e->report = r;
	e->who = who;
	list_init(&e->all);
	timer_init(&e->again, p->loop, advance, e);
	return e;
}

void ears_free(struct ears *e)
{
	if (!e)
		return;
	MUST(list_empty(&e->all));
	timer_stop(&e->again);
	free(e);
}

static struct ear *find(const struct ears *e, const char *folder)
{
	LIST_EACH(at, kept, (struct link *)&e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase != EAR_ENDING && strcmp(r->folder, folder) == 0)
			return r;
	}
	return NULL;
}

static bool is_among(const char *folder, const struct ears_folder *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f[i].name, folder) == 0)
			return true;
	return false;
}

static void add(struct ears *e, const struct ears_folder *f)
{
	struct ear *r = mem_new(sizeof(*r));

	r->ears = e;
	r->folder = mem_str(f->name);
	r->there = f->there;
	timer_init(&r->renew, e->parts->loop, rest_anew, r);
	list_push(&e->all, &r->link);
}

/* All that were wanted have rested long enough: nobody refuses any more. */
static void forgive(struct ears *e)
{
	uint64_t now = loop_now_ms(e->parts->loop);

	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (!r->rests || now - r->since_ms < WHOLE_REST_MS)
			return;
	}
	e->failures = 0;
}

void ears_want(struct ears *e, const struct ears_folder *f, size_t n)
{
	bool paused = loop_now_ms(e->parts->loop) < e->pause_until_ms;

	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase != EAR_ENDING && !is_among(r->folder, f, n))
			end(r, true);
	}
	if (!paused && !list_empty(&e->all))
		forgive(e);
	for (size_t i = 0; i < n && !paused; i++)
		if (!find(e, f[i].name))
			add(e, &f[i]);
	advance(e);
}

void ears_rearm(struct ears *e)
{
	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase == EAR_OPEN && r->rests)
			rest_anew(r);
	}
}

static void judge(struct ear *r, uint32_t uidnext)
{
	if (r->known && uidnext > r->known && r->rests)
		r->missed = r->heard ? 0 : r->missed + 1;
	r->known = uidnext;
	r->heard = false;
	if (r->missed != DEAF)
		return;
	r->missed++; /* told once */
	r->ears->report->deaf(r->ears->who, r->folder);
}

void ears_judge(struct ears *e, const struct plan *seen)
{
	for (size_t i = 0; i < seen->n; i++) {
		const struct plan_folder *f = &seen->item[i];
		struct ear *r = find(e, f->name);

		if (r && f->there.uidnext)
			judge(r, f->there.uidnext);
	}
}

static void end_all(struct ears *e, bool politely)
{
	timer_stop(&e->again);
	LIST_EACH(at, kept, &e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase != EAR_ENDING || !politely)
			end(r, politely);
	}
}

void ears_end(struct ears *e)
{
	end_all(e, true);
}

void ears_cut(struct ears *e)
{
	end_all(e, false);
}

void ears_adopt(struct ears *to, struct ears *from)
{
	LIST_EACH(at, kept, &from->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->phase != EAR_OPEN || !r->rests || find(to, r->folder))
			continue;
		list_drop(&r->link);
		list_push(&to->all, &r->link);
		r->ears = to;
		reach_done(&r->endpoint);
		r->endpoint = (struct endpoint){ 0 };
		r->source->ops->give(r->source, &reports, r);
	}
	to->scram = from->scram;
	to->failures = from->failures;
	to->pause_until_ms = from->pause_until_ms;
	ears_end(from);
}

size_t ears_count(const struct ears *e)
{
	size_t n = 0;

	LIST_EACH(at, kept, (struct link *)&e->all)
		n++;
	return n;
}

const char *ears_folder(const struct ears *e, size_t i)
{
	LIST_EACH(at, kept, (struct link *)&e->all) {
		struct ear *r = LIST_OF(at, struct ear, link);

		if (r->rests && i-- == 0)
			return r->folder;
	}
	return NULL;
}
