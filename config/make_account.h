/*
 * make_account - one `account` section as struct config_account.
 */
#ifndef CONFIG_MAKE_ACCOUNT_H
#define CONFIG_MAKE_ACCOUNT_H
#include "make.h"

/*
 * a is zeroed; make_account_fini() releases whatever was filled. The deliveries
 * of m->c must be there: a->delivery points to one of them.
 */
void make_account(struct making *m, const struct section *s,
		  struct config_account *a);
void make_account_fini(struct config_account *a);
#endif
