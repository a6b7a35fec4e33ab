#include "safefile.h"

#include <stddef.h>

bool safefile_check(const struct stat *st, const struct safefile_owner *owner,
		    const char **why)
{
	*why = NULL;
	if (!S_ISREG(st->st_mode))
		*why = "must be a regular file";
	else if (st->st_uid != 0 && st->st_uid != owner->uid)
		*why = "must not belong to another user";
	else if (st->st_mode & (S_IROTH | S_IWOTH))
		*why = "must not be open to everybody";
	else if ((st->st_mode & (S_IRGRP | S_IWGRP)) &&
		 st->st_gid != owner->gid)
		*why = "must not be open to another group";
	return !*why;
}
