#include "err.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 0))) static void
set_what(struct err *e, const char *fmt, va_list ap)
{
	char raw[sizeof(e->what)];

	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	printable(e->what, sizeof(e->what), view_of(raw));
}

bool err_set(struct err *e, enum err_class class, const char *fmt, ...)
{
	va_list ap;

	*e = (struct err){ .class = class };
	va_start(ap, fmt);
	set_what(e, fmt, ap);
	va_end(ap);
	return false;
}

bool err_is_disk(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EIO ||
	       errnum == EFBIG || errnum == EROFS;
}

static enum err_class class_of(int errnum)
{
	if (err_is_disk(errnum))
		return ERR_DISK;
	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS)
		return ERR_RETRY;
	return ERR_NETWORK;
}

bool err_errno(struct err *e, int errnum, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	*e = (struct err){ .class = class_of(errnum),
			   .origin = ERR_FROM_ERRNO,
			   .code = errnum };
	va_start(ap, fmt);
	set_what(e, fmt, ap);
	va_end(ap);
	n = strlen(e->what);
	(void)snprintf(e->what + n, sizeof(e->what) - n, ": %s",
		       strerrordesc_np(errnum) ? strerrordesc_np(errnum)
					       : "unknown error");
	return false;
}

bool err_peer(struct err *e, struct view words)
{
	printable(e->peer, sizeof(e->peer), words);
	return false;
}

bool err_remedy(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->remedy, sizeof(e->remedy), fmt, ap);
	va_end(ap);
	return false;
}

bool err_within(struct err *e, const char *prefix)
{
	char was[sizeof(e->what)];

	memcpy(was, e->what, sizeof(was));
	(void)snprintf(e->what, sizeof(e->what), "%.60s: %.170s", prefix, was);
	return false;
}

void err_line(const struct err *e, char *out, size_t cap)
{
	const char *part[] = { e->what, e->peer, e->remedy };
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < 3; i++) {
		if (!part[i][0] || n >= cap - 1)
			continue;
		/* a server's full stop, but no ellipsis */
		if (n > 1 && out[n - 1] == '.' && out[n - 2] != '.')
			n--;
		n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ": " : "",
				      part[i]);
	}
}

const char *err_class_name(enum err_class class)
{
	switch (class) {
	case ERR_NONE:
		return "ok";
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_BUSY:
	case ERR_CANCELLED:
		return "network";
	case ERR_REFUSED:
		return "delivery";
	case ERR_AUTH:
		return "auth";
	case ERR_TRUST:
		return "tls";
	case ERR_PROTOCOL:
		return "protocol";
	case ERR_LIMIT:
		return "quota";
	case ERR_CONFIG:
		return "config";
	case ERR_STATE:
	case ERR_DISK:
	case ERR_BUG:
		return "storage";
	}
	return "network";
}

int err_exit(enum err_class class)
{
	switch (class) {
	case ERR_NONE:
		return 0;
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_REFUSED:
	case ERR_LIMIT:
	case ERR_BUSY:
	case ERR_CANCELLED:
		return 75;
	case ERR_AUTH:
	case ERR_TRUST:
		return 77;
	case ERR_PROTOCOL:
		return 76;
	case ERR_CONFIG:
		return 78;
	case ERR_STATE:
		return 73;
	case ERR_DISK:
		return 74;
	case ERR_BUG:
		return 70;
	}
	return 70;
}

static size_t rank(int code)
{
	static const int order[] = { 70, 73, 74, 78, 77, 76, 75, 0 };
	size_t i = 0;

	while (i < 7 && order[i] != code)
		i++;
	return i;
}

int err_worse(int a, int b)
{
	return rank(a) <= rank(b) ? a : b;
}
