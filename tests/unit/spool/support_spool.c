#include "support_spool.h"
#include "ledger.h"
#include "must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- barriers and steps -----------------------------------------------------
 */

_Atomic long barrier_count, write_count, step_count;
static _Atomic long barrier_at, step_at;
static _Atomic int barrier_what;

void barrier_fault(enum barrier_fault f, long after)
{
	barrier_what = f;
	barrier_at = f == BARRIER_OK ? 0 : barrier_count + after;
}

void step_kill(long after)
{
	step_at = after ? step_count + after : 0;
}

static void step(void)
{
	if (++step_count == step_at)
		(void)raise(SIGKILL);
}

static int barrier(long number, int fd)
{
	long n = ++barrier_count;

	step();
	if (n == barrier_at && barrier_what == BARRIER_KILL)
		(void)raise(SIGKILL);
	if (n == barrier_at && barrier_what == BARRIER_EIO) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
	return barrier(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return barrier(SYS_fsync, fd);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	step();
	write_count++;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	step();
	write_count++;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

int ftruncate64(int fd, off64_t n)
{
	step();
	return (int)syscall(SYS_ftruncate, fd, n);
}

int unlink(const char *path)
{
	step();
	return (int)syscall(SYS_unlink, path);
}

int unlinkat(int dir, const char *path, int flags)
{
	step();
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

/* --- the bed
 * ------------------------------------------------------------------ */

static void remove_all(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (syscall(SYS_unlinkat, dirfd(d), e->d_name, 0) != 0)
			remove_all(dirfd(d), e->d_name);
	}
	if (d)
		(void)closedir(d);
	(void)syscall(SYS_unlinkat, dir, name, AT_REMOVEDIR);
}

void bed_make(struct bed *b)
{
	const char *base = getenv("TMPDIR");

	*b = (struct bed){ .files = *files_system() };
	(void)snprintf(b->dir, sizeof(b->dir), "%s/spool-XXXXXX",
		       base ? base : "/tmp");
	assert_non_null(mkdtemp(b->dir));
	b->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void bed_remove(struct bed *b)
{
	bed_close(b);
	(void)close(b->wake);
	remove_all(AT_FDCWD, b->dir);
}

static void wake(void *who)
{
	const struct bed *b = who;
	void (*told)(void *) = b->told; /* at this time, not later */
	uint64_t one = 1;

	(void)!write(b->wake, &one, sizeof(one));
	if (told)
		told(b->teller);
}

bool bed_try(struct bed *b, int64_t now_ms, bool look_only, struct err *err)
{
	struct spool_options o = { .dir = b->dir,
				   .files = &b->files,
				   .wake = wake,
				   .asked = b->asked,
				   .who = b,
				   .look_only = look_only,
				   .now_ms = now_ms };

	b->found = (struct spool_found){ 0 };
	b->spool = spool_open(&o, &b->found, err);
	return b->spool != NULL;
}

void bed_open(struct bed *b, int64_t now_ms)
{
	struct err err = { 0 };

	if (!bed_try(b, now_ms, false, &err))
		fail_msg("%s: %s", err.what, err.remedy);
}

void bed_close(struct bed *b)
{
	spool_close(b->spool);
	b->spool = NULL;
}

static void set_done(struct spool_req *r)
{
	*(bool *)r->who = true;
}

void bed_prepare(struct spool_req *r)
{
	r->done = set_done;
	r->who = mem_new(sizeof(bool));
}

static void wait_wake(struct bed *b)
{
	struct pollfd p = { .fd = b->wake, .events = POLLIN };
	uint64_t n;

	(void)poll(&p, 1, 60000);
	(void)!read(b->wake, &n, sizeof(n));
}

void bed_wait(struct bed *b, struct spool_req *r)
{
	for (;;) {
		spool_results(b->spool);
		if (*(bool *)r->who || spool_fatal(b->spool))
			break;
		wait_wake(b);
	}
	if (!*(bool *)r->who)
		r->ok = false;
	else
		free(r->who);
}

static bool stay(struct ledger *l, void *arg, struct err *err)
{
	struct bed_hold *h = arg;
	struct timespec late;

	(void)l, (void)err;
	(void)sem_post(&h->there);
	(void)clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 60;
	return sem_timedwait(&h->go, &late) == 0;
}

void bed_hold(struct bed *b, struct bed_hold *h)
{
	assert_int_equal(sem_init(&h->there, 0, 0), 0);
	assert_int_equal(sem_init(&h->go, 0, 0), 0);
	h->call = (struct spool_call){ .fn = stay, .arg = h };
	bed_prepare(&h->call.req);
	spool_call(b->spool, &h->call);
	/* with what it took before it came here it goes on alone */
	(void)sem_wait(&h->there);
}

void bed_let_go(struct bed *b, struct bed_hold *h)
{
	(void)sem_post(&h->go);
	bed_wait(b, &h->call.req);
	assert_true(h->call.req.ok);
	(void)sem_destroy(&h->there);
	(void)sem_destroy(&h->go);
}

void bed_settle(struct bed *b)
{
	for (;;) {
		spool_results(b->spool);
		if (spool_idle(b->spool) || spool_fatal(b->spool))
			return;
		wait_wake(b);
	}
}

int64_t bed_account(struct bed *b, const char *name, enum spool_family family)
{
	struct spool_bind q = { .now_ms = NOW, .a = { .family = family } };

	(void)snprintf(q.a.name, sizeof(q.a.name), "%s", name);
	(void)snprintf(q.a.user, sizeof(q.a.user), "%s@example.org", name);
	(void)snprintf(q.a.place, sizeof(q.a.place), "mail.example.org");
	bed_prepare(&q.req);
	spool_bind(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.a.id;
}

struct spool_folder bed_folder(struct bed *b, int64_t account, const char *name,
			       uint32_t uidvalidity)
{
	struct spool_folder_open q = { .account = account,
				       .name = name,
				       .uidvalidity = uidvalidity };

	bed_prepare(&q.req);
	spool_folder_open(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.f;
}

struct message_key bed_key(uint32_t n)
{
	struct message_key k;
	uint64_t h = (n + 1) * 0x9e3779b97f4a7c15u;

	memcpy(k.octets, &h, 8);
	memcpy(k.octets + 8, &n, 4);
	return k;
}

struct message *bed_message(int64_t account, int64_t folder,
			    struct message_key key)
{
	struct message *m = message_new();

	m->account = account;
	m->folder = folder;
	m->key = key;
	m->repaired_octets = 4096;
	m->header_octets = 812;
	memcpy(&m->fingerprint, key.octets + 4, 8);
	message_set(&m->message_id,
		    VIEW_LIT("<20260101120000.4711.abcdef@mail.example.org>"));
	message_set(&m->from, VIEW_LIT("Anna Example <anna@example.org>"));
	message_set(&m->delivery, VIEW_LIT("home"));
	message_set(&m->sender, VIEW_LIT("anna@example.org"));
	message_set(&m->uid_text, VIEW_LIT("000047115f3e2a1b"));
	message_add_rcpt(m, VIEW_LIT("me@example.org"));
	m->received_at = NOW;
	m->fetched_at = NOW;
	return m;
}

struct spool_body *bed_body(struct bed *b, const char *p, size_t n)
{
	struct spool_body *body = spool_body_new(b->spool);

	spool_body_add(body, (struct view){ p, n });
	return body;
}

bool bed_put(struct bed *b, struct message *m, const char *p, size_t n,
	     bool sending)
{
	struct spool_put q = { .m = m,
			       .body = bed_body(b, p, n),
			       .sending = sending };

	bed_prepare(&q.req);
	spool_put(b->spool, &q);
	bed_wait(b, &q.req);
	return q.req.ok;
}

bool bed_sending(struct bed *b, struct message *m, int64_t now_ms)
{
	struct spool_sending q = { .m = m, .connection = 7, .now_ms = now_ms };

	bed_prepare(&q.req);
	spool_sending(b->spool, &q);
	bed_wait(b, &q.req);
	return q.req.ok;
}

bool bed_result(struct bed *b, struct message *m, enum message_state state,
		int64_t now_ms)
{
	struct spool_result q = { .m = m, .now_ms = now_ms };

	m->state = state;
	if (state == MESSAGE_DELIVERED)
		for (size_t i = 0; i < m->nrcpts; i++) {
			m->rcpts[i].state = RCPT_ACCEPTED;
			m->rcpts[i].code = 250;
			message_set(&m->rcpts[i].reply,
				    VIEW_LIT("2.0.0 Ok: queued as 4XbQ7"));
		}
	m->settled_at = state == MESSAGE_DELIVERED ? now_ms : 0;
	m->doubt_at = state == MESSAGE_DOUBT ? now_ms : 0;
	bed_prepare(&q.req);
	spool_result(b->spool, &q);
	bed_wait(b, &q.req);
	return q.req.ok;
}

static bool acted(struct bed *b, enum spool_act act, int64_t account,
		  int64_t folder, const struct message_key *keys, size_t n,
		  int64_t now_ms)
{
	struct spool_acted q = { .act = act,
				 .account = account,
				 .folder = folder,
				 .keys = keys,
				 .n = n,
				 .now_ms = now_ms };

	bed_prepare(&q.req);
	spool_acted(b->spool, &q);
	bed_wait(b, &q.req);
	return q.req.ok;
}

bool bed_gone(struct bed *b, int64_t account, int64_t folder,
	      const struct message_key *keys, size_t n, int64_t now_ms)
{
	return acted(b, SPOOL_GONE, account, folder, keys, n, now_ms);
}

bool bed_marked(struct bed *b, int64_t account, int64_t folder,
		const struct message_key *keys, size_t n, int64_t now_ms)
{
	return acted(b, SPOOL_MARKED, account, folder, keys, n, now_ms);
}

void bed_tidy(struct bed *b, int64_t now_ms)
{
	struct spool_tidy q = { .now_ms = now_ms,
				.history_ms = (int64_t)90 * 86400000 };

	bed_prepare(&q.req);
	spool_tidy(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

void bed_list(struct bed *b, int64_t folder, struct spool_item *items, size_t n,
	      bool whole, int64_t now_ms)
{
	struct spool_listing q = { .folder = folder,
				   .items = items,
				   .n = n,
				   .whole = whole,
				   .now_ms = now_ms };

	bed_prepare(&q.req);
	spool_listing(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

bool bed_body_is(struct bed *b, const struct message *m, const char *p,
		 size_t n)
{
	uint64_t at = 0;
	struct err err;
	char have[70000];
	size_t got;

	if (m->place.octets != n)
		return false;
	for (;;) {
		struct room r = { have, sizeof(have) };

		if (!spool_body_read(b->spool, &m->place, at, r, &got, &err))
			return false;
		if (got == 0)
			return at == n;
		if (memcmp(have, p + at, got) != 0)
			return false;
		at += got;
	}
}

struct sql {
	const char *text;
	int64_t n;
};

static bool run_sql(struct ledger *l, void *arg, struct err *err)
{
	struct sql *q = arg;
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(l->db, q->text, -1, &s, NULL) != SQLITE_OK)
		return err_set(err, ERR_BUG, "%s", sqlite3_errmsg(l->db));
	q->n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	(void)sqlite3_finalize(s);
	return true;
}

int64_t bed_sql(struct bed *b, const char *sql)
{
	struct sql q = { .text = sql };
	struct err err = { 0 };

	if (!spool_call_now(b->spool, run_sql, &q, &err))
		fail_msg("%s", err.what);
	return q.n;
}
