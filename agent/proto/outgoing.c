#include "outgoing.h"

#include "addrspec.h"
#include "field.h"
#include "must.h"

#include <inttypes.h>

#define DROP_NAMES 64u

/* ---- what stands in front ---- */

/* Octets that could end a line, a word or a comment become '?' (F6). */
static void put_safe(struct text *out, struct view v, size_t most)
{
	static const char also[] = "-._:[]+/=@";

	v = view_head(v, most);
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z') ||
			    (c && strchr(also, c) != NULL);

		MUST(text_put(out, (struct view){ fine ? &c : "?", 1 }));
	}
}

struct date {
	unsigned weekday, day, month, hour, minute, second; /* from 0, day 1 */
	int64_t year;
};

/* Days since 1970-01-01 to the calendar; years begin in March for it. */
static struct date date_of(int64_t unix_s)
{
	int64_t most = INT64_C(253402300799); /* the end of the year 9999 */
	int64_t s = unix_s < 0 ? 0 : unix_s > most ? most : unix_s;
	int64_t days = s / 86400, rest = s % 86400;
	int64_t shifted = days + 719468; /* from 0000-03-01 */
	int64_t era = shifted / 146097, in_era = shifted % 146097;
	int64_t year =
		(in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
		365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * in_year + 2) / 153;
	int64_t month = march < 10 ? march + 2 : march - 10;

	return (struct date){
		.weekday = (unsigned)((days + 4) % 7),
		.day = (unsigned)(in_year - (153 * march + 2) / 5 + 1),
		.month = (unsigned)month,
		.year = year + era * 400 + (month < 2),
		.hour = (unsigned)(rest / 3600),
		.minute = (unsigned)(rest / 60 % 60),
		.second = (unsigned)(rest % 60),
	};
}

void outgoing_date(struct text *out, int64_t unix_s)
{
	static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed",
						"Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	struct date d = date_of(unix_s);

	MUST(text_fmt(out, "%s, %02u %s %04" PRId64 " %02u:%02u:%02u +0000\r\n",
		      weekdays[d.weekday], d.day, months[d.month], d.year,
		      d.hour, d.minute, d.second));
}

static void put_recipient(struct text *out, struct view rcpt)
{
	/* in an ASCII header no UTF-8: RFC 5321 has no form for it */
	if (!addrspec_or_local_ok(rcpt) || addrspec_is_utf8(rcpt))
		return;
	MUST(text_puts(out, "\r\n\tfor <") && text_put(out, rcpt) &&
	     text_puts(out, ">"));
}

void outgoing_prefix(struct text *out, const struct outgoing_origin *o)
{
	MUST(text_puts(out, "Received: "));
	if (o->from.n > 0) {
		MUST(text_puts(out, "from "));
		put_safe(out, o->from, 255);
		MUST(text_puts(out, "\r\n\t"));
	}
	MUST(text_puts(out, "by "));
	put_safe(out, o->by.n > 0 ? o->by : VIEW_LIT("localhost"), 255);
	if (o->with.n > 0) {
		MUST(text_puts(out, " with "));
		put_safe(out, o->with, 32);
	}
	MUST(text_puts(out, " id "));
	put_safe(out, o->id, 64);
	put_recipient(out, o->recipient);
	MUST(text_puts(out, ";\r\n\t"));
	outgoing_date(out, o->unix_s);
	if (o->trace.n == 0)
		return;
	MUST(text_puts(out, "X-Mailhaul-Trace: "));
	put_safe(out, o->trace, 128);
	MUST(text_puts(out, "\r\n"));
}

/* ---- what is left out ---- */

/* Some name in the h= of a DKIM-Signature (colons between) is this one. */
static bool is_listed(struct view list, struct view name)
{
	while (list.n > 0) {
		size_t n = view_find(list, ':');

		if (view_ieq(field_trim(view_head(list, n)), name))
			return true;
		list = view_skip(list, n + 1);
	}
	return false;
}

/* Takes the names that the signature covers off the set. RFC 6376 3.2, 3.5 */
static uint64_t without_signed(uint64_t set, struct view signature,
			       const struct view *drop, size_t drops)
{
	while (signature.n > 0) {
		size_t end = view_find(signature, ';');
		struct view tag = view_head(signature, end);
		size_t sign = view_find(tag, '=');

		signature = view_skip(signature, end + 1);
		if (!view_eq(field_trim(view_head(tag, sign)), VIEW_LIT("h")))
			continue;
		for (size_t i = 0; i < drops; i++)
			if (is_listed(view_skip(tag, sign + 1), drop[i]))
				set &= ~(UINT64_C(1) << i);
	}
	return set;
}

