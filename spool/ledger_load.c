/*
 * Messages from their rows, and which of them are due.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

/* Columns of LOAD, in this order. */
#define COLUMNS                                                                \
	"m.id, m.account, m.folder, m.key, m.octets, m.hash, m.repaired,"      \
	" m.strays, m.header, m.facts, m.fingerprint, m.message_id,"           \
	" m.author, m.sender, m.rcpts, m.uid, m.received, m.fetched,"          \
	" coalesce(q.state, s.state), coalesce(q.segment, 0),"                 \
	" coalesce(q.offset, 0), coalesce(q.delivery, s.delivery),"            \
	" coalesce(q.hold_doubt, 0), coalesce(q.next_at, 0),"                  \
	" coalesce(q.attempts, s.attempts), coalesce(q.doubts, s.doubts),"     \
	" coalesce(q.strikes, s.strikes), coalesce(q.waiting_since, 0),"       \
	" coalesce(q.doubt_at, 0), coalesce(s.at, q.held_at, 0),"              \
	" iif(q.id, q.reason, s.reason), iif(q.id, q.reply, s.reply),"         \
	" coalesce(s.code, 0), m.found, m.fallback,"                           \
	" coalesce(q.suspect, 0), m.client,"                                   \
	" (SELECT name FROM folder WHERE folder.id = m.folder)"

static void load_envelope(struct message *m, sqlite3_stmt *s)
{
	const void *hash = sqlite3_column_blob(s, 5);

	m->id = column_int(s, 0);
	m->account = column_int(s, 1);
	m->folder = column_int(s, 2);
	m->key = column_key(s, 3);
	m->place.octets = (uint64_t)column_int(s, 4);
	if (hash && sqlite3_column_bytes(s, 5) == HASH_BODY_OCTETS)
		memcpy(m->place.hash, hash, HASH_BODY_OCTETS);
	m->repaired_octets = (uint64_t)column_int(s, 6);
	m->strays = (uint32_t)column_int(s, 7);
	m->header_octets = (uint32_t)column_int(s, 8);
	m->facts = (uint32_t)column_int(s, 9);
	m->fingerprint = (uint64_t)column_int(s, 10);
	m->message_id = column_text(s, 11);
	m->from = column_text(s, 12);
	m->sender = column_text(s, 13);
	m->fallback = column_text(s, 34);
	m->client = column_text(s, 36);
	m->folder_name = column_text(s, 37);
	m->uid_text = column_text(s, 15);
	m->received_at = column_int(s, 16);
	m->fetched_at = column_int(s, 17);
}

static void load_state(struct message *m, sqlite3_stmt *s)
{
	m->state = (enum message_state)column_int(s, 18);
	m->place.segment = (uint32_t)column_int(s, 19);
	m->place.offset = (uint64_t)column_int(s, 20);
	m->delivery = column_text(s, 21);
	m->hold_doubt = column_int(s, 22) != 0;
	m->next_at = column_int(s, 23);
	m->attempts = (uint32_t)column_int(s, 24);
	m->doubts = (uint32_t)column_int(s, 25);
	m->strikes = (uint32_t)column_int(s, 26);
	m->waiting_since = column_int(s, 27);
	m->doubt_at = column_int(s, 28);
	m->settled_at = column_int(s, 29);
	m->reason = column_text(s, 30);
	m->reply = column_text(s, 31);
	m->suspect = column_int(s, 35) != 0;
}

/* Without rows of their own all share the fate of the message. */
static void load_rcpts(struct message *m, sqlite3_stmt *s)
{
	struct view all = view_of((const void *)sqlite3_column_text(s, 14));
	bool accepted =
		m->state == MESSAGE_DELIVERED || m->state == MESSAGE_GONE;

	while (all.n) {
		size_t n = view_find(all, '\n');
		struct message_rcpt *r;

		message_add_rcpt(m, view_head(all, n));
		all = view_skip(all, n + 1);
		r = &m->rcpts[m->nrcpts - 1];
		r->found = (int64_t)m->nrcpts <= column_int(s, 33);
		if (!accepted)
			continue;
		r->state = RCPT_ACCEPTED;
		r->code = (int)column_int(s, 32);
		r->reply = mem_str(m->reply);
	}
}

