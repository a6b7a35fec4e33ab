#include "sock.h"
#include "must.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* Half-open connections end after 120 + 4 * 30 s even while nobody waits. */
#define KEEPALIVE_IDLE_S  120
#define KEEPALIVE_EVERY_S 30
#define KEEPALIVE_COUNT	  4

struct sock {
	uv_poll_t poll;
	int fd;	     /* owned */
	int watched; /* UV_READABLE | UV_WRITABLE */
	sock_ready *ready;
	void *who;
};

static void set(int fd, int level, int option, int value)
{
	/* Tuning: a socket without it still works. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void tune(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

/* A connecting descriptor, or -errno. */
static int open_to(const struct address *to, const struct address *from)
{
	int family = to->to.any.sa_family, errnum;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family != AF_UNIX)
		tune(fd);
	if (from && bind(fd, &from->to.any, from->length) != 0)
		goto failed;
	if (connect(fd, &to->to.any, to->length) == 0 || errno == EINPROGRESS)
		return fd;
failed:
	errnum = errno;
	(void)close(fd);
	return -errnum;
}

struct sock *sock_connect(struct loop *l, const struct address *to,
			  const struct address *from, int *errnum)
{
	int fd = open_to(to, from);
	struct sock *s;

	if (fd < 0) {
		*errnum = -fd;
		return NULL;
	}
	s = mem_new(sizeof(*s));
	s->fd = fd;
	s->poll.data = s;
	MUST(uv_poll_init_socket(loop_uv(l), &s->poll, fd) == 0);
	return s;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct sock *s = h->data;

	if (status < 0) {
		/* libuv stopped watching; the reason comes with the read. */
		s->watched = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	s->ready(s->who, events & UV_READABLE, events & UV_WRITABLE);
}

void sock_watch(struct sock *s, bool in, bool out, sock_ready *ready, void *who)
{
	int events = (in ? UV_READABLE : 0) | (out ? UV_WRITABLE : 0);

	s->ready = ready;
	s->who = who;
	if (events == s->watched)
		return;
	s->watched = events;
	if (events)
		(void)uv_poll_start(&s->poll, events, on_poll);
	else
		(void)uv_poll_stop(&s->poll);
}

int sock_result(const struct sock *s)
{
	int errnum = 0;
	socklen_t n = sizeof(errnum);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errnum, &n) != 0)
		return errno;
	return errnum;
}

ssize_t sock_read(struct sock *s, struct room r)
{
	ssize_t n;

	do
		n = recv(s->fd, r.p, r.n, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t sock_write(struct sock *s, struct view a, struct view b)
{
	struct iovec part[2] = {
		{ .iov_base = (void *)(uintptr_t)a.p, .iov_len = a.n },
		{ .iov_base = (void *)(uintptr_t)b.p, .iov_len = b.n },
	};
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };
	ssize_t n;

	do
		n = sendmsg(s->fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void sock_acknowledge(const struct sock *s)
{
	set(s->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void sock_close(struct sock *s)
{
	if (!s)
		return;
	uv_close((uv_handle_t *)&s->poll, on_closed);
	(void)close(s->fd);
}
