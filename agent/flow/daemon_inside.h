/*
 * daemon_inside - what daemon.c, daemon_client.c, daemon_ears.c,
 * daemon_now.c and daemon_watch.c share; private to them.
 */
#ifndef FLOW_DAEMON_INSIDE_H
#define FLOW_DAEMON_INSIDE_H
#include "daemon.h"
#include "deliveries.h"
#include "ears.h"
#include "hand.h"
#include "seats.h"
#include "solo.h"
#include "watch.h"

/* One configured account of a tenancy. */
struct tenant {
	struct tenancy *tenancy;
	struct seat *seat;
	struct pass_account told;
	uint64_t moved_ms;
	bool hurried;	     /* its first visit is one whatever its backoff */
	bool awaits;	     /* that it ends under an older configuration */
	struct watch *watch; /* owned; NULL: no session of it ever rested */
	uint64_t rests_since_ms;
	bool stirred;	  /* the server told of new mail in this rest */
	bool hears_all;	  /* it is to tell of all folders */
	bool was_deaf_to; /* ... and did not before the visit under way */
	unsigned deaf;
	struct ears *ears; /* owned; NULL: none of it ever rested beside it */
	size_t ears_counted;
};

struct tenancy {
	struct link link;
	struct daemon *daemon;
	struct config *config;
	struct parts parts;
	struct deliveries *deliveries;
	struct seats *seats;
	struct tenant *tenants; /* owned */
	size_t n, binding;
	size_t visits;	/* of its tenants, not freed yet */
	size_t resting; /* sessions of theirs */
	size_t ears;	/* ... in further folders */
	bool opened, begun, retired, finished;
};

struct client { /* a pass for somebody else */
	struct link link;
	struct daemon *daemon;
	struct tenancy *tenancy;
	struct pass *pass;
	const struct pass_reports *reports;
	void *who;
	bool dry_run, over;
};

struct daemon {
	struct parts parts;
	struct solo solo;
	struct hand hand;
	size_t resting, ears; /* sessions, of all tenancies */
	const struct daemon_reports *reports;
	void *who;
	struct pass_options options; /* of visits by time */
	struct link tenancies;	     /* the last is the present one */
	struct link clients, dead;   /* dead: visits */
	bool again; /* not the first tenancy: refused settings are tried */
	bool stopping, ended, cut;
	struct err failure;
	struct task tidy, wake_all;
	struct timer patience;
	uint64_t stop_by_ms;
};

/* Whose visits begin now; NULL: nobody's (yet). */
struct tenancy *daemon_working(const struct daemon *d);

/* daemon_watch.c: sessions that rest between visits. */
/* As visit_reports.rest. */
bool daemon_rest(struct tenant *t, struct visit *v);
/* The session at rest, where there is one, goes to the next visit. */
void daemon_inherit(struct tenant *t, struct visit *v);
/* Behind a visit: had the server told of what it found? */
void daemon_look_at_hearing(struct tenant *t);
/* It wants to hear of new mail at once, and no session of it rests. */
bool daemon_is_unheard(const struct tenant *t);
/* To the present configuration, where the account is the same by it. */
void daemon_move_rests(struct tenancy *from);
void daemon_end_rests(struct tenancy *y);
void daemon_cut_rests(struct tenancy *y); /* without a word */
void daemon_free_rests(struct tenancy *y);

/* daemon_ears.c: further sessions that rest. */
/* Where its session at rest does not hear of all folders: for the first. */
void daemon_open_ears(struct tenant *t);
void daemon_rearm_ears(struct tenant *t); /* a visit begins */
void daemon_judge_ears(struct tenant *t, const struct visit *v); /* is over */
void daemon_move_ears(struct tenant *from, struct tenant *to);
void daemon_end_ears(struct tenant *t);
void daemon_cut_ears(struct tenant *t);

/* daemon_client.c: the passes that somebody else asked for. */
bool daemon_has_clients(const struct daemon *d, const struct tenancy *y);
void daemon_free_clients(struct daemon *d); /* that are over */
/* Nothing more begins for them; y NULL: for all. */
void daemon_shut_clients(struct daemon *d, const struct tenancy *y);
void daemon_tell_settled(struct tenancy *y, const struct message *m);
void daemon_tell_delivery(struct tenancy *y, const struct config_delivery *c,
			  const struct err *err);
/* false: none of them has this account visited. */
bool daemon_tell_refused(struct tenancy *y, const struct config_delivery *d,
			 const struct message *m);
#endif
