/* daemon: sessions that rest in further folders (ears.h). */
#include "daemon_inside.h"
#include "log.h"
#include "must.h"

#include <stdlib.h>

static void say(const struct tenant *t, enum log_level level, const char *event,
		const char *folder, const char *text, const struct err *err)
{
	struct log_line l;

	if (!log_begin(&l, level, event))
		return;
	log_str(&l, "account", t->seat->config->name);
	log_str(&l, "folder", folder);
	if (text)
		log_str(&l, "text", text);
	if (err)
		log_err(&l, err);
	log_end(&l);
}

/* What counts against max_idle. */
static void recount(struct tenant *t)
{
	size_t n = ears_count(t->ears);

	t->tenancy->ears += n - t->ears_counted;
	t->tenancy->daemon->ears += n - t->ears_counted;
	t->ears_counted = n;
}

/* --- what they tell ------------------------------------------------------- */

static bool may_sign_in(void *who)
{
	struct tenant *t = who;

	return !t->tenancy->retired && seat_guest(t->seat);
}

static void on_signed_in(void *who)
{
	seat_guest_left(((struct tenant *)who)->seat);
}

static void on_resting(void *who, const char *folder)
{
	say(who, LOG_DEBUG, "idling", folder, NULL, NULL);
}

static void on_stirred(void *who, const char *folder)
{
	struct tenant *t = who;

	say(t, LOG_DEBUG, "stirred", folder, NULL, NULL);
	seat_request(t->seat);
}

static void on_deaf(void *who, const char *folder)
{
	say(who, LOG_NOTICE, "idle_deaf", folder,
	    "the server does not tell of new mail, though it offers IDLE: it "
	    "is found by polling (poll_every)",
	    NULL);
}

static void on_lost(void *who, const char *folder, const struct err *err,
		    bool refused, bool is_new)
{
	struct tenant *t = who;

	if (t->tenancy->retired || t->tenancy->daemon->stopping)
		return;
	if (refused) {
		say(t, is_new ? LOG_NOTICE : LOG_DEBUG, "idle_refused", folder,
		    "further folders are polled until the server has one more "
		    "session at rest (idle_folders)",
		    err);
		return;
	}
	say(t, LOG_INFO, "idle_ended", folder, NULL, err);
	seat_request(t->seat);
}

static void on_gone(void *who)
{
	struct tenant *t = who;

	recount(t);
	task_post(&t->tenancy->daemon->tidy);
}

static const struct ears_reports reports = {
	.may_sign_in = may_sign_in,
	.signed_in = on_signed_in,
	.resting = on_resting,
	.stirred = on_stirred,
	.deaf = on_deaf,
	.lost = on_lost,
	.gone = on_gone,
};

/* --- how many ------------------------------------------------------------- */

static struct ears *ears_of(struct tenant *t)
{
	if (!t->ears)
		t->ears = ears_new(&t->tenancy->parts, t->seat->config,
				   &reports, t);
	return t->ears;
}

/* The first session of every account goes before the second of any. */
static size_t room(const struct tenant *t)
{
	const struct tenancy *y = t->tenancy;
	size_t taken = y->daemon->ears - t->ears_counted;

	for (size_t i = 0; i < y->n; i++)
		taken += y->config->accounts[i].enabled &&
			 y->config->accounts[i].idle;
	return y->config->max_idle > taken ? y->config->max_idle - taken : 0;
}

void daemon_open_ears(struct tenant *t)
{
	size_t most = t->seat->config->idle_folders - 1, n = 0;
	struct ears_folder *f;

	if (t->hears_all || t->tenancy->retired)
		most = 0;
	if (most > 0 && most > room(t))
		most = room(t);
	if (!most && !t->ears)
		return;
	f = mem_new((most + 1) * sizeof(*f));
	while (n < most) {
		f[n].name = watch_folder(t->watch, n + 1, &f[n].there);
		if (!f[n].name)
			break;
		n++;
	}
	ears_want(ears_of(t), f, n);
	free(f);
	recount(t);
}

/* --- visits --------------------------------------------------------------- */

void daemon_rearm_ears(struct tenant *t)
{
	if (t->ears)
		ears_rearm(t->ears);
}

void daemon_judge_ears(struct tenant *t, const struct visit *v)
{
	if (!t->ears)
		return;
	if (t->told.result == PASS_OK && v->plan.n)
		ears_judge(t->ears, &v->plan);
	/* who is not well hears nothing, and leaves its place to others */
	if (!t->watch || !watch_rests(t->watch))
		ears_end(t->ears);
}

/* --- reload and end ------------------------------------------------------- */

void daemon_move_ears(struct tenant *from, struct tenant *to)
{
	if (!from->ears)
		return;
	ears_adopt(ears_of(to), from->ears);
	recount(to);
	recount(from);
	/* what was heard may have gone to nobody */
	seat_request(to->seat);
}

void daemon_end_ears(struct tenant *t)
{
	if (t->ears)
		ears_end(t->ears);
}

void daemon_cut_ears(struct tenant *t)
{
	if (t->ears)
		ears_cut(t->ears);
}
