#include "bell.h"
#include "log.h"

static void on_told(void *who, const struct notify_outcome *o)
{
	struct bell *b = who;
	const struct err *err = o->err.class ? &o->err : &o->command;
	struct log_line l;

	if (o->mailed)
		daemon_send_due(b->daemon);
	if (err->class == ERR_NONE || (!o->err.class && !o->command_is_new) ||
	    !log_begin(&l, LOG_ERROR, "notify_failed"))
		return;
	log_err(&l, err);
	log_end(&l);
}

static void look(void *who)
{
	struct bell *b = who;

	if (notify_wanted(b->parts->config) && !notify_is_looking(b->notify))
		notify_look(b->notify);
}

void bell_begin(struct bell *b, const struct parts *p, struct daemon *d)
{
	b->parts = p;
	b->daemon = d;
	b->notify = notify_new(p, on_told, b);
	timer_init(&b->every, p->loop, look, b);
	timer_init(&b->soon, p->loop, look, b);
	timer_every(&b->every, BELL_MS);
}

static void ring_soon(struct bell *b)
{
	if (!timer_is_started(&b->soon))
		timer_start(&b->soon, BELL_SOON_MS);
}

void bell_visited(struct bell *b, const struct pass_account *a)
{
	/* else they would pile up, and nobody asks for them */
	if (!notify_wanted(b->parts->config))
		return;
	/* a look under way forgets what it did not see */
	if (!notify_is_looking(b->notify))
		notify_visited(b->notify, a);
	if (a->err_is_new || a->recovered)
		ring_soon(b);
}

void bell_delivery(struct bell *b, bool is_new)
{
	if (is_new)
		ring_soon(b);
}

void bell_stop(struct bell *b)
{
	timer_stop(&b->every);
	timer_stop(&b->soon);
}

bool bell_end(struct bell *b)
{
	if (notify_is_looking(b->notify))
		return false;
	notify_free(b->notify);
	return true;
}
