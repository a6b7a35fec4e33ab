/*
 * credential - secrets, read anew at each sign-in (INTERFACE 2 "secret").
 *
 * Files with secrets are regular files (never a link), belong to root or to
 * the user of the process, and are readable by nobody else but the process's
 * own group. A secret is one line of at most LIMIT_SECRET_OCTETS; the newline
 * at its end is not part of it. Thread-safe; no secret is ever in an error.
 */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H
#include "config.h"
#include "err.h"
#include "safefile.h"

/* How long a password_command may take. */
#define CREDENTIAL_COMMAND_MS 30000u

/*
 * Reads what s says; c tells where secrets.d lies. CONFIG_SECRET_COMMAND runs
 * the program and waits for it, up to CREDENTIAL_COMMAND_MS: not on the loop.
 * false: ERR_CONFIG (missing: the remedy is `mailhaul passwd NAME`; unsafe,
 * unreadable, empty), or ERR_RETRY where a command took too long.
 * CONFIG_SECRET_NONE gives an empty secret.
 */
bool credential_read(const struct config *c, const struct config_secret *s,
		     struct secret *out, struct err *err);

/*
 * What was read from somewhere as a secret: the newline at the end is cut, the
 * rest must be one line. from names the source for err.
 */
bool credential_take(struct view v, const char *from, struct secret *out,
		     struct err *err);

/*
 * The process's own; for root, the owner of the state directory (NULL: not
 * known), as whom it is going to run.
 */
struct safefile_owner credential_owner_of(const char *state_dir);

/*
 * Writes secrets.d/NAME below dir, readable by the owner alone, whole or not
 * at all (written beside it, synced, renamed). The folder is made, mode 0700,
 * where it is missing. Root gives both to owner.
 */
bool credential_store(const char *dir, const char *name,
		      const struct safefile_owner *owner,
		      const struct secret *secret, struct err *err);
#endif
