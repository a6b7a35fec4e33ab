#include "closed.h"
#include "text.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_OCTETS 1000u

static void put_user(uid_t uid, struct text *t)
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		(void)text_puts(t, p->pw_name);
	else
		(void)text_fmt(t, "user %u", (unsigned)uid);
}

static void put_group(gid_t gid, struct text *t)
{
	const struct group *g = getgrgid(gid);

	if (g)
		(void)text_puts(t, g->gr_name);
	else
		(void)text_fmt(t, "group %u", (unsigned)gid);
}

char *closed_why(const char *path)
{
	struct stat st;
	struct text t;

	text_init(&t, WHY_OCTETS);
	(void)text_puts(&t, "Permission denied: ");
	if (stat(path, &st) == 0) {
		(void)text_puts(&t, "it belongs to ");
		put_user(st.st_uid, &t);
		(void)text_puts(&t, ", ");
		put_group(st.st_gid, &t);
		(void)text_fmt(&t, ", mode %04o, and mailhaul runs as ",
			       (unsigned)st.st_mode & 07777);
		put_user(geteuid(), &t);
		(void)text_puts(&t, ": run it as the owner, or give the file "
				    "to this user (chown), or let its group "
				    "read it (chgrp, chmod g+r)");
	} else {
		(void)text_puts(&t, "mailhaul runs as ");
		put_user(geteuid(), &t);
		(void)text_puts(&t,
				", who may not enter a folder above it: run "
				"it as who may, or open that folder "
				"(chmod, chgrp)");
	}
	return text_take(&t);
}
