#include "event.h"
#include "limits.h"
#include "must.h"
#include "visit.h"

#include <stdlib.h>

/* --- the decision
 * ---------------------------------------------------------------- */

static void count_due(struct visit *v, enum pass_reason r)
{
	for (size_t n = 0; n < v->due.n; n++)
		visit_count(v, &v->due.item[n], r);
}

static uint64_t octets_of(const struct item_list *l)
{
	uint64_t sum = 0;

	for (size_t n = 0; n < l->n; n++)
		sum += l->item[n].octets;
	return sum;
}

bool visit_ask(struct visit *v)
{
	return v->reports->ask(v->who, v, v->wanted.n, octets_of(&v->wanted));
}

static void stay_undecided(struct visit *v)
{
	bool first = visit_is_first(v);
	double octets = (double)octets_of(&v->wanted);
	bool small = octets < 1e6;
	struct err err;

	err_set(&err, ERR_CONFIG,
		v->row.restored
			? "the ledger was replaced by an older copy: %zu "
			  "messages, %.*f %s, may have been delivered since"
		: first ? "%zu messages, %.*f %s, are there already"
			: "%zu messages, %.*f %s, are suddenly new",
		v->wanted.n, small ? 0 : 1, octets / (small ? 1e3 : 1e6),
		small ? "kB" : "MB");
	if (first)
		err_remedy(&err,
			   "write first_run = \"all\" (fetch them), \"new\" "
			   "(leave them) or an age such as 30d; or once: "
			   "mailhaul fetch --yes %s, or adopt %s",
			   v->config->name, v->config->name);
	else
		err_remedy(&err,
			   "if they are to be fetched: mailhaul fetch "
			   "--yes %s",
			   v->config->name);
	for (size_t n = 0; n < v->wanted.n; n++)
		visit_count(v, &v->wanted.item[n], REASON_UNDECIDED);
	count_due(v, REASON_DELIVERED); /* another time */
	v->undecided = true;
	visit_fail(v, &err);
	visit_next_folder(v);
}

/* Those of *from that were there before us, all or the older ones. */
static void adopt_from(struct visit *v, struct item_list *from,
		       uint32_t older_than)
{
	struct item_list rest = { 0 };

	for (size_t n = 0; n < from->n; n++) {
		struct spool_item *i = &from->item[n];

		if (older_than && (!i->date || i->date >= older_than)) {
			item_list_add(&rest, i);
			continue;
		}
		visit_count(v, i, older_than ? REASON_AGE : REASON_ADOPTED);
		item_list_add(&v->adopt, i);
	}
	item_list_fini(from);
	*from = rest;
}

/* What is known by its fingerprint is adopted too, and says nothing of dates:
 * mail with an old one may come at any time. */
static void adopt_wanted(struct visit *v, uint32_t older_than)
{
	size_t before = v->adopt.n;

	adopt_from(v, &v->wanted, older_than);
	adopt_from(v, &v->seen, older_than);
	if (v->adopt.n > before)
		v->here.adopted_ms = older_than ? (int64_t)older_than * 1000
						: loop_unix_ms();
}

void visit_adopt_wanted(struct visit *v)
{
	adopt_wanted(v, 0);
}

static enum pass_reason why_wanted(const struct spool_item *i)
{
	if (i->fate != FATE_NEW && i->fate != FATE_SKIPPED)
		return REASON_AGAIN;
	return i->flags & SPOOL_ITEM_EMPTY ? REASON_EMPTY : REASON_NEW;
}

static void leave_out_large(struct visit *v)
{
	uint64_t most = visit_max_octets(v);
	struct item_list rest = { 0 };

	for (size_t n = 0; n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];

		if (!most || i->octets <= most) {
			visit_count(v, i, why_wanted(i));
			item_list_add(&rest, i);
			continue;
		}
		visit_count(v, i, REASON_SIZE);
		v->told->skipped++;
		if (i->fate == FATE_NEW || i->fate == FATE_SKIPPED)
			item_list_add(&v->skip, i);
	}
	item_list_fini(&v->wanted);
	v->wanted = rest;
}

