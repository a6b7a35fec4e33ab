#include "throttle.h"

/*
 * Where the sentences were read:
 *
 * Microsoft 365 "NO" or "BAD Request is throttled. Suggested Backoff Time:
 *   92415 milliseconds": github.com/imapsync/imapsync issue 272 (2021-03-12),
 *   ikvk/imap_tools 135 (2021-08-20), simonrob/email-oauth2-proxy 191
 *   (2023-08-29: "* BYE Connection closed. 14" follows)
 * Gmail "NO [ALERT] Too many simultaneous connections. (Failure)" and "NO" or
 *   "BYE [OVERQUOTA] Account exceeded command or bandwidth limits.":
 *   ljmerza/ha-email-sensor 16 (2019-10-26)
 * Gmail "OK Success [THROTTLED]", and slow: mscdex/node-imap 593 (2017-02-07)
 * Yahoo "NO [LIMIT] CAPABILITY Rate limit hit.": postalsys/imapflow 75
 *   (2022-05-08)
 * Dovecot "Maximum number of connections from user+IP exceeded": its
 *   login processes, 2.3.19
 * "Exceeded the login limit for a 15 minute period. Reduce the frequency of
 *   requests to the POP3 server.": frappe/frappe 242 (2013-08-21)
 * "-ERR \xb5\xc7\xc2\xbc\xcc\xab...", GBK for 登录太频繁 (signing in too
 *   often): zhangyunhao116/zmail 30 (2018-06-16)
 */
static const char *const sentences[] = {
	"request is throttled",
	"too many simultaneous connections",
	"too many concurrent connections",
	"maximum number of connections",
	"exceeded command or bandwidth limits",
	"rate limit hit",
	"exceeded the login limit",
	"login frequency limited",
	"[throttled]",
	"\xc6\xb5\xb7\xb1",	    /* 频繁 (often) in GBK */
	"\xe9\xa2\x91\xe7\xb9\x81", /* and in UTF-8 */
};
#define SENTENCES (sizeof(sentences) / sizeof(sentences[0]))

/*
 * QQ Mail answers every refused sign-in with a list of all causes, of which one
 * is "login frequency limited" (imap.exmail.qq.com: chengazhen/cursor-auto-free
 * issue 294, 2025-03-11). The password is the likely one.
 */
static const struct view any_cause = VIEW_LIT("password is incorrect");

static bool says(struct view words, struct view part)
{
	return view_ifind(words, part) < words.n;
}

static uint64_t unit_ms(struct view unit)
{
	if (view_istarts(unit, VIEW_LIT("minute")))
		return 60000;
	return view_istarts(unit, VIEW_LIT("second")) ? 1000 : 1;
}

/* "Suggested Backoff Time: 92415 milliseconds" */
static uint64_t suggested_ms(struct view words)
{
	static const struct view head = VIEW_LIT("backoff time:");
	struct view rest =
		view_trim(view_skip(words, view_ifind(words, head) + head.n));
	struct view number = view_word(&rest);
	uint64_t n;

	if (!view_number(number, THROTTLE_MOST_MS, &n) || n == 0)
		return THROTTLE_WAIT_MS;
	n *= unit_ms(view_word(&rest));
	return n < THROTTLE_MOST_MS ? n : THROTTLE_MOST_MS;
}

bool throttle_said(struct view words, uint64_t *wait_ms)
{
	if (says(words, any_cause))
		return false;
	for (size_t i = 0; i < SENTENCES; i++) {
		if (!says(words, view_of(sentences[i])))
			continue;
		*wait_ms = suggested_ms(words);
		return true;
	}
	return false;
}

unsigned throttle_minutes(uint64_t wait_ms)
{
	return (unsigned)((wait_ms + 59999) / 60000);
}

void throttle_err(struct err *e, uint64_t wait_ms)
{
	e->class = ERR_RETRY;
	e->wait_ms = wait_ms ? wait_ms : THROTTLE_WAIT_MS;
	err_remedy(e,
		   "tried again after %u min; if it comes back, write a longer "
		   "poll_every, and let fewer programs use the mailbox",
		   throttle_minutes(e->wait_ms));
}
