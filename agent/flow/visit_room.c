#include "solo.h"
#include "visit.h"

#include <stdio.h>

#define DISK_LEAST (64u << 20) /* octets left free */
#define SIZE_TEXT  24u

/* Words for people: exact where it matters little, short where it is much. */
static const char *size_text(uint64_t octets, char out[SIZE_TEXT])
{
	if (octets >= 10u << 20)
		(void)snprintf(out, SIZE_TEXT, "%u MB",
			       (unsigned)(octets >> 20));
	else
		(void)snprintf(out, SIZE_TEXT, "%u KB",
			       (unsigned)((octets + 1023) >> 10));
	return out;
}

static void tell_full(struct visit *v, uint64_t disk_free)
{
	const struct share *s = delivery_share(v->delivery);
	char used[SIZE_TEXT], below[SIZE_TEXT];
	struct err err;

	v->full = true;
	if (disk_free < DISK_LEAST + DISK_LEAST / 4) {
		err_set(&err, ERR_DISK,
			"the disk is nearly full, nothing is fetched");
		err_remedy(&err, "make room where state_dir lies; mail stays "
				 "at its source until then");
	} else {
		err_set(&err, ERR_LIMIT,
			"the spool is full (spool_limit): %s wait or are held "
			"for delivery \"%s\", nothing more is fetched for it",
			size_text(s->octets, used),
			delivery_config(v->delivery)->name);
		err_remedy(&err,
			   "fetching goes on below %s: mailhaul queue list "
			   "says what is held and why; retry or drop it, or "
			   "raise spool_limit",
			   size_text(share_resumes_at(s), below));
	}
	visit_fail(v, &err);
}

static void tell_down(struct visit *v)
{
	const struct share *s = delivery_share(v->delivery);
	char text[240], size[SIZE_TEXT];

	if (v->told_down)
		return;
	v->told_down = true;
	(void)snprintf(text, sizeof(text),
		       "delivery \"%s\" is down: %u messages (%s) wait for it "
		       "here, the rest at the source until it is back",
		       delivery_config(v->delivery)->name, (unsigned)s->waiting,
		       size_text(s->waiting_octets, size));
	visit_notice(v, text);
}

static bool is_suspect(const struct spool_item *i)
{
	return i->flags & SPOOL_ITEM_SUSPECT;
}

/* Of the next n, as far as they go into `room` octets: one that was in hand
 * when we crashed comes alone. They stand behind the others. */
static size_t together(const struct visit *v, size_t n, uint64_t room)
{
	const struct spool_item *next = v->wanted.item + v->asked;
	size_t ordinary = 0;

	if (n && is_suspect(next))
		return solo_may(v->parts->solo, true);
	if (!solo_may(v->parts->solo, false))
		return 0;
	for (; ordinary < n && room && !is_suspect(&next[ordinary]); ordinary++)
		room -= next[ordinary].octets < room ? next[ordinary].octets
						     : room;
	return ordinary;
}

/* Something of its delivery is under way: what becomes of it is told here. */
static bool is_awaited(struct visit *v)
{
	return delivery_share(v->delivery)->coming ||
	       (delivery_state(v->delivery) == DELIVERY_UP &&
		delivery_in_hand(v->delivery));
}

size_t visit_room(struct visit *v, size_t most, bool *never)
{
	const struct parts *p = v->parts;
	uint64_t free = spool_disk_free(p->spool, loop_unix_ms());
	uint64_t octets;
	size_t on_way = v->asked - v->came;
	size_t n = delivery_room(v->delivery, &octets);
	bool open =
		share_is_open(delivery_share(v->delivery), free, DISK_LEAST);

	switch (delivery_state(v->delivery)) {
	case DELIVERY_COLD:
		return 0;	  /* visit_wake() */
	case DELIVERY_CONNECTING: /* asked for, not read: visit_may_read() */
		if (!open || !octets || delivery_config(v->delivery)->rate)
			return 0; /* visit_wake() */
		break;
	case DELIVERY_UP:
		if (!delivery_config(v->delivery)->rate)
			break;
		n = n > on_way ? n - on_way : 0;
		*never = n == 0 && delivery_is_spent(v->delivery);
		break;
	case DELIVERY_DOWN:
		*never = n == 0;
		if (*never && open) {
			tell_down(v);
			return 0;
		}
		break;
	}
	if (open && octets)
		return together(v, most < n ? most : n, octets);
	if (is_awaited(v))
		return 0;
	*never = true;
	tell_full(v, free);
	return 0;
}
