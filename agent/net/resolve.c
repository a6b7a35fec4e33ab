#include "resolve.h"
#include "must.h"
#include "neterr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX 1024u /* hosts remembered */

enum entry_state {
	ENTRY_IDLE,
	ENTRY_QUEUED, /* waits for a turn on the pool */
	ENTRY_RUNNING,
};

/* A host: its last good addresses and who waits for it. */
struct entry {
	struct link link; /* of resolver.entries, least recently asked first */
	struct link turn; /* of resolver.turns, while QUEUED */
	struct resolver *resolver; /* borrowed */
	char *host;		   /* owned; lower case */
	enum entry_state state;
	struct link waiting; /* of struct lookup */
	struct address list[RESOLVE_ADDRESSES];
	size_t n;
	bool is_local; /* needs no look-up */
	uint64_t fresh_until_ms;
};

struct lookup {
	struct link link;      /* of entry.waiting */
	struct entry *entry;   /* NULL: numeric */
	struct address number; /* of a numeric host */
	struct task soon;      /* the answer is there already */
	struct timer late;
	resolve_done *done;
	void *who;
};

/* What a thread of the pool works on; outlives the resolver if need be. */
struct query {
	struct link link;    /* of resolver.running */
	struct entry *entry; /* NULL: the resolver is gone */
	resolve_call *call;
	char *host; /* owned */
	struct address list[RESOLVE_ADDRESSES];
	size_t n;
	int result; /* EAI_* */
};

struct resolver {
	struct loop *loop; /* borrowed */
	resolve_call *call;
	unsigned at_once, now_running;
	uint32_t within_ms;
	struct link entries, turns, running;
	size_t count;
};

bool address_numeric(struct address *a, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const char *zone = strchr(text, '%');
	size_t n = zone ? (size_t)(zone - text) : strlen(text);

	*a = (struct address){ 0 };
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (!zone && inet_pton(AF_INET, host, &a->to.in.sin_addr) == 1) {
		a->to.in.sin_family = AF_INET;
		a->length = sizeof(a->to.in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &a->to.in6.sin6_addr) != 1)
		return false;
	a->to.in6.sin6_family = AF_INET6;
	a->length = sizeof(a->to.in6);
	if (zone)
		a->to.in6.sin6_scope_id = if_nametoindex(zone + 1);
	return !zone || a->to.in6.sin6_scope_id != 0;
}

void address_set_port(struct address *a, uint16_t port)
{
	if (a->to.any.sa_family == AF_INET)
		a->to.in.sin_port = htons(port);
	else if (a->to.any.sa_family == AF_INET6)
		a->to.in6.sin6_port = htons(port);
}

void address_text(const struct address *a, char *out, size_t cap)
{
	out[0] = 0;
	if (a->to.any.sa_family == AF_UNIX)
		(void)snprintf(out, cap, "%s", a->to.un.sun_path);
	else if (a->length)
		(void)getnameinfo(&a->to.any, a->length, out, (socklen_t)cap,
				  NULL, 0, NI_NUMERICHOST);
}

