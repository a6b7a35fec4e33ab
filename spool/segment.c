#include "segment.h"
#include "must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITE_OUT_OCTETS (4u << 20)

void segment_name(uint32_t number, char out[SEGMENT_NAME_OCTETS])
{
	(void)snprintf(out, SEGMENT_NAME_OCTETS, "%08x.seg", number);
}

bool segments_init(struct segments *s, const struct spool_files *files,
		   int state_dir, struct err *err)
{
	*s = (struct segments){ .files = files, .dir = -1, .next = 1 };
	list_init(&s->all);
	if (mkdirat(state_dir, "bodies", 0700) != 0 && errno != EEXIST)
		return files_failed(err, "cannot make the folder of bodies");
	s->dir =
		openat(state_dir, "bodies", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return files_failed(err, "cannot open the folder of bodies");
	return true;
}

static void forget(struct segments *s, struct segment *g)
{
	if (g->fd >= 0)
		(void)s->files->close(g->fd);
	list_drop(&g->link);
	free(g);
}

void segments_fini(struct segments *s)
{
	LIST_EACH(at, kept, &s->all) {
		forget(s, LIST_OF(at, struct segment, link));
	}
	if (s->dir >= 0)
		(void)close(s->dir);
	free(s->unlinked);
	s->unlinked = NULL;
	s->dir = -1;
}

struct segment *segments_find(const struct segments *s, uint32_t number)
{
	LIST_EACH(at, kept, &s->all) {
		struct segment *g = LIST_OF(at, struct segment, link);

		if (g->number == number)
			return g;
	}
	return NULL;
}

static struct segment *add(struct segments *s, uint32_t number)
{
	struct segment *g = mem_new(sizeof(*g));

	g->number = number;
	g->fd = -1;
	list_push(&s->all, &g->link);
	if (number >= s->next)
		s->next = number + 1;
	return g;
}

bool segments_found(struct segments *s, uint32_t number, uint64_t octets,
		    uint64_t end, struct err *err)
{
	char name[SEGMENT_NAME_OCTETS];
	struct segment *g;
	struct stat st;
	int fd, bad;

	segment_name(number, name);
	if (number >= s->next)
		s->next = number + 1;
	fd = s->files->open_at(s->dir, name, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0)
		return files_failed(err, "cannot open a segment");
	bad = s->files->fstat(fd, &st);
	(void)s->files->close(fd);
	if (bad)
		return files_failed(err, "cannot look at a segment");
	if ((uint64_t)st.st_size < end)
		return false;
	g = add(s, number);
	g->tail = (uint64_t)st.st_size;
	g->live = octets;
	g->full = true;
	g->made_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	return true;
}

static bool name_number(const char *name, uint32_t *number)
{
	unsigned n;
	char back[SEGMENT_NAME_OCTETS];

	if (sscanf(name, "%8x", &n) != 1)
		return false;
	segment_name(n, back);
	*number = n;
	return strcmp(name, back) == 0;
}

static void take_orphan(struct segments *s, uint32_t number, bool keep)
{
	char name[SEGMENT_NAME_OCTETS], old[SEGMENT_NAME_OCTETS + 4];

	segment_name(number, name);
	(void)snprintf(old, sizeof(old), "%08x.seg.old", number);
	if (keep)
		(void)renameat(s->dir, name, s->dir, old);
	else
		(void)s->files->unlink_at(s->dir, name, 0);
}

bool segments_begin(struct segments *s, bool keep, struct err *err)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint32_t number;

	if (!d)
		return files_failed(err, "cannot list the folder of bodies");
	while ((e = readdir(d)) != NULL) {
		if (!name_number(e->d_name, &number))
			continue;
		if (number >= s->next)
			s->next = number + 1;
		if (!segments_find(s, number))
			take_orphan(s, number, keep);
	}
	(void)closedir(d);
	s->first_ours = s->next;
	return true;
}

static struct segment *make(struct segments *s, struct err *err)
{
	char name[SEGMENT_NAME_OCTETS];
	struct segment *g;
	int fd;

	segment_name(s->next, name);
	fd = files_open(s->files, s->dir, name, O_RDWR | O_CREAT | O_EXCL,
			"cannot make a segment for bodies", err);
	if (fd < 0)
		return NULL;
	g = add(s, s->next);
	g->fd = fd;
	g->ours = true;
	g->made_ms = s->now_ms;
	s->dir_touched = true;
	return g;
}

struct segment *segment_lease(struct segments *s, struct err *err)
{
	struct segment *g;

	LIST_EACH(at, kept, &s->all) {
		g = LIST_OF(at, struct segment, link);
		if (g->ours && !g->full && !g->leased) {
			g->leased = true;
			return g;
		}
	}
	g = make(s, err);
	if (g)
		g->leased = true;
	return g;
}

/*
 * Bodies leave some room on the disk, so that what was fetched can still be
 * settled and deleted when it is full (CASES I1).
 */
static bool may_write(struct segments *s, size_t n, struct err *err)
{
	struct statvfs v;
	uint64_t left;

	if (n <= s->allowance) {
		s->allowance -= n;
		return true;
	}
	if (s->files->statvfs(s->dir, &v) != 0)
		return files_failed(err, "cannot ask for free room");
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (left < SEGMENT_RESERVE_OCTETS + n) {
		errno = ENOSPC;
		return files_failed(err, "no room for bodies");
	}
	left = left - SEGMENT_RESERVE_OCTETS - n;
	s->allowance = left < (1u << 20) ? left : (1u << 20);
	return true;
}

bool segment_write(struct segments *s, struct segment *g, uint64_t offset,
		   struct view v, struct err *err)
{
	uint64_t at = g->tail + offset;

