#include "refusal.h"

/*
 * RFC 3463 3.2: bad sender's mailbox, bad sender's system. RFC 7372 3.2: what
 * SPF says of its domain. RFC 7505 4.2: a domain that takes no mail.
 */
static const char *const codes[] = { "5.1.7", "5.1.8", "5.7.23", "5.7.24",
				     "5.7.27" };

/*
 * Postfix (smtpd_dsn_fix.h) names the part of the envelope that its rule looked
 * at; Exim says this where `verify = sender` fails, to a second recipient
 * without the address.
 */
static const char *const sayings[] = { "Sender address rejected",
				       "Sender verify failed" };

static bool has_code(struct view words)
{
	struct view code;

	(void)view_word(&words);
	code = view_word(&words);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (view_eq(code, view_of(codes[i])))
			return true;
	return false;
}

/* Of an address; what may stand in one and ends a sentence as well does not
 * count: "rejected a@example.org." */
static bool is_inside(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '_' ||
	       c == '=' || (unsigned char)c >= 0x80;
}

static bool names(struct view words, struct view address)
{
	while (address.n && words.n >= address.n) {
		size_t at = view_ifind(words, address);
		size_t end = at + address.n;
		bool begins, ends;

		if (at == words.n)
			return false;
		/* "?id=a@example.org" is the address, "b.a@example.org" not */
		begins =
			at == 0 || words.p[at - 1] == '=' ||
			(!is_inside(words.p[at - 1]) && words.p[at - 1] != '.');
		ends = end == words.n ||
		       (!is_inside(words.p[end]) &&
			(words.p[end] != '.' || end + 1 == words.n ||
			 !is_inside(words.p[end + 1])));
		if (begins && ends)
			return true;
		words = view_skip(words, at + 1);
	}
	return false;
}

bool refusal_is_of_sender(struct view words, struct view sender,
			  struct view rcpt)
{
	if (has_code(words))
		return true;
	for (size_t i = 0; i < sizeof(sayings) / sizeof(*sayings); i++)
		if (view_ifind(words, view_of(sayings[i])) < words.n)
			return true;
	return names(words, sender) && !names(words, rcpt);
}

bool refusal_is_of_rule(struct view words)
{
	struct view code = words;

	(void)view_word(&code);
	return view_starts(view_word(&code), VIEW_LIT("5.7.")) ||
	       view_ifind(words, VIEW_LIT("Administrative prohibition")) <
		       words.n;
}

/*
 * Postfix 3.7 (smtpd, where an address comes too often; "too many recipients"
 * alone is about one message), rspamd's ratelimit.lua, Google's 421 4.7.28 and
 * 450 4.2.1 as administrators quote them, and how others say the same.
 */
static const char *const hastes[] = {
	"too many connections",
	"too many concurrent",
	"too many new",
	"too many messages",
	"too much mail",
	"unusual rate",
	"too many recipients from",
	"at a rate that",
	"rate limit",
	"ratelimit",
	"throttl",
	"slow down",
};

bool refusal_is_of_haste(struct view words)
{
	if (!view_starts(words, VIEW_LIT("4")))
		return false;
	for (size_t i = 0; i < sizeof(hastes) / sizeof(*hastes); i++)
		if (view_ifind(words, view_of(hastes[i])) < words.n)
			return true;
	return false;
}
