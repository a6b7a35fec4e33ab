/*
 * The steps of DESIGN 5 on the ledger: TX1, TX2, TX3 and what belongs to them.
 */
#include "body.h"
#include "ledger.h"
#include "limits.h"
#include "must.h"
#include "text.h"

static bool refuse(struct spool_req *r, const struct message *m,
		   const char *what)
{
	char id[MESSAGE_ID_TEXT];

	message_id_text(m->id, id);
	r->ok = err_set(&r->err, ERR_CANCELLED, "message %s %s", id, what);
	return true;
}

/* Ends a step: what sqlite broke is no refusal. */
static bool ended(struct ledger *l, struct spool_req *r, bool ok)
{
	r->ok = ok;
	if (!ok)
		ledger_failed(l, &r->err, "a step failed half way");
	MUST(ok || l->broken);
	return true;
}

static bool join_rcpts(const struct message *m, struct text *out)
{
	text_init(out, 1u << 20);
	for (size_t i = 0; i < m->nrcpts; i++) {
		struct view a = view_of(m->rcpts[i].address);

		if (a.n == 0 || view_breaks_line(a))
			return false;
		if ((i && !text_puts(out, "\n")) || !text_put(out, a))
			return false;
	}
	return true;
}

static int64_t count_found(const struct message *m)
{
	size_t n = 0;

	while (n < m->nrcpts && m->rcpts[n].found)
		n++;
	return (int64_t)n;
}

static bool insert_message(struct ledger *l, const struct message *m,
			   const char *rcpts)
{
	struct bind b = {
		ledger_statement(
			l, STMT_PUT_MESSAGE,
			"INSERT INTO message (id, account, folder, key, octets, hash,"
			" repaired, strays, header, facts, fingerprint, twin,"
			" message_id, author, sender, rcpts, found, fallback, client,"
			" uid, received, fetched)"
			" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
		0
	};

	bind_int(&b, m->id);
	bind_int(&b, m->account);
	bind_int(&b, m->folder);
	bind_key(&b, &m->key);
	bind_uint(&b, m->place.octets);
	bind_blob(&b, m->place.hash, sizeof(m->place.hash));
	bind_uint(&b, m->repaired_octets);
	bind_int(&b, m->strays);
	bind_int(&b, m->header_octets);
	bind_int(&b, m->facts);
	bind_uint(&b, m->fingerprint);
	bind_uint(&b, m->twin);
	bind_text(&b, m->message_id);
	bind_text(&b, m->from);
	bind_text(&b, m->sender ? m->sender : "");
	bind_text(&b, rcpts);
	bind_int(&b, count_found(m));
	bind_text(&b, m->fallback);
	bind_text(&b, m->client);
	bind_text(&b, m->uid_text);
	bind_int(&b, m->received_at);
	bind_int(&b, m->fetched_at);
	return ledger_do(l, b.s);
}

static bool insert_queue(struct ledger *l, const struct message *m,
			 int64_t sent_at, int64_t connection)
{
	struct bind b = {
		ledger_statement(
			l, STMT_PUT_QUEUE,
			"INSERT INTO queue (id, state, segment, offset, delivery,"
			" hold_doubt, next_at, attempts, doubts, strikes, sent_at,"
			" connection, waiting_since, doubt_at, held_at, reason, reply)"
			" VALUES (?,?,?,?,?,?,?,?,0,0,?,?,?,0,0,?,?)"),
		0
	};

	l->none_queued = false;
	bind_int(&b, m->id);
	bind_int(&b, m->state);
	bind_int(&b, m->place.segment);
	bind_uint(&b, m->place.offset);
	bind_text(&b, m->delivery ? m->delivery : "");
	bind_int(&b, m->hold_doubt);
	bind_int(&b, m->next_at);
	bind_int(&b, m->attempts);
	bind_int(&b, sent_at);
	bind_int(&b, connection);
	bind_int(&b, m->waiting_since);
	bind_text(&b, m->reason);
	bind_text(&b, m->reply);
	return ledger_do(l, b.s);
}

static bool take_over_skipped(struct ledger *l, const struct message *m)
{
	struct bind b = { ledger_statement(
				  l, STMT_UNSKIP,
				  "DELETE FROM skipped WHERE folder = ?"
				  " AND key = ?"),
			  0 };

	bind_int(&b, m->folder);
	bind_key(&b, &m->key);
	return ledger_do(l, b.s);
}

/* Fetched again though settled: its older row counts for nothing any more. */
static bool forget_settled(struct ledger *l, const struct message *m)
{
	const struct known_entry *e = known_find(&l->known, m->folder, &m->key);
	struct bind b;

	if (!e)
		return true;
	b = (struct bind){ ledger_statement(l, STMT_FOLDED,
					    "DELETE FROM unfolded"
					    " WHERE id = ?"),
			   0 };
	bind_int(&b, e->id);
	return ledger_do(l, b.s);
}

/*
 * A message that was accepted at its first attempt by all its recipients in the
 * same words needs no row for each of them.
 */
static bool uniform(const struct message *m)
{
	const struct message_rcpt *first = &m->rcpts[0];

	if (m->state != MESSAGE_DELIVERED || m->attempts > 1)
		return false;
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct message_rcpt *r = &m->rcpts[i];

		if (r->state != RCPT_ACCEPTED || r->code != first->code)
			return false;
		if (!view_eq(view_of(r->reply), view_of(first->reply)))
			return false;
	}
	return true;
}

