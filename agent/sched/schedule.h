/*
 * schedule - which account may be visited now, and when to ask again
 * (DESIGN 6). Pure: times and randomness are given.
 *
 * Each account is polled every interval, ten per cent to either side; after a
 * failure when its backoff is over; when it is requested, at once. Bounded are
 * the sessions at a time, in all and per host, and how fast they begin, in all
 * and per host: so a process that starts with a thousand accounts overdue, or
 * wakes after a night, spreads them without being told to. Hosts take turns;
 * within one, what was requested comes first and then whoever waits longest.
 *
 * Time: dues are kept on the monotonic clock. Where the wall clock gains on it
 * (the machine slept, or its clock was set forward) what was due in between is
 * due now; a wall clock that is set back changes nothing.
 *
 * No network: when all hosts, or nearly all, cannot be reached in the same
 * while, that is one event and not one of each account. Then nothing begins but
 * one probe at a time, ever more slowly, and what was requested; the first host
 * that is reached ends it, and whoever had failed in it is due.
 *
 * A thousand accounts cost a heap of a thousand; no call looks at all of them,
 * but for those that say so.
 */
#ifndef SCHED_SCHEDULE_H
#define SCHED_SCHEDULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule;

/* Both clocks, read together. */
struct schedule_now {
	uint64_t now_ms; /* monotonic */
	int64_t unix_ms;
};

struct schedule_options {
	size_t accounts, hosts;	    /* numbered from 0 */
	size_t most, most_per_host; /* sessions at a time, >= 1 */
	/* Sessions that begin in a second, at most; 0: as they come. */
	uint32_t pace, pace_per_host;
	uint32_t (*random)(void); /* any 32 random bits */
};

/* Room for what a host may begin at once, whatever its pace. */
#define SCHEDULE_BURST 8u

struct schedule *schedule_new(const struct schedule_options *o,
			      struct schedule_now now);
void schedule_free(struct schedule *s); /* NULL: nothing */

struct schedule_account {
	size_t host;
	uint64_t poll_every_ms; /* 0: only on request */
	int64_t last_poll_ms;	/* unix; 0: never */
	int64_t not_before_ms;	/* unix, backoff or a server's word; 0: none */
	bool failed; /* not_before_ms is when to try again, without waiting for
			the interval */
};
/*
 * What is known of it from the ledger: once, before it is asked about. Without
 * that it begins on request alone.
 */
void schedule_account(struct schedule *s, size_t i, struct schedule_now now,
		      const struct schedule_account *a);
/* As soon as there is room, whatever its backoff; while its session runs: once
 * more behind that. */
void schedule_request(struct schedule *s, size_t i);
/* It is requested no more. */
void schedule_withdraw(struct schedule *s, size_t i);
/* Everybody is due, but for those that must wait (refused logins, words of
 * servers); those whose host could not be reached need not. Looks at all. */
void schedule_poll_all(struct schedule *s, struct schedule_now now);

/* *i may begin: its session runs until schedule_ended(). *is_probe: it is
 * tried to see whether there is a network. false: nobody may now. */
bool schedule_next(struct schedule *s, struct schedule_now now, size_t *i,
		   bool *is_probe);
/*
 * Until somebody may begin, if nothing else is called before; at most
 * SCHEDULE_LOOK_MS, because nothing tells when the wall clock jumps.
 */
#define SCHEDULE_LOOK_MS 30000u
uint64_t schedule_wait_ms(const struct schedule *s, struct schedule_now now);

/* Its session has no connection any more, though it is not over yet: another
 * may begin, but not this one. */
void schedule_disconnected(struct schedule *s, size_t i);

/*
 * A session at the host of i beside that of i itself (a connection for one more
 * folder): it counts among those of its host and of all, at their pace, from
 * here on until schedule_guest_left(). false: there is no room now, or no
 * network; ask again later.
 */
bool schedule_guest(struct schedule *s, size_t i, struct schedule_now now);
void schedule_guest_left(struct schedule *s, size_t i);

enum schedule_reach {
	SCHEDULE_UNTRIED,   /* it did not come to a connection */
	SCHEDULE_REACHED,   /* its host answered, whatever it said */
	SCHEDULE_UNREACHED, /* no address, no connection */
};
struct schedule_end {
	enum schedule_reach reach;
	int64_t not_before_ms; /* as in schedule_account */
	bool failed;
};
/* The session is over, or rests and counts no more (IDLE: its next poll is the
 * safety poll, and schedule_request() when the server speaks). */
void schedule_ended(struct schedule *s, size_t i, struct schedule_now now,
		    const struct schedule_end *e);

/* Hardly any host is reached. */
bool schedule_is_offline(const struct schedule *s);
/* When i is polled next, unix ms; 0: nobody knows (on request, or running). */
int64_t schedule_due_ms(const struct schedule *s, size_t i,
			struct schedule_now now);
size_t schedule_running(const struct schedule *s);
#endif
