/*
 * digest - what needs a person, and when it is told (`notify`).
 *
 * A cause is something that lasts: an account that cannot be fetched, a
 * delivery that fails, mail that is held. The ledger has a row for each
 * (spool/notice.h): since when it is known, when it was told by mail and by
 * command, and when it was over. Told is what is urgent, or has lasted long
 * enough; once a day at most for each cause, by either way; what counts
 * messages only if they have become more. That a cause is over is said once, in
 * the next digest that there is for another reason, if that comes within a
 * week.
 *
 * Pure: time is given. First the causes are added, then digest_settle(), then
 * it is asked for each way.
 */
#ifndef FLOW_DIGEST_H
#define FLOW_DIGEST_H
#include "notice.h"
#include "text.h"

enum digest_way {
	DIGEST_MAIL,
	DIGEST_COMMAND,
};

struct digest_cause {
	char key[96];
	char title[96]; /* "account gmx" */
	char what[520], remedy[240];
	int64_t since_ms, success_ms; /* 0: unknown */
	uint32_t count;		      /* attempts; 0: not counted */
	uint64_t n;   /* messages; not 0: told again only for more */
	bool urgent;  /* told at once */
	bool no_mail; /* mail is what fails */
};

struct digest {
	struct digest_cause *cause; /* owned */
	size_t n;
	struct spool_notice *row; /* owned; as they stand in the ledger */
	size_t nrows;
	bool changed;	  /* they do no longer */
	int64_t after_ms; /* notify_after */
	int64_t now_ms;
};

void digest_init(struct digest *d, int64_t after_ms, int64_t now_ms);
void digest_fini(struct digest *d);

/* Nothing, where they are well. */
void digest_account(struct digest *d, const struct spool_account *a);
void digest_delivery(struct digest *d, const struct spool_delivery *v);
void digest_waiting(struct digest *d, const struct spool_waiting *w);
/* What a pass met with and the ledger does not know. */
void digest_warning(struct digest *d, const char *account,
		    const struct err *err);
/* A notice by mail that was not taken; a command that failed. */
void digest_mail_fails(struct digest *d, const char *words);
void digest_command_fails(struct digest *d, const struct err *err);

/* Its subject is gone: the row goes without a word. */
void digest_forget(struct digest *d, const char *key);
/* Rows for new causes; what has a row and no cause is over, but for those that
 * `unknown` says nothing is known of now. */
void digest_settle(struct digest *d,
		   bool (*unknown)(void *who, const char *key), void *who);

/* So many causes are to be told now. */
size_t digest_due(const struct digest *d, enum digest_way way);
/* One line for a subject, and the text: lines in UTF-8 that end in LF. */
void digest_subject(const struct digest *d, enum digest_way way,
		    const char *host, struct text *out);
void digest_text(const struct digest *d, enum digest_way way, const char *host,
		 struct text *out);
/* They were. */
void digest_told(struct digest *d, enum digest_way way);
#endif