static bool untouched(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state != RCPT_WAITING || m->rcpts[i].code)
			return false;
	return true;
}

static bool write_fates(struct ledger *l, const struct message *m)
{
	if (uniform(m) || (m->attempts <= 1 && untouched(m)))
		return true;
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct message_rcpt *r = &m->rcpts[i];
		struct bind b = {
			ledger_statement(
				l, STMT_FATE,
				"INSERT OR REPLACE INTO fate (message, rcpt, state,"
				" code, for_content, reply) VALUES (?,?,?,?,?,?)"),
			0
		};

		bind_int(&b, m->id);
		bind_uint(&b, i);
		bind_int(&b, r->state);
		bind_int(&b, r->code);
		bind_int(&b, r->for_content && !r->for_sender);
		bind_text(&b, r->reply);
		if (!ledger_do(l, b.s))
			return false;
	}
	return true;
}

static bool record_put(struct ledger *l, struct spool_put *p, const char *rcpts)
{
	struct message *m = p->m;
	struct ledger_totals *t;
	bool sending = p->sending;

#ifdef MAILHAUL_MUTANT_BATCH_SENDING
	sending = true;
#endif
	m->id = l->next_id;
	m->state = sending ? MESSAGE_SENDING : MESSAGE_SPOOLED;
	m->attempts = sending ? 1 : 0;
	if (!insert_message(l, m, rcpts) || !write_fates(l, m) ||
	    !ledger_once_put(l, m) ||
	    !insert_queue(l, m, sending ? m->fetched_at : 0, p->connection) ||
	    !take_over_skipped(l, m) || !forget_settled(l, m) ||
	    !ledger_clear_suspect(l, m->folder, &m->key))
		return false;
	l->next_id++;
	known_put(&l->known, &(struct known_entry){ .folder = m->folder,
						    .id = m->id,
						    .key = m->key,
						    .fate = FATE_QUEUED });
	t = ledger_totals(l, m->account);
	t->fetched++;
	t->octets += m->place.octets;
	return true;
}

static bool is_here(const struct ledger *l, const struct message *m)
{
	const struct known_entry *e = known_find(&l->known, m->folder, &m->key);

	return e && e->fate == FATE_QUEUED;
}

/* With the commit, where it counts already. */
static void give_up_body(struct ledger *l, const struct spool_put *p)
{
	if (p->written)
		ledger_release_body(l, p->m->place.segment, p->m->place.octets);
	else
		body_abandon(l, p->body);
}

bool ledger_put_body(struct ledger *l, struct spool_req *r)
{
	struct spool_put *p = LIST_OF(r, struct spool_put, req);

	/* whether it comes here at all is known in the transaction alone */
	if (p->m->once || is_here(l, p->m))
		return false;
	p->written = body_complete(l, p->body, &p->m->place, &r->err);
	return p->written;
}

/* Without an error of its own where sqlite broke. */
static bool put(struct ledger *l, struct spool_put *p, const char *rcpts)
{
	struct message *m = p->m;

	if (m->once && !ledger_once(l, m, spool_body_octets(p->body))) {
		give_up_body(l, p);
		return !l->broken;
	}
	if (!p->written) {
		if (!body_complete(l, p->body, &m->place, &p->req.err))
			return false;
		l->unsynced = true;
	}
	return record_put(l, p, rcpts);
}

bool ledger_run_put(struct ledger *l, struct spool_req *r)
{
	struct spool_put *p = LIST_OF(r, struct spool_put, req);
	struct text rcpts;

	if (is_here(l, p->m)) {
		give_up_body(l, p);
		r->ok = err_set(&r->err, ERR_BUG, "this message is queued");
		return true;
	}
	if (!join_rcpts(p->m, &rcpts) || (p->sending && !p->m->nrcpts)) {
		text_fini(&rcpts);
		give_up_body(l, p);
		r->ok = err_set(&r->err, ERR_BUG,
				"no recipient, or one that breaks a line");
		return true;
	}
	r->ok = put(l, p, text_str(&rcpts));
	text_fini(&rcpts);
	if (l->broken)
		ledger_failed(l, &r->err, "");
	MUST(r->ok || l->broken || r->err.class != ERR_NONE);
	return true;
}

