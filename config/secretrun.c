#include "secretrun.h"
#include "credential.h"
#include "limits.h"
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct running {
	const char *name;
	pid_t pid;
	int pidfd, out;
	uint64_t until_ms;
	char *octets; /* owned; wiped */
	size_t n, cap;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool failed(struct err *err, const struct running *r, const char *why)
{
	(void)err_set(err, ERR_CONFIG, "password_command %.80s: %s", r->name,
		      why);
	return err_remedy(err, "it must be a program this user may run, and "
			       "print one line");
}

/* Waits until fd can be read or has ended. false: time is up. */
static bool wait_for(const struct running *r, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = now_ms();
	int n;

	while (now < r->until_ms) {
		n = poll(&p, 1, (int)(r->until_ms - now));
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
		now = now_ms();
	}
	return false;
}

static bool too_slow(struct err *err, const struct running *r)
{
	(void)err_set(err, ERR_RETRY,
		      "password_command %.80s: it took too long", r->name);
	return err_remedy(err, "it must print the secret without asking "
			       "anybody");
}

static bool read_out(struct running *r, struct err *err)
{
	ssize_t got = 1;

	while (got != 0) {
		if (!wait_for(r, r->out))
			return too_slow(err, r);
		if (r->n == r->cap)
			return failed(err, r, "it wrote too much");
		got = read(r->out, r->octets + r->n, r->cap - r->n);
		if (got < 0 && errno != EINTR)
			return failed(err, r, strerrordesc_np(errno));
		r->n += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static bool ended_well(struct running *r, struct err *err)
{
	int status;

	if (!wait_for(r, r->pidfd))
		return too_slow(err, r);
	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return failed(err, r, strerrordesc_np(errno));
	r->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status)) {
		(void)err_set(err, ERR_CONFIG,
			      "password_command %.80s: it failed with exit "
			      "code %d",
			      r->name, WEXITSTATUS(status));
		return err_remedy(err, "run it by hand, as this user, to see "
				       "what it says");
	}
	return failed(err, r, "it was killed by a signal");
}

/* 0 or an errno. */
static int spawn(struct running *r, char *const *argv, int write_end)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int failure;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
					       "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&files, write_end,
					       STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
					       "/dev/null", O_WRONLY, 0);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	failure = posix_spawnp(&r->pid, argv[0], &files, &attributes, argv,
			       environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	return failure;
}

static bool start(struct running *r, const struct config_list *argv,
		  struct err *err)
{
	char **copy = mem_new((argv->n + 1) * sizeof(*copy));
	int ends[2], failure;

	for (size_t i = 0; i < argv->n; i++)
		copy[i] = argv->item[i];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		free(copy);
		return failed(err, r, strerrordesc_np(errno));
	}
	r->out = ends[0];
	failure = spawn(r, copy, ends[1]);
	(void)close(ends[1]);
	free(copy);
	if (failure) {
		r->pid = 0;
		return failed(err, r, strerrordesc_np(failure));
	}
	r->pidfd = pidfd_open(r->pid, 0);
	return r->pidfd >= 0 || failed(err, r, strerrordesc_np(errno));
}

static void finish(struct running *r)
{
	if (r->pid > 0) {
		(void)kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r->pidfd >= 0)
		(void)close(r->pidfd);
	if (r->out >= 0)
		(void)close(r->out);
	secret_wipe(r->octets, r->cap);
	free(r->octets);
}

bool secretrun(const struct config_list *argv, uint32_t patience_ms,
	       struct secret *out, struct err *err)
{
	struct running r = {
		.name = argv->item[0],
		.pidfd = -1,
		.out = -1,
		.until_ms = now_ms() + patience_ms,
		.cap = LIMIT_SECRET_OCTETS + 3,
	};
	bool ok;

	r.octets = mem_new(r.cap);
	ok = start(&r, argv, err) && read_out(&r, err) && ended_well(&r, err) &&
	     credential_take((struct view){ r.octets, r.n }, r.name, out, err);
	finish(&r);
	return ok;
}
