/*
 * patience - how long a protocol engine waits for its peer.
 *
 * While serial stays the same, the peer has ms milliseconds plus one second for
 * each `rate` octets moved since serial changed; then the connection is closed.
 * So a peer that drips an octet now and then gains nothing. ms == 0: no limit
 * (nothing is expected of the peer).
 */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H
#include <stdint.h>

struct patience {
	uint64_t serial; /* of the request, or part of a reply, now awaited */
	uint32_t ms;
	uint32_t rate; /* octets per second; 0: octets buy no time */
};
#endif
