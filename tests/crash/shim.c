/*
 * shim - stands between a program and its files and sockets (LD_PRELOAD), kills
 * it at a chosen call, keeps a record of what it does to files, injects faults.
 *
 * Counted calls ("points"): writes to files below SHIM_STATE, their fsync,
 * fdatasync, truncation, creation, renaming, unlinking, and writes to internet
 * sockets. All are done under one lock, so that numbers repeat as far as the
 * program's own order does.
 *
 * SHIM_STATE=DIR      absolute, without symbolic links
 * SHIM_COUNT=FILE     struct count, kept up to date beyond the process's death
 * SHIM_AT=N           kill -9 itself at point N (from 1), SHIM_HOW=
 *     before          instead of the call
 *     after           when the call was done
 *     half            when half of the octets were written (else as before)
 * SHIM_RECORD=FILE    all that is done below SHIM_STATE is written there
 *     (record.h), for disk.py; barriers are put on record only
 * SHIM_SWALLOW=PATTERN:FIRST:TIMES   barriers of files whose path fits (as in
 *     fnmatch(3)), from FIRST on (from 1), do nothing and say all is well
 * SHIM_SLOW=net:MS | disk:MS  each write to a socket, or each barrier, waits so
 *     long first, so that the threads of the program meet in another order
 * SHIM_FAULT=NAME:FIRST:TIMES   calls FIRST and on (from 1) of a kind fail:
 *     enospc, eio     writes to and creations of files below SHIM_STATE
 *     sync            their fsync and fdatasync, with EIO (not those of
 *                     directories: sqlite does not look at the result)
 *     emfile          open and socket, with EMFILE
 *     short           every write, to files and sockets, takes half its octets
 *     eintr           every write answers EINTR
 */
#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
	OTHER,
	FILE_BELOW,
	DIR_BELOW,
	SOCKET
};
enum how {
	BEFORE,
	AFTER,
	HALF
};
enum fault {
	NONE,
	ENOSPC_,
	EIO_,
	SYNC,
	EMFILE_,
	SHORT,
	EINTR_
};

struct count {
	uint64_t points, syncs, writes, sends, acted, faults;
	char what[200]; /* the point where it was killed, or the last fault */
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct count own, *count = &own;
static const char *state;
static char swallow[64];
static uint64_t swallow_first, swallow_times, swallow_seen;
static size_t state_len;
static uint64_t at;
static enum how how;
static enum fault fault;
static struct timespec slow_net, slow_disk;
static uint64_t fault_first, fault_times, fault_seen;
static bool ready;

static void setup(void)
{
	if (ready)
		return;
	ready = true;
	static const char *const names[] = {
		[ENOSPC_] = "enospc", [EIO_] = "eio",	 [SYNC] = "sync",
		[EMFILE_] = "emfile", [SHORT] = "short", [EINTR_] = "eintr"
	};
	const char *s = getenv("SHIM_COUNT");
	if (s) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, s,
				      O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof *count))
			abort();
		count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
		syscall(SYS_close, fd);
	}
	state = getenv("SHIM_STATE");
	state_len = state ? strlen(state) : 0;
	s = getenv("SHIM_RECORD");
	if (s)
		record_begin(s);
	s = getenv("SHIM_SWALLOW");
	if (s && sscanf(s, "%63[^:]:%" SCNu64 ":%" SCNu64, swallow,
			&swallow_first, &swallow_times) != 3)
		abort();
	s = getenv("SHIM_AT");
	at = s ? strtoull(s, NULL, 10) : 0;
	s = getenv("SHIM_HOW");
	how = !s || !strcmp(s, "before") ? BEFORE
	      : !strcmp(s, "after")	 ? AFTER
					 : HALF;
	s = getenv("SHIM_SLOW");
	if (s && !strncmp(s, "net:", 4))
		slow_net.tv_nsec = atol(s + 4) * 1000000;
	if (s && !strncmp(s, "disk:", 5))
		slow_disk.tv_nsec = atol(s + 5) * 1000000;
	s = getenv("SHIM_FAULT");
	for (size_t i = 1; s && i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(s, names[i], n) || s[n] != ':')
			continue;
		fault = (enum fault)i;
		char *end;
		fault_first = strtoull(s + n + 1, &end, 10);
		fault_times = strtoull(end + 1, NULL, 10);
	}
}

