#include "notice.h"
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

static bool ended(struct ledger *l, struct err *err)
{
	return !l->broken || ledger_failed(l, err, "");
}

bool notice_load(struct ledger *l, struct spool_notice **out, size_t *n,
		 struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_NOTICES,
		"SELECT cause, since, mailed, ran, over, mailed_n, ran_n"
		" FROM notice ORDER BY cause");

	*out = NULL;
	*n = 0;
	while (ledger_row(l, s)) {
		struct spool_notice *r;

		*out = mem_grow(*out, (*n + 1) * sizeof(**out));
		r = &(*out)[(*n)++];
		*r = (struct spool_notice){
			.since_ms = column_int(s, 1),
			.mailed_ms = column_int(s, 2),
			.ran_ms = column_int(s, 3),
			.over_ms = column_int(s, 4),
			.mailed_n = (uint64_t)column_int(s, 5),
			.ran_n = (uint64_t)column_int(s, 6),
		};
		column_chars(s, 0, r->cause, sizeof(r->cause));
	}
	return ended(l, err);
}

bool notice_save(struct ledger *l, const struct spool_notice *all, size_t n,
		 struct err *err)
{
	(void)ledger_exec(l, "DELETE FROM notice");
	for (size_t i = 0; i < n && !l->broken; i++) {
		struct bind b = {
			ledger_statement(
				l, STMT_NOTICE_PUT,
				"INSERT INTO notice (cause, since, mailed, ran,"
				" over, mailed_n, ran_n) VALUES (?,?,?,?,?,?,?)"),
			0
		};

		bind_text(&b, all[i].cause);
		bind_int(&b, all[i].since_ms);
		bind_int(&b, all[i].mailed_ms);
		bind_int(&b, all[i].ran_ms);
		bind_int(&b, all[i].over_ms);
		bind_uint(&b, all[i].mailed_n);
		bind_uint(&b, all[i].ran_n);
		(void)ledger_do(l, b.s);
	}
	return ended(l, err);
}

bool notice_waiting(struct ledger *l, struct spool_waiting **out, size_t *n,
		    struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_WAITING,
		/* the columns beside max() are of the row that has it */
		"SELECT coalesce(a.name, ''), q.state = 3, count(*),"
		" min(iif(q.state = 3, q.doubt_at, q.held_at)), max(q.id),"
		" coalesce(q.reply, q.reason) FROM queue q"
		" JOIN message m ON m.id = q.id"
		" LEFT JOIN account a ON a.id = m.account"
		" WHERE q.state = 4 OR (q.state = 3 AND q.next_at = 0)"
		" GROUP BY m.account, q.state ORDER BY a.name, q.state");

	*out = NULL;
	*n = 0;
	while (ledger_row(l, s)) {
		struct spool_waiting *w;

		*out = mem_grow(*out, (*n + 1) * sizeof(**out));
		w = &(*out)[(*n)++];
		*w = (struct spool_waiting){
			.doubt = column_int(s, 1) != 0,
			.n = (uint64_t)column_int(s, 2),
			.since_ms = column_int(s, 3),
		};
		column_chars(s, 0, w->account, sizeof(w->account));
		column_chars(s, 5, w->words, sizeof(w->words));
	}
	return ended(l, err);
}

bool notice_queued(struct ledger *l, uint64_t *n, char *words, size_t cap,
		   struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_NOTICE_QUEUED,
		"SELECT count(*), max(q.id), coalesce(q.reply, q.reason)"
		" FROM queue q JOIN message m ON m.id = q.id"
		" WHERE m.account = 0 AND q.state < 4");

	*n = 0;
	*words = 0;
	while (ledger_row(l, s)) {
		*n = (uint64_t)column_int(s, 0);
		column_chars(s, 2, words, cap);
	}
	return ended(l, err);
}

bool notice_metrics_load(struct ledger *l, struct spool_trouble *t,
			 struct err *err)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_SITE_TROUBLE,
		"SELECT trouble, trouble_text, trouble_remedy, trouble_since,"
		" trouble_told, trouble_count FROM site");

	*t = (struct spool_trouble){ 0 };
	while (ledger_row(l, s))
		ledger_trouble_row(s, 0, t);
	return ended(l, err);
}

bool notice_metrics_save(struct ledger *l, const struct spool_trouble *t,
			 struct err *err)
{
	struct bind b = { ledger_statement(
				  l, STMT_SITE_TROUBLE_SAVE,
				  "UPDATE site SET trouble = ?,"
				  " trouble_text = ?, trouble_remedy = ?,"
				  " trouble_since = ?, trouble_told = ?,"
				  " trouble_count = ?"),
			  0 };

	bind_trouble(&b, t);
	(void)ledger_do(l, b.s);
	return ended(l, err);
}
