/*
 * safefile - who else could read a file that holds a secret.
 */
#ifndef BASE_SAFEFILE_H
#define BASE_SAFEFILE_H
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Who but root may own such a file, and read it as group. */
struct safefile_owner {
	uid_t uid;
	gid_t gid;
};

/*
 * A regular file of root's or the owner's, open to nobody else but the owner's
 * own group. false: *why goes on a sentence whose subject is the file.
 */
bool safefile_check(const struct stat *st, const struct safefile_owner *owner,
		    const char **why);
#endif
