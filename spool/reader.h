/*
 * reader - bodies read by the asking thread, past the store thread.
 *
 * Keeps a few segments open. It is told by the store which segments went and
 * where bodies were copied to; between the copy and being told, a reader that
 * finds its segment gone asks here.
 */
#ifndef SPOOL_READER_H
#define SPOOL_READER_H
#include "ledger.h"

#include <pthread.h>

#define READER_FILES 16u

struct reader_file {
	uint32_t segment; /* 0: unused */
	int fd;
	uint64_t used; /* turn of the last use */
};

struct reader {
	const struct spool_files *files; /* borrowed */
	int dir;			 /* bodies/; borrowed */
	struct reader_file at[READER_FILES];
	uint64_t turn;
	pthread_mutex_t mutex; /* of the rest */
	uint32_t *gone;	       /* owned; to be closed */
	size_t ngone;
	struct ledger_move *moves; /* owned */
	size_t nmoves;
};

void reader_init(struct reader *r, const struct spool_files *files, int dir);
void reader_fini(struct reader *r);
/* Store thread: takes over what the ledger has to tell. */
void reader_tell(struct reader *r, struct ledger *l);
/* Asking thread. */
void reader_close_gone(struct reader *r);
bool reader_read(struct reader *r, const struct message_place *place,
		 uint64_t offset, struct room room, size_t *got,
		 struct err *err);
#endif
