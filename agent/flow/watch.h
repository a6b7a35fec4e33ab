/*
 * watch - the session of one account that rests between its visits, so that
 * new mail is known at once and costs no sign-in.
 *
 * A visit that is over gives its session; the next one inherits it. Meanwhile
 * it rests in one folder, INBOX before others, and where the server can tell
 * (NOTIFY) in all that the visit looked at; the rest is left to the polls. It
 * is renewed in time. A server that is deaf, or has ended the session without
 * our notice, is found by the next poll, which uses the same session.
 *
 * IMAP only. All of it happens in the loop.
 */
#ifndef FLOW_WATCH_H
#define FLOW_WATCH_H
#include "pass.h"
#include "plan.h"
#include "source.h"

/* RFC 2177 3: before 29 minutes; many end a session after less. */
#define WATCH_RENEW_MS (15u * 60000u)

/* A signed-in session between two owners. */
struct session {
	struct source *source; /* NULL: none */
	struct source_ready ready;
};

struct watch_reports {
	/* It rests; all: the server is to tell of every folder that is visited.
	 * Again after each renewal. */
	void (*resting)(void *who, bool all);
	/* There may be new mail: have the account visited. It rests on. */
	void (*stirred)(void *who);
	/* The session is gone: the server's end, or ours by watch_end(). */
	void (*lost)(void *who, const struct err *err);
};

struct watch;

struct watch *watch_new(const struct parts *p, const struct config_account *a,
			const struct watch_reports *r, void *who);
void watch_free(struct watch *w); /* without a session; NULL: nothing */

/*
 * Takes s, which nobody else is told of any more. seen: the folders as the
 * visit found them; what has come to the one it rests in since is news.
 */
void watch_take(struct watch *w, const struct session *s,
		const struct plan *seen);
/* Gives it out, awake; source NULL: there is none. */
struct session watch_give(struct watch *w);
/* Says goodbye; `lost` follows where there was a session. */
void watch_end(struct watch *w);
void watch_cut(struct watch *w); /* the same without a word to the server */
/* The session goes to another one of the same account, and rests on; `lost` is
 * not reported for it. */
void watch_move(struct watch *from, struct watch *to);
/* A session is here. */
bool watch_rests(const struct watch *w);
/* The i-th folder that the last visit found, 0: where the session rests;
 * borrowed until the next call. there: may be NULL. NULL behind the last. */
const char *watch_folder(const struct watch *w, size_t i,
			 struct source_folder *there);
/* How long a session of this account rests until it is renewed: spread, since
 * what began together is not to be renewed together. */
uint64_t watch_renewal_ms(const struct config_account *a);
#endif
