#include "passes.h"
#include "control.h"
#include "err.h"
#include "must.h"
#include "pass_lines.h"
#include "progress.h"
#include "talk.h"

#include <stdlib.h>

struct passes {
	struct loop *loop;
	struct daemon *daemon;
	struct link orders;
	size_t n;
	bool stopping;
};

struct order {
	struct link link;
	struct passes *passes;
	json_t *request;
	struct pass_options options;
	bool is_read;
	struct talk *talk; /* NULL: nobody listens any more */
	struct pass *pass; /* NULL: not begun, or over */
	const struct pass_account *accounts;
	size_t n;
	bool *dirty, *asked; /* owned: one per account */
	struct timer tick;
};

static void order_free(struct order *o)
{
	struct pass_again *g = &o->options.again;

	timer_stop(&o->tick);
	list_drop(&o->link);
	o->passes->n--;
	json_decref(o->request);
	free((void *)(uintptr_t)o->options.names);
	free((void *)(uintptr_t)g->uids);
	free(g->found);
	free(g->has_folder);
	free(o->dirty);
	free(o->asked);
	free(o);
}

/* A pass under way still needs what was asked. */
static void settle(struct order *o)
{
	if (!o->pass && !o->talk)
		order_free(o);
}

static void hang_up(struct order *o)
{
	if (o->talk)
		talk_close(o->talk);
	o->talk = NULL;
}

static void say(struct order *o, json_t *line)
{
	if (o->talk)
		talk_say(o->talk, line);
	else
		json_decref(line);
}

static void refuse(struct order *o, const struct err *err)
{
	json_t *line = pass_err_line(err);

	(void)json_object_set_new(line, "ok", json_false());
	say(o, line);
	hang_up(o);
	settle(o);
}

/* ---- progress ---- */

static void tell(struct order *o, size_t at)
{
	o->dirty[at] = false;
	say(o, pass_account_line(at, &o->accounts[at]));
}

static void on_tick(void *who)
{
	struct order *o = who;

	if (!o->talk)
		return;
	if (!talk_is_idle(o->talk)) {
		timer_start(&o->tick, PROGRESS_MS);
		return;
	}
	for (size_t i = 0; i < o->n && o->talk; i++)
		if (o->dirty[i])
			tell(o, i);
}

static void on_changed(void *who, const struct pass_account *a)
{
	struct order *o = who;
	size_t at;

	if (!o->accounts) /* not even started */
		return;
	at = (size_t)(a - o->accounts);
	if (a->phase == PASS_DONE) {
		tell(o, at);
		return;
	}
	o->dirty[at] = true;
	if (!timer_is_started(&o->tick))
		timer_start(&o->tick, PROGRESS_MS);
}

static void on_judged(void *who, const struct pass_account *a,
		      const struct pass_judged *j)
{
	struct order *o = who;

	if (pass_flag(o->request, "judged"))
		say(o, pass_judged_line((size_t)(a - o->accounts), j));
}

static void on_delivery(void *who, const struct config_delivery *d,
			const struct err *err, bool is_new)
{
	say(who,
	    json_pack("{s:s, s:o, s:b}", "delivery", d->name, "err",
		      err ? pass_err_line(err) : json_null(), "new", is_new));
}

/* ---- questions ---- */

static void on_ask(void *who, struct pass_account *a, const char *folder,
		   uint64_t messages, uint64_t octets)
{
	struct order *o = who;
	size_t at = (size_t)(a - o->accounts);

	if (!o->talk) {
		pass_answer(o->pass, a, CHOICE_NOT_NOW);
		return;
	}
	tell(o, at);
	o->asked[at] = true;
	say(o, json_pack("{s:I, s:s?, s:I, s:I}", "question", (json_int_t)at,
			 "folder", folder, "messages", (json_int_t)messages,
			 "octets", (json_int_t)octets));
}

static void answer(struct order *o, size_t at, enum pass_choice choice)
{
	o->asked[at] = false;
	pass_answer(o->pass, (struct pass_account *)(uintptr_t)&o->accounts[at],
		    choice);
}

static void on_line(void *who, const json_t *line)
{
	struct order *o = who;
	uint64_t at = pass_number(line, "answer");
	uint64_t choice = pass_number(line, "choice");

	if (o->pass && at < o->n && o->asked[at])
		answer(o, at,
		       choice <= CHOICE_NEW ? (enum pass_choice)choice
					    : CHOICE_NOT_NOW);
}

static void on_gone(void *who)
{
	struct order *o = who;

	hang_up(o);
	timer_stop(&o->tick);
	for (size_t i = 0; o->pass && i < o->n; i++)
		if (o->asked[i])
			answer(o, i, CHOICE_NOT_NOW);
	settle(o);
}

static const struct talk_reports talk_reports = {
	.line = on_line,
	.gone = on_gone,
};

/* ---- beginning and end ---- */

static void say_end(struct order *o, int code, const struct err *failure)
{
	const struct pass_again *g = &o->options.again;
	json_t *found = json_array();

	for (size_t i = 0; i < g->n_uids; i++)
		(void)json_array_append_new(found, json_boolean(g->found[i]));
	say(o, json_pack("{s:i, s:o, s:b, s:o}", "ended", code, "failure",
			 pass_err_line(failure), "has_folder", *g->has_folder,
			 "found", found));
	hang_up(o);
}

