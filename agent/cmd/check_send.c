#include "check_send.h"
#include "must.h"
#include "post.h"
#include "query.h"
#include "shape.h"

#include <stdio.h>
#include <stdlib.h>

struct test_mail {
	struct check_send *all;
	const struct config_delivery *delivery;
	struct config_list to; /* owned */
	bool notify;	       /* to the addresses of `notify` */
	struct post post;
	int64_t id; /* 0: it is not in the queue */
	struct err err;
	enum message_state state;
	char words[512];
};

static struct test_mail *add(struct check_send *s,
			     const struct config_delivery *d)
{
	struct test_mail *m;

	s->mail = mem_grow(s->mail, (s->n + 1) * sizeof(*s->mail));
	m = &s->mail[s->n++];
	*m = (struct test_mail){ .delivery = d };
	return m;
}

static void add_to(struct test_mail *m, const char *address)
{
	m->to.item = mem_grow(m->to.item, (m->to.n + 1) * sizeof(*m->to.item));
	m->to.item[m->to.n++] = mem_str(address);
}

void check_send_add(struct check_send *s, const struct config_delivery *d,
		    const char *rcpt)
{
	struct test_mail *m = add(s, d);

	if (rcpt)
		add_to(m, rcpt);
}

void check_send_notify(struct check_send *s)
{
	const struct config *c = s->notices->kit->parts.config;
	struct test_mail *m;

	if (!c->notify.n || !c->n_deliveries)
		return;
	m = add(s, &c->deliveries[0]);
	m->notify = true;
	for (size_t i = 0; i < c->notify.n; i++)
		add_to(m, c->notify.item[i]);
}

void check_send_fini(struct check_send *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->mail[i].to.n; k++)
			free(s->mail[i].to.item[k]);
		free(s->mail[i].to.item);
	}
	free(s->mail);
}

/* --- into the queue ------------------------------------------------------- */

static const char *sentence(const struct test_mail *m, char out[200])
{
	(void)snprintf(out, 200, "This is a test by mailhaul check --send%s.\n",
		       m && m->notify ? ": who is told when a person is needed"
				      : "");
	return out;
}

static void on_posted(void *who, int64_t id, const struct err *err)
{
	struct test_mail *m = who;

	m->id = id;
	if (!id)
		m->err = *err;
	m->state = MESSAGE_SPOOLED;
	loop_stop(m->all->notices->kit->parts.loop);
}

/* One after another: they are few. */
static void post(struct check_send *s, struct test_mail *m)
{
	char text[200], subject[160];
	struct parts *p = &s->notices->kit->parts;

	m->all = s;
	if (!m->to.n) {
		(void)err_set(&m->err, ERR_CONFIG,
			      "no recipient is known without mail");
		return;
	}
	(void)snprintf(subject, sizeof(subject), "mailhaul on %.100s: a test",
		       p->hostname);
	m->post = (struct post){ .done = on_posted, .who = m };
	post_send(&m->post, p, m->delivery, &m->to, subject,
		  view_of(sentence(m, text)));
	while (!m->id && m->err.class == ERR_NONE && !s->notices->cut)
		loop_run(p->loop);
}

/* --- and what became of them ---------------------------------------------- */

static bool on_row(void *who, const struct query_row *row,
		   const struct query_event *events, size_t n)
{
	struct test_mail *m = who;
	const struct message *k = row->m;
	const char *words = k->reply ? k->reply : k->reason;

	(void)events;
	(void)n;
	if (k->id != m->id)
		return true;
	m->state = k->state;
	for (size_t i = 0; i < k->nrcpts && !words; i++)
		words = k->rcpts[i].reply;
	(void)snprintf(m->words, sizeof(m->words), "%s", words ? words : "");
	return false;
}

/* A test that waits for days would only confuse. */
static bool look(struct ledger *l, void *arg, struct err *err)
{
	struct check_send *s = arg;
	bool ok = true;

	for (size_t i = 0; i < s->n && ok; i++) {
		struct test_mail *m = &s->mail[i];
		struct query_filter f = { .ids = &m->id, .nids = 1 };
		char id[MESSAGE_ID_TEXT];
		struct query_trace t = { .pattern = view_of(id) };
		uint64_t dropped;

		if (!m->id)
			continue;
		message_id_text(m->id, id);
		t.pattern = view_of(id);
		ok = query_trace(l, &t, on_row, m, err);
		if (ok && m->state != MESSAGE_DELIVERED)
			ok = query_drop(l, &f, loop_unix_ms(), &dropped, err);
	}
	return ok;
}

static void put_to(const struct test_mail *m, struct text *out)
{
	for (size_t i = 0; i < m->to.n; i++)
		(void)text_fmt(out, "%s%s", i ? ", " : " to ", m->to.item[i]);
}

static int tell_mail(struct check_send *s, const struct test_mail *m)
{
	bool ok = m->state == MESSAGE_DELIVERED;
	const char *words = m->words[0]	     ? m->words
			    : m->err.what[0] ? m->err.what
					     : "the delivery could not be used";
	struct text line;

	text_init(&line, 1u << 16);
	(void)text_fmt(&line, "%s %s: test message",
		       m->notify ? "notify by" : "delivery", m->delivery->name);
	put_to(m, &line);
	(void)json_array_append_new(
		s->told, json_pack("{s:s, s:b, s:b, s:s}", "delivery",
				   m->delivery->name, "notify", m->notify,
				   "delivered", ok, "words", words));
	if (!s->json)
		(void)fprintf(ok ? stdout : stderr, "%s: %s%s\n",
			      text_str(&line),
			      ok ? "delivered: " : "not delivered: ", words);
	text_fini(&line);
	if (ok)
		return 0;
	return err_exit(m->err.class != ERR_NONE   ? m->err.class
			: m->state == MESSAGE_HELD ? ERR_CONFIG
						   : ERR_RETRY);
}

static int tell_command(struct check_send *s)
{
	const struct config *c = s->notices->kit->parts.config;
	struct err err = { 0 };
	char text[200], line[sizeof(err)];
	bool ok;

	if (!c->notify_command.n)
		return 0;
	ok = notify_run(c, view_of(sentence(NULL, text)), &err);
	err_line(&err, line, sizeof(line));
	if (!s->json && ok)
		(void)printf("notify_command %s: it ended well\n",
			     c->notify_command.item[0]);
	else if (!s->json)
		(void)fprintf(stderr, "%s\n", line);
	(void)json_array_append_new(
		s->told,
		json_pack("{s:s, s:b, s:s}", "notify_command",
			  c->notify_command.item[0], "ok", ok, "words", line));
	return err_exit(err.class);
}

int check_send_run(struct check_send *s)
{
	struct parts *p = &s->notices->kit->parts;
	struct err err;
	int code = 0;

	for (size_t i = 0; i < s->n && !s->notices->cut; i++)
		post(s, &s->mail[i]);
	if (s->n && !s->notices->cut)
		(void)notices_send(s->notices);
	if (s->notices->cut || !spool_call_now(p->spool, look, s, &err)) {
		(void)fprintf(stderr, "mailhaul: the store failed\n");
		return err_exit(ERR_DISK);
	}
	for (size_t i = 0; i < s->n; i++)
		code = err_worse(code, tell_mail(s, &s->mail[i]));
	return err_worse(code, tell_command(s));
}
