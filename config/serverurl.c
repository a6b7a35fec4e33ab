#include "serverurl.h"
#include "form.h"
#include "ip.h"
#include "must.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>

struct scheme {
	struct view name;
	enum config_scheme scheme;
	uint16_t port;
	enum config_tls_mode tls;
};

static const struct scheme known[] = {
	{ VIEW_LIT("imap"), CONFIG_IMAP, 143, CONFIG_TLS_STARTTLS },
	{ VIEW_LIT("imaps"), CONFIG_IMAPS, 993, CONFIG_TLS_IMPLICIT },
	{ VIEW_LIT("pop3"), CONFIG_POP3, 110, CONFIG_TLS_STARTTLS },
	{ VIEW_LIT("pop3s"), CONFIG_POP3S, 995, CONFIG_TLS_IMPLICIT },
	{ VIEW_LIT("smtp"), CONFIG_SMTP, 25, CONFIG_TLS_STARTTLS },
	{ VIEW_LIT("smtps"), CONFIG_SMTPS, 465, CONFIG_TLS_IMPLICIT },
	{ VIEW_LIT("submission"), CONFIG_SUBMISSION, 587, CONFIG_TLS_STARTTLS },
	{ VIEW_LIT("submissions"), CONFIG_SUBMISSIONS, 465,
	  CONFIG_TLS_IMPLICIT },
	{ VIEW_LIT("lmtp"), CONFIG_LMTP, 0, CONFIG_TLS_STARTTLS },
	{ VIEW_LIT("maildir"), CONFIG_MAILDIR, 0, CONFIG_TLS_LOCAL },
};
#define SCHEMES (sizeof(known) / sizeof(known[0]))

/*
 * What people write that will not do, and what to write instead. IANA took port
 * 585 back on 2006-04-25: "use of 585 is not recommended, use 993 instead".
 */
static const struct {
	struct view name;
	const char *why;
} refused[] = {
	{ VIEW_LIT("pop2"), "pop2:// is POP2 (port 109), which no server has "
			    "spoken for decades: write pop3s://HOST "
			    "(smtps://HOST in a delivery)" },
	{ VIEW_LIT("imap4-ssl"),
	  "imap4-ssl:// is port 585, which was taken back in 2006 in favour "
	  "of 993: write imaps://HOST (smtps://HOST in a delivery)" },
	{ VIEW_LIT("http"),
	  "http:// is no mail protocol, and webmail is not read: write the "
	  "mail server, such as imaps://HOST (smtps://HOST in a delivery)" },
	{ VIEW_LIT("https"),
	  "https:// is no mail protocol, and webmail is not read: write the "
	  "mail server, such as imaps://HOST (smtps://HOST in a delivery)" },
	{ VIEW_LIT("pop"), "there is no pop://: write pop3s://HOST" },
	{ VIEW_LIT("pops"), "there is no pops://: write pop3s://HOST" },
	{ VIEW_LIT("imap4"), "there is no imap4://: write imaps://HOST" },
	{ VIEW_LIT("ssl"), "there is no ssl://: write imaps://HOST, "
			   "pop3s://HOST or smtps://HOST" },
};

const char *config_scheme_name(enum config_scheme scheme)
{
	return known[scheme].name.p;
}

enum server_use serverurl_use(enum config_scheme scheme)
{
	switch (scheme) {
	case CONFIG_IMAP:
	case CONFIG_IMAPS:
	case CONFIG_POP3:
	case CONFIG_POP3S:
		return SERVER_FETCHES;
	case CONFIG_SMTP:
	case CONFIG_SMTPS:
	case CONFIG_SUBMISSION:
	case CONFIG_SUBMISSIONS:
	case CONFIG_LMTP:
	case CONFIG_MAILDIR:
		return SERVER_DELIVERS;
	}
	return SERVER_DELIVERS;
}

bool config_is_pop3(const struct config_server *s)
{
	return s->scheme == CONFIG_POP3 || s->scheme == CONFIG_POP3S;
}

bool config_is_smtp(const struct config_server *s)
{
	return serverurl_use(s->scheme) == SERVER_DELIVERS &&
	       s->scheme != CONFIG_LMTP && s->scheme != CONFIG_MAILDIR;
}

bool config_is_lmtp(const struct config_server *s)
{
	return s->scheme == CONFIG_LMTP;
}

void serverurl_fini(struct config_server *s)
{
	free(s->url);
	free(s->host);
	free(s->path);
	*s = (struct config_server){ 0 };
}

void serverurl_copy(struct config_server *to, const struct config_server *from)
{
	*to = *from;
	to->url = mem_str(from->url);
	to->host = mem_str(from->host);
	to->path = mem_str(from->path);
}

static bool no_scheme(struct view url, char *why, size_t cap)
{
	size_t n = view_find(url, ':');

	(void)snprintf(why, cap,
		       "it begins with the protocol, such as imaps://%.*s "
		       "(smtps:// in a delivery)",
		       (int)(n < 200 ? n : 200), url.p);
	return false;
}

