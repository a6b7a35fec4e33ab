#include "rest_imap.h"
#include "must.h"

#include <stdlib.h>

void imap_rest_init(struct imap_rest *r, struct imap *imap,
		    const struct source_reports *report, void *who)
{
	*r = (struct imap_rest){ .imap = imap, .report = report, .who = who };
}

static void forget_names(struct imap_rest *r)
{
	for (size_t i = 0; i < r->n_also; i++)
		free(r->also[i]);
	free(r->also);
	r->also = NULL;
	r->n_also = 0;
}

void imap_rest_fini(struct imap_rest *r)
{
	forget_names(r);
}

void imap_rest_begin(struct imap_rest *r, char **also, size_t n)
{
	MUST(r->phase == IMAP_REST_NOT || r->phase == IMAP_REST_ENDS ||
	     r->wakes);
	forget_names(r);
	r->also = also;
	r->n_also = n;
	r->wakes = r->told = r->watches = false;
	if (r->phase == IMAP_REST_NOT)
		r->phase = IMAP_REST_WANTED;
}

bool imap_rest_is_over(const struct imap_rest *r)
{
	return r->phase == IMAP_REST_NOT;
}

static void end_idle(struct imap_rest *r)
{
	if (imap_done(r->imap))
		r->phase = IMAP_REST_ENDS;
}

void imap_rest_wake(struct imap_rest *r)
{
	r->wakes = true;
	if (r->phase == IMAP_REST_WANTED)
		r->phase = IMAP_REST_NOT;
	else if (r->phase == IMAP_REST_RESTING)
		end_idle(r);
}

void imap_rest_selected(struct imap_rest *r, uint32_t exists)
{
	r->exists = exists;
	r->news = false;
}

void imap_rest_listing(struct imap_rest *r)
{
	r->news = false;
}

void imap_rest_looking(struct imap_rest *r)
{
	r->elsewhere = false;
}

static void tell_news(struct imap_rest *r)
{
	if (r->told || r->phase != IMAP_REST_RESTING ||
	    (!r->news && !r->elsewhere))
		return;
	r->told = true;
	r->news = r->elsewhere = false;
	r->report->stirred(r->who);
}

static void begin_idle(struct imap_rest *r)
{
	if (r->wakes)
		r->phase = IMAP_REST_NOT;
	else if (imap_idle(r->imap))
		r->phase = IMAP_REST_BEGINS;
}

/* Anew for each rest: Dovecot 2.3 is known to fall silent after a while. */
static bool ask_notify(struct imap_rest *r)
{
	struct view *names;
	bool given;

	if (!r->n_also || r->refused)
		return false;
	names = mem_new(r->n_also * sizeof(*names));
	for (size_t i = 0; i < r->n_also; i++)
		names[i] = view_of(r->also[i]);
	given = imap_notify(r->imap, names, r->n_also);
	free(names);
	return given;
}

void imap_rest_go(struct imap_rest *r)
{
	if (r->phase != IMAP_REST_WANTED)
		return;
	if (ask_notify(r))
		r->phase = IMAP_REST_NOTIFY;
	else
		begin_idle(r);
}

static void on_notify(struct imap_rest *r, const struct imap_event *ev)
{
	r->watches = ev->status == IMAP_OK;
	r->refused = !r->watches;
	begin_idle(r);
}

static bool on_idle_over(struct imap_rest *r, const struct imap_event *ev,
			 struct err *err)
{
	bool asked = r->phase == IMAP_REST_ENDS;

	r->phase = IMAP_REST_NOT;
	if (asked || ev->status == IMAP_OK) {
		if (!r->wakes) /* the server ended it: RFC 2177 3 */
			r->phase = IMAP_REST_WANTED;
		return true;
	}
	err_set(err, imap_refusal(ev->command, ev->status, ev->code),
		"the server does not let us wait for mail (IDLE)");
	err->origin = ERR_FROM_IMAP;
	err_peer(err, ev->text);
	return false;
}

static void on_idling(struct imap_rest *r)
{
	if (r->phase != IMAP_REST_BEGINS)
		return;
	r->phase = IMAP_REST_RESTING;
	if (r->wakes) {
		end_idle(r);
		return;
	}
	r->report->resting(r->who, r->watches || !r->n_also);
	tell_news(r);
}

static void on_exists(struct imap_rest *r, uint32_t number)
{
	r->news = r->news || number > r->exists;
	r->exists = number;
	tell_news(r);
}

static void on_status(struct imap_rest *r, struct view name)
{
	for (size_t i = 0; i < r->n_also && !r->elsewhere; i++)
		r->elsewhere = view_eq(name, view_of(r->also[i]));
	tell_news(r);
}

bool imap_rest_event(struct imap_rest *r, const struct imap_event *ev,
		     struct err *err)
{
	if (ev->type == IMAP_EV_TAGGED && ev->command == IMAP_IDLE)
		return on_idle_over(r, ev, err);
	if (ev->type == IMAP_EV_TAGGED && ev->command == IMAP_NOTIFY)
		on_notify(r, ev);
	else if (ev->type == IMAP_EV_IDLING)
		on_idling(r);
	else if (ev->type == IMAP_EV_EXISTS)
		on_exists(r, ev->number);
	else if (ev->type == IMAP_EV_EXPUNGE)
		r->exists -= r->exists > 0;
	else if (ev->type == IMAP_EV_STATUS)
		on_status(r, ev->mailbox.name);
	return true;
}
