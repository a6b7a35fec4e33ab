/*
 * settings - hashes of what is configured, by which it is seen that a person
 * changed something since. Of 63 bits, keyed: they tell nothing of secrets.
 */
#ifndef FLOW_SETTINGS_H
#define FLOW_SETTINGS_H
#include "pass.h"

/* What a change of ends backoff: every setting, and the secret itself. */
uint64_t settings_of_account(const struct parts *p,
			     const struct config_account *a,
			     struct view secret);
/*
 * What a change of ends the pause of a delivery that refused a setting of an
 * account (a; NULL: it is configured no more, or it is a notice of our own).
 */
uint64_t settings_refused(const struct parts *p,
			  const struct config_delivery *d,
			  const struct config_account *a);
/* Of a delivery itself, with the secret it signs in with. */
uint64_t settings_of_delivery(const struct parts *p,
			      const struct config_delivery *d,
			      struct view secret);
#endif
