/*
 * daemon - the process that stays: accounts are visited when the schedule says
 * so, deliveries stay open, what waits is sent when it is due (INTERFACE 1,
 * run).
 *
 * Its parts are those of a pass: seats and deliveries of one configuration,
 * here called a tenancy. daemon_reload() makes a second tenancy beside the
 * first: sessions in flight end under the configuration they began with, and
 * when the last of them is over, the old deliveries finish and the tenancy
 * goes. What one of them has in hand the other leaves alone (hand.h), and so it
 * does with accounts, which are the same by their rows and not by their names.
 *
 * A session of an account with `idle` outlives its visit (watch.h); when the
 * server speaks the account is visited at once, over that session.
 *
 * Where others attach: metrics and `status --watch`
 * listen to daemon_reports.account and .delivery, and ask daemon_due_ms().
 *
 * When the store fails nothing more goes out on any connection, and the process
 * is to leave with that failure. Reports come from the loop.
 */
#ifndef FLOW_DAEMON_H
#define FLOW_DAEMON_H
#include "pass.h"

struct daemon;

struct daemon_reports {
	/* The rows are bound, visits begin; after daemon_start() and after each
	 * daemon_reload(). */
	void (*working)(void *who);
	/* A visit is over; a: until it returns. */
	void (*account)(void *who, const struct pass_account *a);
	/* As in pass_reports. */
	void (*delivery)(void *who, const struct config_delivery *d,
			 const struct err *err, bool is_new);
	/* Hardly any server can be reached; or that is over. */
	void (*offline)(void *who, bool is_offline);
	/* After daemon_stop() or daemon_store_failed(): the last report. */
	void (*ended)(void *who);
};

/* config: of p; a reference is taken. */
struct daemon *daemon_start(const struct parts *p,
			    const struct daemon_reports *r, void *who);
/* The same parts with another configuration (and what follows from it). */
void daemon_reload(struct daemon *d, const struct parts *p);
/* SIGUSR1: all but those that must wait. */
void daemon_poll_all(struct daemon *d);
/* A named account as soon as there is room; its backoff holds unless settings
 * or secret changed. false: there is none of this name. */
bool daemon_poll(struct daemon *d, const char *account);
/* What is due in the queue now is sent. */
void daemon_send_due(struct daemon *d);
/* Somebody changed the queue, or a secret: deliveries try again. */
void daemon_retry(struct daemon *d);
/* Visits begin by the present configuration: neither starting, nor reloading,
 * nor stopping. */
bool daemon_is_working(const struct daemon *d);
/*
 * A pass on request of somebody else (`fetch` beside us), by the present
 * configuration. r and who: until `ended`, which also comes when the daemon
 * stops; then the daemon frees it. NULL: it is starting or stopping.
 */
struct pass *daemon_pass(struct daemon *d, const struct pass_options *o,
			 const struct pass_reports *r, void *who);
/* What is under way ends within 10 s, but for replies to data that are
 * outstanding. */
void daemon_stop(struct daemon *d);
/* As pass_store_failed(). */
void daemon_store_failed(struct daemon *d);
const struct err *daemon_failure(const struct daemon *d);
/* After `ended`; false: leave by _exit(). */
bool daemon_is_clean(const struct daemon *d);
void daemon_free(struct daemon *d); /* after `ended`, and only if clean */

const struct config *daemon_config(const struct daemon *d);
/* When an account is visited next, unix ms; 0: on request, running, unknown. */
int64_t daemon_due_ms(const struct daemon *d, const char *account);
/* What is done for an account at this moment. */
enum daemon_doing {
	DAEMON_DISABLED,
	DAEMON_WAITS, /* for its time, due_ms */
	DAEMON_POLLS,
	DAEMON_RESTS, /* in IDLE */
};
struct daemon_now { /* borrowed until told */
	const struct config_account *config;
	enum daemon_doing doing;
	/* DAEMON_RESTS: those it hears of, and how many it does not. */
	const char *const *folders;
	size_t n_folders, polled_folders;
	int64_t due_ms; /* as daemon_due_ms() */
};
/* Of each account of the present configuration, in its order; of none while
 * the first is not in force yet. */
void daemon_tell_now(const struct daemon *d,
		     void (*each)(void *who, const struct daemon_now *now),
		     void *who);
bool daemon_is_offline(const struct daemon *d);
/* Sessions that rest in IDLE. */
size_t daemon_resting(const struct daemon *d);
/* Sessions under way, and the account of the one that has shown no progress for
 * longer than any deadline allows; NULL: none has. For the watchdog. */
size_t daemon_sessions(const struct daemon *d);
const char *daemon_stuck(const struct daemon *d);
#endif
