#include "hop.h"
#include "limits.h"
#include "must.h"
#include "wire.h"

#include <stdlib.h>

struct hop {
	struct wire wire;
	struct tunnel *tunnel; /* owned */
	bool server_waits;
	struct timer late;
	struct task begin;
	hop_done *done;
	void *who;
};

void hop_cancel(struct hop *h)
{
	if (!h)
		return;
	timer_stop(&h->late);
	task_cancel(&h->begin);
	tunnel_free(h->tunnel);
	wire_fini(&h->wire);
	free(h);
}

static void end(struct hop *h, struct sock *s, const struct err *why)
{
	hop_done *done = h->done;
	void *who = h->who;

	hop_cancel(h);
	done(who, s, why);
}

static void give(struct hop *h)
{
	struct view v = tunnel_pending(h->tunnel);

	if (v.n)
		tunnel_sent(h->tunnel, wire_hold(&h->wire, v));
	wire_flush(&h->wire);
}

/* false: nothing more for now. */
static bool take(struct hop *h)
{
	struct room r = tunnel_room(h->tunnel);
	ssize_t n = r.n ? wire_read(&h->wire, r) : -1;

	if (n > 0)
		tunnel_received(h->tunnel, (size_t)n);
	else if (n == 0)
		tunnel_cut(h->tunnel, "hung up before it had answered");
	return n > 0;
}

static void arrive(struct hop *h)
{
	struct err why = { 0 };
	struct sock *s;
	char c;

	if (h->server_waits &&
	    wire_read(&h->wire, (struct room){ &c, 1 }) > 0) {
		(void)err_set(&why, ERR_PROTOCOL,
			      "octets came through the proxy before the server "
			      "could know of us");
		(void)err_remedy(&why,
				 "check port and TLS form of `server`; if they "
				 "are right, do not trust this `proxy`");
		end(h, NULL, &why);
		return;
	}
	s = h->wire.sock;
	h->wire.sock = NULL;
	end(h, s, NULL);
}

static void on_ready(void *who, bool in, bool out);

static void go_on(struct hop *h)
{
	struct err why = { 0 };

	do
		give(h);
	while (take(h));
	switch (tunnel_state(h->tunnel, &why)) {
	case TUNNEL_ASKING:
		wire_watch(&h->wire, true, on_ready, h);
		return;
	case TUNNEL_FAILED:
		end(h, NULL, &why);
		return;
	case TUNNEL_OPEN:
		arrive(h);
		return;
	}
}

static void on_ready(void *who, bool in, bool out)
{
	struct hop *h = who;

	wire_turn(&h->wire, in, out);
	go_on(h);
}

static void on_begin(void *who)
{
	go_on(who);
}

static void on_late(void *who)
{
	struct hop *h = who;
	struct err why = { 0 };

	tunnel_cut(h->tunnel, "did not answer in time");
	(void)tunnel_state(h->tunnel, &why);
	end(h, NULL, &why);
}

struct hop *hop_start(struct loop *l, struct sock *s, struct tunnel *t,
		      bool server_waits, uint32_t within_ms, hop_done *done,
		      void *who)
{
	struct hop *h = mem_new(sizeof(*h));

	h->tunnel = t;
	h->server_waits = server_waits;
	h->done = done;
	h->who = who;
	wire_init(&h->wire, s, false);
	wire_watch(&h->wire, true, on_ready, h); /* nobody else's any more */
	task_init(&h->begin, l, on_begin, h);
	timer_init(&h->late, l, on_late, h);
	timer_start(&h->late, within_ms ? within_ms : LIMIT_PROXY_MS);
	task_post(&h->begin);
	return h;
}
