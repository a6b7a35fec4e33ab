/*
 * segment - the files bodies lie in; store thread only.
 *
 * A segment made by this process is appended to by one body at a time, which
 * has a lease on it. Segments of earlier processes are read alone.
 */
#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H
#include "files.h"
#include "list.h"

#define SEGMENT_OCTETS	     (64u << 20)
#define SEGMENT_LARGE_OCTETS (8u << 20) /* nothing comes behind such a body */
/* What is left free for the ledger when bodies fill the disk. */
#define SEGMENT_RESERVE_OCTETS (16u << 20)
#define SEGMENT_NAME_OCTETS    16u

struct segment {
	struct link link;
	uint32_t number;
	int fd;		      /* -1: not open here */
	uint64_t tail;	      /* where the next body goes */
	uint64_t live;	      /* octets of bodies the ledger names */
	uint64_t written_out; /* up to here write-out has begun */
	int64_t made_ms;
	bool ours;    /* made by this process */
	bool full;    /* takes no more */
	bool leased;  /* a body is being appended */
	bool touched; /* a whole body came in since the last sync */
	bool syncing; /* of segments_due; its fd stays open */
	bool held;    /* what lies in it stays, for a backup */
};

struct segments {
	const struct spool_files *files; /* borrowed */
	int dir;			 /* bodies/; owned */
	struct link all;		 /* of struct segment */
	uint32_t next;			 /* number of the next one */
	uint32_t first_ours;
	bool dir_touched;
	uint64_t allowance; /* octets until free room is asked again */
	int64_t now_ms;	    /* told by requests; for the age of new ones */
	/* numbers unlinked since the asking thread took notice */
	uint32_t *unlinked; /* owned */
	size_t nunlinked;
};

/* Opens (or makes) bodies/ under state_dir. look_only: must not be made. */
bool segments_init(struct segments *s, const struct spool_files *files,
		   int state_dir, struct err *err);
void segments_fini(struct segments *s);
void segment_name(uint32_t number, char out[SEGMENT_NAME_OCTETS]);
/*
 * At open, for each segment the ledger names, with the end of its last body.
 * false: it is missing or shorter; *err is ERR_DISK for any other failure.
 */
bool segments_found(struct segments *s, uint32_t number, uint64_t octets,
		    uint64_t end, struct err *err);
/*
 * Afterwards: takes away what was not named, and sets the first number of ours.
 * keep: it gets another name instead (.old), for a person to look at.
 */
bool segments_begin(struct segments *s, bool keep, struct err *err);

/* A segment with room, for one body of unknown length; NULL: ERR_DISK. */
struct segment *segment_lease(struct segments *s, struct err *err);
/* Writes v at tail + offset. ERR_DISK also when the reserve is reached. */
bool segment_write(struct segments *s, struct segment *g, uint64_t offset,
		   struct view v, struct err *err);
/* The body of so many octets is complete: it counts, the lease ends. */
void segment_keep(struct segments *s, struct segment *g, uint64_t octets);
/* The body is abandoned; what was written is cut off. */
void segment_abandon(struct segments *s, struct segment *g, uint64_t octets);
/*
 * What must be synced before a commit names the bodies that came in: taken by
 * the store thread, synced by any, then told. One at a time.
 */
struct segments_due {
	const struct spool_files *files; /* borrowed */
	int dir;			 /* borrowed; -1: need not be */
	int *fds;			 /* owned; they are borrowed */
	size_t n, cap;
};
void segments_take_due(struct segments *s, struct segments_due *d);
bool segments_due_any(const struct segments_due *d);
/* false: the store must stop. */
bool segments_due_sync(struct segments_due *d, struct err *err);
void segments_due_fini(struct segments_due *d);
void segments_synced(struct segments *s);
/* All of it at once. false: the store must stop. */
bool segments_sync(struct segments *s, struct err *err);
/* After it: a body of so many octets is not named any more. */
void segments_release(struct segments *s, uint32_t number, uint64_t octets);
/* What lies in the segments there are stays where it is, until they are let
 * go. Not twice. */
void segments_hold(struct segments *s);
void segments_let_go(struct segments *s);
/* Unlinks what holds no body, the open ones too; at the end. */
void segments_trim(struct segments *s);
struct segment *segments_find(const struct segments *s, uint32_t number);
uint64_t segments_live(const struct segments *s);
/* Up to r.n octets of segment number; opened for this call if need be. */
bool segments_read(struct segments *s, uint32_t number, uint64_t at,
		   struct room r, size_t *got, struct err *err);
#endif
