/*
 * The anchor: a file beside the ledger whose time of birth the ledger knows.
 *
 * Nothing can carry that time over: who restores the state directory, or puts
 * an older copy over it, leaves a file that was born at another moment. Every
 * few hours it is made anew, so that a copy put back in place (which keeps the
 * file) finds a younger one. The next one is named in the ledger before it
 * takes the place of the last, so that either may be found after a power cut. A
 * file system that does not tell the time of birth, or a file that is missing,
 * proves nothing; the former is asked again as seldom as the file is made anew.
 */
#include "ledger.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RENEW_MS (6 * CLOCK_HOUR_MS)

/* 0: it is not there, or that is not told. */
static int64_t birth(const struct ledger *l, const char *name)
{
	struct statx st;

	if (statx(l->dir, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) != 0 ||
	    !(st.stx_mask & STATX_BTIME))
		return 0;
	return (int64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

struct anchor {
	int64_t now, next, at_ms; /* at_ms: when next was made */
};

static bool load(struct ledger *l, struct anchor *a)
{
	sqlite3_stmt *s = ledger_statement(
		l, STMT_ANCHOR_LOAD,
		"SELECT anchor, anchor_next, anchor_at FROM site");

	*a = (struct anchor){ 0 };
	while (ledger_row(l, s))
		*a = (struct anchor){ column_int(s, 0), column_int(s, 1),
				      column_int(s, 2) };
	return !l->broken;
}

static bool save(struct ledger *l, const struct anchor *a)
{
	struct bind b = { ledger_statement(l, STMT_ANCHOR,
					   "UPDATE site SET anchor = ?,"
					   " anchor_next = ?, anchor_at = ?"),
			  0 };

	bind_int(&b, a->now);
	bind_int(&b, a->next);
	bind_int(&b, a->at_ms);
	return ledger_do(l, b.s);
}

static int64_t make_next(const struct ledger *l)
{
	int fd;

	(void)unlinkat(l->dir, "anchor.new", 0);
	fd = openat(l->dir, "anchor.new",
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return 0;
	(void)close(fd);
	return birth(l, "anchor.new");
}

bool ledger_find_anchor(struct ledger *l, int64_t now_ms, bool *copied)
{
	struct anchor a;
	int64_t found;
	bool made; /* as far as it can be */

	*copied = false;
	if (l->dir < 0)
		return true;
	if (!load(l, &a))
		return false;
	found = birth(l, "anchor");
	*copied = found && a.next && found != a.now && found != a.next;
	made = found || (a.at_ms && !a.now && !a.next);
	if (made && !*copied && now_ms >= a.at_ms &&
	    now_ms < a.at_ms + RENEW_MS)
		return true;
	a = (struct anchor){ found, make_next(l), now_ms };
	l->anchor_waits = a.next != 0;
	return save(l, &a);
}

/* Behind the commit that names it. */
void ledger_drop_anchor(struct ledger *l)
{
	if (l->anchor_waits)
		(void)renameat(l->dir, "anchor.new", l->dir, "anchor");
	l->anchor_waits = false;
}