bool ledger_run_sending(struct ledger *l, struct spool_req *r)
{
	struct spool_sending *q = LIST_OF(r, struct spool_sending, req);
	struct bind b = {
		ledger_statement(
			l, STMT_SENDING,
			"UPDATE queue SET state = 2, attempts = attempts + 1,"
			" sent_at = ?, connection = ?"
			" WHERE id = ? AND state = ? AND state IN (1, 3)"
			" AND segment > 0"),
		0
	};

	bind_int(&b, q->now_ms);
	bind_int(&b, q->connection);
	bind_int(&b, q->m->id);
	bind_int(&b, q->m->state);
	if (!ledger_do_one(l, b.s)) {
		if (l->broken)
			return ended(l, r, false);
		return refuse(r, q->m, "is not waiting to be sent any more");
	}
	q->m->state = MESSAGE_SENDING;
	q->m->attempts++;
	r->ok = true;
	return true;
}

/* Its fates are numbered as its recipients are: they are written anew. */
static bool write_rcpts(struct ledger *l, struct message *m)
{
	struct bind b = { ledger_statement(l, STMT_READDRESS,
					   "UPDATE message SET rcpts = ?,"
					   " found = ? WHERE id = ?"),
			  0 };
	struct bind f = { ledger_statement(l, STMT_READDRESS_FATES,
					   "DELETE FROM fate"
					   " WHERE message = ?"),
			  0 };
	struct bind o = { ledger_statement(l, STMT_READDRESS_ONCE,
					   "DELETE FROM once"
					   " WHERE message = ?"),
			  0 };
	struct text rcpts;
	bool ok;

	if (!join_rcpts(m, &rcpts)) {
		text_fini(&rcpts);
		return ledger_break(l, "a recipient that breaks a line");
	}
	bind_text(&b, text_str(&rcpts));
	bind_int(&b, count_found(m));
	bind_int(&b, m->id);
	bind_int(&f, m->id);
	bind_int(&o, m->id);
	ok = ledger_do_one(l, b.s) && ledger_do(l, f.s) && ledger_do(l, o.s);
	text_fini(&rcpts);
	m->readdressed = false;
	return ok;
}

static bool write_attempt(struct ledger *l, const struct spool_result *q)
{
	const struct message *m = q->m;
	struct bind b = {
		ledger_statement(
			l, STMT_ATTEMPT,
			"INSERT OR REPLACE INTO attempt (message, n, sent_at, ended_at,"
			" connection, outcome, reason, reply)"
			" SELECT id, attempts, sent_at, ?, connection, ?, ?, ?"
			" FROM queue WHERE id = ?"),
		0
	};

	bind_int(&b, q->now_ms);
	bind_int(&b, q->unsent ? 0 : m->state);
	bind_text(&b, m->reason);
	bind_text(&b, m->reply);
	bind_int(&b, m->id);
	return ledger_do(l, b.s);
}

/* SENDING to SPOOLED, DOUBT or HELD. Expects one row. */
static bool requeue(struct ledger *l, const struct spool_result *q)
{
	const struct message *m = q->m;
	struct bind b = {
		ledger_statement(
			l, STMT_AGAIN,
			"UPDATE queue SET state = ?, delivery = ?, next_at = ?,"
			" doubts = doubts + ?, doubt_at = ?, held_at = ?,"
			" waiting_since = ?, reason = ?, reply = ?,"
			" suspect = iif(?, suspect, 0)" /* it was tried */
			" WHERE id = ? AND state = 2"),
		0
	};
	bool held = m->state == MESSAGE_HELD;

	bind_int(&b, m->state);
	bind_text(&b, m->delivery ? m->delivery : "");
	bind_int(&b, held ? 0 : m->next_at);
	bind_int(&b, m->state == MESSAGE_DOUBT);
	bind_int(&b, m->doubt_at);
	bind_int(&b, held ? q->now_ms : 0);
	bind_int(&b, m->waiting_since);
	bind_text(&b, m->reason);
	bind_text(&b, m->reply);
	bind_int(&b, q->unsent);
	bind_int(&b, m->id);
	return ledger_do_one(l, b.s);
}

