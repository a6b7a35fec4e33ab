/* stream: octets both ways, in clear and in TLS, bounded; ends; STARTTLS. */
#include "must.h"
#include "support_net.h"
#include "wire.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB (1u << 20)

static struct fixture f;
static struct identity id;
static struct trust *trust;
static int release[2]; /* a pipe: its end lets waiting servers go */

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

static struct endpoint endpoint_of(const struct server *sv, enum stream_tls tls)
{
	return (struct endpoint){
		.host = "127.0.0.1",
		.port = sv->port,
		.tls = tls,
		.trust = tls == TLS_NONE ? NULL : trust,
		.quickack = true,
	};
}

static void visit(struct owner *o, struct server *sv, enum stream_tls tls)
{
	struct endpoint to = endpoint_of(sv, tls);

	sv->id = &id;
	server_start(sv);
	to.port = sv->port;
	owner_open(&f, o, &to);
	owner_await(&f, o);
	server_join(sv);
}

/* Volume */

static struct stream_counts last;
static uint64_t wanted;

static void close_at_wanted(struct owner *o)
{
	if (o->in_total < wanted)
		return;
	last = stream_counts(o->stream);
	stream_close(o->stream);
}

static void echo_slowly(enum stream_tls tls, uint64_t octets, size_t piece)
{
	struct server sv = {
		.serve = tls == TLS_NONE ? serve_echo : serve_tls_echo,
	};
	struct owner *o = calloc(1, sizeof(*o));

	o->pattern_left = wanted = octets;
	o->piece = piece;
	o->checks_pattern = o->pauses = true;
	o->on_received = close_at_wanted;
	visit(o, &sv, tls);
	assert_class(o, ERR_NONE);
	assert_int_equal(o->in_total, octets);
	assert_int_equal(last.received, octets);
	assert_int_equal(last.sent, octets);
	assert_true(last.held_most <= WIRE_OCTETS);
	assert_true(o->pauses_made >= octets / sizeof(o->scratch));
	free(o);
}

static void a_slow_consumer_gets_every_octet_in_clear(void **state)
{
	(void)state;
	echo_slowly(TLS_NONE, 50 * MIB, 0);
}

static void a_slow_consumer_gets_every_octet_in_tls(void **state)
{
	(void)state;
	echo_slowly(TLS_IMPLICIT, 50 * MIB, 0);
}

static void pieces_of_any_size_arrive_in_order(void **state)
{
	static const size_t sizes[] = { 1, 7, 4095, 4096, 16384, 16385 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t n = sizes[i] < 100 ? 200000 : 2 * MIB;

		echo_slowly(TLS_NONE, n, sizes[i]);
		echo_slowly(TLS_IMPLICIT, n, sizes[i]);
	}
}

/* Each SSL_read is at most one record. */
static void count_records(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);
	char buf[16384];
	size_t got = 0;
	int n = 1;

	while (ssl && got < MIB && n > 0) {
		n = SSL_read(ssl, buf, sizeof(buf));
		got += n > 0 ? (size_t)n : 0;
		sv->octets++;
	}
	if (ssl)
		(void)SSL_write(ssl, "!", 1);
	SSL_free(ssl);
}

static void small_pieces_share_records(void **state)
{
	struct server sv = { .serve = count_records };
	struct owner o = { .pattern_left = MIB, .piece = 10 };

	(void)state;
	wanted = 1;
	o.on_received = close_at_wanted;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_int_equal(o.in_total, 1);
	assert_true(sv.octets <= MIB / TLS_CLEAR_MAX + 8);
}

static void send_without_end(struct server *sv, int fd)
{
	static char block[1 << 18];

	(void)sv;
	for (uint64_t at = 0; send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0;)
		at++;
}

static void send_tls_without_end(struct server *sv, int fd)
{
	static char block[1 << 14];
	SSL *ssl = server_tls(sv, fd);

	while (ssl && SSL_write(ssl, block, sizeof(block)) > 0)
		;
	SSL_free(ssl);
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
	if (b->o->in_total > 64 * MIB)
		stream_close(b->o->stream);
	else
		task_post(&b->turn);
	b->turns++;
}

