/* delivery: how the mail of each account fares with it. */
#include "handoff.h"
#include "settings.h"

#include <stdlib.h>

#define DEFERRED_MAX 20u /* messages of an account deferred in a row */

static struct fortune *find_fortune(const struct delivery *d, int64_t account)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		if (d->fortunes[i].account == account)
			return &d->fortunes[i];
	return NULL;
}

static struct fortune *fortune_of(struct delivery *d, int64_t account)
{
	struct fortune *f = find_fortune(d, account);

	if (f)
		return f;
	d->fortunes = mem_grow(d->fortunes,
			       (d->nfortunes + 1) * sizeof(*d->fortunes));
	d->fortunes[d->nfortunes] = (struct fortune){ .account = account };
	return &d->fortunes[d->nfortunes++];
}

static void forget_senders(struct fortune *f)
{
	while (f->nsenders)
		free(f->senders[--f->nsenders]);
}

static void add_sender(struct fortune *f, const char *sender)
{
	if (f->nsenders < VERDICT_SENDERS) /* enough to know */
		f->senders[f->nsenders++] = mem_str(sender);
}

bool delivery_is_paused(const struct delivery *d, int64_t account)
{
	const struct fortune *f = find_fortune(d, account);

	return f && f->paused;
}

bool delivery_is_refused(const struct delivery *d, int64_t account)
{
	const struct fortune *f = find_fortune(d, account);

	return f && f->refused;
}

bool delivery_may_offer(const struct delivery *d, const struct message *m)
{
	const struct fortune *f = find_fortune(d, m->account);

	return !f || (!f->paused && (f->proven || !f->offered ||
				     welcome_has(&d->welcome, m)));
}

void delivery_note_offer(struct delivery *d, int64_t account, int change)
{
	struct fortune *f = fortune_of(d, account);

	f->offered = (uint32_t)((int)f->offered + change);
}

static void note_deferral(struct delivery *d, const struct message *m)
{
	d->set_back = true;
	(void)err_set(&d->defers, ERR_RETRY, "defers mail");
	(void)err_peer(&d->defers, view_of(m->reply));
	(void)err_remedy(&d->defers,
			 "it waits here and is tried again: mailhaul queue");
}

void delivery_note(struct delivery *d, const struct message *m, enum verdict v)
{
	struct fortune *f = fortune_of(d, m->account);

	d->worked = true;
	switch (v) {
	case VERDICT_DELIVERED:
		if (!f->proven) {
			welcome_add(&d->welcome, m);
			welcome_add(&d->took, m);
		}
		f->proven = f->accepted = true;
		f->deferred = 0;
		d->defers.class = ERR_NONE;
		break;
	case VERDICT_LATER:
		note_deferral(d, m);
		f->paused = ++f->deferred >= DEFERRED_MAX;
		break;
	case VERDICT_SETTING:
		f->paused = f->refused = true;
		break;
	case VERDICT_ELSEWHERE:
	case VERDICT_HELD: /* its envelope was taken: no wrong setting */
		f->proven = true;
		break;
	case VERDICT_DOUBT:
		d->set_back = true;
		break;
	case VERDICT_UNSENT:
	case VERDICT_AGAIN:
		break;
	}
}

unsigned delivery_refused_senders(const struct delivery *d,
				  const struct message *m)
{
	const struct fortune *f = find_fortune(d, m->account);
	unsigned n = 0;

	for (unsigned i = 0; f && i < f->nsenders; i++)
		n += strcmp(f->senders[i], m->sender) != 0;
	return n;
}

enum spool_senders delivery_note_sender(struct delivery *d,
					const struct message *m,
					const struct dest_result *r,
					bool refused)
{
	struct fortune *f = fortune_of(d, m->account);

	if (refused && f->nsenders < VERDICT_SENDERS &&
	    f->nsenders == delivery_refused_senders(d, m)) {
		add_sender(f, m->sender);
		return SPOOL_SENDERS_ADD;
	}
	if (!refused && f->nsenders && r->outcome != DEST_UNSENT &&
	    r->outcome != DEST_LOST && r->outcome != DEST_DAMAGED &&
	    r->stage != DEST_AT_MAIL) {
		forget_senders(f);
		return SPOOL_SENDERS_FORGET;
	}
	return SPOOL_SENDERS_KEEP;
}

