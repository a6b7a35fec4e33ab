/* HTTP CONNECT: RFC 9110 9.3.6 in the form of HTTP/1.1 (RFC 9112 3.2.3). */
#include "base64.h"
#include "text.h"
#include "tunnel_private.h"

#include <stdio.h>

static void no_http(struct tunnel *t)
{
	bool is_socks = t->in_n && t->in[0] == 5;

	tunnel_fail(t, ERR_PROTOCOL, "does not speak HTTP");
	(void)err_remedy(&t->err,
			 is_socks ? "it speaks SOCKS5: write socks5:// in "
				    "`proxy`"
				  : "check kind, host and port in `proxy`");
}

static void say_sign_in(struct tunnel *t)
{
	tunnel_fail(t, ERR_CONFIG,
		    t->user ? "refuses its user and password"
			    : "wants somebody to sign in");
	if (!t->has_basic && t->wanted[0])
		(void)err_remedy(&t->err,
				 "it wants %s, mailhaul knows Basic alone: "
				 "ask its operator",
				 t->wanted);
	else
		(void)err_remedy(&t->err, "%s http://USER:PASSWORD@HOST:PORT",
				 t->user ? "correct them in `proxy`:"
					 : "write `proxy` as");
}

static void say_refusal(struct tunnel *t)
{
	bool may_pass = t->code >= 500 || t->code == 408 || t->code == 429;

	if (t->code == 501)
		may_pass = false;
	tunnel_fail(t, may_pass ? ERR_NETWORK : ERR_CONFIG, "%s %.60s port %u",
		    t->code == 403 ? "does not allow a connection to"
				   : "does not connect to",
		    t->host, t->port);
	if (may_pass)
		(void)err_remedy(&t->err, "it is the proxy that tried: check "
					  "host and port of `server`, then "
					  "its network");
	else if (t->code == 403)
		(void)err_remedy(&t->err, "its operator must allow host and "
					  "port (many allow 443 alone), or "
					  "take another `proxy`");
	else
		(void)err_remedy(&t->err, "check `proxy`: it must be a proxy "
					  "that does CONNECT");
}

static void refused(struct tunnel *t)
{
	char words[100];

	if (t->code == 407)
		say_sign_in(t);
	else
		say_refusal(t);
	(void)snprintf(words, sizeof(words), "%u %s", t->code, t->words);
	(void)err_peer(&t->err, view_trim(view_of(words)));
}

/* RFC 9110 9.3.6: any 2xx opens the tunnel, whatever its head says. */
static void took_head(struct tunnel *t)
{
	if (t->code >= 200 && t->code < 300) {
		t->state = TUNNEL_OPEN;
	} else if (t->code < 200 && t->code != 101) {
		t->code = 0; /* RFC 9110 15.2: an answer follows */
	} else {
		refused(t);
	}
}

/* RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be absent. */
static bool read_status(struct tunnel *t, struct view line)
{
	struct view code = view_head(view_skip(line, 9), 3);
	uint64_t number;

	if (line.n < 12 || !view_starts(line, VIEW_LIT("HTTP/1.")) ||
	    line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' ') ||
	    !view_number(code, 999, &number) || number < 100)
		return false;
	t->code = (unsigned)number;
	(void)snprintf(t->words, sizeof(t->words), "%.*s",
		       VIEW_ARG(view_skip(line, 13)));
	return true;
}

/* RFC 9110 11.7.1: the ways to sign in; each line begins with one. */
static void read_field(struct tunnel *t, struct view line)
{
	static const struct view name = VIEW_LIT("proxy-authenticate:");
	struct view value = view_trim(view_skip(line, name.n));
	size_t had = strlen(t->wanted);
	struct view scheme;

	if (!view_istarts(line, name))
		return;
	scheme = view_word(&value);
	if (view_ieq(scheme, VIEW_LIT("Basic")))
		t->has_basic = true;
	if (scheme.n == 0 || sizeof(t->wanted) - had < 16)
		return;
	if (had)
		t->wanted[had++] = ' ';
	printable(t->wanted + had, sizeof(t->wanted) - had,
		  view_head(scheme, 20));
}

