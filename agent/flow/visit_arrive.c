#include "crash.h"
#include "event.h"
#include "facts.h"
#include "limits.h"
#include "log.h"
#include "multidrop.h"
#include "must.h"
#include "origin.h"
#include "solo.h"
#include "stamp.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOP_TRACES 3u
/*
 * Sooner after it was handed over it is no round: it was filed in two places,
 * or a session that lists this mailbox caught it on its way.
 */
#define LOOP_ROUND_MS 60000

void visit_unnote(struct visit *v)
{
	crash_done(v->noted);
	v->noted = -1;
}

static void note(struct visit *v)
{
	struct crash_entry e = { .account = v->row.id, .folder = v->here.id };

	memcpy(e.key, v->key.octets, sizeof(e.key));
	(void)snprintf(e.uid, sizeof(e.uid), "%.67s", v->uid);
	v->noted = crash_note(&e);
}

void visit_drop_body(struct visit *v)
{
	visit_unnote(v);
	if (v->body)
		spool_body_drop(v->body);
	v->body = NULL;
	if (v->head)
		head_clear(v->head);
}

static void on_body_room(void *who)
{
	visit_wake(who);
}

void visit_on_body_begin(void *who, const struct message_key *key,
			 struct view uid)
{
	struct visit *v = who;

	visit_drop_body(v);
	if (!v->head) /* most visits find nothing new */
		v->head = head_new();
	v->key = *key;
	printable(v->uid, sizeof(v->uid), uid);
	note(v);
	if (v->phase == VISIT_HEADERS)
		return;
	if (v->once)
		once_begin(v->once);
	v->body = spool_body_new(v->parts->spool);
	spool_body_on_room(v->body, on_body_room, v);
}

void visit_on_body(void *who, struct view octets)
{
	struct visit *v = who;
	uint64_t most = visit_max_octets(v);
	struct view behind;

	if (v->phase == VISIT_HEADERS) {
		(void)head_add(v->head, octets);
		return;
	}
	if (!v->body)
		return;
	v->told->octets += octets.n;
	behind = head_add(v->head, octets);
	if (v->once)
		once_add(v->once, behind);
	spool_body_add(v->body, octets);
	/* what a server announced is a claim; this is the fact (CASES B7) */
	if (most && spool_body_octets(v->body) > most) {
		visit_drop_body(v);
	}
	visit_changed(v);
}

static void set_recipients(struct visit *v, struct message *m)
{
	char address[LIMIT_ADDRESS + 1];
	struct text why;

	if (v->config->multidrop) {
		text_init(&why, 600);
		if (!multidrop(v->config, view_of(v->folder), head_raw(v->head),
			       m, &why))
			message_set(&m->reason, text_view(&why));
		text_fini(&why);
		return;
	}
	for (size_t i = 0; i < v->settings->to.n; i++)
		if (config_recipient(v->config, v->settings->to.item[i],
				     view_of(v->folder), address,
				     sizeof(address)))
			message_add_rcpt(m, view_of(address));
	if (!m->nrcpts)
		message_set(&m->reason,
			    VIEW_LIT("no recipient could be made of `to`"));
}

static void set_envelope(struct visit *v, struct message *m,
			 const struct head_facts *f)
{
	const struct config_delivery *d = delivery_config(v->delivery);

	message_set(&m->delivery, view_of(d->name));
	if (d->sender == CONFIG_SENDER_FIXED)
		message_set(&m->sender, view_of(d->sender_address));
	else
		message_set(&m->sender, f->path == HEAD_PATH_ADDRESS
						? f->return_path
						: VIEW_NONE);
	origin_find(v->config, d, head_raw(v->head), m);
	set_recipients(v, m);
	m->hold_doubt = v->config->on_doubt == CONFIG_DOUBT_HOLD;
}

/* Why it must not be sent on; NULL: it may. */
static const char *why_held(const struct message *m, const struct head_facts *f)
{
	if (f->received > LIMIT_RECEIVED)
		return "a loop: more than 50 Received lines";
	return m->nrcpts ? NULL : m->reason;
}

/* Whether it came round too often is asked of the ledger, before it goes on. */
struct round {
	struct spool_returned req;
	struct visit *visit;
	struct parcel *parcel;
	struct spool_body *body; /* owned */
	int64_t ids[HEAD_TRACES];
};

