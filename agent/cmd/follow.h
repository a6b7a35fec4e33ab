/*
 * follow - a pass that the process which holds the state directory runs for us,
 * told of here as if it ran here (pass.h, passes.h).
 */
#ifndef CMD_FOLLOW_H
#define CMD_FOLLOW_H
#include "pass.h"

#define FOLLOW_PATIENCE_MS 60000u /* for a holder that does not answer */

struct follow;

struct follow_reports {
	/* It has begun: follow_accounts() are there. Before any of `pass`. */
	void (*begun)(void *who);
	/* With ask: a person is there. `ended`: or it was refused, or broke. */
	const struct pass_reports *pass;
};

/*
 * o: what its again points to is written at the end. judged: each message is
 * wanted. NULL: nobody is at the control socket of state_dir.
 */
struct follow *follow_start(struct loop *l, const struct config *c,
			    const struct pass_options *o, bool judged,
			    const struct follow_reports *r, void *who);
/* After `ended`: the holder takes no passes from others. */
bool follow_is_turned_away(const struct follow *f);
/* As of struct pass; what broke the connection is a failure, too. */
const struct pass_account *follow_accounts(const struct follow *f, size_t *n);
void follow_answer(struct follow *f, struct pass_account *a,
		   enum pass_choice c);
const struct err *follow_failure(const struct follow *f);
int follow_exit(const struct follow *f);
/* At any time: the pass goes on, unseen. NULL: nothing. */
void follow_free(struct follow *f);
#endif
