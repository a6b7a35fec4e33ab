/*
 * A UID or unique-id that `trace` finds no message for: adopted, left at the
 * source, or handled so long ago that its history is gone.
 */
#include "query_private.h"

#include <stdlib.h>

struct search {
	struct ledger *l;
	bool (*row)(void *who, const struct query_known *);
	void *who;
	const char *account;
	bool more;
};

/* s: account, folder, fate, at, octets, reason; same, its account, its time */
static void tell(struct search *x, sqlite3_stmt *s)
{
	char *account = column_text(s, 0), *folder = column_text(s, 1);
	char *reason = column_text(s, 5), *same = column_text(s, 7);
	struct query_known k = {
		.account = account ? account : "",
		.folder = folder ? folder : "",
		.fate = (enum spool_fate)column_int(s, 2),
		.at_ms = column_int(s, 3),
		.octets = (uint64_t)column_int(s, 4),
		.reason = reason ? reason : "",
		.same = column_int(s, 6),
		.same_account = same ? same : "",
		.same_at_ms = column_int(s, 8),
	};

	x->more = x->row(x->who, &k);
	free(account);
	free(folder);
	free(reason);
	free(same);
}

static void each(struct search *x, sqlite3_stmt *s)
{
	while (x->more && ledger_row(x->l, s))
		tell(x, s);
	(void)sqlite3_reset(s);
}

#define OF_FOLDER                                                              \
	" JOIN folder f ON f.id = k.folder JOIN account a ON a.id = f.account" \
	" WHERE (?1 IS NULL OR a.name = ?1)"

static void in_spans(struct search *x, uint32_t uid)
{
	struct bind b = {
		ledger_statement(
			x->l, STMT_KNOWN_SPAN,
			"SELECT a.name, f.name, k.fate, k.day * 86400000, 0, '',"
			" 0, '', 0 FROM span k" OF_FOLDER
			" AND k.first <= ?2 AND k.last >= ?2"),
		0
	};

	bind_text(&b, x->account);
	bind_int(&b, uid);
	each(x, b.s);
}

static void in_idents(struct search *x, const struct message_key *key)
{
	struct bind b = {
		ledger_statement(
			x->l, STMT_KNOWN_IDENT,
			"SELECT a.name, f.name, k.fate, k.day * 86400000, 0, '',"
			" 0, '', 0 FROM ident k" OF_FOLDER " AND k.hash = ?2"),
		0
	};

	bind_text(&b, x->account);
	bind_key(&b, key);
	each(x, b.s);
}

static void in_skipped(struct search *x, const struct message_key *key)
{
	struct bind b = {
		ledger_statement(x->l, STMT_KNOWN_SKIPPED,
				 "SELECT a.name, f.name, ?3, k.at, k.octets,"
				 " k.reason, k.same, (SELECT o.name"
				 " FROM message m JOIN account o"
				 " ON o.id = m.account WHERE m.id = k.same),"
				 " (SELECT s.at FROM settled s WHERE"
				 " s.id = k.same AND s.state <> 7)"
				 " FROM skipped k" OF_FOLDER " AND k.key = ?2"),
		0
	};

	bind_text(&b, x->account);
	bind_key(&b, key);
	bind_int(&b, FATE_SKIPPED);
	each(x, b.s);
}

bool query_known(struct ledger *l, const struct query_whereabouts *q,
		 bool (*row)(void *who, const struct query_known *), void *who,
		 struct err *err)
{
	struct search x = { l, row, who, q->account, true };
	struct message_key name = q->name(l->key, q->uid), key;
	uint64_t uid;

	if (view_number(q->uid, UINT32_MAX, &uid) && uid) {
		key = message_key_uid((uint32_t)uid);
		in_spans(&x, (uint32_t)uid);
		in_skipped(&x, &key);
	}
	in_idents(&x, &name);
	in_skipped(&x, &name);
	return query_ended(l, err);
}
