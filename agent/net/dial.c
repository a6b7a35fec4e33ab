#include "dial.h"
#include "hop.h"
#include "must.h"
#include "neterr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STAGGER_MS 250u /* RFC 8305 5: Connection Attempt Delay */

struct attempt {
	struct link link;  /* of dial.attempts */
	struct dial *dial; /* borrowed */
	struct sock *sock; /* owned */
	struct address to;
};

struct dial {
	struct loop *loop; /* borrowed */
	char *host;	   /* owned; what is connected to, for messages */
	uint16_t port;
	bool is_proxied, server_waits;
	struct tunnel *tunnel; /* owned until there is a hop */
	struct hop *hop;       /* owned; once the proxy is reached */
	uint32_t proxy_ms;
	struct address at; /* that of the proxy */
	uint32_t within_ms;
	struct address from; /* length 0: any */
	struct lookup *lookup;
	struct address list[RESOLVE_ADDRESSES]; /* in the order of trying */
	size_t n, next;
	struct link attempts;
	struct task begin;
	struct timer stagger, late;
	struct err failed; /* what is told if none connects */
	dial_done *done;
	void *who;
};

static void attempt_free(struct attempt *a)
{
	list_drop(&a->link);
	sock_close(a->sock);
	free(a);
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	while (!list_empty(&d->attempts))
		attempt_free(LIST_OF(d->attempts.next, struct attempt, link));
	resolve_cancel(d->lookup);
	hop_cancel(d->hop);
	tunnel_free(d->tunnel);
	task_cancel(&d->begin);
	timer_stop(&d->stagger);
	timer_stop(&d->late);
	free(d->host);
	free(d);
}

/* What was said of a server is meant of the proxy. */
static void blame_proxy(struct err *why)
{
	(void)err_within(why, "the proxy");
	if (why->class == ERR_NETWORK && why->code != EADDRNOTAVAIL)
		(void)err_remedy(why, "check `proxy`: host and port, and that "
				      "it runs");
}

static void end(struct dial *d, struct sock *won, const struct address *to)
{
	struct err why = d->failed;
	dial_done *done = d->done;
	void *who = d->who;

	if (!won && d->tunnel)
		blame_proxy(&why);
	dial_cancel(d);
	done(who, won, to, won ? NULL : &why);
}

/*
 * Of several failures the first is told, but "this network has no IPv6" and the
 * like only when there is nothing better.
 */
static void note_failure(struct dial *d, const struct address *to, int errnum)
{
	char what[220], where[INET6_ADDRSTRLEN + 64];
	int had = d->failed.code;

	if (d->failed.class != ERR_NONE && had != ENETUNREACH &&
	    had != EHOSTUNREACH && had != EADDRNOTAVAIL)
		return;
	address_text(to, where, sizeof(where));
	if (to->to.any.sa_family == AF_UNIX)
		(void)snprintf(what, sizeof(what), "cannot connect to %.110s",
			       where);
	else if (strcmp(where, d->host) == 0)
		(void)snprintf(what, sizeof(what),
			       "cannot connect to %s port %u", where, d->port);
	else
		(void)snprintf(what, sizeof(what),
			       "cannot connect to %.80s (%.60s) port %u",
			       d->host, where, d->port);
	(void)neterr_connect(&d->failed, errnum,
			     to->to.any.sa_family == AF_UNIX, what);
}

static void on_connected(void *who, bool in, bool out);

/* false: that address is out already. */
static bool try_next(struct dial *d)
{
	struct attempt *a = mem_new(sizeof(*a));
	int errnum = 0;

	list_init(&a->link);
	a->dial = d;
	a->to = d->list[d->next++];
	a->sock = sock_connect(d->loop, &a->to,
			       d->from.length ? &d->from : NULL, &errnum);
	if (!a->sock) {
		note_failure(d, &a->to, errnum);
		attempt_free(a);
		return false;
	}
	list_push(&d->attempts, &a->link);
	sock_watch(a->sock, false, true, on_connected, a);
	return true;
}

/* Starts the next attempt that can be; ends it all when none is left. */
static void go_on(struct dial *d)
{
	timer_stop(&d->stagger);
	while (d->next < d->n && !try_next(d))
		;
	if (d->next < d->n)
		timer_start(&d->stagger, STAGGER_MS);
	else if (list_empty(&d->attempts))
		end(d, NULL, NULL);
}

static void on_stagger(void *who)
{
	go_on(who);
}

static void on_hopped(void *who, struct sock *s, const struct err *why)
{
	struct dial *d = who;
	struct address at = d->at;

	d->hop = NULL;
	if (!s)
		d->failed = *why;
	end(d, s, &at);
}

/* The proxy is reached: its own deadline begins. */
static void hop(struct dial *d, struct sock *s, const struct address *at)
{
	struct tunnel *t = d->tunnel;

	while (!list_empty(&d->attempts))
		attempt_free(LIST_OF(d->attempts.next, struct attempt, link));
	timer_stop(&d->stagger);
	timer_stop(&d->late);
	d->at = *at;
	d->tunnel = NULL;
	d->hop = hop_start(d->loop, s, t, d->server_waits, d->proxy_ms,
			   on_hopped, d);
}

