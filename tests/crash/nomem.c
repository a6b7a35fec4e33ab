/*
 * nomem - lets malloc, calloc and realloc fail (LD_PRELOAD). Not for programs
 * with a sanitizer, which has an allocator of its own.
 *
 * NOMEM=FIRST:TIMES   calls FIRST and on (from 1) return NULL
 * NOMEM_COUNT=FILE    two numbers of 64 bits: calls, and those that failed;
 *     kept up to date beyond the process's death
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own names for what is taken over here */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);

static uint64_t first = UINT64_MAX, times, own[2], *count = own;

__attribute__((constructor)) static void begin(void)
{
	const char *s = getenv("NOMEM"), *path = getenv("NOMEM_COUNT");
	char *end;
	int fd;

	if (!s || !path)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, sizeof own) != 0)
		abort();
	count = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     0);
	close(fd);
	first = strtoull(s, &end, 10);
	times = strtoull(end + 1, NULL, 10);
}

/* Called by any thread. */
static bool fails(void)
{
	uint64_t n = __atomic_add_fetch(&count[0], 1, __ATOMIC_RELAXED);

	if (n < first || n - first >= times)
		return false;
	__atomic_add_fetch(&count[1], 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
	return fails() ? NULL : __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
