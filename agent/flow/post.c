#include "post.h"
#include "facts.h"
#include "letter.h"
#include "must.h"

#define LETTER_OCTETS (16u << 20)

static void on_put(struct spool_req *req)
{
	struct post *p = req->who;
	int64_t id = req->ok ? p->put.m->id : 0;

	message_free(p->put.m);
	p->put.m = NULL;
	p->done(p->who, id, &req->err);
}

static void set_facts(struct message *m, const struct parts *parts,
		      struct view octets)
{
	struct head *h = head_new();
	struct head_facts f;

	(void)head_add(h, octets);
	head_end(h, &f);
	facts_set(m, &f, head_raw(h), spool_key(parts->spool));
	head_free(h);
}

static struct message *message_to(const struct config_delivery *by,
				  const struct config_list *to)
{
	struct message *m = message_new();

	m->state = MESSAGE_SPOOLED;
	m->fetched_at = m->received_at = m->next_at = loop_unix_ms();
	hash_random(&m->key, sizeof(m->key));
	message_set(&m->delivery, view_of(by->name));
	message_set(&m->sender, view_of(by->sender_address));
	message_set(&m->uid_text, VIEW_NONE);
	for (size_t i = 0; i < to->n; i++)
		message_add_rcpt(m, view_of(to->item[i]));
	return m;
}

void post_send(struct post *p, const struct parts *parts,
	       const struct config_delivery *by, const struct config_list *to,
	       const char *subject, struct view text)
{
	struct letter l = {
		.host = parts->hostname,
		.from = by->sender_address,
		.to = to,
		.subject = subject,
		.text = text,
		.unix_s = loop_unix_ms() / 1000,
	};
	struct spool_body *body = spool_body_new(parts->spool);
	struct message *m = message_to(by, to);
	struct text out;

	hash_random(&l.random, sizeof(l.random));
	text_init(&out, LETTER_OCTETS);
	letter_write(&l, &out);
	set_facts(m, parts, text_view(&out));
	spool_body_add(body, text_view(&out));
	text_fini(&out);
	p->put = (struct spool_put){
		.req = { .done = on_put, .who = p, .urgent = true },
		.m = m,
		.body = body,
	};
	spool_put(parts->spool, &p->put);
}
