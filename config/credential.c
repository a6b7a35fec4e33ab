#include "credential.h"
#include "limits.h"
#include "must.h"
#include "secretrun.h"
#include "text.h"
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define USER_OCTETS 33

struct safefile_owner credential_owner_of(const char *state_dir)
{
	struct safefile_owner own = { geteuid(), getegid() };
	struct stat st;

	if (own.uid == 0 && state_dir && stat(state_dir, &st) == 0 &&
	    st.st_uid != 0)
		return (struct safefile_owner){ st.st_uid, st.st_gid };
	return own;
}

/* As chown(1) takes it. */
static void user_name(uid_t uid, char out[USER_OCTETS])
{
	struct passwd pw, *found = NULL;
	char room[4096];

	if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 && found)
		(void)snprintf(out, USER_OCTETS, "%s", pw.pw_name);
	else
		(void)snprintf(out, USER_OCTETS, "%u", (unsigned)uid);
}

/* st NULL: there is no file to speak of. */
static bool unsafe(struct err *err, const char *path, const char *why,
		   const struct stat *st, const struct safefile_owner *owner)
{
	char user[USER_OCTETS];

	(void)err_set(err, ERR_CONFIG, "%.150s: it %s", path, why);
	if (!st || !S_ISREG(st->st_mode))
		return err_remedy(err, "put the file itself there");
	if (st->st_uid == 0 || st->st_uid == owner->uid)
		return err_remedy(err, "chmod 600 %.200s", path);
	user_name(owner->uid, user);
	return err_remedy(err, "chown %s %.190s", user, path);
}

static bool broken(struct err *err, int errnum, const char *path)
{
	const char *why = strerrordesc_np(errnum);
	char user[USER_OCTETS];

	(void)err_set(err, err_is_disk(errnum) ? ERR_DISK : ERR_CONFIG,
		      "%.150s: %s", path, why ? why : "unknown error");
	if (errnum != EACCES && errnum != EPERM)
		return false;
	user_name(geteuid(), user);
	return err_remedy(err,
			  "%s reads it: chown %s that file, and let %s "
			  "into its folders",
			  user, user, user);
}

bool credential_take(struct view v, const char *from, struct secret *out,
		     struct err *err)
{
	if (v.n && v.p[v.n - 1] == '\n')
		v.n--;
	if (v.n && v.p[v.n - 1] == '\r')
		v.n--;
	if (!v.n)
		return err_set(err, ERR_CONFIG, "%.150s: the secret is empty",
			       from);
	if (view_breaks_line(v))
		return err_set(err, ERR_CONFIG,
			       "%.150s: the secret is more than one line",
			       from);
	secret_set(out, v);
	return true;
}

/* Up to the end of fd; false with errno, or EFBIG. */
static bool read_all(int fd, char *into, size_t cap, size_t *n)
{
	ssize_t got;

	for (*n = 0; *n < cap;) {
		got = read(fd, into + *n, cap - *n);
		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR)
			return false;
		*n += got > 0 ? (size_t)got : 0;
	}
	errno = EFBIG;
	return false;
}

static bool read_fd(int fd, const char *path, struct secret *out,
		    struct err *err)
{
	size_t cap = LIMIT_SECRET_OCTETS + 3, n;
	char *octets = mem_new(cap);
	bool ok = read_all(fd, octets, cap, &n);

	if (!ok && errno == EFBIG)
		(void)err_set(err, ERR_CONFIG, "%.150s: too long for a secret",
			      path);
	else if (!ok)
		(void)broken(err, errno, path);
	else
		ok = credential_take((struct view){ octets, n }, path, out,
				     err) ||
		     err_remedy(err, "the secret stands alone in its file, on "
				     "one line");
	secret_wipe(octets, cap);
	free(octets);
	return ok;
}

enum found {
	FOUND,
	FOUND_NOT,
	FOUND_FAULT
};

/* systemd: its own folder's files may carry an ACL, shown as group bits */
static enum found read_file(const char *path, struct safefile_owner owner,
			    bool systemd, struct secret *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				    O_NOCTTY);
	const char *why = "must not be a symbolic link";
	struct stat st;
	bool ok = false;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return FOUND_NOT;
	if (fd < 0 && errno == ELOOP) {
		(void)unsafe(err, path, why, NULL, &owner);
		return FOUND_FAULT;
	}
	if (fd < 0) {
		(void)broken(err, errno, path);
		return FOUND_FAULT;
	}
	if (fstat(fd, &st) != 0) {
		(void)broken(err, errno, path);
	} else {
		if (systemd && st.st_gid == 0)
			owner.gid = 0;
		ok = safefile_check(&st, &owner, &why)
			     ? read_fd(fd, path, out, err)
			     : unsafe(err, path, why, &st, &owner);
	}
	(void)close(fd);
	return ok ? FOUND : FOUND_FAULT;
}

