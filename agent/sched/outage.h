/*
 * outage - whether there is a network at all, judged by which hosts were
 * reached of late (DESIGN 6). Pure.
 *
 * Down: within two minutes three hosts (both, where there are only two) began
 * not to be reached, against at most a ninth of that which were; or of all
 * hosts nine in ten are not reached. One host that is down, or all accounts of
 * one, says nothing of the network. Up: any host was reached.
 */
#ifndef SCHED_OUTAGE_H
#define SCHED_OUTAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outage_host {
	int64_t at_ms;	  /* of the last outcome */
	int64_t since_ms; /* of the first of the same kind */
	bool known, reached;
};

struct outage {
	struct outage_host *hosts; /* owned */
	size_t n;
	bool is_down;
	uint32_t probes;     /* that failed since */
	int64_t probe_at_ms; /* while down: not before */
};

void outage_init(struct outage *o, size_t hosts);
void outage_fini(struct outage *o);
/* What became of an attempt at a host; time on one clock, ms. true: is_down
 * has changed. */
bool outage_note(struct outage *o, size_t host, bool reached, int64_t now_ms,
		 uint32_t random);
#endif
