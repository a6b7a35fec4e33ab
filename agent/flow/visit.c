#include "visit.h"
#include "backoff.h"
#include "hash.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "provider.h"
#include "remedy.h"
#include "settings.h"
#include "trouble.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS INT64_C(86400000)
/* An account whose time comes so soon is waited for: a timer that fires at the
 * server's own interval would else be early each second time. */
#define SOON_MS	  5000
#define SETTLE_MS 30000u /* deliveries are awaited behind the last body */

void item_list_add(struct item_list *l, const struct spool_item *i)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->item = mem_grow(l->item, l->cap * sizeof(*l->item));
	}
	l->item[l->n++] = *i;
}

void item_list_clear(struct item_list *l)
{
	l->n = 0;
}

void item_list_fini(struct item_list *l)
{
	free(l->item);
	*l = (struct item_list){ 0 };
}

static void forget_folder(struct visit *v)
{
	visit_drop_body(v);
	visit_nothing_comes(v);
	free(v->items);
	free(v->fps);
	free(v->fp_known);
	free(v->namesakes);
	free(v->shared);
	v->namesakes = v->shared = NULL;
	v->nshared = 0;
	v->names_changed = false;
	v->items = NULL;
	v->fps = NULL;
	v->fp_known = NULL;
	v->look = LOOK_PROOF;
	v->nitems = v->asked = v->came = v->fp_at = v->erased = v->missed = 0;
	v->fetching_all_done = v->twins_known = false;
	v->kept = v->guarded = false;
	v->first_missing_uid = 0;
	item_list_clear(&v->wanted);
	item_list_clear(&v->adopt);
	item_list_clear(&v->skip);
	item_list_clear(&v->due);
	item_list_clear(&v->proof);
	item_list_clear(&v->seen);
	item_list_clear(&v->marked);
	visit_forget_acts(v);
	visit_forget_seek(v);
}

static void begin_session(struct visit *v);

static void go_on(void *who)
{
	visit_work(who);
}

static void on_settle_time(void *who)
{
	struct visit *v = who;

	if (v->phase == VISIT_SECRET) {
		begin_session(v);
		return;
	}
	if (v->surveying) {
		if (v->source)
			v->source->ops->cancel(v->source);
		return;
	}
	v->fetching_all_done = true;
	visit_work(v);
}

struct visit *visit_new(const struct parts *parts, struct deliveries *ds,
			const struct pass_options *o, struct pass_account *told,
			bool named, const struct visit_reports *r, void *who)
{
	struct visit *v = mem_new(sizeof(*v));

	list_init(&v->booked);
	v->parts = parts;
	v->deliveries = ds;
	v->reports = r;
	v->who = who;
	v->options = o;
	v->told = told;
	v->config = told->config;
	v->settings = &v->config->own;
	v->delivery = deliveries_of(ds, v->config->own.delivery);
	v->named = named;
	if (parts->config->once)
		v->once = once_new();
	v->noted = -1;
	timer_init(&v->timer, parts->loop, on_settle_time, v);
	task_init(&v->go_on, parts->loop, go_on, v);
	return v;
}

void visit_free(struct visit *v)
{
	if (!v)
		return;
	forget_folder(v);
	plan_fini(&v->plan);
	free(v->patterns);
	free(v->unfetched);
	visit_forget_ahead(v);
	free(v->ahead.open);
	free(v->twins);
	item_list_fini(&v->wanted);
	item_list_fini(&v->adopt);
	item_list_fini(&v->skip);
	item_list_fini(&v->due);
	item_list_fini(&v->proof);
	item_list_fini(&v->seen);
	item_list_fini(&v->marked);
	visit_acts_fini(v);
	head_free(v->head);
	once_free(v->once);
	timer_stop(&v->timer);
	task_cancel(&v->go_on);
	secret_fini(&v->secret);
	reach_done(&v->endpoint);
	free(v);
}

