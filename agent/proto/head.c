#include "head.h"

#include "addrspec.h"
#include "field.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>

#define PATH_OCTETS  256u /* RFC 5321 4.5.3.1.3, with < and > */
#define TRACE_OCTETS 128u
#define KEPT_OCTETS  (64u << 10) /* of memory, from message to message */

struct head {
	/* header, as far as it arrived; [0, n) */
	char *raw; /* owned */
	size_t n, cap;
	bool header_done;
	bool line_is_empty; /* nothing but CRs since the last LF */

	/* all octets */
	uint64_t octets, repairs;
	int64_t growth; /* by repairs */
	uint64_t line;	/* octets of the present line so far */
	uint64_t crs;	/* CRs whose LF may still come */
	char last;
	unsigned flags;

	/* texts that the facts point to */
	char message_id[HEAD_TEXT_OCTETS];
	char path[PATH_OCTETS];
	char print[3 * (HEAD_TEXT_OCTETS + 1)];
	char trace[HEAD_TRACES][TRACE_OCTETS];
};

struct head *head_new(void)
{
	struct head *h = mem_new(sizeof(*h));

	head_clear(h);
	return h;
}

void head_free(struct head *h)
{
	if (!h)
		return;
	free(h->raw);
	free(h);
}

void head_clear(struct head *h)
{
	if (h->cap > KEPT_OCTETS) {
		free(h->raw);
		h->raw = NULL;
		h->cap = 0;
	}
	h->n = 0;
	h->header_done = false;
	h->line_is_empty = true;
	h->octets = h->repairs = h->line = h->crs = 0;
	h->growth = 0;
	h->last = '\0';
	h->flags = 0;
}

struct view head_raw(const struct head *h)
{
	return h->n > 0 ? (struct view){ h->raw, h->n } : VIEW_NONE;
}

/* ---- all octets ---- */

static void end_line(struct head *h)
{
	if (h->line > HEAD_LINE_OCTETS)
		h->flags |= HEAD_LONG_LINE;
	h->line = 0;
}

/* CRs that turned out to stand alone: each becomes a space. */
static void bare_crs(struct head *h)
{
	h->repairs += h->crs;
	h->line += h->crs;
	h->crs = 0;
}

static void on_lf(struct head *h)
{
	if (h->crs != 1) { /* bare, or behind a run of CRs */
		h->repairs++;
		h->growth += 1 - (int64_t)h->crs;
	}
	h->crs = 0;
	end_line(h);
}

/* Octets without CR. */
static void scan_between(struct head *h, struct view v)
{
	while (v.n > 0) {
		size_t n = view_find(v, '\n');

		if (n > 0)
			bare_crs(h);
		h->line += n;
		if (n == v.n)
			return;
		on_lf(h);
		v = view_skip(v, n + 1);
	}
}

/* Lines: stray CR and LF, and how long they are. */
static void scan_lines(struct head *h, struct view v)
{
	while (v.n > 0) {
		size_t n = view_find(v, '\r');

		scan_between(h, view_head(v, n));
		if (n == v.n)
			return;
		if (h->crs == 0 && n + 1 < v.n && v.p[n + 1] == '\n') {
			end_line(h); /* the usual end, without detours */
			v = view_skip(v, n + 2);
			continue;
		}
		h->crs++;
		v = view_skip(v, n + 1);
	}
}

static bool has_8bit(struct view v)
{
	uint64_t all = 0;
	size_t i = 0;

	for (; i + 32 <= v.n; i += 32) {
		uint64_t w[4];

		memcpy(w, v.p + i, sizeof(w));
		all |= w[0] | w[1] | w[2] | w[3];
	}
	for (; i < v.n; i++)
		all |= (unsigned char)v.p[i];
	return all & 0x8080808080808080u;
}

static void scan_octets(struct head *h, struct view v, enum head_flag bit8)
{
	if (!(h->flags & bit8) && has_8bit(v))
		h->flags |= bit8;
	if (!(h->flags & HEAD_NUL) && v.n > 0 && memchr(v.p, '\0', v.n))
		h->flags |= HEAD_NUL;
}

/* ---- header ---- */

static void keep(struct head *h, struct view v)
{
	if (h->cap - h->n < v.n) {
		h->cap = h->cap ? h->cap : 4096;
		while (h->cap - h->n < v.n)
			h->cap *= 2;
		h->raw = mem_grow(h->raw, h->cap);
	}
	memcpy(h->raw + h->n, v.p, v.n);
	h->n += v.n;
}

/*
 * Octets of v up to the one that ends the header, that included; v.n if it does
 * not end in v. Sets header_done.
 */