/* The settled row takes what the queue row knows of the attempt. */
static bool settle(struct ledger *l, const struct spool_result *q)
{
	const struct message *m = q->m;
	const char *words = m->reply;
	struct bind b = {
		ledger_statement(
			l, STMT_SETTLE,
			"INSERT INTO settled (id, state, at, gone_at, delivery,"
			" attempts, doubts, strikes, sent_at, connection, code, reason,"
			" reply) SELECT id, 5, ?, 0, ?, attempts, doubts, strikes,"
			" sent_at, connection, ?, ?, ? FROM queue"
			" WHERE id = ? AND state = 2"),
		0
	};

	if (!words && m->nrcpts)
		words = m->rcpts[0].reply;
	bind_int(&b, m->settled_at ? m->settled_at : q->now_ms);
	bind_text(&b, m->delivery ? m->delivery : "");
	bind_int(&b, m->nrcpts ? m->rcpts[0].code : 0);
	bind_text(&b, m->reason);
	bind_text(&b, words);
	bind_int(&b, m->id);
	return ledger_do_one(l, b.s);
}

/* The body goes, the queue row with the next that are swept. */
static bool unqueue(struct ledger *l, const struct message *m)
{
	struct bind b = { ledger_statement(l, STMT_SEGMENT_OF,
					   "SELECT segment FROM queue"
					   " WHERE id = ?"),
			  0 };
	struct bind u = { ledger_statement(l, STMT_UNFOLDED,
					   "INSERT INTO unfolded (id)"
					   " VALUES (?)"),
			  0 };

	bind_int(&b, m->id);
	while (ledger_row(l, b.s))
		ledger_release_body(l, (uint32_t)column_int(b.s, 0),
				    m->place.octets);
	ledger_add_stale(l, m->id);
	if (!m->folder) /* of our own: at no source is it to be known again */
		return !l->broken;
	bind_int(&u, m->id);
	return !l->broken && ledger_do(l, u.s);
}

static bool record_delivered(struct ledger *l, const struct spool_result *q)
{
	struct message *m = q->m;
	int64_t at = m->settled_at ? m->settled_at : q->now_ms;

	if (!unqueue(l, m) || !write_fates(l, m))
		return false;
	known_put(&l->known, &(struct known_entry){ .folder = m->folder,
						    .id = m->id,
						    .key = m->key,
						    .fate = FATE_DELIVERED,
						    .day = ledger_day(at) });
	if (!m->folder)
		known_drop(&l->known, m->folder, &m->key);
	ledger_totals(l, m->account)->delivered++;
	return true;
}

static bool record_undelivered(struct ledger *l, const struct spool_result *q)
{
	struct message *m = q->m;

	if (!write_attempt(l, q) || !write_fates(l, m))
		return false;
	if (m->state == MESSAGE_HELD)
		ledger_totals(l, m->account)->held++;
	if (m->state != MESSAGE_DOUBT)
		return true;
	m->doubts++;
	return ledger_exec(l, "UPDATE site SET doubts = doubts + 1");
}

static bool is_queued(const struct ledger *l, const struct message *m)
{
	const struct known_entry *e = known_find(&l->known, m->folder, &m->key);

	return e && e->id == m->id && e->fate == FATE_QUEUED;
}

bool ledger_run_result(struct ledger *l, struct spool_req *r)
{
	struct spool_result *q = LIST_OF(r, struct spool_result, req);
	struct message *m = q->m;
	bool delivered = m->state == MESSAGE_DELIVERED;

	if (q->unsent && m->state != MESSAGE_HELD)
		m->state = MESSAGE_SPOOLED;
	else if (m->state != MESSAGE_SPOOLED && m->state != MESSAGE_DOUBT &&
		 m->state != MESSAGE_HELD && !delivered)
		return refuse(r, m, "has no such result");
	delivered = m->state == MESSAGE_DELIVERED;
	/* A settled one may have its queue row still. */
	if (!is_queued(l, m))
		return refuse(r, m, "is not on the queue");
	if (!(delivered ? settle(l, q) : requeue(l, q))) {
		if (l->broken)
			return ended(l, r, false);
		return refuse(r, m, "was not being sent");
	}
	return ended(l, r,
		     (!m->readdressed || write_rcpts(l, m)) &&
			     (delivered ? record_delivered(l, q)
					: record_undelivered(l, q)) &&
			     ledger_write_past(l, q));
}

bool ledger_run_hold(struct ledger *l, struct spool_req *r)
{
	struct spool_hold *h = LIST_OF(r, struct spool_hold, req);
	struct message *m = h->m;
	struct bind b = {
		ledger_statement(
			l, STMT_HOLD,
			"UPDATE queue SET state = 4, next_at = 0, held_at = ?,"
			" reason = ?, reply = ? WHERE id = ? AND state IN (1, 3)"),
		0
	};

	bind_int(&b, h->now_ms);
	bind_text(&b, m->reason);
	bind_text(&b, m->reply);
	bind_int(&b, m->id);
	if (!ledger_do_one(l, b.s)) {
		if (l->broken)
			return ended(l, r, false);
		return refuse(r, m, "is not waiting to be sent any more");
	}
	m->state = MESSAGE_HELD;
	ledger_totals(l, m->account)->held++;
	r->ok = true;
	return true;
}
