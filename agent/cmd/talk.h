/*
 * talk - a local connection on which both sides say lines of JSON whenever they
 * like: a pass that one process runs and another shows (pass_lines.h).
 *
 * Bounded both ways: a line of more than TALK_LINE octets, or more than
 * TALK_WAITING octets that wait to be written, ends it, and so does a peer that
 * takes nothing for stall_ms while something waits.
 */
#ifndef CMD_TALK_H
#define CMD_TALK_H
#include "loop.h"

#include <jansson.h>

#define TALK_LINE    (1u << 20)
#define TALK_WAITING (64u << 20)

struct talk;

struct talk_reports {
	/* line: borrowed until it returns; an object. May close the talk. */
	void (*line)(void *who, const json_t *line);
	/* The peer is gone, or was dropped. The last report; close it. */
	void (*gone)(void *who);
};

/* fd: a connected socket, owned from here on. Reports come from the loop. */
struct talk *talk_new(struct loop *l, int fd, uint32_t stall_ms,
		      const struct talk_reports *r, void *who);
/* line: a reference that is taken over. What follows `gone` is lost. */
void talk_say(struct talk *t, json_t *line);
/* All that was said is with the peer: more is worth saying. */
bool talk_is_idle(const struct talk *t);
/* No report follows. What was said is still written, if the peer takes it. */
void talk_close(struct talk *t);
/* ... or not; for the end of the process. */
void talk_cut(struct talk *t);
#endif