static bool below(const char *path)
{
	return state && !strncmp(path, state, state_len) &&
	       (path[state_len] == '/' || !path[state_len]);
}

static bool path_of(int fd, char *path, size_t size)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, size - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	return true;
}

static enum kind kind_of(int fd, char *path, size_t size)
{
	int keep = errno;
	struct stat st;
	enum kind kind = OTHER;
	path[0] = 0;
	if (fstat(fd, &st) == 0) {
		if (S_ISSOCK(st.st_mode)) {
			struct sockaddr_storage name;
			socklen_t n = sizeof name;
			if (!getsockname(fd, (struct sockaddr *)&name, &n) &&
			    (name.ss_family == AF_INET ||
			     name.ss_family == AF_INET6))
				kind = SOCKET;
		} else if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
			   path_of(fd, path, size) && below(path)) {
			kind = S_ISDIR(st.st_mode) ? DIR_BELOW : FILE_BELOW;
		}
	}
	errno = keep;
	return kind;
}

/* The name of a call that takes a folder and a name; "" if elsewhere. */
static void resolve(int dir, const char *name, char *path, size_t size)
{
	char base[4096];
	path[0] = 0;
	if (name[0] == '/')
		snprintf(path, size, "%s", name);
	else if (dir == AT_FDCWD ? getcwd(base, sizeof base) != NULL
				 : path_of(dir, base, sizeof base))
		snprintf(path, size, "%s/%s", base, name);
	if (!below(path))
		path[0] = 0;
}

/* Says which call it was. */
static void tell(const char *call, const char *path)
{
	snprintf(count->what, sizeof count->what, "%s %s", call,
		 path && below(path) && path[state_len] ? path + state_len + 1
							: "socket");
}

