#include "conffile.h"
#include "closed.h"
#include "grammar.h"
#include "limits.h"
#include "must.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_MOST 10000u
#define DEPTH_MOST 8u

static void read_one(struct conffile_reading *r, const char *path,
		     struct place from, unsigned depth);

char *conffile_absolute(const char *path)
{
	char *cwd, *out;
	struct text t;

	if (path[0] == '/')
		return mem_str(path);
	cwd = getcwd(NULL, 0);
	text_init(&t, 65536);
	(void)text_fmt(&t, "%s/%s", cwd ? cwd : "", path);
	free(cwd);
	out = text_take(&t);
	return out;
}

char *conffile_folder(const char *absolute)
{
	char *out = mem_str(absolute), *slash = strrchr(out, '/');

	MUST(slash);
	slash[slash == out] = 0;
	return out;
}

void conffiles_fini(struct conffiles *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->item[i]->path);
		free(all->item[i]->dir);
		free(all->item[i]);
	}
	free(all->item);
	*all = (struct conffiles){ 0 };
}

/* A file that cannot be read is the fault of its include(), if there is one. */
static void cannot(struct conffile_reading *r, struct place from,
		   const char *path, const char *why)
{
	struct place whole = { .file = path };

	r->unread.files = true;
	if (from.file)
		fault_add(r->faults, from, "", "include: %s: %s", path, why);
	else
		fault_add(r->faults, whole, "", "%s", why);
}

static const char *why_of(int errnum)
{
	const char *why = strerrordesc_np(errnum);

	return why ? why : "it cannot be read";
}

/* in: what is closed; NULL: path itself. */
static void not_opened(struct conffile_reading *r, struct place from,
		       const char *path, const char *in, int errnum)
{
	char *why = errnum == EACCES ? closed_why(in ? in : path) : NULL;

	cannot(r, from, path, why ? why : why_of(errnum));
	free(why);
}

static bool is_known(const struct conffile_reading *r, const struct stat *st)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (r->files.item[i]->stat.st_dev == st->st_dev &&
		    r->files.item[i]->stat.st_ino == st->st_ino)
			return true;
	return false;
}

/* What fd holds, to be wiped and freed. NULL: *why says. */
static char *octets_of(int fd, const struct stat *st, size_t *n,
		       const char **why)
{
	size_t cap = (size_t)st->st_size + 1;
	char *all = mem_new(cap);
	ssize_t got = 1;

	for (*n = 0; *n < cap && got > 0; *n += got > 0 ? (size_t)got : 0) {
		got = read(fd, all + *n, cap - *n);
		if (got < 0 && errno == EINTR)
			got = 1;
	}
	*why = got < 0 ? why_of(errno) : "it changed while it was read";
	if (got < 0 || *n == cap) {
		secret_wipe(all, cap);
		free(all);
		return NULL;
	}
	return all;
}

static int open_file(struct conffile_reading *r, const char *path,
		     struct place from, struct stat *st)
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = NULL;

	if (fd < 0) {
		not_opened(r, from, path, NULL, errno);
		return -1;
	}
	if (fstat(fd, st) != 0)
		why = why_of(errno);
	else if (!S_ISREG(st->st_mode))
		why = "not a regular file";
	else if (st->st_size > (off_t)LIMIT_CONFIG_OCTETS)
		why = "too large for a configuration";
	else if (is_known(r, st))
		why = "it was read already";
	if (!why)
		return fd;
	cannot(r, from, path, why);
	(void)close(fd);
	return -1;
}

static struct conffile *add(struct conffile_reading *r, const char *path,
			    const struct stat *st)
{
	struct conffile *f = mem_new(sizeof(*f));
	char *absolute = conffile_absolute(path);

	f->path = mem_str(path);
	f->dir = conffile_folder(absolute);
	f->stat = *st;
	free(absolute);
	r->files.item = mem_grow(r->files.item, (r->files.n + 1) * sizeof(f));
	r->files.item[r->files.n++] = f;
	return f;
}

