/*
 * What the tests of destinations share: an owner of one, with messages in a
 * real spool, that writes down what it is told.
 */
#ifndef SUPPORT_DEST_H
#define SUPPORT_DEST_H
#include "dest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One that wants repair, and what is left of it. */
#define DEST_BODY "Delivered-To: me\r\nS: t\r\n\r\n.dot\r\n"
#define DEST_LEFT "X-Stamp: 1\r\nS: t\r\n\r\n.dot\r\n"

#define DEST_MESSAGES 40

struct dest_owner {
	char dir[64];
	struct loop *loop;
	struct resolver *resolver;
	struct trusts *trusts;
	struct spool *spool;
	struct wake *wake;
	int64_t account, folder;
	struct message *m[DEST_MESSAGES];
	size_t n, settled;
	bool done; /* of the request awaited */
	struct dest_options o;
	struct dest *dest;
	struct text told;
	/* what it does once ready */
	bool offers, releases, cancels, probes;
};

/* For cmocka_unit_test_setup_teardown(): *state is a struct dest_owner. */
int dest_owner_up(void **state);
int dest_owner_down(void **state);

/* Spools a message; to: recipients separated by spaces. */
struct message *dest_spooled(struct dest_owner *w, struct view body,
			     const char *to);
/* Opens it, by SMTP or where o.path is set into a maildir, runs until it is
 * closed; told must be this. */
void dest_run(struct dest_owner *w, const char *want);
#endif
