/*
 * What recovery found is told by a command that fetches. Another one that
 * opened the ledger before (`queue retry`) leaves it to that.
 */
#include "ledger.h"

static bool add(struct ledger *l, const struct spool_found *f)
{
	struct bind b;

	if (!f->new_doubts && !f->crashed && !f->foreign)
		return true;
	b = (struct bind){
		ledger_statement(
			l, STMT_UNTOLD,
			"UPDATE site SET untold_doubts = untold_doubts + ?,"
			" untold_crashed = untold_crashed OR ?,"
			" untold_suspects = untold_suspects + ?,"
			" untold_poisoned = untold_poisoned + ?,"
			" untold_foreign = untold_foreign OR ?"),
		0
	};
	bind_uint(&b, f->new_doubts);
	bind_int(&b, f->crashed);
	bind_uint(&b, f->suspects);
	bind_uint(&b, f->poisoned);
	bind_int(&b, f->foreign);
	return ledger_do(l, b.s);
}

static bool take(struct ledger *l, struct spool_found *f)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_UNTOLD_LOAD,
		"SELECT untold_doubts, untold_crashed, untold_suspects,"
		" untold_poisoned, untold_foreign FROM site");

	while (ledger_row(l, s)) {
		f->new_doubts = (uint64_t)column_int(s, 0);
		f->crashed = column_int(s, 1) != 0;
		f->suspects = (uint64_t)column_int(s, 2);
		f->poisoned = (uint64_t)column_int(s, 3);
		f->foreign = column_int(s, 4) != 0;
	}
	return !l->broken &&
	       ((!f->new_doubts && !f->crashed && !f->foreign) ||
		ledger_exec(l, "UPDATE site SET untold_doubts = 0,"
			       " untold_crashed = 0, untold_suspects = 0,"
			       " untold_poisoned = 0, untold_foreign = 0"));
}

bool ledger_tell_found(struct ledger *l, bool keep, struct spool_found *f)
{
	return add(l, f) && (keep || take(l, f));
}
