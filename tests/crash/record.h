/*
 * record - the shim's record of what was done to the files below SHIM_STATE,
 * in the order in which it was done, for disk.py to replay. The caller holds
 * the shim's lock around the call and its record.
 *
 * One entry: struct record_head, then a path, then octets or a second path.
 */
#ifndef CRASH_RECORD_H
#define CRASH_RECORD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct record_head {
	uint32_t kind; /* a letter, below */
	uint32_t path_octets, octets, point; /* as the shim counts */
	uint64_t inode;
	uint64_t at; /* offset or size */
};

extern uint32_t record_point; /* for the entries to come */

/* Appends to file from here on. */
void record_begin(const char *file);
bool record_on(void);
/* 'w': n octets are at `at` of fd; at -1: at its place, which is past them. */
void record_write(int fd, const void *p, size_t n, off_t at);
/* 't': fd is so long. */
void record_size(int fd, off_t size);
/* 's': fd, a file or a folder, is on the disk as it stands. */
void record_sync(int fd);
/* 'c' 'm' file or folder path was made, 'u' path went, 'r' 'l' path got the
 * (another) name to; absolute paths. */
void record_name(char kind, const char *path, const char *to);
/* 'n': these octets went out, from the port `at` to the port that path is. */
void record_send(int fd, const void *p, size_t n);
#endif
