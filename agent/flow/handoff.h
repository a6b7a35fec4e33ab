/*
 * handoff - the life of a message between spool and destination (DESIGN 5):
 * TX1, TX2 and TX3 in their order. Private to delivery.c and handoff.c, as is
 * the inside of a delivery.
 *
 *   delivery_enter: TX1 (joined by TX2 where a connection was reserved)
 *   handoff_begin:  TX2 of what was SPOOLED before
 *   release:        the connection may complete it
 *   handoff_result: TX3, then the slot of the window is free
 */
#ifndef FLOW_HANDOFF_H
#define FLOW_HANDOFF_H
#include "breadth.h"
#include "delivery.h"
#include "rate.h"
#include "reach.h"
#include "verdict.h"
#include "welcome.h"

#define DELIVERY_LOAD_MAX 256u	     /* taken from the ledger at a time */
#define HANDOFF_HELD_MAX  (3u << 20) /* octets of bodies, in TX1 */

struct conn {
	struct link link;
	struct delivery *delivery;
	struct dest *dest;
	int64_t serial;
	bool ready, leaving, tells_mailed;
	uint32_t window, used, sending; /* of those used: were released */
	uint64_t busy_ms;		/* monotonic: since the last result */
	char *client;	     /* owned; whom it is for (origin.h); NULL: us */
	struct link parcels; /* offered and not settled */
};

/* How the mail of one account fares here in this pass. */
struct fortune {
	int64_t account;
	uint32_t deferred; /* in a row */
	uint32_t offered;  /* now on connections */
	bool proven;	   /* some of it was accepted */
	bool paused;	   /* no more attempts */
	bool refused;	   /* ... for a wrong setting, until: */
	bool recorded;	   /* ... and the ledger has that */
	int64_t until_ms;  /* unix; then it is asked for again */
	uint64_t settings; /* those that were refused (settings.h) */
	bool accepted;	   /* some message was */
	/* senders refused since one was not; owned */
	char *senders[VERDICT_SENDERS];
	unsigned nsenders;
};

struct delivery {
	struct parts parts;
	const struct config_delivery *config; /* borrowed */
	const struct delivery_reports *reports;
	void *who;
	enum delivery_state state;
	struct err err;
	struct endpoint endpoint;
	bool reading; /* fetching is under way */
	struct reach_secret fetching;
	struct secret secret, srs_secret;
	bool may_rest;		/* it refused these: */
	uint64_t rest_settings; /* ... and they are the same */
	bool rests;
	const char **drop; /* owned array, borrowed strings */
	uint64_t max_octets;

	struct fortune *fortunes; /* owned */
	size_t nfortunes;
	struct welcome welcome; /* in this pass */
	struct welcome took;	/* ever, of late */

	struct link conns, ready;
	size_t nconns, nconnecting, nready, in_hand, barren;
	size_t expected; /* delivery_expect() */
	size_t held;	 /* octets of bodies that TX1 is out for */
	struct breadth breadth;
	uint32_t dice[16]; /* random, not used yet */
	size_t ndice;
	struct share share;
	int64_t serial;

	bool no_xclient;    /* the server takes no client from us */
	struct err warning; /* of a delivery that works; ERR_NONE */
	struct err defers;  /* what the last one was told; or ERR_NONE */
	bool set_back;	    /* some attempt was not the last, in this pass */

	struct rate rate; /* see paced.h */
	struct timer turn;
	int64_t *turns; /* owned; of those, rising */
	size_t nturns;

	bool loading, loaded_all, finishing, stopping, finished;
	struct spool_past past;
	struct spool_due due;
	struct message *due_out[DELIVERY_LOAD_MAX];
	int64_t due_until, due_after, first_put;
	struct task kick;

	/* delivery_stay.c */
	bool stays, load_again;
	bool worked;	     /* a message came to its end since it was asked */
	struct timer idle;   /* connections that nobody uses are closed */
	struct timer round;  /* it looks into the ledger again */
	int64_t round_at_ms; /* unix */
};

void delivery_stay_init(struct delivery *d);
void delivery_stay_fini(struct delivery *d);
/* The next of what is due. */
void delivery_load_more(struct delivery *d);
void delivery_watch_idle(struct delivery *d);
/* m was settled, and may be due at some time. */
void delivery_watch_due(struct delivery *d, const struct message *m);
/* Towards the first connection; it is CONNECTING. */
void delivery_reach_out(struct delivery *d);
void delivery_quit_all(struct delivery *d);

/*
 * No more of this account's mail in this pass: the destination refuses a
 * setting of it, or defers message after message (each may cost a second of
 * the server's tarpit). It waits in the ledger.
 */
bool delivery_is_paused(const struct delivery *d, int64_t account);
/* ... the first of these. */
bool delivery_is_refused(const struct delivery *d, int64_t account);
/*
 * Not paused; and until something of the account was accepted, or of another
 * for the same recipients, one message at a time: a wrong recipient is not
 * tried by sixteen connections at once.
 */
bool delivery_may_offer(const struct delivery *d, const struct message *m);
void delivery_note_offer(struct delivery *d, int64_t account, int change);
void delivery_note(struct delivery *d, const struct message *m, enum verdict v);
/* Others of m's account that were refused as senders in a row until now. */
unsigned delivery_refused_senders(const struct delivery *d,
				  const struct message *m);
/* refused: verdict_blames_sender() */
enum spool_senders delivery_note_sender(struct delivery *d,
					const struct message *m,
					const struct dest_result *r,
					bool refused);

/* What v means for the pause of m's account; behind delivery_note(). */
enum spool_pausing delivery_note_pause(struct delivery *d,
				       const struct message *m, enum verdict v,
				       struct spool_pause *out);

/* delivery_fortune.c: of the ledger; the sender of one that was refused. */
void delivery_add_sender(struct delivery *d, int64_t account,
			 const char *sender);
/* Who was deferred again and again is tried again; who was refused, when it is
 * time. */
void delivery_end_pauses(struct delivery *d);
void delivery_forget(struct delivery *d);

/* Connections there may be now; >= 1. */
size_t delivery_most(const struct delivery *d);
/*
 * The emptiest connection with room, since its MAIL goes out first; or NULL.
 * client: whose, as origin.h has it; what is ours goes by one of ours.
 */
struct conn *delivery_conn_with_room(struct delivery *d, const char *client);
/* For whom m goes; NULL: for us. */
const char *delivery_client_of(const struct delivery *d,
			       const struct message *m);

/* Sends p by c, which has room; its body is verified before where needed. */
void handoff_begin(struct conn *c, struct parcel *p);
/* dest_reports.mailed and .result */
void handoff_mailed(void *who, struct message *m);
void handoff_result(void *who, struct message *m, const struct dest_result *r);
/* It waits for a connection; while down or stopping it is settled instead. */
void handoff_ready(struct delivery *d, struct parcel *p);
/* Its owner is told, it is freed. */
void handoff_settle(struct delivery *d, struct parcel *p);
/* It gives up its place on its connection, if it has one. */
void handoff_leave(struct parcel *p);
#endif
