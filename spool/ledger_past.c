/*
 * What earlier processes did at a delivery and a later one must know: when
 * messages were handed over, for its `rate`; which senders it refused in a row;
 * which accounts wait for a setting to be corrected; of whom it took mail.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

static bool ended(struct ledger *l, struct spool_req *r)
{
	r->ok = !l->broken || ledger_failed(l, &r->err, "");
	return true;
}

static void forget_handed(struct ledger *l, const struct spool_past *q)
{
	struct bind b = { ledger_statement(l, STMT_HANDED_OLD,
					   "DELETE FROM handed"
					   " WHERE delivery = ? AND at < ?"),
			  0 };

	bind_text(&b, q->delivery);
	bind_int(&b, q->since_ms);
	(void)ledger_do(l, b.s);
}

static void add_handed(struct spool_past *q, int64_t at_ms)
{
	q->handed = mem_grow(q->handed, (q->n + 1) * sizeof(*q->handed));
	q->handed[q->n++] = at_ms;
}

static void load_handed(struct ledger *l, struct spool_past *q)
{
	struct bind b = { ledger_statement(l, STMT_HANDED_OF,
					   "SELECT at, n FROM handed"
					   " WHERE delivery = ? ORDER BY at"),
			  0 };

	bind_text(&b, q->delivery);
	while (ledger_row(l, b.s))
		for (int64_t n = column_int(b.s, 1); n > 0; n--)
			add_handed(q, column_int(b.s, 0));
}

static void load_senders(struct ledger *l, struct spool_past *q)
{
	struct bind b = { ledger_statement(l, STMT_SENDERS_OF,
					   "SELECT account, sender"
					   " FROM refused_sender"
					   " WHERE delivery = ?"),
			  0 };

	bind_text(&b, q->delivery);
	while (ledger_row(l, b.s)) {
		q->senders = mem_grow(q->senders,
				      (q->nsenders + 1) * sizeof(*q->senders));
		q->senders[q->nsenders++] = (struct spool_refused_sender){
			.account = column_int(b.s, 0),
			.sender = column_text(b.s, 1),
		};
	}
}

/*
 * Messages whose recipients stood in the configuration: all of these have it.
 * Looks at few rows, whatever the ledger holds.
 */
static void load_took(struct ledger *l, struct spool_past *q)
{
	struct bind b = {
		ledger_statement(
			l, STMT_TOOK,
			"SELECT group_concat(rcpts, char(10)) FROM (SELECT DISTINCT"
			" m.rcpts AS rcpts FROM settled s"
			" JOIN message m ON m.id = s.id"
			" WHERE s.delivery = ?1 AND s.state IN (5, 6)"
			" AND m.found = 0 AND s.id >"
			" (SELECT ifnull(max(id), 0) FROM settled) - 200)"),
		0
	};

	bind_text(&b, q->delivery);
	while (ledger_row(l, b.s))
		q->took = column_text(b.s, 0);
}

bool ledger_run_past(struct ledger *l, struct spool_req *r)
{
	struct spool_past *q = LIST_OF(r, struct spool_past, req);

	forget_handed(l, q);
	load_handed(l, q);
	load_senders(l, q);
	load_took(l, q);
	return ended(l, r);
}

void spool_past_fini(struct spool_past *q)
{
	free(q->handed);
	for (size_t i = 0; i < q->nsenders; i++)
		free(q->senders[i].sender);
	free(q->senders);
	free(q->took);
	q->took = NULL;
	q->handed = NULL;
	q->senders = NULL;
	q->n = q->nsenders = 0;
}

static bool write_handed(struct ledger *l, const struct spool_result *q)
{
	struct bind b = {
		ledger_statement(
			l, STMT_HANDED,
			"INSERT INTO handed (delivery, at, n) VALUES (?,?,1)"
			" ON CONFLICT DO UPDATE SET n = n + 1"),
		0
	};

	bind_text(&b, q->delivery);
	bind_int(&b, q->now_ms);
	return ledger_do(l, b.s);
}

