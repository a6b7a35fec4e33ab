#define _GNU_SOURCE
#include "record.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

uint32_t record_point;
static int log_fd = -1;

void record_begin(const char *file)
{
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, file,
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (log_fd < 0)
		abort();
}

bool record_on(void)
{
	return log_fd >= 0;
}

static void entry(char kind, uint64_t inode, uint64_t at, const char *path,
		  const void *p, size_t n)
{
	struct record_head head = {
		.kind = (unsigned char)kind,
		.path_octets = (uint32_t)strlen(path),
		.octets = (uint32_t)n,
		.point = record_point,
		.inode = inode,
		.at = at,
	};
	struct iovec iov[] = {
		{ &head, sizeof head },
		{ (void *)(uintptr_t)path, head.path_octets },
		{ (void *)(uintptr_t)p, n },
	};
	ssize_t all = (ssize_t)(sizeof head + head.path_octets + n);
	if (syscall(SYS_writev, log_fd, iov, 3) != all)
		abort();
}

static uint64_t inode_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void record_write(int fd, const void *p, size_t n, off_t at)
{
	if (!record_on())
		return;
	if (at < 0)
		at = syscall(SYS_lseek, fd, 0, SEEK_CUR) - (off_t)n;
	entry('w', inode_of(fd), (uint64_t)at, "", p, n);
}

void record_size(int fd, off_t size)
{
	if (record_on())
		entry('t', inode_of(fd), (uint64_t)size, "", NULL, 0);
}

void record_sync(int fd)
{
	if (record_on())
		entry('s', inode_of(fd), 0, "", NULL, 0);
}

void record_name(char kind, const char *path, const char *to)
{
	struct stat st;
	if (!record_on())
		return;
	uint64_t inode = 0;
	if (lstat(to ? to : path, &st) == 0)
		inode = (uint64_t)st.st_ino;
	entry(kind, inode, 0, path, to ? to : "", to ? strlen(to) : 0);
}

static uint16_t port_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in6 name; /* the port is at one place in both */
	socklen_t n = sizeof name;
	return ask(fd, (struct sockaddr *)&name, &n) == 0
		       ? ntohs(name.sin6_port)
		       : 0;
}

void record_send(int fd, const void *p, size_t n)
{
	char to[16];
	if (!record_on())
		return;
	snprintf(to, sizeof to, "%u", port_of(fd, getpeername));
	entry('n', 0, port_of(fd, getsockname), to, p, n);
}
