#include "wire.h"

#include <errno.h>
#include <stdlib.h>

void wire_init(struct wire *w, struct sock *sock, bool quickack)
{
	*w = (struct wire){
		.sock = sock,
		.quickack = quickack,
		.turn_left = WIRE_TURN_OCTETS,
	};
}

static void release(struct wire *w)
{
	free(w->out.data);
	w->out = (struct queue){ 0 };
}

void wire_fini(struct wire *w)
{
	sock_close(w->sock);
	w->sock = NULL;
	release(w);
}

void wire_turn(struct wire *w, bool in, bool out)
{
	w->turn_left = WIRE_TURN_OCTETS;
	if (in)
		w->is_dry = false;
	if (out)
		w->is_stuck = false;
}

void wire_watch(struct wire *w, bool in, sock_ready *ready, void *who)
{
	sock_watch(w->sock, in && w->end == WIRE_OPEN, w->is_stuck, ready, who);
}

ssize_t wire_read(struct wire *w, struct room r)
{
	ssize_t n;

	if (w->end != WIRE_OPEN)
		return 0;
	if (w->is_dry || w->turn_left == 0)
		return -1;
	n = sock_read(w->sock, r);
	if (n == -EAGAIN) {
		w->is_dry = true;
		return -1;
	}
	if (n <= 0) {
		w->end = n ? WIRE_BROKEN : WIRE_ENDED;
		w->errnum = n ? (int)-n : w->errnum;
		return 0;
	}
	/* The loop tells when more is there: saves asking for nothing. */
	w->is_dry = (size_t)n < r.n;
	w->turn_left -= (size_t)n < w->turn_left ? (size_t)n : w->turn_left;
	if (w->quickack)
		sock_acknowledge(w->sock);
	return n;
}

/* What the kernel said to `offered` octets; returns how many it took. */
static size_t judge(struct wire *w, ssize_t n, size_t offered)
{
	if (n == -EAGAIN) {
		w->is_stuck = true;
		return 0;
	}
	if (n < 0) {
		w->is_mute = true;
		w->errnum = (int)-n;
		return 0;
	}
	w->is_stuck = (size_t)n < offered;
	return (size_t)n;
}

size_t wire_write(struct wire *w, struct view v)
{
	struct view held = w->out.data ? queue_view(&w->out) : VIEW_NONE;
	size_t n, of_held, offered = held.n + v.n;

	if (w->is_stuck || w->is_mute || offered == 0)
		return 0;
	n = judge(w, sock_write(w->sock, held, v), offered);
	of_held = n < held.n ? n : held.n;
	if (of_held)
		queue_drop(&w->out, of_held);
	if (w->out.len == 0)
		release(w);
	return n - of_held;
}

void wire_flush(struct wire *w)
{
	(void)wire_write(w, VIEW_NONE);
}

size_t wire_hold(struct wire *w, struct view v)
{
	if (!w->out.data) {
		w->out.data = mem_grow(NULL, WIRE_OCTETS);
		w->out.cap = WIRE_OCTETS;
	}
	v = view_head(v, queue_free(&w->out));
	MUST(queue_put(&w->out, v));
	if (w->out.len > w->held_most)
		w->held_most = w->out.len;
	return v.n;
}

size_t wire_free(const struct wire *w)
{
	return w->out.data ? queue_free(&w->out) : WIRE_OCTETS;
}

size_t wire_held(const struct wire *w)
{
	return w->out.len;
}
