#include "habit.h"

#include "must.h"
#include "smtp.h"

#include <stdio.h>
#include <string.h>

#define BREAKS_ALLOWED 2u

struct habit {
	struct habit *next;
	char key[520];
	unsigned forgone, breaks;
	bool refused_plus, had_scram;
	uint32_t imap_can;
};

/* As many as servers stand in the configuration. */
static struct habit *habits;

struct habit *habit_of(const struct endpoint *e)
{
	char key[sizeof(habits->key)], via[256] = "";
	struct habit *h;

	/* what a proxy leads to may be another server of the same name */
	if (e->proxy.kind != PROXY_NONE)
		proxy_key(&e->proxy, via, sizeof(via));
	(void)snprintf(key, sizeof(key), "%.250s %u %s",
		       e->path ? e->path : e->host, (unsigned)e->port, via);
	for (h = habits; h; h = h->next)
		if (strcmp(h->key, key) == 0)
			return h;
	h = mem_new(sizeof(*h));
	memcpy(h->key, key, sizeof(key));
	h->next = habits;
	habits = h;
	return h;
}

unsigned habit_forgone(const struct habit *h)
{
	return h->forgone;
}

void habit_forgo(struct habit *h, unsigned caps)
{
	h->forgone |= caps;
}

void habit_broke(struct habit *h)
{
	if (++h->breaks >= BREAKS_ALLOWED)
		h->forgone |= SMTP_CAP_PIPELINING | SMTP_CAP_CHUNKING;
}

void habit_worked(struct habit *h)
{
	h->breaks = 0;
}

bool habit_refused_plus(const struct habit *h)
{
	return h->refused_plus;
}

void habit_refuse_plus(struct habit *h, bool refused)
{
	h->refused_plus = refused;
}

bool habit_had_scram(const struct habit *h)
{
	return h->had_scram;
}

void habit_scram(struct habit *h, bool offered)
{
	h->had_scram = offered;
}

uint32_t habit_imap_can(const struct habit *h)
{
	return h->imap_can;
}

void habit_imap(struct habit *h, uint32_t can)
{
	h->imap_can = can;
}
