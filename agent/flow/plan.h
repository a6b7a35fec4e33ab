/*
 * plan - which of the folders there are belong to an account, and in what
 * order: those of the first pattern first, within one INBOX and then by name.
 * Pure.
 */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H
#include "config.h"
#include "err.h"
#include "source.h"

struct plan_folder {
	char *name; /* owned; in UTF-8 */
	const struct config_folder *settings;
	struct config_mailbox mailbox; /* its name is borrowed from here */
	bool counted;		       /* there: as LIST or STATUS told */
	struct source_folder there;
	struct err *err; /* owned; it was named, and is not there; NULL */
	size_t pattern;	 /* see config_folder_pattern() */
	bool seen;	 /* the visitor's: it was dealt with */
};

struct plan {
	struct plan_folder *item; /* owned */
	size_t n;
};

/*
 * The one folder that can be meant, whatever there is; NULL: a listing is
 * needed. POP3: "".
 */
const char *plan_single(const struct config_account *a);
/* A plan of that one. */
void plan_make_single(struct plan *p, const struct config_account *a);
/*
 * What to look for: patterns for source_ops.look, borrowed from a; *out is the
 * caller's to free. 0: all there is, where a pattern tells by special use.
 */
size_t plan_patterns(const struct config_account *a, const char ***out);
/* Some plain name is not among these: with its near names all are needed. */
bool plan_lacks(const struct config_account *a, const struct source_listed *l,
		size_t n);
void plan_make(struct plan *p, const struct config_account *a,
	       const struct source_listed *l, size_t n);
/* All that are named and not there, as far as one error has room for. */
void plan_missing(const struct plan *p, struct err *err);
void plan_fini(struct plan *p);
/* Whether a listed folder is fetched; NULL: it is not. */
const struct config_folder *plan_settings(const struct config_account *a,
					  const struct source_listed *l);
#endif
