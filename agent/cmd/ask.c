#include "ask.h"
#include "answer.h"
#include "control.h"
#include "must.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A holder that starts or ends is neither at its socket nor gone. */
#define TRIES	     40
#define TRY_PAUSE_NS 50000000

int ask_connect(const char *dir)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	char path[CONTROL_PATH];

	if (dirfd < 0)
		return -1;
	control_path(dirfd, path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		(void)close(fd);
		fd = -1;
	}
	(void)close(dirfd);
	return fd;
}

bool ask_is_held(const char *state_dir)
{
	int fd = ask_connect(state_dir);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool send_all(int fd, struct view v, struct err *err)
{
	while (v.n) {
		ssize_t n = send(fd, v.p, v.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "control socket");
		v = view_skip(v, (size_t)n);
	}
	return true;
}

/* false: err. *got 0: the other side has ended. */
static bool receive(int fd, char *p, size_t cap, size_t *got, struct err *err)
{
	struct pollfd w = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int ready;

	do
		ready = poll(&w, 1, ASK_PATIENCE_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return err_set(err, ERR_BUSY,
			       "the process that holds the state directory "
			       "does not answer");
	do
		n = read(fd, p, cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, errno, "control socket");
	*got = (size_t)n;
	return true;
}

static json_t *unwrap(const char *p, size_t n, struct err *err)
{
	json_t *all = json_loadb(p, n, 0, NULL), *out;
	int class;

	if (!all) {
		(void)err_set(
			err, ERR_BUSY,
			"the process that holds the state directory ended "
			"while it answered");
		(void)err_remedy(err, "try again");
		return NULL;
	}
	if (json_is_true(json_object_get(all, "ok"))) {
		out = json_incref(json_object_get(all, "answer"));
		json_decref(all);
		return out;
	}
	class = (int)json_integer_value(json_object_get(all, "class"));
	if (class <= ERR_NONE || class > ERR_BUG)
		class = ERR_BUG;
	(void)err_set(err, (enum err_class) class, "%s",
		      json_string_value(json_object_get(all, "what")));
	(void)err_remedy(err, "%s",
			 json_string_value(json_object_get(all, "remedy")));
	json_decref(all);
	return NULL;
}

/*
 * The first line of the answer, unwrapped; what was read behind it to *rest
 * (owned by *buf, which the caller frees).
 */
static json_t *read_answer(int fd, char **buf, struct view *rest,
			   struct err *err)
{
	size_t cap = 64u << 10, n = 0, got, end;
	char *p = mem_grow(NULL, cap);

	*buf = p;
	for (;;) {
		if (n == cap) {
			cap *= 2;
			*buf = p = mem_grow(p, cap);
		}
		if (!receive(fd, p + n, cap - n, &got, err))
			return NULL;
		end = n + view_find((struct view){ p + n, got }, '\n');
		n += got;
		if (got == 0 || end < n)
			break;
	}
	*rest = end < n ? (struct view){ p + end + 1, n - end - 1 } : VIEW_NONE;
	return unwrap(p, end < n ? end : n, err);
}

static bool send_request(int fd, const json_t *request, struct err *err)
{
	char *line = json_dumps(request, JSON_COMPACT);
	bool ok = send_all(fd, view_of(line), err) &&
		  send_all(fd, VIEW_LIT("\n"), err);

	free(line);
	return ok;
}

/* ---- the ledger itself ---- */

static json_t *empty_answer(const json_t *request, struct err *err)
{
	if (answer_is(request, "status"))
		return json_pack("{s:[], s:[], s:[], s:{s:i, s:i, s:i, s:i}}",
				 "accounts", "deliveries", "skipped", "queue",
				 "queued", 0, "held", 0, "in_doubt", 0,
				 "octets", 0);
	if (answer_is(request, "queue"))
		return json_pack("{s:[]}", "messages");
	if (answer_is(request, "trace"))
		return json_pack("{s:[], s:[], s:[], s:[]}", "messages",
				 "accounts", "skipped", "known");
	if (answer_is(request, "retry") || answer_is(request, "drop"))
		return json_pack("{s:i, s:i}", "changed", 0, "left", 0);
	(void)err_set(err, ERR_CONFIG, "the queue is empty");
	return NULL;
}

struct question {
	const json_t *request;
	json_t *out;
};

static bool run_answer(struct ledger *l, void *arg, struct err *err)
{
	struct question *q = arg;

	return answer(l, q->request, &q->out, err);
}

/* NULL: err. */
static struct spool *open_ledger(const char *dir, const json_t *request,
				 struct err *err)
{
	struct spool_options o = {
		.dir = dir,
		/* what changes something takes the directory as others do */
		.look_only = !answer_is(request, "retry") &&
			     !answer_is(request, "drop"),
		.untold = true, /* fetch tells of it */
	};
	struct spool_found found;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	o.now_ms = (int64_t)now.tv_sec * 1000;
	return spool_open(&o, &found, err);
}

enum way {
	WAY_SOCKET,
	WAY_LEDGER,
	WAY_EMPTY,
	WAY_NONE
};

static void pause_a_moment(void)
{
	struct timespec t = { .tv_nsec = TRY_PAUSE_NS };

	(void)nanosleep(&t, NULL);
}

/* Finds who answers: *fd for WAY_SOCKET, *s for WAY_LEDGER; WAY_NONE: err. */
static enum way find_way(const char *dir, const json_t *request, int *fd,
			 struct spool **s, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) != 0 && errno == ENOENT)
		return WAY_EMPTY;
	for (int i = 0; i < TRIES; i++) {
		*fd = ask_connect(dir);
		if (*fd >= 0)
			return WAY_SOCKET;
		*s = open_ledger(dir, request, err);
		if (*s)
			return WAY_LEDGER;
		if (err->class != ERR_BUSY || err->origin == ERR_FROM_SQLITE)
			return WAY_NONE;
		pause_a_moment();
	}
	return WAY_NONE;
}