static void leave_out_seen(struct visit *v)
{
	for (size_t n = 0; n < v->seen.n; n++)
		visit_count(v, &v->seen.item[n], REASON_SEEN);
	v->told->skipped += v->seen.n;
}

/* false: they wait for a person. */
static bool guard_deletions(struct visit *v)
{
	int64_t keep = guard_keep_ms(v->settings);
	int64_t was = v->here.keep_ms == INT64_MIN ? keep : v->here.keep_ms;
	struct err err;

	if (v->options->yes || !guard_mass_delete(was, keep, v->due.n))
		return true;
	v->guarded = true;
	err_set(&err, ERR_CONFIG,
		"keep was shortened: %zu messages that were delivered would "
		"be deleted at the source",
		v->due.n);
	err_remedy(&err, "if that is meant: mailhaul fetch --yes %s",
		   v->config->name);
	visit_warn(v, &err);
	return false;
}

/* Where a UID may name another message tomorrow nothing is deleted (D1, D17).
 */
static bool guard_source(struct visit *v)
{
	if (visit_may_delete(v) ||
	    (v->settings->keep == CONFIG_KEEP_YES && !v->settings->mark_seen &&
	     !visit_has_target(v)))
		return true;
	visit_notice(v, v->there.read_only
				? "the folder is read-only: nothing is marked, "
				  "moved or deleted"
				: "the server names no valid UIDVALIDITY: "
				  "nothing is marked, moved or deleted");
	return false;
}

static void guard_due_ones(struct visit *v)
{
	enum pass_reason r = !guard_source(v)	   ? REASON_STUCK
			     : !guard_deletions(v) ? REASON_GUARDED
						   : REASON_DUE;

	v->kept = true;
	count_due(v, r);
	if (r != REASON_DUE)
		item_list_clear(&v->due);
}

/* --- writing it down
 * ---------------------------------------------------------------- */

/* The rest of the mail first: solo.h. */
static void put_suspects_last(struct visit *v)
{
	struct item_list last = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < v->wanted.n; i++)
		if (v->wanted.item[i].flags & SPOOL_ITEM_SUSPECT)
			item_list_add(&last, &v->wanted.item[i]);
		else
			v->wanted.item[n++] = v->wanted.item[i];
	v->wanted.n = n;
	for (size_t i = 0; i < last.n; i++)
		item_list_add(&v->wanted, &last.item[i]);
	item_list_fini(&last);
}

static void work(struct visit *v)
{
	put_suspects_last(v);
	v->phase = VISIT_WORKING;
	v->told->phase = PASS_FETCHING;
	v->told->wanted += v->wanted.n;
	v->told->wanted_octets += octets_of(&v->wanted);
	visit_expect(v, v->wanted.n);
	visit_changed(v);
	task_post(&v->go_on);
}

static void skip_next(struct visit *v);

static void save_first(struct visit *v)
{
	if (v->options->task != PASS_REFETCH &&
	    (!v->here.first_done || v->wanted.n > LIMIT_ASK_MESSAGES)) {
		v->here.first_done = true;
		v->here.backlog = v->wanted.n < UINT32_MAX
					  ? (uint32_t)v->wanted.n
					  : UINT32_MAX;
		visit_save_folder(v);
	}
	work(v);
}

static void on_skipped(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!visit_answered(v))
		return;
	if (!req->ok)
		visit_fail(v, &req->err);
	else
		event_skipped(v->config->name, v->folder, NULL, v->req.skip.n,
			      v->req.skip.reason);
	skip_next(v);
}

