#include "crash.h"
#include "must.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC	     'C'
#define STACK_OCTETS 65536u

/* What the file begins with; the entries follow. */
struct head {
	char magic, boot[39]; /* of the machine, as the kernel names it */
};

static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
#define FATALS (sizeof(fatal) / sizeof(*fatal))

static struct crash_entry entries[CRASH_ENTRIES];
static volatile sig_atomic_t used[CRASH_ENTRIES];
static size_t hint;
static volatile sig_atomic_t watched = -1;
static struct head head;
static struct sigaction before[FATALS];
static char *stack; /* a handler needs one where ours has run over */

/* Only what may be called in a handler: signal-safety(7). */
static void write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done <= 0)
			return;
		at += done;
		n -= (size_t)done;
	}
}

static void on_fatal(int signum, siginfo_t *info, void *context)
{
	int fd = watched;

	(void)context;
	/* from the kernel, or from raise() and abort() of our own */
	if (fd >= 0 && (info->si_code > 0 || info->si_pid == getpid())) {
		watched = -1;
		write_all(fd, &head, sizeof(head));
		for (size_t i = 0; i < CRASH_ENTRIES; i++)
			if (used[i])
				write_all(fd, &entries[i], sizeof(entries[i]));
	}
	for (size_t i = 0; i < FATALS; i++)
		if (fatal[i] == signum)
			(void)sigaction(signum, &before[i], NULL);
	(void)raise(signum); /* blocked until this returns */
}

static void look_at_boot(struct head *h)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	*h = (struct head){ .magic = MAGIC };
	if (fd < 0)
		return;
	if (read(fd, h->boot, sizeof(h->boot) - 1) < 0)
		h->boot[0] = 0;
	(void)close(fd);
}

static void install(void)
{
	struct sigaction ours = { .sa_sigaction = on_fatal,
				  .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t s = { .ss_size = STACK_OCTETS };

	look_at_boot(&head);
	(void)sigemptyset(&ours.sa_mask);
	s.ss_sp = stack = mem_new(STACK_OCTETS);
	(void)sigaltstack(&s, NULL);
	for (size_t i = 0; i < FATALS; i++)
		(void)sigaction(fatal[i], &ours, &before[i]);
}

static void uninstall(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	for (size_t i = 0; i < FATALS; i++)
		(void)sigaction(fatal[i], &before[i], NULL);
	(void)sigaltstack(&none, NULL);
	free(stack);
	stack = NULL;
}

void crash_watch(int fd)
{
	bool was = watched >= 0;

	watched = fd;
	if (fd >= 0 && !was)
		install();
	else if (fd < 0 && stack)
		uninstall();
}

int crash_note(const struct crash_entry *e)
{
	for (size_t i = 0; i < CRASH_ENTRIES; i++) {
		size_t n = (hint + i) % CRASH_ENTRIES;

		if (used[n])
			continue;
		entries[n] = *e;
		used[n] = 1;
		hint = n + 1;
		return (int)n;
	}
	return -1;
}

void crash_done(int n)
{
	if (n < 0)
		return;
	used[n] = 0;
	hint = (size_t)n;
}

void crash_excuse(void)
{
	watched = -1;
}

size_t crash_read(int fd, bool *crashed, struct crash_entry *out, size_t cap)
{
	struct head then, now;
	size_t n = 0;

	*crashed = pread(fd, &then, sizeof(then), 0) == sizeof(then);
	if (!*crashed)
		return 0;
	look_at_boot(&now);
	*crashed = memcmp(&then, &now, sizeof(now)) == 0;
	while (*crashed && n < cap &&
	       pread(fd, &out[n], sizeof(*out),
		     (off_t)(sizeof(then) + n * sizeof(*out))) ==
		       sizeof(*out)) {
		out[n].uid[sizeof(out[n].uid) - 1] = 0;
		n++;
	}
	return n;
}
