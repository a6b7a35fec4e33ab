/*
 * solo - who may begin with a message now, so that one that was in hand when we
 * crashed is in hand alone (DESIGN 5, "Poison").
 *
 * Counts messages in hand in the whole pass: asked of a source and not come,
 * or offered to a destination. A suspect begins when there is none, and nothing
 * else begins until it is out of hand. So suspects come last, and the rest of
 * the mail first. Pure.
 */
#ifndef FLOW_SOLO_H
#define FLOW_SOLO_H
#include <stdbool.h>
#include <stddef.h>

struct solo {
	size_t out;
	bool alone; /* what is out is a suspect */
	/* Somebody may begin who might not before. NULL: nobody waits. */
	void (*changed)(void *who);
	void *who;
};

bool solo_may(const struct solo *s, bool suspect);
/* n messages are in hand; a suspect is one. */
void solo_begin(struct solo *s, size_t n, bool suspect);
void solo_end(struct solo *s, size_t n);
#endif
