#include "event.h"
#include "log.h"
#include "must.h"
#include "visit.h"

#include <stdlib.h>

#define HOUR_MS 3600000
#define DAY_MS	86400000

static bool is_pop3(const struct visit *v)
{
	return config_is_pop3(&v->config->server);
}

/* --- what is wanted ----------------------------------------------------------
 */

static bool is_inbox(const char *name)
{
	return view_ieq(view_of(name), VIEW_LIT("INBOX"));
}

/* A pattern may take the folder that mail is moved to, too: there it stays. */
static bool is_target(const struct visit *v)
{
	const char *to = v->settings->move_to;

	return strcmp(to, v->folder) == 0 ||
	       (is_inbox(to) && is_inbox(v->folder));
}

/*
 * What is moved and to be deleted later must be known by its UID there, and
 * then go alone.
 */
static bool can_move(const struct visit *v)
{
	return v->settings->keep != CONFIG_KEEP_AFTER || v->ready.can_delete;
}

bool visit_has_target(const struct visit *v)
{
	return v->settings->move_to && !is_pop3(v) && !is_target(v);
}

bool visit_moves(const struct visit *v)
{
	return visit_has_target(v) && can_move(v);
}

/* It is not long ago that the server refused it. */
static bool is_early(const struct visit *v)
{
	return loop_unix_ms() < v->here.acts_ms;
}

/* Whether anything may be done here with what was delivered before. */
static bool may_act(const struct visit *v)
{
	return visit_may_delete(v) && !is_early(v);
}

bool visit_wants_act(const struct visit *v, const struct spool_item *i)
{
	if (is_pop3(v) || !may_act(v))
		return false;
	return (i->fate == FATE_DELIVERED &&
		(v->settings->mark_seen || visit_moves(v))) ||
	       (i->fate == FATE_MARKED && visit_moves(v));
}

static uint32_t lower(uint32_t from, uint32_t uid)
{
	return uid && (!from || uid < from) ? uid : from;
}

static uint32_t lowest_due(const struct visit *v, enum spool_fate fate)
{
	const struct spool_lowest *l = &v->here.lowest[fate];

	return l->uid && guard_due(guard_keep_ms(v->settings), l->day,
				   visit_believed_ms(v))
		       ? l->uid
		       : 0;
}

uint32_t visit_act_from(const struct visit *v)
{
	const struct spool_lowest *low = v->here.lowest;
	uint32_t from = v->sweeping ? 0 : v->seek.from;

	if (is_early(v))
		return from;
	from = lower(from, lowest_due(v, FATE_BROUGHT));
	if (v->sweeping)
		return from;
	if (!visit_has_target(v)) {
		from = lower(from, lowest_due(v, FATE_DELIVERED));
		from = lower(from, lowest_due(v, FATE_MARKED));
	}
	if (!may_act(v))
		return from;
	if (v->settings->mark_seen || visit_moves(v))
		from = lower(from, low[FATE_DELIVERED].uid);
	if (visit_moves(v))
		from = lower(from, low[FATE_MARKED].uid);
	return from;
}

/* --- what is to be done ------------------------------------------------------
 */

void visit_plan_move(struct visit *v, const struct spool_item *i,
		     uint64_t print)
{
	struct visit_acts *a = &v->acts;

	item_list_add(&a->move, i);
	a->print = mem_grow(a->print, a->move.cap * sizeof(*a->print));
	a->print[a->move.n - 1] = print;
}

void visit_plan(struct visit *v, const struct spool_item *i, uint64_t print)
{
	if (!visit_may_delete(v))
		return;
	if (v->settings->mark_seen && !is_pop3(v) && i->fate != FATE_MARKED)
		item_list_add(&v->acts.mark, i);
	if (v->settings->keep == CONFIG_KEEP_NO)
		item_list_add(&v->acts.erase, i);
	else if (visit_moves(v))
		visit_plan_move(v, i, print);
}

void visit_note_obstacles(struct visit *v)
{
	struct err err;

	if (is_early(v)) {
		v->acts_wait = true;
		return;
	}
	if (!visit_has_target(v) || can_move(v))
		return;
	err_set(&err, ERR_CONFIG,
		"move_to with keep = TIME needs UIDPLUS, which the server does "
		"not offer: nothing is moved or deleted");
	err_remedy(&err, "write keep = yes, or leave out move_to");
	visit_warn(v, &err);
}

size_t visit_acts_waiting(const struct visit *v)
{
	const struct visit_acts *a = &v->acts;

	return a->mark.n + a->move.n + a->erase.n + a->leftover.n;
}

