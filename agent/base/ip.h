/*
 * ip - IP addresses as text: checked by form, and where they are.
 */
#ifndef BASE_IP_H
#define BASE_IP_H
#include "view.h"

bool ip_is_v4(struct view v);
/* RFC 4291 2.2; without a zone. */
bool ip_is_v6(struct view v);
/*
 * One of the two that no host on the Internet has: loopback, link-local,
 * private (RFC 1918, RFC 4193), also as an IPv4 address within IPv6.
 */
bool ip_is_inside(struct view v);
#endif
