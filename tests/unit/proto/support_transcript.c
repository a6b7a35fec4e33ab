#include "support_transcript.h"

#include "must.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SCRIPT_MAX (64u << 20) /* octets of anything here */
#define CUT_ALL	   4096u       /* up to so many octets: cut at each */

enum kind {
	KIND_SERVER,
	KIND_CLIENT,
	KIND_COMMAND,
	KIND_REFUSED,
	KIND_EVENT,
	KIND_OCTETS,
	KIND_TLS,
	KIND_END,
};

struct line {
	enum kind kind;
	unsigned number;
	struct text text;
};

struct script {
	const char *path;
	bool whole;
	struct line *lines;
	size_t n;
	struct text stream; /* all the server sends, to choose cuts from */
};

/* How the octets are moved in one run. */
struct way {
	const char *name;
	size_t cut;    /* offset in the stream, or SIZE_MAX */
	size_t step;   /* at most so many octets in at once */
	size_t window; /* at most so many octets out at once */
};

/* Events in a form that does not depend on how a stream was cut. */
struct trace {
	struct text text, last;
	bool streaming;
};

struct run {
	const struct transcript_ops *ops;
	const struct script *script;
	const struct way *way;
	void *engine;
	size_t at;   /* octets of the stream given so far */
	size_t line; /* where in the script */
	struct trace want, got;
};

/* --- octets in writing --- */

static void escape_one(struct text *to, unsigned char c)
{
	if (c == '\r')
		text_puts(to, "\\r");
	else if (c == '\n')
		text_puts(to, "\\n");
	else if (c == '\t')
		text_puts(to, "\\t");
	else if (c == '\\')
		text_puts(to, "\\\\");
	else
		text_fmt(to, "\\x%02X", c);
}

void transcript_escape(struct text *to, struct view octets)
{
	size_t plain = 0;

	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];

		if (c >= 0x20 && c <= 0x7e && c != '\\')
			continue;
		text_put(to, view_head(view_skip(octets, plain), i - plain));
		escape_one(to, c);
		plain = i + 1;
	}
	text_put(to, view_skip(octets, plain));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* in: behind "\*". */
static bool repeat(struct text *to, struct view *in)
{
	size_t open = view_find(*in, '{'), close = view_find(*in, '}');
	struct text once;
	uint64_t times;
	bool ok;

	if (close == in->n || open > close ||
	    !view_number(view_head(*in, open), SCRIPT_MAX, &times))
		return false;
	text_init(&once, SCRIPT_MAX);
	ok = transcript_unescape(
		&once, view_head(view_skip(*in, open + 1), close - open - 1));
	while (ok && times--)
		ok = text_put(to, text_view(&once));
	text_fini(&once);
	*in = view_skip(*in, close + 1);
	return ok;
}

/* in: behind a backslash. */
static bool escape(struct text *to, struct view *in)
{
	static const char names[] = "rnt0\\", octets[] = "\r\n\t\0\\";
	char c = in->n ? in->p[0] : '?', octet;
	const char *at = c ? strchr(names, c) : NULL;
	int high, low;

	*in = view_skip(*in, 1);
	if (at) {
		octet = octets[at - names];
		return text_put(to, (struct view){ &octet, 1 });
	}
	if (c == '*')
		return repeat(to, in);
	if (c != 'x' || in->n < 2)
		return false;
	high = hex(in->p[0]);
	low = hex(in->p[1]);
	octet = (char)(high << 4 | low);
	*in = view_skip(*in, 2);
	return high >= 0 && low >= 0 &&
	       text_put(to, (struct view){ &octet, 1 });
}

bool transcript_unescape(struct text *to, struct view written)
{
	while (written.n) {
		size_t plain = view_find(written, '\\');

		if (!text_put(to, view_head(written, plain)))
			return false;
		written = view_skip(written, plain);
		if (!written.n)
			break;
		written = view_skip(written, 1);
		if (!escape(to, &written))
			return false;
	}
	return true;
}

/* --- reading a script --- */

