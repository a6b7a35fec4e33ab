/*
 * source_imap - the parts of an IMAP session (source.h), for its own files
 * alone.
 *
 * source_imap.c: the stream, sign-in, what can be done now, the end;
 * source_imap_ask.c: what the owner asks; source_imap_look.c: the folder, its
 * listing, the folders there are.
 */
#ifndef FLOW_SOURCE_IMAP_H
#define FLOW_SOURCE_IMAP_H
#include "acts_imap.h"
#include "bodies_imap.h"
#include "folders_imap.h"
#include "listing_imap.h"
#include "rest_imap.h"
#include "signin_imap.h"
#include "source.h"

enum phase {
	PHASE_SIGNIN,
	PHASE_ASKING,	   /* CAPABILITY is on its way */
	PHASE_COMPRESSING, /* COMPRESS is on its way: RFC 4978 3, nothing else
			    */
	PHASE_OPEN,
	PHASE_OVER, /* the stream is closing */
};

/* How far the folder or its listing is. */
enum look {
	LOOK_NOT, /* not wanted, or done */
	LOOK_WANTED,
	LOOK_ASKED,
};

struct imap_source {
	struct source source; /* first */
	struct source_options o;
	char *user, *host, *account; /* owned: what o points to */
	const struct source_reports *report;
	void *who;
	enum phase phase;
	struct stream *stream; /* NULL once closed */
	struct imap *imap;
	struct imap_signin signin;
	struct task turn;
	struct err why; /* of the end; ERR_NONE: as asked */
	struct source_ready ready;
	unsigned alerts;
	bool identified; /* ID was sent */

	enum look folder, list;
	bool orphan;   /* the folder on its way is an earlier owner's */
	char *wanted;  /* owned; the folder asked for last, in UTF-8 */
	char *name;    /* owned; the same, as on the wire; NULL: not known yet,
			  or none can be made */
	bool enabling; /* ENABLE is on its way: names may change */
	bool in_utf8;  /* ENABLE was sent */
	struct imap_folders folders;
	bool selected;
	struct imap_mailbox mailbox; /* selected; its name is not kept */
	struct imap_listing listing;
	uint32_t from;
	bool dates;	 /* are wanted */
	bool from_start; /* a set that begins with `from` was refused */
	/* A listing asked for behind SELECT, before it was answered; until then
	 * list() has not taken it. */
	enum look ahead;
	bool ahead_again;    /* ... for a folder that was refused; the next is
				foreseen, too */
	uint32_t ahead_from; /* 0: none has come, or it cannot be used */
	bool ahead_dates;
	struct imap_bodies bodies;
	bool owes_fetched;
	struct imap_acts acts;
	struct imap_rest rest;
	enum look unseen;		  /* the search for either of: */
	uint32_t marked_low, marked_high; /* undeleted(); 0: unseen() */
	struct imap_listing unseen_found;
	bool wants_quit;
};

/* source_imap.c */
/* why NULL: the session ended as it should. */
void imap_source_end(struct imap_source *s, const struct err *why);
void imap_source_be_ready(struct imap_source *s);
void imap_source_identify(struct imap_source *s);
/* Names in UTF-8 from now on; RFC 6855 3 wants it before a SELECT. */
void imap_source_enable(struct imap_source *s);

/* source_imap_ask.c */
extern const struct source_ops imap_source_ops;

/* source_imap_look.c */
/* The folder that is wanted, if its name is known: also behind the sign-in. */
void imap_source_select(struct imap_source *s);
/* Gives the commands that can be given now. busy: others are on their way. */
void imap_source_look(struct imap_source *s, bool busy);
void imap_source_selected(struct imap_source *s, const struct imap_event *ev);
void imap_source_listed(struct imap_source *s, const struct imap_event *ev);
/* What was asked for ahead, or was to be, is not what will be wanted. */
void imap_source_forget_ahead(struct imap_source *s);
void imap_source_add_unseen(struct imap_source *s, const struct imap_event *ev);
void imap_source_unseen(struct imap_source *s, const struct imap_event *ev);
/* The UIDs of the selected folder name other messages now: CASES D3. */
void imap_source_new_uids(struct imap_source *s, const struct imap_event *ev);
#endif
