#include "limits.h"
#include "must.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS 86400000

static bool is_pop3(const struct visit *v)
{
	return config_is_pop3(&v->config->server);
}

/* --- what is there ----------------------------------------------------------
 */

/* A limit was raised: what was too large may be taken now. */
static bool skipped_fits(const struct visit *v)
{
	uint64_t most = visit_max_octets(v);

	return v->here.skipped_low && (!most || v->here.skipped_least <= most);
}

static uint32_t lower(uint32_t from, uint32_t uid)
{
	return !from || uid < from ? uid : from;
}

/*
 * Where the listing begins; 0: nothing can be new. UIDs may become visible
 * late, so EXISTS is compared as well, and once a day all is listed.
 */
static uint32_t list_from(const struct visit *v)
{
	const struct spool_folder *h = &v->here;
	const struct source_folder *t = &v->there;
	int64_t now = loop_unix_ms();
	uint32_t from = 0, acts = visit_act_from(v);

	if (v->sweeping) /* all of it: those that are absent must be known */
		return acts ? 1 : 0;
	if (v->options->dry_run || visit_is_task(v)) /* each is explained */
		return 1;
	if (is_pop3(v) || !h->whole_ms || !h->first_done || h->changed ||
	    v->row.reconcile || !h->uidnext || !t->uidnext ||
	    now - h->whole_ms >= DAY_MS || now < h->whole_ms)
		return 1;
	if (t->uidnext < h->uidnext) /* UIDs went down: CASES D4, D5 */
		from = 1;
	else if (t->uidnext != h->uidnext || h->high_uid + 1 < h->uidnext)
		from = h->high_uid == UINT32_MAX ? 1 : h->high_uid + 1;
	else if (t->exists > h->exists)
		from = 1;
	if (acts)
		from = lower(from, acts);
	if (skipped_fits(v))
		from = lower(from, h->skipped_low);
	if (h->seen_low && !v->config->unseen_only)
		from = lower(from, h->seen_low);
	if (h->same_low && !v->config->once)
		from = lower(from, h->same_low);
	if (h->same_open_low)
		from = lower(from, h->same_open_low);
	return from;
}

/* What was left out for being seen may have become unseen. */
static bool asks_unseen(const struct visit *v)
{
	return v->config->unseen_only && v->here.seen_low && !v->sweeping;
}

/* What somebody marked as deleted he may have thought better of. */
static bool asks_undeleted(const struct visit *v)
{
	const struct spool_folder *h = &v->here;

	return h->marked_low && !v->sweeping && !asks_unseen(v) &&
	       h->marked_high - h->marked_low < LIMIT_MARKED_UIDS;
}

bool visit_may_pass(const struct visit *v)
{
	return !v->here.intents && !asks_unseen(v) && !asks_undeleted(v) &&
	       !list_from(v);
}

/* Each message is explained; or the first visit, as far as is known. */
static bool lists_all(const struct visit *v)
{
	return v->options->dry_run || visit_is_task(v) || v->row.reconcile ||
	       !v->row.last_success_ms;
}

void visit_foresee(struct visit *v, bool counted)
{
	bool dates = visit_is_task(v) || (counted && v->here.changed) ||
		     v->settings->first_run == CONFIG_FIRST_AGE;
	uint32_t from = 0;

	if (lists_all(v))
		from = 1;
	else if (counted && !v->here.intents && !asks_unseen(v) &&
		 !asks_undeleted(v))
		from = list_from(v);
	if (from && v->source->ops->foresee)
		v->source->ops->foresee(v->source, from,
					dates ? SOURCE_DATES : 0);
}

/* Nothing is due by the keep in force: its change needs no guard later. */
void visit_unchanged(struct visit *v)
{
	int64_t keep = guard_keep_ms(v->settings);

	v->told->found += v->sweeping ? 0 : v->there.exists;
	if (!v->sweeping && v->here.keep_ms != keep &&
	    loop_unix_ms() >= v->here.acts_ms) {
		v->here.keep_ms = keep;
		visit_save_folder(v);
	}
	visit_next_folder(v);
}

