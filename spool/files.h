/*
 * files - the file operations the spool uses for all but the ledger's own, as
 * a table, so that tests put faults in and count barriers.
 *
 * The members behave as the system calls of their names (-1 and errno). They
 * are called from both threads. sqlite does its own I/O past this table.
 */
#ifndef SPOOL_FILES_H
#define SPOOL_FILES_H
#include "err.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/vfs.h>

struct spool_files {
	int (*open_at)(int dir, const char *name, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
	ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd); /* directories */
	int (*ftruncate)(int fd, off_t n);
	int (*unlink_at)(int dir, const char *name, int flags);
	int (*fstat)(int fd, struct stat *st);
	int (*statvfs)(int fd, struct statvfs *st);
	int (*statfs)(int fd, struct statfs *st); /* what kind it is */
	/* Begin to write this range out; a hint, its failure means nothing. */
	int (*write_out)(int fd, off_t at, off_t n);
};

const struct spool_files *files_system(void);

/* All of v at `at`, over EINTR and short writes. err: ERR_DISK. */
bool files_write(const struct spool_files *f, int fd, struct view v,
		 uint64_t at, struct err *err);
/* Up to r.n octets; *got less only at the end of the file. */
bool files_read(const struct spool_files *f, int fd, struct room r, uint64_t at,
		size_t *got, struct err *err);
/* -1 with *err ERR_DISK; O_CLOEXEC is added. what: for the words. */
int files_open(const struct spool_files *f, int dir, const char *name,
	       int flags, const char *what, struct err *err);
/* err from errno, always of class ERR_DISK. */
bool files_failed(struct err *err, const char *what);
#endif
