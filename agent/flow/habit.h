/*
 * habit - what a server offered, and what it failed at, as long as this process
 * lives (CASES C1, C6, G11, G12). Loop thread only.
 */
#ifndef FLOW_HABIT_H
#define FLOW_HABIT_H
#include "stream.h"

/* The server of an endpoint. Lives as long as the process. */
struct habit;
struct habit *habit_of(const struct endpoint *e);
/* enum smtp_cap bits not to be used. */
unsigned habit_forgone(const struct habit *h);
void habit_forgo(struct habit *h, unsigned caps);
/*
 * A connection that pipelined broke before any verdict; after two in a row
 * PIPELINING and CHUNKING are forgone. A verdict ends the row.
 */
void habit_broke(struct habit *h);
void habit_worked(struct habit *h);

/* SCRAM with -PLUS was refused: it is not tried again. */
bool habit_refused_plus(const struct habit *h);
void habit_refuse_plus(struct habit *h, bool refused);
/* Whether SCRAM was offered when a sign-in last succeeded. */
bool habit_had_scram(const struct habit *h);
void habit_scram(struct habit *h, bool offered);
/* What it could do behind the last sign-in, IMAP_CAN_ bits; 0: unknown. */
uint32_t habit_imap_can(const struct habit *h);
void habit_imap(struct habit *h, uint32_t can);
#endif
