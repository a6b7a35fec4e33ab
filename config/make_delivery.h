/*
 * make_delivery - one `delivery` section as struct config_delivery.
 */
#ifndef CONFIG_MAKE_DELIVERY_H
#define CONFIG_MAKE_DELIVERY_H
#include "make.h"

/* d is zeroed; make_delivery_fini() releases whatever was filled. */
void make_delivery(struct making *m, const struct section *s,
		   struct config_delivery *d);
/* Once all are made: another one by its name. */
void make_delivery_refused_to(struct making *m, const struct section *s,
			      struct config_delivery *d);
void make_delivery_fini(struct config_delivery *d);
#endif
