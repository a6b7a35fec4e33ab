/*
 * conffile - the files of a configuration: found, opened, read and followed
 * through include().
 */
#ifndef CONFIG_CONFFILE_H
#define CONFIG_CONFFILE_H
#include "section.h"

#include <sys/stat.h>

struct conffile {
	char *path; /* owned; as it is shown */
	char *dir;  /* owned; its folder, absolute */
	struct stat stat;
	bool has_password;
};
struct conffiles {
	struct conffile **item; /* owned */
	size_t n;
};
void conffiles_fini(struct conffiles *all);

struct conffile_reading {
	struct conffiles files;	  /* out; release after sections */
	struct sections sections; /* out; the first is the general one */
	struct faults *faults;
	struct unread unread; /* out */
};

/* Reads path and what it includes. The main file's errors have line 0. */
void conffile_read_all(struct conffile_reading *r, const char *path);

/* Absolute, owned; relative paths start from the working directory. */
char *conffile_absolute(const char *path);
/* The part before the last slash, owned; "/" stays. */
char *conffile_folder(const char *absolute);
#endif
