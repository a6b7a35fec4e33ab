/*
 * Bodies: every size, many at once, read back, checked, copied on.
 */
#include "support_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* AddressSanitizer keeps what was freed aside: no measure of memory. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_FREED 1
#elif defined(__has_feature)
#define KEEPS_FREED __has_feature(address_sanitizer)
#else
#define KEEPS_FREED 0
#endif

#define DAY   ((int64_t)86400000)
#define CHUNK (128u << 10)

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	bed_open(&b, NOW);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

struct place {
	int64_t account, folder;
};

static struct place place(struct bed *b)
{
	struct place p = { .account = bed_account(b, "gmx", SPOOL_IMAP) };

	p.folder = bed_folder(b, p.account, "INBOX", 17).id;
	return p;
}

/* The octet at `at` of the body numbered n. */
static char octet(uint32_t n, uint64_t at)
{
	return (char)(((at + n * 7919u) * 2654435761u) >> 24);
}

static char *pattern(uint32_t n, size_t octets)
{
	char *p = malloc(octets + 1);

	for (size_t i = 0; i < octets; i++)
		p[i] = octet(n, i);
	return p;
}

static void every_size_comes_back(void **state)
{
	static const size_t sizes[] = { 0,	 1,	    8191,
					8192,	 8193,	    CHUNK - 1,
					CHUNK,	 CHUNK + 1, 2 * CHUNK,
					1000000, 9u << 20 };
	enum {
		N = sizeof(sizes) / sizeof(sizes[0])
	};
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m[N];

	for (uint32_t i = 0; i < N; i++) {
		char *text = pattern(i, sizes[i]);

		m[i] = bed_message(p.account, p.folder, message_key_uid(i + 1));
		assert_true(bed_put(b, m[i], text, sizes[i], false));
		free(text);
	}
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < N; i++) {
			char *text = pattern(i, sizes[i]);
			struct spool_verify v = { .place = m[i]->place };

			assert_true(bed_body_is(b, m[i], text, sizes[i]));
			bed_prepare(&v.req);
			spool_verify(b->spool, &v);
			bed_wait(b, &v.req);
			assert_true(v.req.ok);
			assert_true(v.same);
			free(text);
		}
		bed_close(b);
		bed_open(b, NOW);
		assert_int_equal(b->found.held, 0);
		assert_int_equal(b->found.queued, N);
	}
	for (uint32_t i = 0; i < N; i++)
		message_free(m[i]);
}

static void room_came(void *who)
{
	++*(unsigned *)who;
}