bool address_is_loopback(const struct address *a)
{
	const struct in6_addr *six = &a->to.in6.sin6_addr;

	switch (a->to.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(a->to.in.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(six) ||
		       (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
	}
	return false;
}

static int ask_system(const char *host, struct address *list, size_t *n)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	int result = getaddrinfo(host, NULL, &hints, &all);

	if (result != 0)
		return result;
	for (struct addrinfo *at = all; at && *n < RESOLVE_ADDRESSES;
	     at = at->ai_next) {
		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		list[*n].length = at->ai_addrlen;
		memcpy(&list[*n].to, at->ai_addr, at->ai_addrlen);
		++*n;
	}
	freeaddrinfo(all);
	return *n ? 0 : EAI_NODATA;
}

struct resolver *resolver_new(struct loop *l, unsigned at_once,
			      resolve_call *call)
{
	struct resolver *r = mem_new(sizeof(*r));

	MUST(at_once > 0);
	r->loop = l;
	r->at_once = at_once;
	r->within_ms = RESOLVE_MS;
	r->call = call ? call : ask_system;
	list_init(&r->entries);
	list_init(&r->turns);
	list_init(&r->running);
	return r;
}

void resolver_within(struct resolver *r, uint32_t ms)
{
	r->within_ms = ms;
}

static void entry_free(struct entry *e)
{
	MUST(list_empty(&e->waiting));
	e->resolver->count--;
	list_drop(&e->link);
	list_drop(&e->turn);
	free(e->host);
	free(e);
}

void resolver_free(struct resolver *r)
{
	struct link *at;

	if (!r)
		return;
	while ((at = list_pop(&r->running)) != NULL)
		LIST_OF(at, struct query, link)->entry = NULL;
	while (!list_empty(&r->entries))
		entry_free(LIST_OF(r->entries.next, struct entry, link));
	free(r);
}

/* The least recently asked host that nobody waits for. */
static void forget_one(struct resolver *r)
{
	LIST_EACH(at, kept, &r->entries)
	{
		struct entry *e = LIST_OF(at, struct entry, link);

		if (e->state != ENTRY_IDLE || !list_empty(&e->waiting))
			continue;
		entry_free(e);
		return;
	}
}

/* In lower case, without a trailing dot; free() releases it. */
static char *canonical(const char *host)
{
	char *s = mem_str(host);
	size_t n = strlen(s);

	if (n > 1 && s[n - 1] == '.')
		s[n - 1] = 0;
	for (char *p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return s;
}

/* RFC 6761 6.3: this name and all within it. name: as of canonical(). */
static bool is_localhost(const char *name)
{
	static const char local[] = "localhost";
	size_t n = strlen(name), m = sizeof(local) - 1;

	return n >= m && strcmp(name + n - m, local) == 0 &&
	       (n == m || name[n - m - 1] == '.');
}

/* IPv4 first: what serves this machine alone often has no other address. */
static void be_local(struct entry *e)
{
	e->is_local = address_numeric(&e->list[0], "127.0.0.1") &&
		      address_numeric(&e->list[1], "::1");
	e->n = 2;
}

static struct entry *entry_for(struct resolver *r, const char *host)
{
	char *name = canonical(host);
	struct entry *e;

	LIST_EACH(at, kept, &r->entries)
	{
		e = LIST_OF(at, struct entry, link);
		if (strcmp(e->host, name) != 0)
			continue;
		free(name);
		list_drop(&e->link);
		list_push(&r->entries, &e->link);
		return e;
	}
	if (r->count >= ENTRIES_MAX)
		forget_one(r);
	e = mem_new(sizeof(*e));
	e->resolver = r;
	e->host = name;
	list_init(&e->waiting);
	list_init(&e->turn);
	list_push(&r->entries, &e->link);
	r->count++;
	if (is_localhost(name))
		be_local(e);
	return e;
}

static void lookup_free(struct lookup *w)
{
	list_drop(&w->link);
	task_cancel(&w->soon);
	timer_stop(&w->late);
	free(w);
}

/* Ends w with the addresses of e, or, where it has none, with why. */
static void answer(struct lookup *w, const struct entry *e,
		   const struct err *why)
{
	struct address list[RESOLVE_ADDRESSES];
	resolve_done *done = w->done;
	void *who = w->who;
	size_t n = e->n;

	/* A copy: done may ask again, which may make us forget e. */
	memcpy(list, e->list, n * sizeof(list[0]));
	lookup_free(w);
	done(who, list, n, n ? NULL : why);
}

static void run_query(void *who)
{
	struct query *q = who;

	q->result = q->call(q->host, q->list, &q->n);
}

static bool is_fresh(const struct entry *e)
{
	return e->is_local ||
	       (e->n > 0 &&
		loop_now_ms(e->resolver->loop) < e->fresh_until_ms);
}

void resolver_expire(struct resolver *r)
{
	LIST_EACH(at, kept, &r->entries)
	LIST_OF(at, struct entry, link)->fresh_until_ms = 0;
}

static bool is_temporary(int eai)
{
	return eai == EAI_AGAIN || eai == EAI_SYSTEM || eai == EAI_MEMORY ||
	       eai == EAI_FAIL;
}

static void take_turn(struct entry *e)
{
	e->state = ENTRY_QUEUED;
	list_push(&e->resolver->turns, &e->turn);
}

static void on_answered(void *who);

static void next_turns(struct resolver *r)
{
	struct link *at;

	while (r->now_running < r->at_once &&
	       (at = list_pop(&r->turns)) != NULL) {
		struct entry *e = LIST_OF(at, struct entry, turn);
		struct query *q;

		e->state = ENTRY_IDLE;
		if (list_empty(&e->waiting))
			continue;
		q = mem_new(sizeof(*q));
		e->state = ENTRY_RUNNING;
		q->entry = e;
		q->call = r->call;
		q->host = mem_str(e->host);
		list_push(&r->running, &q->link);
		r->now_running++;
		loop_work(r->loop, run_query, on_answered, q);
	}
}

static void tell_waiting(struct entry *e, const struct err *why)
{
	struct link ready, *at;

	/* Who asks again from within waits for the next answer, not this. */
	list_init(&ready);
	while ((at = list_pop(&e->waiting)) != NULL)
		list_push(&ready, at);
	while ((at = list_pop(&ready)) != NULL) {
		answer(LIST_OF(at, struct lookup, link), e, why);
	}
}

/* What the pool found out becomes what e knows; why: where it is nothing. */
static void learn(struct entry *e, const struct query *q, struct err *why)
{
	int result = q->result == 0 && q->n == 0 ? EAI_NODATA : q->result;

	if (result == 0) {
		memcpy(e->list, q->list, sizeof(e->list));
		e->n = q->n;
		e->fresh_until_ms =
			loop_now_ms(e->resolver->loop) + RESOLVE_KEEP_MS;
		return;
	}
	(void)neterr_lookup(why, result, e->host);
	if (!is_temporary(result))
		e->n = 0;
}

static void on_answered(void *who)
{
	struct query *q = who;
	struct entry *e = q->entry;
	struct err why = { 0 };

	if (e) {
		e->resolver->now_running--;
		learn(e, q, &why);
		tell_waiting(e, &why);
	}
	/* Somebody told may have freed the resolver, and e with it. */
	if (q->entry) {
		e->state = ENTRY_IDLE;
		if (!list_empty(&e->waiting) && !is_fresh(e))
			take_turn(e);
		next_turns(e->resolver);
	}
	list_drop(&q->link);
	free(q->host);
	free(q);
}

static void on_late(void *who)
{
	struct lookup *w = who;
	struct entry *e = w->entry;
	struct err why;

	(void)neterr_lookup(&why, 0, e->host);
	answer(w, e, &why);
}

static void on_soon(void *who)
{
	struct lookup *w = who;
	struct address number = w->number;
	resolve_done *done = w->done;
	void *owner = w->who;

	if (w->entry) {
		answer(w, w->entry, NULL);
		return;
	}
	lookup_free(w);
	done(owner, &number, 1, NULL);
}

struct lookup *resolve(struct resolver *r, const char *host, resolve_done *done,
		       void *who)
{
	struct lookup *w = mem_new(sizeof(*w));
	struct entry *e;

	w->done = done;
	w->who = who;
	list_init(&w->link);
	task_init(&w->soon, r->loop, on_soon, w);
	timer_init(&w->late, r->loop, on_late, w);
	if (address_numeric(&w->number, host)) {
		task_post(&w->soon);
		return w;
	}
	w->entry = e = entry_for(r, host);
	list_push(&e->waiting, &w->link);
	if (is_fresh(e)) {
		task_post(&w->soon);
		return w;
	}
	timer_start(&w->late, r->within_ms);
	if (e->state == ENTRY_IDLE) {
		take_turn(e);
		next_turns(r);
	}
	return w;
}

void resolve_cancel(struct lookup *w)
{
	if (w)
		lookup_free(w);
}