static void on_ended(void *who)
{
	struct order *o = who;

	/* mail of earlier passes may have been settled behind a visit */
	for (size_t i = 0; i < o->n; i++)
		tell(o, i);
	say_end(o, pass_exit(o->pass), pass_failure(o->pass));
	o->pass = NULL; /* the daemon frees it */
	o->accounts = NULL;
	settle(o);
}

static const struct pass_reports silent_reports = {
	.changed = on_changed,
	.judged = on_judged,
	.delivery = on_delivery,
	.ended = on_ended,
};

static const struct pass_reports asking_reports = {
	.changed = on_changed,
	.judged = on_judged,
	.ask = on_ask,
	.delivery = on_delivery,
	.ended = on_ended,
};

/* Told once: what was settled while the pass began included. */
static void say_accounts(struct order *o)
{
	json_t *names = json_array();

	for (size_t i = 0; i < o->n; i++)
		(void)json_array_append_new(
			names, json_string(o->accounts[i].config->name));
	say(o, json_pack("{s:b, s:{s:b, s:o}}", "ok", 1, "answer", "pass", 1,
			 "accounts", names));
	for (size_t i = 0; i < o->n; i++)
		if (o->accounts[i].phase == PASS_DONE)
			tell(o, i);
}

static bool knows_names(const struct order *o, struct err *err)
{
	const struct config *c = daemon_config(o->passes->daemon);

	for (size_t i = 0; i < o->options.n_names; i++) {
		if (config_account(c, view_of(o->options.names[i])))
			continue;
		(void)err_set(err, ERR_CONFIG,
			      "the running mailhaul does not know the account "
			      "%s",
			      o->options.names[i]);
		return err_remedy(err, "let it read the configuration again: "
				       "systemctl reload mailhaul, or SIGHUP");
	}
	return true;
}

/* false: the daemon is not ready for it yet. */
static bool begin(struct order *o)
{
	const struct pass_reports *r = pass_flag(o->request, "person")
					       ? &asking_reports
					       : &silent_reports;
	struct err err;

	if (!daemon_is_working(o->passes->daemon))
		return false;
	if (!knows_names(o, &err)) {
		refuse(o, &err);
		return true;
	}
	o->pass = daemon_pass(o->passes->daemon, &o->options, r, o);
	if (!o->pass)
		return false;
	o->accounts = pass_accounts(o->pass, &o->n);
	o->dirty = mem_new((o->n + 1) * sizeof(*o->dirty));
	o->asked = mem_new((o->n + 1) * sizeof(*o->asked));
	say_accounts(o);
	return true;
}

static void refuse_stopping(struct order *o)
{
	struct err err;

	(void)err_set(&err, ERR_BUSY, "the running mailhaul is stopping");
	(void)err_remedy(&err, "try again when it has ended");
	refuse(o, &err);
}

static void consider(struct order *o)
{
	struct err err;

	if (!o->is_read) {
		(void)err_set(&err, ERR_BUG, "a request that is none");
		refuse(o, &err);
	} else if (o->passes->n > PASSES_MOST) {
		(void)err_set(&err, ERR_BUSY,
			      "the running mailhaul serves %u others",
			      PASSES_MOST);
		(void)err_remedy(&err, "try again when one of them is over");
		refuse(o, &err);
	} else if (o->passes->stopping) {
		refuse_stopping(o);
	} else {
		(void)begin(o);
	}
}

struct passes *passes_new(struct loop *l, struct daemon *d)
{
	struct passes *p = mem_new(sizeof(*p));

	p->loop = l;
	p->daemon = d;
	list_init(&p->orders);
	return p;
}

void passes_take(struct passes *p, json_t *request, int fd)
{
	struct order *o = mem_new(sizeof(*o));

	o->passes = p;
	o->request = json_incref(request);
	o->is_read = pass_read_request(request, &o->options);
	o->options.again.has_folder = mem_new(sizeof(bool));
	timer_init(&o->tick, p->loop, on_tick, o);
	list_push(&p->orders, &o->link);
	p->n++;
	o->talk = talk_new(p->loop, fd, CONTROL_STALL_MS, &talk_reports, o);
	consider(o);
}

void passes_working(struct passes *p)
{
	LIST_EACH(at, kept, &p->orders) {
		struct order *o = LIST_OF(at, struct order, link);

		if (!o->pass && o->talk)
			(void)begin(o);
	}
}

void passes_stop(struct passes *p)
{
	p->stopping = true;
	LIST_EACH(at, kept, &p->orders) {
		struct order *o = LIST_OF(at, struct order, link);

		if (!o->pass)
			refuse_stopping(o);
	}
}

void passes_store_failed(struct passes *p, const struct err *err)
{
	LIST_EACH(at, kept, &p->orders) {
		struct order *o = LIST_OF(at, struct order, link);

		if (o->pass)
			say_end(o, err_exit(err->class), err);
	}
}

void passes_free(struct passes *p)
{
	if (!p)
		return;
	LIST_EACH(at, kept, &p->orders) {
		struct order *o = LIST_OF(at, struct order, link);

		if (o->talk)
			talk_cut(o->talk);
		order_free(o);
	}
	free(p);
}
