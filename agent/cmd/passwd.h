/*
 * passwd - a new secret for an account or a delivery: whose, asked for, tried,
 * stored. Trying it is the caller's (cmd_passwd.h).
 */
#ifndef CMD_PASSWD_H
#define CMD_PASSWD_H
#include "config.h"
#include "err.h"

/* What a NAME stands for. */
struct passwd_target {
	const struct config_account *account; /* whom to try as: one of them */
	const struct config_delivery *delivery;
	const char *credential; /* secrets.d/NAME; borrowed */
};

/*
 * An account, else a delivery, else a credential that one of them names. false:
 * ERR_CONFIG: there is none (out is empty), or its secret does not lie in
 * secrets.d.
 */
bool passwd_find(const struct config *c, const char *name,
		 struct passwd_target *out, struct err *err);

/*
 * One line from fd. On a terminal question is written to it first, and nothing
 * that is typed is shown. false: ERR_CANCELLED (a signal), ERR_CONFIG (nothing
 * came, too long).
 */
bool passwd_ask(int fd, const char *question, struct secret *out,
		struct err *err);

/*
 * Signs in with a secret that is not stored yet. false: err; anything but
 * ERR_AUTH leaves open whether it is right.
 */
typedef bool passwd_try(void *who, const struct passwd_target *t,
			const struct secret *secret, struct err *err);

/*
 * All of it: asks on fd, tries, replaces secrets.d/NAME. A secret that was
 * refused or could not be tried is stored only where untried_too; tried->class
 * is ERR_NONE after it was accepted. false: err, and the old one is still
 * there.
 */
bool passwd_change(const struct config *c, const struct passwd_target *t,
		   int fd, bool untried_too, passwd_try *try, void *who,
		   struct err *tried, struct err *err);
#endif