static void one_fast_peer_leaves_turns_to_the_others(void **state)
{
	static const enum stream_tls modes[] = { TLS_NONE, TLS_IMPLICIT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct server sv = { .serve = modes[i] == TLS_NONE
						      ? send_without_end
						      : send_tls_without_end };
		struct owner o = { 0 };
		struct bystander b = { .o = &o };

		task_init(&b.turn, f.loop, on_bystander, &b);
		task_post(&b.turn);
		visit(&o, &sv, modes[i]);
		/* One turn's, and what OpenSSL had read ahead. */
		assert_true(b.most <= WIRE_TURN_OCTETS + 2 * 65536);
		assert_true(b.turns >= 64 * (int)MIB / (256 * 1024));
	}
}

/* Ends */

static void end_cleanly(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);

	if (!ssl)
		return;
	(void)SSL_write(ssl, "half a mes", 10);
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void end_without_goodbye(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);

	if (!ssl)
		return;
	(void)SSL_write(ssl, "half a mes", 10);
	SSL_free(ssl);
}

static void end_with_reset(struct server *sv, int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	end_without_goodbye(sv, fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void expect_end(struct owner *o)
{
	stream_expect_end(o->stream);
}

static void close_notify_ends_in_order(void **state)
{
	struct server sv = { .serve = end_cleanly };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NONE);
	assert_string_equal(o.in, "half a mes");
	assert_int_equal(o.eofs, 1);
}

static void an_end_without_close_notify_is_a_truncation(void **state)
{
	struct server sv = { .serve = end_without_goodbye };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "close_notify"));
	assert_string_equal(o.in, "half a mes");
	assert_int_equal(o.eofs, 0);
}

static void an_expected_end_may_have_any_form(void **state)
{
	struct server plain = { .serve = end_without_goodbye };
	struct server reset = { .serve = end_with_reset };
	struct owner a = { .on_opened = expect_end };
	struct owner b = { .on_opened = expect_end };

	(void)state;
	visit(&a, &plain, TLS_IMPLICIT);
	assert_class(&a, ERR_NONE);
	assert_int_equal(a.eofs, 1);
	visit(&b, &reset, TLS_IMPLICIT);
	assert_class(&b, ERR_NONE);
	assert_int_equal(b.eofs, 1);
}

static void a_reset_is_an_error_of_the_network(void **state)
{
	struct server sv = { .serve = end_with_reset };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NETWORK);
	assert_int_equal(o.eofs, 0);
}

static void send_garbage(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);

	if (!ssl)
		return;
	/* A record of application data that nobody can decrypt. */
	write_fully(fd,
		    "\x17\x03\x03\x00\x20"
		    "0123456789abcdef0123456789abcdef",
		    37);
	SSL_free(ssl);
	serve_silence(sv, fd);
}

static void damage_on_the_way_is_no_matter_of_trust(void **state)
{
	struct server sv = { .serve = send_garbage };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NETWORK);
	assert_int_equal(o.opened, 1);
	assert_int_equal(o.in_total, 0);
}

static void say_and_go(struct server *sv, int fd)
{
	write_fully(fd, sv->say, strlen(sv->say));
}

static void the_end_in_clear_comes_after_the_last_octet(void **state)
{
	struct server sv = { .serve = say_and_go, .say = "+OK bye\r\n" };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_class(&o, ERR_NONE);
	assert_string_equal(o.in, "+OK bye\r\n");
	assert_int_equal(o.eofs, 1);
}

/* Closing with octets unread makes the kernel send a reset. */
static void last_words_are_heard_though_writing_failed(void **state)
{
	struct server sv = { .serve = say_and_go, .say = "421 too many\r\n" };
	struct owner o = { .pattern_left = 64 * MIB };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_string_equal(o.in, "421 too many\r\n");
	assert_class(&o, ERR_NETWORK);
}

static void count_all(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);
	char buf[16384];
	int n;

	while (ssl && (n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		sv->octets += (size_t)n;
	if (ssl && SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN)
		sv->octets++; /* for the goodbye */
	SSL_free(ssl);
}

static void finish_at_once(struct owner *o)
{
	stream_finish(o->stream);
}

static void finishing_sends_all_that_is_pending_and_goodbye(void **state)
{
	/* TLS 1.3 sends tickets behind the handshake: octets that nobody reads
	 * make the kernel reset the line, and drop what it has not sent. */
	struct server sv = { .serve = count_all, .max = TLS1_2_VERSION };
	struct owner o = { .pattern_left = MIB, .on_opened = finish_at_once };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NONE);
	assert_int_equal(sv.octets, MIB + 1);
}

