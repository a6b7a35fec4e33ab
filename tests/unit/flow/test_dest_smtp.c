/*
 * dest_smtp as its owner sees it: messages in a real spool, a server on a
 * thread of its own on loopback.
 */
#include "support_dest.h"

#include "must.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- a mail server ------------------------------------------------------- */

struct server {
	const char *caps;     /* lines of EHLO behind the first */
	unsigned connections; /* to serve */
	bool cut_behind_body; /* no verdict, the end instead */
	bool bdat_unknown;
	int fd;
	uint16_t port;
	pthread_t thread;
	struct text seen; /* command lines */
	struct text mail; /* bodies as they came, each behind "--- " and LF */
};

static void say(FILE *f, const char *line)
{
	fprintf(f, "%s\r\n", line);
	fflush(f);
}

static void take_data(struct server *sv, FILE *f)
{
	char line[5000];

	text_puts(&sv->mail, "--- ");
	while (fgets(line, sizeof(line), f) && strcmp(line, ".\r\n") != 0)
		text_puts(&sv->mail, line + (line[0] == '.'));
}

static void take_chunk(struct server *sv, FILE *f, size_t n)
{
	char *chunk = mem_new(n + 1);

	if (fread(chunk, 1, n, f) == n) {
		text_puts(&sv->mail, "--- ");
		text_put(&sv->mail, (struct view){ chunk, n });
	}
	free(chunk);
}

/* false: the connection ends. */
static bool answer(struct server *sv, FILE *in, FILE *out, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0) {
		say(out, "250-fake");
		fputs(sv->caps, out);
		say(out, "250 HELP");
	} else if (strncmp(line, "DATA", 4) == 0) {
		say(out, "354 go");
		take_data(sv, in);
	} else if (strncmp(line, "BDAT", 4) == 0) {
		take_chunk(sv, in, strtoul(line + 5, NULL, 10));
	} else if (strncmp(line, "AUTH", 4) == 0) {
		/* "\0me\0right" */
		say(out, strstr(line, "AG1lAHJpZ2h0") ? "235 welcome"
						      : "535 5.7.8 wrong");
		return true;
	} else if (strstr(line, "nobody@")) {
		say(out, "550 5.1.1 nobody");
		return true;
	} else if (strncmp(line, "QUIT", 4) == 0) {
		say(out, "221 bye");
		return false;
	} else {
		say(out, "250 ok");
		return true;
	}
	if (strncmp(line, "EHLO", 4) == 0)
		return true;
	if (sv->cut_behind_body)
		return false;
	say(out, sv->bdat_unknown && line[0] == 'B' ? "502 what?"
						    : "250 2.0.0 queued");
	return true;
}

static void serve(struct server *sv, int fd)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char line[5000];

	say(out, "220 fake");
	while (fgets(line, sizeof(line), in)) {
		text_puts(&sv->seen, line);
		if (!answer(sv, in, out, line))
			break;
	}
	fclose(in);
	fclose(out);
}

static void *server_run(void *who)
{
	struct server *sv = who;

	while (sv->connections--) {
		int fd = accept4(sv->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(sv, fd);
	}
	return NULL;
}

static void server_listen(struct server *sv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sv->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sv->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(sv->fd, (struct sockaddr *)&a, &n), 0);
	sv->port = ntohs(a.sin_port);
	text_init(&sv->seen, 1 << 20);
	text_init(&sv->mail, 64 << 20);
}

static void server_start(struct server *sv)
{
	server_listen(sv);
	if (!sv->connections)
		sv->connections = 1;
	assert_int_equal(listen(sv->fd, 5), 0);
	assert_int_equal(pthread_create(&sv->thread, NULL, server_run, sv), 0);
}

static void server_fini(struct server *sv)
{
	close(sv->fd);
	text_fini(&sv->seen);
	text_fini(&sv->mail);
}

static void server_end(struct server *sv)
{
	pthread_join(sv->thread, NULL);
}

static void point(struct dest_owner *w, const struct server *sv)
{
	w->o.endpoint.host = "127.0.0.1";
	w->o.endpoint.port = sv->port;
}

/* --- dialogues ------------------------------------------------------------ */

static void messages_by_bdat(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n250-CHUNKING\r\n"
				     "250-SIZE 99999\r\n" };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	for (int i = 0; i < 3; i++)
		dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 8 [PIPELINING CHUNKING SIZE=99999]\n"
		    "accepted 250 A\naccepted 250 A\naccepted 250 A\n"
		    "closed well\n");
	server_end(&sv);
	assert_string_equal(text_str(&sv.mail),
			    "--- " DEST_LEFT "--- " DEST_LEFT "--- " DEST_LEFT);
	assert_non_null(strstr(text_str(&sv.seen), "QUIT"));
	server_fini(&sv);
}

static void messages_by_data_without_pipelining(void **state)
{
	struct server sv = { .caps = "" };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y nobody@y");
	dest_spooled(w, VIEW_LIT("bare\nlf\rcr"), "me@y");
	dest_run(w,
		 "ready 1 []\naccepted 250 AR\naccepted 250 A\nclosed well\n");
	server_end(&sv);
	assert_string_equal(text_str(&sv.mail),
			    "--- " DEST_LEFT
			    "--- X-Stamp: 1\r\nbare\r\nlf cr\r\n");
	server_fini(&sv);
}

