#include "move_imap.h"

#include "imap_copyuid.h"
#include "imap_set.h"
#include "must.h"

#include <stdlib.h>

void imap_move_init(struct imap_move *m, struct imap *imap,
		    struct imap_erase *erase, imap_move_done *done, void *who)
{
	*m = (struct imap_move){
		.imap = imap, .erase = erase, .done = done, .who = who
	};
}

void imap_move_fini(struct imap_move *m)
{
	free(m->target);
	free(m->uids);
	free(m->moved);
	m->target = NULL;
	m->uids = NULL;
	m->moved = NULL;
	m->n = m->n_moved = 0;
}

bool imap_move_idle(const struct imap_move *m)
{
	return m->phase == IMAP_MOVE_IDLE;
}

bool imap_move_erases(const struct imap_move *m)
{
	return m->phase == IMAP_MOVE_ERASING;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void imap_move_begin(struct imap_move *m, struct view target,
		     const struct spool_item *items, size_t n)
{
	size_t to = 0;

	MUST(imap_move_idle(m));
	imap_move_fini(m);
	imap_move_init(m, m->imap, m->erase, m->done, m->who);
	m->target = mem_new(target.n + 1);
	memcpy(m->target, target.p, target.n);
	m->uids = mem_new(n * sizeof(*m->uids));
	m->moved = mem_new(n * sizeof(*m->moved));
	for (size_t i = 0; i < n; i++)
		m->uids[i] = message_key_to_uid(&items[i].key);
	qsort(m->uids, n, sizeof(*m->uids), by_number);
	for (size_t i = 0; i < n; i++)
		if (m->uids[i] && (to == 0 || m->uids[to - 1] != m->uids[i]))
			m->uids[to++] = m->uids[i];
	m->n = to;
	m->phase = to ? IMAP_MOVE_MOVING : IMAP_MOVE_OVER;
}

/* --- giving commands --- */

static bool has_move(const struct imap_move *m)
{
	return imap_capabilities(m->imap)->can & IMAP_CAN_MOVE;
}

static void ask_move(struct imap_move *m)
{
	struct view name = view_of(m->target), set;
	char text[IMAP_SET_OCTETS];
	size_t n;

	n = imap_set(m->uids + m->from, m->n - m->from, text, sizeof(text),
		     &set);
	m->asked = has_move(m) ? imap_move(m->imap, set, name)
			       : imap_copy(m->imap, set, name);
	if (m->asked)
		m->to = m->from + n;
}

/* What was copied leaves the folder as if it had been deleted. */
static void erase_copied(struct imap_move *m)
{
	struct spool_item *items;

	if (has_move(m) || m->n_moved == 0) {
		m->phase = IMAP_MOVE_OVER;
		return;
	}
	m->phase = IMAP_MOVE_ERASING;
	items = mem_new(m->n_moved * sizeof(*items));
	for (size_t i = 0; i < m->n_moved; i++)
		items[i].key = m->moved[i].key;
	imap_erase_begin(m->erase, IMAP_ERASE_DELETE, items, m->n_moved, false);
	free(items);
}

static void report(struct imap_move *m)
{
	struct source_moved *moved = m->moved;
	size_t n = m->n_moved;

	m->moved = NULL;
	m->n_moved = 0;
	m->phase = IMAP_MOVE_IDLE;
	m->done(m->who, moved, n, m->left, m->uidvalidity,
		m->refused.class != ERR_NONE ? &m->refused : NULL);
	free(moved);
}

void imap_move_go(struct imap_move *m)
{
	switch (m->phase) {
	case IMAP_MOVE_IDLE:
	case IMAP_MOVE_ERASING:
		return;
	case IMAP_MOVE_MOVING:
		if (!m->asked && m->from < m->n)
			ask_move(m);
		else if (m->from == m->n)
			erase_copied(m);
		break;
	case IMAP_MOVE_CREATING:
		if (!m->asked)
			m->asked = imap_create(m->imap, view_of(m->target));
		break;
	case IMAP_MOVE_OVER:
		break;
	}
	if (m->phase == IMAP_MOVE_OVER)
		report(m);
}

/* --- answers --- */

static int by_key(const void *a, const void *b)
{
	const struct source_moved *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

static struct source_moved *find(struct imap_move *m, uint32_t uid)
{
	struct source_moved want = { .key = message_key_uid(uid) };

	return m->n_moved ? bsearch(&want, m->moved, m->n_moved, sizeof(want),
				    by_key)
			  : NULL;
}

static bool is_asked(const struct imap_move *m, uint32_t uid)
{
	return bsearch(&uid, m->uids + m->from, m->to - m->from, sizeof(uid),
		       by_number) != NULL;
}

/* In the target now; to: its UID there, 0: not told. */
static void add(struct imap_move *m, uint32_t uid, uint32_t to)
{
	struct source_moved *known = find(m, uid);
	size_t at = m->n_moved;
	struct source_moved new = { message_key_uid(uid), to };

	if (known) {
		known->uid = to ? to : known->uid;
		return;
	}
	MUST(m->n_moved < m->n);
	while (at && by_key(&m->moved[at - 1], &new) > 0)
		at--;
	memmove(m->moved + at + 1, m->moved + at,
		(m->n_moved - at) * sizeof(new));
	m->moved[at] = new;
	m->n_moved++;
}

/*
 * Only what was asked for counts, and as many pairs as can be. A folder that
 * changes its UIDVALIDITY in between has no UIDs to remember.
 */
static void learn(struct imap_move *m, struct view args)
{
	struct imap_copyuid c;
	uint32_t from, to;

	if (!imap_copyuid_begin(&c, args))
		return;
	if (m->uidvalidity && m->uidvalidity != c.uidvalidity)
		return;
	m->uidvalidity = c.uidvalidity;
	for (size_t i = m->from; i < m->to && imap_copyuid_next(&c, &from, &to);
	     i++)
		if (is_asked(m, from))
			add(m, from, to);
}

static void refuse(struct imap_move *m, const struct imap_event *ev)
{
	if (m->refused.class != ERR_NONE)
		return;
	err_set(&m->refused, imap_refusal(ev->command, ev->status, ev->code),
		"the server refuses to move mail: %s",
		imap_command_name(ev->command));
	m->refused.origin = ERR_FROM_IMAP;
	err_peer(&m->refused, ev->text);
}

static void on_answer(struct imap_move *m, const struct imap_event *ev)
{
	m->asked = false;
	if (ev->code == IMAP_CODE_COPYUID)
		learn(m, ev->code_args);
	if (ev->status == IMAP_OK) {
		/* the UID of one that had gone before is ignored by the
		 * server: RFC 6851 3.1 */
		for (size_t i = m->from; i < m->to; i++)
			add(m, m->uids[i], 0);
		m->from = m->to;
		return;
	}
	if (ev->code == IMAP_CODE_TRYCREATE && !m->created) {
		m->created = true;
		m->to = m->from;
		m->phase = IMAP_MOVE_CREATING;
		return;
	}
	refuse(m, ev);
	m->n = m->from = m->to; /* the rest would be refused as well */
}

void imap_move_event(struct imap_move *m, const struct imap_event *ev)
{
	if (ev->type == IMAP_EV_NOTE) {
		if (m->phase == IMAP_MOVE_MOVING && m->asked &&
		    ev->code == IMAP_CODE_COPYUID)
			learn(m, ev->code_args);
		return;
	}
	if (!m->asked)
		return;
	if (m->phase == IMAP_MOVE_CREATING) {
		m->asked = false;
		m->phase = IMAP_MOVE_MOVING; /* which tells if it helped */
	} else if (m->phase == IMAP_MOVE_MOVING) {
		on_answer(m, ev);
	}
}

void imap_move_erased(struct imap_move *m, size_t left, const struct err *err)
{
	m->left = left;
	if (err && m->refused.class == ERR_NONE)
		m->refused = *err;
	m->phase = IMAP_MOVE_OVER;
}