/* 100 MB through a few hundred KB. */
static void a_long_body_streams(void **state)
{
	enum {
		PIECE = 50000,
		PIECES = 2100
	};
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	struct spool_put q = { .m = m, .body = spool_body_new(b->spool) };
	char *text = pattern(1, PIECE), have[PIECE];
	unsigned rooms = 0, waits = 0;
	struct rusage before, after;
	struct err err;
	size_t got;

	(void)getrusage(RUSAGE_SELF, &before);
	spool_body_on_room(q.body, room_came, &rooms);
	for (int i = 0; i < PIECES; i++) {
		while (spool_body_full(q.body)) {
			waits++;
			bed_settle(b);
		}
		spool_body_add(q.body, (struct view){ text, PIECE });
	}
	assert_int_equal(spool_body_octets(q.body), (uint64_t)PIECE * PIECES);
	assert_true(waits > 10);
	assert_int_equal(rooms, waits);
	bed_prepare(&q.req);
	spool_put(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	(void)getrusage(RUSAGE_SELF, &after);
	if (!KEEPS_FREED) /* in KB */
		assert_true(after.ru_maxrss - before.ru_maxrss < 4 * 1024);
	for (uint64_t i = 0; i < PIECES; i += 300) {
		struct room r = { have, PIECE };

		assert_true(spool_body_read(b->spool, &m->place, i * PIECE, r,
					    &got, &err));
		assert_int_equal(got, PIECE);
		assert_memory_equal(have, text, PIECE);
	}
	free(text);
	message_free(m);
}

static void many_writers_do_not_mix(void **state)
{
	enum {
		N = 40,
		PIECE = 30000,
		PIECES = 30
	};
	struct bed *b = *state;
	struct place p = place(b);
	struct spool_put put[N];
	struct message *m;
	int64_t segments;

	for (uint32_t i = 0; i < N; i++)
		put[i] = (struct spool_put){
			.m = bed_message(p.account, p.folder,
					 message_key_uid(i + 1)),
			.body = spool_body_new(b->spool),
		};
	for (uint64_t k = 0; k < PIECES; k++)
		for (uint32_t i = 0; i < N; i++) {
			char *text = pattern(i, PIECE * PIECES);

			spool_body_add(
				put[i].body,
				(struct view){ text + k * PIECE, PIECE });
			free(text);
			if (k == 20 && i % 4 == 0) { /* some give up */
				spool_body_drop(put[i].body);
				put[i].body = spool_body_new(b->spool);
			}
		}
	for (uint32_t i = 0; i < N; i++) {
		bed_prepare(&put[i].req);
		spool_put(b->spool, &put[i]);
	}
	for (uint32_t i = 0; i < N; i++) {
		char *text = pattern(i, PIECE * PIECES);
		size_t from = i % 4 ? 0 : 21 * PIECE;

		bed_wait(b, &put[i].req);
		assert_true(put[i].req.ok);
		assert_true(bed_body_is(b, put[i].m, text + from,
					PIECE * PIECES - from));
		free(text);
		message_free(put[i].m);
	}
	/* No lease was lost: what comes now goes where there is room. */
	segments = bed_sql(b, "SELECT count(DISTINCT segment) FROM queue");
	for (uint32_t i = 0; i < 10; i++) {
		m = bed_message(p.account, p.folder, message_key_uid(100 + i));
		assert_true(bed_put(b, m, "x", 1, false));
		message_free(m);
	}
	assert_int_equal(
		bed_sql(b, "SELECT count(DISTINCT segment) FROM queue"),
		segments);
}

static void a_dropped_body_leaves_nothing(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	char *text = pattern(3, 1u << 20);

	for (int i = 0; i < 5; i++) {
		struct spool_body *body = spool_body_new(b->spool);

		spool_body_add(body, (struct view){ text, 1u << 20 });
		spool_body_drop(body);
	}
	spool_body_drop(NULL);
	bed_settle(b);
	assert_true(spool_idle(b->spool));
	assert_int_equal(spool_octets(b->spool), 0);
	(void)p;
	free(text);
}

static void segment_path(const struct bed *b, uint32_t number, char out[128])
{
	(void)snprintf(out, 128, "%s/bodies/%08x.seg", b->dir, number);
}

static void a_flipped_bit_is_seen(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	struct spool_verify v;
	char *text = pattern(5, 300000), path[128], c;
	int fd;

	assert_true(bed_put(b, m, text, 300000, false));
	segment_path(b, m->place.segment, path);
	fd = open(path, O_RDWR);
	assert_int_equal(lseek(fd, (off_t)m->place.offset + 222222, SEEK_SET),
			 m->place.offset + 222222);
	assert_int_equal(read(fd, &c, 1), 1);
	c = (char)(c ^ 4);
	(void)lseek(fd, -1, SEEK_CUR);
	assert_int_equal(write(fd, &c, 1), 1);
	(void)close(fd);
	v = (struct spool_verify){ .place = m->place };
	bed_prepare(&v.req);
	spool_verify(b->spool, &v);
	bed_wait(b, &v.req);
	assert_true(v.req.ok);
	assert_false(v.same);
	free(text);
	message_free(m);
}

static void a_reader_past_the_end_gets_nothing(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	struct message *m =
		bed_message(p.account, p.folder, message_key_uid(1));
	char have[8];
	struct room r = { have, sizeof(have) };
	struct message_place lost;
	struct err err;
	size_t got;

	assert_true(bed_put(b, m, "abcdef", 6, false));
	assert_true(spool_body_read(b->spool, &m->place, 4, r, &got, &err));
	assert_int_equal(got, 2);
	assert_memory_equal(have, "ef", 2);
	assert_true(spool_body_read(b->spool, &m->place, 6, r, &got, &err));
	assert_int_equal(got, 0);
	lost = m->place;
	lost.segment += 100;
	assert_false(spool_body_read(b->spool, &lost, 0, r, &got, &err));
	assert_int_equal(err.class, ERR_DISK);
	message_free(m);
}

static void settle(struct bed *b, struct message *m)
{
	assert_true(bed_sending(b, m, NOW));
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
}

static void a_segment_goes_with_its_last_body(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	size_t large = 9u << 20;
	char *text = pattern(1, large), path[128];
	struct message *m[3];

	for (uint32_t i = 0; i < 3; i++) {
		m[i] = bed_message(p.account, p.folder, message_key_uid(i + 1));
		assert_true(bed_put(b, m[i], text, i == 1 ? large : 10, false));
	}
	/* Nothing comes behind a large one. */
	assert_int_not_equal(m[1]->place.segment, m[2]->place.segment);
	segment_path(b, m[1]->place.segment, path);
	assert_int_equal(spool_octets(b->spool), large + 20);
	settle(b, m[1]);
	settle(b, m[0]);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(bed_body_is(b, m[2], text, 10));
	settle(b, m[2]);
	assert_int_equal(spool_octets(b->spool), 0);
	segment_path(b, m[2]->place.segment, path);
	assert_int_equal(access(path, F_OK), 0); /* the one in use */
	bed_close(b);
	assert_int_equal(access(path, F_OK), -1);
	free(text);
	for (int i = 0; i < 3; i++)
		message_free(m[i]);
}

/* A long one delivered, two short ones still waiting behind it. */
static struct message *make_thin(struct bed *b, struct place p, uint32_t *old)
{
	size_t n = 1u << 20;
	char *text = pattern(1, n);
	struct message *m[3];

	for (uint32_t i = 0; i < 3; i++) {
		m[i] = bed_message(p.account, p.folder, message_key_uid(i + 1));
		assert_true(bed_put(b, m[i], text + i, i ? 1000 : n, false));
		assert_int_equal(m[i]->place.segment, m[0]->place.segment);
	}
	settle(b, m[0]);
	*old = m[1]->place.segment;
	free(text);
	message_free(m[0]);
	message_free(m[2]);
	return m[1];
}

static void a_thin_segment_is_copied_on(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	uint32_t old;
	struct message *m = make_thin(b, p, &old), *out[4];
	struct spool_due due = { .until_ms = NOW, .max = 4, .out = out };
	char *text = pattern(1, 1u << 20), path[128];

	segment_path(b, old, path);
	bed_close(b);
	bed_open(b, NOW);
	bed_tidy(b, NOW); /* not a day old */
	assert_int_equal(access(path, F_OK), 0);
	bed_tidy(b, NOW + 400 * DAY);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(spool_octets(b->spool), 2000);
	/* Who holds the old place, and who loads the new one. */
	assert_true(bed_body_is(b, m, text + 1, 1000));
	bed_prepare(&due.req);
	spool_due(b->spool, &due);
	bed_wait(b, &due.req);
	assert_int_equal(due.n, 2);
	assert_int_not_equal(out[0]->place.segment, old);
	assert_true(bed_body_is(b, out[0], text + 1, 1000));
	assert_true(bed_body_is(b, out[1], text + 2, 1000));
	settle(b, m);
	settle(b, out[1]);
	assert_int_equal(spool_octets(b->spool), 0);
	bed_close(b);
	bed_open(b, NOW);
	assert_int_equal(b->found.held, 0);
	free(text);
	message_free(out[0]);
	message_free(out[1]);
	message_free(m);
}

static _Atomic int full_errno, full_hits; /* 0: there is room */

static ssize_t full_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!full_errno)
		return pwrite(fd, p, n, at);
	full_hits++;
	errno = full_errno;
	return -1;
}

