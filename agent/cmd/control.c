#include "control.h"
#include "answer.h"
#include "must.h"
#include "saving.h"
#include "shape.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE (64u << 10) /* of a body on its way */

struct control {
	struct loop *loop;
	struct spool *spool;
	struct control_hooks hooks;
	uv_pipe_t listener;
	int dirfd; /* -1: no listener */
	struct link clients;
	size_t nclients;
	unsigned open; /* listener and clients not closed yet */
	bool closing;
};

enum phase {
	PHASE_REQUEST,
	PHASE_ASKING,
	PHASE_ANSWER,
	PHASE_CLOSING
};

struct client {
	struct link link;
	struct control *control;
	uv_pipe_t pipe;
	bool pipe_closed;
	struct timer deadline;
	enum phase phase;
	struct text in; /* the request */
	char buf[4096];
	struct spool_call call;
	struct saving saving;
	bool is_out; /* call, or saving, is with the spool */
	json_t *request;
	char *answer; /* owned: the line */
	uv_write_t write;
	struct message_place place;
	uint64_t at;   /* octets of the body passed on */
	bool has_body; /* place is to follow */
	char *piece;   /* owned: PIECE octets */
};

void control_path(int dirfd, char out[CONTROL_PATH])
{
	(void)snprintf(out, CONTROL_PATH, "/proc/self/fd/%d/" CONTROL_NAME,
		       dirfd);
}

static void control_gone(struct control *c)
{
	if (--c->open > 0)
		return;
	if (c->dirfd >= 0)
		(void)close(c->dirfd);
	free(c);
}

/* Memory goes when both the handle is closed and the spool has answered. */
static void client_settle(struct client *cl)
{
	struct control *c = cl->control;

	if (!cl->pipe_closed || cl->is_out)
		return;
	list_drop(&cl->link);
	c->nclients--;
	text_fini(&cl->in);
	json_decref(cl->request);
	free(cl->answer);
	free(cl->piece);
	free(cl);
	control_gone(c);
}

static void on_client_closed(uv_handle_t *h)
{
	struct client *cl = h->data;

	cl->pipe_closed = true;
	client_settle(cl);
}

static void client_close(struct client *cl)
{
	if (cl->phase == PHASE_CLOSING)
		return;
	cl->phase = PHASE_CLOSING;
	timer_stop(&cl->deadline);
	uv_close((uv_handle_t *)&cl->pipe, on_client_closed);
}

static void on_deadline(void *who)
{
	client_close(who);
}

/* ---- the answer ---- */

static void on_written(uv_write_t *w, int status);

static void send_octets(struct client *cl, char *p, size_t n)
{
	uv_buf_t b = uv_buf_init(p, (unsigned)n);

	cl->write.data = cl;
	timer_start(&cl->deadline, CONTROL_STALL_MS);
	if (uv_write(&cl->write, (uv_stream_t *)&cl->pipe, &b, 1, on_written) !=
	    0)
		client_close(cl);
}

/*
 * A body that cannot be read any more ends the connection early; the client
 * knows how many octets were announced.
 */
static void send_piece(struct client *cl)
{
	struct room r = { cl->piece, PIECE };
	struct err err;
	size_t got;

	if (!spool_body_read(cl->control->spool, &cl->place, cl->at, r, &got,
			     &err) ||
	    got == 0) {
		client_close(cl);
		return;
	}
	cl->at += got;
	send_octets(cl, cl->piece, got);
}

static void on_written(uv_write_t *w, int status)
{
	struct client *cl = w->data;

	if (status != 0 || cl->phase != PHASE_ANSWER || !cl->has_body ||
	    cl->at >= cl->place.octets) {
		client_close(cl);
		return;
	}
	if (!cl->piece)
		cl->piece = mem_new(PIECE);
	send_piece(cl);
}

static char *answer_line(json_t *wrapped)
{
	char *text = json_dumps(wrapped, JSON_COMPACT);
	size_t n;

	MUST(text);
	json_decref(wrapped);
	n = strlen(text);
	text = mem_grow(text, n + 2);
	text[n] = '\n';
	text[n + 1] = 0;
	return text;
}

static char *refusal_line(const struct err *e)
{
	return answer_line(json_pack("{s:b, s:i, s:s, s:s, s:s}", "ok", 0,
				     "class", (int)e->class, "what", e->what,
				     "peer", e->peer, "remedy", e->remedy));
}

