/*
 * pop3_line - what single POP3 lines mean. No state.
 *
 * Lines come without CRLF; views given out borrow from them. false: malformed,
 * outputs undefined.
 */
#ifndef PROTO_POP3_LINE_H
#define PROTO_POP3_LINE_H
#include "pop3.h"

/* "RETR" and so on. */
struct view pop3_line_verb(enum pop3_cmd cmd);
/*
 * What a refusal stands for. Of a sign-in (USER PASS AUTH): ERR_AUTH, but
 * ERR_BUSY with [IN-USE], ERR_RETRY with [LOGIN-DELAY] [SYS/TEMP], ERR_REFUSED
 * with [SYS/PERM] [UTF8]. Of anything else: the same, or ERR_REFUSED.
 */
enum err_class pop3_line_class(enum pop3_cmd cmd, enum pop3_code code);
/* "+OK" or "-ERR", in capitals (RFC 1939 3), then the end or SP text. */
bool pop3_line_status(struct view line, bool *ok, struct view *text);
/* The [CODE] at the start of a text, in either case. RFC 2449 8 */
enum pop3_code pop3_line_code(struct view text);
/*
 * "number [SP octets [SP more]]" of LIST: octets POP3_OCTETS_UNKNOWN where they
 * are missing or no number of 63 bits. number: 1 to 2^32-1. RFC 1939 5
 */
bool pop3_line_scan(struct view line, uint32_t *number, uint64_t *octets);
/* "number SP id" of UIDL; id may be empty, or not what RFC 1939 7 allows. */
bool pop3_line_uid(struct view line, uint32_t *number, struct view *id,
		   enum pop3_uid_form *form);
/* "count SP octets" of STAT; never fails: 0 and POP3_OCTETS_UNKNOWN. */
void pop3_line_stat(struct view text, uint32_t *count, uint64_t *octets);
/* One line of CAPA, added to caps. RFC 2449 6 */
void pop3_line_caps(struct view line, struct pop3_caps *caps);
#endif
