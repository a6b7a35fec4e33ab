/*
 * dest_smtp and dest_maildir as their owner sees them: messages in a real
 * spool, a server on a thread of its own on loopback, real folders.
 */
#include "dest.h"

#include "head.h"
#include "must.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* --- the owner ----------------------------------------------------------- */

#define MESSAGES 40

struct owner {
	char dir[64];
	struct loop *loop;
	struct resolver *resolver;
	struct trusts *trusts;
	struct spool *spool;
	struct wake *wake;
	int64_t account, folder;
	struct message *m[MESSAGES];
	size_t n, settled;
	bool done; /* of the request awaited */
	struct dest_options o;
	struct dest *dest;
	struct text told;
	/* what it does once ready */
	bool offers, releases, cancels, probes;
	const char *sender_probed;
};

static void on_wake(void *who)
{
	spool_results(((struct owner *)who)->spool);
}

static void wake_up(void *who)
{
	wake_send(((struct owner *)who)->wake);
}

static void on_done(struct spool_req *r)
{
	struct owner *w = r->who;

	w->done = true;
	loop_stop(w->loop);
}

static struct spool_req req(struct owner *w)
{
	w->done = false;
	return (struct spool_req){ .done = on_done, .who = w };
}

static void wait_done(struct owner *w, const struct spool_req *r)
{
	while (!w->done)
		loop_run(w->loop);
	if (!r->ok)
		fail_msg("%s", r->err.what);
}