/* When it came to its mailbox decides, or may decide, what is done with it. */
static bool wants_dates(const struct visit *v)
{
	return visit_is_task(v) || v->here.changed ||
	       (visit_is_first(v) &&
		v->settings->first_run == CONFIG_FIRST_AGE);
}

/* Sizes: each message is explained, or all are new: else most are known. */
static unsigned wanted_facts(const struct visit *v)
{
	bool sizes =
		v->options->dry_run || visit_is_task(v) || !v->here.whole_ms;

	return (sizes ? SOURCE_SIZES : 0) | (wants_dates(v) ? SOURCE_DATES : 0);
}

static void begin_listing_from(struct visit *v, uint32_t from)
{
	if (!from) {
		visit_unchanged(v);
		return;
	}
	v->whole = from == 1;
	v->phase = VISIT_LISTING;
	/* POP3 is listed in any case, IMAP where something is new. */
	if (!is_pop3(v) && !v->sweeping)
		visit_warm(v);
	if (v->namesakes)
		v->source->ops->namesakes(v->source, v->namesakes,
					  v->nnamesakes);
	v->source->ops->list(v->source, from, wanted_facts(v));
}

static void on_unseen_known(struct spool_req *req)
{
	struct visit *v = req->who;
	uint8_t asked = asks_unseen(v) ? 0 : SPOOL_ITEM_MARKED;
	uint32_t from = 0;
	bool ok = req->ok;

	if (!ok)
		visit_fail(v, &req->err);
	for (size_t n = 0; n < v->nitems && ok && !from; n++)
		if (v->items[n].fate == FATE_SKIPPED &&
		    (v->items[n].flags & SPOOL_ITEM_MARKED) == asked)
			from = message_key_to_uid(&v->items[n].key);
	free(v->items);
	v->items = NULL;
	v->nitems = 0;
	if (!visit_answered(v))
		return;
	begin_listing_from(v, from ? lower(list_from(v), from) : list_from(v));
}