	if (!may_write(s, v.n, err) ||
	    !files_write(s->files, g->fd, v, at, err))
		return false;
	/* So that the sync of a long body finds little left to do. */
	if (at + v.n > g->written_out + WRITE_OUT_OCTETS) {
		(void)s->files->write_out(g->fd, (off_t)g->written_out,
					  (off_t)(at + v.n - g->written_out));
		g->written_out = at + v.n;
	}
	return true;
}

static void take_away(struct segments *s, struct segment *g)
{
	char name[SEGMENT_NAME_OCTETS];

	s->unlinked = mem_grow(s->unlinked,
			       (s->nunlinked + 1) * sizeof(*s->unlinked));
	s->unlinked[s->nunlinked++] = g->number;
	segment_name(g->number, name);
	(void)s->files->unlink_at(s->dir, name, 0);
	forget(s, g);
}

static void settle_lease(struct segments *s, struct segment *g)
{
	g->leased = false;
	if (g->live > 0 || g->held)
		return;
	/* The ledger names nothing in it: it begins again, or goes. */
	if (!g->full) {
		g->tail = 0;
		g->written_out = 0;
		return;
	}
	take_away(s, g);
}

void segment_keep(struct segments *s, struct segment *g, uint64_t octets)
{
	MUST(g->leased);
	(void)s;
	g->tail += octets;
	g->live += octets;
	g->touched = g->touched || octets > 0;
	g->leased = false;
	if (octets > SEGMENT_LARGE_OCTETS || g->tail >= SEGMENT_OCTETS)
		g->full = true;
}

void segment_abandon(struct segments *s, struct segment *g, uint64_t octets)
{
	MUST(g->leased);
	if (octets)
		(void)s->files->ftruncate(g->fd, (off_t)g->tail);
	if (g->written_out > g->tail)
		g->written_out = g->tail;
	settle_lease(s, g);
}

void segments_take_due(struct segments *s, struct segments_due *d)
{
	d->files = s->files;
	d->dir = s->dir_touched ? s->dir : -1;
	d->n = 0;
	s->dir_touched = false;
	LIST_EACH(at, kept, &s->all) {
		struct segment *g = LIST_OF(at, struct segment, link);

		if (!g->touched)
			continue;
		if (d->n == d->cap) {
			d->cap = d->cap ? d->cap * 2 : 8;
			d->fds = mem_grow(d->fds, d->cap * sizeof(*d->fds));
		}
		d->fds[d->n++] = g->fd;
		g->touched = false;
		g->syncing = true;
	}
}

bool segments_due_any(const struct segments_due *d)
{
	return d->n > 0 || d->dir >= 0;
}

bool segments_due_sync(struct segments_due *d, struct err *err)
{
	if (d->dir >= 0 && d->files->fsync(d->dir) != 0)
		return files_failed(err, "fsync of the folder of bodies");
#ifndef MAILHAUL_MUTANT_NO_FSYNC
	for (size_t i = 0; i < d->n; i++)
		if (d->files->fdatasync(d->fds[i]) != 0)
			return files_failed(err, "fdatasync of a body");
#endif
	return true;
}

void segments_due_fini(struct segments_due *d)
{
	free(d->fds);
	*d = (struct segments_due){ .dir = -1 };
}

void segments_synced(struct segments *s)
{
	LIST_EACH(at, kept, &s->all) {
		struct segment *g = LIST_OF(at, struct segment, link);
		bool synced = g->syncing;

		g->syncing = false;
		if (synced && g->full && !g->touched) { /* never leased again */
			(void)s->files->close(g->fd);
			g->fd = -1;
		}
	}
}

bool segments_sync(struct segments *s, struct err *err)
{
	struct segments_due d = { 0 };
	bool ok;

	segments_take_due(s, &d);
	ok = segments_due_sync(&d, err);
	segments_due_fini(&d);
	if (ok)
		segments_synced(s);
	return ok;
}

void segments_release(struct segments *s, uint32_t number, uint64_t octets)
{
	struct segment *g = segments_find(s, number);

	if (!g)
		return;
	g->live -= octets < g->live ? octets : g->live;
	if (!g->leased)
		settle_lease(s, g);
}

void segments_hold(struct segments *s)
{
	LIST_EACH(at, kept, &s->all) {
		LIST_OF(at, struct segment, link)->held = true;
	}
}

void segments_let_go(struct segments *s)
{
	LIST_EACH(at, kept, &s->all) {
		struct segment *g = LIST_OF(at, struct segment, link);
		bool held = g->held;

		g->held = false;
		if (held && !g->leased)
			settle_lease(s, g);
	}
}

void segments_trim(struct segments *s)
{
	LIST_EACH(at, kept, &s->all) {
		struct segment *g = LIST_OF(at, struct segment, link);

		if (g->leased)
			continue;
		g->full = true;
		settle_lease(s, g);
	}
}

uint64_t segments_live(const struct segments *s)
{
	uint64_t sum = 0;

	LIST_EACH(at, kept, &s->all) {
		sum += LIST_OF(at, struct segment, link)->live;
	}
	return sum;
}

bool segments_read(struct segments *s, uint32_t number, uint64_t at,
		   struct room r, size_t *got, struct err *err)
{
	struct segment *g = segments_find(s, number);
	char name[SEGMENT_NAME_OCTETS];
	int fd = g ? g->fd : -1;
	bool ok;

	if (fd >= 0)
		return files_read(s->files, fd, r, at, got, err);
	segment_name(number, name);
	fd = files_open(s->files, s->dir, name, O_RDONLY,
			"cannot open a segment", err);
	if (fd < 0)
		return false;
	ok = files_read(s->files, fd, r, at, got, err);
	(void)s->files->close(fd);
	return ok;
}
