/*
 * `trace`: messages by what people know of them, and what happened to each.
 */
#include "must.h"
#include "query_private.h"

#include <stdio.h>
#include <stdlib.h>

/* The words are copies: the rows they come from are read one after another. */
struct events {
	struct query_event *at; /* owned, with their words */
	size_t n;
};

static void add(struct events *e, int64_t at_ms, const char *what,
		const char *words, int64_t attempt)
{
	e->at = mem_grow(e->at, (e->n + 1) * sizeof(*e->at));
	e->at[e->n++] = (struct query_event){
		.at_ms = at_ms,
		.what = what,
		.words = mem_str(words ? words : ""),
		.attempt = (uint32_t)attempt,
	};
}

static void events_fini(struct events *e)
{
	for (size_t i = 0; i < e->n; i++)
		free((void *)(uintptr_t)e->at[i].words);
	free(e->at);
}

static const char *outcome_name(int64_t outcome)
{
	switch (outcome) {
	case MESSAGE_SPOOLED:
		return "deferred";
	case MESSAGE_DOUBT:
		return "in_doubt";
	case MESSAGE_HELD:
		return "held";
	default:
		return "deferred";
	}
}

static const char *words_of(sqlite3_stmt *s, int reply, int reason)
{
	const char *words = (const void *)sqlite3_column_text(s, reply);

	if (!words)
		words = (const void *)sqlite3_column_text(s, reason);
	return words;
}

/* *held: one of them ended so. */
static void add_attempts(struct ledger *l, struct events *e, int64_t id,
			 bool *held)
{
	struct bind b = {
		ledger_statement(
			l, STMT_EVENTS,
			"SELECT n, sent_at, ended_at, outcome,"
			/* who refused it, and who is asked next */
			" iif(reason LIKE '%, now for %', reason, reply), reason"
			" FROM attempt WHERE message = ? ORDER BY n"),
		0
	};

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		int64_t n = column_int(b.s, 0), outcome = column_int(b.s, 3);

		add(e, column_int(b.s, 1), "attempt", "", n);
		add(e, column_int(b.s, 2), outcome_name(outcome),
		    words_of(b.s, 4, 5), n);
		*held = outcome == MESSAGE_HELD;
	}
}

static void add_settled(struct ledger *l, struct events *e, int64_t id)
{
	struct bind b = {
		ledger_statement(
			l, STMT_EVENT_SETTLED,
			"SELECT state, at, gone_at, attempts, sent_at, reply, reason,"
			" done FROM settled WHERE id = ?"),
		0
	};

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		int64_t n = column_int(b.s, 3);

		if (column_int(b.s, 0) == MESSAGE_DROPPED) {
			add(e, column_int(b.s, 1), "dropped",
			    (const void *)sqlite3_column_text(b.s, 6), 0);
			continue;
		}
		add(e, column_int(b.s, 4), "attempt", "", n);
		add(e, column_int(b.s, 1), "delivered", words_of(b.s, 5, 6), n);
		if (column_int(b.s, 0) == MESSAGE_GONE)
			add(e, column_int(b.s, 2), "deleted", "", 0);
		else if (column_int(b.s, 7) == LEDGER_DONE_MOVED)
			add(e, column_int(b.s, 2), "moved", "", 0);
	}
}

static void add_queued(struct ledger *l, struct events *e, int64_t id,
		       bool held)
{
	struct bind b = {
		ledger_statement(
			l, STMT_EVENT_QUEUED,
			"SELECT state, held_at, attempts, sent_at, reason FROM queue"
			" WHERE id = ?"),
		0
	};

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		int64_t state = column_int(b.s, 0);

		if (state == MESSAGE_SENDING)
			add(e, column_int(b.s, 3), "attempt", "",
			    column_int(b.s, 2));
		if (state == MESSAGE_HELD && !held)
			add(e, column_int(b.s, 1), "held",
			    (const void *)sqlite3_column_text(b.s, 4), 0);
	}
}

