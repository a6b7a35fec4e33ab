/*
 * acts_imap - what is done with delivered messages of the selected folder: they
 * are marked as seen, moved, deleted; and what must be known of other folders
 * for it. One thing after the other, each asked for once and reported once
 * through source_reports.
 *
 * Deleting where the server is Gmail's (X-GM-EXT-1), or the provider wants it
 * so: a message expunged from a folder only loses that label and stays in the
 * archive, so it is moved to the folder whose special use is \Trash (RFC 6154).
 * A server that shows no such folder has them expunged, and says so.
 */
#ifndef FLOW_ACTS_IMAP_H
#define FLOW_ACTS_IMAP_H
#include "move_imap.h"

enum imap_act {
	IMAP_ACT_NONE,
	IMAP_ACT_MARK,
	IMAP_ACT_MOVE,
	IMAP_ACT_ERASE,
	IMAP_ACT_TRASH, /* an erase that is a move */
};

enum imap_acts_target {
	IMAP_TARGET_NOT, /* not wanted, or known */
	IMAP_TARGET_WANTED,
	IMAP_TARGET_STATUS,
	IMAP_TARGET_MISSING, /* CREATE is to be given */
	IMAP_TARGET_CREATE,
	IMAP_TARGET_CREATED, /* STATUS is to be given again */
	IMAP_TARGET_AGAIN,
};

enum imap_acts_trash {
	IMAP_TRASH_NOT_WANTED,
	IMAP_TRASH_UNKNOWN,
	IMAP_TRASH_ASKED,
	IMAP_TRASH_KNOWN,
	IMAP_TRASH_NONE, /* there is none to be seen */
};

struct imap_acts_queue {
	struct spool_item *item; /* owned */
	size_t n;
};

struct imap_acts {
	struct imap *imap;
	const struct source_reports *report;
	void *who;
	struct imap_erase erase;
	struct imap_move move;
	enum imap_act doing;
	struct imap_acts_queue marks, moves, erases;
	enum source_erase how; /* of erases */

	char *target; /* owned; as on the wire; NULL: no name can be made */
	enum imap_acts_target target_phase;
	struct source_folder target_is;

	char *trash; /* owned; as on the wire */
	bool wants_trash;
	enum imap_acts_trash trash_phase;
};

void imap_acts_init(struct imap_acts *a, struct imap *imap, bool trash,
		    const struct source_reports *report, void *who);
void imap_acts_fini(struct imap_acts *a);
bool imap_acts_idle(const struct imap_acts *a);
/* The last of these counts for imap_acts_move(). UTF-8. */
void imap_acts_target(struct imap_acts *a, const char *name);
/* items are copied. */
void imap_acts_mark(struct imap_acts *a, const struct spool_item *items,
		    size_t n);
void imap_acts_move(struct imap_acts *a, const struct spool_item *items,
		    size_t n);
void imap_acts_erase(struct imap_acts *a, const struct spool_item *items,
		     size_t n, enum source_erase how);
/* Gives commands; reports. selected: its name as on the wire. */
void imap_acts_go(struct imap_acts *a, struct view selected, bool read_only);
/* LIST, STATUS, SEARCH, NOTE; TAGGED of LIST, STATUS, CREATE, SEARCH, STORE,
 * COPY, MOVE, UID EXPUNGE, EXPUNGE: where it is not idle. */
void imap_acts_event(struct imap_acts *a, const struct imap_event *ev);
#endif
