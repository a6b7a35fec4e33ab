#include "trouble.h"

/*
 * The same trouble in other words? Servers put times and session names into
 * theirs (Dovecot: "(0.001 + 0.000 secs)"), so digits do not count.
 */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		while (*a >= '0' && *a <= '9')
			a++;
		while (*b >= '0' && *b <= '9')
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

bool trouble_note(struct spool_trouble *t, const struct err *err,
		  int64_t now_ms)
{
	const int64_t hour = 3600000, day = 24 * hour;
	char text[sizeof(t->text)];
	struct err words = *err;
	bool same, passing;

	words.remedy[0] = 0;
	err_line(&words, text, sizeof(text));
	same = t->class == err->class && same_words(t->text, text);
	passing = err->class == ERR_NETWORK || err->class == ERR_BUSY ||
		  (err->class == ERR_RETRY && err->origin != ERR_FROM_ERRNO);
	if (!same) {
		/* another network error is the same outage */
		if (!(passing && t->class == ERR_NETWORK)) {
			t->since_ms = now_ms;
			t->told_ms = 0;
			t->count = 0;
		}
		t->class = err->class;
		memcpy(t->text, text, sizeof(text));
		memcpy(t->remedy, err->remedy, sizeof(t->remedy));
	}
	t->count++;
	if (t->since_ms > now_ms) /* by a clock that was ahead */
		t->since_ms = now_ms;
	if (passing && now_ms - t->since_ms < hour)
		return false;
	if (t->told_ms && t->told_ms <= now_ms && now_ms - t->told_ms < day)
		return false;
	t->told_ms = now_ms;
	return true;
}

/* The words of both are one line by now: what fits stands where ours do. */
void trouble_err(const struct spool_trouble *t, struct err *err)
{
	struct view text = view_of(t->text);
	size_t n = view_ifind(text, VIEW_LIT(": "));

	(void)err_set(err, t->class, "%.*s", (int)n, t->text);
	if (n < text.n)
		(void)err_peer(err, view_skip(text, n + 2));
	(void)err_remedy(err, "%s", t->remedy);
}