/* The names that may be dropped, as a set of indices. */
static uint64_t droppable(struct view header, const struct view *drop,
			  size_t drops)
{
	uint64_t set = drops == 64 ? UINT64_MAX : (UINT64_C(1) << drops) - 1;
	struct field f;

	while (set && field_next(&header, &f))
		if (field_is(&f, VIEW_LIT("DKIM-Signature")))
			set = without_signed(set, f.body, drop, drops);
	return set;
}

static bool is_dropped(const struct field *f, uint64_t set,
		       const struct view *drop, size_t drops)
{
	if (f->name.n == 0)
		return false;
	for (size_t i = 0; i < drops; i++)
		if ((set >> i & 1) && field_is(f, drop[i]))
			return true;
	return false;
}

/* Octets of v once repaired; v begins and ends at line ends. */
static uint64_t repaired_octets(struct view v)
{
	uint64_t n = 0, crs = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\r') {
			crs++;
			continue;
		}
		n += v.p[i] == '\n' ? 2 : crs + 1;
		crs = 0;
	}
	return n + crs;
}

static bool add_range(struct outgoing_plan *p, uint32_t from, uint32_t to)
{
	if (p->ranges > 0 && p->range[p->ranges - 1].to == from) {
		p->range[p->ranges - 1].to = to;
		return true;
	}
	if (p->ranges == LIMIT_DROP_RANGES)
		return false;
	p->range[p->ranges++] = (struct outgoing_range){ from, to };
	return true;
}

bool outgoing_plan(struct outgoing_plan *plan, const struct outgoing_facts *f,
		   struct view header, const struct view *drop, size_t drops,
		   size_t prefix_octets, struct err *err)
{
	uint64_t set, gone = 0;
	struct view rest = header;
	struct field field;

	MUST(drops <= DROP_NAMES && header.n <= LIMIT_HEADER_SCAN);
	plan->ranges = 0;
	set = droppable(header, drop, drops);
	while (set && field_next(&rest, &field)) {
		size_t to = header.n - rest.n;

		/* one that the scan cut off cannot be left out whole */
		if (!is_dropped(&field, set, drop, drops) ||
		    (rest.n == 0 && header.n < f->octets))
			continue;
		gone += repaired_octets(field.raw);
		if (!add_range(plan, (uint32_t)(to - field.raw.n),
			       (uint32_t)to))
			return err_set(err, ERR_LIMIT,
				       "more than %u header fields to leave "
				       "out in separate places",
				       LIMIT_DROP_RANGES);
	}
	plan->raw_octets = f->octets;
	plan->clean = f->repairs == 0;
	plan->end_line = !f->ends_line && f->octets > 0 &&
			 (plan->ranges == 0 ||
			  plan->range[plan->ranges - 1].to < f->octets);
	plan->octets = prefix_octets + f->repaired_octets - gone +
		       (plan->end_line ? 2 : 0);
	return true;
}

/* ---- the octets ---- */

static const char line_end[] = { '\r', '\n' };

void outgoing_init(struct outgoing *o, const struct outgoing_plan *plan,
		   struct view prefix)
{
	*o = (struct outgoing){ .plan = plan,
				.prefix = prefix,
				.state = prefix.n > 0 ? OUTGOING_IN_PREFIX
						      : OUTGOING_IN_MESSAGE };
}

uint64_t outgoing_at(const struct outgoing *o)
{
	return o->at;
}

/* Octets of in that need no repair: whole lines, and parts without CR, LF. */
static size_t clean_run(struct view in)
{
	size_t at = 0;

	for (;;) {
		struct view rest = view_skip(in, at);
		size_t cr = view_find(rest, '\r');
		size_t lf = view_find(view_head(rest, cr), '\n');

		if (lf < cr)
			return at + lf;
		if (cr + 1 >= rest.n || rest.p[cr + 1] != '\n')
			return at + cr;
		at += cr + 2;
	}
}

static void move(struct outgoing *o, struct view *in, size_t n)
{
	o->at += n;
	*in = view_skip(*in, n);
}