static void bad_line(const struct script *s, unsigned number, const char *why)
{
	fail_msg("%s:%u: %s", s->path, number, why);
}

static bool line_kind(struct view line, enum kind *kind, struct view *rest)
{
	static const struct {
		const char *mark;
		enum kind kind;
		bool alone;
	} kinds[] = {
		{ "S", KIND_SERVER, false },  { "C", KIND_CLIENT, false },
		{ ">", KIND_COMMAND, false }, { ">!", KIND_REFUSED, false },
		{ "=", KIND_EVENT, false },   { "B", KIND_OCTETS, false },
		{ "T", KIND_TLS, true },      { "E", KIND_END, true },
	};
	size_t end = view_find(line, ' ');

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!view_eq(view_head(line, end), view_of(kinds[i].mark)))
			continue;
		*kind = kinds[i].kind;
		*rest = view_skip(line, end + 1);
		return !kinds[i].alone || end == line.n;
	}
	return false;
}

static void take_octets(struct script *s, struct line *l, struct view rest)
{
	size_t slashes = 0;

	while (slashes < rest.n && rest.p[rest.n - 1 - slashes] == '\\')
		slashes++;
	if (slashes % 2)
		rest.n--;
	if (!transcript_unescape(&l->text, rest))
		bad_line(s, l->number, "a malformed escape");
	if (slashes % 2 == 0)
		text_puts(&l->text, "\r\n");
}

static void take_line(struct script *s, unsigned number, struct view line)
{
	struct line l = { .number = number };
	struct view rest;

	if (line.n == 0 || line.p[0] == '#')
		return;
	if (view_eq(line, VIEW_LIT("%whole"))) {
		s->whole = true;
		return;
	}
	if (!line_kind(line, &l.kind, &rest))
		bad_line(s, number, "not a line of a transcript");
	text_init(&l.text, SCRIPT_MAX);
	if (l.kind == KIND_SERVER || l.kind == KIND_CLIENT ||
	    l.kind == KIND_OCTETS)
		take_octets(s, &l, rest);
	else
		text_put(&l.text, rest);
	if (l.kind == KIND_SERVER)
		text_put(&s->stream, text_view(&l.text));
	s->lines = mem_grow(s->lines, (s->n + 1) * sizeof(*s->lines));
	s->lines[s->n++] = l;
}

static void script_read(struct script *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	*s = (struct script){ .path = path };
	text_init(&s->stream, SCRIPT_MAX);
	if (!f)
		fail_msg("%s: cannot be opened", path);
	for (unsigned number = 1; (n = getline(&line, &cap, f)) > 0; number++) {
		if (line[n - 1] == '\n')
			n--;
		take_line(s, number, (struct view){ line, (size_t)n });
	}
	free(line);
	fclose(f);
	if (s->n == 0)
		fail_msg("%s: nothing in it", path);
}

static void script_fini(struct script *s)
{
	for (size_t i = 0; i < s->n; i++)
		text_fini(&s->lines[i].text);
	free(s->lines);
	text_fini(&s->stream);
}

/* --- traces --- */

static void trace_clear(struct trace *t)
{
	text_clear(&t->text);
	text_clear(&t->last);
	t->streaming = false;
}

static void trace_event(struct trace *t, struct view words)
{
	text_puts(&t->text, t->text.n ? "\n= " : "= ");
	text_put(&t->text, words);
	t->streaming = false;
}

static void trace_stream(struct trace *t, struct view words, struct view octets)
{
	if (!t->streaming || !view_eq(text_view(&t->last), words)) {
		trace_event(t, words);
		text_puts(&t->text, "\nB ");
	}
	t->streaming = true;
	text_clear(&t->last);
	text_put(&t->last, words);
	transcript_escape(&t->text, octets);
}

/* --- one run --- */

static void differs(const struct run *r, const char *what, struct view want,
		    struct view got)
{
	fprintf(stderr, "%s:%u: %s (%s, cut %zd, at octet %zu)\n",
		r->script->path, r->script->lines[r->line].number, what,
		r->way->name, (ssize_t)r->way->cut, r->at);
	fprintf(stderr, "--- wanted\n%.*s\n--- got\n%.*s\n---\n",
		VIEW_ARG(want), VIEW_ARG(got));
	fail();
}