void visit_changed(struct visit *v)
{
	v->reports->changed(v->who, v);
}

void visit_fail(struct visit *v, const struct err *err)
{
	if (err->class == ERR_CANCELLED)
		return;
	/* the one that decides the exit code is told */
	if (v->err.class == ERR_NONE ||
	    err_worse(err_exit(err->class), err_exit(v->err.class)) !=
		    err_exit(v->err.class))
		v->err = *err;
}

void visit_warn(struct visit *v, const struct err *err)
{
	if (v->warning.class == ERR_NONE)
		v->warning = *err;
}

void visit_notice(struct visit *v, const char *text)
{
	struct log_line l;

	(void)snprintf(v->told->notice, sizeof(v->told->notice), "%s", text);
	if (!log_begin(&l, LOG_WARNING, "notice"))
		return;
	log_str(&l, "account", v->config->name);
	if (v->folder && v->folder[0])
		log_str(&l, "folder", v->folder);
	log_str(&l, "text", text);
	log_end(&l);
}

uint64_t visit_max_octets(const struct visit *v)
{
	/* what is too large for one that has another behind it goes there */
	uint64_t theirs = delivery_config(v->delivery)->refused_to
				  ? 0
				  : delivery_max_octets(v->delivery);
	uint64_t ours = v->settings->max_size_octets;

	return !ours ? theirs : !theirs || ours < theirs ? ours : theirs;
}

bool visit_may_delete(const struct visit *v)
{
	return config_is_pop3(&v->config->server) ||
	       (v->there.uidvalidity && !v->there.read_only);
}

int64_t visit_believed_ms(const struct visit *v)
{
	return spool_believed_ms(v->parts->spool, loop_unix_ms());
}

/* --- the end -------------------------------------------------------------- */

static void on_tidied(struct spool_req *req)
{
	struct visit *v = req->who;

	if (v->req.last.tidy.given_up)
		deliveries_recount(v->deliveries);
	v->phase = VISIT_DONE;
	v->reports->ended(v->who, v);
}

static void on_saved(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!req->ok)
		visit_fail(v, &req->err);
}

/* Nobody waits for these but the end of the pass: many share a commit. */
static void save_row(struct visit *v)
{
	bool last = v->reports->waited_for && v->reports->waited_for(v->who, v);

	v->req.last.account = (struct spool_account_save){
		.req = { .done = on_saved, .who = v, .early = true },
		.a = v->row,
		.patterns = v->patterns,
		.unfetched = v->unfetched,
	};
	v->req.last.tidy = (struct spool_tidy){
		.req = { .done = on_tidied,
			 .who = v,
			 .early = !last,
			 .urgent = last },
		.account = v->row.id,
		.now_ms = loop_unix_ms(),
		.history_ms = (int64_t)v->parts->config->history_keep_ms,
	};
	spool_account_save(v->parts->spool, &v->req.last.account);
	spool_tidy(v->parts->spool, &v->req.last.tidy);
}

static void save(struct visit *v)
{
	v->phase = VISIT_SAVING;
	timer_stop(&v->timer);
	if (v->options->dry_run || (v->stopping && !v->err.class)) {
		v->phase = VISIT_DONE;
		v->reports->ended(v->who, v);
		return;
	}
	visit_note_outcome(v, loop_unix_ms());
	free(v->patterns);
	v->patterns = visit_patterns(v);
	save_row(v);
}

/* Behind the session: deliveries that were begun are waited for. */
static void end_if_settled(struct visit *v)
{
	if (v->phase == VISIT_LEAVING && !v->source && !v->out &&
	    !v->acts.out && !v->req_out && !v->ahead.out && !v->saving)
		save(v);
}

static void on_folder_saved(struct spool_req *req)
{
	struct visit *v = req->who;

	v->saving--;
	if (!req->ok)
		visit_fail(v, &req->err);
	free(LIST_OF(req, struct spool_folder_save, req));
	end_if_settled(v);
}

