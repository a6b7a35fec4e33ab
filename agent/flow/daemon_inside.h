/*
 * daemon_inside - what daemon.c and daemon_client.c share; private to them.
 */
#ifndef FLOW_DAEMON_INSIDE_H
#define FLOW_DAEMON_INSIDE_H
#include "daemon.h"
#include "deliveries.h"
#include "hand.h"
#include "seats.h"
#include "solo.h"

/* One configured account of a tenancy. */
struct tenant {
	struct tenancy *tenancy;
	struct seat *seat;
	struct pass_account told;
	uint64_t moved_ms;
	bool hurried; /* its first visit is one whatever its backoff */
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
	size_t visits; /* of its tenants, not freed yet */
	bool opened, begun, retired, finished;
};

struct client { /* a pass for somebody else */
	struct link link;
	struct daemon *daemon;
	struct tenancy *tenancy;
	struct pass *pass;
	const struct pass_reports *reports; /* NULL: nobody listens */
	void *who;
	bool over;
};

struct daemon {
	struct parts parts;
	struct solo solo;
	struct hand hand;
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