static enum found read_named(const struct config *c, const char *name,
			     struct secret *out, struct err *err)
{
	struct safefile_owner owner = credential_owner_of(c->state_dir);
	const char *given = getenv("CREDENTIALS_DIRECTORY");
	enum found found = FOUND_NOT;
	struct text path;

	if (name[0] == '/')
		return read_file(name, owner, false, out, err);
	text_init(&path, 8192);
	for (int i = given && given[0] == '/' ? 0 : 2;
	     i < 3 && found == FOUND_NOT; i++) {
		text_clear(&path);
		switch (i) {
		case 0:
			(void)text_fmt(&path, "%s/%s", given, name);
			break;
		case 1:
			(void)text_fmt(&path, "%s/mailhaul_%s", given, name);
			break;
		case 2:
			(void)text_fmt(&path, "%s/secrets.d/%s", c->dir, name);
			break;
		}
		found = read_file(text_str(&path), owner, i < 2, out, err);
	}
	text_fini(&path);
	return found;
}

static bool read_credential(const struct config *c, const char *name,
			    struct secret *out, struct err *err)
{
	switch (read_named(c, name, out, err)) {
	case FOUND:
		return true;
	case FOUND_FAULT:
		return false;
	case FOUND_NOT:
		break;
	}
	(void)err_set(err, ERR_CONFIG, "there is no secret \"%.150s\"", name);
	if (name[0] == '/')
		return err_remedy(err, "put the password into that file");
	return err_remedy(err, "mailhaul passwd %.64s", name);
}

bool credential_read(const struct config *c, const struct config_secret *s,
		     struct secret *out, struct err *err)
{
	switch (s->kind) {
	case CONFIG_SECRET_NONE:
		secret_set(out, VIEW_NONE);
		return true;
	case CONFIG_SECRET_PASSWORD:
		secret_set(out, secret_view(&s->password));
		return true;
	case CONFIG_SECRET_COMMAND:
		return secretrun(&s->command, CREDENTIAL_COMMAND_MS, out, err);
	case CONFIG_SECRET_CREDENTIAL:
		return read_credential(c, s->credential, out, err);
	}
	return err_set(err, ERR_BUG, "a secret of no kind");
}

/* secrets.d below dir, opened. -1: err says. */
static int open_folder(const char *dir, const struct safefile_owner *owner,
		       struct err *err)
{
	struct text path;
	int fd = -1;
	bool made;

	text_init(&path, 8192);
	(void)text_fmt(&path, "%s/secrets.d", dir);
	made = mkdir(text_str(&path), 0700) == 0;
	if (!made && errno != EEXIST)
		(void)broken(err, errno, text_str(&path));
	else if ((fd = open(text_str(&path),
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) <
		 0)
		(void)broken(err, errno, text_str(&path));
	else if (made && geteuid() == 0 &&
		 fchown(fd, owner->uid, owner->gid) != 0)
		(void)broken(err, errno, text_str(&path));
	text_fini(&path);
	return fd;
}

static bool write_all(int fd, struct view v)
{
	while (v.n) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			return false;
		v = view_skip(v, n > 0 ? (size_t)n : 0);
	}
	return true;
}

static bool fill(int fd, const struct safefile_owner *owner,
		 const struct secret *secret)
{
	if (geteuid() == 0 && fchown(fd, owner->uid, owner->gid) != 0)
		return false;
	return write_all(fd, secret_view(secret)) &&
	       write_all(fd, VIEW_LIT("\n")) && fsync(fd) == 0;
}

/* Beside the file, synced, renamed over it, the folder synced. */
static bool replace(int folder, const char *name,
		    const struct safefile_owner *owner,
		    const struct secret *secret, struct err *err)
{
	char beside[100];
	int fd, why = 0;

	(void)snprintf(beside, sizeof(beside), ".%.64s.%ld", name,
		       (long)getpid());
	(void)unlinkat(folder, beside, 0);
	fd = openat(folder, beside,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return broken(err, errno, name);
	if (!fill(fd, owner, secret))
		why = errno;
	if (close(fd) != 0 && !why)
		why = errno;
	if (!why &&
	    (renameat(folder, beside, folder, name) != 0 || fsync(folder) != 0))
		why = errno;
	if (!why)
		return true;
	(void)unlinkat(folder, beside, 0);
	return broken(err, why, name);
}

bool credential_store(const char *dir, const char *name,
		      const struct safefile_owner *owner,
		      const struct secret *secret, struct err *err)
{
	struct view v = secret_view(secret);
	int folder;
	bool ok;

	if (!value_is_name(view_of(name)))
		return err_set(err, ERR_CONFIG, "\"%.64s\" is no name", name);
	if (!v.n || view_breaks_line(v) || v.n > LIMIT_SECRET_OCTETS)
		return err_set(err, ERR_CONFIG,
			       "a secret is one line that is not empty");
	folder = open_folder(dir, owner, err);
	if (folder < 0)
		return false;
	ok = replace(folder, name, owner, secret, err);
	(void)close(folder);
	return ok;
}
