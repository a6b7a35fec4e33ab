/*
 * paced - the `rate` of a delivery: who may go now, and what becomes of those
 * who must wait. Private to delivery.c and handoff.c.
 *
 * A message takes its place when it is offered to a connection and holds it
 * until TX3, which records that its end was sent; so what a crash leaves in
 * doubt counts, and the limit holds from process to process. Who has to wait
 * for PACED_WAIT_MS at most waits in hand. Who has to wait longer stays in the
 * queue, due at its turn: no pass lasts for its sake.
 */
#ifndef FLOW_PACED_H
#define FLOW_PACED_H
#include "handoff.h"

#define PACED_WAIT_MS 30000

void paced_init(struct delivery *d);
void paced_fini(struct delivery *d);
/* What earlier processes handed over, oldest first. */
void paced_load(struct delivery *d, const int64_t *at, size_t n);
/* One more may be offered. */
bool paced_may(struct delivery *d);
void paced_take(struct parcel *p);
/* happened: the end of its data was sent. Twice does no harm. */
void paced_done(struct parcel *p, bool happened);
/* Whether an answer means that the end of the data was sent. */
bool paced_counts(const struct dest_result *r);
/* Those who are ready wait, or go back into the queue. */
void paced_sort(struct delivery *d);
/* So many more may be asked of sources; SIZE_MAX: rate sets no limit. */
size_t paced_room(struct delivery *d);
/* Nobody who comes now has a turn in this pass. */
bool paced_is_spent(struct delivery *d);
#endif