/* STARTTLS */

static void serve_starttls(struct server *sv, int fd)
{
	char line[64];

	write_fully(fd, "ready\r\n", 7);
	if (!read_line(fd, line, sizeof(line)))
		return;
	MUST(strcmp(line, "STLS") == 0);
	write_fully(fd, "go\r\n", 4);
	serve_tls_echo(sv, fd);
}

/* A line of the server's was read whole: forget it, do what it asks for. */
static void talk_starttls(struct owner *o)
{
	if (strcmp(o->in, "ready\r\n") == 0)
		owner_text(o, "STLS\r\n");
	else if (strcmp(o->in, "go\r\n") == 0)
		stream_start_tls(o->stream);
	else if (strcmp(o->in, "hello") == 0)
		stream_close(o->stream);
	else
		return;
	o->in_n = 0;
	memset(o->in, 0, sizeof(o->in));
}

static void say_hello(struct owner *o)
{
	assert_true(stream_is_tls(o->stream));
	owner_text(o, "hello");
}

static void starttls_goes_from_clear_to_secret(void **state)
{
	struct server sv = { .serve = serve_starttls };
	struct owner o = { .on_received = talk_starttls,
			   .on_secured = say_hello };

	(void)state;
	visit(&o, &sv, TLS_STARTTLS);
	assert_class(&o, ERR_NONE);
	assert_int_equal(o.opened, 1);
	assert_int_equal(o.secured, 1);
	assert_true(o.has_info);
	assert_int_equal(o.in_total, 7 + 4 + 5);
}

static void inject_later(struct server *sv, int fd)
{
	char line[64], first;

	(void)sv;
	write_fully(fd, "ready\r\n", 7);
	if (!read_line(fd, line, sizeof(line)))
		return;
	write_fully(fd, "go\r\n", 4);
	(void)recv(fd, &first, 1, 0); /* the handshake has begun */
	write_fully(fd, "* PREAUTH come in\r\n", 19);
	serve_silence(sv, fd);
}

static void clear_octets_in_the_handshake_never_reach_the_owner(void **state)
{
	struct server sv = { .serve = inject_later };
	struct owner o = { .on_received = talk_starttls };

	(void)state;
	visit(&o, &sv, TLS_STARTTLS);
	assert_class(&o, ERR_PROTOCOL);
	assert_non_null(strstr(o.why.what, "not TLS"));
	assert_non_null(strstr(o.why.peer, "* PREAUTH come in"));
	assert_int_equal(o.in_total, 7 + 4);
	assert_int_equal(o.secured, 0);
}

static void a_clear_server_where_tls_is_meant_is_told_as_such(void **state)
{
	struct server sv = { .serve = serve_say,
			     .say = "220 mail.test ESMTP\x1b[2J\r\n" };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_PROTOCOL);
	assert_non_null(strstr(o.why.peer, "220 mail.test ESMTP\\x1B[2J"));
	assert_non_null(strstr(o.why.remedy, "TLS form"));
	assert_int_equal(o.opened, 0);
}

static void hanging_up_in_the_handshake_is_of_the_network(void **state)
{
	struct server sv = { .serve = say_and_go, .say = "" };
	struct owner o = { .on_opened = expect_end };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NETWORK);
	assert_int_equal(o.opened, 0);
}

/* Closing from everywhere */

static void close_in(enum port_name port, enum stream_tls tls)
{
	struct server sv = {
		.serve = tls == TLS_NONE       ? say_and_go
			 : tls == TLS_IMPLICIT ? end_cleanly
					       : serve_starttls,
		.say = "ready\r\n",
	};
	struct owner o = { .close_in = port };
	bool is_called =
		tls == TLS_STARTTLS ? port != PORT_EOF : port != PORT_SECURED;

	if (tls == TLS_STARTTLS) {
		o.on_received = talk_starttls;
		o.on_secured = say_hello;
	} else if (port == PORT_SENT) {
		o.pattern_left = 100;
	}
	visit(&o, &sv, tls);
	assert_int_equal(o.closed, 1);
	assert_int_equal(o.closes, is_called);
	assert_class(&o, ERR_NONE);
}

