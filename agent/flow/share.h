/*
 * share - room in the spool, divided among the deliveries (spool_limit;
 * DESIGN 5, "Room"; CASES J9).
 *
 * All deliveries together hold spool_limit octets at most. One that is dead, or
 * refuses everything, must not use up the room of the others: half of the limit
 * is divided evenly, and nobody may use the part of another; the other half is
 * for whoever comes first. What counts is every body that lies in the spool,
 * waiting or held, and what was asked of a source and is on its way.
 *
 * Pure but for shares_load(). One struct shares for all deliveries of one
 * configuration.
 */
#ifndef FLOW_SHARE_H
#define FLOW_SHARE_H
#include "list.h"
#include "query.h"

struct shares;
struct share {
	struct link link;
	struct shares *of;
	const char *name;		  /* of the delivery; borrowed */
	uint64_t octets;		  /* of bodies that lie here for it */
	uint64_t waiting, waiting_octets; /* of these: to be sent, not held */
	uint64_t coming, coming_octets;	  /* asked for, or being written */
	bool paused; /* nothing more is fetched for it until there is room */
};

struct shares {
	struct link all;
	size_t n;
	uint64_t limit;
	uint64_t strangers; /* octets for deliveries that are not configured */
	struct spool_call call;	   /* out where `done` is set */
	struct query_usage *found; /* owned; on the store thread until done */
	size_t nfound;
	void (*done)(void *who);
	void *who;
};

void shares_init(struct shares *s, uint64_t limit);
void shares_fini(struct shares *s);
void share_add(struct shares *s, struct share *share, const char *name);
/* What lies in the queue, for those that were added; then done(who). May be
 * asked again: after a `queue drop`, say. */
void shares_load(struct shares *s, struct spool *spool, void (*done)(void *),
		 void *who);
struct share *share_named(struct shares *s, const char *name); /* or NULL */

/* Octets that may still be asked for. */
uint64_t share_left(const struct share *share);
/*
 * May anything be fetched for it? It is paused when its room is used up, or
 * disk_free is below disk_least; and goes on when there is an eighth of room
 * again, and a quarter more than disk_least.
 */
bool share_is_open(struct share *share, uint64_t disk_free,
		   uint64_t disk_least);
/* Octets below which fetching goes on. */
uint64_t share_resumes_at(const struct share *share);
/* Messages that may still be asked for while its delivery is down, and their
 * octets: LIMIT_DOWN_*. */
size_t share_down_room(const struct share *share, uint64_t *octets);

/* n messages were asked for, or come no more. */
void share_expect(struct share *share, size_t n, uint64_t octets);
void share_unexpect(struct share *share, size_t n, uint64_t octets);
/* A body came to lie here, to be sent or held; or was given up. */
void share_take(struct share *share, uint64_t octets, bool held);
void share_give_up(struct share *share, uint64_t octets, bool held);
/* One that waited is held from now on. */
void share_hold(struct share *share, uint64_t octets);
#endif
