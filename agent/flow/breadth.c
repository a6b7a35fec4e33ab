#include "breadth.h"

#define NEAR	 8u   /* connections with windows keep a queue busy */
#define FAR_MS	 10u  /* another machine, in another house */
#define SLOW_MS	 100u /* no disk and no processor takes so long */
#define MOST_MS	 600000u
#define NOTED_OF 4u /* a new figure counts for so much of the mean */

void breadth_note(struct breadth *b, uint64_t ms)
{
	uint32_t now = ms < MOST_MS ? (uint32_t)ms : MOST_MS;

	b->each_ms = (b->each_ms * (NOTED_OF - 1) + now) / NOTED_OF;
}

void breadth_note_trip(struct breadth *b, uint32_t ms)
{
	if (!b->trips++ || ms < b->trip_ms)
		b->trip_ms = ms;
}

size_t breadth_wanted(const struct breadth *b, size_t window, size_t messages)
{
	size_t n = (messages + window - 1) / window;

	if (b->each_ms >= SLOW_MS)
		return messages;
	return window > 1 && n > NEAR && b->trip_ms < FAR_MS ? NEAR : n;
}
