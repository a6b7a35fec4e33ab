/*
 * ask - one question about the ledger, to whoever can answer it: the process
 * that holds the state directory (control.h), or, when nobody does, the ledger
 * itself, opened for a moment. Blocking; for commands that only look.
 */
#ifndef CMD_ASK_H
#define CMD_ASK_H
#include "err.h"

#include <jansson.h>

#define ASK_PATIENCE_MS 60000 /* for a holder that does not answer */

/*
 * request: borrowed. A new reference; NULL: err. A state directory that does
 * not exist yet answers as an empty ledger would.
 */
json_t *ask(const char *state_dir, const json_t *request, struct err *err);
/*
 * {"ask": "body", "id": id}: its octets, in pieces. put false ends it, with err
 * left to put's owner.
 */
bool ask_body(const char *state_dir, const char *id,
	      bool (*put)(void *who, struct view octets), void *who,
	      struct err *err);
/* A socket connected to the control socket of dir; -1: nobody is there. */
int ask_connect(const char *dir);
/* Somebody answers at the control socket. */
bool ask_is_held(const char *state_dir);
#endif