/*
 * What was under way when the first was refused changes nothing; only what is
 * taken later proves that the setting is right.
 */
enum spool_pausing delivery_note_pause(struct delivery *d,
				       const struct message *m, enum verdict v,
				       struct spool_pause *out)
{
	struct fortune *f = fortune_of(d, m->account);

	if (v == VERDICT_DELIVERED && f->recorded && !f->refused) {
		f->recorded = false;
		return SPOOL_PAUSE_END;
	}
	if (v != VERDICT_SETTING || (f->recorded && f->until_ms >= m->next_at))
		return SPOOL_PAUSE_KEEP;
	f->recorded = true;
	f->until_ms = m->next_at;
	f->settings = settings_refused(&d->parts, d->config,
				       d->reports->owner(d->who, m->account));
	*out = (struct spool_pause){ .account = m->account,
				     .until_ms = f->until_ms,
				     .settings = f->settings };
	return SPOOL_PAUSE_BEGIN;
}

void delivery_load_pauses(struct delivery *d, const struct spool_pause *p,
			  size_t n)
{
	int64_t now = loop_unix_ms();

	for (size_t i = 0; i < n; i++) {
		struct fortune *f = fortune_of(d, p[i].account);

		f->recorded = true;
		f->until_ms = p[i].until_ms;
		f->settings = p[i].settings;
		f->paused = f->refused = f->until_ms > now;
	}
}

void delivery_forgive_corrected(struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++) {
		int64_t account = d->fortunes[i].account;

		if (!d->fortunes[i].refused ||
		    d->fortunes[i].settings ==
			    settings_refused(
				    &d->parts, d->config,
				    d->reports->owner(d->who, account)))
			continue;
		delivery_forgive(d, account);
		d->reports->corrected(d->who, account);
	}
}

/* Who is visited is asked for again with the visit, its mail first. */
static bool is_visited(const struct delivery *d, int64_t account)
{
	const struct config_account *a = d->reports->owner(d->who, account);

	return a && a->enabled && a->poll_every_ms;
}

void delivery_end_pauses(struct delivery *d)
{
	int64_t now = loop_unix_ms();

	for (size_t i = 0; i < d->nfortunes; i++) {
		struct fortune *f = &d->fortunes[i];

		if (!f->refused) {
			f->paused = false;
			f->deferred = 0;
		} else if (f->until_ms <= now && !is_visited(d, f->account)) {
			delivery_forgive(d, f->account);
		}
	}
}

void delivery_add_sender(struct delivery *d, int64_t account,
			 const char *sender)
{
	add_sender(fortune_of(d, account), sender);
}

void delivery_forget(struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		forget_senders(&d->fortunes[i]);
	free(d->fortunes);
}

void delivery_forgive(struct delivery *d, int64_t account)
{
	for (size_t i = 0; i < d->nfortunes; i++) {
		struct fortune *f = &d->fortunes[i];

		if (account && f->account != account)
			continue;
		f->paused = f->refused = f->proven = false;
		f->until_ms = 0;
		f->deferred = 0;
	}
}

bool delivery_refused(const struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		if (d->fortunes[i].refused)
			return true;
	return false;
}

bool delivery_accepted(const struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		if (d->fortunes[i].accepted)
			return true;
	return false;
}

bool delivery_deferred(const struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		if (d->fortunes[i].deferred)
			return true;
	return false;
}

const struct err *delivery_deferral(const struct delivery *d)
{
	return &d->defers;
}

bool delivery_was_set_back(const struct delivery *d)
{
	return d->set_back;
}

void delivery_turn_page(struct delivery *d)
{
	for (size_t i = 0; i < d->nfortunes; i++)
		d->fortunes[i].accepted = false;
}