void visit_save_folder(struct visit *v)
{
	struct spool_folder_save *s = mem_new(sizeof(*s));

	*s = (struct spool_folder_save){
		.req = { .done = on_folder_saved, .who = v, .early = true },
		.f = v->here,
	};
	v->saving++;
	spool_folder_save(v->parts->spool, s);
}

bool visit_goes_on(struct visit *v)
{
	if (v->source)
		return true;
	end_if_settled(v);
	return false;
}

bool visit_answered(struct visit *v)
{
	v->req_out = false;
	return visit_goes_on(v);
}

bool visit_answered_well(struct visit *v, const struct spool_req *req)
{
	if (!visit_answered(v))
		return false;
	if (req->ok)
		return true;
	visit_fail(v, &req->err);
	visit_next_folder(v);
	return false;
}

/* --- the session ---------------------------------------------------------- */

static void open_session(struct visit *v);

static void read_secret(struct visit *v,
			void (*done)(void *who, struct reach_secret *s))
{
	v->phase = VISIT_SECRET;
	v->fetching = (struct reach_secret){
		.config = v->parts->config,
		.from = &v->config->secret,
		.auth = v->config->auth,
		.done = done,
		.who = v,
	};
	reach_secret(v->parts, &v->fetching);
}

static void take_secret(struct visit *v, struct reach_secret *s)
{
	secret_fini(&v->secret);
	v->secret = s->secret;
	s->secret = (struct secret){ NULL, 0 };
}

/* For a further session of the same visit. */
static void on_secret_again(void *who, struct reach_secret *s)
{
	struct visit *v = who;

	take_secret(v, s);
	if (s->ok && !v->stopping) {
		open_session(v);
		return;
	}
	if (!s->ok)
		visit_fail(v, &s->err);
	v->phase = VISIT_LEAVING;
	end_if_settled(v);
}

static void on_ready(void *who, const struct source_ready *r)
{
	struct visit *v = who;

	v->ready = *r;
	v->signed_in_ms = loop_unix_ms();
	v->row.scram = r->scram_offered;
	if (v->phase == VISIT_SIGNIN)
		v->phase = VISIT_SELECTING;
	v->told->phase = PASS_LISTING;
	visit_ask_ledger(v);
	visit_changed(v);
}

/* A limit of ours that a server ran into is a protocol it broke. */
static void fail_session(struct visit *v, const struct err *err)
{
	struct err e = *err;

	if (e.class == ERR_LIMIT)
		e.class = ERR_PROTOCOL;
	if (e.class == ERR_AUTH && !e.remedy[0])
		remedy_signin(v->config, &e);
	if (e.class == ERR_NETWORK && !e.remedy[0])
		err_remedy(&e, "it is tried again at the next pass");
	if (e.class == ERR_PROTOCOL && !e.remedy[0] && !remedy_protocol(&e))
		err_remedy(&e,
			   "tried again later; what was said: mailhaul -vv "
			   "fetch %s",
			   v->config->name);
	visit_fail(v, &e);
}

static void on_closed(void *who, const struct err *err)
{
	struct visit *v = who;

	v->source = NULL;
	visit_drop_body(v);
	visit_nothing_comes(v);
	if (v->phase == VISIT_WAITING) /* inherited, and it begins without */
		return;
	if (!v->stopping && (v->inherited || (v->again && !err))) {
		v->again = v->inherited = false;
		v->folder_at = 0;
		forget_folder(v);
		read_secret(v, on_secret_again);
		return;
	}
	if (err && !v->surveying) /* all was done before */
		fail_session(v, err);
	v->phase = VISIT_LEAVING;
	v->reports->left(v->who, v);
	end_if_settled(v);
}

static void on_notice(void *who, const char *text)
{
	visit_notice(who, text);
}