void visit_on_unseen(void *who, struct spool_item *items, size_t n,
		     const struct err *err)
{
	struct visit *v = who;

	(void)err; /* then they wait for the listing of the whole */
	v->items = items;
	v->nitems = n;
	v->req.listing = (struct spool_listing){
		.req = { .done = on_unseen_known, .who = v, .urgent = true },
		.folder = v->here.id,
		.items = items,
		.n = n,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_listing(v->parts->spool, &v->req.listing);
}

/*
 * A flag that was taken off changes nothing else that is told: one SEARCH shows
 * it. What is listed anyway has its flags.
 */
void visit_begin_listing(struct visit *v)
{
	const struct spool_folder *h = &v->here;
	uint32_t from = list_from(v);

	if (asks_unseen(v) && !(from && from <= h->seen_low))
		v->source->ops->unseen(v->source);
	else if (asks_undeleted(v) && !(from && from <= h->marked_low))
		v->source->ops->undeleted(v->source, h->marked_low,
					  h->marked_high);
	else
		begin_listing_from(v, from);
}

static void on_opened(struct spool_req *req)
{
	struct visit *v = req->who;

	free(v->namesakes);
	v->namesakes = v->req.open.namesakes; /* freed with v in any case */
	v->nnamesakes = v->req.open.nnamesakes;
	if (!visit_answered_well(v, req))
		return;
	visit_saw_folder(v);
	v->here = v->req.open.f;
	visit_note_obstacles(v);
	if (!visit_seek(v))
		visit_begin_listing(v);
}

void visit_on_folder(void *who, const struct source_folder *f,
		     const struct err *err)
{
	struct visit *v = who;

	v->inherited = false;
	if (v->phase == VISIT_SEEKING) {
		visit_seek_on_folder(v, f, err);
		return;
	}
	if (err && visit_look_again(v, err))
		return;
	/* a folder that mail was moved to may be gone since */
	if (err && !visit_skips_folder(v) && !v->sweeping)
		visit_fail(v, err);
	if (err && err->class == ERR_REFUSED)
		visit_saw_folder(v);
	if (err || visit_skips_folder(v)) {
		visit_next_folder(v);
		return;
	}
	v->there = *f;
	visit_saw_numbers(v, f);
	v->req.open = (struct spool_folder_open){
		.req = { .done = on_opened, .who = v, .early = true },
		.account = v->row.id,
		.name = v->folder,
		.uidvalidity = f->uidvalidity,
		.appears = visit_folder_appears(v),
		.exists = f->exists,
	};
	v->req_out = true;
	spool_folder_open(v->parts->spool, &v->req.open);
}

/* --- what of it is wanted
 * ----------------------------------------------------- */

/* When a message that is kept for a while is deleted. */
static int64_t due_ms(const struct visit *v, const struct spool_item *i)
{
	return ((int64_t)i->day + 1) * DAY_MS + guard_keep_ms(v->settings);
}

void visit_uid_text(const struct visit *v, const struct spool_item *i,
		    char out[PASS_UID_TEXT])
{
	uint32_t uid = message_key_to_uid(&i->key);
	struct view text = VIEW_NONE;

	if (!uid && v->source && v->source->ops->uid_text)
		text = v->source->ops->uid_text(v->source, i->number);
	if (text.n)
		printable(out, PASS_UID_TEXT, text);
	else
		(void)snprintf(out, PASS_UID_TEXT, "%u", uid ? uid : i->number);
}

static void tell_judged(struct visit *v, const struct spool_item *i,
			enum pass_reason r)
{
	char uid[PASS_UID_TEXT];
	struct pass_judged j = {
		.folder = v->folder,
		.octets = i->octets,
		.reason = r,
		.due_ms = r == REASON_LATER ? due_ms(v, i) : 0,
	};

	visit_uid_text(v, i, uid);
	j.uid = view_of(uid);
	v->reports->judged(v->who, v, &j);
}

void visit_count(struct visit *v, const struct spool_item *i,
		 enum pass_reason r)
{
	struct pass_account *t = v->told;

	t->reasons[r]++;
	t->reason_octets[r] += i->octets;
	if (r == REASON_LATER && (!t->later_ms || due_ms(v, i) < t->later_ms))
		t->later_ms = due_ms(v, i);
	if (v->options->dry_run)
		tell_judged(v, i, r);
}

static int by_number(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void in_order_of_number(struct item_list *l)
{
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), by_number);
}

void visit_order_wanted(struct visit *v)
{
	if (!is_pop3(v))
		return;
	in_order_of_number(&v->wanted);
	in_order_of_number(&v->proof);
}

/* Due is only what is known to have been delivered, and where it lies. */
static enum pass_reason kept_reason(const struct visit *v,
				    const struct spool_item *i)
{
	if (guard_due(guard_keep_ms(v->settings), i->day, visit_believed_ms(v)))
		return REASON_DUE;
	return v->settings->keep == CONFIG_KEEP_AFTER ? REASON_LATER
						      : REASON_DELIVERED;
}

static enum pass_reason settled_reason(const struct visit *v,
				       const struct spool_item *i)
{
	switch ((enum spool_fate)i->fate) {
	case FATE_QUEUED:
		return REASON_QUEUED;
	case FATE_DELIVERED:
	case FATE_MARKED:
		if (!visit_has_target(v))
			return kept_reason(v, i);
		return visit_moves(v) && visit_wants_act(v, i)
			       ? REASON_TO_MOVE
			       : REASON_DELIVERED;
	case FATE_BROUGHT:
		return kept_reason(v, i);
	case FATE_MOVED:
		return REASON_MOVED;
	case FATE_GONE:
		return REASON_GONE;
	case FATE_ADOPTED:
		return REASON_ADOPTED;
	case FATE_DROPPED:
		return REASON_DROPPED;
	case FATE_NEW:
	case FATE_SKIPPED:
		break;
	}
	return REASON_NEW;
}