static void closing_is_safe_in_every_port(void **state)
{
	static const enum stream_tls modes[] = { TLS_NONE, TLS_IMPLICIT,
						 TLS_STARTTLS };

	(void)state;
	for (int m = 0; m < 3; m++)
		for (int p = PORT_ROOM; p <= PORT_PATIENCE; p++)
			close_in((enum port_name)p, modes[m]);
}

static struct owner *victim;

static void close_other(struct owner *o)
{
	stream_close(victim->stream);
	stream_close(victim->stream);
	stream_poke(victim->stream);
	stream_finish(victim->stream);
	stream_start_tls(victim->stream);
	stream_close(o->stream);
}

static void a_closed_stream_takes_every_call(void **state)
{
	struct server sv = { .serve = serve_silence, .count = 2 };
	struct owner a = { .on_opened = close_other }, b = { 0 };
	struct endpoint to;

	(void)state;
	server_start(&sv);
	to = endpoint_of(&sv, TLS_NONE);
	victim = &b;
	owner_open(&f, &b, &to);
	owner_open(&f, &a, &to);
	owner_await(&f, &a);
	owner_await(&f, &b);
	assert_class(&a, ERR_NONE);
	assert_class(&b, ERR_NONE);
	server_join(&sv);
}

/* Channel bindings: both sides must find the same octets. */

static uint8_t theirs[64], ours[64], end_point[64];
static size_t theirs_n, ours_n, end_point_n;

static void note_binding(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);
	static const char label[] = "EXPORTER-Channel-Binding";

	if (!ssl)
		return;
	if (SSL_version(ssl) == TLS1_3_VERSION) {
		theirs_n = 32;
		(void)SSL_export_keying_material(ssl, theirs, 32, label, 24,
						 NULL, 0, 0);
	} else {
		/* The client's Finished is the first in a full handshake. */
		theirs_n = SSL_get_peer_finished(ssl, theirs, 64);
	}
	(void)SSL_write(ssl, "!", 1);
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void bind_13(struct owner *o)
{
	ours_n = stream_binding(o->stream, BINDING_TLS_EXPORTER, ours);
	end_point_n = stream_binding(o->stream, BINDING_TLS_SERVER_END_POINT,
				     end_point);
	assert_int_equal(stream_binding(o->stream, BINDING_TLS_UNIQUE, theirs),
			 0);
}

static void bind_12(struct owner *o)
{
	ours_n = stream_binding(o->stream, BINDING_TLS_UNIQUE, ours);
	assert_int_equal(
		stream_binding(o->stream, BINDING_TLS_EXPORTER, theirs), 0);
}

static void both_sides_see_the_same_channel_binding(void **state)
{
	struct server new = { .serve = note_binding, .min = TLS1_3_VERSION };
	struct server old = { .serve = note_binding, .max = TLS1_2_VERSION };
	struct owner a = { .on_opened = bind_13 }, b = { .on_opened = bind_12 };
	uint8_t digest[32];
	unsigned n = 32;

	(void)state;
	visit(&a, &new, TLS_IMPLICIT);
	assert_int_equal(ours_n, 32);
	assert_int_equal(theirs_n, 32);
	assert_memory_equal(ours, theirs, 32);
	assert_int_equal(X509_digest(id.cert, EVP_sha256(), digest, &n), 1);
	assert_int_equal(end_point_n, 32);
	assert_memory_equal(end_point, digest, 32);
	visit(&b, &old, TLS_IMPLICIT);
	assert_true(ours_n >= 12);
	assert_int_equal(ours_n, theirs_n);
	assert_memory_equal(ours, theirs, ours_n);
}

/* Patience */

static const struct patience soon = { .serial = 1, .ms = 40 };

static void silence_after_the_connection_ends_it(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct owner o = { .patience = soon };

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "did not answer within"));
	assert_int_equal(o.opened, 1);
}

static const struct patience minutes = { .serial = 1, .ms = 300000 };

