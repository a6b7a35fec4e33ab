/*
 * addressees - for whom a message that waits would be if it were fetched today:
 * its recipients were decided when it came, by the configuration of that time.
 */
#ifndef FLOW_ADDRESSEES_H
#define FLOW_ADDRESSEES_H
#include "config.h"
#include "message.h"

/*
 * The recipients of m that stand in the configuration, not those that a header
 * names: they are added to *out, a list from empty. a: m's account; NULL: it is
 * configured no more. Where it is not known which settings are meant (a notice
 * of our own, a message fetched just now, a folder block by special use), none.
 */
void addressees(const struct config_account *a, const struct message *m,
		struct config_list *out);
#endif
