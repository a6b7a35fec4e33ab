/* daemon: passes for others, such as a `fetch` beside a running `run`. */
#include "daemon_inside.h"
#include "must.h"

#include <stdlib.h>

static void client_changed(void *who, const struct pass_account *a)
{
	struct client *c = who;

	c->reports->changed(c->who, a);
	if (!c->dry_run && a->phase == PASS_DONE &&
	    a->result != PASS_ON_REQUEST)
		c->daemon->reports->account(c->daemon->who, a);
}

static void client_judged(void *who, const struct pass_account *a,
			  const struct pass_judged *j)
{
	struct client *c = who;

	c->reports->judged(c->who, a, j);
}

static void client_ask(void *who, struct pass_account *a, const char *folder,
		       uint64_t messages, uint64_t octets)
{
	struct client *c = who;

	c->reports->ask(c->who, a, folder, messages, octets);
}

static void client_delivery(void *who, const struct config_delivery *d,
			    const struct err *err, bool is_new)
{
	struct client *c = who;

	c->reports->delivery(c->who, d, err, is_new);
}

static bool client_rest(void *who, const struct pass_account *a,
			struct visit *v)
{
	struct client *c = who;
	struct tenancy *y = c->tenancy;

	return daemon_rest(&y->tenants[a->config - y->config->accounts], v);
}

static void client_ended(void *who)
{
	struct client *c = who;

	c->over = true;
	c->reports->ended(c->who);
	task_post(&c->daemon->tidy);
}

static const struct pass_reports silent_reports = {
	.changed = client_changed,
	.judged = client_judged,
	.delivery = client_delivery,
	.rest = client_rest,
	.ended = client_ended,
};
static const struct pass_reports asking_reports = {
	.changed = client_changed,
	.judged = client_judged,
	.ask = client_ask,
	.delivery = client_delivery,
	.rest = client_rest,
	.ended = client_ended,
};

struct pass *daemon_pass(struct daemon *d, const struct pass_options *o,
			 const struct pass_reports *r, void *who)
{
	struct tenancy *y = daemon_working(d);
	struct client *c;

	if (!y || d->stopping)
		return NULL;
	c = mem_new(sizeof(*c));
	c->daemon = d;
	c->tenancy = y;
	c->reports = r;
	c->dry_run = o->dry_run;
	c->who = who;
	list_push(&d->clients, &c->link);
	c->pass = pass_start_in(&y->parts, y->deliveries, y->seats, o,
				r->ask ? &asking_reports : &silent_reports, c);
	return c->pass;
}

bool daemon_has_clients(const struct daemon *d, const struct tenancy *y)
{
	LIST_EACH(at, kept, (struct link *)&d->clients)
		if (LIST_OF(at, struct client, link)->tenancy == y)
			return true;
	return false;
}

void daemon_free_clients(struct daemon *d)
{
	LIST_EACH(at, kept, &d->clients) {
		struct client *c = LIST_OF(at, struct client, link);

		if (!c->over)
			continue;
		list_drop(&c->link);
		pass_free(c->pass);
		free(c);
	}
}

void daemon_shut_clients(struct daemon *d, const struct tenancy *y)
{
	LIST_EACH(at, kept, &d->clients) {
		struct client *c = LIST_OF(at, struct client, link);

		if ((!y || c->tenancy == y) && !c->over)
			pass_shut(c->pass);
	}
}

void daemon_tell_settled(struct tenancy *y, const struct message *m)
{
	LIST_EACH(at, kept, &y->daemon->clients) {
		struct client *c = LIST_OF(at, struct client, link);

		if (c->tenancy == y && !c->over)
			pass_note_settled(c->pass, m);
	}
}

void daemon_tell_delivery(struct tenancy *y, const struct config_delivery *d,
			  const struct err *err)
{
	LIST_EACH(at, kept, &y->daemon->clients) {
		struct client *c = LIST_OF(at, struct client, link);

		if (c->tenancy == y && !c->over)
			pass_note_delivery(c->pass, d, err);
	}
}

bool daemon_tell_refused(struct tenancy *y, const struct config_delivery *d,
			 const struct message *m)
{
	LIST_EACH(at, kept, &y->daemon->clients) {
		struct client *c = LIST_OF(at, struct client, link);

		if (c->tenancy == y && !c->over &&
		    pass_note_refused(c->pass, d, m))
			return true;
	}
	return false;
}
