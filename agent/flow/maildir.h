/*
 * maildir - one message file in a maildir, step by step (the format of
 * cr.yp.to/proto/maildir.html): written under tmp/, made durable, moved to
 * new/.
 *
 * The name of a file is fixed by queue id and recipient. So a file whose
 * writing was cut off by a crash is found again: in tmp (written anew), in new
 * or cur (it arrived), or nowhere. Lines end with LF, as readers of maildirs
 * expect.
 */
#ifndef FLOW_MAILDIR_H
#define FLOW_MAILDIR_H
#include "err.h"
#include "message.h"
#include "text.h"

#define MAILDIR_PATH_OCTETS 4000u

struct maildir_file {
	char *dir;  /* owned; the maildir */
	char *name; /* owned; the same in tmp and new */
	int fd;	    /* of the file in tmp; -1 */
};

/*
 * path with each %u replaced by the local part of rcpt. false, ERR_REFUSED:
 * that part cannot be the name of a folder (empty, dots first, a slash, control
 * or 8-bit octets), or the path becomes too long.
 */
bool maildir_path(struct text *out, const char *path, const char *rcpt,
		  struct err *err);
/* Makes dir with tmp, new and cur where missing; its parent must be there. */
bool maildir_make(const char *dir, struct err *err);
/* The name of m for rcpt; instance: random name of this installation. */
void maildir_name(struct text *out, const struct message *m, const char *rcpt,
		  const char *instance, const char *hostname);

/* dir and name are copied. f is released with maildir_fini(). */
void maildir_init(struct maildir_file *f, const char *dir, const char *name);
/* A file that is still in tmp is removed. */
void maildir_fini(struct maildir_file *f);
/* It is in new or cur already, whatever flags a reader gave it. */
bool maildir_arrived(const struct maildir_file *f);
/* In tmp; what a crash left there is overwritten. */
bool maildir_open(struct maildir_file *f, struct err *err);
/* octets: every CR in them stands before LF, and is left out. */
bool maildir_write(struct maildir_file *f, struct view octets, struct err *err);
/* Any thread. Durable under its name in new, but for the folder itself. */
bool maildir_deliver(struct maildir_file *f, struct err *err);
/* Any thread. Makes durable what was moved to new of this maildir. */
bool maildir_sync(const char *dir, struct err *err);
#endif