static const struct source_reports reports = {
	.ready = on_ready,
	.folder = visit_on_folder,
	.shared = visit_on_shared,
	.items = visit_on_items,
	.sizes = visit_on_sizes,
	.notice = on_notice,
	.body_begin = visit_on_body_begin,
	.body = visit_on_body,
	.body_end = visit_on_body_end,
	.refused = visit_on_refused,
	.fetched = visit_on_fetched,
	.erased = visit_on_erased,
	.marked = visit_on_marked,
	.target = visit_on_target,
	.moved = visit_on_moved,
	.unseen = visit_on_unseen,
	.may_read = visit_may_read,
	.closed = on_closed,
	.listed = visit_on_listed,
	.counts = visit_counts,
};

static void open_session(struct visit *v)
{
	struct source_options o = {
		.loop = v->parts->loop,
		.resolver = v->parts->resolver,
		.endpoint = v->endpoint,
		.user = v->config->user,
		.secret = &v->secret,
		.auth = v->config->auth,
		.password_in_clear = v->config->server.tls == CONFIG_TLS_NONE,
		.compress = v->config->compress,
		.scram_before = v->row.scram,
		.key = spool_key(v->parts->spool),
		.by_headers = v->config->own.keep == CONFIG_KEEP_NO,
		.trace = v->parts->trace ? v->config->name : NULL,
		.delete_to_trash =
			provider_has(v->config->builtin, PROVIDER_TRASH),
	};

	v->phase = VISIT_SIGNIN;
	v->session_ms = v->acts.begun_ms = loop_now_ms(v->parts->loop);
	v->settled_in_session = 0;
	v->unsafe = false;
	if (config_is_pop3(&v->config->server))
		v->source = source_pop3_open(&o, &reports, v);
	else
		v->source = source_imap_open(&o, &reports, v);
	visit_find_folders(
		v); /* pipelined behind the sign-in where that works */
}

static int64_t too_early_ms(const struct visit *v)
{
	int64_t left = v->row.next_poll_ms - loop_unix_ms();

	return v->named || v->options->dry_run || left < 0 ? 0 : left;
}

/* What it failed with when it was tried is true still. */
static void not_now(struct visit *v)
{
	const struct spool_trouble *t = &v->row.trouble;

	v->told->result = PASS_BACKOFF;
	if (v->row.failures)
		trouble_err(t, &v->told->before);
	v->phase = VISIT_DONE;
	v->reports->ended(v->who, v);
}

static void begin_session(struct visit *v)
{
	struct err err;

	if (v->stopping) {
		not_now(v);
		return;
	}
	if (!reach_endpoint(v->parts, &v->config->server, &v->config->tls,
			    &v->config->route, &v->endpoint, &err)) {
		visit_fail(v, &err);
		save(v);
		return;
	}
	v->endpoint.alpn = config_is_pop3(&v->config->server) ? "pop3" : "imap";
	open_session(v);
}

void visit_warm(struct visit *v)
{
	if (!v->options->dry_run && v->options->task != PASS_ADOPT)
		delivery_warm(v->delivery);
}

static void on_secret(void *who, struct reach_secret *s)
{
	struct visit *v = who;
	uint64_t sum;
	int64_t left;

	take_secret(v, s);
	if (s->ok) {
		sum = settings_of_account(v->parts, v->config,
					  secret_view(&v->secret));
		if (sum != v->row.settings) {
			v->row.settings = sum;
			v->row.next_poll_ms = 0;
			v->row.failures = 0;
		}
	}
	left = too_early_ms(v);
	if (v->stopping || left > SOON_MS || (left && v->row.failures)) {
		not_now(v);
		return;
	}
	if (!s->ok) {
		visit_fail(v, &s->err);
		save(v);
	} else if (left) {
		timer_start(&v->timer, (uint64_t)left);
	} else {
		begin_session(v);
	}
}

/* --- a session that outlives its visit ------------------------------------ */

