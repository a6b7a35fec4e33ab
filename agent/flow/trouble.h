/*
 * trouble - when an error that lasts is told (INTERFACE 1).
 *
 * When it begins, when it changes, once a day while it lasts; a network error
 * only after an hour (a program of this machine that does not end is none), and
 * another network error is the same outage. true: tell
 * it now (and it is written down as told). Pure: the time is given, unix ms.
 */
#ifndef FLOW_TROUBLE_H
#define FLOW_TROUBLE_H
#include "spool.h"

bool trouble_note(struct spool_trouble *t, const struct err *err,
		  int64_t now_ms);
/* What it was noted of: class, words and remedy. */
void trouble_err(const struct spool_trouble *t, struct err *err);
#endif
