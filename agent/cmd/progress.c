#include "progress.h"
#include "term.h"
#include "when.h"

#include <stdio.h>
#include <unistd.h>

#define LINE_OCTETS 1024u
#define NAME_MOST   24u /* columns */

static void put_rate(uint64_t octets, uint64_t ms, struct text *out)
{
	char rate[TERM_OCTETS];

	if (ms < 500 || octets == 0)
		return;
	term_octets(octets * 1000 / ms, rate);
	(void)text_fmt(out, "  %s/s", rate);
}

static void put_left(uint64_t octets, uint64_t wanted, uint64_t ms,
		     struct text *out)
{
	char left[WHEN_TEXT];
	double rest;

	if (ms < 2000 || octets == 0 || wanted <= octets)
		return;
	rest = (double)(wanted - octets) * (double)ms / (double)octets;
	when_span_text((uint64_t)rest, left);
	(void)text_fmt(out, "  %s left", left);
}

static void put_fetching(const struct pass_account *a, uint64_t now_ms,
			 struct text *out)
{
	char got[TERM_NUMBER], of[TERM_NUMBER], octets[TERM_OCTETS];
	char all[TERM_OCTETS];
	uint64_t ms = now_ms > a->started_ms ? now_ms - a->started_ms : 0;

	if (a->wanted == 0) {
		(void)text_puts(out, "finishing");
		return;
	}
	term_number(a->fetched, got);
	term_number(a->wanted, of);
	term_octets(a->octets, octets);
	term_octets(a->wanted_octets, all);
	(void)text_fmt(out, "%s of %s  %s of %s", got, of, octets, all);
	put_rate(a->octets, ms, out);
	put_left(a->octets, a->wanted_octets, ms, out);
	if (a->delivered < a->fetched) {
		term_number(a->delivered, got);
		(void)text_fmt(out, "  %s delivered", got);
	}
}

static void cut(struct text *out, size_t from, size_t columns)
{
	struct view line = view_skip(text_view(out), from);

	out->n = from + term_cut(line, columns).n;
	if (out->p)
		out->p[out->n] = 0;
}

void progress_line(const struct pass_account *a, uint64_t now_ms,
		   size_t name_columns, size_t columns, struct text *out)
{
	size_t from = out->n;
	struct view name = term_cut(view_of(a->config->name), name_columns);

	(void)text_put(out, name);
	for (size_t w = term_width(name); w < name_columns + 2; w++)
		(void)text_puts(out, " ");
	switch (a->phase) {
	case PASS_WAITING:
		(void)text_puts(out, "waiting");
		break;
	case PASS_SIGNIN:
		(void)text_puts(out, "signing in");
		break;
	case PASS_LISTING:
		(void)text_puts(out, "looking");
		break;
	case PASS_FETCHING:
		put_fetching(a, now_ms, out);
		break;
	case PASS_DONE:
		(void)text_puts(out, "done");
		break;
	}
	cut(out, from, columns);
}

void progress_total(const struct pass_account *a, size_t n, uint64_t now_ms,
		    size_t columns, struct text *out)
{
	uint64_t done = 0, fetched = 0, octets = 0, begun = UINT64_MAX;
	size_t from = out->n;
	char number[TERM_NUMBER], size[TERM_OCTETS];

	for (size_t i = 0; i < n; i++) {
		done += a[i].phase == PASS_DONE;
		fetched += a[i].fetched;
		octets += a[i].octets;
		if (a[i].phase > PASS_WAITING && a[i].started_ms &&
		    a[i].started_ms < begun)
			begun = a[i].started_ms;
	}
	term_number(fetched, number);
	term_octets(octets, size);
	(void)text_fmt(out, "%u of %zu accounts done  %s messages  %s",
		       (unsigned)done, n, number, size);
	if (begun < now_ms)
		put_rate(octets, now_ms - begun, out);
	cut(out, from, columns);
}

static size_t name_columns(const struct progress *p)
{
	size_t most = 0;

	for (size_t i = 0; i < p->n; i++) {
		size_t w = term_width(view_of(p->accounts[i].config->name));

		if (w > most)
			most = w;
	}
	return most < NAME_MOST ? most : NAME_MOST;
}

/* Up to where the lines began, and clear from there to the end. */
static void put_clear(const struct progress *p, struct text *out)
{
	if (p->drawn)
		(void)text_fmt(out, "\033[%zuA\r\033[J", p->drawn);
}

static void put_lines(struct progress *p, struct text *out)
{
	size_t columns, rows, names = name_columns(p), lines = 0;
	uint64_t now = loop_now_ms(p->loop);

	term_size(p->fd, &columns, &rows);
	columns--; /* the last column would wrap */
	for (size_t i = 0; i < p->n && lines + 3 < rows; i++) {
		const struct pass_account *a = &p->accounts[i];

		if (a->phase == PASS_WAITING || a->phase == PASS_DONE)
			continue;
		progress_line(a, now, names, columns, out);
		(void)text_puts(out, "\n");
		lines++;
	}
	if (p->n > 1) {
		progress_total(p->accounts, p->n, now, columns, out);
		(void)text_puts(out, "\n");
		lines++;
	}
	p->drawn = lines;
}

static void write_out(const struct progress *p, struct text *out)
{
	/* a screen that takes nothing now gets the next picture */
	if (out->n)
		(void)!write(p->fd, out->p, out->n);
	text_fini(out);
}

static void on_tick(void *who)
{
	struct progress *p = who;
	struct text out;

	text_init(&out, 256u * LINE_OCTETS);
	put_clear(p, &out);
	put_lines(p, &out);
	write_out(p, &out);
}

void progress_begin(struct progress *p, struct loop *l, int fd,
		    const struct pass_account *accounts, size_t n)
{
	*p = (struct progress){
		.fd = fd, .accounts = accounts, .n = n, .loop = l
	};
	timer_init(&p->timer, l, on_tick, p);
	timer_every(&p->timer, PROGRESS_MS);
}

void progress_clear(struct progress *p)
{
	struct text out;

	text_init(&out, LINE_OCTETS);
	put_clear(p, &out);
	p->drawn = 0;
	write_out(p, &out);
}

void progress_end(struct progress *p)
{
	timer_stop(&p->timer);
	progress_clear(p);
}
