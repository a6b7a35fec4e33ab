/*
 * sock - one non-blocking stream socket, watched by the loop.
 *
 * Reads and writes go straight to the kernel; the loop only says when. So no
 * memory is ever lent to libuv, and what the kernel does not take stays where
 * it is.
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H
#include "loop.h"
#include "resolve.h"

struct sock;
/* Something watched is possible (or the connection broke: a read will tell). */
typedef void sock_ready(void *who, bool in, bool out);

/*
 * Begins to connect. from: address to bind to, or NULL. TCP sockets get
 * TCP_NODELAY and keepalive. NULL: *errnum says why.
 */
struct sock *sock_connect(struct loop *l, const struct address *to,
			  const struct address *from, int *errnum);
void sock_watch(struct sock *s, bool in, bool out, sock_ready *ready,
		void *who);
/* After the first `out`: 0 (connected) or an errno. */
int sock_result(const struct sock *s);
/* Octets read, 0 at the end, or -errno; -EAGAIN: nothing now. */
ssize_t sock_read(struct sock *s, struct room r);
/* Octets of a, then b, that were taken, or -errno; -EAGAIN: none now. */
ssize_t sock_write(struct sock *s, struct view a, struct view b);
/* Acknowledge at once what was read (TCP_QUICKACK does not last). */
void sock_acknowledge(const struct sock *s);
/* Closes at once; the memory goes later. NULL does nothing. */
void sock_close(struct sock *s);
#endif
