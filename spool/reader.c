#include "reader.h"
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

void reader_init(struct reader *r, const struct spool_files *files, int dir)
{
	*r = (struct reader){ .files = files, .dir = dir };
	MUST(pthread_mutex_init(&r->mutex, NULL) == 0);
}

static void close_file(struct reader *r, struct reader_file *f)
{
	if (f->segment)
		(void)r->files->close(f->fd);
	f->segment = 0;
}

void reader_fini(struct reader *r)
{
	for (size_t i = 0; i < READER_FILES; i++)
		close_file(r, &r->at[i]);
	free(r->gone);
	free(r->moves);
	(void)pthread_mutex_destroy(&r->mutex);
}

static void append(void **to, size_t *n, const void *from, size_t m,
		   size_t size)
{
	if (m == 0)
		return;
	*to = mem_grow(*to, (*n + m) * size);
	memcpy((char *)*to + *n * size, from, m * size);
	*n += m;
}

void reader_tell(struct reader *r, struct ledger *l)
{
	struct segments *s = &l->segments;
	void *gone, *moves;

	if (s->nunlinked == 0 && l->nmoves == 0)
		return;
	(void)pthread_mutex_lock(&r->mutex);
	gone = r->gone;
	moves = r->moves;
	append(&gone, &r->ngone, s->unlinked, s->nunlinked,
	       sizeof(*s->unlinked));
	append(&moves, &r->nmoves, l->moves, l->nmoves, sizeof(*l->moves));
	r->gone = gone;
	r->moves = moves;
	(void)pthread_mutex_unlock(&r->mutex);
	s->nunlinked = 0;
	l->nmoves = 0;
}

static struct reader_file *find(struct reader *r, uint32_t segment)
{
	for (size_t i = 0; i < READER_FILES; i++)
		if (r->at[i].segment == segment)
			return &r->at[i];
	return NULL;
}

void reader_close_gone(struct reader *r)
{
	(void)pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->ngone; i++) {
		struct reader_file *f = find(r, r->gone[i]);

		if (f)
			close_file(r, f);
	}
	r->ngone = 0;
	(void)pthread_mutex_unlock(&r->mutex);
}

/* The file, opened in the place of the one that was used least lately. */
static struct reader_file *open_file(struct reader *r, uint32_t segment)
{
	struct reader_file *f = find(r, segment);
	char name[SEGMENT_NAME_OCTETS];
	int fd;

	if (f)
		return f;
	segment_name(segment, name);
	fd = r->files->open_at(r->dir, name, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	f = &r->at[0];
	for (size_t i = 1; i < READER_FILES && f->segment; i++)
		if (!r->at[i].segment || r->at[i].used < f->used)
			f = &r->at[i];
	close_file(r, f);
	*f = (struct reader_file){ .segment = segment, .fd = fd };
	return f;
}

/* Follows what the store copied on. false: it was not. */
static bool moved(struct reader *r, uint32_t *segment, uint64_t *offset)
{
	bool any = false;

	(void)pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->nmoves; i++) {
		const struct ledger_move *m = &r->moves[i];

		if (m->segment != *segment || m->offset != *offset)
			continue;
		*segment = m->to_segment;
		*offset = m->to_offset;
		any = true;
	}
	(void)pthread_mutex_unlock(&r->mutex);
	return any;
}

bool reader_read(struct reader *r, const struct message_place *place,
		 uint64_t offset, struct room room, size_t *got,
		 struct err *err)
{
	uint32_t segment = place->segment;
	uint64_t at = place->offset;
	struct reader_file *f;

	*got = 0;
	if (offset >= place->octets || room.n == 0)
		return true;
	if (room.n > place->octets - offset)
		room.n = (size_t)(place->octets - offset);
	f = open_file(r, segment);
	if (!f && errno == ENOENT && moved(r, &segment, &at))
		f = open_file(r, segment);
	if (!f)
		return files_failed(err, "cannot open a segment");
	f->used = ++r->turn;
	if (!files_read(r->files, f->fd, room, at + offset, got, err))
		return false;
	if (*got < room.n)
		return err_set(err, ERR_DISK, "a body in the spool is cut off");
	return true;
}
