#include "query.h"
#include "ledger.h"
#include "must.h"
#include "query_private.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_PIECE (64u << 10)

/* --- ids first, messages then ------------------------------------------------
 */

void query_ids_add(struct query_ids *ids, int64_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? ids->cap * 2 : 64;
		ids->at = mem_grow(ids->at, ids->cap * sizeof(*ids->at));
	}
	ids->at[ids->n++] = id;
}

void query_ids_fini(struct query_ids *ids)
{
	free(ids->at);
	*ids = (struct query_ids){ 0 };
}

bool query_ended(struct ledger *l, struct err *err)
{
	return !l->broken || ledger_failed(l, err, "");
}

void query_names(struct ledger *l, int64_t account, int64_t folder,
		 struct query_names *out)
{
	struct bind b = {
		ledger_statement(
			l, STMT_NAMES,
			"SELECT a.name, f.name FROM account a LEFT JOIN folder f"
			" ON f.id = ? AND f.account = a.id WHERE a.id = ?"),
		0
	};

	*out = (struct query_names){ 0 };
	bind_int(&b, folder);
	bind_int(&b, account);
	while (ledger_row(l, b.s)) {
		free(out->folder);
		column_chars(b.s, 0, out->account, sizeof(out->account));
		out->folder = column_text(b.s, 1);
	}
	if (!account) /* no section can be named so */
		(void)snprintf(out->account, sizeof(out->account), "(notice)");
	if (!out->folder)
		out->folder = mem_str("");
}

static bool contains(const char *text, const char *part)
{
	return text && strcasestr(text, part) != NULL;
}

/* --- queue
 * --------------------------------------------------------------------- */

static bool is_named(const struct query_filter *f, int64_t id)
{
	if (f->nids == 0)
		return true;
	for (size_t i = 0; i < f->nids; i++)
		if (f->ids[i] == id)
			return true;
	return false;
}

static bool fits(const struct query_filter *f, const struct message *m,
		 const struct query_names *names)
{
	if (f->account && strcmp(f->account, names->account) != 0)
		return false;
	return !f->reason || contains(m->reason, f->reason) ||
	       contains(m->reply, f->reason);
}

bool query_each_queued(struct ledger *l, const struct query_filter *f,
		       bool (*each)(struct ledger *, void *, struct message *,
				    const struct query_names *),
		       void *arg, struct err *err)
{
	struct bind b = { ledger_statement(l, STMT_QUEUED,
					   "SELECT id FROM queue ORDER BY id"),
			  0 };
	struct query_ids ids = { 0 };
	bool more = true;

	while (ledger_row(l, b.s))
		if (is_named(f, column_int(b.s, 0)))
			query_ids_add(&ids, column_int(b.s, 0));
	for (size_t i = 0; i < ids.n && more; i++) {
		struct message *m = ledger_load(l, ids.at[i]);
		struct query_names names;

		if (!m)
			break;
		/* the last holder ended without its reply; the next one will
		 * write so */
		if (l->looks && m->state == MESSAGE_SENDING)
			m->state = MESSAGE_DOUBT;
		query_names(l, m->account, m->folder, &names);
		if (fits(f, m, &names))
			more = each(l, arg, m, &names);
		free(names.folder);
		message_free(m);
	}
	query_ids_fini(&ids);
	return query_ended(l, err);
}

struct row_call {
	bool (*row)(void *who, const struct query_row *);
	void *who;
};

static bool call_row(struct ledger *l, void *arg, struct message *m,
		     const struct query_names *names)
{
	struct row_call *c = arg;
	struct query_row row = { m, names->account, names->folder };

	(void)l;
	return c->row(c->who, &row);
}

bool query_queue(struct ledger *l, const struct query_filter *f,
		 bool (*row)(void *who, const struct query_row *), void *who,
		 struct err *err)
{
	struct row_call c = { row, who };

	return query_each_queued(l, f, call_row, &c, err);
}

/* --- counts and states
 * ------------------------------------------------------------ */

static void count_skipped(struct ledger *l, int64_t account,
			  struct query_counts *out)
{
	struct bind b = {
		ledger_statement(
			l, STMT_COUNT_SKIPPED,
			"SELECT count(*) FROM skipped WHERE ?1 = 0 OR folder IN"
			" (SELECT id FROM folder WHERE account = ?1)"),
		0
	};

