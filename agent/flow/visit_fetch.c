#include "field.h"
#include "hash.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "stamp.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MAX	    1024u /* asked of the source and not come yet */
#define ERASE_BATCH 500u  /* IMAP: a STORE + EXPUNGE for so many */
#define SETTLE_MS   30000u
/* POP3: after so much, QUIT and sign in again: a cut line undoes little. */
#define COMMIT_COUNT 2000u
#define COMMIT_MS    300000u
#define LOOP_TRACES  3u
#define DISK_LEAST   (64u << 20) /* octets left free */

static bool is_pop3(const struct visit *v)
{
	return config_is_pop3(&v->config->server);
}

static bool deletes_at_once(const struct visit *v)
{
	return v->config->keep == CONFIG_KEEP_NO;
}

static const struct spool_item *listed(const struct visit *v,
				       const struct message_key *key)
{
	size_t low = 0, high = v->nitems;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = message_key_order(&v->items[mid].key, key);

		if (order == 0)
			return &v->items[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* It stays new: the next pass must list it again. */
static void missed(struct visit *v, const struct message_key *key)
{
	uint32_t uid = message_key_to_uid(key);

	v->incomplete = true;
	if (uid && (!v->first_missing_uid || uid < v->first_missing_uid))
		v->first_missing_uid = uid;
}

/* --- what became of a message ------------------------------------------------
 */

static void log_settled(const struct visit *v, const struct message *m)
{
	static const char *const events[] = {
		[MESSAGE_SPOOLED] = "deferred",
		[MESSAGE_DOUBT] = "in_doubt",
		[MESSAGE_HELD] = "held",
		[MESSAGE_DELIVERED] = "delivered",
		[MESSAGE_SKIPPED] = NULL,
	};
	const char *event = m->state < sizeof(events) / sizeof(*events)
				? events[m->state]
				: NULL;
	char id[MESSAGE_ID_TEXT];
	struct log_line l;

	if (!event ||
	    !log_begin(&l,
		       m->state == MESSAGE_HELD || m->state == MESSAGE_DOUBT
			   ? LOG_WARNING
			   : LOG_INFO,
		       event))
		return;
	message_id_text(m->id, id);
	log_str(&l, "account", v->config->name);
	if (v->folder && v->folder[0])
		log_str(&l, "folder", v->folder);
	log_str(&l, "uid", m->uid_text);
	log_str(&l, "id", id);
	log_num(&l, "size", (int64_t)m->place.octets);
	log_str(&l, "delivery", m->delivery);
	for (size_t i = 0; i < m->nrcpts; i++)
		log_str(&l, "to", m->rcpts[i].address);
	if (m->reason && m->reason[0])
		log_str(&l, "reason", m->reason);
	if (m->reply)
		log_str(&l, "reply", m->reply);
	log_end(&l);
}

static void count_settled(struct visit *v, const struct message *m)
{
	switch (m->state) {
	case MESSAGE_DELIVERED:
		v->told->delivered++;
		v->settled_in_session++;
		break;
	case MESSAGE_HELD:
		v->told->held++;
		break;
	case MESSAGE_SPOOLED:
	case MESSAGE_DOUBT:
	case MESSAGE_SENDING:
		v->told->queued++;
		break;
	case MESSAGE_GONE:
	case MESSAGE_DROPPED:
	case MESSAGE_SKIPPED:
		break;
	}
}

static void on_settled(void *who, struct parcel *p)
{
	struct visit *v = who;
	struct message *m = p->m;
	const struct spool_item *i;
	struct err err;

	v->out--;
	if (!m->id) { /* TX1 failed: it is at its source, and nowhere else */
		err = p->req.any.err;
		missed(v, &m->key);
		visit_fail(v, &err);
		if (err.class == ERR_DISK)
			v->stopping = v->stopping || v->asked == v->came;
	} else {
		log_settled(v, m);
		count_settled(v, m);
		i = listed(v, &m->key);
		if (m->state == MESSAGE_DELIVERED && deletes_at_once(v) && i &&
		    m->folder == v->here.id)
			item_list_add(&v->erase, i);
	}
	visit_changed(v);
	visit_wake(v);
}

/* --- a body arrives
 * ------------------------------------------------------------ */

void visit_drop_body(struct visit *v)
{
	if (v->body)
		spool_body_drop(v->body);
	v->body = NULL;
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
	v->key = *key;
	v->oversize = false;
	printable(v->uid, sizeof(v->uid), uid);
	if (v->phase == VISIT_HEADERS)
		return;
	v->body = spool_body_new(v->parts->spool);
	spool_body_on_room(v->body, on_body_room, v);
}

static uint64_t most_octets(const struct visit *v)
{
	uint64_t theirs = delivery_max_octets(v->delivery);
	uint64_t ours = v->config->max_size_octets;

	return !ours ? theirs : !theirs || ours < theirs ? ours : theirs;
}

void visit_on_body(void *who, struct view octets)
{
	struct visit *v = who;
	uint64_t most = most_octets(v);

	if (v->phase == VISIT_HEADERS) {
		head_add(v->head, octets);
		return;
	}
	if (!v->body)
		return;
	v->told->octets += octets.n;
	head_add(v->head, octets);
	spool_body_add(v->body, octets);
	/* what a server announced is a claim; this is the fact (CASES B7) */
	if (most && spool_body_octets(v->body) > most) {
		v->oversize = true;
		visit_drop_body(v);
	}
	visit_changed(v);
}

static void set_from(struct message *m, struct view raw)
{
	char text[HEAD_TEXT_OCTETS], line[320];
	struct field f;

	while (field_next(&raw, &f))
		if (field_is(&f, VIEW_LIT("From"))) {
			printable(
			    line, sizeof(line),
			    (struct view){
				text, field_text(f.body, text, sizeof(text)) });
			message_set(&m->from, view_of(line));
			return;
		}
}

static void set_facts(struct visit *v, struct message *m,
		      const struct head_facts *f)
{
	char line[512];
	uint8_t fp[8];

	m->repaired_octets = f->repaired_octets;
	m->strays = f->repairs < UINT32_MAX ? (uint32_t)f->repairs : UINT32_MAX;
	m->header_octets = f->header_octets;
	m->facts = f->flags;
	if (f->fingerprint.n) {
		hash_keyed(spool_key(v->parts->spool), f->fingerprint, fp,
			   sizeof(fp));
		memcpy(&m->fingerprint, fp, sizeof(fp));
		m->fingerprint &= INT64_MAX;
	}
	if (f->message_id.n) {
		printable(line, sizeof(line), f->message_id);
		message_set(&m->message_id, view_of(line));
	}
	set_from(m, head_raw(v->head));
}

static void set_envelope(struct visit *v, struct message *m,
			 const struct head_facts *f)
{
	const struct config_delivery *d = delivery_config(v->delivery);
	char address[LIMIT_ADDRESS + 1];

	message_set(&m->delivery, view_of(d->name));
	if (d->sender == CONFIG_SENDER_FIXED)
		message_set(&m->sender, view_of(d->sender_address));
	else
		message_set(&m->sender, f->path == HEAD_PATH_ADDRESS
					    ? f->return_path
					    : VIEW_NONE);
	for (size_t i = 0; i < v->config->to.n; i++)
		if (config_recipient(v->config, v->config->to.item[i],
				     view_of(v->folder), address,
				     sizeof(address)))
			message_add_rcpt(m, view_of(address));
	m->hold_doubt = v->config->on_doubt == CONFIG_DOUBT_HOLD;
}

/* Why it must not be sent on; NULL: it may. */
static const char *why_held(const struct visit *v, const struct message *m,
			    const struct head_facts *f)
{
	if (f->received > LIMIT_RECEIVED)
		return "a loop: more than 50 Received lines";
	if (stamp_own(v->parts->spool, v->row.id, f) >= LOOP_TRACES)
		return "a loop: it came through here three times";
	if (!m->nrcpts)
		return "no recipient could be made of `to`";
	return NULL;
}

static void enter(struct visit *v)
{
	struct message *m = message_new();
	const struct spool_item *i = listed(v, &v->key);
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
	set_facts(v, m, &f);
	set_envelope(v, m, &f);
	held = why_held(v, m, &f);
	if (held)
		message_set(&m->reason, view_of(held));
	p->settled = on_settled;
	p->who = v;
	v->body = NULL;
	v->out++;
	v->told->fetched++;
	delivery_enter(v->delivery, p, body, held != NULL);
	head_clear(v->head);
}

static void on_skipped(struct spool_req *req)
{
	struct spool_skip *k = (struct spool_skip *)req;

	free((void *)(uintptr_t)k->items);
	free(k);
}

/* Larger than was announced: left at the source like any other. */
static void leave_oversize(struct visit *v)
{
	const struct spool_item *i = listed(v, &v->key);
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
		.reason = "size",
		.now_ms = loop_unix_ms(),
	};
	v->told->skipped++;
	spool_skip(v->parts->spool, k);
}

void visit_on_body_end(void *who, const struct message_key *key)
{
	struct visit *v = who;
	struct head_facts f;
	struct err err;

	if (v->phase == VISIT_HEADERS) {
		head_end(v->head, &f);
		visit_on_header(v, &f, head_raw(v->head));
		head_clear(v->head);
		return;
	}
	if (v->body && !spool_body_octets(v->body)) { /* CASES D7 */
		err_set(&err, ERR_PROTOCOL, "message %s has no content",
			v->uid);
		err_remedy(&err, "it stays at the source and is tried again");
		visit_on_refused(v, key, &err);
		return;
	}
	v->came++;
	if (v->oversize)
		leave_oversize(v);
	else if (v->body)
		enter(v);
	visit_changed(v);
	task_post(&v->go_on);
}

void visit_on_refused(void *who, const struct message_key *key,
		      const struct err *err)
{
	struct visit *v = who;
	struct log_line l;

	visit_drop_body(v);
	if (v->phase == VISIT_HEADERS)
		return;
	v->came++;
	missed(v, key);
	visit_fail(v, err);
	if (log_begin(&l, LOG_WARNING, "refused")) {
		log_str(&l, "account", v->config->name);
		log_num(&l, "uid", message_key_to_uid(key));
		log_err(&l, err);
		log_end(&l);
	}
	task_post(&v->go_on);
}

void visit_on_fetched(void *who)
{
	struct visit *v = who;

	if (v->phase == VISIT_HEADERS)
		visit_header_missing(v);
	else
		task_post(&v->go_on);
}

/*
 * Back-pressure: octets stay in the kernel, and then at the server, while the
 * disk or the destination is behind.
 */
bool visit_may_read(void *who)
{
	struct visit *v = who;

	if (v->body && spool_body_full(v->body))
		return false;
	return v->phase != VISIT_WORKING ||
	       delivery_state(v->delivery) != DELIVERY_UP ||
	       delivery_room(v->delivery) > 0;
}

/* --- deleting at the source
 * -------------------------------------------------------- */

static void on_gone(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!req->ok)
		visit_fail(v, &req->err);
	free(v->gone);
	v->gone = NULL;
	v->ngone = 0;
	visit_wake(v);
}

