/*
 * erase_imap - flags on messages of the selected folder, and what follows from
 * them: delivered ones are marked as seen, or deleted.
 *
 * Deleting. With UIDPLUS: STORE \Deleted and UID EXPUNGE behind each other for
 * as many UIDs as a line holds, so that nobody else's mail is touched (RFC 4315
 * 2.1). Without: STORE; then, when a SEARCH directly before shows nothing
 * marked but what was marked here, EXPUNGE; else the messages stay marked
 * (CASES D13). Never CLOSE, never EXPUNGE unseen.
 *
 * Marking: STORE \Seen.
 *
 * Where the folder is read-only, or a STORE is refused, nothing counts as done.
 * Each imap_erase_begin() ends in one call of `done`.
 */
#ifndef FLOW_ERASE_IMAP_H
#define FLOW_ERASE_IMAP_H
#include "imap.h"
#include "source.h"

/*
 * keys: those that are done, borrowed. left: how many were not deleted (some
 * count as done: they are marked and stay) or not marked. err: the first
 * refusal; NULL: there was none.
 */
typedef void imap_erase_done(void *who, const struct message_key *keys,
			     size_t n, size_t left, const struct err *err);

enum imap_erase_what {
	IMAP_ERASE_DELETE,
	IMAP_ERASE_MARK_SEEN,
};

enum imap_erase_phase {
	IMAP_ERASE_IDLE,
	IMAP_ERASE_STORING, /* with UIDPLUS also expunging */
	IMAP_ERASE_SEARCHING,
	IMAP_ERASE_EXPUNGING,
	IMAP_ERASE_OVER, /* the report is due */
};

struct imap_erase {
	struct imap *imap;
	imap_erase_done *done;
	void *who;

	enum imap_erase_phase phase;
	enum imap_erase_what what;
	bool uidplus;
	bool search_told, foreign; /* a SEARCH came; it showed others' mail */
	uint32_t *uids;		   /* owned; sorted */
	size_t n;
	size_t given;	  /* of uids: a STORE is on its way or answered */
	size_t in_flight; /* commands */
	struct imap_erase_batch { /* STOREs, and what stands behind each */
		size_t from, to;
		uint32_t store, expunge; /* tags */
		bool stored;
	} batch[4];
	size_t n_batches;
	struct message_key *gone; /* owned; confirmed */
	size_t n_gone;
	struct err refused; /* the first refusal; ERR_NONE */
};

void imap_erase_init(struct imap_erase *e, struct imap *imap,
		     imap_erase_done *done, void *who);
void imap_erase_fini(struct imap_erase *e);
/* items: n >= 1; only while imap_erase_idle(). */
void imap_erase_begin(struct imap_erase *e, enum imap_erase_what what,
		      const struct spool_item *items, size_t n, bool read_only);
bool imap_erase_idle(const struct imap_erase *e);
/* Gives commands; reports when all is over. */
void imap_erase_go(struct imap_erase *e);
/* SEARCH, and TAGGED of STORE, UID EXPUNGE, SEARCH, EXPUNGE. */
void imap_erase_event(struct imap_erase *e, const struct imap_event *ev);
#endif