	bind_int(&b, account);
	while (ledger_row(l, b.s))
		out->skipped = (uint64_t)column_int(b.s, 0);
}

bool query_counts(struct ledger *l, int64_t account, const char *delivery,
		  struct query_counts *out, struct err *err)
{
	struct bind b = {
		ledger_statement(
			l, STMT_COUNTS,
			"SELECT count(*) FILTER"
			" (WHERE q.state = 1 OR (q.state = 2 AND NOT ?3)),"
			" count(*) FILTER (WHERE q.state = 4),"
			" count(*) FILTER"
			" (WHERE q.state = 3 OR (q.state = 2 AND ?3)),"
			" coalesce(sum(m.octets) FILTER (WHERE q.segment > 0), 0)"
			" FROM queue q JOIN message m ON m.id = q.id"
			" WHERE (?1 = 0 OR m.account = ?1)"
			" AND (?2 IS NULL OR q.delivery = ?2)"),
		0
	};

	*out = (struct query_counts){ 0 };
	bind_int(&b, account);
	bind_text(&b, delivery);
	bind_int(&b, l->looks);
	while (ledger_row(l, b.s)) {
		out->queued = (uint64_t)column_int(b.s, 0);
		out->held = (uint64_t)column_int(b.s, 1);
		out->in_doubt = (uint64_t)column_int(b.s, 2);
		out->octets = (uint64_t)column_int(b.s, 3);
	}
	if (!delivery)
		count_skipped(l, account, out);
	return query_ended(l, err);
}

bool query_usage(struct ledger *l,
		 bool (*row)(void *who, const struct query_usage *), void *who,
		 struct err *err)
{
	sqlite3_stmt *s;

	if (ledger_none_queued(l))
		return query_ended(l, err);
	s = ledger_statement(
		l, STMT_USAGE,
		"SELECT q.delivery, sum(m.octets),"
		" count(*) FILTER (WHERE q.state <> 4),"
		" coalesce(sum(m.octets) FILTER (WHERE q.state <> 4), 0)"
		" FROM queue q JOIN message m USING (id) WHERE q.segment > 0"
		" GROUP BY q.delivery");

	while (ledger_row(l, s)) {
		struct query_usage u;

		column_chars(s, 0, u.delivery, sizeof(u.delivery));
		u.octets = (uint64_t)column_int(s, 1);
		u.waiting = (uint64_t)column_int(s, 2);
		u.waiting_octets = (uint64_t)column_int(s, 3);
		if (!row(who, &u)) {
			(void)sqlite3_reset(s);
			break;
		}
	}
	return query_ended(l, err);
}

bool query_waiting(struct ledger *l,
		   bool (*row)(void *who, const struct query_waiting *),
		   void *who, struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_BACKLOG,
		"SELECT q.delivery, q.state, count(*),"
		" coalesce(sum(m.octets) FILTER (WHERE q.segment > 0), 0),"
		" min(m.fetched) FROM queue q JOIN message m USING (id)"
		" GROUP BY q.delivery, q.state");

	while (ledger_row(l, s)) {
		struct query_waiting w;

		column_chars(s, 0, w.delivery, sizeof(w.delivery));
		w.state = (enum message_state)column_int(s, 1);
		w.messages = (uint64_t)column_int(s, 2);
		w.octets = (uint64_t)column_int(s, 3);
		w.oldest_ms = column_int(s, 4);
		if (!row(who, &w)) {
			(void)sqlite3_reset(s);
			break;
		}
	}
	return query_ended(l, err);
}

bool query_doubts(struct ledger *l, uint64_t *n, struct err *err)
{
	sqlite3_stmt *s =
		ledger_statement(l, STMT_DOUBTS, "SELECT doubts FROM site");

	*n = 0;
	while (ledger_row(l, s))
		*n = (uint64_t)column_int(s, 0);
	return query_ended(l, err);
}

bool query_accounts(struct ledger *l,
		    bool (*row)(void *who, const struct spool_account *),
		    void *who, struct err *err)
{
	sqlite3_stmt *s = ledger_statement(l, STMT_ACCOUNTS,
					   "SELECT " LEDGER_ACCOUNT_COLUMNS
					   " FROM account ORDER BY name, id");

	while (ledger_row(l, s)) {
		struct spool_account a;

		ledger_account_row(s, &a);
		if (!row(who, &a)) {
			(void)sqlite3_reset(s);
			break;
		}
	}
	return query_ended(l, err);
}