void visit_on_erased(void *who, const struct message_key *keys, size_t n,
		     size_t left)
{
	struct visit *v = who;
	struct err err;

	v->erasing = false;
	v->erased += n;
	v->told->deleted += n;
	if (left) {
		err_set(&err, ERR_REFUSED,
			"%zu delivered messages are only marked as deleted",
			left);
		err_remedy(&err, "the server cannot expunge single messages "
				 "(no UIDPLUS) and others are marked, too: "
				 "empty the folder by hand");
		visit_fail(v, &err);
	}
	if (!n) {
		visit_wake(v);
		return;
	}
	/* one at a time: the next batch waits for erasing and ngone */
	v->gone = mem_grow(v->gone, (v->ngone + n) * sizeof(*v->gone));
	memcpy(v->gone + v->ngone, keys, n * sizeof(*v->gone));
	v->ngone += n;
	v->gone_req = (struct spool_gone){
		.req = { .done = on_gone, .who = v },
		.account = v->row.id,
		.folder = v->here.id,
		.keys = v->gone,
		.n = v->ngone,
		.now_ms = loop_unix_ms(),
	};
	spool_gone(v->parts->spool, &v->gone_req);
}

static void erase(struct visit *v)
{
	if (!v->erase.n || v->erasing || v->ngone)
		return;
	v->erasing = true;
	v->source->ops->erase(v->source, v->erase.item, v->erase.n);
	item_list_clear(&v->erase);
}