bool visit_acts_unanswered(const struct visit *v)
{
	const struct visit_acts *a = &v->acts;

	return visit_acts_waiting(v) ||
	       (a->doing != ACT_NONE && a->doing != ACT_RECORDING);
}

/* --- what the server refuses -------------------------------------------------
 */

static void tell_refusal(struct visit *v, const char *what,
			 const struct err *err)
{
	struct err words = *err;
	char line[sizeof(v->told->notice)];

	(void)err_within(&words, what);
	err_line(&words, line, sizeof(line));
	visit_notice(v, line);
}

/*
 * The mail stays delivered, is not fetched again, and is tried again later: in
 * an hour what may pass, a day after the server said never (CASES D16).
 */
static void refused(struct visit *v, const char *what, const struct err *err)
{
	bool passes = err->class == ERR_RETRY || err->class == ERR_NETWORK;
	struct err warning;

	tell_refusal(v, what, err);
	v->here.acts_ms = loop_unix_ms() + (passes ? HOUR_MS : DAY_MS);
	v->lasting = *err;
	(void)err_within(&v->lasting, what);
	if (!v->lasting.remedy[0])
		err_remedy(&v->lasting,
			   "it is tried again in %s; the mail itself was "
			   "delivered",
			   passes ? "an hour" : "a day");
	warning = v->lasting;
	warning.class = ERR_RETRY; /* for the pass: it failed for now */
	visit_warn(v, &warning);
}

/* --- one after the other -----------------------------------------------------
 */

static void act_done(struct visit *v)
{
	v->acts.doing = ACT_NONE;
	visit_wake(v);
}

static void on_recorded(struct spool_req *req)
{
	struct visit *v = req->who;

	v->acts.out = false;
	if (!req->ok)
		visit_fail(v, &req->err);
	free(v->acts.keys);
	free(v->acts.moving);
	v->acts.keys = NULL;
	v->acts.moving = NULL;
	v->acts.nmoving = 0;
	act_done(v);
}

/* keys: copied. */
static void record(struct visit *v, enum spool_act act,
		   const struct message_key *keys, size_t n)
{
	struct visit_acts *a = &v->acts;

	a->keys = mem_new(n * sizeof(*keys));
	memcpy(a->keys, keys, n * sizeof(*keys));
	a->doing = ACT_RECORDING;
	a->out = true;
	a->req.acted = (struct spool_acted){
		.req = { .done = on_recorded, .who = v, .early = true },
		.act = act,
		.account = v->row.id,
		.folder = v->here.id,
		.keys = a->keys,
		.n = n,
		.now_ms = loop_unix_ms(),
	};
	spool_acted(v->parts->spool, &a->req.acted);
	visit_wake(v); /* what is left need not wait for it */
}

/* --- marking --- */

static void mark(struct visit *v)
{
	struct item_list *l = &v->acts.mark;

	v->acts.doing = ACT_MARKING;
	v->source->ops->mark(v->source, l->item, l->n);
	item_list_clear(l);
}

void visit_on_marked(void *who, const struct message_key *keys, size_t n,
		     const struct err *err)
{
	struct visit *v = who;

	if (err)
		refused(v, "mail cannot be marked as seen", err);
	if (n)
		record(v, SPOOL_MARKED, keys, n);
	else
		act_done(v);
}

/* --- deleting --- */

static const struct config_folder *settings_at(const struct visit *v, size_t n)
{
	if (n == 0)
		return &v->config->own;
	return n <= v->config->n_blocks ? &v->config->blocks[n - 1] : NULL;
}

/*
 * What goes to Gmail's Trash goes from under all its labels, also from a folder
 * that is to keep its mail: then it loses this label alone.
 */
static bool keeps_anywhere(const struct visit *v)
{
	const struct config_folder *s;

	for (size_t n = 0; (s = settings_at(v, n)) != NULL; n++)
		if (s->keep == CONFIG_KEEP_YES)
			return true;
	return false;
}

static void erase(struct visit *v)
{
	struct item_list *l = &v->acts.erase;

	v->acts.doing = ACT_ERASING;
	for (size_t i = 0; i < l->n; i++)
		item_list_add(&v->acts.erasing, &l->item[i]);
	v->source->ops->erase(v->source, l->item, l->n,
			      keeps_anywhere(v) ? SOURCE_ERASE_HERE
						: SOURCE_ERASE);
	item_list_clear(l);
}

static void erase_leftovers(struct visit *v)
{
	struct item_list *l = &v->acts.leftover;

	v->acts.doing = ACT_LEFTOVERS;
	v->source->ops->erase(v->source, l->item, l->n, SOURCE_ERASE_HERE);
	item_list_clear(l);
}

