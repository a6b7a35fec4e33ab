#include "support_dir.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CASES TESTS_DIR "/unit/config/cases"

static char folder[] = "/tmp/mailhaul-config-XXXXXX";

void dir_write(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert(fd >= 0);
	assert(write(fd, text, n) == (ssize_t)n);
	assert(fchmod(fd, 0600) == 0);
	assert(close(fd) == 0);
}

char *dir_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert(f && text);
	assert(fread(text, 1, (1 << 20) - 1, f) > 0);
	assert(fclose(f) == 0);
	return text;
}

static int copy(const char *path, const struct stat *st, int type,
		struct FTW *at)
{
	const char *rest = path + strlen(CASES);
	char to[4096], text[65536];
	size_t n = 0;
	FILE *f;

	(void)st;
	(void)at;
	snprintf(to, sizeof(to), ".%s", rest);
	if (type == FTW_D) {
		assert(!*rest || mkdir(to, 0700) == 0);
		return 0;
	}
	f = fopen(path, "r");
	assert(f);
	n = fread(text, 1, sizeof(text), f);
	assert(n > 0 && n < sizeof(text));
	fclose(f);
	f = fopen(to, "w");
	assert(f && fwrite(text, 1, n, f) == n);
	assert(fclose(f) == 0 && chmod(to, 0600) == 0);
	return 0;
}

int dir_enter(void **state)
{
	static const char *const ours[] = { "MAILHAUL_CONFIG",
					    "XDG_CONFIG_HOME", "XDG_STATE_HOME",
					    "STATE_DIRECTORY",
					    "CREDENTIALS_DIRECTORY" };

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		unsetenv(ours[i]);
	setenv("HOME", "/home/me", 1);
	umask(022);
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	return nftw(CASES, copy, 8, FTW_PHYS);
}

int dir_home(void **state)
{
	(void)state;
	return chdir(folder);
}

static int take_away(const char *path, const struct stat *st, int type,
		     struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int dir_leave(void **state)
{
	(void)state;
	return chdir("/") || nftw(folder, take_away, 8, FTW_DEPTH | FTW_PHYS);
}