/*
 * Before anything is done with a UID of an earlier session, and where the
 * server counts from lower than it did. A POP3 server's UIDL is proof enough.
 */
static bool wants_proof(const struct visit *v, const struct spool_item *i,
			enum pass_reason r)
{
	if (is_pop3(v))
		return false;
	if (r == REASON_DUE || visit_is_leftover(v, i) || visit_wants_act(v, i))
		return true;
	return v->there.uidnext && v->there.uidnext < v->here.uidnext &&
	       (r == REASON_DELIVERED || r == REASON_LATER ||
		r == REASON_QUEUED || r == REASON_GONE || r == REASON_MOVED);
}

/*
 * A message that bore its unique-id alone when it was handled has another name
 * since others bear it, too, and must be known again (CASES E6).
 */
static bool may_be_renamed(const struct visit *v, const struct spool_item *i)
{
	return v->names_changed && i->fate == FATE_NEW &&
	       i->flags & SPOOL_ITEM_SHARED;
}

static void sort_new(struct visit *v, const struct spool_item *i)
{
	if (i->flags & SPOOL_ITEM_DELETED) {
		visit_count(v, i, REASON_MARKED); /* CASES J14 */
		item_list_add(&v->marked, i);
	} else if (v->config->once && i->flags & SPOOL_ITEM_SAME) {
		visit_count(v, i, REASON_DUPLICATE);
	} else if (v->config->unseen_only && i->flags & SPOOL_ITEM_SEEN) {
		item_list_add(&v->seen, i);
	} else {
		item_list_add(&v->wanted, i);
		if (may_be_renamed(v, i))
			item_list_add(&v->proof, i);
	}
}

static void sort_settled(struct visit *v, const struct spool_item *i,
			 enum pass_reason r)
{
	if (v->sweeping && (i->fate != FATE_BROUGHT || r != REASON_DUE))
		return;
	if (r == REASON_DUE) /* counted behind the guards */
		item_list_add(&v->due, i);
	else
		visit_count(v, i, r);
	if (wants_proof(v, i, r))
		item_list_add(&v->proof, i);
}

/* CASES D14: neither fetched nor deleted again, but told. */
static void note_undead(struct visit *v, size_t n)
{
	char text[sizeof(v->told->notice)];

	if (!n)
		return;
	(void)snprintf(
		text, sizeof(text),
		"%zu messages that were deleted or moved are listed all "
		"the same: the server keeps them (labels, rights?); they "
		"are left alone",
		n);
	visit_notice(v, text);
}

static void sort_out(struct visit *v)
{
	size_t undead = 0;

	for (size_t n = 0; n < v->nitems; n++) {
		struct spool_item *i = &v->items[n];
		enum pass_reason r = settled_reason(v, i);

		if (r != REASON_NEW)
			sort_settled(v, i, r);
		else if (!v->sweeping)
			sort_new(v, i);
		undead += (r == REASON_GONE || r == REASON_MOVED) &&
			  !(i->flags & SPOOL_ITEM_DELETED);
	}
	if (!is_pop3(v))
		note_undead(v, undead);
	visit_order_wanted(v);
}

/*
 * first_run is for mail that was there before us: not for a folder whose
 * UIDVALIDITY changed, nor for an account that was switched.
 */
bool visit_is_first(const struct visit *v)
{
	return !v->here.first_done && !v->here.changed && !v->row.reconcile;
}

static uint64_t fresh(const struct visit *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->wanted.n; i++)
		n += v->wanted.item[i].fate == FATE_NEW;
	return n;
}