bool query_unfetched(struct ledger *l,
		     bool (*row)(void *who, const char *account,
				 const char *lines, int64_t at_ms),
		     void *who, struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_UNFETCHED,
		"SELECT name, unfetched, unfetched_at FROM account"
		" WHERE unfetched <> '' ORDER BY name, id");

	while (ledger_row(l, s))
		if (!row(who, (const char *)sqlite3_column_text(s, 0),
			 (const char *)sqlite3_column_text(s, 1),
			 column_int(s, 2))) {
			(void)sqlite3_reset(s);
			break;
		}
	return query_ended(l, err);
}

bool query_deliveries(struct ledger *l,
		      bool (*row)(void *who, const struct spool_delivery *),
		      void *who, struct err *err)
{
	sqlite3_stmt *s = ledger_statement(l, STMT_DELIVERIES,
					   "SELECT " LEDGER_DELIVERY_COLUMNS
					   " FROM delivery ORDER BY name");

	while (ledger_row(l, s)) {
		struct spool_delivery d = { 0 };

		ledger_delivery_row(s, &d);
		if (!row(who, &d)) {
			(void)sqlite3_reset(s);
			break;
		}
	}
	return query_ended(l, err);
}

static struct message *skipped_message(sqlite3_stmt *s)
{
	struct message *m = message_new();
	char uid[12];

	m->state = MESSAGE_SKIPPED;
	m->account = column_int(s, 0);
	m->folder = column_int(s, 1);
	m->key = column_key(s, 2);
	m->place.octets = (uint64_t)column_int(s, 3);
	m->received_at = column_int(s, 4) * 1000;
	m->settled_at = column_int(s, 5);
	m->reason = column_text(s, 6);
	if (message_key_to_uid(&m->key)) {
		(void)snprintf(uid, sizeof(uid), "%u",
			       message_key_to_uid(&m->key));
		message_set(&m->uid_text, view_of(uid));
	}
	return m;
}

bool query_skipped(struct ledger *l, int64_t account,
		   bool (*row)(void *who, const struct query_row *), void *who,
		   struct err *err)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SKIPPED_ROWS,
			"SELECT f.account, k.folder, k.key, k.octets, k.date, k.at,"
			" k.reason, a.name, f.name FROM skipped k"
			" JOIN folder f ON f.id = k.folder"
			" JOIN account a ON a.id = f.account"
			" WHERE ?1 = 0 OR f.account = ?1 ORDER BY k.folder, k.key"),
		0
	};
	bool more = true;

	bind_int(&b, account);
	while (more && ledger_row(l, b.s)) {
		struct message *m = skipped_message(b.s);
		char *name = column_text(b.s, 7), *folder = column_text(b.s, 8);
		struct query_row r = { m, name, folder };

		more = row(who, &r);
		free(name);
		free(folder);
		message_free(m);
	}
	(void)sqlite3_reset(b.s);
	return query_ended(l, err);
}

/* --- a body
 * ------------------------------------------------------------------------ */

static bool read_body(struct ledger *l, const struct message_place *place,
		      bool (*octets)(void *who, struct view), void *who,
		      char *piece, struct err *err)
{
	uint64_t at = 0;

	while (at < place->octets) {
		uint64_t left = place->octets - at;
		struct room r = { piece, left < BODY_PIECE ? (size_t)left
							   : BODY_PIECE };
		size_t got;

		if (!segments_read(&l->segments, place->segment,
				   place->offset + at, r, &got, err))
			return false;
		if (got == 0)
			return err_set(err, ERR_DISK,
				       "a body in the spool is cut off");
		if (!octets(who, (struct view){ piece, got }))
			return true;
		at += got;
	}
	return true;
}

bool query_body(struct ledger *l, int64_t id,
		bool (*octets)(void *who, struct view), void *who,
		struct err *err)
{
	struct message *m = ledger_load(l, id);
	char *piece;
	bool ok;

	if (!m) {
		if (l->broken)
			return ledger_failed(l, err, "");
		return err_set(err, ERR_STATE, "no such message");
	}
	if (!m->place.segment) {
		message_free(m);
		return err_set(err, ERR_STATE,
			       "its text is not held here any more");
	}
	piece = mem_new(BODY_PIECE);
	ok = read_body(l, &m->place, octets, who, piece, err);
	free(piece);
	message_free(m);
	return ok;
}
