/*
 * seats - the accounts of one configuration, each bound to its row in the
 * ledger, and who of them holds a session now: as sched/schedule says.
 *
 * A seat holds at most one visit at a time. Whoever wants an account visited
 * makes the visit and books the seat for it; the seat starts it when its turn
 * comes, what was booked before it first. With a report `due` seats are also
 * filled by time. Reports come from the loop.
 */
#ifndef FLOW_SEATS_H
#define FLOW_SEATS_H
#include "visit.h"

struct seats;

struct seat {
	struct seats *seats;
	const struct config_account *config;
	struct spool_bind bind; /* a: its row, from `bound` on */
	struct visit *visit;	/* under way; NULL: the seat is free */
	struct link booked;	/* visits that wait for it */
	bool active, reading;	/* has its turn; its row is still being read */
	size_t hastening;	/* seat_hasten()s that are out */
};

struct seats_options {
	bool paced; /* sessions begin at a bounded rate, too */
	/* After seats_bind(): the row is known; s->bind.req.ok false: why not.
	 */
	void (*bound)(void *who, struct seat *s);
	/*
	 * Its time has come: the visit to be started, or NULL: it is put off
	 * for some seconds. is_probe: see schedule.h. With it rows are read
	 * anew before each visit. NULL: visits begin by seat_book() alone.
	 */
	struct visit *(*due)(void *who, struct seat *s, bool is_probe);
	/* Its visit is about to start, by time or booked. May be NULL. */
	void (*begins)(void *who, struct seat *s);
	/* There is no network, or there is one again (schedule.h). May be NULL.
	 */
	void (*offline)(void *who, bool is_offline);
	void *who;
};

/* d: of the same configuration, borrowed like p. */
struct seats *seats_new(const struct parts *p, struct deliveries *d,
			const struct seats_options *o);
/* No visit is under way, none is booked. NULL: nothing. */
void seats_free(struct seats *ss);
/* In the order of the configuration. */
struct seat *seats_at(struct seats *ss, size_t i);
/* Whose row this is; NULL: none of this configuration. */
struct seat *seats_find(struct seats *ss, int64_t account);
/* Finds or makes every row; o->bound is called for each. */
void seats_bind(struct seats *ss);

/*
 * Visits begin in a later turn of the loop, none before the first seats_open().
 */
void seat_book(struct seat *s, struct visit *v);
/* v has closed its connection: another seat may have its turn. */
void seat_disconnected(struct seat *s, const struct visit *v);
/*
 * v is over, or is not to begin: another may take the seat. The visit is
 * whoever's that made it.
 */
void seat_leave(struct seat *s, struct visit *v);
/* It is polled by time from now on, as its row and its settings say. early: its
 * backoff does not count, but for the visit's own look at it. unheard: nor does
 * its last poll, where that went well. */
void seat_schedule(struct seat *s, bool early, bool unheard);
/* It is visited by `due` as soon as there is room. */
void seat_request(struct seat *s);
/* What waits in the queue for this account becomes due, whatever its pause. */
void seat_hasten(struct seat *s, void (*done)(void *who), void *who);
/* A further session of this account signs in: it counts like a visit until
 * seat_guest_left(). false: there is no room now. */
bool seat_guest(struct seat *s);
void seat_guest_left(struct seat *s);
/* When it is visited next, unix ms; 0: on request, or it is just now. */
int64_t seat_due_ms(const struct seat *s);

/* Visits may begin. */
void seats_open(struct seats *ss);
/* No visit begins any more. */
void seats_shut(struct seats *ss);
/* ... and those under way end soon, or (the store failed) are left at once. */
void seats_stop(struct seats *ss);
void seats_abort(struct seats *ss);
/* All are due, but for those that must wait (schedule_poll_all()). */
void seats_poll_all(struct seats *ss);
/* Wakes the visits under way; d: those that deliver there, NULL: all. */
void seats_wake(struct seats *ss, const struct delivery *d);
/* Some have their turn now, or something of theirs is with the spool. */
bool seats_are_busy(const struct seats *ss);
size_t seats_taken(const struct seats *ss);
bool seats_is_offline(const struct seats *ss);
#endif