static void tell_left(struct visit *v, size_t left, const struct err *err)
{
	if (err && left)
		refused(v, "delivered messages could not be deleted", err);
	else if (err)
		tell_refusal(v, "delivered messages were deleted in part", err);
	else if (left)
		visit_notice(v, "delivered messages could not be deleted: "
				"they are marked at most (no UIDPLUS, or "
				"somebody else's are marked, too)");
}

/* *at: where the last one was found: they come in the order asked for. */
static const struct spool_item *
erased_item(const struct visit *v, const struct message_key *key, size_t *at)
{
	const struct item_list *l = &v->acts.erasing;

	for (size_t tried = 0; tried < l->n; tried++) {
		const struct spool_item *item = &l->item[*at];

		*at = (*at + 1) % l->n;
		if (message_key_order(&item->key, key) == 0)
			return item;
	}
	return NULL;
}

/* A line for each, to be found by its uid; where some are left, nobody knows
 * which. */
static void tell_erased(struct visit *v, const struct message_key *keys,
			size_t n, size_t left)
{
	const char *account = v->config->name;
	char uid[PASS_UID_TEXT];
	size_t at = 0;

	if (left)
		event_deleted(account, v->folder, NULL, n - left);
	for (size_t i = 0; i < n && !left; i++) {
		const struct spool_item *item = erased_item(v, &keys[i], &at);

		if (item)
			visit_uid_text(v, item, uid);
		event_deleted(account, v->folder, item ? uid : NULL, 1);
	}
	item_list_clear(&v->acts.erasing);
}

void visit_on_erased(void *who, const struct message_key *keys, size_t n,
		     size_t left, const struct err *err)
{
	struct visit *v = who;

	tell_left(v, left, err);
	v->erased += n;
	if (v->acts.doing == ACT_LEFTOVERS) {
		visit_record_moved(v, true);
		return;
	}
	v->told->deleted += n > left ? n - left : 0;
	if (n > left)
		tell_erased(v, keys, n, left);
	if (n)
		record(v, SPOOL_GONE, keys, n);
	else
		act_done(v);
}

/* --- moving --- */

static void on_intended(struct spool_req *req)
{
	struct visit *v = req->who;
	struct visit_acts *a = &v->acts;

	a->out = false;
	if (!req->ok)
		visit_fail(v, &req->err);
	if (!req->ok || !v->source) {
		item_list_clear(&a->move);
		act_done(v);
		return;
	}
	a->doing = ACT_MOVING;
	v->source->ops->move(v->source, a->move.item, a->move.n);
	item_list_clear(&a->move);
}

