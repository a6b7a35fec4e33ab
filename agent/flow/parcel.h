/*
 * parcel - a message in hand: what flow needs around struct message.
 *
 * Made by a visit when a body begins, or by a delivery from the ledger. From
 * delivery_enter() on it belongs to its delivery, which frees it after
 * `settled`. At most one spool request of a parcel is out at a time.
 */
#ifndef FLOW_PARCEL_H
#define FLOW_PARCEL_H
#include "dest.h"
#include "must.h"
#include "spool.h"

struct delivery;
struct conn;
struct hand;

enum parcel_phase {
	PARCEL_ARRIVING,  /* body not complete */
	PARCEL_PUTTING,	  /* TX1 is out */
	PARCEL_READY,	  /* SPOOLED; waits for a connection */
	PARCEL_VERIFYING, /* its body is compared with its hash */
	PARCEL_OFFERED,	  /* its MAIL is awaited on the wire */
	PARCEL_MARKING,	  /* TX2 is out */
	PARCEL_SENDING,	  /* may be completed by the connection */
	PARCEL_RECORDING, /* TX3 is out */
};

struct parcel {
	struct link link;  /* delivery's ready list, or its connection's */
	struct message *m; /* owned */
	enum parcel_phase phase;
	struct delivery *delivery;
	struct conn *conn; /* reserved on; NULL: none */
	struct hand *hand; /* see hand.h; NULL: not there */
	struct parcel *hand_next;
	bool verified;
	uint64_t expected; /* octets, in its delivery's share until TX1 */
	size_t held;	   /* octets in memory, until then */
	bool again;	  /* to be sent once more as soon as that is recorded */
	bool elsewhere;	  /* likewise, by the delivery that m names now */
	bool postponed;	  /* its turn under `rate` comes later; all is well */
	bool handed_over; /* by a connection of its client's (presented.h) */
	bool paced;	  /* it holds a place under `rate` (paced.h) */
	int noted;	  /* crash.h, while it is on a connection */
	bool mailed;	  /* dest_reports.mailed() came for this offer */
	uint64_t asked_ms; /* monotonic: its result went to the spool */

	/* what the connection said while a request was out */
	bool answered;
	struct dest_result answer; /* words: in answer_words */
	char answer_words[320];

	/*
	 * The owner of the source session hears once what became of it in this
	 * pass: m->state is DELIVERED, HELD, DOUBT, SPOOLED (to be tried
	 * later) or SKIPPED (a duplicate). NULL: nobody.
	 */
	void (*settled)(void *who, struct parcel *p);
	/* Before that, and only if TX1 went well: it is on disk. */
	void (*recorded)(void *who, const struct parcel *p);
	void *who;

	union {
		struct spool_req any;
		struct spool_put put;
		struct spool_sending sending;
		struct spool_result result;
		struct spool_hold hold;
		struct spool_postpone postpone;
		struct spool_verify verify;
	} req;
};

struct parcel *parcel_new(struct message *m);
void parcel_free(struct parcel *p);
#endif
