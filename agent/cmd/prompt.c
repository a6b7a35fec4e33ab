#include "prompt.h"
#include "must.h"
#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct prompt {
	uv_poll_t input;
	struct task next;
	struct link questions; /* the first is on the screen if asking */
	int fd; /* owned: the terminal once more, see prompt_new() */
	bool asking, ended;
};

bool prompt_is_possible(void)
{
	return isatty(STDIN_FILENO) && term_is(STDERR_FILENO);
}

static void answer_first(struct prompt *p, struct view line)
{
	struct link *l = list_pop(&p->questions);
	struct prompt_question *q = LIST_OF(l, struct prompt_question, link);

	(void)uv_poll_stop(&p->input);
	p->asking = false;
	if (!list_empty(&p->questions))
		task_post(&p->next);
	q->answered(q, line);
}

/* A terminal gives whole lines. */
static void on_input(uv_poll_t *h, int status, int events)
{
	struct prompt *p = h->data;
	char line[256];
	ssize_t n;

	(void)events;
	n = status < 0 ? 0 : read(p->fd, line, sizeof(line));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		p->ended = true;
		n = 0;
	}
	answer_first(
		p, view_trim(view_head(
			   (struct view){ line, (size_t)n },
			   view_find((struct view){ line, (size_t)n }, '\n'))));
}

static void show_next(void *who)
{
	struct prompt *p = who;
	struct prompt_question *q;
	struct text out;

	if (p->asking || list_empty(&p->questions))
		return;
	p->asking = true;
	if (p->ended || uv_poll_start(&p->input, UV_READABLE, on_input) != 0) {
		answer_first(p, VIEW_NONE);
		return;
	}
	q = LIST_OF(p->questions.next, struct prompt_question, link);
	text_init(&out, 4096);
	q->words(q, &out);
	(void)!write(STDERR_FILENO, text_str(&out), out.n);
	text_fini(&out);
}

/*
 * The terminal is opened anew: libuv makes what it watches non-blocking, and
 * standard input shares that flag with our output and with the shell.
 */
struct prompt *prompt_new(struct loop *l)
{
	struct prompt *p;
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return NULL;
	p = mem_new(sizeof(*p));
	p->fd = fd;
	list_init(&p->questions);
	task_init(&p->next, l, show_next, p);
	if (uv_poll_init(loop_uv(l), &p->input, fd) != 0) {
		(void)close(fd);
		free(p);
		return NULL;
	}
	p->input.data = p;
	return p;
}

void prompt_ask(struct prompt *p, struct prompt_question *q)
{
	list_push(&p->questions, &q->link);
	task_post(&p->next);
}

bool prompt_is_asking(const struct prompt *p)
{
	return p && p->asking;
}

static void on_closed(uv_handle_t *h)
{
	struct prompt *p = h->data;

	(void)close(p->fd);
	free(p);
}

void prompt_free(struct prompt *p)
{
	if (!p)
		return;
	task_cancel(&p->next);
	(void)uv_poll_stop(&p->input);
	uv_close((uv_handle_t *)&p->input, on_closed);
}
