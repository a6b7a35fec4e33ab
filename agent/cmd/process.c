#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor opened in the place of a missing 2 would receive our errors. */
static void fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

void process_setup(void)
{
	struct rlimit none = { 0, 0 }, files;

	fill_descriptors();
	(void)umask(077);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)mallopt(M_ARENA_MAX, 1);
}

bool process_become_owner(const char *dir, struct err *err)
{
	struct passwd *pw;
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid == 0)
		return true;
	pw = getpwuid(st.st_uid);
	if (pw ? initgroups(pw->pw_name, pw->pw_gid) != 0
	       : setgroups(0, NULL) != 0)
		return err_errno(err, errno, "becoming the owner of %s", dir);
	if (setgid(pw ? pw->pw_gid : st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return err_errno(err, errno, "becoming the owner of %s", dir);
	(void)prctl(PR_SET_DUMPABLE, 0); /* setuid() may have reset it */
	if (pw) {
		(void)setenv("HOME", pw->pw_dir, 1);
		(void)setenv("USER", pw->pw_name, 1);
		(void)setenv("LOGNAME", pw->pw_name, 1);
	}
	return true;
}

/* line of hosts(5): the first name with a dot, if `name` is among its names. */
static bool domain_of(char *line, const char *name, char *out, size_t cap)
{
	const char *whole = NULL, *word;
	char *save = NULL;
	bool ours = false;

	line[strcspn(line, "#\n")] = 0;
	if (!strtok_r(line, " \t", &save))
		return false;
	while ((word = strtok_r(NULL, " \t", &save))) {
		if (strcmp(word, name) == 0)
			ours = true;
		if (!whole && strchr(word, '.'))
			whole = word;
	}
	if (!ours || !whole || strlen(whole) >= cap)
		return false;
	memcpy(out, whole, strlen(whole) + 1);
	return true;
}

static bool fits_ehlo(const char *s)
{
	if (!*s || *s == '-' || *s == '.')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || *s == '-' || *s == '.'))
			return false;
	return true;
}

void process_hostname(const char *configured, char *out, size_t cap)
{
	char name[256] = "", line[1024], found[256];
	FILE *hosts;

	if (configured) {
		(void)snprintf(out, cap, "%s", configured);
		return;
	}
	(void)gethostname(name, sizeof(name) - 1);
	if (!fits_ehlo(name) || strlen(name) >= cap)
		(void)snprintf(name, sizeof(name), "[127.0.0.1]");
	memcpy(out, name, strlen(name) + 1);
	if (name[0] == '[' || strchr(name, '.'))
		return;
	hosts = fopen("/etc/hosts", "re");
	if (!hosts)
		return;
	while (fgets(line, sizeof(line), hosts))
		if (domain_of(line, name, found, sizeof(found)) &&
		    fits_ehlo(found) && strlen(found) < cap) {
			memcpy(out, found, strlen(found) + 1);
			break;
		}
	(void)fclose(hosts);
}