/* Copies that were left out because of this one. */
static void add_same(struct ledger *l, struct events *e, int64_t id)
{
	struct bind b = {
		ledger_statement(
			l, STMT_EVENT_SAME,
			"SELECT k.at, a.name, f.name, k.key FROM skipped k"
			" JOIN folder f ON f.id = k.folder"
			" JOIN account a ON a.id = f.account WHERE k.same = ?"),
		0
	};

	bind_int(&b, id);
	while (ledger_row(l, b.s)) {
		char *folder = column_text(b.s, 2), words[400], uid[16] = "";
		struct message_key key = column_key(b.s, 3);

		if (message_key_to_uid(&key))
			(void)snprintf(uid, sizeof(uid), " %u",
				       message_key_to_uid(&key));
		(void)snprintf(words, sizeof(words),
			       "%.64s%s%.250s%s is the same, and was left "
			       "there",
			       (const char *)sqlite3_column_text(b.s, 1),
			       *folder ? " " : "", folder, uid);
		add(e, column_int(b.s, 0), "duplicate", words, 0);
		free(folder);
	}
}

/* Few of them, nearly in order: stable. */
static void sort(struct events *e)
{
	for (size_t i = 1; i < e->n; i++) {
		struct query_event x = e->at[i];
		size_t k = i;

		for (; k > 0 && e->at[k - 1].at_ms > x.at_ms; k--)
			e->at[k] = e->at[k - 1];
		e->at[k] = x;
	}
}

static bool tell(struct ledger *l, const struct message *m,
		 bool (*row)(void *who, const struct query_row *,
			     const struct query_event *events, size_t n),
		 void *who)
{
	struct events e = { 0 };
	struct query_names names;
	struct query_row r = { .m = m };
	bool held = false, more;

	add(&e, m->fetched_at, "fetched", "", 0);
	add_attempts(l, &e, m->id, &held);
	add_queued(l, &e, m->id, held);
	add_settled(l, &e, m->id);
	add_same(l, &e, m->id);
	sort(&e);
	query_names(l, m->account, m->folder, &names);
	r.account = names.account;
	r.folder = names.folder;
	more = row(who, &r, e.at, e.n);
	free(names.folder);
	events_fini(&e);
	return more;
}

#define PART(column, n) "instr(lower(m." column "), lower(" n ")) > 0"

static void find(struct ledger *l, const struct query_trace *t,
		 const char *pattern, struct query_ids *ids)
{
	int64_t id = 0;
	struct bind b = {
		ledger_statement(
			l, STMT_TRACE,
			"SELECT m.id FROM message m WHERE m.fetched >= ?1"
			" AND (?2 IS NULL OR m.account IN"
			"  (SELECT id FROM account WHERE name = ?2))"
			" AND (?3 IS NULL OR " PART("sender", "?3") " OR " PART(
				"author",
				"?3") ")"
				      " AND (?4 IS NULL OR " PART(
					      "rcpts",
					      "?4") ")"
						    " AND (?5 IS NULL OR m.id = ?6 OR m.uid = ?5 OR " PART(
							    "message_id",
							    "?5") " OR " PART("sender",
									      "?5") " OR " PART("author",
												"?5") " OR " PART("rcpts",
														  "?5") ")"
															" ORDER BY m.id"),
		0
	};

	(void)message_id_parse(t->pattern, &id);
	bind_int(&b, t->since_ms);
	bind_text(&b, t->account);
	bind_text(&b, t->from);
	bind_text(&b, t->to);
	bind_text(&b, pattern);
	bind_int(&b, id);
	while (ledger_row(l, b.s))
		query_ids_add(ids, column_int(b.s, 0));
}

bool query_trace(struct ledger *l, const struct query_trace *t,
		 bool (*row)(void *who, const struct query_row *,
			     const struct query_event *events, size_t n),
		 void *who, struct err *err)
{
	struct query_ids ids = { 0 };
	char *pattern = NULL;
	bool more = true;

	if (t->pattern.n)
		message_set(&pattern, t->pattern);
	find(l, t, pattern, &ids);
	for (size_t i = 0; i < ids.n && more; i++) {
		struct message *m = ledger_load(l, ids.at[i]);

		if (!m)
			break;
		more = tell(l, m, row, who);
		message_free(m);
	}
	query_ids_fini(&ids);
	free(pattern);
	return query_ended(l, err);
}
