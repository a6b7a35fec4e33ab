/*
 * seats - the accounts of one configuration, each bound to its row in the
 * ledger, and who of them may hold a session now (max_connections and
 * max_connections_per_host).
 *
 * A seat holds at most one visit at a time. Whoever wants an account visited
 * makes the visit and books the seat for it; the seat starts it when its turn
 * comes. Reports come from the loop.
 */
#ifndef FLOW_SEATS_H
#define FLOW_SEATS_H
#include "visit.h"

struct seats;

struct seat {
	struct seats *seats;
	const struct config_account *config;
	struct spool_bind bind; /* a: its row, from `bound` on */
	struct host *host;
	struct visit *visit; /* booked, or under way; NULL: the seat is free */
	bool active;	     /* ... under way */
	struct spool_call hasten;
	void (*hastened)(void *who);
	void *hastened_who;
};

/* The row is known (again); s->bind.req.ok false: why it is not. */
typedef void seat_bound(void *who, struct seat *s);

/* d: of the same configuration, borrowed like p. */
struct seats *seats_new(const struct parts *p, struct deliveries *d);
/* No visit is under way. NULL: nothing. */
void seats_free(struct seats *ss);
/* In the order of the configuration. */
struct seat *seats_at(struct seats *ss, size_t i);
/* Whose row this is; NULL: none of this configuration. */
struct seat *seats_find(struct seats *ss, int64_t account);
/* Finds or makes every row; bound is called for each. */
void seats_bind(struct seats *ss, seat_bound *bound, void *who);

/* The seat is free. Visits begin in a later turn of the loop, none before the
 * first seats_open(). */
void seat_book(struct seat *s, struct visit *v);
/* Its visit is over, or will not begin: another may take the seat. The visit is
 * whoever's that made it. */
void seat_leave(struct seat *s);
/* What waits in the queue for this account becomes due, whatever its pause. */
void seat_hasten(struct seat *s, void (*done)(void *who), void *who);
/* Visits may begin; and once more after any cause of waiting has passed. */
void seats_open(struct seats *ss);
/* No visit begins any more. */
void seats_shut(struct seats *ss);
/* Wakes the visits under way; d: those that deliver there, NULL: all. */
void seats_wake(struct seats *ss, const struct delivery *d);
#endif
