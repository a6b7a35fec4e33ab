/*
 * notify_socket - tells the service manager how this process is (sd_notify(3)
 * by hand: one datagram to $NOTIFY_SOCKET, an absolute path or, behind @, an
 * abstract name).
 *
 * Without the variable every call does nothing. Type=notify needs no more; the
 * reload messages are understood by any systemd since 217, the monotonic time
 * in them by those that know Type=notify-reload (253).
 */
#ifndef CMD_NOTIFY_SOCKET_H
#define CMD_NOTIFY_SOCKET_H
#include <stdbool.h>
#include <stdint.h>

struct notify_socket {
	int fd; /* -1: nobody listens */
	char path[108];
	unsigned length;      /* of path; 0: none */
	uint64_t watchdog_ms; /* feed it so often; 0: it is not asked for */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of
 * the environment: they are not for the programs we start. */
void notify_socket_open(struct notify_socket *n);
void notify_socket_close(struct notify_socket *n);
void notify_ready(const struct notify_socket *n);
void notify_reloading(const struct notify_socket *n);
void notify_stopping(const struct notify_socket *n);
void notify_alive(const struct notify_socket *n); /* WATCHDOG=1 */
/* A line for `systemctl status`; without line ends. */
void notify_status(const struct notify_socket *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#endif
