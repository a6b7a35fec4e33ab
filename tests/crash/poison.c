/*
 * A message that brings the program down: preloaded, this faults where octets
 * that hold the words POISON_OUT are sent, or, once octets with POISON_IN were
 * received, at the next receiving. README.md, "Poison".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

static int armed;

static int holds(const char *name, const void *p, size_t n)
{
	const char *words = getenv(name);

	return words && n && memmem(p, n, words, strlen(words));
}

static void look_out(const void *p, size_t n)
{
	if (holds("POISON_OUT", p, n))
		raise(SIGSEGV);
}

static void look_all(const struct iovec *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		look_out(v[i].iov_base, v[i].iov_len);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	ssize_t (*real)(int, void *, size_t, int) =
		(ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
	ssize_t got;

	if (armed)
		raise(SIGSEGV);
	got = real(fd, p, n, flags);
	if (got > 0 && holds("POISON_IN", p, (size_t)got))
		armed = 1;
	return got;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) =
		(ssize_t(*)(int, const void *, size_t, int))dlsym(RTLD_NEXT,
								  "send");

	look_out(p, n);
	return real(fd, p, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) =
		(ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT,
								   "sendmsg");

	look_all(m->msg_iov, m->msg_iovlen);
	return real(fd, m, flags);
}
