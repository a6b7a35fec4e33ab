#include "maildir.h"

#include "addrspec.h"
#include "must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_OCTETS (64u << 10)

/* --- names --------------------------------------------------------------- */

static bool is_folder_name(struct view v)
{
	if (v.n == 0 || v.n > 200 || v.p[0] == '.')
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~' || v.p[i] == '/')
			return false;
	return true;
}

bool maildir_path(struct text *out, const char *path, const char *rcpt,
		  struct err *err)
{
	struct view rest = view_of(path), local = addrspec_local(view_of(rcpt));
	bool fits = true;

	while (rest.n > 0) {
		const char *at = memmem(rest.p, rest.n, "%u", 2);
		size_t n = at ? (size_t)(at - rest.p) : rest.n;

		if (at && !is_folder_name(local))
			return err_set(err, ERR_REFUSED,
				       "no folder can be named after %s", rcpt);
		fits = fits && text_put(out, view_head(rest, n)) &&
		       (!at || text_put(out, local));
		rest = view_skip(rest, n + 2);
	}
	if (!fits || out->n > MAILDIR_PATH_OCTETS)
		return err_set(err, ERR_REFUSED, "the path is too long");
	return true;
}

/* FNV-1a; names differ already by queue id, this tells recipients apart. */
static uint64_t mix(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h;
}

void maildir_name(struct text *out, const struct message *m, const char *rcpt,
		  const char *instance, const char *hostname)
{
	char id[MESSAGE_ID_TEXT];

	message_id_text(m->id, id);
	MUST(text_fmt(out, "%" PRId64 ".%s_%s_%016" PRIx64 ".",
		      m->fetched_at / 1000, instance, id, mix(rcpt)));
	for (size_t i = 0; hostname[i] && i < 100; i++) {
		if (hostname[i] == '/')
			MUST(text_puts(out, "\\057"));
		else if (hostname[i] == ':')
			MUST(text_puts(out, "\\072"));
		else
			MUST(text_put(out, (struct view){ hostname + i, 1 }));
	}
}

static void join(char *out, size_t cap, const char *dir, const char *sub,
		 const char *name)
{
	(void)snprintf(out, cap, "%s/%s%s%s", dir, sub, *name ? "/" : "", name);
}

#define JOINED (MAILDIR_PATH_OCTETS + 512u)

/* --- folders ------------------------------------------------------------- */

static bool sync_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	rc = fsync(fd);
	if (rc < 0)
		err_errno(err, errno, "fsync %s", path);
	close(fd);
	return rc == 0;
}

/* The folder that holds path. */
static bool sync_parent(const char *path, struct err *err)
{
	char parent[JOINED];
	char *slash;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash)
		return sync_folder(".", err);
	slash[slash == parent] = '\0';
	return sync_folder(parent, err);
}

static bool make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0)
		return sync_parent(path, err);
	if (errno != EEXIST)
		return err_errno(err, errno, "make folder %s", path);
	return true;
}

bool maildir_make(const char *dir, struct err *err)
{
	static const char *const subs[] = { "tmp", "new", "cur" };
	char path[JOINED];

	if (!make_folder(dir, err))
		return false;
	for (size_t i = 0; i < 3; i++) {
		join(path, sizeof(path), dir, subs[i], "");
		if (!make_folder(path, err))
			return false;
		if (access(path, W_OK | X_OK) != 0)
			return err_errno(err, errno, "write to %s", path);
	}
	return true;
}

bool maildir_sync(const char *dir, struct err *err)
{
	char path[JOINED];

	join(path, sizeof(path), dir, "new", "");
	return sync_folder(path, err);
}

/* --- one file ------------------------------------------------------------ */

void maildir_init(struct maildir_file *f, const char *dir, const char *name)
{
	*f = (struct maildir_file){ .dir = mem_str(dir),
				    .name = mem_str(name),
				    .fd = -1 };
}

static void discard(struct maildir_file *f)
{
	char path[JOINED];

	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	join(path, sizeof(path), f->dir, "tmp", f->name);
	(void)unlink(path);
}

void maildir_fini(struct maildir_file *f)
{
	discard(f);
	free(f->dir);
	free(f->name);
	*f = (struct maildir_file){ .fd = -1 };
}

bool maildir_arrived(const struct maildir_file *f)
{
	char path[JOINED];
	struct stat st;
	size_t n = strlen(f->name);
	struct dirent *e;
	bool found = false;
	DIR *cur;

	join(path, sizeof(path), f->dir, "new", f->name);
	if (lstat(path, &st) == 0)
		return true;
	join(path, sizeof(path), f->dir, "cur", "");
	cur = opendir(path);
	while (cur && !found && (e = readdir(cur)))
		found = strncmp(e->d_name, f->name, n) == 0 &&
			(e->d_name[n] == ':' || e->d_name[n] == '\0');
	if (cur)
		closedir(cur);
	return found;
}

bool maildir_open(struct maildir_file *f, struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char path[JOINED];

	join(path, sizeof(path), f->dir, "tmp", f->name);
	f->fd = open(path, flags, 0600);
	if (f->fd < 0 && errno == EEXIST && unlink(path) == 0)
		f->fd = open(path, flags, 0600);
	if (f->fd < 0)
		return err_errno(err, errno, "create %s", path);
	return true;
}

static bool write_all(int fd, const char *p, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t got = write(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "write to the maildir");
		p += got;
		n -= (size_t)got;
	}
	return true;
}

bool maildir_write(struct maildir_file *f, struct view octets, struct err *err)
{
	UNFILLED char buf[WRITE_OCTETS];
	size_t n = 0;

	while (octets.n > 0) {
		struct view part = view_head(octets, sizeof(buf) - n);
		size_t cr = view_find(part, '\r');

		memcpy(buf + n, part.p, cr);
		n += cr;
		octets = view_skip(octets, cr < part.n ? cr + 1 : cr);
		if (n == sizeof(buf) || octets.n == 0) {
			if (!write_all(f->fd, buf, n, err))
				return false;
			n = 0;
		}
	}
	return true;
}

bool maildir_deliver(struct maildir_file *f, struct err *err)
{
	char from[JOINED], to[JOINED];

	if (fdatasync(f->fd) < 0)
		return err_errno(err, errno, "fdatasync in the maildir");
	join(from, sizeof(from), f->dir, "tmp", f->name);
	join(to, sizeof(to), f->dir, "new", f->name);
	if (rename(from, to) < 0)
		return err_errno(err, errno, "move to %s", to);
	close(f->fd);
	f->fd = -1;
	return true;
}
