/*
 * check_send - `check --send`: one test message through each delivery, to
 * `notify`, and a run of `notify_command`.
 *
 * They go through the queue as any mail does; what was not taken at once is
 * told with the server's words, and dropped.
 */
#ifndef CMD_CHECK_SEND_H
#define CMD_CHECK_SEND_H
#include "notices.h"

#include <jansson.h>

struct check_send {
	struct notices *notices;
	json_t *told; /* list, owned by the caller: what became of each */
	bool json;    /* nothing is printed */
	struct test_mail *mail; /* owned */
	size_t n;
};

/* A message of the delivery to that recipient; NULL: none is known. */
void check_send_add(struct check_send *s, const struct config_delivery *d,
		    const char *rcpt);
void check_send_notify(struct check_send *s);
/* Sends them and tells. Exit code. */
int check_send_run(struct check_send *s);
void check_send_fini(struct check_send *s);
#endif
