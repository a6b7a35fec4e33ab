/*
 * trouble - what goes wrong beneath a program, when a test wants it
 * (LD_PRELOAD). In the folder TROUBLE:
 *
 *   barrier-hangs   while it is there, fsync and fdatasync do not come back
 *   barrier-fails   ... they fail: EIO
 *   bodies-hang     ... those of segments (*.seg) do not come back
 *   lookup-hangs    ... looking up a name that ends in ".dead" does not
 *   ahead           eight octets: so many milliseconds all clocks are ahead
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *ahead_ms;
static char folder[400];

__attribute__((constructor)) static void setup(void)
{
	const char *where = getenv("TROUBLE");
	char path[420];
	void *p;
	int fd;

	if (!where)
		return;
	(void)snprintf(folder, sizeof(folder), "%s", where);
	(void)snprintf(path, sizeof(path), "%s/ahead", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*ahead_ms), PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		ahead_ms = p;
	(void)close(fd);
}

static bool is(const char *what)
{
	char path[420];
	int kept = errno;
	bool there;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, what);
	there = access(path, F_OK) == 0;
	errno = kept;
	return there;
}

static void while_is(const char *what)
{
	struct timespec t = { .tv_nsec = 5000000 };

	while (is(what))
		(void)nanosleep(&t, NULL);
}

static bool is_segment(int fd)
{
	char link[40], path[400];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	return n > 4 && n < (ssize_t)sizeof(path) &&
	       memcmp(path + n - 4, ".seg", 4) == 0;
}

static int barrier(int fd, long number)
{
	while_is("barrier-hangs");
	if (is_segment(fd))
		while_is("bodies-hang");
	if (is("barrier-fails")) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return barrier(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return barrier(fd, SYS_fdatasync);
}

int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints,
		struct addrinfo **restrict found)
{
	static int (*next)(const char *, const char *, const struct addrinfo *,
			   struct addrinfo **);
	size_t n = name ? strlen(name) : 0;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (n >= 5 && strcmp(name + n - 5, ".dead") == 0) {
		while_is("lookup-hangs");
		return EAI_AGAIN;
	}
	return next(name, service, hints, found);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t ms = ahead_ms ? atomic_load(ahead_ms) : 0;
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	if (rc != 0 || !ms || id == CLOCK_PROCESS_CPUTIME_ID ||
	    id == CLOCK_THREAD_CPUTIME_ID)
		return rc;
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
	return 0;
}
