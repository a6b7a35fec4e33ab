/*
 * breadth - how many connections to one destination are worth having. Pure.
 *
 * Where each message waits for its reply alone, as many as there are messages.
 * Where several may wait on one connection, eight connections keep any queue
 * busy, and more are but processes and switches for a server on the same
 * machine: a Postfix of two processors took a third longer with sixteen. But
 * where replies come from far, or our own disk is slow to note them, more is
 * under way at a time; and where the server's own work on each message takes
 * long, as with a filter that it asks in between, only connections make it work
 * on several at once.
 *
 * A server that wants less at a time has its way at once, and is asked for more
 * only by and by (CASES G15).
 */
#ifndef FLOW_BREADTH_H
#define FLOW_BREADTH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct breadth {
	uint32_t each_ms; /* one message takes a connection, about */
	uint32_t own_ms;  /* a result takes to be on our disk, about */
	uint32_t trips;	  /* that were noted */
	uint32_t trip_ms; /* the shortest of them */
	uint32_t most;	  /* that the server bears; 0: it did not say */
	uint32_t taken;	  /* messages since that changed */
	uint32_t step;	  /* so many before one more is tried */
	bool heeded;	  /* nothing was taken since */
};

/* A message kept its connection busy for so long. */
void breadth_note(struct breadth *b, uint64_t ms);
/* A result was on disk after so long: its place was taken meanwhile. */
void breadth_note_own(struct breadth *b, uint64_t ms);
/* A greeting was answered within so long, which takes no work. */
void breadth_note_trip(struct breadth *b, uint32_t ms);
/* Connections with such windows, for so many messages. */
size_t breadth_wanted(const struct breadth *b, size_t window, size_t messages);

/* The server wants no more than `to` (0 counts as 1) for now. */
void breadth_narrow(struct breadth *b, size_t to);
/* It took a message. true: one connection more may be tried. */
bool breadth_took(struct breadth *b);
/* It was away: what it bears is to be found out anew. */
void breadth_forget(struct breadth *b);
/* How many there may be. configured: >= 1, never more than that. */
size_t breadth_most(const struct breadth *b, size_t configured);
#endif
