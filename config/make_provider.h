/*
 * make_provider - what the built-in table of providers does to an account: its
 * limits clamp, and `check` gets remarks for people.
 */
#ifndef CONFIG_MAKE_PROVIDER_H
#define CONFIG_MAKE_PROVIDER_H
#include "make.h"

/* The entry itself, whichever of its names was written. NULL: none. */
const struct section *make_provider_builtin(const struct making *m,
					    const struct config_account *a);
/* The user's section of that provider's name, or of the name written. */
const struct section *make_provider_own(const struct making *m,
					const struct config_account *a);
/* Once server, user, sign-in and policy of the account stand. */
void make_provider(const struct resolved *r, struct config_account *a);
/* The line of poll_every, as it was clamped. */
void make_effective_poll(struct config_effectives *e, const struct making *m,
			 const struct resolved *r,
			 const struct config_account *a);
#endif
