#include "acts_imap.h"

#include "folders_imap.h"
#include "must.h"

#include <stdlib.h>

static void on_erased(void *who, const struct message_key *keys, size_t n,
		      size_t left, const struct err *err);
static void on_moved(void *who, const struct source_moved *moved, size_t n,
		     size_t left, uint32_t uidvalidity, const struct err *err);

void imap_acts_init(struct imap_acts *a, struct imap *imap, bool trash,
		    const struct source_reports *report, void *who)
{
	*a = (struct imap_acts){
		.imap = imap, .report = report, .who = who, .wants_trash = trash
	};
	imap_erase_init(&a->erase, imap, on_erased, a);
	imap_move_init(&a->move, imap, &a->erase, on_moved, a);
}

void imap_acts_fini(struct imap_acts *a)
{
	imap_erase_fini(&a->erase);
	imap_move_fini(&a->move);
	free(a->marks.item);
	free(a->moves.item);
	free(a->erases.item);
	free(a->target);
	free(a->trash);
}

bool imap_acts_idle(const struct imap_acts *a)
{
	return a->doing == IMAP_ACT_NONE && !a->marks.n && !a->moves.n &&
	       !a->erases.n && a->target_phase == IMAP_TARGET_NOT;
}

static void put(struct imap_acts_queue *q, const struct spool_item *items,
		size_t n)
{
	if (!n)
		return;
	q->item = mem_grow(q->item, (q->n + n) * sizeof(*q->item));
	memcpy(q->item + q->n, items, n * sizeof(*q->item));
	q->n += n;
}

static void drop(struct imap_acts_queue *q)
{
	free(q->item);
	*q = (struct imap_acts_queue){ .item = NULL };
}

void imap_acts_target(struct imap_acts *a, const char *name)
{
	free(a->target);
	a->target = imap_name_wire(a->imap, name);
	a->target_phase = IMAP_TARGET_WANTED;
}

void imap_acts_mark(struct imap_acts *a, const struct spool_item *items,
		    size_t n)
{
	put(&a->marks, items, n);
}

void imap_acts_move(struct imap_acts *a, const struct spool_item *items,
		    size_t n)
{
	put(&a->moves, items, n);
}

void imap_acts_erase(struct imap_acts *a, const struct spool_item *items,
		     size_t n, enum source_erase how)
{
	put(&a->erases, items, n);
	a->how = how;
}

/* --- what is done is told --- */

static void tell_erased(struct imap_acts *a, const struct message_key *keys,
			size_t n, size_t left, const struct err *err)
{
	struct err none;

	if (!err && a->trash_phase == IMAP_TRASH_NONE &&
	    a->how == SOURCE_ERASE) {
		err_set(&none, ERR_REFUSED,
			"the server shows no Trash folder: mail is taken out "
			"of this folder, and stays in the archive");
		err_remedy(&none, "let IMAP see the Trash, in the settings of "
				  "the mailbox");
		err = &none;
	}
	a->report->erased(a->who, keys, n, left, err);
}

static void on_erased(void *who, const struct message_key *keys, size_t n,
		      size_t left, const struct err *err)
{
	struct imap_acts *a = who;
	enum imap_act did = a->doing;

	if (imap_move_erases(&a->move)) {
		imap_move_erased(&a->move, left, err);
		return;
	}
	a->doing = IMAP_ACT_NONE;
	if (did == IMAP_ACT_MARK)
		a->report->marked(a->who, keys, n, err);
	else
		tell_erased(a, keys, n, left, err);
}

