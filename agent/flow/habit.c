#include "habit.h"

#include "must.h"
#include "smtp.h"

#include <stdio.h>
#include <string.h>

#define HABITS	       64u /* servers; with more, the last one is shared */
#define BREAKS_ALLOWED 2u

struct habit {
	char key[520];
	unsigned forgone, breaks;
};

static struct habit habits[HABITS];

struct habit *habit_of(const struct endpoint *e)
{
	char key[sizeof(habits[0].key)], via[256] = "";
	size_t i = 0;

	/* what a proxy leads to may be another server of the same name */
	if (e->proxy.kind != PROXY_NONE)
		proxy_key(&e->proxy, via, sizeof(via));
	(void)snprintf(key, sizeof(key), "%.250s %u %s",
		       e->path ? e->path : e->host, (unsigned)e->port, via);
	while (i < HABITS - 1 && habits[i].key[0] &&
	       strcmp(habits[i].key, key) != 0)
		i++;
	memcpy(habits[i].key, key, sizeof(key));
	return &habits[i];
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