static void took_line(struct tunnel *t, struct view line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (t->code == 0 && !read_status(t, line))
		no_http(t);
	else if (line.n == 0)
		took_head(t);
	else
		read_field(t, line);
}

/* What is no HTTP may never end a line: seen at its first octets. */
static bool begins_as_http(struct view line)
{
	static const struct view version = VIEW_LIT("HTTP/1.");
	size_t n = line.n < version.n ? line.n : version.n;

	return memcmp(line.p, version.p, n) == 0;
}

static void drop_line(struct tunnel *t)
{
	t->head_octets += t->seen;
	t->in_n -= t->seen;
	memmove(t->in, t->in + t->seen, t->in_n);
	t->seen = 0;
}

static void look(struct tunnel *t)
{
	struct view line = { t->in, ++t->seen };

	if (t->in[t->seen - 1] == '\n') {
		took_line(t, view_head(line, line.n - 1));
		drop_line(t);
	} else if (t->code == 0 && !begins_as_http(line)) {
		no_http(t);
	}
}

/*
 * How many octets the head must have yet, so that none behind it is taken: two,
 * but one at the beginning of a line, which may be the last, empty one.
 * RFC 9112 2.2 lets a lone LF end a line.
 */
static size_t at_least(const struct tunnel *t)
{
	bool is_begun = t->in_n > 1 || (t->in_n == 1 && t->in[0] != '\r');

	return is_begun || t->code == 0 ? 2 : 1;
}

static void took_octets(struct tunnel *t)
{
	while (t->state == TUNNEL_ASKING && t->seen < t->in_n)
		look(t);
	if (t->state != TUNNEL_ASKING)
		return;
	t->want = at_least(t);
	if (t->in_n + t->want <= sizeof(t->in) &&
	    t->head_octets + t->in_n <= LIMIT_PROXY_HEAD)
		return;
	tunnel_fail(t, ERR_PROTOCOL, "sends an answer without end");
	(void)err_remedy(&t->err, "check kind, host and port in `proxy`");
}

/* RFC 7617 2. Returns the octets put. */
static size_t put_sign_in(const struct tunnel *t, char *out)
{
	static const struct view name = VIEW_LIT("Proxy-Authorization: Basic ");
	char pair[2 * LIMIT_PROXY_SIGN_IN + 1];
	struct view user = view_head(view_of(t->user), LIMIT_PROXY_SIGN_IN);
	struct view password =
		view_head(secret_view(&t->password), LIMIT_PROXY_SIGN_IN);
	struct view v = { pair, user.n + 1 + password.n };
	size_t n = name.n;

	memcpy(pair, user.p, user.n);
	pair[user.n] = ':';
	memcpy(pair + user.n + 1, password.p, password.n);
	memcpy(out, name.p, n);
	n += base64_encode(v, out + n);
	secret_wipe(pair, sizeof(pair));
	memcpy(out + n, "\r\n", 2);
	return n + 2;
}

void connect_begin(struct tunnel *t)
{
	bool is_ipv6 = strchr(t->host, ':');
	char where[280], out[2048];
	size_t n;

	(void)snprintf(where, sizeof(where), "%s%.260s%s:%u",
		       is_ipv6 ? "[" : "", t->host, is_ipv6 ? "]" : "",
		       t->port);
	(void)snprintf(out, sizeof(out), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n",
		       where, where);
	n = strlen(out);
	if (t->user)
		n += put_sign_in(t, out + n);
	memcpy(out + n, "\r\n", 2);
	tunnel_say(t, (struct view){ out, n + 2 });
	secret_wipe(out, sizeof(out));
	secret_fini(&t->password);
	tunnel_await(t, 2, took_octets);
}

/* The end came before that of the head; the status line may be known. */
bool connect_cut(struct tunnel *t)
{
	if (t->code < 300)
		return false;
	refused(t);
	return true;
}
