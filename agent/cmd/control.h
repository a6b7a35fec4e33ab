/*
 * control - the socket at which whoever holds the state directory answers
 * `status`, `queue` and `trace` (DESIGN 5), and where passes are asked for.
 *
 * A local stream socket named `control` in the state directory, mode 0600; only
 * its owner and root are answered. A connection carries one request, one line
 * of JSON (answer.h), and one answer, one line of JSON: {"ok": true, "answer":
 * ...} or {"ok": false, "class": n, "what", "peer", "remedy"}; behind the
 * answer to "body" follow its octets raw. Queries run on the store thread; the
 * loop only passes octets on. A socket left behind by a dead process does no
 * harm: nobody answers there, and the next holder replaces it.
 */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H
#include "err.h"
#include "loop.h"
#include "spool.h"

#include <jansson.h>

#define CONTROL_NAME	   "control"
#define CONTROL_CLIENTS	   16u	  /* at once; more are turned away */
#define CONTROL_REQUEST_MS 10000u /* for the request to arrive */
#define CONTROL_STALL_MS   60000u /* a client that does not read */

struct control;

/*
 * Binds and listens. NULL: err says why; the process can go on without. spool
 * and loop: borrowed until control_close().
 */
struct control *control_serve(struct loop *l, struct spool *s, const char *dir,
			      struct err *err);
/*
 * What a process that stays wants to know, on the loop: the queue was changed
 * by `retry` or `drop`; and {"ask": "poll", "name": n}: the secret of an
 * account or delivery is another now ({"polled": true}: somebody was told).
 * Without them nobody is told.
 */
struct control_hooks {
	void (*changed)(void *who);
	bool (*poll)(void *who, const char *name);
	/* {"ask": "pass", ...}: a pass is to be run (pass_lines.h). request:
	 * borrowed; fd: the connection, owned from here on. NULL: the answer is
	 * {"pass": false}. */
	void (*pass)(void *who, json_t *request, int fd);
	/* A new reference: what the process does now (now.h), told as "run" in
	 * the answer to "status". */
	json_t *(*now)(void *who);
	void *who;
};
void control_hook(struct control *c, const struct control_hooks *h);
/* Serves one connected socket (owned from here on); for tests. */
void control_client(struct control *c, int fd);
/* Without a listening socket; for tests. */
struct control *control_new(struct loop *l, struct spool *s);
/*
 * Ends all; before spool_close() and loop_free(). Memory goes when the loop has
 * closed the handles and the spool has answered. NULL does nothing.
 */
void control_close(struct control *c);

/*
 * A socket address for `control` in the open folder dirfd, whatever the length
 * of its path (sun_path holds 108 octets). NULL-terminated into out.
 */
#define CONTROL_PATH 64u
void control_path(int dirfd, char out[CONTROL_PATH]);
#endif
