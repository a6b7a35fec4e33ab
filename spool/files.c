#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int system_open_at(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags, mode);
}

static int system_write_out(int fd, off_t at, off_t n)
{
	return sync_file_range(fd, at, n, SYNC_FILE_RANGE_WRITE);
}

const struct spool_files *files_system(void)
{
	static const struct spool_files f = {
		.open_at = system_open_at,
		.close = close,
		.pwrite = pwrite,
		.pread = pread,
		.fdatasync = fdatasync,
		.fsync = fsync,
		.ftruncate = ftruncate,
		.unlink_at = unlinkat,
		.fstat = fstat,
		.statvfs = fstatvfs,
		.statfs = fstatfs,
		.write_out = system_write_out,
	};

	return &f;
}

bool files_failed(struct err *err, const char *what)
{
	int number = errno;

	err_errno(err, number, "%s", what);
	err->class = ERR_DISK;
	if (number == ENOSPC || number == EDQUOT)
		err_remedy(err, "make room on the disk of the state directory");
	else if (number == EFBIG)
		err_remedy(err, "raise the limit of file sizes (ulimit -f)");
	else if (number == EMFILE || number == ENFILE)
		err_remedy(err, "raise the limit of open files");
	return false;
}

bool files_write(const struct spool_files *f, int fd, struct view v,
		 uint64_t at, struct err *err)
{
	while (v.n) {
		ssize_t n = f->pwrite(fd, v.p, v.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return files_failed(err, "cannot write a body");
		v = view_skip(v, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

bool files_read(const struct spool_files *f, int fd, struct room r, uint64_t at,
		size_t *got, struct err *err)
{
	*got = 0;
	while (r.n) {
		ssize_t n = f->pread(fd, r.p, r.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return files_failed(err, "cannot read a body");
		if (n == 0)
			return true;
		r.p += n;
		r.n -= (size_t)n;
		at += (uint64_t)n;
		*got += (size_t)n;
	}
	return true;
}

int files_open(const struct spool_files *f, int dir, const char *name,
	       int flags, const char *what, struct err *err)
{
	int fd;

	do
		fd = f->open_at(dir, name, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		files_failed(err, what);
	return fd;
}