/* Where a person waits; what has begun to speak has its time. */
static void silence_from_the_start_may_end_sooner(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct owner o = { .patience = minutes };
	struct endpoint to;

	(void)state;
	server_start(&sv);
	to = endpoint_of(&sv, TLS_NONE);
	to.first_ms = 40;
	owner_open(&f, &o, &to);
	owner_await(&f, &o);
	server_join(&sv);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "did not answer within 1 s"));
	assert_non_null(strstr(o.why.remedy, "where it begins with TLS"));
}

static void silence_in_the_handshake_ends_it(void **state)
{
	struct server sv = { .serve = serve_silence };
	struct server go = { .serve = serve_say, .say = "go\r\n" };
	struct owner a = { 0 }, b = { .on_received = talk_starttls };
	struct endpoint to;

	(void)state;
	server_start(&sv);
	to = endpoint_of(&sv, TLS_IMPLICIT);
	to.tls_ms = 40;
	owner_open(&f, &a, &to);
	owner_await(&f, &a);
	server_join(&sv);
	assert_class(&a, ERR_NETWORK);
	assert_non_null(strstr(a.why.what, "handshake"));
	assert_int_equal(a.opened, 0);
	server_start(&go);
	to = endpoint_of(&go, TLS_STARTTLS);
	to.tls_ms = 40;
	owner_open(&f, &b, &to);
	owner_await(&f, &b);
	server_join(&go);
	assert_class(&b, ERR_NETWORK);
	assert_int_equal(b.opened, 1);
	assert_int_equal(b.secured, 0);
}

/* Once asked, an octet each millisecond until the client has gone. */
static void drip(struct server *sv, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char question;

	(void)sv;
	(void)recv(fd, &question, 1, 0);
	while (poll(&p, 1, 1) == 0)
		if (send(fd, "*", 1, MSG_NOSIGNAL) != 1)
			return;
}

static void ask(struct owner *o)
{
	owner_text(o, "?");
}

/* The time began when it was asked; its first octet may be late. */
static void lose_patience(struct owner *o)
{
	o->patience.ms = 100;
}

static void a_dripping_peer_gains_nothing(void **state)
{
	struct server sv = { .serve = drip };
	struct owner o = {
		.patience = { .serial = 1, .ms = 60000, .rate = 1000000 },
		.on_opened = ask,
		.on_received = lose_patience,
	};

	(void)state;
	visit(&o, &sv, TLS_NONE);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "too slowly"));
}

/* Reads nothing, and stays until the test lets it go. */
static void never_read(struct server *sv, int fd)
{
	SSL *ssl = sv->extra ? NULL : server_tls(sv, fd);
	char c;

	(void)!read(release[0], &c, 1);
	SSL_free(ssl);
}

static void stop_reading(enum stream_tls tls, const char *in_clear)
{
	struct server sv = { .serve = never_read,
			     .id = &id,
			     .extra = (void *)(uintptr_t)in_clear };
	struct owner o = { .pattern_left = UINT64_MAX, .patience = soon };
	struct endpoint to;

	assert_int_equal(pipe(release), 0);
	server_start(&sv);
	to = endpoint_of(&sv, tls);
	owner_open(&f, &o, &to);
	while (!o.closed) {
		if (o.stream)
			last = stream_counts(o.stream);
		(void)uv_run(loop_uv(f.loop), UV_RUN_ONCE);
	}
	(void)close(release[1]);
	server_join(&sv);
	(void)close(release[0]);
	assert_class(&o, ERR_NETWORK);
	assert_non_null(strstr(o.why.what, "does not read"));
	assert_true(last.held_most <= WIRE_OCTETS);
}

static void a_peer_that_never_reads_is_left(void **state)
{
	(void)state;
	stop_reading(TLS_NONE, "clear");
	stop_reading(TLS_IMPLICIT, NULL);
}

static void update_keys_without_end(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);

	while (ssl && SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
	       SSL_do_handshake(ssl) == 1)
		;
	SSL_free(ssl);
}

static void a_flood_of_key_updates_is_no_progress(void **state)
{
	struct server sv = { .serve = update_keys_without_end };
	struct owner o = {
		.patience = { .serial = 1, .ms = 40, .rate = 500 },
	};

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_class(&o, ERR_NETWORK);
	assert_int_equal(o.in_total, 0);
}

