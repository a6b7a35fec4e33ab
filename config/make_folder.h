/*
 * make_folder - what becomes of the mail of a folder: the account's own
 * settings, and those of its `folder "PATTERN" { }` blocks.
 */
#ifndef CONFIG_MAKE_FOLDER_H
#define CONFIG_MAKE_FOLDER_H
#include "make.h"

/* Fills f, but for its pattern and line. Returns where `to` comes from. */
const struct written *make_folder(struct making *m, const struct resolved *r,
				  const struct config_account *a,
				  struct config_folder *f);
/* Fault where a template of setting id, written at w, names nobody that d can
 * take; d NULL: nothing. */
void make_folder_recipient(struct making *m, const struct resolved *r,
			   const struct config_account *a,
			   const struct config_delivery *d, enum setting_id id,
			   const struct written *w, const char *template);
/* Lines `delivery` and `to`; with a multidrop there is no `to`. */
void make_folder_to(struct config_effectives *e, const struct resolved *r,
		    const struct config_account *a,
		    const struct config_folder *f, const struct written *to);
/* levels: those of the account, of which s is the section. Fills a->blocks. */
void make_folder_blocks(struct making *m, const struct section *s,
			const struct levels *levels, struct config_account *a);
/* The same, where the account has POP3: each block is a fault. */
void make_folder_misfit(struct making *m, const struct section *s);
/* Faults of the patterns taken together; a->folders and blocks are there. */
void make_folder_check(struct making *m, const struct resolved *r,
		       const struct config_account *a);
void make_folder_fini(struct config_folder *f);
#endif
