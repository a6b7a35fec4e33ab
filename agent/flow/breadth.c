#include "breadth.h"

#define NEAR	 8u   /* connections with windows keep a queue busy */
#define FAR_MS	 10u  /* another machine, in another house */
#define OWN_MS	 12u  /* a disk whose barriers count */
#define SLOW_MS	 100u /* no disk and no processor takes so long */
#define MOST_MS	 600000u
#define NOTED_OF 4u /* a new figure counts for so much of the mean */
/* Messages taken before one more is tried; twice as many after each refusal. */
#define STEP_FIRST 20u
#define STEP_LAST  2560u

static void note(uint32_t *mean, uint64_t ms)
{
	uint32_t now = ms < MOST_MS ? (uint32_t)ms : MOST_MS;

	*mean = (*mean * (NOTED_OF - 1) + now) / NOTED_OF;
}

void breadth_note(struct breadth *b, uint64_t ms)
{
	note(&b->each_ms, ms);
}

void breadth_note_own(struct breadth *b, uint64_t ms)
{
	note(&b->own_ms, ms);
}

void breadth_note_trip(struct breadth *b, uint32_t ms)
{
	if (!b->trips++ || ms < b->trip_ms)
		b->trip_ms = ms;
}

static bool is_near(const struct breadth *b)
{
	return b->trip_ms < FAR_MS && b->own_ms < OWN_MS;
}

size_t breadth_wanted(const struct breadth *b, size_t window, size_t messages)
{
	size_t n = (messages + window - 1) / window;

	if (b->each_ms >= SLOW_MS)
		return messages;
	return window > 1 && n > NEAR && is_near(b) ? NEAR : n;
}

void breadth_narrow(struct breadth *b, size_t to)
{
	b->most = to ? (uint32_t)to : 1;
	b->taken = 0;
	if (b->heeded)
		return; /* others that were on their way say so too */
	b->heeded = true;
	if (!b->step)
		b->step = STEP_FIRST;
	else if (b->step < STEP_LAST)
		b->step *= 2;
}

bool breadth_took(struct breadth *b)
{
	b->heeded = false;
	if (!b->most || ++b->taken < b->step)
		return false;
	b->most++;
	b->taken = 0;
	return true;
}

void breadth_forget(struct breadth *b)
{
	b->most = 0;
}

size_t breadth_most(const struct breadth *b, size_t configured)
{
	return b->most && b->most < configured ? b->most : configured;
}