static const struct scheme *find_scheme(struct view name, char *why, size_t cap)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (view_ieq(name, known[i].name))
			return &known[i];
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (view_ieq(name, refused[i].name)) {
			(void)snprintf(why, cap, "%s", refused[i].why);
			return NULL;
		}
	(void)snprintf(why, cap,
		       "%.*s:// is not known: there are imaps imap pop3s pop3 "
		       "to fetch from, smtp submission submissions smtps lmtp "
		       "maildir to deliver to",
		       (int)(name.n < 100 ? name.n : 100), name.p);
	return NULL;
}

static bool say(char *why, size_t cap, const char *what)
{
	(void)snprintf(why, cap, "%s", what);
	return false;
}

static bool read_path(struct view v, struct config_server *s, char *why,
		      size_t cap)
{
	const char *home = getenv("HOME");
	char *path;

	if (view_starts(v, VIEW_LIT("///")))
		v = view_skip(v, 2);
	if (view_starts(v, VIEW_LIT("~/")) && home && home[0] == '/') {
		size_t n = strlen(home);

		path = mem_new(n + v.n);
		memcpy(path, home, n);
		memcpy(path + n, v.p + 1, v.n - 1);
		s->path = path;
	} else if (v.n > 1 && v.p[0] == '/' && v.p[1] != '/') {
		s->path = value_string(v);
	} else {
		return say(why, cap,
			   "a path from the root is wanted, such as "
			   "maildir:/home/me/Maildir");
	}
	s->host = mem_str("");
	return true;
}

static bool is_loopback(struct view host)
{
	return view_eq(host, VIEW_LIT("localhost")) ||
	       view_eq(host, VIEW_LIT("::1")) ||
	       (ip_is_v4(host) && view_starts(host, VIEW_LIT("127.")));
}

static bool set_host(struct view host, bool bracket, struct config_server *s,
		     char *why, size_t cap)
{
	for (size_t i = 0; i < host.n; i++)
		if ((unsigned char)host.p[i] >= 0x80)
			return say(why, cap, "write the host in its xn-- form");
	if (host.n && !bracket && host.p[host.n - 1] == '.')
		host.n--;
	if (!host.n)
		return say(why, cap, "the host is missing");
	if (bracket ? !form_is_ipv6(host) : !form_is_host(host))
		return say(why, cap,
			   "the host is no name and no address (an IPv6 "
			   "address stands in [])");
	s->host = value_string(host);
	for (char *p = s->host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	s->is_ip = bracket || ip_is_v4(host);
	s->is_loopback = is_loopback(view_of(s->host));
	return true;
}

bool serverurl_host(struct view v, struct config_server *s, char *why,
		    size_t cap)
{
	bool bracket = v.n && v.p[0] == '[';
	size_t end = bracket ? view_find(v, ']') : view_find(v, ':');
	struct view host = bracket ? view_head(view_skip(v, 1), end - 1)
				   : view_head(v, end);
	struct view rest = view_skip(v, end + (bracket ? 1 : 0));
	uint64_t port;

	if (view_find(v, '@') < v.n)
		return say(why, cap,
			   "write the user as `user`, not before an @");
	if (bracket && end == v.n)
		return say(why, cap, "the ] behind the address is missing");
	if (rest.n) {
		if (rest.p[0] != ':' ||
		    !view_number(view_skip(rest, 1), 65535, &port) || !port)
			return say(why, cap,
				   "behind the host only :PORT may stand, "
				   "1 to 65535");
		s->port = (uint16_t)port;
	}
	return set_host(host, bracket, s, why, cap);
}

static bool read_rest(struct view v, struct config_server *s, char *why,
		      size_t cap)
{
	bool slashes = view_starts(v, VIEW_LIT("//"));

	s->path = NULL;
	if (s->scheme == CONFIG_MAILDIR ||
	    (s->scheme == CONFIG_LMTP && !slashes)) {
		if (!read_path(v, s, why, cap))
			return false;
		s->is_loopback = true;
		s->tls = s->scheme == CONFIG_LMTP ? CONFIG_TLS_NONE
						  : CONFIG_TLS_LOCAL;
		return true;
	}
	if (!slashes)
		return say(why, cap, "// and a host must follow the protocol");
	v = view_skip(v, 2);
	if (v.n && v.p[v.n - 1] == '/')
		v.n--;
	if (!serverurl_host(v, s, why, cap))
		return false;
	if (!s->port)
		return say(why, cap, "lmtp:// needs a port");
	s->path = mem_str("");
	if (s->is_loopback &&
	    (s->scheme == CONFIG_SMTP || s->scheme == CONFIG_LMTP))
		s->tls = CONFIG_TLS_LOCAL;
	return true;
}

bool serverurl_read(struct view url, struct config_server *s, char *why,
		    size_t cap)
{
	size_t n = view_find(url, ':');
	const struct scheme *scheme;
	struct config_server got = { 0 };

	*s = got;
	if (n == url.n || view_find(view_head(url, n), '.') < n ||
	    (view_skip(url, n + 1).n && url.p[n + 1] >= '0' &&
	     url.p[n + 1] <= '9'))
		return no_scheme(url, why, cap);
	scheme = find_scheme(view_head(url, n), why, cap);
	if (!scheme)
		return false;
	got.scheme = scheme->scheme;
	got.tls = scheme->tls;
	got.port = scheme->port;
	if (!read_rest(view_skip(url, n + 1), &got, why, cap)) {
		serverurl_fini(&got);
		return false;
	}
	got.url = value_string(url);
	*s = got;
	return true;
}