static int by_key(const void *a, const void *b)
{
	const struct spool_intent *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

/* Durable before the server is asked (CASES D15). */
static void intend(struct visit *v)
{
	struct visit_acts *a = &v->acts;

	free(a->moving);
	a->nmoving = a->move.n;
	a->moving = mem_new(a->nmoving * sizeof(*a->moving));
	for (size_t n = 0; n < a->nmoving; n++)
		a->moving[n] =
			(struct spool_intent){ .key = a->move.item[n].key,
					       .print = a->print[n] };
	qsort(a->moving, a->nmoving, sizeof(*a->moving), by_key);
	a->doing = ACT_INTENDING;
	a->out = true;
	a->req.intend = (struct spool_intend){
		.req = { .done = on_intended, .who = v, .urgent = true },
		.folder = v->here.id,
		.target = a->target,
		.since = a->since,
		.items = a->moving,
		.n = a->nmoving,
	};
	spool_intend(v->parts->spool, &a->req.intend);
}

static void on_target_opened(struct spool_req *req)
{
	struct visit *v = req->who;
	struct visit_acts *a = &v->acts;

	a->out = false;
	free(a->req.open.namesakes);
	if (req->ok && v->source) {
		a->target = a->req.open.f.id;
		intend(v);
		return;
	}
	if (!req->ok)
		visit_fail(v, &req->err);
	item_list_clear(&a->move);
	act_done(v);
}

void visit_on_target(void *who, const struct source_folder *f,
		     const struct err *err)
{
	struct visit *v = who;
	struct visit_acts *a = &v->acts;

	if (err) {
		refused(v, "mail cannot be moved", err);
		item_list_clear(&a->move);
		act_done(v);
		return;
	}
	a->uidvalidity = f->uidvalidity;
	a->since = f->uidnext ? f->uidnext : 1;
	a->out = true;
	a->req.open = (struct spool_folder_open){
		.req = { .done = on_target_opened, .who = v, .urgent = true },
		.account = v->row.id,
		.name = v->settings->move_to,
		.uidvalidity = f->uidvalidity,
	};
	spool_folder_open(v->parts->spool, &a->req.open);
}

static void move(struct visit *v)
{
	v->acts.doing = ACT_TARGETING;
	v->source->ops->target(v->source, v->settings->move_to);
}

/* Those of moving that are in the target, to its front. */
static size_t keep_moved(struct visit_acts *a, const struct source_moved *moved,
			 size_t n, bool uids_count)
{
	size_t kept = 0, k = 0;

	for (size_t i = 0; i < a->nmoving; i++) {
		struct spool_intent in = a->moving[i];
		int order = -1;

		while (k < n &&
		       (order = message_key_order(&moved[k].key, &in.key)) < 0)
			k++;
		if (k == n || order != 0)
			continue;
		in.uid = uids_count ? moved[k].uid : 0;
		a->moving[kept++] = in;
	}
	return kept;
}

void visit_record_moved(struct visit *v, bool all)
{
	struct visit_acts *a = &v->acts;

	a->doing = ACT_RECORDING;
	a->out = true;
	a->req.moved = (struct spool_moved){
		.req = { .done = on_recorded, .who = v },
		.folder = v->here.id,
		.target = a->target,
		.items = a->moving,
		.n = a->nmoving,
		.all = all,
		.now_ms = loop_unix_ms(),
	};
	spool_moved(v->parts->spool, &a->req.moved);
}

void visit_on_moved(void *who, const struct source_moved *moved, size_t n,
		    size_t left, uint32_t uidvalidity, const struct err *err)
{
	struct visit *v = who;
	struct visit_acts *a = &v->acts;

	if (err)
		refused(v, "mail cannot be moved", err);
	else if (left)
		visit_notice(v, "messages that were moved stay here as well: "
				"they are marked as deleted at most");
	if (n)
		event_moved(v->config->name, v->folder, v->settings->move_to,
			    n);
	v->erased += n > left ? n - left : 0;
	/* what was not moved has been answered: no intent is left of it */
	a->nmoving = keep_moved(a, moved, n, uidvalidity == a->uidvalidity);
	visit_record_moved(v, true);
}

void visit_act(struct visit *v)
{
	struct visit_acts *a = &v->acts;

	if (a->doing != ACT_NONE || !v->source || !visit_acts_waiting(v))
		return;
	a->begun_ms = loop_now_ms(v->parts->loop);
	if (a->leftover.n)
		erase_leftovers(v);
	else if (a->mark.n)
		mark(v);
	else if (a->move.n)
		move(v);
	else
		erase(v);
}

void visit_forget_acts(struct visit *v)
{
	struct visit_acts *a = &v->acts;

	/* a record that is under way keeps what it borrows */
	if (!a->out) {
		a->doing = ACT_NONE;
		free(a->moving);
		a->moving = NULL;
		a->nmoving = 0;
	}
	item_list_clear(&a->mark);
	item_list_clear(&a->move);
	item_list_clear(&a->erase);
	item_list_clear(&a->leftover);
}

void visit_acts_fini(struct visit *v)
{
	struct visit_acts *a = &v->acts;

	item_list_fini(&a->mark);
	item_list_fini(&a->move);
	item_list_fini(&a->erase);
	item_list_fini(&a->leftover);
	item_list_fini(&a->erasing);
	free(a->print);
	free(a->keys);
	free(a->moving);
}

/* --- what was moved is deleted there later -----------------------------------
 */

static void on_brought(struct spool_req *req)
{
	struct visit *v = req->who;
	const struct config_folder *s = settings_at(v, v->sweep_at - 1);
	uint16_t day = v->req.brought.day;

	if (!visit_answered(v))
		return;
	if (!req->ok)
		visit_fail(v, &req->err);
	if (!req->ok || !day ||
	    !guard_due(guard_keep_ms(s), day, visit_believed_ms(v))) {
		visit_next_folder(v);
		return;
	}
	v->sweeping = true;
	v->settings = s;
	v->folder = s->move_to;
	v->phase = VISIT_SELECTING;
	v->source->ops->folder(v->source, v->folder);
}

bool visit_sweep(struct visit *v)
{
	const struct config_folder *s;

	v->sweeping = false;
	if (is_pop3(v) || v->options->dry_run || visit_is_task(v) ||
	    !v->ready.can_delete)
		return false;
	while ((s = settings_at(v, v->sweep_at++)) != NULL) {
		if (!s->move_to || s->keep != CONFIG_KEEP_AFTER)
			continue;
		v->phase = VISIT_SELECTING;
		v->req.brought = (struct spool_brought){
			.req = { .done = on_brought, .who = v, .urgent = true },
			.account = v->row.id,
			.name = s->move_to,
		};
		v->req_out = true;
		spool_brought(v->parts->spool, &v->req.brought);
		return true;
	}
	return false;
}
