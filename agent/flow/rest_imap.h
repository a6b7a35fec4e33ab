/*
 * rest_imap - a session that has nothing to do waits for the server's word:
 * IDLE (RFC 2177) in the selected folder and, where the server offers NOTIFY
 * (RFC 5465), news of other folders as well.
 *
 * News is a message more than were known: EXISTS above the number that was
 * followed through EXISTS and EXPUNGE since SELECT, since servers tell the same
 * number again for no reason; for another folder, any STATUS of it. What went
 * away, and flags, are left to the next poll. It is told once, then it rests on
 * until it is woken; what comes after that is news of the next rest.
 */
#ifndef FLOW_REST_IMAP_H
#define FLOW_REST_IMAP_H
#include "imap.h"
#include "source.h"

enum imap_rest_phase {
	IMAP_REST_NOT,
	IMAP_REST_WANTED,
	IMAP_REST_NOTIFY, /* is on its way */
	IMAP_REST_BEGINS, /* IDLE is on its way */
	IMAP_REST_RESTING,
	IMAP_REST_ENDS, /* DONE is on its way */
};

struct imap_rest {
	struct imap *imap; /* borrowed, as all but names */
	const struct source_reports *report;
	void *who;

	enum imap_rest_phase phase;
	bool wakes;	/* wanted as soon as it rests */
	bool news;	/* of the selected folder; not told yet */
	bool elsewhere; /* ... of others */
	bool told;	/* in this rest */
	bool refused;	/* NOTIFY was: not asked again */
	bool watches;	/* the other folders as well */
	uint32_t exists;
	char **also; /* owned; as on the wire */
	size_t n_also;
};

void imap_rest_init(struct imap_rest *r, struct imap *imap,
		    const struct source_reports *report, void *who);
void imap_rest_fini(struct imap_rest *r);

/* As source_ops.rest; also: owned from here on, names as on the wire. */
void imap_rest_begin(struct imap_rest *r, char **also, size_t n);
void imap_rest_wake(struct imap_rest *r);
/* Nothing of it is under way: other commands may be given. */
bool imap_rest_is_over(const struct imap_rest *r);

/* A folder is selected, and holds so many. */
void imap_rest_selected(struct imap_rest *r, uint32_t exists);
/* It is listed now: what was told of it before is no news. */
void imap_rest_listing(struct imap_rest *r);
/* All folders are looked at: the same for them. */
void imap_rest_looking(struct imap_rest *r);

/* Gives commands, when all else is answered. Reports. */
void imap_rest_go(struct imap_rest *r);
/*
 * EXISTS, EXPUNGE, STATUS, IDLING; TAGGED of NOTIFY and IDLE. false: the server
 * does not let us wait, err says how it put it.
 */
bool imap_rest_event(struct imap_rest *r, const struct imap_event *ev,
		     struct err *err);
#endif
