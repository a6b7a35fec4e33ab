#include "proxyurl.h"
#include "limits.h"
#include "must.h"
#include "serverurl.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	struct view name;
	enum config_proxy_kind kind;
	uint16_t port; /* RFC 1928 3; RFC 9110 4.2.1 */
} known[] = {
	{ VIEW_LIT("socks5"), CONFIG_PROXY_SOCKS5, 1080 },
	{ VIEW_LIT("http"), CONFIG_PROXY_HTTP, 80 },
};

/* What other programs have, and what to write instead. */
static const struct {
	struct view name;
	const char *why;
} refused[] = {
	{ VIEW_LIT("socks5h"), "write socks5://: the server's name is always "
			       "looked up at the proxy" },
	{ VIEW_LIT("socks"), "write socks5:// (older SOCKS is not spoken)" },
	{ VIEW_LIT("socks4"), "SOCKS4 is not spoken: write socks5://" },
	{ VIEW_LIT("socks4a"), "SOCKS4 is not spoken: write socks5://" },
	{ VIEW_LIT("https"), "TLS to the proxy itself is not spoken: write "
			     "http:// (TLS to the mail server is not touched "
			     "by that)" },
};

static bool say(char *why, size_t cap, const char *what)
{
	(void)snprintf(why, cap, "%s", what);
	return false;
}

void proxyurl_fini(struct config_proxy *p)
{
	free(p->host);
	if (p->user)
		secret_wipe(p->user, strlen(p->user));
	free(p->user);
	secret_fini(&p->password);
	*p = (struct config_proxy){ 0 };
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* out holds v.n + 1. false: a % without two digits, or what no line may hold */
static bool decode(struct view v, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		int high, low;

		out[n++] = v.p[i];
		if (v.p[i] != '%')
			continue;
		if (i + 2 >= v.n)
			return false;
		high = hex(v.p[i + 1]);
		low = hex(v.p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		out[n - 1] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = 0;
	return !view_breaks_line((struct view){ out, n });
}

static bool read_sign_in(struct view v, struct config_proxy *p, char *why,
			 size_t cap)
{
	size_t colon = view_find(v, ':');
	struct view password = view_skip(v, colon + 1);
	char *text = mem_new(password.n + 1);
	bool ok;

	p->user = mem_new(colon + 1);
	ok = decode(view_head(v, colon), p->user) && decode(password, text);
	if (ok)
		secret_set(&p->password, view_of(text));
	secret_wipe(text, password.n + 1);
	free(text);
	if (!ok)
		return say(why, cap,
			   "user or password: %XX stands for a character (%25 "
			   "for %, %40 for @, %3A for :, %2F for /), none of "
			   "them a line break or a NUL");
	if (!*p->user)
		return say(why, cap, "the user before the @ is missing");
	if (strlen(p->user) > LIMIT_PROXY_SIGN_IN ||
	    p->password.n > LIMIT_PROXY_SIGN_IN)
		return say(why, cap, "user or password is too long");
	if (p->kind == CONFIG_PROXY_HTTP && strchr(p->user, ':'))
		return say(why, cap,
			   "no user of an HTTP proxy can have a : in it");
	return true;
}

static bool find_kind(struct view name, struct config_proxy *p, char *why,
		      size_t cap)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (view_ieq(name, known[i].name)) {
			p->kind = known[i].kind;
			p->port = known[i].port;
			return true;
		}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (view_ieq(name, refused[i].name))
			return say(why, cap, refused[i].why);
	return say(why, cap,
		   "is neither socks5://HOST:PORT, http://HOST:PORT nor none");
}

static bool read_host(struct view v, struct config_proxy *p, char *why,
		      size_t cap)
{
	struct config_server s = { .port = p->port };
	bool ok = serverurl_host(v, &s, why, cap);

	if (ok) {
		p->host = mem_str(s.host);
		p->port = s.port;
	}
	serverurl_fini(&s);
	return ok;
}

/* Offset of the @ behind user and password, or v.n. */
static size_t find_at(struct view v)
{
	for (size_t i = v.n; i > 0; i--)
		if (v.p[i - 1] == '@')
			return i - 1;
	return v.n;
}

bool proxyurl_read(struct view url, struct config_proxy *p, char *why,
		   size_t cap)
{
	size_t colon = view_find(url, ':'), at;
	struct view rest = view_skip(url, colon);
	bool ok;

	*p = (struct config_proxy){ 0 };
	if (view_eq(url, VIEW_LIT("none")))
		return true;
	if (!view_starts(rest, VIEW_LIT("://")))
		return find_kind(VIEW_NONE, p, why, cap);
	if (!find_kind(view_head(url, colon), p, why, cap))
		return false;
	rest = view_skip(rest, 3);
	if (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	at = find_at(rest);
	ok = at == rest.n || read_sign_in(view_head(rest, at), p, why, cap);
	ok = ok && read_host(at < rest.n ? view_skip(rest, at + 1) : rest, p,
			     why, cap);
	if (!ok)
		proxyurl_fini(p);
	return ok;
}

char *proxyurl_show(const struct config_proxy *p)
{
	bool is_ipv6 = p->host && strchr(p->host, ':');
	struct text t;

	if (p->kind == CONFIG_PROXY_NONE)
		return mem_str("\"none\"");
	text_init(&t, 600);
	(void)text_fmt(&t, "\"%s://%s%s%s%s:%u\"",
		       p->kind == CONFIG_PROXY_SOCKS5 ? "socks5" : "http",
		       p->user ? "(set)@" : "", is_ipv6 ? "[" : "", p->host,
		       is_ipv6 ? "]" : "", p->port);
	return text_take(&t);
}