/* On the store thread. The line is made here too: it may be long. */
static bool run_call(struct ledger *l, void *arg, struct err *err)
{
	struct client *cl = arg;
	json_t *out;

	if (answer_is(cl->request, "body")) {
		if (!answer_place(l, cl->request, &cl->place, err))
			return false;
		cl->has_body = true;
	}
	if (!answer(l, cl->request, &out, err))
		return false;
	cl->answer =
		answer_line(json_pack("{s:b, s:o}", "ok", 1, "answer", out));
	return true;
}

static void send_answer(struct client *cl)
{
	cl->phase = PHASE_ANSWER;
	send_octets(cl, cl->answer, strlen(cl->answer));
}

static void refuse(struct client *cl, const struct err *err)
{
	free(cl->answer);
	cl->answer = refusal_line(err);
	cl->has_body = false;
	send_answer(cl);
}

static void on_called(struct spool_req *r)
{
	struct client *cl = r->who;

	cl->is_out = false;
	if (r->ok && cl->control->hooks.changed &&
	    (answer_is(cl->request, "retry") || answer_is(cl->request, "drop")))
		cl->control->hooks.changed(cl->control->hooks.who);
	if (cl->phase != PHASE_ASKING) {
		client_settle(cl);
		return;
	}
	if (r->ok)
		send_answer(cl);
	else
		refuse(cl, &r->err);
}

static void on_saved(void *who, struct saving *s)
{
	struct client *cl = who;

	cl->is_out = false;
	if (cl->phase != PHASE_ASKING) {
		client_settle(cl);
	} else if (!s->ok) {
		refuse(cl, &s->err);
	} else {
		cl->answer = answer_line(json_pack("{s:b, s:{s:o}}", "ok", 1,
						   "answer", "bodies",
						   shape_number(s->bodies)));
		send_answer(cl);
	}
}

/* false: it does not say where to. */
static bool begin_saving(struct client *cl)
{
	const char *file =
		json_string_value(json_object_get(cl->request, "file"));

	if (!file || *file != '/')
		return false;
	cl->phase = PHASE_ASKING;
	cl->is_out = true;
	cl->saving = (struct saving){ .loop = cl->control->loop,
				      .spool = cl->control->spool,
				      .path = file,
				      .closing = &cl->control->closing,
				      .done = on_saved,
				      .who = cl };
	saving_begin(&cl->saving);
	return true;
}

/* ---- the request ---- */

void control_hook(struct control *c, const struct control_hooks *h)
{
	c->hooks = *h;
}

static void answer_poll(struct client *cl)
{
	const struct control_hooks *h = &cl->control->hooks;
	const char *name =
		json_string_value(json_object_get(cl->request, "name"));
	bool told = h->poll && name && h->poll(h->who, name);

	cl->answer = answer_line(
		json_pack("{s:b, s:{s:b}}", "ok", 1, "answer", "polled", told));
	send_answer(cl);
}

/* The connection goes on without us. */
static void hand_over(struct client *cl)
{
	const struct control_hooks *h = &cl->control->hooks;
	uv_os_fd_t fd;
	int own = -1;

	if (!h->pass) {
		cl->answer = answer_line(json_pack("{s:b, s:{s:b}}", "ok", 1,
						   "answer", "pass", 0));
		send_answer(cl);
		return;
	}
	if (uv_fileno((uv_handle_t *)&cl->pipe, &fd) == 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own >= 0)
		h->pass(h->who, cl->request, own);
	client_close(cl);
}

static void asked(struct client *cl)
{
	struct err err;

	(void)uv_read_stop((uv_stream_t *)&cl->pipe);
	timer_stop(&cl->deadline);
	cl->request = json_loadb(cl->in.p, cl->in.n, 0, NULL);
	if (!cl->request) {
		(void)err_set(&err, ERR_CONFIG, "a request that is no JSON");
		refuse(cl, &err);
		return;
	}
	if (answer_is(cl->request, "poll")) {
		answer_poll(cl);
		return;
	}
	if (answer_is(cl->request, "pass")) {
		hand_over(cl);
		return;
	}
	if (answer_is(cl->request, "backup") && begin_saving(cl))
		return;
	if (answer_is(cl->request, "status") && cl->control->hooks.now)
		(void)json_object_set_new(
			cl->request, "run",
			cl->control->hooks.now(cl->control->hooks.who));
	cl->phase = PHASE_ASKING;
	cl->is_out = true;
	cl->call = (struct spool_call){
		.req = { .done = on_called, .who = cl, .urgent = true },
		.fn = run_call,
		.arg = cl
	};
	spool_call(cl->control->spool, &cl->call);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
	struct client *cl = h->data;

	(void)wanted;
	*b = uv_buf_init(cl->buf, sizeof(cl->buf));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct client *cl = s->data;
	struct view v;
	size_t end;

	if (n == 0)
		return;
	if (n < 0) {
		client_close(cl);
		return;
	}
	v = (struct view){ b->base, (size_t)n };
	end = view_find(v, '\n');
	if (!text_put(&cl->in, view_head(v, end))) {
		client_close(cl);
		return;
	}
	if (end < v.n)
		asked(cl);
}

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}

