/*
 * A backup while others work: nobody waits for it, and what it holds is the
 * state as it was at one moment, with every body that was queued then.
 */
#include "backup.h"
#include "support_spool.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 40
#define OCTETS	 5000u

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

static void path_of(const struct bed *b, const char *name, char out[200])
{
	(void)snprintf(out, 200, "%s/%s", b->dir, name);
}

static void body_of(uint32_t n, char out[OCTETS])
{
	for (unsigned i = 0; i < OCTETS; i++)
		out[i] = (char)('a' + (i * 7 + n * 11) % 26);
}

static size_t segments_of(const struct bed *b)
{
	char path[200];
	size_t n = 0;
	struct dirent *e;
	DIR *d;

	path_of(b, "bodies", path);
	d = opendir(path);
	while ((e = readdir(d)))
		n += strstr(e->d_name, ".seg") != NULL;
	(void)closedir(d);
	return n;
}

/* So many rows that it takes many slices: 4 MB at least. */
static void fill_ledger(struct bed *b)
{
	(void)bed_sql(b, "CREATE TABLE stuff (n INTEGER PRIMARY KEY, x BLOB)"
			 " STRICT");
	(void)bed_sql(b, "INSERT INTO stuff WITH RECURSIVE c(i) AS (SELECT 1"
			 " UNION ALL SELECT i + 1 FROM c WHERE i < 6000)"
			 " SELECT i, zeroblob(2000) FROM c");
}

struct queued {
	int64_t account, folder;
	struct message *m[MESSAGES];
};

static void queue(struct bed *b, struct queued *q, bool sending)
{
	char body[OCTETS];

	q->account = bed_account(b, "gmx", SPOOL_IMAP);
	q->folder = bed_folder(b, q->account, "INBOX", 17).id;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		q->m[i] = bed_message(q->account, q->folder,
				      message_key_uid(i + 1));
		body_of(i, body);
		assert_true(bed_put(b, q->m[i], body, OCTETS, sending));
	}
}

static void forget(struct queued *q)
{
	for (size_t i = 0; i < MESSAGES; i++)
		message_free(q->m[i]);
}

struct order {
	struct spool_call call;
	struct spool_backup backup;
	bool backed, done;
	unsigned before; /* calls that ended before the backup */
	struct bed *bed;
	sem_t heard;
};

/* On the store thread: goes on once who asked has heard, and asked again. */
static void until_heard(void *who)
{
	struct order *o = who;
	struct timespec late;

	(void)clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 60;
	(void)sem_timedwait(&o->heard, &late);
}

static bool change(struct ledger *l, void *arg, struct err *err)
{
	(void)l, (void)arg, (void)err;
	return true;
}

static void on_backed(struct spool_req *r)
{
	struct order *o = r->who;

	o->backed = true;
	(void)sem_post(&o->heard);
}

static void ask_again(struct order *o);

static void on_called(struct spool_req *r)
{
	struct order *o = r->who;

	o->before += !o->backed;
	if (!o->backed)
		ask_again(o);
	else
		o->done = true;
	(void)sem_post(&o->heard);
}

static void ask_again(struct order *o)
{
	o->call = (struct spool_call){
		.req = { .done = on_called, .who = o, .urgent = true },
		.fn = change,
	};
	spool_call(o->bed->spool, &o->call);
}

/* There is always a call beside it: one is asked when one has ended. */
static void back_up(struct order *o, struct bed *b, const char *path)
{
	struct err err;

	*o = (struct order){ .bed = b };
	assert_int_equal(sem_init(&o->heard, 0, 0), 0);
	b->teller = o;
	b->told = until_heard;
	ask_again(o);
	o->backup = (struct spool_backup){
		.req = { .done = on_backed, .who = o },
		.path = path,
	};
	spool_backup(b->spool, &o->backup);
	bed_settle(b);
	b->told = NULL;
	/* behind this the store thread has left until_heard() */
	assert_true(spool_call_now(b->spool, change, NULL, &err));
	assert_true(o->backed && o->done && o->backup.req.ok);
	assert_int_equal(sem_destroy(&o->heard), 0);
}

static bool over(struct ledger *l, void *arg, struct err *err)
{
	(void)arg, (void)err;
	backup_over(l);
	return true;
}

