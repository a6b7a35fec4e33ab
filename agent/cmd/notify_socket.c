#include "notify_socket.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"),
		   *pid = getenv("WATCHDOG_PID");
	uint64_t ms;

	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	/* sd_watchdog_enabled(3): in half the time, or sooner */
	ms = strtoull(usec, NULL, 10) / 1000 / 3;
	return strtoull(usec, NULL, 10) && !ms ? 1 : ms;
}

void notify_socket_open(struct notify_socket *n)
{
	const char *to = getenv("NOTIFY_SOCKET");
	size_t length = to ? strlen(to) : 0;

	*n = (struct notify_socket){ .fd = -1, .watchdog_ms = watchdog_ms() };
	if (length > 1 && length < sizeof(n->path) &&
	    (*to == '/' || *to == '@')) {
		memcpy(n->path, to, length);
		n->length = (unsigned)length;
		if (*to == '@')
			n->path[0] = 0;
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

void notify_socket_close(struct notify_socket *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

static void tell(const struct notify_socket *n, const char *words)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t length;

	if (n->fd < 0)
		return;
	memcpy(to.sun_path, n->path, n->length);
	length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n->length);
	/* a manager that does not read must not hold the loop */
	(void)sendto(n->fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT,
		     (const struct sockaddr *)&to, length);
}

void notify_ready(const struct notify_socket *n)
{
	tell(n, "READY=1\n");
}

void notify_reloading(const struct notify_socket *n)
{
	struct timespec now;
	char words[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(words, sizeof(words),
		       "RELOADING=1\nMONOTONIC_USEC=%lld\n",
		       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(n, words);
}

void notify_stopping(const struct notify_socket *n)
{
	tell(n, "STOPPING=1\n");
}

void notify_alive(const struct notify_socket *n)
{
	tell(n, "WATCHDOG=1\n");
}

void notify_status(const struct notify_socket *n, const char *fmt, ...)
{
	char words[400] = "STATUS=";
	size_t at = strlen(words);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words + at, sizeof(words) - at, fmt, args);
	va_end(args);
	tell(n, words);
}
