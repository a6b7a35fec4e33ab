/*
 * spool_bench - what the spool costs: n messages of some octets through TX1
 * (with TX2), TX3 and TX4, with at most `flight` between TX1 and TX3.
 *
 *   spool_bench DIR [messages] [octets] [flight] [imap|pop3]
 *   spool_bench DIR list [identities]
 *
 * The second form lists so many POP3 identities with nothing new, while small
 * commits go on beside it: time, peak memory, barriers, the slowest commit.
 *
 * One line of figures: barriers per message, octets handed to the disk by the
 * ledger and by the bodies, CPU and wall time. Barriers are counted by taking
 * over fdatasync() and fsync() of the whole process.
 */
#include "files.h"
#include "must.h"
#include "spool.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOW 1790000000000

static _Atomic long barriers;
static _Atomic uint64_t ledger_octets, body_octets;
static struct spool_files files;

int fdatasync(int fd)
{
	barriers++;
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	barriers++;
	return (int)syscall(SYS_fsync, fd);
}

/* sqlite writes by pwrite64; the bodies by the table below. */
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	ledger_octets += n;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

static ssize_t body_pwrite(int fd, const void *p, size_t n, off_t at)
{
	body_octets += n;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

struct bench {
	struct spool *spool;
	int wake;
	char *mail;
	size_t octets;
	int64_t account, folder;
	enum spool_family family;
	uint32_t asked, messages, flight, settled, gone;
	uint32_t in_flight;
	struct message_key keys[256]; /* of TX4 */
	size_t nkeys;
	bool gone_out;
	struct spool_gone tx4;
};

struct one {
	struct bench *b;
	struct message *m;
	struct spool_put put;
	struct spool_result result;
};

static void poke(void *who)
{
	uint64_t n = 1;

	(void)!write(((struct bench *)who)->wake, &n, sizeof(n));
}

static void wait_for(struct bench *b)
{
	struct pollfd p = { .fd = b->wake, .events = POLLIN };
	uint64_t n;

	(void)poll(&p, 1, -1);
	(void)!read(b->wake, &n, sizeof(n));
	spool_results(b->spool);
	MUST(!spool_fatal(b->spool));
}

static void tx4(struct bench *b);

static void gone_done(struct spool_req *r)
{
	struct bench *b = r->who;

	MUST(r->ok);
	b->gone += (uint32_t)b->tx4.n;
	b->gone_out = false;
	free((void *)(uintptr_t)b->tx4.keys);
	tx4(b);
}

/* Lazily: what has gathered meanwhile. */
static void tx4(struct bench *b)
{
	struct message_key *keys;

	if (b->gone_out || (b->nkeys < 64 && b->settled < b->messages) ||
	    b->nkeys == 0)
		return;
	keys = mem_new(sizeof(b->keys));
	memcpy(keys, b->keys, sizeof(b->keys));
	b->tx4 = (struct spool_gone){ .account = b->account,
				      .folder = b->folder,
				      .keys = keys,
				      .n = b->nkeys,
				      .now_ms = NOW };
	b->tx4.req.done = gone_done;
	b->tx4.req.who = b;
	b->nkeys = 0;
	b->gone_out = true;
	spool_gone(b->spool, &b->tx4);
}

static void fill(struct bench *b);

static void result_done(struct spool_req *r)
{
	struct one *o = r->who;
	struct bench *b = o->b;

	MUST(r->ok);
	b->settled++;
	b->in_flight--;
	MUST(b->nkeys < 256);
	b->keys[b->nkeys++] = o->m->key;
	message_free(o->m);
	free(o);
	tx4(b);
	fill(b);
}

static void put_done(struct spool_req *r)
{
	struct one *o = r->who;
	struct message *m = o->m;

	MUST(r->ok);
	m->state = MESSAGE_DELIVERED;
	m->settled_at = NOW;
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[0].code = 250;
	message_set(&m->rcpts[0].reply, VIEW_LIT("2.0.0 Ok: queued as 4XbQ7"));
	o->result = (struct spool_result){ .m = m, .now_ms = NOW };
	o->result.req.done = result_done;
	o->result.req.who = o;
	spool_result(o->b->spool, &o->result);
}

static struct message *new_message(struct bench *b, uint32_t n)
{
	struct message *m = message_new();
	uint64_t h = (n + 1) * 0x9e3779b97f4a7c15u;
	char text[80];

	m->account = b->account;
	m->folder = b->folder;
	m->key = message_key_uid(n + 1);
	if (b->family == SPOOL_POP3)
		memcpy(m->key.octets, &h, sizeof(h));
	m->repaired_octets = b->octets;
	m->header_octets = 812;
	m->fingerprint = h;
	m->received_at = m->fetched_at = NOW;
	(void)snprintf(text, sizeof(text), "<%u.4711.abcdef@mail.example.org>",
		       n);
	message_set(&m->message_id, view_of(text));
	message_set(&m->from, VIEW_LIT("Anna Example <anna@example.org>"));
	message_set(&m->delivery, VIEW_LIT("home"));
	message_set(&m->sender, VIEW_LIT("anna@example.org"));
	(void)snprintf(text, sizeof(text), "%016x", n);
	message_set(&m->uid_text, view_of(text));
	message_add_rcpt(m, VIEW_LIT("me@example.org"));
	return m;
}

static void fill(struct bench *b)
{
	while (b->in_flight < b->flight && b->asked < b->messages) {
		struct one *o = mem_new(sizeof(*o));

		o->b = b;
		o->m = new_message(b, b->asked++);
		o->put = (struct spool_put){ .m = o->m, .sending = true };
		o->put.body = spool_body_new(b->spool);
		spool_body_add(o->put.body,
			       (struct view){ b->mail, b->octets });
		o->put.req.done = put_done;
		o->put.req.who = o;
		b->in_flight++;
		spool_put(b->spool, &o->put);
	}
}

static void simple_done(struct spool_req *r)
{
	MUST(r->ok);
	*(bool *)r->who = true;
}

static void begin(struct bench *b, const char *dir)
{
	struct spool_options o = { .dir = dir,
				   .files = &files,
				   .wake = poke,
				   .who = b,
				   .now_ms = NOW };
	struct spool_bind bind = { .a = { .family = b->family,
					  .name = "bench",
					  .user = "u",
					  .place = "p" } };
	struct spool_folder_open folder = { .name = "INBOX" };
	struct err err = { 0 };
	bool done = false;

	b->spool = spool_open(&o, NULL, &err);
	if (!b->spool)
		(void)fprintf(stderr, "%s %s\n", err.what, err.remedy);
	MUST(b->spool);
	bind.req.done = folder.req.done = simple_done;
	bind.req.who = folder.req.who = &done;
	spool_bind(b->spool, &bind);
	while (!done)
		wait_for(b);
	b->account = folder.account = bind.a.id;
	folder.uidvalidity = b->family == SPOOL_IMAP;
	done = false;
	spool_folder_open(b->spool, &folder);
	while (!done)
		wait_for(b);
	b->folder = folder.f.id;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return seconds(u.ru_utime) + seconds(u.ru_stime);
}

static double wall(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- listing -------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

static struct spool_item *identities(size_t n)
{
	struct spool_item *items = mem_new(n * sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		uint64_t h = (i + 1) * 0x9e3779b97f4a7c15u;

		memcpy(items[i].key.octets, &h, sizeof(h));
	}
	qsort(items, n, sizeof(*items), by_key);
	return items;
}

/* One commit after the other, until the listing is done. */
static double slowest_beside(struct bench *b, const bool *listed,
			     unsigned *commits)
{
	struct spool_delivery_save save = { .d = { .name = "home" } };
	double slowest = 0, at;
	bool done;

	save.req.done = simple_done;
	save.req.who = &done;
	while (!*listed) {
		done = false;
		at = wall();
		save.d.failures++;
		spool_delivery_save(b->spool, &save);
		while (!done)
			wait_for(b);
		at = wall() - at;
		slowest = at > slowest ? at : slowest;
		++*commits;
	}
	return slowest;
}

static long peak_kb(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void list(struct bench *b, const char *dir, size_t n)
{
	struct spool_item *items = identities(n);
	struct spool_adopt adopt = { .items = items, .n = n, .now_ms = NOW };
	struct spool_listing q = {
		.items = items, .n = n, .whole = true, .now_ms = NOW
	};
	bool done = false;
	unsigned commits = 0;
	uint64_t written;
	double at, slowest;

	b->family = SPOOL_POP3;
	begin(b, dir);
	adopt.folder = q.folder = b->folder;
	adopt.req.done = q.req.done = simple_done;
	adopt.req.who = q.req.who = &done;
	at = wall();
	spool_adopt(b->spool, &adopt);
	while (!done)
		wait_for(b);
	(void)printf("adopt=%zu seconds=%.2f\n", n, wall() - at);
	spool_close(b->spool);
	begin(b, dir);
	done = false;
	written = ledger_octets;
	at = wall();
	spool_listing(b->spool, &q);
	while (!done)
		wait_for(b);
	(void)printf("list=%zu seconds=%.2f octets_written=%llu "
		     "found=%llu\n",
		     n, wall() - at,
		     (unsigned long long)(ledger_octets - written),
		     (unsigned long long)q.count[FATE_ADOPTED]);
	done = false;
	spool_listing(b->spool, &q);
	slowest = slowest_beside(b, &done, &commits);
	(void)printf("beside it: commits=%u slowest_ms=%.1f peak_kb=%ld\n",
		     commits, slowest * 1e3, peak_kb());
	spool_close(b->spool);
	free(items);
}

int main(int argc, char **argv)
{
	struct bench b = { .messages = 5000, .octets = 4096, .flight = 64 };
	struct spool_tidy tidy = { .now_ms = NOW,
				   .history_ms = 90LL * 86400000 };
	double c, w, mail;
	long at;
	bool done = false;

	if (argc < 2)
		return 64;
	files = *files_system();
	files.pwrite = body_pwrite;
	b.wake = eventfd(0, EFD_NONBLOCK);
	if (argc > 2 && strcmp(argv[2], "list") == 0) {
		list(&b, argv[1], argc > 3 ? (size_t)atol(argv[3]) : 1000000);
		return 0;
	}
	if (argc > 2)
		b.messages = (uint32_t)atol(argv[2]);
	if (argc > 3)
		b.octets = (size_t)atol(argv[3]);
	if (argc > 4)
		b.flight = (uint32_t)atol(argv[4]);
	b.family = argc > 5 && argv[5][0] == 'p' ? SPOOL_POP3 : SPOOL_IMAP;
	b.mail = mem_new(b.octets + 1);
	memset(b.mail, 'x', b.octets);
	begin(&b, argv[1]);

	c = cpu();
	w = wall();
	at = barriers;
	ledger_octets = body_octets = 0;
	fill(&b);
	while (b.gone < b.messages)
		wait_for(&b);
	tidy.req.done = simple_done;
	tidy.req.who = &done;
	spool_tidy(b.spool, &tidy);
	while (!done)
		wait_for(&b);
	spool_close(b.spool);
	c = cpu() - c;
	w = wall() - w;
	mail = (double)b.messages * (double)b.octets;
	(void)printf("messages=%u octets=%zu flight=%u barriers=%ld "
		     "messages_per_barrier=%.1f ledger_of_mail=%.2f "
		     "bodies_of_mail=%.2f cpu_us=%.1f wall_us=%.1f\n",
		     b.messages, b.octets, b.flight, barriers - at,
		     (double)b.messages / (double)(barriers - at),
		     (double)ledger_octets / mail, (double)body_octets / mail,
		     c * 1e6 / b.messages, w * 1e6 / b.messages);
	free(b.mail);
	return 0;
}
