#include "talk.h"
#include "must.h"
#include "text.h"

#include <stdlib.h>
#include <unistd.h>

#define PIECE (64u << 10) /* written at a time, and read */

struct talk {
	struct loop *loop;
	const struct talk_reports *reports; /* NULL: nobody hears */
	void *who;
	uv_pipe_t pipe;
	struct timer stall;
	uint32_t stall_ms;
	struct task lost;      /* gone, to be told from the loop */
	struct text in;	       /* the beginning of a line */
	struct text out, next; /* being written from at; what waits behind */
	size_t at;
	uv_write_t write;
	bool writing, closing;
	bool dead; /* nothing comes or goes any more */
	bool over; /* the handle is being closed */
	char buf[PIECE];
};

static void on_closed(uv_handle_t *h)
{
	struct talk *t = h->data;

	text_fini(&t->in);
	text_fini(&t->out);
	text_fini(&t->next);
	free(t);
}

void talk_cut(struct talk *t)
{
	t->reports = NULL;
	task_cancel(&t->lost);
	timer_stop(&t->stall);
	if (t->over)
		return;
	t->over = true;
	uv_close((uv_handle_t *)&t->pipe, on_closed);
}

/* Nothing more comes or goes; whose it is hears of it and closes it. */
static void lose(struct talk *t)
{
	if (t->closing) {
		talk_cut(t);
		return;
	}
	t->dead = true;
	(void)uv_read_stop((uv_stream_t *)&t->pipe);
	timer_stop(&t->stall);
	task_post(&t->lost);
}

static void tell_lost(void *who)
{
	struct talk *t = who;

	if (t->reports)
		t->reports->gone(t->who);
}

static void on_stall(void *who)
{
	lose(who);
}

/* ---- out ---- */

static void write_more(struct talk *t);

static void on_written(uv_write_t *w, int status)
{
	struct talk *t = w->data;

	t->writing = false;
	if (t->over || t->dead)
		return;
	if (status != 0)
		lose(t);
	else
		write_more(t);
}

static void write_more(struct talk *t)
{
	uv_buf_t b;
	size_t n;

	if (t->writing)
		return;
	if (t->at == t->out.n) {
		struct text done = t->out;

		t->out = t->next;
		t->next = done;
		text_clear(&t->next);
		t->at = 0;
	}
	timer_stop(&t->stall);
	n = t->out.n - t->at;
	if (n == 0) {
		if (t->closing)
			talk_cut(t);
		return;
	}
	if (n > PIECE)
		n = PIECE;
	b = uv_buf_init(t->out.p + t->at, (unsigned)n);
	t->at += n;
	t->write.data = t;
	t->writing = true;
	timer_start(&t->stall, t->stall_ms);
	if (uv_write(&t->write, (uv_stream_t *)&t->pipe, &b, 1, on_written)) {
		t->writing = false;
		lose(t);
	}
}

void talk_say(struct talk *t, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	bool fits;

	MUST(text);
	json_decref(line);
	fits = text_puts(&t->next, text) && text_puts(&t->next, "\n");
	free(text);
	if (t->over || t->dead)
		return;
	if (fits)
		write_more(t);
	else
		lose(t);
}

bool talk_is_idle(const struct talk *t)
{
	return !t->writing;
}

void talk_close(struct talk *t)
{
	t->reports = NULL;
	t->closing = true;
	if (t->dead || !t->writing) {
		talk_cut(t);
		return;
	}
	(void)uv_read_stop((uv_stream_t *)&t->pipe);
}

/* ---- in ---- */

static bool take_line(struct talk *t)
{
	json_t *line = json_loadb(t->in.p, t->in.n, 0, NULL);

	text_clear(&t->in);
	if (!json_is_object(line)) {
		json_decref(line);
		lose(t);
		return false;
	}
	t->reports->line(t->who, line);
	json_decref(line);
	return t->reports && !t->over && !t->dead;
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
	struct talk *t = h->data;

	(void)wanted;
	*b = uv_buf_init(t->buf, PIECE);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct talk *t = s->data;
	struct view v;
	size_t end;

	if (n < 0)
		lose(t);
	if (n <= 0)
		return;
	v = (struct view){ b->base, (size_t)n };
	while (v.n) {
		end = view_find(v, '\n');
		if (!text_put(&t->in, view_head(v, end))) {
			lose(t);
			return;
		}
		if (end == v.n || !take_line(t))
			return;
		v = view_skip(v, end + 1);
	}
}

struct talk *talk_new(struct loop *l, int fd, uint32_t stall_ms,
		      const struct talk_reports *r, void *who)
{
	struct talk *t = mem_new(sizeof(*t));

	t->loop = l;
	t->stall_ms = stall_ms;
	t->reports = r;
	t->who = who;
	text_init(&t->in, TALK_LINE);
	text_init(&t->out, TALK_WAITING);
	text_init(&t->next, TALK_WAITING);
	timer_init(&t->stall, l, on_stall, t);
	task_init(&t->lost, l, tell_lost, t);
	(void)uv_pipe_init(loop_uv(l), &t->pipe, 0);
	t->pipe.data = t;
	if (uv_pipe_open(&t->pipe, fd) != 0) {
		(void)close(fd);
		lose(t);
	} else if (uv_read_start((uv_stream_t *)&t->pipe, on_alloc, on_read)) {
		lose(t);
	}
	return t;
}
