/*
 * passes - the passes that others ask a process that stays to run for them
 * (`fetch`, `adopt`, `refetch` beside a running `run`): takes the request from
 * the control socket, has the daemon run it, and tells of it (pass_lines.h).
 *
 * Progress is told when it changed and what was told before is read, so a slow
 * reader gets less of it; all else it gets whole, or it is dropped (talk.h). A
 * pass whose reader has gone is finished all the same: what would be asked is
 * answered with "not now". A request that comes while the daemon starts or
 * reloads waits for that.
 */
#ifndef CMD_PASSES_H
#define CMD_PASSES_H
#include "daemon.h"

#include <jansson.h>

#define PASSES_MOST 8u /* at once; more are refused */

struct passes;
/* Both borrowed until passes_free(). */
struct passes *passes_new(struct loop *l, struct daemon *d);
/* A connected socket (owned from here on) with its request (borrowed). */
void passes_take(struct passes *p, json_t *request, int fd);
/* daemon_reports.working */
void passes_working(struct passes *p);
/* daemon_stop() follows: what waits is refused. */
void passes_stop(struct passes *p);
/* The store failed: no pass will tell of its end. */
void passes_store_failed(struct passes *p, const struct err *err);
/* Behind daemon_reports.ended; NULL: nothing. */
void passes_free(struct passes *p);
#endif
