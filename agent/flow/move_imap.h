/*
 * move_imap - takes delivered messages of the selected folder to another one.
 *
 * MOVE where it is offered (RFC 6851), else COPY, and what was copied is
 * deleted as erase_imap deletes. One command at a time, each for as many UIDs
 * as a line holds. A folder that is missing is made, once (RFC 3501 6.4.7
 * TRYCREATE).
 *
 * Each imap_move_begin() ends in one call of `done`. If the session ends before
 * that, it is unknown what has moved: the owner has written down beforehand
 * what it was about to move, and looks for the copies (CASES D15).
 */
#ifndef FLOW_MOVE_IMAP_H
#define FLOW_MOVE_IMAP_H
#include "erase_imap.h"

/*
 * moved: those that are in the target now, borrowed; their UIDs there, where
 * the server told them (UIDPLUS), under uidvalidity (0: told for none). left:
 * how many of these could not be taken out of the folder. err: the first
 * refusal.
 */
typedef void imap_move_done(void *who, const struct source_moved *moved,
			    size_t n, size_t left, uint32_t uidvalidity,
			    const struct err *err);

enum imap_move_phase {
	IMAP_MOVE_IDLE,
	IMAP_MOVE_MOVING,
	IMAP_MOVE_CREATING,
	IMAP_MOVE_ERASING, /* what was copied */
	IMAP_MOVE_OVER,	   /* the report is due */
};

struct imap_move {
	struct imap *imap;
	struct imap_erase *erase; /* borrowed; idle when a move begins */
	imap_move_done *done;
	void *who;

	enum imap_move_phase phase;
	char *target;	    /* owned; as on the wire */
	bool created;	    /* CREATE was tried */
	bool asked;	    /* the command of this phase is on its way */
	uint32_t *uids;	    /* owned; sorted, no doubles */
	size_t n, from, to; /* answered before from; asked for up to to */
	struct source_moved *moved; /* owned; room for n, sorted */
	size_t n_moved, left;
	uint32_t uidvalidity;
	struct err refused; /* the first refusal; ERR_NONE */
};

void imap_move_init(struct imap_move *m, struct imap *imap,
		    struct imap_erase *erase, imap_move_done *done, void *who);
void imap_move_fini(struct imap_move *m);
/* target: as on the wire. items: n >= 1; only while imap_move_idle(). */
void imap_move_begin(struct imap_move *m, struct view target,
		     const struct spool_item *items, size_t n);
bool imap_move_idle(const struct imap_move *m);
/* Gives commands; reports when all is over. */
void imap_move_go(struct imap_move *m);
/* NOTE; TAGGED of MOVE, COPY, CREATE. */
void imap_move_event(struct imap_move *m, const struct imap_event *ev);
/* What imap_erase reported while imap_move_erases(). */
bool imap_move_erases(const struct imap_move *m);
void imap_move_erased(struct imap_move *m, size_t left, const struct err *err);
#endif
