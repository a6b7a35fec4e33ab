#include "tunnel.h"
#include "must.h"
#include "tunnel_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tunnel_say(struct tunnel *t, struct view octets)
{
	secret_set(&t->out, octets);
	t->out_at = 0;
}

void tunnel_await(struct tunnel *t, size_t want, void (*fn)(struct tunnel *))
{
	t->in_n = 0;
	t->want = want;
	t->took = fn;
}

void tunnel_fail(struct tunnel *t, enum err_class class, const char *fmt, ...)
{
	char rest[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	(void)err_set(&t->err, class, "the proxy %s %s", t->via, rest);
	t->state = TUNNEL_FAILED;
	t->want = 0;
	secret_fini(&t->out);
	secret_fini(&t->password);
}

struct tunnel *tunnel_new(const struct proxy *via, const char *host,
			  uint16_t port)
{
	struct tunnel *t = mem_new(sizeof(*t));
	char name[90];

	MUST(via->kind != PROXY_NONE);
	(void)snprintf(name, sizeof(name), "%.70s port %u", via->host,
		       via->port);
	t->kind = via->kind;
	t->via = mem_str(name);
	t->host = mem_str(host);
	t->port = port;
	t->user = mem_str(via->user);
	if (via->password)
		secret_set(&t->password, secret_view(via->password));
	switch (via->kind) {
	case PROXY_SOCKS5:
		socks5_begin(t);
		break;
	case PROXY_HTTP:
		connect_begin(t);
		break;
	case PROXY_NONE:
		break;
	}
	return t;
}

void tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	secret_fini(&t->out);
	secret_fini(&t->password);
	free(t->via);
	free(t->host);
	free(t->user);
	free(t);
}

struct room tunnel_room(struct tunnel *t)
{
	if (t->state != TUNNEL_ASKING)
		return (struct room){ t->in, 0 };
	return (struct room){ t->in + t->in_n, t->want };
}

void tunnel_received(struct tunnel *t, size_t n)
{
	MUST(n <= t->want);
	t->in_n += n;
	t->want -= n;
	/* a line that ends too early must not be waited on */
	if (t->want == 0 || t->kind == PROXY_HTTP)
		t->took(t);
}

void tunnel_cut(struct tunnel *t, const char *how)
{
	if (t->state != TUNNEL_ASKING)
		return;
	if (t->kind == PROXY_HTTP && connect_cut(t))
		return;
	tunnel_fail(t, ERR_NETWORK, "%s", how);
	(void)err_remedy(&t->err, "check `proxy`: its kind (socks5 or http), "
				  "host and port, and that it runs");
}

struct view tunnel_pending(const struct tunnel *t)
{
	return view_skip(secret_view(&t->out), t->out_at);
}

void tunnel_sent(struct tunnel *t, size_t n)
{
	t->out_at += n;
	if (t->out_at < t->out.n)
		return;
	secret_fini(&t->out);
	t->out_at = 0;
}

enum tunnel_state tunnel_state(const struct tunnel *t, struct err *err)
{
	if (t->state == TUNNEL_FAILED)
		*err = t->err;
	return t->state;
}

void proxy_key(const struct proxy *via, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s %s %u %s",
		       via->kind == PROXY_SOCKS5 ? "socks5" : "http", via->host,
		       via->port, via->user ? via->user : "");
}