static void nobody_waits_for_it(void **state)
{
	struct bed *b = *state;
	struct order o;
	char path[200];
	uint64_t bodies;
	struct err err;

	fill_ledger(b);
	path_of(b, "copy", path);
	back_up(&o, b, path);
	/* 12 MB are 12 slices at least; each lets the one that waits go first.
	 */
	assert_in_range(o.before, 12, 100000);
	assert_true(backup_fill(o.backup.made, &bodies, &err));
	assert_int_equal(bodies, 0);
	assert_true(spool_call_now(b->spool, over, NULL, &err));
}

static void restored_is(struct bed *b, const struct queued *q, size_t n)
{
	struct spool_options o = { .dir = b->dir,
				   .files = &b->files,
				   .now_ms = NOW + 1000 };
	struct backup_told told;
	char path[200], body[OCTETS];
	struct err err;

	path_of(b, "copy", path);
	bed_close(b);
	assert_true(spool_restore(&o, path, true, &told, &err));
	assert_int_equal(told.queued, n);
	bed_open(b, NOW + 2000);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"), n);
	for (uint32_t i = 0; i < n; i++) {
		char sql[200];

		(void)snprintf(sql, sizeof(sql),
			       "SELECT segment FROM queue WHERE id = %lld",
			       (long long)q->m[i]->id);
		q->m[i]->place.segment = (uint32_t)bed_sql(b, sql);
		(void)snprintf(sql, sizeof(sql),
			       "SELECT offset FROM queue WHERE id = %lld",
			       (long long)q->m[i]->id);
		q->m[i]->place.offset = (uint64_t)bed_sql(b, sql);
		body_of(i, body);
		assert_true(bed_body_is(b, q->m[i], body, OCTETS));
	}
}

/* What was queued is settled, its bodies go, and new ones come, between the
 * copying of the ledger and that of the bodies. */
static void bodies_stay_until_they_are_copied(void **state)
{
	struct bed *b = *state;
	struct queued q;
	struct order o;
	struct message *late;
	char path[200], body[OCTETS];
	uint64_t bodies;
	struct err err;
	size_t before;

	queue(b, &q, true);
	path_of(b, "copy", path);
	back_up(&o, b, path);
	before = segments_of(b);
	for (size_t i = 0; i < MESSAGES; i++)
		assert_true(bed_result(b, q.m[i], MESSAGE_DELIVERED, NOW));
	bed_tidy(b, NOW + 1000);
	/* would lie where those lay */
	late = bed_message(q.account, q.folder, message_key_uid(1000));
	body_of(1000, body);
	assert_true(bed_put(b, late, body, OCTETS, false));
	message_free(late);
	assert_true(segments_of(b) >= before);
	assert_true(backup_fill(o.backup.made, &bodies, &err));
	assert_int_equal(bodies, MESSAGES);
	assert_true(spool_call_now(b->spool, over, NULL, &err));
	restored_is(b, &q, MESSAGES);
	forget(&q);
}

/* The room is given back when it is over. */
static void segments_go_behind_it(void **state)
{
	struct bed *b = *state;
	struct queued q;
	struct order o;
	char path[200];
	uint64_t bodies;
	struct err err;

	queue(b, &q, false);
	bed_close(b);
	bed_open(b, NOW); /* the segment is an earlier process's now */
	path_of(b, "copy", path);
	back_up(&o, b, path);
	for (size_t i = 0; i < MESSAGES; i++)
		assert_true(bed_sending(b, q.m[i], NOW) &&
			    bed_result(b, q.m[i], MESSAGE_DELIVERED, NOW));
	bed_tidy(b, NOW + 1000);
	assert_int_equal(segments_of(b), 1);
	assert_true(backup_fill(o.backup.made, &bodies, &err));
	assert_true(spool_call_now(b->spool, over, NULL, &err));
	assert_int_equal(segments_of(b), 0);
	forget(&q);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	struct bed *b = *state;
	struct spool_backup r = { .path = "/nowhere/at/all" };

	bed_prepare(&r.req);
	spool_backup(b->spool, &r);
	bed_wait(b, &r.req);
	assert_false(r.req.ok);
	assert_null(r.made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_waits_for_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			bodies_stay_until_they_are_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(segments_go_behind_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_made_leaves_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
