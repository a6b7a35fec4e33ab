/*
 * ears - further sessions of one account that do nothing but rest, each in a
 * folder of its own, where the server cannot tell of several folders in one
 * session (no NOTIFY): so new mail in the first folders is known at once
 * (`idle_folders`), and the rest is left to the polls.
 *
 * They only hear. What came is fetched by the visit that follows, over the
 * session that rests between visits (watch.h). One signs in at a time, when
 * there is room for one more session at its host; it is renewed like the other,
 * and asked again at each visit, so that a dead line is found by then.
 *
 * A server that wants no more sessions (a refused sign-in, [LIMIT], a BYE soon
 * after) has its way: those that are missing are left to the polls for a
 * while, longer each time, and it is told once.
 *
 * IMAP only. All of it happens in the loop.
 */
#ifndef FLOW_EARS_H
#define FLOW_EARS_H
#include "pass.h"
#include "plan.h"
#include "source.h"

struct ears;

struct ears_reports {
	/* May one more sign in now? It counts until `signed_in`. */
	bool (*may_sign_in)(void *who);
	void (*signed_in)(void *who); /* or it came to nothing */
	void (*resting)(void *who, const char *folder);
	/* There may be new mail: have the account visited. It rests on. */
	void (*stirred)(void *who, const char *folder);
	/* The server never told of what polls found in this folder. */
	void (*deaf)(void *who, const char *folder);
	/* Its session is gone, but for what ears_end() ended. refused: no more
	 * are opened for a while; is_new: for the first time in a row. */
	void (*lost)(void *who, const char *folder, const struct err *err,
		     bool refused, bool is_new);
	/* Fewer of them are here than before; they may be freed where
	 * ears_count() is 0. */
	void (*gone)(void *who);
};

/* p and a: borrowed until ears_free() or ears_adopt(). */
struct ears *ears_new(const struct parts *p, const struct config_account *a,
		      const struct ears_reports *r, void *who);
void ears_free(struct ears *e); /* ears_count() is 0; NULL: nothing */

/* A folder to hear of; there: as the last visit found it. */
struct ears_folder {
	const char *name; /* in UTF-8 */
	struct source_folder there;
};
/*
 * From now on one for each of these: what is missing opens, what is no more
 * among them ends. Missing ones of a server that refused wait for their time,
 * and for the next call.
 */
void ears_want(struct ears *e, const struct ears_folder *f, size_t n);
/* A visit begins: what comes from now on is news again. */
void ears_rearm(struct ears *e);
/* A visit is over, and found this. */
void ears_judge(struct ears *e, const struct plan *seen);
void ears_end(struct ears *e); /* goodbye to all */
void ears_cut(struct ears *e); /* ... without a word */
/* Those that rest go on there, by its configuration; the others end. */
void ears_adopt(struct ears *to, struct ears *from);
/* Sessions, and such as are about to be. */
size_t ears_count(const struct ears *e);
/* The folder of the i-th of those that rest; NULL behind the last. */
const char *ears_folder(const struct ears *e, size_t i);
#endif
