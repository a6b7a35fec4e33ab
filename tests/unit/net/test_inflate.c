/* inflate: any way of cutting, the caps of CASES B11, ends; stored blocks. */
#include "inflate.h"
#include "limits.h"
#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)

/* n octets of raw DEFLATE; the caller frees. */
static char *pack(struct view v, int level, int flush, size_t *n)
{
	size_t cap = v.n + v.n / 100 + 100;
	char *out = mem_new(cap);
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)v.p,
		       .avail_in = (unsigned)v.n,
		       .next_out = (unsigned char *)out,
		       .avail_out = (unsigned)cap };

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	(void)deflate(&z, flush);
	assert_int_equal(z.avail_in, 0);
	*n = cap - z.avail_out;
	(void)deflateEnd(&z);
	return out;
}

struct got {
	struct inflate *f;
	char *out; /* NULL: thrown away */
	size_t n, room;
	enum inflate_step last;
	struct err err;
};

static void take(struct got *g)
{
	static char scratch[65536];
	size_t n = 0;

	while ((g->last = inflate_take(
			g->f,
			(struct room){ g->out ? g->out + g->n : scratch,
				       g->room },
			&n, &g->err)) == INFLATE_SOME)
		g->n += n;
}

static void feed(struct got *g, struct view v, size_t step)
{
	g->last = INFLATE_MORE;
	while (v.n && g->last == INFLATE_MORE) {
		struct room r = inflate_room(g->f);
		size_t n = v.n < step ? v.n : step;

		n = n < r.n ? n : r.n;
		assert_true(n > 0);
		memcpy(r.p, v.p, n);
		inflate_received(g->f, n);
		v = view_skip(v, n);
		take(g);
	}
}

static void text_of(char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(i * 31 + (i >> 8) * 7 + (i * i >> 12));
}

static void every_cut_gives_the_same(void **state)
{
	static const size_t sizes[] = { 1, 2, 7, 255, 256, 4096, 65536 };
	static char in[200000], out[sizeof(in) + 65536];

	(void)state;
	text_of(in, sizeof(in));
	for (size_t i = 0; i < 7; i++) {
		for (size_t j = 0; j < 7; j++) {
			struct got g = { .f = inflate_new(NULL),
					 .out = out,
					 .room = sizes[j] };
			size_t n;
			char *packed = pack((struct view){ in, sizeof(in) }, 6,
					    Z_SYNC_FLUSH, &n);

			feed(&g, (struct view){ packed, n }, sizes[i]);
			assert_int_equal(g.last, INFLATE_MORE);
			assert_int_equal(g.n, sizeof(in));
			assert_memory_equal(in, out, sizeof(in));
			assert_int_equal(inflate_moved(g.f), n);
			inflate_free(g.f);
			free(packed);
		}
	}
}

/* octets zeros, at 1,030 for one */
static struct got bomb(size_t octets, const struct inflate_caps *caps)
{
	struct got g = { .f = inflate_new(caps), .room = 65536 };
	char *zeros = mem_new(octets), *packed;
	size_t n;

	packed = pack((struct view){ zeros, octets }, 9, Z_SYNC_FLUSH, &n);
	feed(&g, (struct view){ packed, n }, 65536);
	inflate_free(g.f);
	free(packed);
	free(zeros);
	return g;
}

static void b11_much_is_not_made_of_little(void **state)
{
	struct got small = bomb(LIMIT_INFLATE_FREE, NULL);
	struct got large = bomb(64 * MIB, NULL);

	(void)state;
	assert_int_equal(small.last, INFLATE_MORE);
	assert_int_equal(small.n, LIMIT_INFLATE_FREE);
	assert_int_equal(large.last, INFLATE_FAILED);
	assert_int_equal(large.err.class, ERR_LIMIT);
	assert_true(large.n >= LIMIT_INFLATE_FREE);
	assert_true(large.n < LIMIT_INFLATE_FREE + 4 * MIB);
}

static void b11_there_is_an_end_to_all_of_it(void **state)
{
	static const struct inflate_caps caps = { .free_octets = 100,
						  .most_octets = 3 * MIB,
						  .ratio = 2000,
						  .empty_octets = 100 };
	struct got g = bomb(4 * MIB, &caps);

	(void)state;
	assert_int_equal(g.last, INFLATE_FAILED);
	assert_int_equal(g.err.class, ERR_LIMIT);
	assert_true(g.n <= 3 * MIB + g.room && g.n > 2 * MIB);
}

