#include "support_dest.h"

#include "head.h"
#include "must.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_wake(void *who)
{
	spool_results(((struct dest_owner *)who)->spool);
}

static void wake_up(void *who)
{
	wake_send(((struct dest_owner *)who)->wake);
}

static void on_done(struct spool_req *r)
{
	struct dest_owner *w = r->who;

	w->done = true;
	loop_stop(w->loop);
}

static struct spool_req req(struct dest_owner *w)
{
	w->done = false;
	return (struct spool_req){ .done = on_done, .who = w };
}

static void wait_done(struct dest_owner *w, const struct spool_req *r)
{
	while (!w->done)
		loop_run(w->loop);
	if (!r->ok)
		fail_msg("%s", r->err.what);
}

int dest_owner_up(void **state)
{
	struct dest_owner *w = mem_new(sizeof(*w));
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

int dest_owner_down(void **state)
{
	struct dest_owner *w = *state;
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

struct message *dest_spooled(struct dest_owner *w, struct view body,
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

/* --- reports --- */

static void on_ready(void *who, const struct dest_ready *r)
{
	static const char *const rcpts[] = { "me@y", "nobody@y", "no one",
					     NULL };
	struct dest_owner *w = who;
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
	struct dest_owner *w = who;

	w->settled++;
	text_fmt(&w->told, "%s %d ", outcomes[r->outcome], r->code);
	for (size_t i = 0; i < m->nrcpts; i++)
		text_fmt(&w->told, "%c", states[m->rcpts[i].state]);
	text_puts(&w->told, "\n");
}

static void on_probed(void *who, const char *rcpt, int code, struct view words)
{
	struct dest_owner *w = who;

	(void)words;
	text_fmt(&w->told, "probed %s %d\n", rcpt ? rcpt : "<sender>", code);
}

static void on_closed(void *who, const struct err *err)
{
	struct dest_owner *w = who;

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

void dest_run(struct dest_owner *w, const char *want)
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
