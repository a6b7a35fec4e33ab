/*
 * delivery - one configured destination: its queue in hand, its connections,
 * and the order of TX1, TX2 and TX3 around them (DESIGN 5).
 *
 * A delivery is unknown until delivery_warm(), then up or down. While it is
 * down, what is entered is spooled and reported as settled (SPOOLED): the
 * ledger keeps it for a later pass. Reports come from the loop.
 */
#ifndef FLOW_DELIVERY_H
#define FLOW_DELIVERY_H
#include "parcel.h"
#include "pass.h"
#include "share.h"

enum delivery_state {
	DELIVERY_COLD,	     /* nobody needed it yet */
	DELIVERY_CONNECTING, /* the first connection is on its way */
	DELIVERY_UP,
	DELIVERY_DOWN, /* for the rest of this pass: delivery_err() */
};

struct delivery_reports {
	/* State or room changed: whoever waits for either may look again. */
	void (*changed)(void *who, struct delivery *d);
	/*
	 * A wrong setting was refused (VERDICT_SETTING), for the account of m:
	 * nothing more is to be fetched for it.
	 */
	void (*refused)(void *who, struct delivery *d, const struct message *m);
	/* p goes over to the delivery that p->m->delivery names now, where that
	 * can take it in this pass; else false. */
	bool (*elsewhere)(void *who, struct delivery *d, struct parcel *p);
	/* Something of a message was settled that no visit waits for. */
	void (*settled)(void *who, struct delivery *d, const struct message *m);
	/* After delivery_finish(): nothing in hand, every connection closed. */
	void (*finished)(void *who, struct delivery *d);
	/* Whose mail it is; NULL: it is configured no more, or our own. */
	const struct config_account *(*owner)(void *who, int64_t account);
	/* delivery_forgive_corrected() found that of this account. */
	void (*corrected)(void *who, int64_t account);
	/* INTERFACE 3: see dest_options.stamp. */
	void (*stamp)(void *who, const struct message *m, struct text *out);
};

struct delivery *delivery_new(const struct parts *p,
			      const struct config_delivery *c,
			      const struct delivery_reports *r, void *who);
void delivery_free(struct delivery *d); /* finished, or never used */

const struct config_delivery *delivery_config(const struct delivery *d);
enum delivery_state delivery_state(const struct delivery *d);
const struct err *delivery_err(const struct delivery *d); /* while down */
/* Up, but something is not as its settings want it; else ERR_NONE. */
const struct err *delivery_warning(const struct delivery *d);
/* It refused a setting of some account, which waits for that. */
bool delivery_refused(const struct delivery *d);
bool delivery_deferred(const struct delivery *d); /* the last of some one */
/* Anything, in this pass, or since delivery_turn_page(). */
bool delivery_accepted(const struct delivery *d);
void delivery_turn_page(struct delivery *d);
/* What the last message was told that is to come later; else ERR_NONE. */
const struct err *delivery_deferral(const struct delivery *d);
/* Some attempt of this pass failed for now, or its end is unknown. */
bool delivery_was_set_back(const struct delivery *d);
/* A message was delivered, deferred or held since this was asked last. */
bool delivery_has_worked(struct delivery *d);
uint64_t delivery_max_octets(const struct delivery *d); /* 0: unknown */

/* Opens the first connection, and takes what is due from the ledger. */
void delivery_warm(struct delivery *d);
/*
 * How many more messages may be asked of sources for it now, and their octets:
 * bounded while up (what is in hand), LIMIT_DOWN_* while down or not yet known
 * to be up; and by its share of the spool.
 */
size_t delivery_room(struct delivery *d, uint64_t *octets);
/* So many messages are going to come, as far as is known: connections are made
 * for them in time. Taken back as they come, or will not. */
void delivery_expect(struct delivery *d, size_t n);
void delivery_unexpect(struct delivery *d, size_t n);
/* Added to the shares by whoever made the delivery. */
struct share *delivery_share(struct delivery *d);
/* Up, but under its `rate` nobody who comes now has a turn in this pass. */
bool delivery_is_spent(struct delivery *d);

/*
 * The body of p->m is complete and belongs to `body`: TX1, joined by TX2 where
 * a connection has room. p and body go over to the delivery; p->settled
 * follows. hold: m->reason says why it must not be sent: spooled, then HELD.
 * false out of the report `put_failed`: see parcel.settled with m->id 0.
 */
void delivery_enter(struct delivery *d, struct parcel *p,
		    struct spool_body *body, bool hold);

/* Messages in the ledger that are due until then are sent, too. */
void delivery_load(struct delivery *d, int64_t until_ms);
/* Parcels in hand. */
size_t delivery_in_hand(const struct delivery *d);
/* The ledger is being looked into. */
bool delivery_is_loading(const struct delivery *d);
/* What waited for its turn (solo.h) may have it now. */
void delivery_wake(struct delivery *d);
/*
 * Takes over what another delivery refused, recorded as this one's and SPOOLED.
 * false: not in this pass.
 */
bool delivery_take(struct delivery *d, struct parcel *p);
/*
 * For a process that stays: connections that nobody uses are closed after some
 * time and opened again when they are needed; what becomes due in the ledger is
 * loaded by itself; and what is said of "this pass" above lasts until
 * delivery_revive().
 */
void delivery_stay(struct delivery *d);
/* It was down, and is tried once more, whether anything waits or not. false:
 * it is not down, or on its way already. */
bool delivery_revive(struct delivery *d);
/* The mail of this account (0: of all) is tried again, though a setting of it
 * was refused. */
void delivery_forgive(struct delivery *d, int64_t account);
/* Before anything is entered or loaded: who waits for a setting to be
 * corrected. */
void delivery_load_pauses(struct delivery *d, const struct spool_pause *p,
			  size_t n);
/* ... and the mail of those whose settings are others now is tried again. */
void delivery_forgive_corrected(struct delivery *d);
/*
 * Before delivery_warm(): it refused us as a whole (err), and is not connected
 * to while its settings, with its secret, are those: it is DOWN then, and
 * delivery_rests().
 */
void delivery_rest(struct delivery *d, uint64_t settings,
		   const struct err *err);
bool delivery_rests(const struct delivery *d);
/* A hash of its settings as they are, for that. */
uint64_t delivery_settings(const struct delivery *d);
/*
 * Connections that await no reply to data are closed: what they were to deliver
 * is SPOOLED as before. false: there is no other, or none at all.
 */
bool delivery_hurry(struct delivery *d);
/* No more will be entered: ends when nothing is in hand. */
void delivery_finish(struct delivery *d);
/* Waiting for replies to released messages only; the rest is left spooled. */
void delivery_stop(struct delivery *d);
/* At once: every connection is closed, nothing is recorded any more. */
void delivery_abort(struct delivery *d);
#endif