void visit_inherit(struct visit *v, const struct session *s)
{
	v->source = s->source;
	v->ready = s->ready;
	v->inherited = true;
	v->source->ops->give(v->source, &reports, v);
}

void visit_give(struct visit *v, struct watch *w)
{
	struct session s = { .source = v->source, .ready = v->ready };

	v->source = NULL;
	watch_take(w, &s, &v->plan);
}

static bool may_rest(const struct visit *v)
{
	return v->reports->rest && v->config->idle && v->ready.can_rest &&
	       (v->single || v->ready.can_look_again) && v->plan.n &&
	       v->err.class == ERR_NONE && !v->stopping && !v->again &&
	       !v->options->dry_run && !visit_is_task(v);
}

static void go_on_signed_in(struct visit *v)
{
	v->phase = VISIT_SELECTING;
	v->told->phase = PASS_LISTING;
	v->session_ms = v->acts.begun_ms = loop_now_ms(v->parts->loop);
	visit_find_folders(v);
}

void visit_start(struct visit *v)
{
	v->told->phase = PASS_SIGNIN;
	v->told->started_ms = loop_now_ms(v->parts->loop);
	if (v->source) {
		go_on_signed_in(v);
	} else {
		v->inherited = false;
		read_secret(v, on_secret);
	}
	visit_changed(v);
}

void visit_leave(struct visit *v)
{
	timer_stop(&v->timer);
	v->phase = VISIT_LEAVING;
	if (v->source && v->unsafe && config_is_pop3(&v->config->server))
		/* without QUIT a server forgets what was fetched (E16) */
		v->source->ops->cancel(v->source);
	else if (v->source && may_rest(v) && v->reports->rest(v->who, v))
		end_if_settled(v);
	else if (v->source)
		v->source->ops->quit(v->source);
	else
		end_if_settled(v);
}

void visit_next_folder(struct visit *v)
{
	timer_stop(&v->timer);
	forget_folder(v);
	v->folder_at++;
	if (!v->source || v->stopping || v->again)
		visit_leave(v);
	else if (v->folder_at < v->plan.n)
		visit_select(v);
	else if (!visit_sweep(v) && !visit_survey(v))
		visit_leave(v);
}

void visit_stop(struct visit *v)
{
	v->stopping = true;
	if (v->source)
		v->source->ops->cancel(v->source);
	else if (v->phase == VISIT_WAITING) {
		v->told->result = PASS_BACKOFF;
		v->phase = VISIT_DONE;
		v->reports->ended(v->who, v);
	}
}

void visit_abort(struct visit *v)
{
	v->stopping = true;
	timer_stop(&v->timer);
	task_cancel(&v->go_on);
	if (v->source)
		v->source->ops->cancel(v->source);
}

void visit_refused(struct visit *v, const struct config_delivery *by,
		   const struct message *m)
{
	const char *reason = m->reason;
	struct err err;

	if (!v->refused)
		v->refused_until_ms = m->next_at;
	v->refused = true;
	err_set(&err, ERR_REFUSED, "delivery \"%s\"", by->name);
	err_peer(&err, view_of(reason));
	err_remedy(&err, "%s; its mail waits: mailhaul queue list",
		   verdict_is_of_sender(reason)
			   ? "set `sender` of the delivery to an address that "
			     "this server takes"
			   : "correct `to` or the destination");
	visit_fail(v, &err);
}

void visit_wake(struct visit *v)
{
	if (v->source)
		v->source->ops->poke(v->source);
	if (v->phase == VISIT_WORKING)
		task_post(&v->go_on);
	else if (v->phase == VISIT_SIZING)
		visit_decide(v);
	else
		end_if_settled(v);
}

void visit_amend(struct visit *v, const struct config_delivery *by,
		 const struct message *m)
{
	visit_refused(v, by, m);
	v->told->result = PASS_OK; /* until it is over once more */
	save(v);
}
