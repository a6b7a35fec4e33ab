#include "srs.h"
#include "addrspec.h"
#include "base64.h"
#include "hash.h"
#include "limits.h"

#define HASH_LETTERS 4u
#define DAY_S	     86400

/* Each letter counts as small: addresses get folded on their way. */
static void put_small(struct text *t, struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		(void)text_fmt(t, "%c",
			       v.p[i] >= 'A' && v.p[i] <= 'Z' ? v.p[i] + 32
							      : v.p[i]);
}

static void put_hash(struct text *t, const struct secret *secret,
		     const struct text *of)
{
	char letters[BASE64_OCTETS(HASH_MAC_MAX)];
	char mac[HASH_MAC_MAX];
	size_t n = hash_mac(HASH_SHA1, secret_view(secret), text_view(of),
			    (uint8_t *)mac);

	(void)base64_encode((struct view){ mac, n }, letters);
	(void)text_put(t, (struct view){ letters, n ? HASH_LETTERS : 0 });
}

/* tag: SRS0 or SRS1. middle: behind the hash, with its separator. */
static void put_address(struct text *t, const char *tag,
			const struct secret *secret, const struct text *hashed,
			const struct text *middle, struct view domain)
{
	(void)text_fmt(t, "%s=", tag);
	put_hash(t, secret, hashed);
	(void)text_fmt(t, "%s@%.*s", text_str(middle), VIEW_ARG(domain));
}

/* SRS0=hash=day=host=local */
static void first(struct text *t, struct view local, struct view host,
		  struct view domain, const struct secret *secret,
		  int64_t unix_s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned n = (unsigned)(unix_s / DAY_S) % 1024;
	char day[3] = { digits[n / 32], digits[n % 32], 0 };
	struct text hashed, middle;

	text_init(&hashed, 2 * LIMIT_ADDRESS);
	text_init(&middle, 2 * LIMIT_ADDRESS);
	put_small(&hashed, view_of(day));
	put_small(&hashed, host);
	put_small(&hashed, local);
	(void)text_fmt(&middle, "=%s=%.*s=%.*s", day, VIEW_ARG(host),
		       VIEW_ARG(local));
	put_address(t, "SRS0", secret, &hashed, &middle, domain);
	text_fini(&hashed);
	text_fini(&middle);
}

/* SRS1=hash=host=rest: back to the host that rewrote it first. */
static void again(struct text *t, struct view host, struct view rest,
		  struct view domain, const struct secret *secret)
{
	struct text hashed, middle;

	text_init(&hashed, 2 * LIMIT_ADDRESS);
	text_init(&middle, 2 * LIMIT_ADDRESS);
	put_small(&hashed, host);
	put_small(&hashed, rest);
	(void)text_fmt(&middle, "=%.*s=%.*s", VIEW_ARG(host), VIEW_ARG(rest));
	put_address(t, "SRS1", secret, &hashed, &middle, domain);
	text_fini(&hashed);
	text_fini(&middle);
}

/* "SRS0=", or with one of the other separators in use */
static bool has_tag(struct view local, struct view tag)
{
	return local.n > tag.n && view_istarts(local, tag) &&
	       (local.p[tag.n] == '=' || local.p[tag.n] == '+' ||
		local.p[tag.n] == '-');
}

/* hash=host=rest of an SRS1 taken apart */
static bool split(struct view v, struct view *host, struct view *rest)
{
	v = view_skip(v, view_find(v, '=') + 1);
	*host = view_head(v, view_find(v, '='));
	*rest = view_skip(v, host->n + 1);
	return host->n && rest->n;
}

bool srs_forward(struct view sender, struct view domain,
		 const struct secret *secret, int64_t unix_s, struct text *out)
{
	struct view local = addrspec_local(sender);
	struct view from = addrspec_domain(sender), host, rest;
	struct text t;
	bool fits;

	if (!addrspec_ok(sender))
		return false;
	if (view_ieq(from, domain))
		return text_put(out, sender);
	text_init(&t, 4 * LIMIT_ADDRESS);
	if (has_tag(local, VIEW_LIT("SRS1")) &&
	    split(view_skip(local, 5), &host, &rest))
		again(&t, host, rest, domain, secret);
	else if (has_tag(local, VIEW_LIT("SRS0")))
		again(&t, from, view_skip(local, 4), domain, secret);
	else
		first(&t, local, from, domain, secret, unix_s);
	fits = addrspec_ok(text_view(&t)) && text_put(out, text_view(&t));
	text_fini(&t);
	return fits;
}
