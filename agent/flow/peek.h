/*
 * peek - the headers of the last messages of a mailbox for many people, for
 * advice. Nothing is fetched, and nothing is marked as seen: IMAP by
 * BODY.PEEK[HEADER], POP3 by TOP n 0.
 *
 * The owner passes the source's reports on; the peek asks for what is next.
 */
#ifndef FLOW_PEEK_H
#define FLOW_PEEK_H
#include "advice.h"
#include "source.h"

#define PEEK_MESSAGES 50u

struct head;

struct peek {
	const struct config_account *account; /* borrowed */
	struct advice advice;
	struct err err; /* the first header that could not be had */
	/* private */
	struct source *source; /* borrowed */
	const char *folder;    /* borrowed */
	struct head *head;     /* owned */
	uint32_t from, behind;
	size_t left; /* messages that may be looked at yet */
};

void peek_init(struct peek *p, const struct config_account *a);
void peek_fini(struct peek *p);
/* false: nothing is to be looked at here; else asks for the listing. */
bool peek_folder(struct peek *p, struct source *s, const char *folder,
		 const struct source_folder *there);
/* Report of the listing; takes the items. false: the folder is over. */
bool peek_items(struct peek *p, struct spool_item *items, size_t n);
/* Reports of headers; source_reports.fetched means: the folder is over. */
void peek_header(struct peek *p, struct view octets);
void peek_header_end(struct peek *p);
void peek_refused(struct peek *p, const struct err *err);
#endif
