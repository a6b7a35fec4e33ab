/* stream_inflate(): DEFLATE between the line, in clear or TLS, and the ports.
 */
#include "inflate.h"
#include "limits.h"
#include "must.h"
#include "support_net.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define MIB (1u << 20)

static struct fixture f;
static struct identity id;
static struct trust *trust;

static int set_up(void **state)
{
	static const struct cert_plan plan = { .cn = "test", .ip = true };
	struct trust_setting setting = { 0 };
	struct err err;
	char *file;

	(void)state;
	fixture_up(&f, NULL);
	id = cert_make(&plan, NULL);
	setting.ca_file = file = cert_write(f.folder, "id.pem", id.cert);
	trust = trust_get(f.trusts, &setting, &err);
	assert_non_null(trust);
	free(file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	trust_release(trust);
	identity_fini(&id);
	fixture_down(&f);
	return 0;
}

static void visit(struct owner *o, struct server *sv, enum stream_tls tls)
{
	struct endpoint to = {
		.host = "127.0.0.1",
		.tls = tls,
		.trust = tls == TLS_NONE ? NULL : trust,
	};

	sv->id = &id;
	server_start(sv);
	to.port = sv->port;
	owner_open(&f, o, &to);
	owner_await(&f, o);
	server_join(sv);
}

/* The server's side: octets of the line, TLS or not */

struct line {
	SSL *ssl; /* NULL: clear */
	int fd;
	z_stream in, out;
};

static void line_open(struct line *l, struct server *sv, int fd)
{
	*l = (struct line){ .fd = fd };
	if (sv->extra)
		l->ssl = server_tls(sv, fd);
	MUST(inflateInit2(&l->in, -MAX_WBITS) == Z_OK);
	MUST(deflateInit2(&l->out, 6, Z_DEFLATED, -MAX_WBITS, 8, 0) == Z_OK);
}

static void line_close(struct line *l)
{
	(void)inflateEnd(&l->in);
	(void)deflateEnd(&l->out);
	if (l->ssl)
		(void)SSL_shutdown(l->ssl);
	SSL_free(l->ssl);
}

static bool put_raw(struct line *l, const void *p, size_t n)
{
	if (l->ssl)
		return SSL_write(l->ssl, p, (int)n) > 0;
	write_fully(l->fd, p, n);
	return true;
}

static bool put(struct line *l, const void *p, size_t n, int flush)
{
	unsigned char packed[16384];

	l->out.next_in = (unsigned char *)(uintptr_t)p;
	l->out.avail_in = (unsigned)n;
	do {
		l->out.next_out = packed;
		l->out.avail_out = sizeof(packed);
		(void)deflate(&l->out, flush);
		n = sizeof(packed) - l->out.avail_out;
		if (n && !put_raw(l, packed, n))
			return false;
	} while (l->out.avail_out == 0);
	return true;
}

static int get_raw(struct line *l, void *p, size_t n)
{
	return l->ssl ? SSL_read(l->ssl, p, (int)n) : (int)recv(l->fd, p, n, 0);
}

static void echo(struct server *sv, int fd)
{
	unsigned char buf[16384], text[65536];
	struct line l;
	int n;

	line_open(&l, sv, fd);
	while ((n = get_raw(&l, buf, sizeof(buf))) > 0) {
		l.in.next_in = buf;
		l.in.avail_in = (unsigned)n;
		l.in.next_out = text;
		l.in.avail_out = sizeof(text);
		if (inflate(&l.in, Z_SYNC_FLUSH) != Z_OK)
			break;
		if (!put(&l, text, sizeof(text) - l.in.avail_out, Z_SYNC_FLUSH))
			break;
	}
	line_close(&l);
}

/* The owner's side */

static void begin(struct owner *o)
{
	stream_inflate(o->stream, VIEW_NONE);
}

static uint64_t wanted;
static struct stream_counts last;

static void close_at_wanted(struct owner *o)
{
	last = stream_counts(o->stream);
	if (o->in_total >= wanted)
		stream_close(o->stream);
}

static void octets_go_both_ways_in_order(void **state)
{
	static const size_t pieces[] = { 0, 1, 4096, 16379, 16380 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct server sv = { .serve = echo,
				     .extra = i % 2 ? &id : NULL };
		struct owner *o = calloc(1, sizeof(*o));

		wanted = pieces[i / 2] == 1 ? 100000 : 8 * MIB;
		o->pattern_left = wanted;
		o->piece = pieces[i / 2];
		o->checks_pattern = o->pauses = true;
		o->on_opened = begin;
		o->on_received = close_at_wanted;
		visit(o, &sv, i % 2 ? TLS_IMPLICIT : TLS_NONE);
		assert_class(o, ERR_NONE);
		assert_int_equal(o->in_total, wanted);
		assert_int_equal(last.received, wanted);
		assert_int_equal(last.sent, wanted);
		assert_true(last.held_most <= WIRE_OCTETS);
		assert_true(o->pauses_made >= wanted / sizeof(o->scratch));
		free(o);
	}
}

/* What came with the answer to COMPRESS, and what follows it */

static void say_go(struct server *sv, int fd)
{
	struct line l;

	line_open(&l, sv, fd);
	(void)put_raw(&l, "go\n", 3);
	(void)put(&l, "one two ", 8, Z_SYNC_FLUSH);
	(void)put(&l, "three", 5, Z_FINISH);
	line_close(&l);
}

static void begin_behind_the_line(struct owner *o)
{
	if (o->in_n >= 3 && o->in_total < 1000) {
		struct view v = { o->in + 3, o->in_n - 3 };

		o->in_total = 1000; /* once */
		stream_inflate(o->stream, v);
		o->in_n = 3;
		memset(o->in + 3, 0, sizeof(o->in) - 3);
	}
}

static void what_came_before_the_switch_counts(void **state)
{
	struct server sv = { .serve = say_go };
	struct owner o = { .on_received = begin_behind_the_line };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_class(&o, ERR_NONE);
	assert_string_equal(o.in, "go\none two three");
	assert_int_equal(o.eofs, 1);
}

/* Ends and faults */

static void say_malformed(struct server *sv, int fd)
{
	struct line l;

	line_open(&l, sv, fd);
	(void)put(&l, "fine ", 5, Z_SYNC_FLUSH);
	(void)put_raw(&l, "\x07", 1);
	serve_silence(sv, fd);
	line_close(&l);
}

static void malformed_octets_end_it(void **state)
{
	struct server sv = { .serve = say_malformed };
	struct owner o = { .on_opened = begin };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_class(&o, ERR_PROTOCOL);
	assert_non_null(strstr(o.why.what, "malformed"));
	assert_string_equal(o.in, "fine ");
	assert_int_equal(o.eofs, 0);
}

static void say_half(struct server *sv, int fd)
{
	struct line l;

	line_open(&l, sv, fd);
	(void)put(&l, "half", 4, Z_SYNC_FLUSH);
	/* the head of a long block, and no more */
	(void)put_raw(&l, "\0\xff\0\0\xff", 5);
	line_close(&l);
}

static void a_cut_off_stream_is_an_end(void **state)
{
	struct server sv = { .serve = say_half };
	struct owner o = { .on_opened = begin };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_string_equal(o.in, "half");
	assert_int_equal(o.eofs, 1);
}

/* B11 */

static void blow_up(struct server *sv, int fd)
{
	static const char zeros[MIB];
	struct line l;

	line_open(&l, sv, fd);
	for (int i = 0; i < 64; i++)
		if (!put(&l, zeros, sizeof(zeros), Z_NO_FLUSH))
			break;
	serve_silence(sv, fd);
	line_close(&l);
}

struct bystander {
	struct owner *o;
	struct task turn;
	uint64_t before, most;
	int turns;
};

static void on_bystander(void *who)
{
	struct bystander *b = who;
	uint64_t came = b->o->in_total - b->before;

	if (came > b->most)
		b->most = came;
	b->before = b->o->in_total;
	if (!b->o->closed)
		task_post(&b->turn);
	b->turns++;
}

static void b11_a_bomb_has_its_turns_and_its_end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct server sv = { .serve = blow_up,
				     .extra = i ? &id : NULL };
		struct owner o = { .on_opened = begin };
		struct bystander b = { .o = &o };

		task_init(&b.turn, f.loop, on_bystander, &b);
		task_post(&b.turn);
		visit(&o, &sv, i ? TLS_IMPLICIT : TLS_NONE);
		task_cancel(&b.turn);
		assert_class(&o, ERR_LIMIT);
		assert_true(o.in_total >= LIMIT_INFLATE_FREE);
		assert_true(o.in_total < LIMIT_INFLATE_FREE + 8 * MIB);
		/* By the task, and because the line is ready. */
		assert_true(b.most <= 2 * WIRE_TURN_OCTETS);
		assert_true(b.turns >= 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_go_both_ways_in_order),
		cmocka_unit_test(what_came_before_the_switch_counts),
		cmocka_unit_test(malformed_octets_end_it),
		cmocka_unit_test(a_cut_off_stream_is_an_end),
		cmocka_unit_test(b11_a_bomb_has_its_turns_and_its_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