static void on_connected(void *who, bool in, bool out)
{
	struct attempt *a = who;
	struct dial *d = a->dial;
	int errnum = sock_result(a->sock);
	struct address to = a->to;
	struct sock *won;

	(void)in, (void)out;
	if (errnum) {
		note_failure(d, &to, errnum);
		attempt_free(a);
		go_on(d);
		return;
	}
	won = a->sock;
	a->sock = NULL;
	if (d->is_proxied)
		hop(d, won, &to);
	else
		end(d, won, &to);
}

static void on_late(void *who)
{
	struct dial *d = who;

	if (d->lookup)
		(void)neterr_lookup(&d->failed, 0, d->host);
	else if (d->failed.class == ERR_NONE) {
		(void)err_set(&d->failed, ERR_NETWORK,
			      "cannot connect to %.100s port %u: no answer "
			      "within %u s",
			      d->host, d->port, (d->within_ms + 999) / 1000);
		(void)err_remedy(&d->failed, "check host, port and firewall");
	}
	end(d, NULL, NULL);
}

static bool is_bindable(const struct dial *d, const struct address *a)
{
	return d->from.length == 0 ||
	       d->from.to.any.sa_family == a->to.any.sa_family;
}

/* Takes the next address of that family, or of the other, from list. */
static size_t pick(const struct dial *d, const struct address *list, size_t n,
		   bool *taken, sa_family_t family)
{
	size_t other = n;

	for (size_t i = 0; i < n; i++) {
		if (taken[i] || !is_bindable(d, &list[i]))
			continue;
		if (list[i].to.any.sa_family == family)
			return i;
		if (other == n)
			other = i;
	}
	return other;
}

/* RFC 8305 4: families take turns, beginning with that of the first. */
static void interleave(struct dial *d, const struct address *list, size_t n)
{
	bool taken[RESOLVE_ADDRESSES] = { false };
	sa_family_t family = n ? list[0].to.any.sa_family : AF_INET6;
	size_t i;

	while ((i = pick(d, list, n, taken, family)) < n) {
		taken[i] = true;
		family = list[i].to.any.sa_family == AF_INET6 ? AF_INET
							      : AF_INET6;
		d->list[d->n] = list[i];
		address_set_port(&d->list[d->n++], d->port);
	}
}

static void on_resolved(void *who, const struct address *list, size_t n,
			const struct err *why)
{
	struct dial *d = who;

	d->lookup = NULL;
	if (n == 0) {
		d->failed = *why;
		end(d, NULL, NULL);
		return;
	}
	interleave(d, list, n);
	if (d->n == 0) {
		(void)err_set(&d->failed, ERR_NETWORK,
			      "\"%.100s\" has no address of the family of "
			      "source_address",
			      d->host);
		end(d, NULL, NULL);
		return;
	}
	go_on(d);
}

/* What could be refused at once is refused in a turn of its own. */
static void on_begin(void *who)
{
	struct dial *d = who;

	if (d->failed.class != ERR_NONE)
		end(d, NULL, NULL);
	else
		go_on(d);
}

static void use_path(struct dial *d, const char *path)
{
	struct sockaddr_un *un = &d->list[0].to.un;

	if (strlen(path) >= sizeof(un->sun_path)) {
		(void)err_set(&d->failed, ERR_CONFIG,
			      "the path of the socket is too long: \"%.100s\"",
			      path);
	} else {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, path, strlen(path) + 1);
		d->list[0].length = sizeof(*un);
		d->n = 1;
	}
	task_post(&d->begin);
}

static void use_host(struct dial *d, struct resolver *r,
		     const struct dial_target *target)
{
	const char *from = target->source_address;

	if (from && !address_numeric(&d->from, from)) {
		(void)err_set(&d->failed, ERR_CONFIG,
			      "source_address \"%.80s\" is no address", from);
		task_post(&d->begin);
		return;
	}
	d->lookup = resolve(r, d->host, on_resolved, d);
}

struct dial *dial_start(struct loop *l, struct resolver *r,
			const struct dial_target *target, dial_done *done,
			void *who)
{
	struct dial *d = mem_new(sizeof(*d));
	const struct proxy *via = target->proxy;

	MUST(!via || (target->host && !target->path));
	d->loop = l;
	d->host = mem_str(target->path ? target->path
			  : via	       ? via->host
				       : target->host);
	d->port = via ? via->port : target->port;
	if (via)
		d->tunnel = tunnel_new(via, target->host, target->port);
	d->is_proxied = via;
	d->server_waits = target->server_waits;
	d->proxy_ms = target->proxy_ms;
	d->within_ms = target->within_ms;
	d->done = done;
	d->who = who;
	list_init(&d->attempts);
	task_init(&d->begin, l, on_begin, d);
	timer_init(&d->stagger, l, on_stagger, d);
	timer_init(&d->late, l, on_late, d);
	timer_start(&d->late, d->within_ms);
	if (target->path)
		use_path(d, target->path);
	else
		use_host(d, r, target);
	return d;
}
