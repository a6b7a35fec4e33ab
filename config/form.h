/*
 * form - the form of mail addresses, host names and header field names as a
 * user writes them: checked by form only (RFC 5321 4.1.2, RFC 6531 3.3 for
 * octets above 127), never looked up.
 */
#ifndef CONFIG_FORM_H
#define CONFIG_FORM_H
#include "config.h"

/* local@domain, without comments, display names or angle brackets. */
bool form_is_mail(struct view v);
/* A local part alone: `root`. */
bool form_is_local(struct view v);
/*
 * As either of them, once {account}, {user} and {folder} are filled in.
 * false: *why is set to a sentence.
 */
bool form_is_template(struct view v, const char **why);
/* a name or an IPv4 address; no UTF-8: an IDN is written as xn-- */
bool form_is_host(struct view v);
bool form_is_ipv6(struct view v);
/* RFC 5322 2.2: printable US-ASCII without colon */
bool form_is_field(struct view v);
/* Well-formed UTF-8 without control characters. */
bool form_is_text(struct view v);
#endif
