/*
 * folders_imap - which folders a server has, and what may have changed in them,
 * without selecting one.
 *
 * One LIST; with LIST-STATUS (RFC 5819) the numbers come beside it, else a
 * STATUS for each folder of which they are wanted, all behind each other. What
 * the server calls a folder (its wire name: any octets) is kept here and sent
 * back as it came; everybody else knows the name in UTF-8. A wire name that is
 * none (no modified UTF-7 and no UTF-8 either, control characters) is told
 * escaped and marked, so that no pattern takes it (CASES D11, D12).
 *
 * Not while a folder is selected: RFC 3501 6.3.10 forbids its STATUS.
 */
#ifndef FLOW_FOLDERS_IMAP_H
#define FLOW_FOLDERS_IMAP_H
#include "imap.h"
#include "source.h"

/* The most that are kept, and octets of all their names. */
#define IMAP_FOLDERS	    50000u
#define IMAP_FOLDERS_OCTETS (16u << 20)

enum imap_folders_phase {
	IMAP_FOLDERS_IDLE,
	IMAP_FOLDERS_WANTED,
	IMAP_FOLDERS_LIST,   /* on its way */
	IMAP_FOLDERS_STATUS, /* are on their way, or to be given */
};

struct imap_folders {
	struct imap *imap;
	const struct source_reports *report;
	void *who;

	enum imap_folders_phase phase;
	char **patterns; /* owned; in UTF-8; none: all there are */
	size_t n_patterns;
	bool plain;	  /* an extended LIST was refused */
	unsigned options; /* of the LIST on its way */

	struct source_listed *item; /* owned; as listed, no doubles */
	char **wire;		    /* owned; of each */
	size_t n, cap, octets;
	uint32_t *slot; /* owned; hashed by wire name: where in item, + 1 */
	size_t slots;	/* a power of two; 0: none yet */
	uint32_t seed;
	bool too_many;
	bool aside;   /* beside a folder that stays selected */
	size_t near;  /* where the last name was found */
	size_t next;  /* STATUS: the next to be asked for */
	size_t asked; /* and not answered yet */
};

void imap_folders_init(struct imap_folders *f, struct imap *imap,
		       const struct source_reports *report, void *who);
void imap_folders_fini(struct imap_folders *f);
/* As source_ops.look. */
void imap_folders_look(struct imap_folders *f, const char *const *patterns,
		       size_t n);
/* What is asked for reads the same in either encoding of names. */
bool imap_folders_are_plain(const struct imap_folders *f);
bool imap_folders_idle(const struct imap_folders *f);
/* A look that was asked for has not begun. */
bool imap_folders_wait(const struct imap_folders *f);
/* Gives commands. can: IMAP_CAN_ bits of the server, as far as known. */
void imap_folders_go(struct imap_folders *f, uint32_t can);
/* LIST and STATUS; TAGGED of them. Reports when all is told. */
void imap_folders_event(struct imap_folders *f, const struct imap_event *ev);
/*
 * What a name in UTF-8 is on the wire: as listed, else encoded. Owned; NULL: no
 * folder can have this name.
 */
char *imap_folders_wire(const struct imap_folders *f, const char *name);
/* The same without a listing. */
char *imap_name_wire(const struct imap *p, const char *name);
/* Its octets are the same in either encoding. */
bool imap_name_is_plain(const char *name);
#endif
