#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct running {
	struct program *p;
	pid_t pid;
	int pidfd, in, out; /* ours; -1: closed */
	uint64_t until_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static enum program_end broken(struct running *r, int errnum)
{
	r->p->code = errnum;
	return PROGRAM_BROKEN;
}

/* Until one of them is ready. false: time is up. */
static bool wait_for(const struct running *r, struct pollfd *fds, nfds_t n)
{
	uint64_t now = now_ms();

	while (now < r->until_ms) {
		int got = poll(fds, n, (int)(r->until_ms - now));

		if (got > 0 || (got < 0 && errno != EINTR))
			return true;
		now = now_ms();
	}
	return false;
}

/* What it does not read it need not. */
static void give(struct running *r)
{
	ssize_t n = write(r->in, r->p->in.p, r->p->in.n);

	if (n > 0)
		r->p->in = view_skip(r->p->in, (size_t)n);
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || !r->p->in.n)
		shut(&r->in);
}

/* false: *end is set. */
static bool take(struct running *r, enum program_end *end)
{
	struct program *p = r->p;
	ssize_t n;

	if (p->n == p->out.n) {
		*end = PROGRAM_WORDY;
		return false;
	}
	n = read(r->out, p->out.p + p->n, p->out.n - p->n);
	if (n < 0 && errno != EINTR) {
		*end = broken(r, errno);
		return false;
	}
	p->n += n > 0 ? (size_t)n : 0;
	if (n == 0)
		shut(&r->out);
	return true;
}

/* Input and output, until both are over or it has ended without reading. */
static bool talk(struct running *r, enum program_end *end)
{
	while (r->in >= 0 || r->out >= 0) {
		struct pollfd fds[] = {
			{ .fd = r->out, .events = POLLIN },
			{ .fd = r->in, .events = POLLOUT },
			{ .fd = r->in >= 0 ? r->pidfd : -1, .events = POLLIN },
		};

		if (!wait_for(r, fds, 3)) {
			*end = PROGRAM_SLOW;
			return false;
		}
		if (fds[0].revents && !take(r, end))
			return false;
		if (fds[1].revents)
			give(r);
		else if (fds[2].revents)
			shut(&r->in);
	}
	return true;
}

static enum program_end ended(struct running *r)
{
	struct pollfd fd = { .fd = r->pidfd, .events = POLLIN };
	int status;

	if (!wait_for(r, &fd, 1))
		return PROGRAM_SLOW;
	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return broken(r, errno);
	r->pid = 0;
	r->p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	return WIFEXITED(status) ? PROGRAM_EXITED : PROGRAM_KILLED;
}

/* theirs: ends of pipes, or -1 for /dev/null. 0 or an errno. */
static int spawn(struct running *r, int their_in, int their_out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int failure;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	if (their_in >= 0)
		(void)posix_spawn_file_actions_adddup2(&files, their_in,
						       STDIN_FILENO);
	else
		(void)posix_spawn_file_actions_addopen(
			&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (their_out >= 0)
		(void)posix_spawn_file_actions_adddup2(&files, their_out,
						       STDOUT_FILENO);
	else
		(void)posix_spawn_file_actions_addopen(
			&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
					       "/dev/null", O_WRONLY, 0);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	failure = posix_spawnp(&r->pid, r->p->argv[0], &files, &attributes,
			       r->p->argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	if (failure)
		r->pid = 0;
	return failure;
}

static int start(struct running *r)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, failure = 0;

	if ((r->p->in.n && pipe2(in, O_CLOEXEC) != 0) ||
	    (r->p->out.n && pipe2(out, O_CLOEXEC) != 0) ||
	    (in[1] >= 0 && fcntl(in[1], F_SETFL, O_NONBLOCK) != 0))
		failure = errno;
	r->in = in[1];
	r->out = out[0];
	if (!failure)
		failure = spawn(r, in[0], out[1]);
	shut(&in[0]);
	shut(&out[1]);
	if (failure)
		return failure;
	r->pidfd = pidfd_open(r->pid, 0);
	return r->pidfd < 0 ? errno : 0;
}

static void finish(struct running *r)
{
	if (r->pid > 0) {
		(void)kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	shut(&r->pidfd);
	shut(&r->in);
	shut(&r->out);
}

enum program_end program_run(struct program *p)
{
	struct running r = {
		.p = p,
		.pidfd = -1,
		.in = -1,
		.out = -1,
		.until_ms = now_ms() + p->patience_ms,
	};
	enum program_end end;
	int failure;

	p->n = 0;
	failure = start(&r);
	if (failure)
		end = broken(&r, failure);
	else if (talk(&r, &end))
		end = ended(&r);
	finish(&r);
	return end;
}

const char *program_why(const struct program *p, enum program_end end,
			char *room, size_t cap)
{
	switch (end) {
	case PROGRAM_EXITED:
		(void)snprintf(room, cap, "it failed with exit code %d",
			       p->code);
		return p->code ? room : NULL;
	case PROGRAM_KILLED:
		return "it was killed by a signal";
	case PROGRAM_SLOW:
		(void)snprintf(room, cap, "it did not end within %u s",
			       (p->patience_ms + 999) / 1000);
		return room;
	case PROGRAM_WORDY:
		return "it wrote too much";
	case PROGRAM_BROKEN:
		break;
	}
	return strerrordesc_np(p->code);
}
