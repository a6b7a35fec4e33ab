#include "event.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "solo.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MAX	  1024u /* asked of the source and not come yet */
#define SETTLE_MS 30000u
/* POP3: after so much, QUIT and sign in again: a cut line undoes little. */
#define COMMIT_COUNT 2000u
#define COMMIT_MS    300000u
/*
 * IMAP: a STORE and an EXPUNGE for so many, or at the end of the folder. Each
 * makes Dovecot look through the whole maildir: 130 ms with 5,000 messages.
 */
#define ACT_BATCH 10000u

static bool is_pop3(const struct visit *v)
{
	return config_is_pop3(&v->config->server);
}

const struct spool_item *visit_listed(const struct visit *v,
				      const struct message_key *key)
{
	size_t low = 0, high = v->nitems;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = message_key_order(&v->items[mid].key, key);

		if (order == 0)
			return &v->items[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* It stays new: the next pass must list it again. */
void visit_missed(struct visit *v, const struct message_key *key)
{
	uint32_t uid = message_key_to_uid(key);

	v->missed++;
	if (uid && (!v->first_missing_uid || uid < v->first_missing_uid))
		v->first_missing_uid = uid;
}

/* --- what became of a message ------------------------------------------------
 */

/*
 * What was attempted and failed for now is 75 for whoever asked for the pass
 * (INTERFACE 1), and no trouble of the account: it is polled on.
 */
static void warn_deferred(struct visit *v, const struct parcel *p)
{
	const struct message *m = p->m;
	struct err err;

	if (m->state == MESSAGE_DOUBT)
		err_set(&err, ERR_RETRY,
			"it is unknown whether a message was accepted");
	else if (m->state == MESSAGE_SPOOLED && !p->postponed && m->reason &&
		 m->reason[0])
		err_set(&err, ERR_RETRY, "delivery \"%s\" defers mail",
			m->delivery);
	else
		return;
	err_peer(&err, view_of(m->reply));
	err_remedy(&err, "it waits here and is tried again: mailhaul queue");
	visit_warn(v, &err);
}

static void count_settled(struct visit *v, const struct message *m)
{
	switch (m->state) {
	case MESSAGE_DELIVERED:
		v->told->delivered++;
		v->settled_in_session++;
		break;
	case MESSAGE_HELD:
		v->told->held++;
		break;
	case MESSAGE_SPOOLED:
	case MESSAGE_DOUBT:
	case MESSAGE_SENDING:
		v->told->queued++;
		break;
	case MESSAGE_SKIPPED:
		v->told->skipped++;
		v->told->duplicates++;
		break;
	case MESSAGE_GONE:
	case MESSAGE_DROPPED:
		break;
	}
}

void visit_on_recorded(void *who, const struct parcel *p)
{
	struct visit *v = who;

	event_fetched(p->m, v->config->name, v->folder);
	if (--v->unrecorded == 0)
		visit_wake(v);
}

void visit_on_settled(void *who, struct parcel *p)
{
	struct visit *v = who;
	struct message *m = p->m;
	const struct spool_item *i;
	struct err err;

	v->out--;
	if (!m->id &&
	    m->state != MESSAGE_SKIPPED) { /* TX1 failed: it is at its source,
					      and nowhere else */
		v->unrecorded--;
		v->unsafe = true;
		err = p->req.any.err;
		visit_missed(v, &m->key);
		visit_fail(v, &err);
		if (err.class == ERR_DISK)
			v->stopping = v->stopping || v->asked == v->came;
	} else {
		event_settled(m, v->config->name, v->folder);
		count_settled(v, m);
		if (!v->refused)
			warn_deferred(v, p);
		i = visit_listed(v, &m->key);
		if (m->state == MESSAGE_DELIVERED && i &&
		    m->folder == v->here.id)
			visit_plan(v, i, m->fingerprint);
	}
	visit_changed(v);
	visit_wake(v);
}

/* --- the order of work
 * ---------------------------------------------------------------- */

/* POP3 deletes at QUIT only: time for one? */
static bool commit_time(const struct visit *v)
{
	uint64_t now = loop_now_ms(v->parts->loop);

	return is_pop3(v) && v->acts.erase.n && !v->ready.login_delay_s &&
	       (v->settled_in_session >= COMMIT_COUNT ||
		now - v->session_ms >= COMMIT_MS);
}

static bool act_time(const struct visit *v)
{
	uint64_t now = loop_now_ms(v->parts->loop);

	return !is_pop3(v) && (visit_acts_waiting(v) >= ACT_BATCH ||
			       now - v->acts.begun_ms >= COMMIT_MS);
}

/* How many more bodies may be asked for; *never: no more in this session. */
static size_t may_ask(struct visit *v, bool *never)
{
	size_t left = v->wanted.n - v->asked, on_way = v->asked - v->came;

	*never = left == 0 || v->stopping || v->refused || v->again;
	if (*never)
		return 0;
	if (commit_time(v)) {
		v->again = *never = true;
		return 0;
	}
	if (on_way > ASK_MAX / 2)
		return 0;
	if (left > ASK_MAX - on_way)
		left = ASK_MAX - on_way;
	return visit_room(v, left, never);
}

static void ask(struct visit *v, size_t n)
{
	uint64_t octets = 0;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		octets += v->wanted.item[v->asked + i].octets;
	solo_begin(v->parts->solo, n,
		   v->wanted.item[v->asked].flags & SPOOL_ITEM_SUSPECT);
	share_expect(delivery_share(v->delivery), n, octets);
	v->coming += n;
	v->coming_octets += octets;
	v->source->ops->fetch(v->source, v->wanted.item + v->asked, n);
	v->asked += n;
}

/* UIDs up to which nothing is left to be decided. */
static uint32_t high_uid(const struct visit *v)
{
	uint32_t high = v->here.high_uid;

	for (size_t i = v->nitems; i > 0; i--) {
		uint32_t uid = message_key_to_uid(&v->items[i - 1].key);

		if (uid > high)
			high = uid;
	}
	if (v->there.uidnext && v->there.uidnext - 1 > high)
		high = v->there.uidnext - 1;
	if (v->first_missing_uid && v->first_missing_uid - 1 < high)
		high = v->first_missing_uid - 1;
	return high;
}

static void finish_folder(struct visit *v)
{
	struct spool_folder *h = &v->here;

	for (size_t i = v->asked; i < v->wanted.n; i++)
		visit_missed(v, &v->wanted.item[i].key);
	if (v->options->task == PASS_REFETCH) {
		/* what was not asked for is as undecided as before */
		visit_next_folder(v);
		return;
	}
	if (v->kept && !v->guarded)
		h->keep_ms = guard_keep_ms(v->settings);
	h->backlog = (uint32_t)v->missed;
	if (!is_pop3(v)) {
		h->high_uid = high_uid(v);
		h->uidnext = v->there.uidnext;
		h->exists = v->there.exists > v->erased
				    ? v->there.exists - (uint32_t)v->erased
				    : 0;
	}
	if (v->whole) {
		h->whole_ms = loop_unix_ms();
		h->listings++;
	}
	visit_save_folder(v);
	visit_next_folder(v);
}

void visit_work(struct visit *v)
{
	bool never;

	if (v->phase != VISIT_WORKING || !v->source)
		return;
	for (size_t i = 0; i < v->due.n; i++)
		item_list_add(&v->acts.erase, &v->due.item[i]);
	item_list_clear(&v->due);
	if (act_time(v))
		visit_act(v);
	ask(v, may_ask(v, &never));
	if (!never || v->came < v->asked)
		return;
	/* all bodies are here: their deliveries have some time yet */
	if (v->out && !v->fetching_all_done && !v->stopping) {
		if (!timer_is_started(&v->timer))
			timer_start(&v->timer, SETTLE_MS);
		return;
	}
	timer_stop(&v->timer);
	/* QUIT is a server's leave to hide what was fetched (CASES E16), and
	 * what is decided of a folder holds for what is on record */
	if (v->unrecorded)
		return;
	visit_act(v);
	if (!is_pop3(v) && visit_acts_unanswered(v))
		return;
	v->phase = VISIT_RECORDING; /* once: nothing here is done again */
	if (v->sweeping)
		visit_next_folder(v);
	else
		finish_folder(v);
}