static void drain_events(struct run *r)
{
	struct text words;
	struct view stream = { NULL, 0 };

	text_init(&words, SCRIPT_MAX);
	while (r->ops->next(r->engine, &words, &stream)) {
		if (stream.p)
			trace_stream(&r->got, text_view(&words), stream);
		else
			trace_event(&r->got, text_view(&words));
		text_clear(&words);
		stream = (struct view){ NULL, 0 };
	}
	text_fini(&words);
}

static size_t next_piece(const struct run *r, size_t left)
{
	size_t n = left < r->way->step ? left : r->way->step;

	if (r->at < r->way->cut && r->way->cut - r->at < n)
		n = r->way->cut - r->at;
	return n;
}

static void feed(struct run *r, struct view octets)
{
	size_t begin = r->at;

	while (r->at - begin < octets.n) {
		size_t done = r->at - begin;
		size_t n = next_piece(r, octets.n - done);
		struct room room = r->ops->room(r->engine);

		if (room.n == 0)
			break; /* deaf: what should have come will be missed */
		if (n > room.n)
			n = room.n;
		memcpy(room.p, octets.p + done, n);
		r->at += n;
		r->ops->received(r->engine, n);
		drain_events(r);
	}
	r->at = begin + octets.n;
}

static void nothing_else_is_sent(struct run *r)
{
	struct view v = r->ops->pending(r->engine);
	struct text shown;

	if (v.n == 0)
		return;
	text_init(&shown, SCRIPT_MAX);
	transcript_escape(&shown, v);
	differs(r, "sent without a C line", VIEW_NONE, text_view(&shown));
}

static bool in_block(enum kind k)
{
	return k == KIND_SERVER || k == KIND_EVENT || k == KIND_OCTETS;
}

/* What the = and B lines from i on say should come. */
static void expect_block(struct run *r, size_t i)
{
	const struct line *l = r->script->lines;
	struct view words = VIEW_NONE;

	trace_clear(&r->want);
	for (; i < r->script->n && in_block(l[i].kind); i++) {
		bool streams =
			i + 1 < r->script->n && l[i + 1].kind == KIND_OCTETS;

		if (l[i].kind == KIND_EVENT)
			words = text_view(&l[i].text);
		if (l[i].kind == KIND_EVENT && !streams)
			trace_event(&r->want, words);
		if (l[i].kind == KIND_OCTETS)
			trace_stream(&r->want, words, text_view(&l[i].text));
	}
}

/* S and = lines; returns the first line behind them. */
static size_t play_block(struct run *r, size_t i)
{
	const struct script *s = r->script;
	struct text octets;

	expect_block(r, i);
	trace_clear(&r->got);
	text_init(&octets, SCRIPT_MAX);
	for (; i < s->n && in_block(s->lines[i].kind); i++)
		if (s->lines[i].kind == KIND_SERVER)
			text_put(&octets, text_view(&s->lines[i].text));
	if (octets.n)
		nothing_else_is_sent(r);
	drain_events(r);
	feed(r, text_view(&octets));
	text_fini(&octets);
	if (!view_eq(text_view(&r->want.text), text_view(&r->got.text)))
		differs(r, "events", text_view(&r->want.text),
			text_view(&r->got.text));
	return i;
}

static size_t play_sent(struct run *r, size_t i)
{
	const struct script *s = r->script;
	struct text want, got, shown;
	struct view v;

	text_init(&want, SCRIPT_MAX);
	text_init(&got, SCRIPT_MAX);
	text_init(&shown, SCRIPT_MAX);
	for (; i < s->n && s->lines[i].kind == KIND_CLIENT; i++)
		text_put(&want, text_view(&s->lines[i].text));
	while ((v = r->ops->pending(r->engine)).n) {
		v = view_head(v, r->way->window);
		text_put(&got, v);
		r->ops->sent(r->engine, v.n);
	}
	if (!view_eq(text_view(&want), text_view(&got))) {
		transcript_escape(&shown, text_view(&got));
		differs(r, "sent", text_view(&want), text_view(&shown));
	}
	text_fini(&want);
	text_fini(&got);
	text_fini(&shown);
	return i;
}