/* What was decided once, and not fetched then, is no sudden crowd. */
uint64_t visit_sudden(const struct visit *v)
{
	uint64_t n = fresh(v);

	return n > v->here.backlog ? n - v->here.backlog : 0;
}

static void go_on_comparing(struct visit *v)
{
	sort_out(v);
	if (v->proof.n)
		visit_look_at(v, is_pop3(v) ? LOOK_NAMESAKES : LOOK_PROOF);
	else
		visit_go_on_looking(v);
}

/* What may be fetched is measured first; where there is such a thing at all. */
static bool ask_sizes(struct visit *v)
{
	if (!v->source->ops->sizes)
		return false;
	for (size_t n = 0; n < v->nitems; n++)
		if (settled_reason(v, &v->items[n]) == REASON_NEW)
			return v->source->ops->sizes(v->source);
	return false;
}

static int size_by_number(const void *a, const void *b)
{
	const struct source_size *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void visit_on_sizes(void *who, const struct source_size *sizes, size_t n)
{
	struct visit *v = who;

	for (size_t i = 0; i < v->nitems; i++) {
		struct source_size want = { .number = v->items[i].number };
		const struct source_size *s =
			bsearch(&want, sizes, n, sizeof(want), size_by_number);

		if (s)
			v->items[i].octets = s->octets;
	}
	go_on_comparing(v);
}

static void on_compared(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!visit_answered_well(v, req))
		return;
	v->known = v->req.listing.known;
	if (visit_is_task(v)) {
		visit_task(v);
		return;
	}
	if (!ask_sizes(v))
		go_on_comparing(v);
}

void visit_go_on_looking(struct visit *v)
{
	v->phase = VISIT_LISTING;
	if (visit_look_for_twins(v))
		return;
	if (v->wanted.n && (v->here.changed || v->here.appeared ||
			    v->row.reconcile || v->here.unplaced ||
			    guard_suspicious(visit_is_first(v), visit_sudden(v),
					     v->nitems, v->known)))
		visit_look_at(v, LOOK_FINGERPRINTS);
	else
		visit_decide(v);
}

void visit_compare(struct visit *v)
{
	v->req.listing = (struct spool_listing){
		.req = { .done = on_compared, .who = v, .urgent = true },
		.folder = v->here.id,
		.items = v->items,
		.n = v->nitems,
		.whole = v->whole && !v->options->dry_run,
		.now_ms = loop_unix_ms(),
	};
	v->req_out = true;
	spool_listing(v->parts->spool, &v->req.listing);
}

static void on_namesakes(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!visit_answered_well(v, req))
		return;
	v->names_changed = v->req.namesakes.known > 0;
	visit_compare(v);
}

/* On record before anything is taken under a name that follows from it. */
static void record_namesakes(struct visit *v)
{
	visit_notice(v, "several messages bear one unique-id: they are told "
			"apart by their headers");
	v->req.namesakes = (struct spool_namesakes){
		.req = { .done = on_namesakes, .who = v, .urgent = true },
		.folder = v->here.id,
		.keys = v->shared,
		.n = v->nshared,
		.look = v->options->dry_run,
	};
	v->req_out = true;
	spool_namesakes(v->parts->spool, &v->req.namesakes);
}

void visit_on_shared(void *who, const struct message_key *keys, size_t n)
{
	struct visit *v = who;

	v->shared = mem_new(n * sizeof(*keys));
	memcpy(v->shared, keys, n * sizeof(*keys));
	v->nshared = n;
}

void visit_on_items(void *who, struct spool_item *items, size_t n)
{
	struct visit *v = who;

	if (v->phase == VISIT_SEEKING) {
		visit_seek_on_items(v, items, n);
		return;
	}
	v->items = items;
	v->nitems = n;
	v->told->found += v->sweeping ? 0 : n;
	if (v->nshared)
		record_namesakes(v);
	else if (!visit_seek_settle(v))
		visit_compare(v);
	visit_changed(v);
}
