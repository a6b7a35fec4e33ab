/*
 * addrspec - a mailbox as it stands in an envelope (RFC 5321 4.1.2).
 *
 * What passes here can stand between < and > in MAIL and RCPT, and in a header
 * line of ours, without ending either. Quoted local parts with spaces and
 * source routes are not taken: nobody uses them, and receivers differ about
 * them.
 */
#ifndef PROTO_ADDRSPEC_H
#define PROTO_ADDRSPEC_H
#include "view.h"

/* "local@domain", at most LIMIT_ADDRESS octets; 8-bit octets: UTF-8 only. */
bool addrspec_ok(struct view a);
/* As addrspec_ok, or a local part alone, such as "postmaster". */
bool addrspec_or_local_ok(struct view a);
/* Some octet above 0x7F: needs SMTPUTF8 (RFC 6531). */
bool addrspec_is_utf8(struct view a);
/* Behind the last @; empty if there is none. Borrowed from a. */
struct view addrspec_domain(struct view a);
/* Before the last @; the whole if there is none. Borrowed from a. */
struct view addrspec_local(struct view a);
#endif
