#include "maildate.h"

/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
static int64_t civil_days(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) -
	       719468;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Skips spaces and comments (RFC 5322 3.2.2). */
static void skip_cfws(struct view *v)
{
	unsigned depth = 0;

	for (; v->n; *v = view_skip(*v, 1)) {
		char c = v->p[0];

		if (c == '\\' && depth && v->n > 1)
			*v = view_skip(*v, 1);
		else if (c == '(')
			depth++;
		else if (c == ')' && depth)
			depth--;
		else if (!depth && !is_space(c))
			return;
	}
}

static bool take_number(struct view *v, size_t least, size_t most,
			uint64_t *out)
{
	size_t n = 0;

	skip_cfws(v);
	while (n < v->n && n <= most && v->p[n] >= '0' && v->p[n] <= '9')
		n++;
	if (n < least || n > most || !view_number(view_head(*v, n), 9999, out))
		return false;
	*v = view_skip(*v, n);
	return true;
}

static struct view take_letters(struct view *v)
{
	size_t n = 0;
	struct view word;

	skip_cfws(v);
	while (n < v->n && ((v->p[n] | 32) >= 'a' && (v->p[n] | 32) <= 'z'))
		n++;
	word = view_head(*v, n);
	*v = view_skip(*v, n);
	return word;
}

static bool take_char(struct view *v, char c)
{
	skip_cfws(v);
	if (!v->n || v->p[0] != c)
		return false;
	*v = view_skip(*v, 1);
	return true;
}

static bool take_month(struct view *v, unsigned *month)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	struct view word = take_letters(v);

	for (unsigned m = 0; m < 12; m++)
		if (view_ieq(word, (struct view){ names + m * 3, 3 })) {
			*month = m + 1;
			return true;
		}
	return false;
}

/* Seconds east of UTC; an unknown name counts as UTC (RFC 5322 4.3). */
static int64_t take_zone(struct view *v)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 },
		      { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 },
		      { "PST", -8 }, { "PDT", -7 } };
	bool east = take_char(v, '+');
	struct view word;
	uint64_t hhmm;

	if (east || take_char(v, '-')) {
		if (!take_number(v, 4, 4, &hhmm))
			return 0;
		return (int64_t)(hhmm / 100 * 3600 + hhmm % 100 * 60) *
		       (east ? 1 : -1);
	}
	word = take_letters(v);
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
		if (view_ieq(word, view_of(zones[i].name)))
			return zones[i].hours * 3600;
	return 0;
}

static bool take_time(struct view *v, int64_t *seconds)
{
	uint64_t h, m, s = 0;

	if (!take_number(v, 1, 2, &h) || !take_char(v, ':') ||
	    !take_number(v, 2, 2, &m))
		return false;
	if (take_char(v, ':') && !take_number(v, 2, 2, &s))
		return false;
	if (h > 23 || m > 59 || s > 60)
		return false;
	*seconds = (int64_t)(h * 3600 + m * 60 + s);
	return true;
}

bool maildate_parse(struct view v, int64_t *unix_s)
{
	uint64_t day, year;
	unsigned month;
	int64_t seconds;

	if (take_letters(&v).n)
		(void)take_char(&v, ',');
	if (!take_number(&v, 1, 2, &day) || !take_month(&v, &month) ||
	    !take_number(&v, 2, 4, &year) || !take_time(&v, &seconds))
		return false;
	if (year < 50) /* RFC 5322 4.3 */
		year += 2000;
	else if (year < 1000)
		year += 1900;
	if (day < 1 || day > 31)
		return false;
	*unix_s = civil_days((int64_t)year, month, (unsigned)day) * 86400 +
		  seconds - take_zone(&v);
	return true;
}

bool maildate_received(struct view body, int64_t *unix_s)
{
	size_t at = body.n;

	while (at && body.p[at - 1] != ';')
		at--;
	return at && maildate_parse(view_skip(body, at), unix_s);
}
