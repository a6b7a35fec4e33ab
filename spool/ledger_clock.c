/*
 * The clock, as the ledger saw it: what is believed of it, and what was written
 * while it was ahead.
 */
#include "ledger.h"

static bool write_mark(struct ledger *l)
{
	struct bind b = { ledger_statement(
				  l, STMT_CLOCK,
				  "UPDATE site SET clock_at = ?,"
				  " clock_leapt = ?, clock_before = ?"),
			  0 };

	bind_int(&b, l->clock.at);
	bind_int(&b, l->clock.leapt);
	bind_int(&b, l->clock.before);
	return ledger_do(l, b.s);
}

bool ledger_load_clock(struct ledger *l)
{
	sqlite3_stmt *s = ledger_statement(l, STMT_CLOCK_LOAD,
					   "SELECT clock_at, clock_leapt,"
					   " clock_before FROM site");

	while (ledger_row(l, s))
		l->clock = (struct clock_mark){ .at = column_int(s, 0),
						.leapt = column_int(s, 1),
						.before = column_int(s, 2) };
	return !l->broken;
}

bool ledger_look_at_clock(struct ledger *l, int64_t now_ms)
{
	bool back, kept = clock_look(&l->clock, now_ms, &back);

	l->lag_ms = now_ms - clock_believed(&l->clock, now_ms);
	l->purge_due |= kept;
	return (!kept || write_mark(l)) &&
	       (!back || ledger_forget_future(l, now_ms));
}

/*
 * What was to happen long after now was planned while the clock was ahead: it
 * is due. The last attempt, poll or report, in the future, proves it; no pause
 * of an account or a folder is longer than two days.
 */
bool ledger_forget_future(struct ledger *l, int64_t now_ms)
{
	static const char *const sql[] = {
		"UPDATE queue SET next_at = ?1 WHERE state IN (1, 3)"
		" AND next_at > ?1 AND"
		" (sent_at > ?2 OR (sent_at = 0 AND next_at > ?2))",
		"UPDATE queue SET waiting_since = ?1"
		" WHERE waiting_since > ?1",
		"UPDATE account SET next_poll = 0 WHERE next_poll > ?3 OR"
		" (next_poll > ?1 AND"
		" (last_poll > ?2 OR trouble_since > ?2))",
		"UPDATE account SET trouble_told = min(trouble_told, ?1),"
		" trouble_since = min(trouble_since, ?1),"
		" unfetched_at = min(unfetched_at, ?1)"
		" WHERE max(trouble_told, trouble_since, unfetched_at) > ?1",
		"UPDATE delivery SET trouble_told = min(trouble_told, ?1),"
		" trouble_since = min(trouble_since, ?1)"
		" WHERE max(trouble_told, trouble_since) > ?1",
		"UPDATE site SET trouble_told = min(trouble_told, ?1),"
		" trouble_since = min(trouble_since, ?1)"
		" WHERE max(trouble_told, trouble_since) > ?1",
		"UPDATE delivery SET next_try = 0 WHERE next_try > ?2",
		"DELETE FROM pause WHERE until > ?2",
		"UPDATE folder SET acts_at = 0 WHERE acts_at > ?3",
		"UPDATE folder SET whole = 0 WHERE whole > ?2",
	};
	const int64_t at[] = { now_ms, now_ms + CLOCK_HOUR_MS,
			       now_ms + 2 * CLOCK_DAY_MS };

	if (!clock_is_set(now_ms))
		return true;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		sqlite3_stmt *s = NULL;
		bool ok;

		if (sqlite3_prepare_v2(l->db, sql[i], -1, &s, NULL) !=
		    SQLITE_OK)
			return ledger_break(l, "correcting times");
		for (int k = 0; k < sqlite3_bind_parameter_count(s); k++)
			(void)sqlite3_bind_int64(s, k + 1, at[k]);
		ok = ledger_do(l, s);
		(void)sqlite3_finalize(s);
		if (!ok)
			return false;
	}
	return true;
}