/* What lies in the Trash is as good as deleted. */
static void tell_trashed(struct imap_acts *a, const struct source_moved *moved,
			 size_t n, size_t left, const struct err *err)
{
	struct message_key *keys = mem_new((n + 1) * sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		keys[i] = moved[i].key;
	a->report->erased(a->who, keys, n, left, err);
	free(keys);
}

static void on_moved(void *who, const struct source_moved *moved, size_t n,
		     size_t left, uint32_t uidvalidity, const struct err *err)
{
	struct imap_acts *a = who;
	enum imap_act did = a->doing;

	a->doing = IMAP_ACT_NONE;
	if (did == IMAP_ACT_TRASH)
		tell_trashed(a, moved, n, left, err);
	else
		a->report->moved(a->who, moved, n, left, uidvalidity, err);
}

/* --- the folder to move to --- */

static void tell_target(struct imap_acts *a, const struct err *err)
{
	a->target_phase = IMAP_TARGET_NOT;
	a->report->target(a->who, err ? NULL : &a->target_is, err);
}

static void go_target(struct imap_acts *a)
{
	struct view name = view_of(a->target);
	struct err err;

	switch (a->target_phase) {
	case IMAP_TARGET_WANTED:
		if (!a->target) {
			err_set(&err, ERR_CONFIG,
				"no folder can have this name");
			err_remedy(&err, "correct `move_to`");
			tell_target(a, &err);
		} else if (imap_status(a->imap, name)) {
			a->target_is = (struct source_folder){ 0 };
			a->target_phase = IMAP_TARGET_STATUS;
		}
		return;
	case IMAP_TARGET_MISSING:
		if (imap_create(a->imap, name))
			a->target_phase = IMAP_TARGET_CREATE;
		return;
	case IMAP_TARGET_CREATED:
		if (imap_status(a->imap, name))
			a->target_phase = IMAP_TARGET_AGAIN;
		return;
	case IMAP_TARGET_NOT:
	case IMAP_TARGET_STATUS:
	case IMAP_TARGET_CREATE:
	case IMAP_TARGET_AGAIN:
		return;
	}
}

static void refuse_target(struct imap_acts *a, const struct imap_event *ev)
{
	struct err err;

	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		ev->command == IMAP_CREATE ? "the folder of move_to cannot be "
					     "made"
					   : "the folder of move_to cannot be "
					     "looked at");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	err_remedy(&err, "is `move_to` a name as mailhaul check lists them?");
	tell_target(a, &err);
}

static void on_target(struct imap_acts *a, const struct imap_event *ev)
{
	bool ok = ev->status == IMAP_OK;

	switch (a->target_phase) {
	case IMAP_TARGET_STATUS:
		if (ok)
			tell_target(a, NULL);
		else
			a->target_phase = IMAP_TARGET_MISSING;
		return;
	case IMAP_TARGET_CREATE:
		/* one that is there after all shows itself by its STATUS */
		if (ok || ev->code == IMAP_CODE_ALREADYEXISTS)
			a->target_phase = IMAP_TARGET_CREATED;
		else
			refuse_target(a, ev);
		return;
	case IMAP_TARGET_AGAIN:
		if (ok)
			tell_target(a, NULL);
		else
			refuse_target(a, ev);
		return;
	case IMAP_TARGET_NOT:
	case IMAP_TARGET_WANTED:
	case IMAP_TARGET_MISSING:
	case IMAP_TARGET_CREATED:
		return;
	}
}

/* --- the Trash --- */

static bool is_gmail(const struct imap_acts *a)
{
	return imap_capabilities(a->imap)->can & IMAP_CAN_GMAIL;
}

/* true: it is known where deleted mail goes. */
static bool knows_trash(struct imap_acts *a)
{
	bool special = imap_capabilities(a->imap)->can & IMAP_CAN_SPECIAL_USE;

	if (a->trash_phase == IMAP_TRASH_NOT_WANTED &&
	    (a->wants_trash || is_gmail(a)))
		a->trash_phase = IMAP_TRASH_UNKNOWN;
	if (a->trash_phase == IMAP_TRASH_UNKNOWN &&
	    imap_list(a->imap, &(struct view){ "*", 1 }, 1,
		      special ? IMAP_LIST_SPECIAL_USE : 0))
		a->trash_phase = IMAP_TRASH_ASKED;
	return a->trash_phase != IMAP_TRASH_UNKNOWN &&
	       a->trash_phase != IMAP_TRASH_ASKED;
}