/* Empty stored blocks: work without meaning. */
static void b11_frames_without_content_come_to_an_end(void **state)
{
	struct got g = { .f = inflate_new(NULL), .room = 100 };
	size_t frames = 0;

	(void)state;
	do {
		feed(&g, (struct view){ "\0\0\0\xff\xff", 5 }, 5);
		frames++;
	} while (g.last == INFLATE_MORE && frames < 100000);
	assert_int_equal(g.last, INFLATE_FAILED);
	assert_int_equal(g.err.class, ERR_PROTOCOL);
	assert_int_equal(frames, LIMIT_INFLATE_EMPTY / 5 + 1);
	assert_int_equal(g.n, 0);
	assert_int_equal(inflate_moved(g.f), 0); /* buys no time */
	inflate_free(g.f);
}

static void a_few_empty_frames_are_usual(void **state)
{
	struct got g = { .f = inflate_new(NULL), .room = 100 };

	(void)state;
	for (int i = 0; i < 50000; i++) {
		feed(&g, (struct view){ "\0\0\0\xff\xff\0\1\0\xfe\xffx", 11 },
		     11);
		assert_int_equal(g.last, INFLATE_MORE);
	}
	assert_int_equal(g.n, 50000);
	inflate_free(g.f);
}

static void what_is_malformed_stays_so(void **state)
{
	struct got g = { .f = inflate_new(NULL), .room = 100 };

	(void)state;
	feed(&g, VIEW_LIT("\x07"), 1); /* RFC 1951 3.2.3: type 3 */
	assert_int_equal(g.last, INFLATE_FAILED);
	assert_int_equal(g.err.class, ERR_PROTOCOL);
	assert_non_null(strstr(g.err.remedy, "compress = no"));
	g.err = (struct err){ .class = ERR_NONE };
	take(&g);
	assert_int_equal(g.last, INFLATE_FAILED);
	assert_int_equal(g.err.class, ERR_PROTOCOL);
	inflate_free(g.f);
}

static void nothing_may_follow_the_end(void **state)
{
	for (int together = 0; together < 2; together++) {
		static char out[200];
		struct got g = { .f = inflate_new(NULL),
				 .out = out,
				 .room = 100 };
		size_t n;
		char *packed = pack(VIEW_LIT("a1 OK\r\n"), 6, Z_FINISH, &n);

		packed[n] = 'x'; /* there is room */
		feed(&g, (struct view){ packed, n + (size_t)together },
		     together ? n + 1 : n);
		assert_int_equal(g.n, 7);
		assert_memory_equal(out, "a1 OK\r\n", 7);
		if (!together) {
			assert_int_equal(g.last, INFLATE_MORE);
			feed(&g, VIEW_LIT("x"), 1);
		}
		assert_int_equal(g.last, INFLATE_FAILED);
		assert_non_null(strstr(g.err.what, "follow the end"));
		inflate_free(g.f);
		free(packed);
	}
	(void)state;
}

static void a_cut_off_stream_only_waits(void **state)
{
	static char out[65536 * 2];
	struct got g = { .f = inflate_new(NULL), .out = out, .room = 65536 };
	static char in[60000];
	size_t n;
	char *packed;

	(void)state;
	text_of(in, sizeof(in));
	packed = pack((struct view){ in, sizeof(in) }, 6, Z_SYNC_FLUSH, &n);
	feed(&g, (struct view){ packed, n / 2 }, n);
	assert_int_equal(g.last, INFLATE_MORE);
	assert_true(g.n < sizeof(in));
	assert_memory_equal(in, out, g.n);
	inflate_free(g.f);
	free(packed);
}

/* B12: nothing of what was sent before decides how long it becomes. */
static void b12_stored_blocks_are_as_long_as_what_is_in_them(void **state)
{
	static const size_t sizes[] = { 1, 255, 256, 16379, STORED_OCTETS };
	static char in[STORED_OCTETS], out[2 * STORED_OCTETS];

	(void)state;
	text_of(in, sizeof(in));
	for (size_t i = 0; i < 5; i++) {
		struct got g = { .f = inflate_new(NULL),
				 .out = out,
				 .room = sizeof(in) };
		char head[STORED_HEAD_OCTETS];

		stored_head(head, sizes[i]);
		feed(&g, (struct view){ head, sizeof(head) }, 5);
		feed(&g, (struct view){ in, sizes[i] }, 1000);
		assert_int_equal(g.last, INFLATE_MORE);
		assert_int_equal(g.n, sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
		inflate_free(g.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(b11_much_is_not_made_of_little),
		cmocka_unit_test(b11_there_is_an_end_to_all_of_it),
		cmocka_unit_test(b11_frames_without_content_come_to_an_end),
		cmocka_unit_test(a_few_empty_frames_are_usual),
		cmocka_unit_test(what_is_malformed_stays_so),
		cmocka_unit_test(nothing_may_follow_the_end),
		cmocka_unit_test(a_cut_off_stream_only_waits),
		cmocka_unit_test(
			b12_stored_blocks_are_as_long_as_what_is_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
