#include "rate.h"
#include "must.h"

#include <stdlib.h>

void rate_init(struct rate *r, uint32_t max, uint64_t window_ms)
{
	*r = (struct rate){ .max = max, .window_ms = window_ms };
	if (max)
		r->at = mem_new(max * sizeof(*r->at));
}

void rate_fini(struct rate *r)
{
	free(r->at);
	*r = (struct rate){ 0 };
}

static void push(struct rate *r, int64_t at_ms)
{
	if (r->n == r->max) {
		r->head = (r->head + 1) % r->max;
		r->n--;
	}
	r->at[(r->head + r->n++) % r->max] = at_ms;
}

void rate_add(struct rate *r, int64_t at_ms, int64_t now_ms)
{
	if (r->max)
		push(r, at_ms < now_ms ? at_ms : now_ms);
}

static void forget(struct rate *r, int64_t now_ms)
{
	/* a clock that went back must not keep the places for longer */
	for (size_t i = r->n;
	     i-- > 0 && r->at[(r->head + i) % r->max] > now_ms;)
		r->at[(r->head + i) % r->max] = now_ms;
	while (r->n && now_ms - r->at[r->head] >= (int64_t)r->window_ms) {
		r->head = (r->head + 1) % r->max;
		r->n--;
	}
}

size_t rate_room(struct rate *r, int64_t now_ms)
{
	if (!r->max)
		return SIZE_MAX;
	forget(r, now_ms);
	return r->n + r->taken < r->max ? r->max - r->n - r->taken : 0;
}

void rate_take(struct rate *r)
{
	r->taken++;
}

void rate_done(struct rate *r, int64_t now_ms, bool happened)
{
	MUST(r->taken > 0);
	r->taken--;
	if (happened && r->max)
		push(r, now_ms);
}

int64_t rate_turn_ms(struct rate *r, int64_t now_ms, size_t i)
{
	size_t room = rate_room(r, now_ms), k;
	int64_t from = now_ms;

	if (i < room)
		return now_ms;
	/* places are freed in the order in which they were used */
	k = (i - room) % r->max;
	if (k < r->n)
		from = r->at[(r->head + k) % r->max];
	return from +
	       (int64_t)r->window_ms * (int64_t)((i - room) / r->max + 1);
}
