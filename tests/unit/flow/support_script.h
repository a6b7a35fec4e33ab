/*
 * What the tests of sources share: sessions of tests/transcripts played by
 * tests/fake/fake.py over TCP on loopback.
 *
 * Beside what the server says, which is fake.py's, a script has lines that
 * begin with "> ": settings of the test, and with "= ": what its flow must have
 * been told in the end.
 */
#ifndef SUPPORT_SCRIPT_H
#define SUPPORT_SCRIPT_H
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/types.h>

#include <cmocka.h>

/* set_up: called with each setting, without "> "; want: the "= " lines. */
void script_read(const char *path, struct text *want,
		 void (*set_up)(void *who, struct view words), void *who);
/* Starts the fake server; its port. drip: octets it says at a time; 0: all. */
uint16_t script_serve(const char *path, size_t drip, pid_t *server);
/* The session is over: awaits the server. */
void script_judge(const char *path, pid_t server, const struct text *want,
		  const struct text *got);
/*
 * Each script of that folder of tests/transcripts as it is, and with the
 * server's octets in small pieces, but for those where one S line holds several
 * of the server's (a CRLF in its midst): there it counts what comes at once.
 */
void script_play_all(const char *folder,
		     void (*play)(const char *path, size_t drip));
#endif
