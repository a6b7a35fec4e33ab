/* SOCKS5: RFC 1928, with user and password as in RFC 1929. */
#include "tunnel_private.h"

#include <arpa/inet.h>
#include <stdio.h>

#define VERSION 5u

enum method { /* RFC 1928 3 */
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	METHOD_REFUSED = 0xff,
};

enum address_type { /* RFC 1928 4 */
	ADDRESS_IPV4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_IPV6 = 4,
};

static unsigned octet(const struct tunnel *t, size_t at)
{
	return (unsigned char)t->in[at];
}

static void no_socks5(struct tunnel *t)
{
	bool is_http = octet(t, 0) == 'H';

	tunnel_fail(t, ERR_PROTOCOL, "does not speak SOCKS5");
	(void)err_remedy(&t->err,
			 is_http ? "it speaks HTTP: write http:// in `proxy`"
				 : "check kind, host and port in `proxy`");
}

/* RFC 1928 6; the words are the RFC's, which a proxy says by number. */
static const char *words_of(unsigned reply)
{
	static const char *const words[] = {
		"",
		"general SOCKS server failure",
		"connection not allowed by ruleset",
		"Network unreachable",
		"Host unreachable",
		"Connection refused",
		"TTL expired",
		"Command not supported",
		"Address type not supported",
	};

	return reply < sizeof(words) / sizeof(words[0]) ? words[reply]
							: "unassigned";
}

static void refused(struct tunnel *t, unsigned reply)
{
	char words[64];
	bool is_rule = reply == 2, is_unable = reply == 7 || reply == 8;

	tunnel_fail(t, is_rule || is_unable ? ERR_CONFIG : ERR_NETWORK,
		    "%s %.60s port %u",
		    is_rule ? "does not allow a connection to"
			    : "cannot connect to",
		    t->host, t->port);
	(void)snprintf(words, sizeof(words), "%s (reply %u)", words_of(reply),
		       reply);
	(void)err_peer(&t->err, view_of(words));
	if (is_rule)
		(void)err_remedy(&t->err, "its operator must allow host and "
					  "port, or take another `proxy`");
	else if (is_unable)
		(void)err_remedy(&t->err, "another `proxy` is needed: this one "
					  "looks up no names, or connects "
					  "nobody");
	else
		(void)err_remedy(&t->err, "it is the proxy that tried: check "
					  "host and port of `server`, then "
					  "its network");
}

/* Where the proxy connects from: of no use, but it must be gone over. */
static void took_bound(struct tunnel *t)
{
	t->state = TUNNEL_OPEN;
}

static void took_name_length(struct tunnel *t)
{
	tunnel_await(t, octet(t, 0) + 2, took_bound);
}

static void took_reply_rest(struct tunnel *t)
{
	switch (octet(t, 1)) {
	case ADDRESS_IPV4:
		tunnel_await(t, 4 + 2, took_bound);
		return;
	case ADDRESS_IPV6:
		tunnel_await(t, 16 + 2, took_bound);
		return;
	case ADDRESS_NAME:
		tunnel_await(t, 1, took_name_length);
		return;
	}
	no_socks5(t);
}

/* Some proxies hang up behind the code of a refusal, without the rest. */
static void took_reply(struct tunnel *t)
{
	if (octet(t, 0) != VERSION)
		no_socks5(t);
	else if (octet(t, 1) != 0)
		refused(t, octet(t, 1));
	else
		tunnel_await(t, 2, took_reply_rest);
}

static size_t put_address(const struct tunnel *t, char *out)
{
	size_t n = strlen(t->host);

	if (inet_pton(AF_INET, t->host, out + 1) == 1) {
		out[0] = ADDRESS_IPV4;
		return 1 + 4;
	}
	if (inet_pton(AF_INET6, t->host, out + 1) == 1) {
		out[0] = ADDRESS_IPV6;
		return 1 + 16;
	}
	out[0] = ADDRESS_NAME;
	out[1] = (char)n;
	memcpy(out + 2, t->host, n);
	return 2 + n;
}

/* RFC 1928 4: CONNECT */
static void ask(struct tunnel *t)
{
	char out[3 + 2 + 255 + 2] = { VERSION, 1, 0 };
	size_t n;

	if (strlen(t->host) > 255) {
		tunnel_fail(t, ERR_CONFIG,
			    "cannot be asked for a name of "
			    "more than 255 octets");
		return;
	}
	n = 3 + put_address(t, out + 3);
	out[n++] = (char)(t->port >> 8);
	out[n++] = (char)(t->port & 0xff);
	tunnel_say(t, (struct view){ out, n });
	tunnel_await(t, 2, took_reply);
}

static void took_sign_in(struct tunnel *t)
{
	if (octet(t, 0) != 1) { /* RFC 1929 2: a version of its own */
		no_socks5(t);
		return;
	}
	if (octet(t, 1) == 0) {
		ask(t);
		return;
	}
	tunnel_fail(t, ERR_CONFIG, "refuses its user and password");
	(void)err_remedy(&t->err, "correct them in `proxy`: "
				  "socks5://USER:PASSWORD@HOST:PORT");
}

/* RFC 1929 2; config lets nothing longer through. */
static void sign_in(struct tunnel *t)
{
	struct view user = view_head(view_of(t->user), LIMIT_PROXY_SIGN_IN);
	struct view password =
		view_head(secret_view(&t->password), LIMIT_PROXY_SIGN_IN);
	char out[1 + 2 * (1 + LIMIT_PROXY_SIGN_IN)];
	size_t n = 0;

	out[n++] = 1;
	out[n++] = (char)user.n;
	memcpy(out + n, user.p, user.n);
	n += user.n;
	out[n++] = (char)password.n;
	memcpy(out + n, password.p, password.n);
	n += password.n;
	tunnel_say(t, (struct view){ out, n });
	secret_wipe(out, sizeof(out));
	secret_fini(&t->password);
	tunnel_await(t, 2, took_sign_in);
}

static void took_method(struct tunnel *t)
{
	unsigned method = octet(t, 1);

	if (octet(t, 0) != VERSION) {
		no_socks5(t);
	} else if (method == METHOD_NONE) {
		ask(t);
	} else if (method == METHOD_PASSWORD && t->user) {
		sign_in(t);
	} else if (method == METHOD_REFUSED) {
		tunnel_fail(t, ERR_CONFIG,
			    t->user ? "signs nobody in by user and password"
				    : "wants somebody to sign in");
		(void)err_remedy(&t->err,
				 t->user ? "ask its operator; mailhaul knows "
					   "no other way"
					 : "write `proxy` as "
					   "socks5://USER:PASSWORD@HOST:PORT");
	} else {
		no_socks5(t);
	}
}

/* RFC 1928 3: the proxy chooses one of the methods we name. */
void socks5_begin(struct tunnel *t)
{
	static const char plain[] = { VERSION, 1, METHOD_NONE };
	static const char both[] = { VERSION, 2, METHOD_NONE, METHOD_PASSWORD };

	tunnel_say(t, t->user ? (struct view){ both, sizeof(both) }
			      : (struct view){ plain, sizeof(plain) });
	tunnel_await(t, 2, took_method);
}
