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
 */
#ifndef FLOW_BREADTH_H
#define FLOW_BREADTH_H
#include <stddef.h>
#include <stdint.h>

struct breadth {
	uint32_t each_ms; /* one message takes a connection, about */
	uint32_t own_ms;  /* a result takes to be on our disk, about */
	uint32_t trips;	  /* that were noted */
	uint32_t trip_ms; /* the shortest of them */
};

/* A message kept its connection busy for so long. */
void breadth_note(struct breadth *b, uint64_t ms);
/* A result was on disk after so long: its place was taken meanwhile. */
void breadth_note_own(struct breadth *b, uint64_t ms);
/* A greeting was answered within so long, which takes no work. */
void breadth_note_trip(struct breadth *b, uint32_t ms);
/* Connections with such windows, for so many messages. */
size_t breadth_wanted(const struct breadth *b, size_t window, size_t messages);
#endif
