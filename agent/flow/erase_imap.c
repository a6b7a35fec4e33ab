#include "erase_imap.h"

#include "imap_set.h"
#include "must.h"

#include <stdlib.h>

#define BATCHES                                                                \
	(sizeof(((struct imap_erase *)0)->batch) /                             \
	 sizeof(((struct imap_erase *)0)->batch[0]))

void imap_erase_init(struct imap_erase *e, struct imap *imap,
		     imap_erase_done *done, void *who)
{
	*e = (struct imap_erase){ .imap = imap, .done = done, .who = who };
}

void imap_erase_fini(struct imap_erase *e)
{
	free(e->uids);
	free(e->gone);
	e->uids = NULL;
	e->gone = NULL;
	e->n = e->n_gone = 0;
}

bool imap_erase_idle(const struct imap_erase *e)
{
	return e->phase == IMAP_ERASE_IDLE;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void imap_erase_begin(struct imap_erase *e, enum imap_erase_what what,
		      const struct spool_item *items, size_t n, bool read_only)
{
	size_t to = 0;

	MUST(imap_erase_idle(e));
	imap_erase_fini(e);
	imap_erase_init(e, e->imap, e->done, e->who);
	e->what = what;
	e->uidplus = what == IMAP_ERASE_DELETE &&
		     imap_capabilities(e->imap)->can & IMAP_CAN_UIDPLUS;
	e->uids = mem_new(n * sizeof(*e->uids));
	e->gone = mem_new(n * sizeof(*e->gone));
	for (size_t i = 0; i < n; i++)
		e->uids[i] = message_key_to_uid(&items[i].key);
	qsort(e->uids, n, sizeof(*e->uids), by_number);
	for (size_t i = 0; i < n; i++)
		if (e->uids[i] && (to == 0 || e->uids[to - 1] != e->uids[i]))
			e->uids[to++] = e->uids[i];
	e->n = to;
	e->phase = read_only ? IMAP_ERASE_OVER : IMAP_ERASE_STORING;
	if (read_only)
		err_set(&e->refused, ERR_REFUSED, "the folder is read-only");
}

/* --- giving commands --- */

static struct view set_of(const struct imap_erase *e, size_t from, size_t to,
			  char text[IMAP_SET_OCTETS], size_t *named)
{
	struct view set;

	*named = imap_set(e->uids + from, to - from, text, IMAP_SET_OCTETS,
			  &set);
	return set;
}

static bool store(struct imap_erase *e)
{
	char text[IMAP_SET_OCTETS];
	struct view set;
	size_t n;

	if (e->given == e->n || e->n_batches == BATCHES)
		return false;
	set = set_of(e, e->given, e->n, text, &n);
	if (!imap_store(e->imap, set, true,
			e->what == IMAP_ERASE_DELETE ? VIEW_LIT("\\Deleted")
						     : VIEW_LIT("\\Seen")))
		return false;
	e->batch[e->n_batches++] = (struct imap_erase_batch){
		.from = e->given, .to = e->given + n, .store = imap_tag(e->imap)
	};
	e->given += n;
	e->in_flight++;
	return true;
}

/*
 * Right behind its STORE, without waiting. Where that is refused, what of the
 * set is marked goes all the same: it is delivered, whoever marked it.
 */
static bool expunge_batch(struct imap_erase *e)
{
	struct imap_erase_batch *b;
	char text[IMAP_SET_OCTETS];
	struct view set;
	size_t n;

	if (!e->uidplus || e->n_batches == 0)
		return true;
	b = &e->batch[e->n_batches - 1];
	if (b->expunge)
		return true;
	set = set_of(e, b->from, b->to, text, &n);
	if (!imap_uid_expunge(e->imap, set))
		return false;
	b->expunge = imap_tag(e->imap);
	e->in_flight++;
	return true;
}

static void search(struct imap_erase *e)
{
	if (!imap_search(e->imap, VIEW_LIT("DELETED")))
		return;
	e->in_flight++;
	e->phase = IMAP_ERASE_SEARCHING;
}

static void expunge(struct imap_erase *e)
{
	if (!imap_expunge(e->imap))
		return;
	e->in_flight++;
	e->phase = IMAP_ERASE_EXPUNGING;
}

static void count_gone(struct imap_erase *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		e->gone[e->n_gone++] = message_key_uid(e->uids[i]);
}

/* left: marked but not expunged, or not even marked. */
static void report(struct imap_erase *e)
{
	struct message_key *gone = e->gone;
	size_t n = e->n_gone;
	size_t left = e->foreign ? n : e->n - n;

	e->gone = NULL;
	e->n_gone = 0;
	e->phase = IMAP_ERASE_IDLE;
	e->done(e->who, gone, n, left,
		e->refused.class != ERR_NONE ? &e->refused : NULL);
	free(gone);
}

/* Every STORE is answered. */
static void stored(struct imap_erase *e)
{
	if (e->what == IMAP_ERASE_MARK_SEEN || e->uidplus ||
	    e->refused.class != ERR_NONE)
		e->phase = IMAP_ERASE_OVER;
	else
		search(e);
}

void imap_erase_go(struct imap_erase *e)
{
	switch (e->phase) {
	case IMAP_ERASE_IDLE:
		return;
	case IMAP_ERASE_STORING:
		while (expunge_batch(e) && store(e))
			;
		if (e->n_batches == 0 && e->given == e->n)
			stored(e);
		break;
	case IMAP_ERASE_SEARCHING:
		if (e->in_flight == 0)
			expunge(e);
		break;
	case IMAP_ERASE_EXPUNGING:
	case IMAP_ERASE_OVER:
		break;
	}
	if (e->phase == IMAP_ERASE_OVER)
		report(e);
}

/* --- answers --- */

static void refuse(struct imap_erase *e, const struct imap_event *ev)
{
	if (e->refused.class != ERR_NONE)
		return;
	err_set(&e->refused, imap_refusal(ev->command, ev->status, ev->code),
		"the server refuses %s", imap_command_name(ev->command));
	e->refused.origin = ERR_FROM_IMAP;
	err_peer(&e->refused, ev->text);
}

static void drop_batch(struct imap_erase *e, size_t at)
{
	e->n_batches--;
	memmove(e->batch + at, e->batch + at + 1,
		(e->n_batches - at) * sizeof(e->batch[0]));
}

static void on_batch(struct imap_erase *e, const struct imap_event *ev)
{
	bool ok = ev->status == IMAP_OK;

	for (size_t i = 0; i < e->n_batches; i++) {
		struct imap_erase_batch *b = &e->batch[i];

		if (b->store == ev->tag) {
			b->stored = ok;
			if (ok && e->what == IMAP_ERASE_MARK_SEEN)
				count_gone(e, b->from, b->to);
			if (!e->uidplus)
				drop_batch(e, i);
			return;
		}
		if (b->expunge == ev->tag) {
			if (ok && b->stored)
				count_gone(e, b->from, b->to);
			drop_batch(e, i);
			return;
		}
	}
}

/* What others have marked must not go with ours. */
static void on_search(struct imap_erase *e, const struct imap_event *ev)
{
	for (size_t i = 0; i < ev->n_uids; i++)
		if (!bsearch(&ev->uids[i], e->uids, e->n, sizeof(*e->uids),
			     by_number))
			e->foreign = true;
	e->search_told = e->search_told || ev->last;
}

/* Marked, and left so: as good as erased, for us. */
static void leave_marked(struct imap_erase *e)
{
	e->foreign = true;
	count_gone(e, 0, e->n);
	e->phase = IMAP_ERASE_OVER;
}

static void on_searched(struct imap_erase *e, const struct imap_event *ev)
{
	if (ev->status != IMAP_OK)
		refuse(e, ev);
	/* no answer at all is no proof that nobody else's mail is marked */
	if (ev->status != IMAP_OK || !e->search_told || e->foreign)
		leave_marked(e);
}

static void on_expunged(struct imap_erase *e, const struct imap_event *ev)
{
	if (ev->status != IMAP_OK) {
		leave_marked(e);
		return;
	}
	count_gone(e, 0, e->n);
	e->phase = IMAP_ERASE_OVER;
}

void imap_erase_event(struct imap_erase *e, const struct imap_event *ev)
{
	if (ev->type == IMAP_EV_SEARCH) {
		if (e->phase == IMAP_ERASE_SEARCHING)
			on_search(e, ev);
		return;
	}
	if (ev->type != IMAP_EV_TAGGED || e->in_flight == 0)
		return;
	e->in_flight--;
	if (ev->status != IMAP_OK && e->phase != IMAP_ERASE_SEARCHING)
		refuse(e, ev);
	if (e->phase == IMAP_ERASE_SEARCHING)
		on_searched(e, ev);
	else if (e->phase == IMAP_ERASE_EXPUNGING)
		on_expunged(e, ev);
	else
		on_batch(e, ev);
}