/* --- the order of work
 * ---------------------------------------------------------------- */

/* POP3 deletes at QUIT only: time for one? */
static bool commit_time(const struct visit *v)
{
	uint64_t now = loop_now_ms(v->parts->loop);

	return is_pop3(v) && v->erase.n &&
	       (v->settled_in_session >= COMMIT_COUNT ||
		now - v->session_ms >= COMMIT_MS);
}

static bool spool_is_full(struct visit *v)
{
	struct err err;

	if (spool_octets(v->parts->spool) >=
	    v->parts->config->spool_limit_octets) {
		err_set(&err, ERR_LIMIT, "the spool holds spool_limit octets");
		err_remedy(&err, "mailhaul queue list; or raise spool_limit");
	} else if (spool_disk_free(v->parts->spool, loop_unix_ms()) <
		   DISK_LEAST) {
		err_set(&err, ERR_DISK, "the disk is nearly full");
		err_remedy(&err, "make room where state_dir lies; mail stays "
				 "at its source until then");
	} else {
		return false;
	}
	visit_fail(v, &err);
	return true;
}

/* How many more bodies may be asked for; *never: no more in this session. */
static size_t may_ask(struct visit *v, bool *never)
{
	size_t left = v->wanted.n - v->asked, on_way = v->asked - v->came;
	size_t room = delivery_room(v->delivery);

	*never = left == 0 || v->stopping || v->refused || v->again;
	if (*never)
		return 0;
	if (commit_time(v)) {
		v->again = *never = true;
		return 0;
	}
	if (on_way > ASK_MAX / 2)
		return 0;
	if (spool_is_full(v)) {
		*never = true;
		return 0;
	}
	switch (delivery_state(v->delivery)) {
	case DELIVERY_COLD:
	case DELIVERY_CONNECTING:
		return 0; /* visit_wake() */
	case DELIVERY_UP:
		break;
	case DELIVERY_DOWN:
		room = room > on_way ? room - on_way : 0;
		*never = room == 0;
		break;
	}
	if (room > ASK_MAX - on_way)
		room = ASK_MAX - on_way;
	return left < room ? left : room;
}

