/*
 * provider - mail providers known without configuration: their servers and
 * what a person must know to sign in. Facts only; what a `provider` section of
 * the same name says goes before them.
 */
#ifndef CONFIG_PROVIDER_H
#define CONFIG_PROVIDER_H
#include "view.h"

struct provider {
	const char *name;
	const char *title; /* as people call it */
	const char *imap;  /* URLs; NULL: it has none */
	const char *pop3;
	const char *smtp;
	const char *password; /* which password it wants; NULL: the usual one */
	const char *note;     /* what else must be done there; NULL */
};

/* NULL: not in the table. Names are lower case. */
const struct provider *provider_find(struct view name);
/* By number from 0; NULL behind the last. */
const struct provider *provider_at(size_t i);
#endif