/* Copying on is no duty: without room all stays as it is. */
static void a_thin_segment_stays_where_there_is_no_room(void **state)
{
	static const int all[] = { ENOSPC, EDQUOT, EFBIG, EIO };
	int64_t at = NOW + 400 * DAY; /* looked at once in an hour */
	struct bed *b = *state;
	struct place p = place(b);
	uint32_t old;
	struct message *m = make_thin(b, p, &old);
	char *text = pattern(1, 1u << 20), path[128];

	segment_path(b, old, path);
	bed_close(b);
	b->files.pwrite = full_pwrite;
	bed_open(b, NOW);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		full_hits = 0;
		full_errno = all[i];
		bed_tidy(b, at += DAY);
		full_errno = 0;
		assert_true(full_hits > 0);
		assert_null(spool_fatal(b->spool));
		assert_int_equal(access(path, F_OK), 0);
		assert_int_equal(spool_octets(b->spool), 2000);
		assert_true(bed_body_is(b, m, text + 1, 1000));
	}
	bed_tidy(b, at + DAY);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(bed_body_is(b, m, text + 1, 1000));
	free(text);
	message_free(m);
}

static _Atomic int sync_fails, sync_hits;

static int bad_fdatasync(int fd)
{
	if (!sync_fails)
		return fdatasync(fd);
	sync_hits++;
	errno = EIO;
	return -1;
}

