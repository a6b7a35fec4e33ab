#include "watch.h"
#include "hash.h"
#include "must.h"

#include <stdlib.h>

struct watch {
	const struct parts *parts;
	const struct config_account *config;
	const struct watch_reports *report;
	void *who;
	struct session session;
	struct timer renew;
	char **names; /* owned; the first is selected, then those beside it */
	struct source_folder *seen; /* owned; of each, by the last visit */
	size_t n;
	bool stirred; /* before the server was asked to tell */
	bool doubts;  /* ... by these numbers, and a visit came: */
	struct source_folder doubted;
	bool opening; /* the first folder is asked for */
	bool ending;
};

static void forget_names(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->names[i]);
	free(w->names);
	free(w->seen);
	w->names = NULL;
	w->seen = NULL;
	w->n = 0;
}

/* --- which folders ------------------------------------------------------- */

static bool is_inbox(const char *name)
{
	return view_ieq(view_of(name), VIEW_LIT("INBOX"));
}

static void keep_names(struct watch *w, const struct plan *seen)
{
	size_t first = 0;

	forget_names(w);
	w->names = mem_new((seen->n + 1) * sizeof(*w->names));
	w->seen = mem_new((seen->n + 1) * sizeof(*w->seen));
	while (first < seen->n && !is_inbox(seen->item[first].name))
		first++;
	if (first == seen->n)
		first = 0;
	for (size_t i = 0; i < seen->n; i++) {
		size_t at = (first + i) % seen->n;

		if (seen->item[at].err)
			continue;
		w->seen[w->n] = seen->item[at].there;
		w->names[w->n++] = mem_str(seen->item[at].name);
	}
}

/* --- the session rests --------------------------------------------------- */

uint64_t watch_renewal_ms(const struct config_account *a)
{
	uint64_t every = a->idle_renew_ms ? a->idle_renew_ms : WATCH_RENEW_MS;
	uint32_t random;

	hash_random(&random, sizeof(random));
	return every - random % (every / 10 + 1);
}

static void set_renewal(struct watch *w)
{
	timer_start(&w->renew, watch_renewal_ms(w->config));
}

static void rest(struct watch *w)
{
	struct source *s = w->session.source;

	set_renewal(w);
	s->ops->rest(s, (const char *const *)w->names + 1, w->n - 1);
}

static void on_renew(void *who)
{
	struct watch *w = who;

	w->session.source->ops->wake(w->session.source);
	rest(w);
}

/* More has come since, which that visit need not have seen. */
static bool has_moved_on(const struct source_folder *f,
			 const struct source_folder *since)
{
	if (f->uidvalidity != since->uidvalidity)
		return false;
	return f->uidnext ? f->uidnext > since->uidnext
			  : f->exists > since->exists;
}

static void on_folder(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct watch *w = who;

	w->opening = false;
	if (w->ending)
		return;
	if (err) { /* the next poll tells why */
		w->session.source->ops->quit(w->session.source);
		return;
	}
	/* a server whose numbers never agree is not polled for that for ever */
	w->stirred = source_folder_differs(f, &w->seen[0]) &&
		     (!w->doubts || has_moved_on(f, &w->doubted));
	w->doubts = w->stirred;
	w->doubted = *f;
	rest(w);
}

static void on_resting(void *who, bool all)
{
	struct watch *w = who;

	w->report->resting(w->who, all);
	if (!w->stirred)
		return;
	w->stirred = false;
	w->report->stirred(w->who);
}

static void on_stirred(void *who)
{
	struct watch *w = who;

	w->stirred = false;
	w->report->stirred(w->who);
}

static void on_closed(void *who, const struct err *err)
{
	struct watch *w = who;

	timer_stop(&w->renew);
	w->session.source = NULL;
	w->report->lost(w->who, err);
}

static const struct source_reports reports = {
	.folder = on_folder,
	.resting = on_resting,
	.stirred = on_stirred,
	.closed = on_closed,
};

/* --- what the owner asks ------------------------------------------------- */

struct watch *watch_new(const struct parts *p, const struct config_account *a,
			const struct watch_reports *r, void *who)
{
	struct watch *w = mem_new(sizeof(*w));

	w->parts = p;
	w->config = a;
	w->report = r;
	w->who = who;
	timer_init(&w->renew, p->loop, on_renew, w);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	MUST(!w->session.source);
	timer_stop(&w->renew);
	forget_names(w);
	free(w);
}

void watch_take(struct watch *w, const struct session *s,
		const struct plan *seen)
{
	MUST(!w->session.source);
	w->session = *s;
	w->stirred = w->ending = false;
	s->source->ops->give(s->source, &reports, w);
	keep_names(w, seen);
	w->opening = w->n > 0;
	if (w->opening)
		s->source->ops->folder(s->source, w->names[0]);
	else
		s->source->ops->quit(s->source);
}

struct session watch_give(struct watch *w)
{
	struct session s = w->session;

	timer_stop(&w->renew);
	w->session.source = NULL;
	if (s.source)
		s.source->ops->wake(s.source);
	return s;
}

void watch_end(struct watch *w)
{
	timer_stop(&w->renew);
	w->ending = true;
	if (w->session.source)
		w->session.source->ops->quit(w->session.source);
}

void watch_cut(struct watch *w)
{
	timer_stop(&w->renew);
	if (w->session.source)
		w->session.source->ops->cancel(w->session.source);
}

void watch_move(struct watch *from, struct watch *to)
{
	MUST(!to->session.source);
	forget_names(to);
	to->session = from->session;
	to->names = from->names;
	to->n = from->n;
	to->seen = from->seen;
	to->stirred = from->stirred;
	to->doubts = from->doubts;
	to->doubted = from->doubted;
	to->opening = from->opening;
	to->ending = false;
	from->session.source = NULL;
	from->names = NULL;
	from->seen = NULL;
	from->n = 0;
	timer_stop(&from->renew);
	to->session.source->ops->give(to->session.source, &reports, to);
	if (to->opening)
		to->session.source->ops->folder(to->session.source,
						to->names[0]);
	else
		set_renewal(to);
}

bool watch_rests(const struct watch *w)
{
	return w->session.source != NULL;
}

const char *watch_folder(const struct watch *w, size_t i,
			 struct source_folder *there)
{
	if (i >= w->n)
		return NULL;
	if (there)
		*there = w->seen[i];
	return w->names[i];
}