static int up(void **state)
{
	struct owner *w = mem_new(sizeof(*w));
	struct spool_options so = { .dir = w->dir, .wake = wake_up, .who = w };
	struct spool_found found;
	struct err err;
	struct spool_bind bind;
	struct spool_folder_open folder;

	strcpy(w->dir, "/tmp/dest-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	text_init(&w->told, 1 << 16);
	w->loop = loop_new(4);
	w->resolver = resolver_new(w->loop, 2, NULL);
	w->trusts = trusts_new();
	w->wake = wake_new(w->loop, on_wake, w);
	so.now_ms = loop_unix_ms();
	w->spool = spool_open(&so, &found, &err);
	if (!w->spool)
		fail_msg("%s", err.what);
	bind = (struct spool_bind){ .req = req(w), .now_ms = so.now_ms };
	bind.a.family = SPOOL_POP3;
	strcpy(bind.a.name, "a");
	strcpy(bind.a.user, "u");
	strcpy(bind.a.place, "p");
	spool_bind(w->spool, &bind);
	wait_done(w, &bind.req);
	w->account = bind.a.id;
	folder = (struct spool_folder_open){ .req = req(w),
					     .account = w->account,
					     .name = "" };
	spool_folder_open(w->spool, &folder);
	wait_done(w, &folder.req);
	w->folder = folder.f.id;
	*state = w;
	return 0;
}

static int down(void **state)
{
	struct owner *w = *state;
	char *argv[] = { "rm", "-rf", w->dir, NULL };
	pid_t pid;

	for (size_t i = 0; i < w->n; i++)
		message_free(w->m[i]);
	spool_close(w->spool);
	wake_free(w->wake);
	resolver_free(w->resolver);
	trust_release(w->o.endpoint.trust);
	trusts_free(w->trusts);
	loop_free(w->loop);
	text_fini(&w->told);
	pid = fork();
	if (pid == 0)
		execvp("rm", argv);
	waitpid(pid, NULL, 0);
	free(w);
	return 0;
}

/* Spools a message; to: recipients separated by spaces. */
static struct message *spooled(struct owner *w, struct view body,
			       const char *to)
{
	struct message *m = message_new();
	struct spool_body *b = spool_body_new(w->spool);
	struct head *h = head_new();
	struct head_facts f;
	struct spool_put put = { .m = m, .body = b };
	struct view list = view_of(to);

	head_add(h, body);
	head_end(h, &f);
	m->account = w->account;
	m->folder = w->folder;
	m->key = message_key_uid((uint32_t)w->n + 1);
	m->header_octets = f.header_octets;
	m->repaired_octets = f.repaired_octets;
	m->strays = (uint32_t)f.repairs;
	m->facts = f.flags;
	m->fetched_at = 1700000000000;
	message_set(&m->delivery, VIEW_LIT("d"));
	message_set(&m->sender, VIEW_LIT("s@x"));
	while (list.n)
		message_add_rcpt(m, view_word(&list));
	head_free(h);
	spool_body_add(b, body);
	put.req = req(w);
	spool_put(w->spool, &put);
	wait_done(w, &put.req);
	w->m[w->n++] = m;
	return m;
}

/* --- reports ------------------------------------------------------------- */

static void on_ready(void *who, const struct dest_ready *r)
{
	static const char *const rcpts[] = { "me@y", "nobody@y", "no one",
					     NULL };
	struct owner *w = who;
	const struct dest_ops *ops = w->dest->ops;

	text_fmt(&w->told, "ready %u [%s]\n", r->window, r->capabilities);
	for (size_t i = 0; w->offers && i < w->n; i++)
		ops->offer(w->dest, w->m[i]);
	for (size_t i = 0; w->releases && i < w->n; i++)
		ops->release(w->dest, w->m[i]);
	if (w->probes)
		ops->probe(w->dest, "s@x", rcpts);
	if (w->cancels)
		ops->cancel(w->dest);
	else
		ops->quit(w->dest);
}

static void on_result(void *who, struct message *m, const struct dest_result *r)
{
	static const char *const outcomes[] = { "accepted", "deferred",
						"refused",  "unsent",
						"lost",	    "damaged" };
	static const char states[] = "?WAR";
	struct owner *w = who;

	w->settled++;
	text_fmt(&w->told, "%s %d ", outcomes[r->outcome], r->code);
	for (size_t i = 0; i < m->nrcpts; i++)
		text_fmt(&w->told, "%c", states[m->rcpts[i].state]);
	text_puts(&w->told, "\n");
}

static void on_probed(void *who, const char *rcpt, int code, struct view words)
{
	struct owner *w = who;

	(void)words;
	text_fmt(&w->told, "probed %s %d\n", rcpt ? rcpt : "<sender>", code);
}

static void on_closed(void *who, const struct err *err)
{
	struct owner *w = who;

	text_fmt(&w->told, "closed %s\n",
		 err ? err_class_name(err->class) : "well");
	w->dest = NULL;
	loop_stop(w->loop);
}

static void on_stamp(void *who, const struct message *m, struct text *out)
{
	(void)who, (void)m;
	text_puts(out, "X-Stamp: 1\r\n");
}

static const struct dest_reports reports = { .ready = on_ready,
					     .result = on_result,
					     .probed = on_probed,
					     .closed = on_closed };

static const char *const drops[] = { "Delivered-To", NULL };

/* Opens it, runs until it is closed; told must be this. */
static void run(struct owner *w, const char *want)
{
	w->o.loop = w->loop;
	w->o.resolver = w->resolver;
	w->o.spool = w->spool;
	w->o.hostname = "me.example";
	w->o.drop_headers = drops;
	w->o.stamp = on_stamp;
	w->dest = w->o.path ? dest_maildir_open(&w->o, &reports, w)
			    : dest_smtp_open(&w->o, &reports, w);
	while (w->dest)
		loop_run(w->loop);
	assert_string_equal(text_str(&w->told), want);
	text_clear(&w->told);
}

static void point(struct owner *w, const struct server *sv)
{
	w->o.endpoint.host = "127.0.0.1";
	w->o.endpoint.port = sv->port;
}

#define BODY "Delivered-To: me\r\nS: t\r\n\r\n.dot\r\n"
#define LEFT "X-Stamp: 1\r\nS: t\r\n\r\n.dot\r\n"

/* --- SMTP ---------------------------------------------------------------- */

static void messages_by_bdat(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n250-CHUNKING\r\n"
				     "250-SIZE 99999\r\n" };
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	for (int i = 0; i < 3; i++)
		spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 8 [PIPELINING CHUNKING SIZE=99999]\n"
	       "accepted 250 A\naccepted 250 A\naccepted 250 A\n"
	       "closed well\n");
	server_end(&sv);
	assert_string_equal(text_str(&sv.mail),
			    "--- " LEFT "--- " LEFT "--- " LEFT);
	assert_non_null(strstr(text_str(&sv.seen), "QUIT"));
	server_fini(&sv);
}

static void messages_by_data_without_pipelining(void **state)
{
	struct server sv = { .caps = "" };
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	spooled(w, VIEW_LIT(BODY), "me@y nobody@y");
	spooled(w, VIEW_LIT("bare\nlf\rcr"), "me@y");
	run(w, "ready 1 []\naccepted 250 AR\naccepted 250 A\nclosed well\n");
	server_end(&sv);
	assert_string_equal(text_str(&sv.mail),
			    "--- " LEFT "--- X-Stamp: 1\r\nbare\r\nlf cr\r\n");
	server_fini(&sv);
}

