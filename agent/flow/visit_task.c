/*
 * `adopt` and `refetch`: what is there is sorted by another question than
 * "what is new?", a person agrees, and then it goes its way as in any pass.
 */
#include "must.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS ((int64_t)86400000)

bool visit_is_task(const struct visit *v)
{
	return v->options->task != PASS_FETCH;
}

bool visit_skips_folder(const struct visit *v)
{
	const struct pass_again *a = &v->options->again;

	if (v->options->task != PASS_REFETCH || !a->folder)
		return false;
	if (strcmp(a->folder, v->folder) != 0)
		return true;
	*a->has_folder = true;
	return false;
}

/* --- which of them ---------------------------------------------------------
 */

static bool is_named(const struct visit *v, const struct spool_item *i)
{
	const struct pass_again *a = &v->options->again;
	char number[12], text[PASS_UID_TEXT];
	uint32_t uid = message_key_to_uid(&i->key);
	bool named = !a->n_uids;

	if (named)
		return true;
	if (uid)
		(void)snprintf(number, sizeof(number), "%u", uid);
	else
		visit_uid_text(v, i, text);
	for (size_t n = 0; n < a->n_uids; n++)
		if (strcmp(a->uids[n], uid ? number : text) == 0)
			named = a->found[n] = true;
	return named;
}

/* When it came to its mailbox, else when we delivered it; 0: unknown. */
static bool is_since(const struct visit *v, const struct spool_item *i)
{
	int64_t since = v->options->again.since_ms;

	if (!since)
		return true;
	if (i->day && ((int64_t)i->day + 1) * DAY_MS > since)
		return true;
	if (i->date)
		return (int64_t)i->date * 1000 >= since;
	/* unreadable counts as young, as in first_run */
	return !i->day;
}

static bool fits(struct visit *v, const struct spool_item *i)
{
	if (!is_named(v, i)) /* adopt names none */
		return false;
	switch ((enum spool_fate)i->fate) {
	case FATE_NEW:
	case FATE_SKIPPED:
		break;
	case FATE_QUEUED: /* `queue` is the place for it */
		visit_count(v, i, REASON_QUEUED);
		return false;
	case FATE_DELIVERED:
	case FATE_GONE:
	case FATE_ADOPTED:
	case FATE_DROPPED:
	case FATE_MARKED:
	case FATE_MOVED:
	case FATE_BROUGHT:
		if (v->options->task == PASS_ADOPT)
			return false;
		break;
	}
	return true;
}

static bool needs_ages(const struct visit *v)
{
	if (!v->options->again.since_ms || !config_is_pop3(&v->config->server))
		return false;
	for (size_t n = 0; n < v->wanted.n; n++)
		if (v->wanted.item[n].fate != FATE_DELIVERED)
			return true;
	return false;
}

/* Too old for --since: what is still to be decided is not forgotten. */
static void leave_out_old(struct visit *v)
{
	struct item_list rest = { 0 };

	for (size_t n = 0; n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];

		if (is_since(v, i))
			item_list_add(&rest, i);
	}
	item_list_fini(&v->wanted);
	v->wanted = rest;
}

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_taken(const struct visit *v, uint64_t hash)
{
	return hash && v->ntwins &&
	       bsearch(&hash, v->twins, v->ntwins, sizeof(hash), by_hash);
}

/*
 * Gmail: what is under two labels is one message, and was taken under another
 * of them in this pass. What is on record of it stays as it is.
 */
static void leave_out_twins(struct visit *v)
{
	struct item_list rest = { 0 };

	for (size_t n = 0; v->ntwins && n < v->wanted.n; n++) {
		struct spool_item *i = &v->wanted.item[n];

		if (is_taken(v, visit_twin(v, &i->key)))
			visit_count(v, i, REASON_TWIN);
		else
			item_list_add(&rest, i);
	}
	if (!v->ntwins)
		return;
	item_list_fini(&v->wanted);
	v->wanted = rest;
}

/* For the folders behind this one. */
static void remember_twins(struct visit *v)
{
	uint64_t hash;

	v->twins = mem_grow(v->twins,
			    (v->ntwins + v->wanted.n) * sizeof(*v->twins));
	for (size_t n = 0; n < v->wanted.n; n++) {
		hash = visit_twin(v, &v->wanted.item[n].key);
		if (hash)
			v->twins[v->ntwins++] = hash;
	}
	if (v->ntwins)
		qsort(v->twins, v->ntwins, sizeof(*v->twins), by_hash);
}

/* --- the decision ----------------------------------------------------------
 */

static void adopt(struct visit *v)
{
	v->told->adopted += v->wanted.n;
	v->here.adopted_ms = loop_unix_ms();
	visit_adopt_wanted(v);
	visit_write_down(v);
}

static void go_on(struct visit *v)
{
	if (v->options->task == PASS_ADOPT) {
		adopt(v);
		return;
	}
	remember_twins(v);
	visit_decide_sizes(v);
}

static void decide(struct visit *v)
{
	leave_out_old(v);
	if (v->options->task == PASS_REFETCH)
		leave_out_twins(v);
	if (!v->wanted.n) {
		visit_next_folder(v);
		return;
	}
	v->phase = VISIT_ASKING;
	if (v->options->yes || v->options->dry_run)
		go_on(v);
	else if (!visit_ask(v))
		visit_task_answer(v, CHOICE_NOT_NOW);
}

void visit_task(struct visit *v)
{
	for (size_t n = 0; n < v->nitems; n++)
		if (fits(v, &v->items[n]))
			item_list_add(&v->wanted, &v->items[n]);
	visit_order_wanted(v);
	if (needs_ages(v))
		visit_look_at(v, LOOK_AGES);
	else
		decide(v);
}

void visit_task_aged(struct visit *v)
{
	decide(v);
}

void visit_task_answer(struct visit *v, enum pass_choice c)
{
	if (c == CHOICE_ALL) {
		go_on(v);
		return;
	}
	v->declined = true;
	visit_next_folder(v);
}
