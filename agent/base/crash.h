/*
 * crash - what was in hand when a process died by a fault of its own.
 *
 * While a file is watched over, SIGSEGV, SIGBUS, SIGABRT, SIGILL and SIGFPE
 * that this process brought upon itself first write the entries that are noted
 * into that file, then do what they do. One that somebody else sent (kill), and
 * running out of memory, leave no trace: they say nothing of a message. Nor
 * does what is older than the last start of the machine: it may have been the
 * cause.
 *
 * One watched file per process. Entries come and go on one thread.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_ENTRIES 1024u /* what is noted beyond these is not written */

/* A message: known by id, or one that is being fetched (id 0). As it is in the
 * file: no pointers. */
struct crash_entry {
	int64_t id, account, folder;
	uint8_t key[12];
	char uid[68]; /* for people; cut */
};

/* fd: open for appending, borrowed until crash_watch(-1). */
void crash_watch(int fd);
/* A number for crash_done(), or -1: no room left. */
int crash_note(const struct crash_entry *e);
void crash_done(int n); /* -1: nothing */
/* What comes is not our fault: it leaves no trace. */
void crash_excuse(void);
/*
 * What such a file says. *crashed: something was written at all, since the
 * machine was started. Up to cap entries; the number of them.
 */
size_t crash_read(int fd, bool *crashed, struct crash_entry *out, size_t cap);
#endif