static void load_fates(struct ledger *l, struct message *m)
{
	struct bind b = { ledger_statement(l, STMT_LOAD_FATES,
					   "SELECT rcpt, state, code, reply,"
					   " for_content"
					   " FROM fate WHERE message = ?"
					   " ORDER BY rcpt"),
			  0 };

	bind_int(&b, m->id);
	while (ledger_row(l, b.s)) {
		int64_t n = column_int(b.s, 0);
		struct message_rcpt *r;

		if (n >= 0 && (uint64_t)n == m->nrcpts)
			(void)message_fall_back(m);
		if (n < 0 || (uint64_t)n >= m->nrcpts)
			continue;
		r = &m->rcpts[n];
		r->state = (enum rcpt_state)column_int(b.s, 1);
		r->code = (int)column_int(b.s, 2);
		free(r->reply);
		r->reply = column_text(b.s, 3);
		r->for_content = column_int(b.s, 4) != 0;
	}
}

struct message *ledger_load(struct ledger *l, int64_t id)
{
	struct bind b = {
		ledger_statement(
			l, STMT_LOAD,
			"SELECT " COLUMNS " FROM message m"
			" LEFT JOIN queue q ON q.id = m.id"
			" LEFT JOIN settled s ON s.id = m.id WHERE m.id = ?"),
		0
	};
	struct message *m;

	bind_int(&b, id);
	if (!ledger_row(l, b.s))
		return NULL;
	m = message_new();
	load_envelope(m, b.s);
	load_state(m, b.s);
	load_rcpts(m, b.s);
	(void)sqlite3_reset(b.s);
	load_fates(l, m);
	if (l->broken) {
		message_free(m);
		return NULL;
	}
	return m;
}

/* SPOOLED at 0 is due now; DOUBT at 0 waits for a person. */
#define WAITING                                                                \
	" state IN (1, 3) AND id > ? AND next_at <= ?"                         \
	" AND (state = 1 OR next_at > 0) AND segment > 0"                      \
	" ORDER BY id LIMIT ?"
#define LATER " state IN (1, 3) AND next_at > ? AND segment > 0"

static size_t due_ids(struct ledger *l, const struct spool_due *d, int64_t *ids)
{
	struct bind b = { NULL, 0 };
	size_t n = 0;

	if (d->delivery) {
		b.s = ledger_statement(l, STMT_DUE,
				       "SELECT id FROM queue WHERE"
				       " delivery = ? AND" WAITING);
		bind_text(&b, d->delivery);
	} else {
		b.s = ledger_statement(l, STMT_DUE_ANY,
				       "SELECT id FROM queue WHERE" WAITING);
	}
	bind_int(&b, d->after);
	bind_int(&b, d->until_ms);
	bind_uint(&b, d->max);
	while (ledger_row(l, b.s))
		ids[n++] = column_int(b.s, 0);
	return n;
}

static int64_t due_later(struct ledger *l, const struct spool_due *d)
{
	struct bind b = { NULL, 0 };
	int64_t at = 0;

	if (d->delivery) {
		b.s = ledger_statement(l, STMT_NEXT,
				       "SELECT min(next_at) FROM queue WHERE"
				       " delivery = ? AND" LATER);
		bind_text(&b, d->delivery);
	} else {
		b.s = ledger_statement(l, STMT_NEXT_ANY,
				       "SELECT min(next_at) FROM queue"
				       " WHERE" LATER);
	}
	bind_int(&b, d->until_ms);
	while (ledger_row(l, b.s))
		at = column_int(b.s, 0);
	return at;
}

bool ledger_none_queued(struct ledger *l)
{
	sqlite3_stmt *s;

	if (l->none_queued)
		return true;
	s = ledger_statement(l, STMT_NONE_QUEUED,
			     "SELECT NOT EXISTS (SELECT 1 FROM queue)");
	while (ledger_row(l, s))
		l->none_queued = column_int(s, 0) != 0;
	return l->none_queued;
}

bool ledger_run_due(struct ledger *l, struct spool_req *r)
{
	struct spool_due *d = LIST_OF(r, struct spool_due, req);
	int64_t *ids;
	size_t n;

	d->n = 0;
	d->next_ms = 0;
	r->ok = true;
	if (ledger_none_queued(l))
		return true;
	ids = mem_new(d->max * sizeof(*ids));
	n = due_ids(l, d, ids);
	for (size_t i = 0; i < n && !l->broken; i++) {
		struct message *m = ledger_load(l, ids[i]);

		if (m)
			d->out[d->n++] = m;
	}
	free(ids);
	d->next_ms = n < d->max ? due_later(l, d) : 0;
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}
