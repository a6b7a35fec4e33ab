/*
 * presented - which connection is whose, where a delivery hands the original
 * client over (`xclient`). Private to delivery.c and handoff.c.
 *
 * A connection is one client's for good: Postfix gives the client it was told
 * of no leave to name another. So messages are grouped by client; one that has
 * no connection gets one, and where there are as many as there may be, one that
 * nobody waits for ends first. The first of all is ours, and shows whether the
 * server takes a client from us at all.
 */
#ifndef FLOW_PRESENTED_H
#define FLOW_PRESENTED_H
#include "handoff.h"

bool presented_same(const char *a, const char *b);
/* What the server made of it; call before the state changes. */
void presented_ready(struct conn *c, const struct dest_ready *r);
/* Some message waits that no connection, open or on its way, is for. */
bool presented_lacks(struct delivery *d);
/* Whose connection is wanted next; NULL: ours. */
const char *presented_wanted(struct delivery *d);
/* Ends a connection that stands in the way of one that is wanted. */
void presented_make_room(struct delivery *d);
#endif