static void a_large_body_by_each_way(void **state)
{
	struct owner *w = *state;
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
			spooled(w, (struct view){ body, n }, "me@y");
		w->m[0]->rcpts[0].state = RCPT_WAITING;
		run(w, form ? "ready 8 [CHUNKING]\naccepted 250 A\n"
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
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	spooled(w, VIEW_LIT(BODY), "me@y");
	spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 1 [PIPELINING]\nlost 0 W\nunsent 0 W\n"
	       "closed network\n");
	server_end(&sv);
	server_fini(&sv);
}

/* The rule behind P1-P3: without a release nothing is completed. */
static void nothing_unreleased_is_completed(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n250-CHUNKING\r\n" };
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->cancels = true;
	spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 8 [PIPELINING CHUNKING]\nunsent 0 W\nclosed "
	       "network\n");
	server_end(&sv);
	assert_null(strstr(text_str(&sv.seen), "BDAT"));
	assert_int_equal(sv.mail.n, 0);
	server_fini(&sv);
}

static void nobody_listens(void **state)
{
	struct server sv = { .caps = "" };
	struct owner *w = *state;

	server_listen(&sv); /* bound, but not listening */
	point(w, &sv);
	run(w, "closed network\n");
	server_fini(&sv);
}

static void sign_in(struct owner *w, const char *secret, bool in_clear,
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
	run(w, want);
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
	struct owner *w = *state;
	struct trust_setting t = { .ca_file = NULL };
	struct err err;

	w->o.endpoint.tls = TLS_STARTTLS;
	w->o.endpoint.trust = trust_get(w->trusts, &t, &err);
	for (int clear = 0; clear < 2; clear++) {
		struct server sv = { .caps = "" };

		server_start(&sv);
		point(w, &sv);
		w->o.clear_on_loopback = clear;
		run(w, clear ? "ready 1 []\nclosed well\n" : "closed tls\n");
		server_end(&sv);
		server_fini(&sv);
	}
	/* a user is written: its secret never goes in clear */
	{
		struct server sv = { .caps = "250-AUTH PLAIN\r\n" };

		server_start(&sv);
		point(w, &sv);
		w->o.user = "me";
		run(w, "closed tls\n");
		server_end(&sv);
		assert_null(strstr(text_str(&sv.seen), "AUTH"));
		server_fini(&sv);
	}
}

static void recipients_are_probed(void **state)
{
	struct server sv = { .caps = "250-PIPELINING\r\n" };
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->probes = true;
	run(w, "ready 1 [PIPELINING]\nprobed no one 553\n"
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
	struct owner *w = *state;

	server_start(&sv);
	point(w, &sv);
	w->offers = w->releases = true;
	spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 8 [PIPELINING CHUNKING]\nunsent 502 W\n"
	       "closed network\n");
	run(w, "ready 1 [PIPELINING]\naccepted 250 A\nclosed well\n");
	server_end(&sv);
	server_fini(&sv);
}

/* --- maildir ------------------------------------------------------------- */

/* Files in folder; the contents of the last one into *octets. */
static unsigned look(const char *folder, struct text *octets, char *name)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		char path[1000], buf[4096];
		ssize_t got;
		int fd;

		if (e->d_name[0] == '.')
			continue;
		n++;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (name)
			strcpy(name, e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		text_clear(octets);
		while ((got = read(fd, buf, sizeof(buf))) > 0)
			text_put(octets, (struct view){ buf, (size_t)got });
		close(fd);
	}
	if (d)
		closedir(d);
	return n;
}