json_t *ask(const char *state_dir, const json_t *request, struct err *err)
{
	struct question q = { .request = request };
	struct view rest;
	struct spool *s;
	char *buf = NULL;
	int fd;

	switch (find_way(state_dir, request, &fd, &s, err)) {
	case WAY_EMPTY:
		return empty_answer(request, err);
	case WAY_NONE:
		return NULL;
	case WAY_LEDGER:
		if (!spool_call_now(s, run_answer, &q, err)) {
			json_decref(q.out);
			q.out = NULL;
		}
		spool_close(s);
		return q.out;
	case WAY_SOCKET:
		if (send_request(fd, request, err))
			q.out = read_answer(fd, &buf, &rest, err);
		free(buf);
		(void)close(fd);
	}
	return q.out;
}

/* ---- a body ---- */

struct body_job {
	const json_t *request;
	bool (*put)(void *who, struct view octets);
	void *who;
	bool refused; /* put said no */
};

static bool put_octets(void *arg, struct view octets)
{
	struct body_job *j = arg;

	j->refused = octets.n && !j->put(j->who, octets);
	return !j->refused;
}

static bool copy_socket(int fd, uint64_t left, struct view rest,
			struct body_job *j, struct err *err)
{
	char piece[16384];
	size_t got;

	for (;;) {
		if (!put_octets(j, rest))
			return err_set(err, ERR_CANCELLED, "not written");
		left -= rest.n < left ? rest.n : left;
		if (left == 0)
			return true;
		if (!receive(fd, piece, sizeof(piece), &got, err))
			return false;
		if (got == 0)
			return err_set(err, ERR_BUSY,
				       "the message went away while it was "
				       "shown");
		rest = (struct view){ piece, got };
	}
}

static bool body_by_socket(int fd, struct body_job *j, struct err *err)
{
	char *buf = NULL;
	struct view rest;
	json_t *head = NULL;
	bool ok = false;

	if (send_request(fd, j->request, err))
		head = read_answer(fd, &buf, &rest, err);
	if (head)
		ok = copy_socket(fd,
				 (uint64_t)json_integer_value(
					 json_object_get(head, "octets")),
				 rest, j, err);
	json_decref(head);
	free(buf);
	return ok;
}

static bool run_body(struct ledger *l, void *arg, struct err *err)
{
	struct body_job *j = arg;
	struct message_place place;
	int64_t id = 0;

	if (!answer_place(l, j->request, &place, err))
		return false;
	(void)message_id_parse(
		view_of(json_string_value(json_object_get(j->request, "id"))),
		&id);
	if (!query_body(l, id, put_octets, j, err))
		return false;
	return !j->refused || err_set(err, ERR_CANCELLED, "not written");
}

bool ask_body(const char *state_dir, const char *id,
	      bool (*put)(void *who, struct view octets), void *who,
	      struct err *err)
{
	json_t *request = json_pack("{s:s, s:s}", "ask", "body", "id", id);
	struct body_job job = { .request = request, .put = put, .who = who };
	struct spool *s;
	bool ok = false;
	int fd;

	if (!request)
		return err_set(err, ERR_CONFIG, "not a queue id");
	switch (find_way(state_dir, request, &fd, &s, err)) {
	case WAY_EMPTY:
		(void)err_set(err, ERR_CONFIG, "the queue is empty");
		break;
	case WAY_NONE:
		break;
	case WAY_LEDGER:
		ok = spool_call_now(s, run_body, &job, err);
		spool_close(s);
		break;
	case WAY_SOCKET:
		ok = body_by_socket(fd, &job, err);
		(void)close(fd);
	}
	json_decref(request);
	return ok;
}
