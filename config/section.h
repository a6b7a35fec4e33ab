/*
 * section - settings and sections as they were written, before anything is
 * inherited. The built-in values and providers take the same form.
 */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H
#include "fault.h"
#include "setting.h"

struct written {
	struct place at;
	const struct section *section; /* borrowed: where it stands */
	bool ok;		       /* the value could be read */
	struct value value;	       /* owned; empty unless ok */
};

struct section {
	enum section_kind kind;
	bool builtin;
	char *title; /* owned; "" where there is none */
	char *label; /* owned; `account "x"`; "" for the general settings */
	struct place at;
	const struct section *in;      /* borrowed: the account of a folder */
	struct written *set[SETTINGS]; /* owned; NULL: not written */
};
struct sections {
	struct section **item; /* owned, in the order of reading */
	size_t n;
};

/* What could not be read, so that nobody says it is not there. */
struct unread {
	struct config_list
		titles; /* of sections with a mistake in their form */
	bool files;	/* whole files, or parts of unknown size */
};
bool unread_may_hold(const struct unread *u, const char *title);

/* A new section at the end; title may be NULL, in too. */
struct section *sections_add(struct sections *all, enum section_kind kind,
			     const char *title, struct place at,
			     const struct section *in);
/* The first of that kind and title (NULL: any); NULL: none. */
struct section *sections_find(const struct sections *all,
			      enum section_kind kind, const char *title);
void sections_fini(struct sections *all);

/*
 * Reads what was written for a setting and keeps it in s. Faults: it was
 * written before, its value is wrong, this version refuses it.
 */
void section_set(struct section *s, enum setting_id id, struct place at,
		 const struct words *words, struct faults *faults);
/* The same for a built-in value: items parted by spaces. It must be right. */
void section_set_builtin(struct section *s, enum setting_id id,
			 const char *items);
#endif
