/* barrier - preloaded: delays each fsync and fdatasync by BARRIER_MS (as a disk
 * with slow barriers would) and counts into the file BARRIER_COUNT, two uint64:
 * barriers, octets written to regular files. Threads and children add up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static struct timespec delay;

__attribute__((constructor)) static void setup(void)
{
	const char *ms = getenv("BARRIER_MS"), *path = getenv("BARRIER_COUNT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	double s = ms ? atof(ms) / 1e3 : 0;
	delay.tv_sec = (time_t)s;
	delay.tv_nsec = (long)((s - (double)delay.tv_sec) * 1e9);
	if (fd < 0)
		return;
	void *p = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		count = p;
	close(fd);
}

static int barrier(int fd, long number)
{
	if (count)
		atomic_fetch_add(&count[0], 1);
	int rc = (int)syscall(number, fd);
	if (delay.tv_sec || delay.tv_nsec)
		nanosleep(&delay, NULL);
	return rc;
}

static ssize_t wrote(int fd, ssize_t n)
{
	struct stat st;
	if (n > 0 && count && !fstat(fd, &st) && S_ISREG(st.st_mode))
		atomic_fetch_add(&count[1], (uint64_t)n);
	return n;
}

int fsync(int fd) { return barrier(fd, SYS_fsync); }
int fdatasync(int fd) { return barrier(fd, SYS_fdatasync); }
ssize_t write(int fd, const void *p, size_t n) { return wrote(fd, syscall(SYS_write, fd, p, n)); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t o) { return wrote(fd, syscall(SYS_pwrite64, fd, p, n, o)); }
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t o) { return wrote(fd, syscall(SYS_pwrite64, fd, p, n, o)); }
ssize_t writev(int fd, const struct iovec *v, int n) { return wrote(fd, syscall(SYS_writev, fd, v, n)); }
/* the kernel takes the offset in two halves: low, high */
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t o) { return wrote(fd, syscall(SYS_pwritev, fd, v, n, o, 0)); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) { return wrote(fd, syscall(SYS_pwritev, fd, v, n, o, 0)); }