static void on_returned(struct spool_req *req)
{
	struct round *r = LIST_OF(req, struct round, req.req);
	struct message *m = r->parcel->m;
	bool loop = !req->ok || r->req.count >= LOOP_TRACES;

	if (loop) {
		message_set(&m->reason,
			    VIEW_LIT("a loop: it came through here three "
				     "times"));
		free(m->prints);
		m->prints = NULL;
		m->once = false;
	}
	delivery_enter(r->visit->delivery, r->parcel, r->body, loop);
	free(r);
}

/* The visit waits for the parcel in any case. */
static void go_round(struct visit *v, struct parcel *p, struct spool_body *body,
		     const struct head_facts *f)
{
	struct round *r = mem_new(sizeof(*r));
	unsigned n = 0;

	if (v->options->task != PASS_REFETCH) /* a deliberate repeat */
		n = stamp_own(v->parts->spool, v->row.id, f, r->ids);
	if (n < LOOP_TRACES) {
		free(r);
		delivery_enter(v->delivery, p, body, false);
		return;
	}
	r->visit = v;
	r->parcel = p;
	r->body = body;
	r->req = (struct spool_returned){
		.req = { .done = on_returned },
		.ids = r->ids,
		.n = n,
		.before_ms = loop_unix_ms() - LOOP_ROUND_MS,
	};
	spool_returned(v->parts->spool, &r->req);
}

/* A deliberate repeat is no duplicate, and what is held goes nowhere. */
static void set_prints(struct visit *v, struct message *m,
		       const struct head_facts *f, bool held)
{
	if (!v->once || held)
		return;
	once_end(v->once, f->flags & HEAD_ENDS_LINE, f->message_id,
		 spool_key(v->parts->spool), m);
	m->once = v->config->once && m->prints &&
		  v->options->task != PASS_REFETCH;
}

static void enter(struct visit *v)
{
	struct message *m = message_new();
	const struct spool_item *i = visit_listed(v, &v->key);
	struct parcel *p = parcel_new(m);
	struct spool_body *body = v->body;
	struct head_facts f;
	const char *held;

	head_end(v->head, &f);
	m->account = v->row.id;
	m->folder = v->here.id;
	m->key = v->key;
	m->state = MESSAGE_SPOOLED;
	m->fetched_at = loop_unix_ms();
	m->received_at = i && i->date ? (int64_t)i->date * 1000 : m->fetched_at;
	m->next_at = m->fetched_at;
	message_set(&m->uid_text, view_of(v->uid));
	m->twin = visit_twin(v, &v->key);
	facts_set(m, &f, head_raw(v->head), spool_key(v->parts->spool));
	set_envelope(v, m, &f);
	held = why_held(m, &f);
	if (held && held != m->reason)
		message_set(&m->reason, view_of(held));
	set_prints(v, m, &f, held != NULL);
	p->settled = visit_on_settled;
	p->recorded = visit_on_recorded;
	p->who = v;
	v->unrecorded++;
	v->body = NULL;
	v->out++;
	v->told->fetched++;
	visit_unnote(v); /* the delivery notes it */
	if (held)
		delivery_enter(v->delivery, p, body, true);
	else
		go_round(v, p, body, &f);
	head_clear(v->head);
}

static void on_skipped(struct spool_req *req)
{
	struct spool_skip *k = (struct spool_skip *)req;

	free((void *)(uintptr_t)k->items);
	free(k);
}

/* It stays at the source, and that is on record. hold_why: NULL, or HELD. */
static void leave_out(struct visit *v, const struct message_key *key,
		      const char *reason, const char *hold_why)
{
	const struct spool_item *i = visit_listed(v, key);
	struct spool_skip *k = mem_new(sizeof(*k));
	struct spool_item *copy = mem_new(sizeof(*copy));

	if (i)
		*copy = *i;
	*k = (struct spool_skip){
		.req = { .done = on_skipped },
		.account = v->row.id,
		.folder = v->here.id,
		.items = copy,
		.n = i ? 1 : 0,
		.reason = reason,
		.hold_why = hold_why,
		.now_ms = loop_unix_ms(),
	};
	if (message_key_to_uid(key))
		(void)snprintf(k->uid, sizeof(k->uid), "%u",
			       message_key_to_uid(key));
	else
		(void)snprintf(k->uid, sizeof(k->uid), "%.67s", v->uid);
	if (hold_why)
		v->told->held++;
	else
		v->told->skipped++;
	if (!hold_why)
		event_skipped(v->config->name, v->folder, k->uid, 1, reason);
	spool_skip(v->parts->spool, k);
}