static struct client *client_new(struct control *c)
{
	struct client *cl = mem_new(sizeof(*cl));

	cl->control = c;
	text_init(&cl->in, ANSWER_REQUEST_OCTETS);
	timer_init(&cl->deadline, c->loop, on_deadline, cl);
	(void)uv_pipe_init(loop_uv(c->loop), &cl->pipe, 0);
	cl->pipe.data = cl;
	list_push(&c->clients, &cl->link);
	c->nclients++;
	c->open++;
	return cl;
}

static void client_begin(struct client *cl)
{
	uv_os_fd_t fd;

	if (cl->control->nclients > CONTROL_CLIENTS ||
	    uv_fileno((uv_handle_t *)&cl->pipe, &fd) != 0 || !may_ask(fd) ||
	    uv_read_start((uv_stream_t *)&cl->pipe, on_alloc, on_read) != 0) {
		client_close(cl);
		return;
	}
	timer_start(&cl->deadline, CONTROL_REQUEST_MS);
}

void control_client(struct control *c, int fd)
{
	struct client *cl = client_new(c);

	if (uv_pipe_open(&cl->pipe, fd) != 0) {
		(void)close(fd);
		client_close(cl);
		return;
	}
	client_begin(cl);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct control *c = s->data;
	struct client *cl;

	if (status != 0 || c->closing)
		return;
	cl = client_new(c);
	if (uv_accept(s, (uv_stream_t *)&cl->pipe) != 0)
		client_close(cl);
	else
		client_begin(cl);
}

/* ---- the socket ---- */

struct control *control_new(struct loop *l, struct spool *s)
{
	struct control *c = mem_new(sizeof(*c));

	c->loop = l;
	c->spool = s;
	c->dirfd = -1;
	c->open = 1;
	list_init(&c->clients);
	return c;
}

/*
 * The lock on the state directory is ours, so a socket that lies there belongs
 * to nobody alive.
 */
static int bound_socket(int dirfd, struct err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char path[CONTROL_PATH];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		(void)err_errno(err, errno, "control socket");
		return -1;
	}
	control_path(dirfd, path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	(void)unlinkat(dirfd, CONTROL_NAME, 0);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    fchmodat(dirfd, CONTROL_NAME, 0600, 0) != 0) {
		(void)err_errno(err, errno, "control socket");
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void on_listener_closed(uv_handle_t *h)
{
	control_gone(h->data);
}

struct control *control_serve(struct loop *l, struct spool *s, const char *dir,
			      struct err *err)
{
	struct control *c;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, rc;

	if (dirfd < 0) {
		(void)err_errno(err, errno, "%s", dir);
		return NULL;
	}
	fd = bound_socket(dirfd, err);
	if (fd < 0) {
		(void)close(dirfd);
		return NULL;
	}
	c = control_new(l, s);
	c->dirfd = dirfd;
	(void)uv_pipe_init(loop_uv(l), &c->listener, 0);
	c->listener.data = c;
	rc = uv_pipe_open(&c->listener, fd);
	if (rc != 0)
		(void)close(fd);
	else
		rc = uv_listen((uv_stream_t *)&c->listener, 16, on_connection);
	if (rc == 0)
		return c;
	(void)err_set(err, ERR_STATE, "control socket: %s", uv_strerror(rc));
	uv_close((uv_handle_t *)&c->listener, on_listener_closed);
	return NULL;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	c->closing = true;
	LIST_EACH(at, kept, &c->clients)
		client_close(LIST_OF(at, struct client, link));
	if (c->dirfd < 0) {
		control_gone(c);
		return;
	}
	(void)unlinkat(c->dirfd, CONTROL_NAME, 0);
	uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}