static void on_list(struct imap_acts *a, const struct imap_list *l)
{
	if (a->trash_phase != IMAP_TRASH_ASKED || a->trash || !l->name.n ||
	    !(l->attributes & IMAP_ATTR_TRASH))
		return;
	a->trash = mem_new(l->name.n + 1);
	memcpy(a->trash, l->name.p, l->name.n);
}

static void on_listed(struct imap_acts *a)
{
	if (a->trash_phase == IMAP_TRASH_ASKED)
		a->trash_phase = a->trash ? IMAP_TRASH_KNOWN : IMAP_TRASH_NONE;
}

/* --- one after the other --- */

static void begin_mark(struct imap_acts *a, bool read_only)
{
	struct imap_acts_queue q = a->marks;

	a->marks = (struct imap_acts_queue){ .item = NULL };
	a->doing = IMAP_ACT_MARK;
	imap_erase_begin(&a->erase, IMAP_ERASE_MARK_SEEN, q.item, q.n,
			 read_only);
	drop(&q);
}

static void begin_move(struct imap_acts *a)
{
	struct imap_acts_queue q = a->moves;

	a->moves = (struct imap_acts_queue){ .item = NULL };
	a->doing = IMAP_ACT_MOVE;
	imap_move_begin(&a->move, view_of(a->target), q.item, q.n);
	drop(&q);
}

static void begin_erase(struct imap_acts *a, struct view selected,
			bool read_only)
{
	struct imap_acts_queue q = a->erases;
	bool to_trash;

	if (a->how == SOURCE_ERASE && !knows_trash(a))
		return;
	to_trash = a->how == SOURCE_ERASE && !read_only &&
		   a->trash_phase == IMAP_TRASH_KNOWN &&
		   !view_eq(selected, view_of(a->trash));
	a->erases = (struct imap_acts_queue){ .item = NULL };
	a->doing = to_trash ? IMAP_ACT_TRASH : IMAP_ACT_ERASE;
	if (to_trash)
		imap_move_begin(&a->move, view_of(a->trash), q.item, q.n);
	else
		imap_erase_begin(&a->erase, IMAP_ERASE_DELETE, q.item, q.n,
				 read_only);
	drop(&q);
}

void imap_acts_go(struct imap_acts *a, struct view selected, bool read_only)
{
	go_target(a);
	if (a->doing == IMAP_ACT_NONE) {
		if (a->marks.n)
			begin_mark(a, read_only);
		else if (a->moves.n && a->target_phase == IMAP_TARGET_NOT)
			begin_move(a);
		else if (a->erases.n)
			begin_erase(a, selected, read_only);
	}
	imap_move_go(&a->move);
	imap_erase_go(&a->erase);
	imap_move_go(&a->move); /* behind the last of what it had erased */
}

static void on_tagged(struct imap_acts *a, const struct imap_event *ev)
{
	if (ev->command == IMAP_LIST) {
		on_listed(a);
	} else if (ev->command == IMAP_STATUS ||
		   (ev->command == IMAP_CREATE &&
		    a->target_phase == IMAP_TARGET_CREATE)) {
		on_target(a, ev);
	} else if (ev->command == IMAP_MOVE || ev->command == IMAP_COPY ||
		   ev->command == IMAP_CREATE) {
		imap_move_event(&a->move, ev);
	} else {
		imap_erase_event(&a->erase, ev);
	}
}

void imap_acts_event(struct imap_acts *a, const struct imap_event *ev)
{
	const struct imap_mailbox *m = &ev->mailbox;

	if (ev->type == IMAP_EV_TAGGED)
		on_tagged(a, ev);
	else if (ev->type == IMAP_EV_LIST)
		on_list(a, &ev->list);
	else if (ev->type == IMAP_EV_SEARCH)
		imap_erase_event(&a->erase, ev);
	else if (ev->type == IMAP_EV_NOTE)
		imap_move_event(&a->move, ev);
	else if (ev->type == IMAP_EV_STATUS)
		a->target_is =
			(struct source_folder){ .uidvalidity = m->uidvalidity,
						.uidnext = m->uidnext,
						.exists = m->messages };
}