static void renegotiate(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);
	char c;

	if (!ssl)
		return;
	(void)SSL_renegotiate(ssl);
	(void)SSL_do_handshake(ssl);
	(void)SSL_read(ssl, &c, 1);
	sv->octets = SSL_num_renegotiations(ssl) > 0 &&
		     SSL_renegotiate_pending(ssl) == 0 &&
		     SSL_is_init_finished(ssl);
	SSL_free(ssl);
}

static void renegotiation_is_refused(void **state)
{
	struct server sv = { .serve = renegotiate, .max = TLS1_2_VERSION };
	struct owner o = { 0 };

	(void)state;
	visit(&o, &sv, TLS_IMPLICIT);
	assert_int_equal(sv.octets, 0);
	assert_int_equal(o.in_total, 0);
	assert_true(o.why.class != ERR_NONE);
}

/* The peer answered: whether it goes at once is another matter. */
static void close_at_answer(struct owner *o)
{
	stream_close(o->stream);
}

static struct owner *paused;
static struct timer resume;
static atomic_bool is_said;

static void say_note_and_go(struct server *sv, int fd)
{
	say_and_go(sv, fd);
	atomic_store(&is_said, true);
}

static void answer_after_the_pause(void *who)
{
	(void)who;
	if (!atomic_load(&is_said)) {
		timer_start(&resume, 1);
		return;
	}
	paused->room = sizeof(paused->scratch);
	stream_poke(paused->stream);
}

static void pause_ourselves(struct owner *o)
{
	o->room = 0;
	timer_start(&resume, 80); /* four times the peer's patience */
}

static void our_own_pause_does_not_count_against_the_peer(void **state)
{
	struct server sv = { .serve = say_note_and_go, .say = "+OK\r\n" };
	struct owner o = { .patience = { .serial = 1, .ms = 20 },
			   .on_opened = pause_ourselves,
			   .on_received = close_at_answer };

	(void)state;
	paused = &o;
	timer_init(&resume, f.loop, answer_after_the_pause, NULL);
	visit(&o, &sv, TLS_NONE);
	timer_stop(&resume);
	assert_class(&o, ERR_NONE);
	assert_string_equal(o.in, "+OK\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_consumer_gets_every_octet_in_clear),
		cmocka_unit_test(a_slow_consumer_gets_every_octet_in_tls),
		cmocka_unit_test(pieces_of_any_size_arrive_in_order),
		cmocka_unit_test(small_pieces_share_records),
		cmocka_unit_test(one_fast_peer_leaves_turns_to_the_others),
		cmocka_unit_test(close_notify_ends_in_order),
		cmocka_unit_test(an_end_without_close_notify_is_a_truncation),
		cmocka_unit_test(an_expected_end_may_have_any_form),
		cmocka_unit_test(a_reset_is_an_error_of_the_network),
		cmocka_unit_test(damage_on_the_way_is_no_matter_of_trust),
		cmocka_unit_test(the_end_in_clear_comes_after_the_last_octet),
		cmocka_unit_test(last_words_are_heard_though_writing_failed),
		cmocka_unit_test(
			finishing_sends_all_that_is_pending_and_goodbye),
		cmocka_unit_test(starttls_goes_from_clear_to_secret),
		cmocka_unit_test(
			clear_octets_in_the_handshake_never_reach_the_owner),
		cmocka_unit_test(
			a_clear_server_where_tls_is_meant_is_told_as_such),
		cmocka_unit_test(hanging_up_in_the_handshake_is_of_the_network),
		cmocka_unit_test(closing_is_safe_in_every_port),
		cmocka_unit_test(a_closed_stream_takes_every_call),
		cmocka_unit_test(both_sides_see_the_same_channel_binding),
		cmocka_unit_test(silence_after_the_connection_ends_it),
		cmocka_unit_test(silence_from_the_start_may_end_sooner),
		cmocka_unit_test(silence_in_the_handshake_ends_it),
		cmocka_unit_test(a_dripping_peer_gains_nothing),
		cmocka_unit_test(a_peer_that_never_reads_is_left),
		cmocka_unit_test(a_flood_of_key_updates_is_no_progress),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(our_own_pause_does_not_count_against_the_peer),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