/* A folder that is not there holds nothing; any other trouble ends it. */
static int on_glob_error(const char *path, int errnum)
{
	(void)path;
	return errnum != ENOENT && errnum != ENOTDIR;
}

static void not_listed(struct conffile_reading *r, struct place from,
		       const char *pattern, int errnum)
{
	char *folder = conffile_folder(pattern);

	not_opened(r, from, pattern, folder, errnum);
	free(folder);
}

static void follow(struct conffile_reading *r, const struct conffile *f,
		   const struct included *in, unsigned depth)
{
	struct text pattern;
	glob_t found = { 0 };
	int result;

	text_init(&pattern, 65536);
	(void)text_fmt(&pattern, "%s%s%s", in->pattern[0] == '/' ? "" : f->dir,
		       in->pattern[0] == '/' ? "" : "/", in->pattern);
	result = glob(text_str(&pattern), 0, on_glob_error, &found);
	/* glob() takes what it may not look at for what is not there */
	if (result == GLOB_NOMATCH && !strpbrk(in->pattern, "*?["))
		not_opened(r, in->at, text_str(&pattern), NULL,
			   access(text_str(&pattern), F_OK) != 0 ? errno
								 : ENOENT);
	else if (result != 0 && result != GLOB_NOMATCH)
		not_listed(r, in->at, text_str(&pattern), errno);
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
		read_one(r, found.gl_pathv[i], in->at, depth + 1);
	globfree(&found);
	text_fini(&pattern);
}

static void parse(struct conffile_reading *r, struct conffile *f,
		  struct view octets, unsigned depth)
{
	struct includes includes = { 0 };
	struct grammar g = {
		.sections = &r->sections,
		.general = r->sections.item[0],
		.includes = &includes,
		.unread = &r->unread,
		.faults = r->faults,
		.file = { .file = f->path, .number = (unsigned)r->files.n },
		.dir = f->dir,
	};
	struct tokens tokens;

	lex(octets, g.file, &tokens, r->faults);
	grammar_read(&g, &tokens);
	r->unread.files = r->unread.files || tokens.unended;
	tokens_fini(&tokens);
	for (size_t i = 0; i < includes.n; i++)
		follow(r, f, &includes.item[i], depth);
	includes_fini(&includes);
}

static void read_one(struct conffile_reading *r, const char *path,
		     struct place from, unsigned depth)
{
	const char *why;
	struct stat st;
	char *octets;
	size_t n;
	int fd;

	if (depth > DEPTH_MOST || r->files.n >= FILES_MOST) {
		cannot(r, from, path, "too many files, one within the other");
		return;
	}
	fd = open_file(r, path, from, &st);
	if (fd < 0)
		return;
	octets = octets_of(fd, &st, &n, &why);
	(void)close(fd);
	if (!octets) {
		cannot(r, from, path, why);
		return;
	}
	parse(r, add(r, path, &st), (struct view){ octets, n }, depth);
	secret_wipe(octets, n);
	free(octets);
}

static void note_password_at(struct conffile_reading *r,
			     const struct written *w)
{
	if (w && w->at.number)
		r->files.item[w->at.number - 1]->has_password = true;
}

/* Which files hold a password themselves. */
static void mark_passwords(struct conffile_reading *r)
{
	for (size_t i = 0; i < r->sections.n; i++) {
		const struct section *s = r->sections.item[i];
		const struct written *proxy = s->set[SET_PROXY];

		note_password_at(r, s->set[SET_PASSWORD]);
		/* user and password of a proxy stand before its host */
		if (proxy && proxy->ok &&
		    strchr(proxy->value.list.item[0], '@'))
			note_password_at(r, proxy);
	}
}

void conffile_read_all(struct conffile_reading *r, const char *path)
{
	struct place nowhere = { 0 };

	sections_add(&r->sections, SECTION_GENERAL, NULL, nowhere, NULL);
	read_one(r, path, nowhere, 0);
	mark_passwords(r);
}