/* in is not empty. true: *out is set; false: the state or in moved on. */
static bool repair(struct outgoing *o, struct view *in, struct view *out)
{
	size_t n = o->within_end ? 1 : o->crs ? 0 : clean_run(*in);

	if (n > 0) {
		*out = view_head(*in, n);
		return true;
	}
	if (in->p[0] == '\r') {
		o->crs++;
		move(o, in, 1);
	} else if (in->p[0] == '\n') {
		o->crs = 0;
		o->state = OUTGOING_IN_LINE_END;
		move(o, in, 1);
	} else {
		o->spaces = o->crs;
		o->crs = 0;
		o->state = OUTGOING_IN_SPACES;
	}
	return false;
}

/* What stands at the raw offset: a range to skip, the end, or octets. */
static enum outgoing_step message(struct outgoing *o, struct view in,
				  struct view *out)
{
	const struct outgoing_plan *p = o->plan;

	while (o->state == OUTGOING_IN_MESSAGE) {
		uint64_t stop = p->raw_octets;

		if (o->range < p->ranges)
			stop = p->range[o->range].from;
		if (o->at < stop && in.n == 0)
			return OUTGOING_NEED;
		if (o->at < stop) {
			struct view part = in;

			if (stop - o->at < in.n)
				part.n = (size_t)(stop - o->at);
			if (p->clean)
				*out = part;
			else if (!repair(o, &part, out)) {
				in = view_skip(in, (size_t)(part.p - in.p));
				continue;
			}
			o->out = out->p;
			return OUTGOING_SEND;
		}
		if (o->range < p->ranges) {
			move(o, &in, p->range[o->range].to - stop);
			o->range++;
			continue;
		}
		o->spaces = o->crs;
		o->crs = 0;
		o->state = o->spaces	 ? OUTGOING_IN_SPACES
			   : p->end_line ? OUTGOING_IN_LAST_LINE_END
					 : OUTGOING_AT_END;
	}
	return outgoing_next(o, in, out);
}

enum outgoing_step outgoing_next(struct outgoing *o, struct view in,
				 struct view *out)
{
	static const char spaces[] = "                                ";

	switch (o->state) {
	case OUTGOING_IN_PREFIX:
		*out = view_skip(o->prefix, o->fixed_at);
		return OUTGOING_SEND;
	case OUTGOING_IN_MESSAGE:
		return message(o, in, out);
	case OUTGOING_IN_SPACES:
		*out = (struct view){ spaces, sizeof(spaces) - 1 };
		if (o->spaces < out->n)
			out->n = (size_t)o->spaces;
		return OUTGOING_SEND;
	case OUTGOING_IN_LINE_END:
	case OUTGOING_IN_LAST_LINE_END:
		*out = (struct view){ line_end + o->fixed_at,
				      sizeof(line_end) - o->fixed_at };
		return OUTGOING_SEND;
	case OUTGOING_AT_END:
		break;
	}
	return OUTGOING_DONE;
}

static void took_fixed(struct outgoing *o, size_t n, size_t whole,
		       enum outgoing_state then)
{
	o->fixed_at += n;
	MUST(o->fixed_at <= whole);
	if (o->fixed_at < whole)
		return;
	o->fixed_at = 0;
	o->state = then;
}

void outgoing_took(struct outgoing *o, size_t n)
{
	switch (o->state) {
	case OUTGOING_IN_PREFIX:
		took_fixed(o, n, o->prefix.n, OUTGOING_IN_MESSAGE);
		return;
	case OUTGOING_IN_MESSAGE:
		o->at += n;
		MUST(o->at <= o->plan->raw_octets);
		if (n > 0 && !o->plan->clean)
			o->within_end = o->out[n - 1] == '\r';
		return;
	case OUTGOING_IN_SPACES:
		MUST(n <= o->spaces);
		o->spaces -= n;
		if (o->spaces == 0)
			o->state = OUTGOING_IN_MESSAGE;
		return;
	case OUTGOING_IN_LINE_END:
		took_fixed(o, n, sizeof(line_end), OUTGOING_IN_MESSAGE);
		return;
	case OUTGOING_IN_LAST_LINE_END:
		took_fixed(o, n, sizeof(line_end), OUTGOING_AT_END);
		return;
	case OUTGOING_AT_END:
		MUST(n == 0);
		return;
	}
}