static bool add_sender(struct ledger *l, const struct spool_result *q)
{
	struct bind b = { ledger_statement(l, STMT_SENDER_ADD,
					   "INSERT OR IGNORE INTO"
					   " refused_sender (delivery, account,"
					   " sender) VALUES (?,?,?)"),
			  0 };

	bind_text(&b, q->delivery);
	bind_int(&b, q->m->account);
	bind_text(&b, q->m->sender ? q->m->sender : "");
	return ledger_do(l, b.s);
}

static bool forget_senders(struct ledger *l, const struct spool_result *q)
{
	struct bind b = { ledger_statement(l, STMT_SENDERS_FORGET,
					   "DELETE FROM refused_sender WHERE"
					   " delivery = ? AND account = ?"),
			  0 };

	bind_text(&b, q->delivery);
	bind_int(&b, q->m->account);
	return ledger_do(l, b.s);
}

static bool begin_pause(struct ledger *l, const struct spool_result *q)
{
	struct bind b = { ledger_statement(l, STMT_PAUSE,
					   "INSERT OR REPLACE INTO pause"
					   " (delivery, account, until,"
					   " settings) VALUES (?,?,?,?)"),
			  0 };

	bind_text(&b, q->delivery);
	bind_int(&b, q->m->account);
	bind_int(&b, q->pause.until_ms);
	bind_uint(&b, q->pause.settings);
	return ledger_do(l, b.s);
}

bool ledger_end_pauses(struct ledger *l, const char *delivery, int64_t account)
{
	struct bind b = { ledger_statement(
				  l, STMT_PAUSE_END,
				  "DELETE FROM pause WHERE account = ?1"
				  " AND (?2 IS NULL OR delivery = ?2)"),
			  0 };

	bind_int(&b, account);
	bind_text(&b, delivery);
	return ledger_do(l, b.s);
}

void ledger_load_pauses(struct ledger *l, struct spool_delivery_load *q)
{
	struct bind b = { ledger_statement(l, STMT_PAUSES_OF,
					   "SELECT account, until, settings"
					   " FROM pause WHERE delivery = ?"),
			  0 };

	bind_text(&b, q->d.name);
	while (ledger_row(l, b.s)) {
		q->pauses = mem_grow(q->pauses,
				     (q->npauses + 1) * sizeof(*q->pauses));
		q->pauses[q->npauses++] = (struct spool_pause){
			.account = column_int(b.s, 0),
			.until_ms = column_int(b.s, 1),
			.settings = (uint64_t)column_int(b.s, 2),
		};
	}
}

static bool write_pause(struct ledger *l, const struct spool_result *q)
{
	switch (q->pausing) {
	case SPOOL_PAUSE_KEEP:
		return true;
	case SPOOL_PAUSE_BEGIN:
		return begin_pause(l, q);
	case SPOOL_PAUSE_END:
		return ledger_end_pauses(l, q->delivery, q->m->account);
	}
	return true;
}

bool ledger_write_past(struct ledger *l, const struct spool_result *q)
{
	if ((q->handed && !write_handed(l, q)) || !write_pause(l, q))
		return false;
	switch (q->senders) {
	case SPOOL_SENDERS_KEEP:
		return true;
	case SPOOL_SENDERS_ADD:
		return add_sender(l, q);
	case SPOOL_SENDERS_FORGET:
		return forget_senders(l, q);
	}
	return true;
}

bool ledger_run_postpone(struct ledger *l, struct spool_req *r)
{
	const struct message *m = LIST_OF(r, struct spool_postpone, req)->m;
	struct bind b = {
		ledger_statement(
			l, STMT_POSTPONE,
			"UPDATE queue SET next_at = ?,"
			" reason = iif(state = 1, ?, reason)"
			" WHERE id = ? AND state = ? AND state IN (1, 3)"),
		0
	};

	bind_int(&b, m->next_at);
	bind_text(&b, m->reason);
	bind_int(&b, m->id);
	bind_int(&b, m->state);
	(void)ledger_do(l, b.s); /* somebody dropped it meanwhile: no matter */
	return ended(l, r);
}