static void ask(struct visit *v, size_t n)
{
	if (!n)
		return;
	v->source->ops->fetch(v->source, v->wanted.item + v->asked, n);
	v->asked += n;
}

/* UIDs up to which nothing is left to be decided. */
static uint32_t high_uid(const struct visit *v)
{
	uint32_t high = v->here.high_uid;

	for (size_t i = v->nitems; i > 0; i--) {
		uint32_t uid = message_key_to_uid(&v->items[i - 1].key);

		if (uid > high)
			high = uid;
	}
	if (v->there.uidnext && v->there.uidnext - 1 > high)
		high = v->there.uidnext - 1;
	if (v->first_missing_uid && v->first_missing_uid - 1 < high)
		high = v->first_missing_uid - 1;
	return high;
}

static void on_folder_saved(struct spool_req *req)
{
	struct visit *v = req->who;

	if (!visit_answered(v))
		return;
	if (!req->ok)
		visit_fail(v, &req->err);
	visit_next_folder(v);
}

static void finish_folder(struct visit *v)
{
	struct spool_folder *h = &v->here;

	for (size_t i = v->asked; i < v->wanted.n; i++)
		missed(v, &v->wanted.item[i].key);
	v->phase = VISIT_RECORDING;
	if (!is_pop3(v)) {
		h->high_uid = high_uid(v);
		h->uidnext = v->there.uidnext;
		h->exists = v->there.exists > v->erased
				? v->there.exists - (uint32_t)v->erased
				: 0;
	}
	if (v->whole) {
		h->whole_ms = loop_unix_ms();
		h->listings++;
	}
	v->req.save = (struct spool_folder_save){
		.req = { .done = on_folder_saved, .who = v },
		.f = *h,
	};
	v->req_out = true;
	spool_folder_save(v->parts->spool, &v->req.save);
}

void visit_work(struct visit *v)
{
	bool never;

	if (v->phase != VISIT_WORKING || !v->source)
		return;
	for (size_t i = 0; i < v->due.n; i++)
		item_list_add(&v->erase, &v->due.item[i]);
	item_list_clear(&v->due);
	if (!is_pop3(v) && v->erase.n >= ERASE_BATCH)
		erase(v);
	ask(v, may_ask(v, &never));
	if (!never || v->came < v->asked)
		return;
	/* all bodies are here: their deliveries have some time yet */
	if (v->out && !v->fetching_all_done && !v->stopping) {
		if (!timer_is_started(&v->timer))
			timer_start(&v->timer, SETTLE_MS);
		return;
	}
	timer_stop(&v->timer);
	erase(v);
	if (is_pop3(v) ? v->ngone > 0 : v->erasing || v->ngone || v->erase.n)
		return;
	finish_folder(v);
}
