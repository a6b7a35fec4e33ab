#include "inflate.h"
#include "limits.h"
#include "queue.h"

#include <stdlib.h>
#include <zlib.h>

struct inflate {
	z_stream z;
	struct inflate_caps caps;
	struct queue in;
	bool is_over;	   /* the last block has ended */
	uint64_t used;	   /* compressed octets */
	uint64_t made;	   /* octets taken */
	size_t empty;	   /* used since the last octet taken */
	struct err failed; /* ERR_NONE: not */
	char octets[INFLATE_IN_OCTETS];
};

/* Out of memory ends the program, as everywhere. */
static void *allocate(void *who, unsigned n, unsigned size)
{
	(void)who;
	return mem_new((size_t)n * size);
}

static void release(void *who, void *p)
{
	(void)who;
	free(p);
}

struct inflate *inflate_new(const struct inflate_caps *caps)
{
	static const struct inflate_caps limits = {
		.free_octets = LIMIT_INFLATE_FREE,
		.most_octets = LIMIT_INFLATE_TOTAL,
		.ratio = LIMIT_INFLATE_RATIO,
		.empty_octets = LIMIT_INFLATE_EMPTY,
	};
	struct inflate *f = mem_new(sizeof(*f));

	f->caps = caps ? *caps : limits;
	f->in = (struct queue){ .data = f->octets, .cap = sizeof(f->octets) };
	f->z.zalloc = allocate;
	f->z.zfree = release;
	/* RFC 1951 alone, without the head and tail of RFC 1950: RFC 4978 4 */
	MUST(inflateInit2(&f->z, -MAX_WBITS) == Z_OK);
	return f;
}

void inflate_free(struct inflate *f)
{
	if (!f)
		return;
	(void)inflateEnd(&f->z);
	free(f);
}

struct room inflate_room(struct inflate *f)
{
	return queue_room(&f->in);
}

void inflate_received(struct inflate *f, size_t n)
{
	queue_added(&f->in, n);
}

uint64_t inflate_moved(const struct inflate *f)
{
	return f->used < f->made ? f->used : f->made;
}

static void fail(struct inflate *f, enum err_class class, const char *what)
{
	err_set(&f->failed, class, "%s", what);
	err_remedy(&f->failed, "write compress = no");
}

/* One call of zlib, which uses input or makes output. */
static int step(struct inflate *f, struct room r, size_t *n)
{
	struct view in = queue_view(&f->in);
	size_t used;
	int rc;

	f->z.next_in = (unsigned char *)(uintptr_t)in.p;
	f->z.avail_in = (unsigned)in.n;
	f->z.next_out = (unsigned char *)r.p;
	f->z.avail_out = r.n < UINT32_MAX ? (unsigned)r.n : UINT32_MAX;
	*n = f->z.avail_out;
	rc = inflate(&f->z, Z_SYNC_FLUSH);
	*n -= f->z.avail_out;
	used = in.n - f->z.avail_in;
	queue_drop(&f->in, used);
	f->used += used;
	f->made += *n;
	f->empty = *n ? 0 : f->empty + used;
	return rc;
}

static void check(struct inflate *f)
{
	if (f->made > f->caps.free_octets &&
	    (f->made - f->caps.free_octets) / f->caps.ratio > f->used)
		fail(f, ERR_LIMIT,
		     "the server's compressed data grows beyond measure");
	else if (f->made > f->caps.most_octets)
		fail(f, ERR_LIMIT, "too much compressed data in one session");
	else if (f->empty > f->caps.empty_octets)
		fail(f, ERR_PROTOCOL,
		     "the server's compressed data holds nothing");
}

/* What was made before a fault is given first. */
static enum inflate_step take(struct inflate *f, struct room r, size_t *n)
{
	int rc = Z_OK;

	*n = 0;
	if (f->failed.class != ERR_NONE)
		return INFLATE_FAILED;
	/* Without input there may still be output that had no room. */
	if (!f->is_over)
		rc = step(f, r, n);
	else if (f->in.len > 0)
		fail(f, ERR_PROTOCOL,
		     "octets follow the end of the compressed data");
	f->is_over = f->is_over || rc == Z_STREAM_END;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		fail(f, ERR_PROTOCOL,
		     "the server's compressed data is malformed");
	else if (f->failed.class == ERR_NONE)
		check(f);
	if (*n)
		return INFLATE_SOME;
	return f->failed.class == ERR_NONE ? INFLATE_MORE : INFLATE_FAILED;
}

enum inflate_step inflate_take(struct inflate *f, struct room r, size_t *n,
			       struct err *err)
{
	enum inflate_step s = take(f, r, n);

	/* An end within the input: what follows is looked at now. */
	if (s == INFLATE_MORE && f->in.len > 0)
		s = take(f, r, n);
	if (s == INFLATE_FAILED)
		*err = f->failed;
	return s;
}

void stored_head(char head[STORED_HEAD_OCTETS], size_t n)
{
	MUST(n > 0 && n <= STORED_OCTETS);
	head[0] = 0; /* not the last block, stored, on to the next octet */
	head[1] = (char)(n & 0xff);
	head[2] = (char)(n >> 8);
	head[3] = (char)~head[1];
	head[4] = (char)~head[2];
}
