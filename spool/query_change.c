/*
 * `queue retry` and `queue drop`.
 */
#include "must.h"
#include "query_private.h"

struct change {
	int64_t now_ms;
	uint64_t n;
};

/* Recipients that were refused are asked once more. */
static bool ask_again(struct ledger *l, const struct message *m)
{
	struct bind b = { ledger_statement(l, STMT_RETRY_RCPTS,
					   "DELETE FROM fate WHERE message = ?"
					   " AND state = ?"),
			  0 };

	bind_int(&b, m->id);
	bind_int(&b, RCPT_REFUSED);
	return ledger_do(l, b.s);
}

/* One that refused us is asked at once. */
static bool try_delivery(struct ledger *l, const char *name)
{
	struct bind b = { ledger_statement(l, STMT_RETRY_DELIVERY,
					   "UPDATE delivery SET next_try = 0"
					   " WHERE name = ? AND next_try"),
			  0 };

	bind_text(&b, name);
	return ledger_do(l, b.s);
}

static bool set_due(struct ledger *l, const struct message *m, int64_t now_ms)
{
	struct bind b = {
		ledger_statement(
			l, STMT_RETRY,
			"UPDATE queue SET state = ?, next_at = ?, held_at = 0,"
			" suspect = suspect OR strikes > 0,"
			" strikes = iif(state = 4, 0, strikes)"
			" WHERE id = ? AND state = ?"),
		0
	};

	/* What is in doubt stays so: sent again, it is a repeat. */
	bind_int(&b,
		 m->state == MESSAGE_DOUBT ? MESSAGE_DOUBT : MESSAGE_SPOOLED);
	bind_int(&b, now_ms);
	bind_int(&b, m->id);
	bind_int(&b, m->state);
	return (ledger_do_one(l, b.s) ||
		ledger_break(l, "releasing a message")) &&
	       ask_again(l, m) &&
	       ledger_end_pauses(l, m->delivery, m->account) &&
	       try_delivery(l, m->delivery);
}

/* The queue row becomes a DROPPED one. */
static bool settle_dropped(struct ledger *l, const struct message *m,
			   int64_t now_ms, const char *reason)
{
	struct bind b = {
		ledger_statement(
			l, STMT_DROP,
			"INSERT INTO settled (id, state, at, gone_at, delivery,"
			" attempts, doubts, strikes, sent_at, connection, code, reason,"
			" reply) SELECT id, 7, ?, 0, delivery, attempts, doubts,"
			" strikes, sent_at, connection, 0, ?, reply FROM queue"
			" WHERE id = ? AND state = ?"),
		0
	};
	struct bind u = { ledger_statement(l, STMT_DROP_ROW,
					   "DELETE FROM queue WHERE id = ?"
					   " AND state = ?"),
			  0 };

	bind_int(&b, now_ms);
	bind_text(&b, reason);
	bind_int(&b, m->id);
	bind_int(&b, m->state);
	bind_int(&u, m->id);
	bind_int(&u, m->state);
	if (!ledger_do_one(l, b.s) || !ledger_do_one(l, u.s))
		return ledger_break(l, "dropping a message");
	ledger_release_body(l, m->place.segment, m->place.octets);
	return true;
}

/*
 * Its body was given up, or nobody was found for it: it is forgotten, and its
 * folder listed whole, so that the source shows it as new.
 */
static bool fetch_again(struct ledger *l, const struct message *m,
			int64_t now_ms)
{
	struct bind b = { ledger_statement(l, STMT_FOLDER_AGAIN,
					   "UPDATE folder SET whole = 0,"
					   " uidnext = 0 WHERE id = ?"),
			  0 };

	if (!settle_dropped(l, m, now_ms, "asked of the source again") ||
	    (m->strikes && !ledger_suspect(l, m->folder, &m->key, 0)))
		return false;
	known_drop(&l->known, m->folder, &m->key);
	/* refetched and held: it was delivered once, under the same name */
	if (!ledger_fold_forget(l, m->folder, &m->key))
		return false;
	bind_int(&b, m->folder);
	return ledger_do(l, b.s);
}

static bool retry(struct ledger *l, void *arg, struct message *m,
		  const struct query_names *names)
{
	struct change *c = arg;
	bool ok;

	(void)names;
	if (m->state == MESSAGE_SENDING)
		return true;
	/* its text is lost: who has it already would get it once more */
	if (m->place.segment == 0 && message_may_be_there(m))
		return true;
	/* without recipients: the configuration of today may find some */
	if (m->place.segment == 0 || !m->nrcpts)
		ok = fetch_again(l, m, c->now_ms);
	else
		ok = set_due(l, m, c->now_ms);
	c->n += ok;
	return ok;
}

static bool drop(struct ledger *l, void *arg, struct message *m,
		 const struct query_names *names)
{
	struct change *c = arg;
	struct bind b = { ledger_statement(l, STMT_UNFOLDED,
					   "INSERT INTO unfolded (id)"
					   " VALUES (?)"),
			  0 };

	(void)names;
	if (m->state == MESSAGE_SENDING)
		return true;
	bind_int(&b, m->id);
	if (!settle_dropped(l, m, c->now_ms, m->reason) || !ledger_do(l, b.s))
		return false;
	known_put(&l->known, &(struct known_entry){ .folder = m->folder,
						    .id = m->id,
						    .key = m->key,
						    .fate = FATE_DROPPED });
	c->n++;
	return true;
}

bool query_retry(struct ledger *l, const struct query_filter *f, int64_t now_ms,
		 uint64_t *changed, struct err *err)
{
	struct change c = { .now_ms = now_ms };
	bool ok = query_each_queued(l, f, retry, &c, err);

	*changed = c.n;
	return ok;
}

bool query_hasten(struct ledger *l, int64_t account, int64_t now_ms,
		  struct err *err)
{
	struct bind b = {
		ledger_statement(
			l, STMT_HASTEN,
			"UPDATE queue SET next_at = ?1 WHERE state = ?2"
			" AND next_at > ?1 AND (SELECT account FROM message"
			" WHERE message.id = queue.id) = ?3"),
		0
	};

	bind_int(&b, now_ms);
	bind_int(&b, MESSAGE_SPOOLED);
	bind_int(&b, account);
	return (ledger_do(l, b.s) && ledger_end_pauses(l, NULL, account)) ||
	       ledger_failed(l, err, "hastening a queue");
}

bool query_drop(struct ledger *l, const struct query_filter *f, int64_t now_ms,
		uint64_t *changed, struct err *err)
{
	struct change c = { .now_ms = now_ms };
	bool ok = query_each_queued(l, f, drop, &c, err);

	*changed = c.n;
	return ok;
}