static void messages_into_a_maildir(void **state)
{
	struct owner *w = *state;
	char path[200], sub[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	w->o.path = path;
	w->offers = w->releases = true;
	for (int i = 0; i < MESSAGES; i++)
		spooled(w, VIEW_LIT(BODY), i ? "me@y" : "me@y you@y");
	w->o.drop_headers = NULL;
	w->dest = NULL;
	{
		struct text want;

		text_init(&want, 1 << 16);
		text_puts(&want, "ready 64 [maildir]\naccepted 0 AA\n");
		for (int i = 1; i < MESSAGES; i++)
			text_puts(&want, "accepted 0 A\n");
		text_puts(&want, "closed well\n");
		run(w, text_str(&want));
		text_fini(&want);
	}
	snprintf(sub, sizeof(sub), "%s/new", path);
	assert_int_equal(look(sub, &octets, NULL), MESSAGES + 1);
	assert_string_equal(text_str(&octets), "X-Stamp: 1\nS: t\n\n.dot\n");
	snprintf(sub, sizeof(sub), "%s/tmp", path);
	assert_int_equal(look(sub, &octets, NULL), 0);
	text_fini(&octets);
}

static void a_maildir_for_each_user(void **state)
{
	struct owner *w = *state;
	char path[200], sub[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/%%u", w->dir);
	w->o.path = path;
	w->offers = w->releases = w->probes = true;
	spooled(w, VIEW_LIT(BODY), "me@y you@y");
	/* E5, F8: never a path */
	spooled(w, VIEW_LIT(BODY), "../up@y");
	spooled(w, VIEW_LIT(BODY), "a/b@y");
	run(w, "ready 64 [maildir]\nprobed <sender> 250\nprobed me@y 250\n"
	       "probed nobody@y 250\nprobed no one 550\n"
	       "accepted 0 AA\nrefused 0 R\nrefused 0 R\nclosed well\n");
	snprintf(sub, sizeof(sub), "%s/me/new", w->dir);
	assert_int_equal(look(sub, &octets, NULL), 1);
	snprintf(sub, sizeof(sub), "%s/you/new", w->dir);
	assert_int_equal(look(sub, &octets, NULL), 1);
	text_fini(&octets);
}

/* DESIGN 5: what a crash left is found in tmp, in new or cur, or nowhere. */
static void a_maildir_leaves_no_doubt(void **state)
{
	struct owner *w = *state;
	char path[200], new[300], cur[300], tmp[300], name[300], from[700],
		to[700];
	struct text octets;
	struct message *m;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	snprintf(new, sizeof(new), "%s/new", path);
	snprintf(cur, sizeof(cur), "%s/cur", path);
	snprintf(tmp, sizeof(tmp), "%s/tmp", path);
	w->o.path = path;
	w->offers = w->releases = true;
	m = spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 64 [maildir]\naccepted 0 A\nclosed well\n");
	assert_int_equal(look(new, &octets, name), 1);
	m->attempts = 2;
	for (int where = 0; where < 4; where++) {
		switch (where) {
		case 0: /* in new */
			break;
		case 1: /* read and flagged since */
			snprintf(from, sizeof(from), "%s/%s", new, name);
			snprintf(to, sizeof(to), "%s/%s:2,FS", cur, name);
			assert_int_equal(rename(from, to), 0);
			break;
		case 2: /* half written */
			snprintf(from, sizeof(from), "%s/%s:2,FS", cur, name);
			snprintf(to, sizeof(to), "%s/%s", tmp, name);
			assert_int_equal(rename(from, to), 0);
			assert_int_equal(truncate(to, 3), 0);
			break;
		case 3: /* nowhere */
			snprintf(from, sizeof(from), "%s/%s", new, name);
			assert_int_equal(unlink(from), 0);
			break;
		}
		m->rcpts[0].state = RCPT_WAITING;
		run(w, "ready 64 [maildir]\naccepted 0 A\nclosed well\n");
		assert_int_equal(look(tmp, &octets, NULL), 0);
		assert_int_equal(
			look(new, &octets, NULL) + look(cur, &octets, NULL), 1);
		assert_string_equal(text_str(&octets),
				    "X-Stamp: 1\nS: t\n\n.dot\n");
	}
	text_fini(&octets);
}

static void a_maildir_that_cannot_be_made(void **state)
{
	struct owner *w = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/missing/m", w->dir);
	w->o.path = path;
	run(w, "closed config\n");
	snprintf(path, sizeof(path), "%s/missing/%%u", w->dir);
	w->offers = w->releases = true;
	spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 64 [maildir]\ndeferred 0 W\nclosed well\n");
}

static void an_unreleased_message_stays_out_of_the_maildir(void **state)
{
	struct owner *w = *state;
	char path[200], new[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	snprintf(new, sizeof(new), "%s/new", path);
	w->o.path = path;
	w->offers = w->cancels = true;
	spooled(w, VIEW_LIT(BODY), "me@y");
	run(w, "ready 64 [maildir]\nunsent 0 W\nclosed network\n");
	assert_int_equal(look(new, &octets, NULL), 0);
	text_fini(&octets);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

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
		TEST(messages_into_a_maildir),
		TEST(a_maildir_for_each_user),
		TEST(a_maildir_leaves_no_doubt),
		TEST(a_maildir_that_cannot_be_made),
		TEST(an_unreleased_message_stays_out_of_the_maildir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
