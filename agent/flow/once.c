#include "once.h"
#include "limits.h"
#include "must.h"
#include "outgoing.h"

#include <stdlib.h>

struct once {
	struct hash *hash;	   /* owned */
	struct outgoing_plan plan; /* of the body alone */
	struct outgoing out;
};

struct once *once_new(void)
{
	struct once *o = mem_new(sizeof(*o));

	o->hash = hash_new();
	once_begin(o);
	return o;
}

void once_free(struct once *o)
{
	if (!o)
		return;
	hash_free(o->hash);
	free(o);
}

void once_begin(struct once *o)
{
	uint8_t unused[HASH_BODY_OCTETS];

	hash_end(o->hash, unused); /* of what was cut off */
	o->plan = (struct outgoing_plan){ .raw_octets = UINT64_MAX };
	outgoing_init(&o->out, &o->plan, VIEW_NONE);
}

/* The octets as they would go out: one message differs from server to server
 * in its line ends and in the last of them. */
static void pass(struct once *o, struct view in)
{
	const uint64_t from = outgoing_at(&o->out);
	struct view out;

	for (;;) {
		struct view rest =
			view_skip(in, (size_t)(outgoing_at(&o->out) - from));

		switch (outgoing_next(&o->out, rest, &out)) {
		case OUTGOING_SEND:
			hash_add(o->hash, out);
			outgoing_took(&o->out, out.n);
			break;
		case OUTGOING_NEED:
			if (outgoing_at(&o->out) - from == in.n)
				return;
			break;
		case OUTGOING_DONE:
			return;
		}
	}
}

void once_add(struct once *o, struct view octets)
{
	if (octets.n)
		pass(o, octets);
}

/* Domains are the same in either case of letters (RFC 5321 2.4). */
static void put_recipient(struct text *t, struct view address)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	for (size_t i = 0; i < address.n; i++) {
		char c = address.p[i];

		if (i >= at && at && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		MUST(text_put(t, (struct view){ &c, 1 }));
	}
}

void once_end(struct once *o, bool ends_line, struct view message_id,
	      const uint8_t key[HASH_KEY_OCTETS], struct message *m)
{
	uint8_t body[HASH_BODY_OCTETS];
	struct text t;
	size_t n;

	o->plan.raw_octets = outgoing_at(&o->out);
	o->plan.end_line = !ends_line && o->plan.raw_octets;
	pass(o, VIEW_NONE);
	hash_end(o->hash, body);
	if (!message_id.n || !m->nrcpts)
		return;
	text_init(&t, 1u << 16);
	MUST(text_puts(&t, "once ") && text_put(&t, message_id) &&
	     text_puts(&t, "\n") &&
	     text_put(&t, (struct view){ (const char *)body, sizeof(body) }));
	n = t.n;
	m->prints = mem_new(m->nrcpts * sizeof(*m->prints));
	for (size_t i = 0; i < m->nrcpts; i++) {
		t.n = n;
		put_recipient(&t, view_of(m->rcpts[i].address));
		hash_keyed(key, text_view(&t), m->prints[i],
			   sizeof(m->prints[i]));
	}
	text_fini(&t);
}