static void skip(struct visit *v, const struct item_list *l, const char *reason)
{
	v->req.skip = (struct spool_skip){
		.req = { .done = on_skipped, .who = v, .urgent = true },
		.account = v->row.id,
		.folder = v->here.id,
		.items = l->item,
		.n = l->n,
		.reason = reason,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_skip(v->parts->spool, &v->req.skip);
}

/* One list behind the other, for each has its reason. */
static void skip_next(struct visit *v)
{
	switch (v->skipped++) {
	case 0:
		if (v->skip.n) {
			skip(v, &v->skip, "size");
			return;
		}
		v->skipped++;
		/* fall through */
	case 1:
		if (v->seen.n) {
			skip(v, &v->seen, "seen");
			return;
		}
		v->skipped++;
		/* fall through */
	case 2:
		if (v->marked.n) {
			skip(v, &v->marked, "deleted");
			return;
		}
		break;
	default:
		break;
	}
	if (v->sweeping)
		work(v);
	else
		save_first(v);
}

static void on_adopted(struct spool_req *req)
{
	struct visit *v = req->who;

	/* what is not written down must not count as such */
	if (!visit_answered_well(v, req))
		return;
	skip_next(v);
}

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

void visit_write_down(struct visit *v)
{
	if (v->options->dry_run) {
		visit_next_folder(v);
		return;
	}
	v->phase = VISIT_RECORDING;
	v->skipped = 0;
	if (!v->adopt.n) {
		skip_next(v);
		return;
	}
	/* in the order of the ledger: a million of them in the order of a POP3
	 * mailbox rewrote each of its pages hundreds of times */
	qsort(v->adopt.item, v->adopt.n, sizeof(*v->adopt.item), by_key);
	v->req.adopt = (struct spool_adopt){
		.req = { .done = on_adopted, .who = v, .urgent = true },
		.folder = v->here.id,
		.items = v->adopt.item,
		.n = v->adopt.n,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_adopt(v->parts->spool, &v->req.adopt);
}

/* RFC 5321 4.5.3.1.7 has every server take so much. */
static bool all_are_small(const struct visit *v)
{
	for (size_t n = 0; n < v->wanted.n; n++)
		if (v->wanted.item[n].octets > LIMIT_SMALL_OCTETS)
			return false;
	return true;
}

/*
 * The sizes the destination takes are known once it answered. What is small is
 * asked for meanwhile; should it not fit, it is left out when it comes.
 */
void visit_decide_sizes(struct visit *v)
{
	v->phase = VISIT_SIZING;
	if (v->wanted.n)
		visit_warm(v);
	if (delivery_state(v->delivery) == DELIVERY_CONNECTING &&
	    !all_are_small(v))
		return; /* visit_wake() */
	leave_out_large(v);
	leave_out_seen(v);
	if (!visit_is_task(v))
		guard_due_ones(v);
	visit_write_down(v);
}

static void apply(struct visit *v)
{
	uint32_t limit;

	switch (v->take) {
	case GUARD_TAKE:
		break;
	case GUARD_ADOPT:
		adopt_wanted(v, 0);
		break;
	case GUARD_AGE:
		if (config_is_pop3(&v->config->server) &&
		    v->look != LOOK_AGES && v->wanted.n) {
			visit_look_at(v, LOOK_AGES);
			return;
		}
		limit = (uint32_t)((loop_unix_ms() -
				    (int64_t)v->settings->first_run_age_ms) /
				   1000);
		adopt_wanted(v, limit ? limit : 1);
		break;
	case GUARD_ASK:
		v->phase = VISIT_ASKING;
		if (!visit_ask(v))
			stay_undecided(v);
		return;
	}
	visit_decide_sizes(v);
}

void visit_decide(struct visit *v)
{
	if (v->phase == VISIT_SIZING) {
		visit_decide_sizes(v);
		return;
	}
	if (visit_is_task(v)) {
		visit_task_aged(v);
		return;
	}
	if (v->phase == VISIT_HEADERS && v->look == LOOK_AGES) {
		apply(v);
		return;
	}
	/* not "first", and no crowd: but it may have been delivered since */
	if (v->row.restored && v->wanted.n && !v->options->yes) {
		v->take = GUARD_ASK;
		apply(v);
		return;
	}
	v->take = guard_take(v->settings->first_run, visit_is_first(v),
			     visit_sudden(v), v->nitems, v->options->yes);
	apply(v);
}

void visit_answer(struct visit *v, enum pass_choice c)
{
	if (v->phase != VISIT_ASKING)
		return;
	if (visit_is_task(v)) {
		visit_task_answer(v, c);
		return;
	}
	switch (c) {
	case CHOICE_NOT_NOW:
		stay_undecided(v);
		return;
	case CHOICE_ALL:
		v->take = GUARD_TAKE;
		break;
	case CHOICE_NEW:
		v->take = GUARD_ADOPT;
		break;
	}
	apply(v);
}