static size_t header_part(struct head *h, struct view v)
{
	size_t at = 0;

	while (at < v.n) {
		struct view rest = view_skip(v, at);
		size_t crs = 0, lf;

		while (h->line_is_empty && crs < rest.n && rest.p[crs] == '\r')
			crs++;
		if (crs == rest.n)
			return v.n;
		if (rest.p[crs] == '\n' && h->line_is_empty) {
			h->header_done = true;
			return at + crs + 1;
		}
		lf = view_find(rest, '\n');
		h->line_is_empty = lf < rest.n;
		at += lf < rest.n ? lf + 1 : lf;
	}
	return v.n;
}

static struct view add_header(struct head *h, struct view v)
{
	size_t n = header_part(h, v), room = LIMIT_HEADER_SCAN - h->n;

	if (n > room) {
		n = room;
		h->header_done = true;
		h->flags |= HEAD_CUT;
	}
	if (n > 0)
		keep(h, view_head(v, n));
	scan_octets(h, view_head(v, n), HEAD_8BIT_HEADER);
	return view_skip(v, n);
}

struct view head_add(struct head *h, struct view octets)
{
	struct view body = octets;

	if (octets.n == 0)
		return VIEW_NONE;
	if (!h->header_done)
		body = add_header(h, octets);
	scan_octets(h, body, HEAD_8BIT_BODY);
	scan_lines(h, octets);
	h->octets += octets.n;
	h->last = octets.p[octets.n - 1];
	return body;
}

/* ---- facts ---- */

static void find_path(struct head *h, struct head_facts *f, struct view body)
{
	char text[PATH_OCTETS + 1];
	struct view v = { text, field_text(body, text, sizeof(text)) };

	f->path = HEAD_PATH_INVALID;
	if (v.n > PATH_OCTETS)
		return;
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		v = (struct view){ v.p + 1, v.n - 2 };
	if (v.n == 0) {
		f->path = HEAD_PATH_NULL;
	} else if (addrspec_ok(v)) {
		f->path = HEAD_PATH_ADDRESS;
		memcpy(h->path, v.p, v.n);
		f->return_path = (struct view){ h->path, v.n };
	}
}

static void find_trace(struct head *h, struct head_facts *f, struct view body)
{
	char text[TRACE_OCTETS + 1];
	struct view rest = { text, field_text(body, text, sizeof(text)) };
	struct view word = view_word(&rest);

	/* behind a space may stand what a broken message put there */
	if (f->traces == HEAD_TRACES || word.n > TRACE_OCTETS || word.n == 0)
		return;
	memcpy(h->trace[f->traces], word.p, word.n);
	f->trace[f->traces] = (struct view){ h->trace[f->traces], word.n };
	f->traces++;
}

/* Fields whose first one counts, and which make the fingerprint. */
enum print {
	PRINT_ID,
	PRINT_DATE,
	PRINT_FROM,
	PRINTS
};

static const struct view print_names[PRINTS] = {
	[PRINT_ID] = VIEW_LIT("Message-ID"),
	[PRINT_DATE] = VIEW_LIT("Date"),
	[PRINT_FROM] = VIEW_LIT("From"),
};

static void find_fingerprint(struct head *h, struct head_facts *f,
			     const struct view bodies[PRINTS])
{
	size_t n = 0, texts = 0;

	for (int i = 0; i < PRINTS; i++) {
		size_t got =
			field_text(bodies[i], h->print + n, HEAD_TEXT_OCTETS);

		texts += got;
		n += got;
		h->print[n++] = '\n';
	}
	if (texts > 0)
		f->fingerprint = (struct view){ h->print, n };
	f->message_id.n = field_text(bodies[PRINT_ID], h->message_id,
				     sizeof(h->message_id));
	f->message_id.p = h->message_id;
}

static void read_fields(struct head *h, struct head_facts *f)
{
	struct view header = head_raw(h), first[PRINTS];
	struct field field;

	for (int i = 0; i < PRINTS; i++)
		first[i] = VIEW_NONE;
	while (field_next(&header, &field)) {
		if (field_is(&field, VIEW_LIT("Received")))
			f->received++;
		else if (field_is(&field, VIEW_LIT("X-Mailhaul-Trace")))
			find_trace(h, f, field.body);
		else if (field_is(&field, VIEW_LIT("Return-Path")) &&
			 f->path == HEAD_PATH_NONE)
			find_path(h, f, field.body);
		for (int i = 0; i < PRINTS; i++)
			if (first[i].n == 0 && field_is(&field, print_names[i]))
				first[i] = field.body;
	}
	find_fingerprint(h, f, first);
}

void head_end(struct head *h, struct head_facts *facts)
{
	bare_crs(h);
	end_line(h);
	if (h->last == '\n')
		h->flags |= HEAD_ENDS_LINE;
	*facts = (struct head_facts){
		.octets = h->octets,
		.repairs = h->repairs,
		.repaired_octets = h->octets + (uint64_t)h->growth,
		.header_octets = (uint32_t)h->n,
		.flags = h->flags,
		.return_path = VIEW_NONE,
		.message_id = VIEW_NONE,
		.fingerprint = VIEW_NONE,
	};
	read_fields(h, facts);
}