/* DESIGN 5, 7: nothing more is done, the sync is not tried again, and what was
 * to be copied lies where it lay. */
static void a_failed_sync_of_a_copy_stops_the_store(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	uint32_t old;
	static struct spool_tidy tidy = { .now_ms = NOW + 400 * DAY,
					  .history_ms = 1000 * DAY };
	struct message *m = make_thin(b, p, &old);
	char *text = pattern(1, 1u << 20), path[128];

	segment_path(b, old, path);
	bed_close(b);
	b->files.fdatasync = bad_fdatasync;
	bed_open(b, NOW);
	sync_hits = 0;
	sync_fails = 1;
	spool_tidy(b->spool, &tidy);
	bed_settle(b);
	assert_non_null(spool_fatal(b->spool));
	assert_int_equal(spool_fatal(b->spool)->class, ERR_DISK);
	assert_int_equal(sync_hits, 1);
	assert_int_equal(access(path, F_OK), 0);
	bed_close(b);
	assert_int_equal(sync_hits, 1);
	sync_fails = 0;
	bed_open(b, NOW);
	assert_int_equal(b->found.held, 0);
	assert_int_equal(spool_octets(b->spool), 2000);
	assert_true(bed_body_is(b, m, text + 1, 1000));
	bed_tidy(b, NOW + 401 * DAY);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(bed_body_is(b, m, text + 1, 1000));
	free(text);
	message_free(m);
}

static void a_damaged_body_is_held_not_copied(void **state)
{
	struct bed *b = *state;
	struct place p = place(b);
	uint32_t old;
	struct message *m = make_thin(b, p, &old);
	char path[128];
	int fd;

	segment_path(b, old, path);
	bed_close(b);
	fd = open(path, O_WRONLY);
	(void)lseek(fd, (off_t)m->place.offset, SEEK_SET);
	assert_int_equal(write(fd, "\0\1\2\3", 4), 4);
	(void)close(fd);
	bed_open(b, NOW);
	bed_tidy(b, NOW + 400 * DAY);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue WHERE state = 4"
				    " AND segment = 0"),
			 1);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue WHERE state = 1"
				    " AND segment > 0"),
			 1);
	message_free(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_size_comes_back),
		TEST(a_long_body_streams),
		TEST(many_writers_do_not_mix),
		TEST(a_dropped_body_leaves_nothing),
		TEST(a_flipped_bit_is_seen),
		TEST(a_reader_past_the_end_gets_nothing),
		TEST(a_segment_goes_with_its_last_body),
		TEST(a_thin_segment_is_copied_on),
		TEST(a_thin_segment_stays_where_there_is_no_room),
		TEST(a_failed_sync_of_a_copy_stops_the_store),
		TEST(a_damaged_body_is_held_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