static void a_large_body_by_each_way(void **state)
{
	struct dest_owner *w = *state;
	size_t n = 3u << 20;
	char *body = mem_new(n);

	for (size_t i = 0; i < n; i++)
		body[i] = i % 50 == 0	 ? '.'
			  : i % 50 == 48 ? '\r'
			  : i % 50 == 49 ? '\n'
					 : 'x';
	n -= n % 50;
	w->offers = w->releases = true;
	for (int form = 0; form < 2; form++) {
		struct server sv = { .caps = form ? "250-CHUNKING\r\n" : "" };
		struct view mail;

		server_start(&sv);
		point(w, &sv);
		if (!form)
			dest_spooled(w, (struct view){ body, n }, "me@y");
		w->m[0]->rcpts[0].state = RCPT_WAITING;
		dest_run(w, form ? "ready 8 [CHUNKING]\naccepted 250 A\n"
				   "closed well\n"
				 : "ready 1 []\naccepted 250 A\nclosed well\n");
		server_end(&sv);
		mail = view_skip(text_view(&sv.mail),
				 strlen("--- X-Stamp: 1\r\n"));
		assert_true(view_eq(mail, (struct view){ body, n }));
		server_fini(&sv);
	}
	free(body);
}

/* G7 */
static void no_verdict_is_doubt(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n",
			     .cut_behind_body = true };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 1 [PIPELINING]\nlost 0 W\nunsent 0 W\n"
		    "closed network\n");
	server_end(&sv);
	server_fini(&sv);
}

/* The rule behind P1-P3: without a release nothing is completed. */
static void nothing_unreleased_is_completed(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n250-CHUNKING\r\n" };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->cancels = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 8 [PIPELINING CHUNKING]\nunsent 0 W\nclosed "
		    "network\n");
	server_end(&sv);
	assert_null(strstr(text_str(&sv.seen), "BDAT"));
	assert_int_equal(sv.mail.n, 0);
	server_fini(&sv);
}

static void nobody_listens(void **state)
{
	struct server sv = { .caps = "" };
	struct dest_owner *w = *state;

	server_listen(&sv); /* bound, but not listening */
	point(w, &sv);
	dest_run(w, "closed network\n");
	server_fini(&sv);
}

static void sign_in(struct dest_owner *w, const char *secret, bool in_clear,
		    const char *want, const char *seen, const char *unseen)
{
	struct server sv = { .caps = "250-AUTH PLAIN LOGIN\r\n" };
	struct secret s = { NULL, 0 };

	server_start(&sv);
	point(w, &sv);
	secret_set(&s, view_of(secret));
	w->o.user = "me";
	w->o.secret = &s;
	w->o.password_in_clear = in_clear;
	dest_run(w, want);
	server_end(&sv);
	assert_non_null(strstr(text_str(&sv.seen), seen));
	assert_null(strstr(text_str(&sv.seen), unseen));
	secret_fini(&s);
	server_fini(&sv);
}

static void signing_in(void **state)
{
	sign_in(*state, "right", true,
		"ready 1 [AUTH=PLAIN LOGIN]\nclosed well\n",
		"AUTH PLAIN AG1lAHJpZ2h0", "MAIL");
	sign_in(*state, "wrong", true, "closed auth\n", "AUTH PLAIN", "MAIL");
	/* P5 */
	sign_in(*state, "right", false, "closed tls\n", "EHLO", "AUTH");
}

/* J10: `smtp://localhost` in clear, but never where TLS was asked for. */
static void tls_is_required_but_on_loopback(void **state)
{
	struct dest_owner *w = *state;
	struct trust_setting t = { .ca_file = NULL };
	struct err err;

	w->o.endpoint.tls = TLS_STARTTLS;
	w->o.endpoint.trust = trust_get(w->trusts, &t, &err);
	for (int clear = 0; clear < 2; clear++) {
		struct server sv = { .caps = "" };

		server_start(&sv);
		point(w, &sv);
		w->o.clear_on_loopback = clear;
		dest_run(w,
			 clear ? "ready 1 []\nclosed well\n" : "closed tls\n");
		server_end(&sv);
		server_fini(&sv);
	}
	/* a user is written: its secret never goes in clear */
	{
		struct server sv = { .caps = "250-AUTH PLAIN\r\n" };

		server_start(&sv);
		point(w, &sv);
		w->o.user = "me";
		dest_run(w, "closed tls\n");
		server_end(&sv);
		assert_null(strstr(text_str(&sv.seen), "AUTH"));
		server_fini(&sv);
	}
}

static void recipients_are_probed(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n" };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->probes = true;
	dest_run(w, "ready 1 [PIPELINING]\nprobed no one 553\n"
		    "probed <sender> 250\nprobed me@y 250\n"
		    "probed nobody@y 550\nclosed well\n");
	server_end(&sv);
	assert_null(strstr(text_str(&sv.seen), "DATA"));
	assert_non_null(strstr(text_str(&sv.seen), "RSET"));
	server_fini(&sv);
}

/* G12: remembered for the server, the next connection uses DATA. */
static void bdat_not_known_is_remembered(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n250-CHUNKING\r\n",
			     .connections = 2,
			     .bdat_unknown = true };
	struct dest_owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 8 [PIPELINING CHUNKING]\nunsent 502 W\n"
		    "closed network\n");
	dest_run(w, "ready 1 [PIPELINING]\naccepted 250 A\nclosed well\n");
	server_end(&sv);
	server_fini(&sv);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, dest_owner_up, dest_owner_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_by_bdat),
		TEST(messages_by_data_without_pipelining),
		TEST(a_large_body_by_each_way),
		TEST(no_verdict_is_doubt),
		TEST(nothing_unreleased_is_completed),
		TEST(nobody_listens),
		TEST(signing_in),
		TEST(tls_is_required_but_on_loopback),
		TEST(recipients_are_probed),
		TEST(bdat_not_known_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
