/*
 * make_multidrop - the `multidrop` section of an account.
 */
#ifndef CONFIG_MAKE_MULTIDROP_H
#define CONFIG_MAKE_MULTIDROP_H
#include "make.h"

/* Sets a->multidrop where s has such a section. */
void make_multidrop(struct making *m, const struct section *s,
		    struct config_account *a);
/* Its recipients, once user, deliveries and blocks of a are known. */
void make_multidrop_check(struct making *m, const struct section *s,
			  const struct config_account *a);
void make_multidrop_effective(const struct making *m, const struct section *s,
			      struct config_account *a);
void make_multidrop_free(struct config_multidrop *d); /* NULL: nothing */
#endif
