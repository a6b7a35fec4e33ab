/*
 * inherit - which of the places where a setting may be written counts for an
 * account, a folder of it or a delivery, and the list of it all for `check
 * --effective`.
 */
#ifndef CONFIG_INHERIT_H
#define CONFIG_INHERIT_H
#include "section.h"

#define LEVELS 6u

/* Sections in the order in which they are asked. */
struct levels {
	const struct section *of[LEVELS]; /* borrowed */
	size_t n;
};

/* What counts: NULL where a setting is written nowhere. */
struct resolved {
	const struct section *own; /* the account, its folder, or delivery */
	const struct written *by[SETTINGS];
};

void levels_add(struct levels *l, const struct section *s); /* NULL: nothing */
void inherit(struct resolved *r, const struct levels *l);

/* Written in the account or delivery itself. */
bool resolved_is_own(const struct resolved *r, enum setting_id id);
/* Written by the user at any level. */
bool resolved_is_written(const struct resolved *r, enum setting_id id);
/* The value, or NULL where it is written nowhere or could not be read. */
const struct value *resolved_value(const struct resolved *r,
				   enum setting_id id);
/* Its parts; 0 and NULL where there is no value. Strings are borrowed. */
uint64_t resolved_number(const struct resolved *r, enum setting_id id);
unsigned resolved_choice(const struct resolved *r, enum setting_id id);
const char *resolved_string(const struct resolved *r, enum setting_id id);
void resolved_list(const struct resolved *r, enum setting_id id,
		   struct config_list *out);

/* value NULL: as it stands in r; from NULL: the origin in r. */
void effective_add(struct config_effectives *e, const struct resolved *r,
		   enum setting_id id, const char *value,
		   const struct written *from);
void effectives_fini(struct config_effectives *e);
#endif
