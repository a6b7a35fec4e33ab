#include "share.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>
#include <string.h>

void shares_init(struct shares *s, uint64_t limit)
{
	*s = (struct shares){ .limit = limit };
	list_init(&s->all);
}

void shares_fini(struct shares *s)
{
	free(s->found);
	s->found = NULL;
}

void share_add(struct shares *s, struct share *share, const char *name)
{
	*share = (struct share){ .of = s, .name = name };
	list_push(&s->all, &share->link);
	s->n++;
}

struct share *share_named(struct shares *s, const char *name)
{
	LIST_EACH(at, kept, &s->all) {
		struct share *share = LIST_OF(at, struct share, link);

		if (strcmp(share->name, name) == 0)
			return share;
	}
	return NULL;
}

/* --- what lies in the queue ----------------------------------------------- */

static bool on_usage(void *who, const struct query_usage *u)
{
	struct shares *s = who;

	s->found = mem_grow(s->found, (s->nfound + 1) * sizeof(*s->found));
	s->found[s->nfound++] = *u;
	return true;
}

static bool load(struct ledger *l, void *arg, struct err *err)
{
	return query_usage(l, on_usage, arg, err);
}

static void apply(struct shares *s)
{
	LIST_EACH(at, kept, &s->all) {
		struct share *share = LIST_OF(at, struct share, link);

		share->octets = share->waiting = share->waiting_octets = 0;
	}
	s->strangers = 0;
	for (size_t i = 0; i < s->nfound; i++) {
		const struct query_usage *u = &s->found[i];
		struct share *share = share_named(s, u->delivery);

		if (share) {
			share->octets = u->octets;
			share->waiting = u->waiting;
			share->waiting_octets = u->waiting_octets;
		} else {
			s->strangers += u->octets;
		}
	}
}

static void on_loaded(struct spool_req *req)
{
	struct shares *s = req->who;
	void (*done)(void *who) = s->done;

	if (req->ok)
		apply(s);
	s->done = NULL;
	done(s->who);
}

void shares_load(struct shares *s, struct spool *spool, void (*done)(void *),
		 void *who)
{
	MUST(!s->done);
	s->done = done;
	s->who = who;
	s->nfound = 0;
	s->call = (struct spool_call){
		.req = { .done = on_loaded, .who = s },
		.fn = load,
		.arg = s,
	};
	spool_call(spool, &s->call);
}

/* --- room ------------------------------------------------------------------
 */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Nobody but its delivery uses so much. */
static uint64_t own_part(const struct shares *s)
{
	return s->n ? s->limit / 2 / s->n : 0;
}

static uint64_t used(const struct share *share, bool coming)
{
	return share->octets + (coming ? share->coming_octets : 0);
}

static uint64_t left(const struct share *share, bool coming)
{
	const struct shares *s = share->of;
	uint64_t part = own_part(s), total = s->strangers;
	uint64_t own = less(part, used(share, coming)), common;

	LIST_EACH(at, kept, &s->all) {
		const struct share *other = LIST_OF(at, struct share, link);
		uint64_t theirs = used(other, coming);

		if (other != share && theirs < part)
			theirs = part;
		total += theirs;
	}
	common = less(s->limit, total);
	return common > own ? common : own;
}

uint64_t share_left(const struct share *share)
{
	return left(share, true);
}

static uint64_t bound(const struct share *share)
{
	return used(share, false) + left(share, false);
}

uint64_t share_resumes_at(const struct share *share)
{
	uint64_t own = bound(share), part = own_part(share->of);

	/* beyond its bound, which others may have made small */
	if (left(share, false) == 0)
		own = used(share, false);
	if (own > share->of->limit)
		own = share->of->limit;
	if (own < part)
		own = part;
	return own - own / 8;
}

bool share_is_open(struct share *share, uint64_t disk_free, uint64_t disk_least)
{
	uint64_t room = left(share, false);

	if (!share->paused)
		share->paused = room == 0 || disk_free < disk_least;
	else
		share->paused = room < bound(share) / 8 || room == 0 ||
				disk_free < disk_least + disk_least / 4;
	return !share->paused;
}

size_t share_down_room(const struct share *share, uint64_t *octets)
{
	uint64_t n = share->waiting + share->coming;
	uint64_t all = share->waiting_octets + share->coming_octets;

	*octets = less(LIMIT_DOWN_OCTETS, all);
	return *octets ? (size_t)less(LIMIT_DOWN_MESSAGES, n) : 0;
}

/* --- keeping count ---------------------------------------------------------
 */

void share_expect(struct share *share, size_t n, uint64_t octets)
{
	share->coming += n;
	share->coming_octets += octets;
}

void share_unexpect(struct share *share, size_t n, uint64_t octets)
{
	share->coming = less(share->coming, n);
	share->coming_octets = less(share->coming_octets, octets);
}

void share_take(struct share *share, uint64_t octets, bool held)
{
	share->octets += octets;
	if (held)
		return;
	share->waiting++;
	share->waiting_octets += octets;
}

void share_hold(struct share *share, uint64_t octets)
{
	share->waiting = less(share->waiting, 1);
	share->waiting_octets = less(share->waiting_octets, octets);
}

void share_give_up(struct share *share, uint64_t octets, bool held)
{
	share->octets = less(share->octets, octets);
	if (!held)
		share_hold(share, octets);
}
