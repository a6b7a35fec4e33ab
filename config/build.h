/*
 * build - sections as they were written, to the typed tree: inheritance,
 * references, and what must fit together.
 */
#ifndef CONFIG_BUILD_H
#define CONFIG_BUILD_H
#include "section.h"

/*
 * Fills general settings, deliveries and accounts of c; faults are added. The
 * result may be used only when there was none. References to what unread may
 * hold are not reported.
 */
void build(struct config *c, const struct sections *written,
	   const struct unread *unread, struct faults *faults);
/* Releases what build() made. */
void build_undo(struct config *c);
#endif