static void on_header_end(struct visit *v)
{
	struct head_facts f;

	head_end(v->head, &f);
	visit_on_header(v, &f, head_raw(v->head));
	head_clear(v->head);
	visit_unnote(v);
}

static void came(struct visit *v, const struct message_key *key)
{
	const struct spool_item *i = visit_listed(v, key);
	uint64_t octets = i && i->octets < v->coming_octets ? i->octets
							    : v->coming_octets;

	v->came++;
	v->coming--;
	v->coming_octets -= octets;
	share_unexpect(delivery_share(v->delivery), 1, octets);
	visit_expect(v, v->expected - 1);
	solo_end(v->parts->solo, 1);
}

void visit_expect(struct visit *v, size_t n)
{
	if (n > v->expected)
		delivery_expect(v->delivery, n - v->expected);
	else if (n < v->expected)
		delivery_unexpect(v->delivery, v->expected - n);
	v->expected = n;
}

void visit_nothing_comes(struct visit *v)
{
	visit_expect(v, 0);
	share_unexpect(delivery_share(v->delivery), v->coming,
		       v->coming_octets);
	solo_end(v->parts->solo, v->coming);
	v->coming = 0;
	v->coming_octets = 0;
}

static void log_refused(const struct visit *v, const struct message_key *key,
			const struct err *err)
{
	struct log_line l;

	if (!log_begin(&l, err->class == ERR_CANCELLED ? LOG_INFO : LOG_WARNING,
		       "refused"))
		return;
	log_str(&l, "account", v->config->name);
	log_num(&l, "uid", message_key_to_uid(key));
	log_err(&l, err);
	log_end(&l);
}

/*
 * Its content did not come (CASES D7). It is asked for at the next passes, and
 * then held: what will never come is a person's to look at, and no trouble of
 * the account at each pass.
 */
static void on_empty(struct visit *v, const struct message_key *key,
		     const struct err *err)
{
	const struct spool_item *i = visit_listed(v, key);

	if (i && i->flags & SPOOL_ITEM_LAST) {
		leave_out(v, key, "empty",
			  "its content did not come, at three passes");
		return;
	}
	visit_missed(v, key);
	leave_out(v, key, "empty", NULL);
	visit_warn(v, err); /* the account is as well as before */
}

void visit_on_body_end(void *who, const struct message_key *key)
{
	struct visit *v = who;
	struct err err;

	if (v->phase == VISIT_HEADERS) {
		on_header_end(v);
		return;
	}
	came(v, key);
	if (!v->body) { /* larger than was announced */
		leave_out(v, key, "size", NULL);
	} else if (spool_body_octets(v->body)) {
		enter(v);
	} else {
		err_set(&err, ERR_PROTOCOL, "message %s has no content",
			v->uid);
		err_remedy(&err, "it stays at the source and is tried again");
		visit_drop_body(v);
		on_empty(v, key, &err);
		log_refused(v, key, &err);
	}
	visit_unnote(v);
	visit_changed(v);
	task_post(&v->go_on);
}

void visit_on_refused(void *who, const struct message_key *key,
		      const struct err *err)
{
	struct visit *v = who;

	/* another's may be in hand: its end is told behind this */
	if (message_key_order(&v->key, key) == 0)
		visit_drop_body(v);
	if (v->phase == VISIT_HEADERS)
		return;
	came(v, key);
	if (err->class == ERR_PROTOCOL && !config_is_pop3(&v->config->server)) {
		on_empty(v, key, err);
	} else {
		visit_missed(v, key);
		if (err->class != ERR_CANCELLED)
			visit_warn(v, err);
	}
	log_refused(v, key, err);
	task_post(&v->go_on);
}

void visit_on_fetched(void *who)
{
	struct visit *v = who;

	if (v->phase == VISIT_HEADERS)
		visit_headers_done(v);
	else
		task_post(&v->go_on);
}

/*
 * Back-pressure: octets stay in the kernel, and then at the server, while the
 * disk or the destination is behind, or it is not known what that takes.
 */
bool visit_may_read(void *who)
{
	struct visit *v = who;
	uint64_t octets;

	if (v->body && spool_body_full(v->body))
		return false;
	if (v->phase == VISIT_WORKING && v->coming &&
	    delivery_state(v->delivery) == DELIVERY_CONNECTING)
		return false;
	return v->phase != VISIT_WORKING ||
	       delivery_state(v->delivery) != DELIVERY_UP ||
	       delivery_room(v->delivery, &octets) > 0;
}
