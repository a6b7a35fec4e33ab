#include "outage.h"
#include "backoff.h"
#include "must.h"

#include <stdlib.h>

#define WHILE_MS	 120000
#define FEWEST		 3u
#define PROBE_FIRST_MS	 15000u
#define PROBE_LONGEST_MS 300000u

void outage_init(struct outage *o, size_t hosts)
{
	*o = (struct outage){ .hosts = mem_new((hosts + 1) * sizeof(*o->hosts)),
			      .n = hosts };
}

void outage_fini(struct outage *o)
{
	free(o->hosts);
}

/*
 * Hosts that have been failing for longer are tried again at times of their
 * own, when nobody else may be due: they say nothing of the last two minutes.
 */
static bool looks_down(const struct outage *o, int64_t now_ms)
{
	size_t reached = 0, missed = 0, all_reached = 0, all_missed = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct outage_host *h = &o->hosts[i];

		if (!h->known)
			continue;
		all_reached += h->reached;
		all_missed += !h->reached;
		if (h->reached && now_ms - h->at_ms <= WHILE_MS)
			reached++;
		if (!h->reached && now_ms - h->since_ms <= WHILE_MS)
			missed++;
	}
	if (o->n < 2)
		return false;
	if (o->n < FEWEST)
		return all_missed == o->n;
	return (missed >= FEWEST && missed >= 9 * reached) ||
	       (all_missed >= FEWEST && all_missed >= 9 * all_reached);
}

static void next_probe(struct outage *o, int64_t now_ms, uint32_t random)
{
	o->probes++;
	o->probe_at_ms = now_ms + (int64_t)backoff_ms(o->probes, PROBE_FIRST_MS,
						      PROBE_LONGEST_MS, random);
}

bool outage_note(struct outage *o, size_t host, bool reached, int64_t now_ms,
		 uint32_t random)
{
	struct outage_host *h = &o->hosts[host];
	bool was_down = o->is_down;

	if (!h->known || h->reached != reached)
		h->since_ms = now_ms;
	h->known = true;
	h->reached = reached;
	h->at_ms = now_ms;
	if (reached) {
		o->is_down = false;
	} else if (was_down) {
		next_probe(o, now_ms, random);
	} else if (looks_down(o, now_ms)) {
		o->is_down = true;
		o->probes = 0;
		next_probe(o, now_ms, random);
	}
	return was_down != o->is_down;
}
