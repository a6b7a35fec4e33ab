/*
 * deliveries - every delivery of one configuration: loaded from the ledger with
 * what is known of them, fed with what is due there, told of, and finished.
 *
 * It knows no accounts: whose mail something is, the owner says. Reports come
 * from the loop.
 *
 * In a process that stays (deliveries_stay()) they are told of and written when
 * that changes, not at the end; one that is down is probed (sched/backoff.h),
 * and all that waits goes when it is back.
 */
#ifndef FLOW_DELIVERIES_H
#define FLOW_DELIVERIES_H
#include "delivery.h"

struct deliveries;

struct deliveries_reports {
	/* State or room of d changed: whoever waits for either may look. */
	void (*changed)(void *who, struct delivery *d);
	/* d refused a setting for the account of m (delivery.h). */
	void (*refused)(void *who, const struct config_delivery *d,
			const struct message *m);
	/* Something of a message was settled that no visit waits for. */
	void (*settled)(void *who, const struct message *m);
	/* Whose mail it is, for stamps; NULL: it is configured no more. */
	const struct config_account *(*owner)(void *who, int64_t account);
	/* A setting of it that was refused may be right now; in
	 * deliveries_forgive_corrected(). */
	void (*corrected)(void *who, int64_t account);
	/* It failed, or (err NULL) recovered, as a whole; see pass_reports. */
	void (*told)(void *who, const struct config_delivery *d,
		     const struct err *err, bool is_new);
	/* The rows are loaded. Once, behind deliveries_open(). */
	void (*opened)(void *who);
	/* Behind deliveries_finish(): nothing is open, all is written. Once. */
	void (*finished)(void *who);
};

/* record: what became of them is written, and told. */
struct deliveries *deliveries_new(const struct parts *p, bool record,
				  const struct deliveries_reports *r,
				  void *who);
void deliveries_free(struct deliveries *ds); /* finished, or never opened */

/* A person has it asked at once. Before deliveries_open(). */
void deliveries_try(struct deliveries *ds, const struct config_delivery *d);
void deliveries_open(struct deliveries *ds);
/* The one of this configuration; d: of it. */
struct delivery *deliveries_of(const struct deliveries *ds,
			       const struct config_delivery *d);
/* What is due in the ledger until then is sent. */
void deliveries_load(struct deliveries *ds, int64_t until_ms);
/* What waited for its turn (solo.h) may have it now. */
void deliveries_wake(struct deliveries *ds);
/* Before deliveries_open(). */
void deliveries_stay(struct deliveries *ds);
/*
 * A person has changed something: what is down is probed now, what was refused
 * to an account (0: to any) is tried again, and what is due is loaded.
 */
void deliveries_retry(struct deliveries *ds, int64_t account);
/* The same, but that nothing is begun by it: before the queue is loaded. */
void deliveries_forgive(struct deliveries *ds, int64_t account);
/* What was refused to accounts whose settings are others since is tried again,
 * and `corrected` told of each. Before the queue is loaded, all rows known. */
void deliveries_forgive_corrected(struct deliveries *ds);
/* The queue was changed by somebody else: what lies in the spool for each is
 * counted anew, and `changed` told of all. */
void deliveries_recount(struct deliveries *ds);
/* Nothing is in hand, and nothing is being loaded. */
bool deliveries_is_quiet(const struct deliveries *ds);
/* As delivery_hurry(): false: nothing is waited for. */
bool deliveries_hurry(struct deliveries *ds);
/* No more will be entered; what takes refused mail of others ends after them.
 */
void deliveries_finish(struct deliveries *ds);
void deliveries_stop(struct deliveries *ds);  /* as delivery_stop() */
void deliveries_abort(struct deliveries *ds); /* as delivery_abort() */
/* Worst exit code of those that failed as a whole, or for some message. */
int deliveries_exit(const struct deliveries *ds);
#endif
