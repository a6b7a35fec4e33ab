/*
 * saving - a backup of the state while others work: its steps on the store
 * thread, on the pool and on the loop, one after the other (spool/backup.h).
 */
#ifndef CMD_SAVING_H
#define CMD_SAVING_H
#include "backup.h"
#include "loop.h"

struct saving {
	struct loop *loop;   /* in; borrowed until done, as all of these */
	struct spool *spool; /* in */
	const char *path;    /* in: must not exist */
	const bool *closing; /* in: the spool is asked nothing any more */
	void (*done)(void *who, struct saving *s); /* from the loop, once */
	void *who;
	bool ok; /* out; else err, and there is no file */
	uint64_t bodies;
	struct err err;

	struct spool_backup pages; /* its own, as what follows */
	struct spool_call over;
};

void saving_begin(struct saving *s);
#endif