static void play_command(struct run *r, size_t i)
{
	const struct line *l = &r->script->lines[i];
	bool taken = r->ops->command(r->engine, text_view(&l->text));

	if (taken != (l->kind == KIND_COMMAND))
		differs(r, taken ? "taken" : "refused", VIEW_NONE,
			text_view(&l->text));
}

static void play_line(struct run *r)
{
	size_t i = r->line;

	switch (r->script->lines[i].kind) {
	case KIND_SERVER:
	case KIND_EVENT:
	case KIND_OCTETS:
		r->line = play_block(r, i);
		return;
	case KIND_CLIENT:
		r->line = play_sent(r, i);
		return;
	case KIND_COMMAND:
	case KIND_REFUSED:
		play_command(r, i);
		break;
	case KIND_TLS:
		nothing_else_is_sent(r);
		assert_non_null(r->ops->secured);
		r->ops->secured(r->engine);
		break;
	case KIND_END:
		nothing_else_is_sent(r);
		r->ops->eof(r->engine);
		break;
	}
	r->line = i + 1;
}

static void play(const struct transcript_ops *ops, const struct script *s,
		 const struct way *w)
{
	struct run r = { .ops = ops, .script = s, .way = w };

	text_init(&r.want.text, SCRIPT_MAX);
	text_init(&r.want.last, SCRIPT_MAX);
	text_init(&r.got.text, SCRIPT_MAX);
	text_init(&r.got.last, SCRIPT_MAX);
	r.engine = ops->new ();
	while (r.line < s->n)
		play_line(&r);
	r.line = s->n - 1;
	nothing_else_is_sent(&r);
	trace_clear(&r.got);
	drain_events(&r);
	if (r.got.text.n)
		differs(&r, "events behind the end", VIEW_NONE,
			text_view(&r.got.text));
	ops->free(r.engine);
	text_fini(&r.want.text);
	text_fini(&r.want.last);
	text_fini(&r.got.text);
	text_fini(&r.got.last);
}

/* --- all ways --- */

/* In a long stream not every place is interesting: line ends are. */
static bool worth_cutting(struct view stream, size_t at)
{
	size_t from = at > 3 ? at - 3 : 0;
	struct view near = view_head(view_skip(stream, from), 6);

	return stream.n <= CUT_ALL || at % (stream.n / 64) == 0 ||
	       view_find(near, '\n') < near.n;
}

void transcript_play(const struct transcript_ops *ops, const char *path)
{
	static const struct way whole = { "whole", SIZE_MAX, SIZE_MAX,
					  SIZE_MAX },
				narrow = { "one octet out", SIZE_MAX, SIZE_MAX,
					   1 },
				drip = { "one octet in", SIZE_MAX, 1,
					 SIZE_MAX };
	struct script s;

	script_read(&s, path);
	play(ops, &s, &whole);
	play(ops, &s, &narrow);
	if (!s.whole)
		play(ops, &s, &drip);
	for (size_t at = 1; !s.whole && at < s.stream.n; at++) {
		struct way cut = { "cut in two", at, SIZE_MAX, SIZE_MAX };

		if (worth_cutting(text_view(&s.stream), at))
			play(ops, &s, &cut);
	}
	script_fini(&s);
}

static int is_script(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

void transcript_play_all(const struct transcript_ops *ops, const char *folder)
{
	struct dirent **names;
	char dir[3000], path[4000];
	int n;

	snprintf(dir, sizeof(dir), "%s/transcripts/%s", TESTS_DIR, folder);
	n = scandir(dir, &names, is_script, alphasort);
	if (n <= 0)
		fail_msg("%s: no transcripts", dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		transcript_play(ops, path);
		free(names[i]);
	}
	free(names);
}