static void die(const char *call, const char *path)
{
	count->acted = count->points;
	tell(call, path);
	for (;;)
		syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a point. True: it is the one, and how is AFTER or HALF. */
static bool point(const char *call, const char *path)
{
	bool mine = ++count->points == at;
	record_point = (uint32_t)count->points;
	if (mine && how == BEFORE)
		die(call, path);
	return mine;
}

static bool faulty(enum fault kind)
{
	if (fault != kind)
		return false;
	fault_seen++;
	bool yes = fault_seen >= fault_first &&
		   fault_seen - fault_first < fault_times;
	count->faults += yes;
	return yes;
}

/* Whether this write shall fail (errno set) or be short (*n lessened). */
static bool spoil(enum kind kind, size_t *n)
{
	/* one kind of fault is chosen: at most one of these counts */
	if (kind == FILE_BELOW && faulty(ENOSPC_)) {
		errno = ENOSPC;
		return true;
	}
	if (kind == FILE_BELOW && faulty(EIO_)) {
		errno = EIO;
		return true;
	}
	if (kind != OTHER && faulty(EINTR_)) {
		errno = EINTR;
		return true;
	}
	if (kind != OTHER && *n > 1 && faulty(SHORT))
		*n /= 2;
	return false;
}

/* ---------------------------------------------------------------- writes */

enum op {
	WRITE,
	PWRITE,
	SEND
};

static ssize_t raw(enum op op, int fd, const void *p, size_t n, off_t off,
		   int flags)
{
	switch (op) {
	case WRITE:
		return syscall(SYS_write, fd, p, n);
	case PWRITE:
		return syscall(SYS_pwrite64, fd, p, n, off);
	case SEND:
		return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
	}
	return -1;
}

static ssize_t put(const char *call, enum op op, int fd, const void *p,
		   size_t n, off_t off, int flags)
{
	char path[4096];
	setup();
	enum kind kind = kind_of(fd, path, sizeof path);
	if (kind != FILE_BELOW && kind != SOCKET)
		return raw(op, fd, p, n, off, flags);
	if (kind == SOCKET && slow_net.tv_nsec)
		nanosleep(&slow_net, NULL);
	pthread_mutex_lock(&lock);
	count->writes += kind == FILE_BELOW;
	count->sends += kind == SOCKET;
	ssize_t done = -1;
	if (!spoil(kind, &n)) {
		bool mine = point(call, path);
		if (mine && how == HALF)
			n /= 2;
		done = raw(op, fd, p, n, off, flags);
		if (done > 0 && kind == FILE_BELOW)
			record_write(fd, p, (size_t)done,
				     op == PWRITE ? off : -1);
		if (done > 0 && kind == SOCKET)
			record_send(fd, p, (size_t)done);
		if (mine)
			die(call, path);
	}
	int keep = errno;
	pthread_mutex_unlock(&lock);
	errno = keep;
	return done;
}

/* Several pieces as one, so that every way of writing has one shape. */
static ssize_t putv(const char *call, enum op op, int fd,
		    const struct iovec *iov, size_t n, off_t off, int flags)
{
	size_t total = 0, used = 0;
	for (size_t i = 0; i < n; i++)
		total += iov[i].iov_len;
	char *all = malloc(total ? total : 1);
	if (!all)
		abort();
	for (size_t i = 0; i < n; i++) {
		memcpy(all + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
	}
	ssize_t done = put(call, op, fd, all, total, off, flags);
	int keep = errno;
	free(all);
	errno = keep;
	return done;
}

ssize_t write(int fd, const void *p, size_t n)
{
	return put("write", WRITE, fd, p, n, 0, 0);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	return put("pwrite", PWRITE, fd, p, n, off, 0);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	return put("pwrite", PWRITE, fd, p, n, off, 0);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	return putv("writev", WRITE, fd, iov, (size_t)n, 0, 0);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	return putv("pwritev", PWRITE, fd, iov, (size_t)n, off, 0);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t off)
{
	return putv("pwritev", PWRITE, fd, iov, (size_t)n, off, 0);
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	return put("send", SEND, fd, p, n, 0, flags);
}

ssize_t sendto(int fd, const void *p, size_t n, int flags,
	       const struct sockaddr *to, socklen_t len)
{
	if (to) /* datagrams: the resolver's */
		return syscall(SYS_sendto, fd, p, n, flags, to, len);
	return put("sendto", SEND, fd, p, n, 0, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (m->msg_name || m->msg_controllen)
		return syscall(SYS_sendmsg, fd, m, flags);
	return putv("sendmsg", SEND, fd, m->msg_iov, m->msg_iovlen, 0, flags);
}

/* --------------------------------------------------------------- barriers */

static bool swallowed(const char *path)
{
	if (!swallow_times || fnmatch(swallow, path, 0) != 0)
		return false;
	swallow_seen++;
	bool yes = swallow_seen >= swallow_first &&
		   swallow_seen - swallow_first < swallow_times;
	count->faults += yes;
	return yes;
}

static int barrier(const char *call, int fd, long number)
{
	char path[4096];
	setup();
	enum kind kind = kind_of(fd, path, sizeof path);
	if (kind != FILE_BELOW && kind != DIR_BELOW)
		return (int)syscall(number, fd);
	if (slow_disk.tv_nsec)
		nanosleep(&slow_disk, NULL);
	pthread_mutex_lock(&lock);
	count->syncs++;
	int rc = -1;
	if (kind == FILE_BELOW && faulty(SYNC)) {
		tell(call, path);
		errno = EIO;
	} else {
		bool mine = point(call, path);
		if (mine && how == HALF)
			die(call, path);
		if (swallowed(path)) {
			rc = 0;
		} else {
			/* With a record, the real one would only cost time. */
			rc = record_on() ? 0 : (int)syscall(number, fd);
			if (rc == 0)
				record_sync(fd);
		}
		if (mine)
			die(call, path);
	}
	int keep = errno;
	pthread_mutex_unlock(&lock);
	errno = keep;
	return rc;
}

int fsync(int fd)
{
	return barrier("fsync", fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return barrier("fdatasync", fd, SYS_fdatasync);
}

/* -------------------------------------------------------- names and sizes */

/* kind: as record.h has it. from: of what is renamed or linked; or NULL. */
static int named(char kind, const char *call, int from_dir, const char *from,
		 int dir, const char *name, long number, const long args[5])
{
	char path[4096], was[4096] = "";
	setup();
	resolve(dir, name, path, sizeof path);
	if (!path[0])
		return (int)syscall(number, args[0], args[1], args[2], args[3],
				    args[4]);
	if (from)
		resolve(from_dir, from, was, sizeof was);
	pthread_mutex_lock(&lock);
	bool mine = point(call, path);
	if (mine && how == HALF)
		die(call, path);
	int rc = (int)syscall(number, args[0], args[1], args[2], args[3],
			      args[4]);
	int keep = errno;
	if (rc >= 0)
		record_name(kind, from ? was : path, from ? path : NULL);
	if (mine)
		die(call, path);
	pthread_mutex_unlock(&lock);
	errno = keep;
	return rc;
}

#define ARGS(...) ((const long[5]){ __VA_ARGS__ })

int unlinkat(int dir, const char *name, int flags)
{
	return named('u', "unlink", 0, NULL, dir, name, SYS_unlinkat,
		     ARGS(dir, (long)name, flags));
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	return named('m', "mkdir", 0, NULL, dir, name, SYS_mkdirat,
		     ARGS(dir, (long)name, (long)mode));
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned flags)
{
	return named('r', "rename", from_dir, from, to_dir, to, SYS_renameat2,
		     ARGS(from_dir, (long)from, to_dir, (long)to, (long)flags));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
	   int flags)
{
	return named('l', "link", from_dir, from, to_dir, to, SYS_linkat,
		     ARGS(from_dir, (long)from, to_dir, (long)to, flags));
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int ftruncate(int fd, off_t size)
{
	char path[4096];
	setup();
	if (kind_of(fd, path, sizeof path) != FILE_BELOW)
		return (int)syscall(SYS_ftruncate, fd, size);
	pthread_mutex_lock(&lock);
	bool mine = point("ftruncate", path);
	if (mine && how == HALF)
		die("ftruncate", path);
	int rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		record_size(fd, size);
	if (mine)
		die("ftruncate", path);
	int keep = errno;
	pthread_mutex_unlock(&lock);
	errno = keep;
	return rc;
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

static int reopened(int dir, const char *name, int flags)
{
	pthread_mutex_lock(&lock);
	int fd = (int)syscall(SYS_openat, dir, name, flags, 0);
	int keep = errno;
	if (fd >= 0 && flags & O_TRUNC)
		record_size(fd, 0);
	pthread_mutex_unlock(&lock);
	errno = keep;
	return fd;
}

static int opened(int dir, const char *name, int flags, mode_t mode)
{
	char path[4096];
	setup();
	pthread_mutex_lock(&lock);
	bool bad = faulty(EMFILE_);
	pthread_mutex_unlock(&lock);
	if (bad) {
		errno = EMFILE;
		return -1;
	}
	resolve(dir, name, path, sizeof path);
	/* O_TMPFILE has no name yet */
	if (!path[0] || !(flags & O_CREAT))
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	struct stat st;
	if (fstatat(dir, name, &st, 0) == 0) /* it is there: nothing is made */
		return reopened(dir, name, flags);
	pthread_mutex_lock(&lock);
	int number = faulty(ENOSPC_) ? ENOSPC : faulty(EIO_) ? EIO : 0;
	pthread_mutex_unlock(&lock);
	if (number) {
		errno = number;
		return -1;
	}
	return named('c', "create", 0, NULL, dir, name, SYS_openat,
		     ARGS(dir, (long)name, flags, (long)mode));
}

#define OPEN(symbol, dir_param, dir)                                           \
	int symbol(dir_param const char *name, int flags, ...)                 \
	{                                                                      \
		va_list ap;                                                    \
		va_start(ap, flags);                                           \
		mode_t mode = flags & (O_CREAT | O_TMPFILE)                    \
				      ? va_arg(ap, mode_t)                     \
				      : 0;                                     \
		va_end(ap);                                                    \
		return opened(dir, name, flags, mode);                         \
	}
#define COMMA ,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, int dir COMMA, dir)
OPEN(openat64, int dir COMMA, dir)

int __open_2(const char *name, int flags);
int __open64_2(const char *name, int flags);
int __openat_2(int dir, const char *name, int flags);
int __openat64_2(int dir, const char *name, int flags);

int __open_2(const char *name, int flags)
{
	return opened(AT_FDCWD, name, flags, 0);
}

int __open64_2(const char *name, int flags)
{
	return opened(AT_FDCWD, name, flags, 0);
}

int __openat_2(int dir, const char *name, int flags)
{
	return opened(dir, name, flags, 0);
}

int __openat64_2(int dir, const char *name, int flags)
{
	return opened(dir, name, flags, 0);
}

int socket(int domain, int type, int protocol)
{
	setup();
	pthread_mutex_lock(&lock);
	bool bad = (domain == AF_INET || domain == AF_INET6) && faulty(EMFILE_);
	pthread_mutex_unlock(&lock);
	if (bad) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}
