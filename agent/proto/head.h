/*
 * head - what must be known of a message, found while it arrives.
 *
 * Octets go in as they come, in any pieces; the facts come out at the end and
 * do not depend on the cuts. Nothing is changed, nothing is parsed beyond
 * header lines, and of these only the first LIMIT_HEADER_SCAN octets. Memory:
 * that, and only while a header is that long.
 *
 *   h = head_new();
 *   for each message: head_add(h, piece)... ; head_end(h, &facts);
 * head_clear(h)
 */
#ifndef PROTO_HEAD_H
#define PROTO_HEAD_H
#include "view.h"

#define HEAD_TRACES	 64u  /* X-Mailhaul-Trace lines that are looked at */
#define HEAD_TEXT_OCTETS 998u /* of one value that is kept */
#define HEAD_LINE_OCTETS 998u /* RFC 5322 2.1.1, without CRLF */

enum head_flag {
	HEAD_CUT = 1 << 0,	   /* header longer than LIMIT_HEADER_SCAN */
	HEAD_8BIT_HEADER = 1 << 1, /* octets above 0x7F */
	HEAD_8BIT_BODY = 1 << 2,
	HEAD_NUL = 1 << 3,
	HEAD_LONG_LINE = 1 << 4, /* some line above HEAD_LINE_OCTETS */
	HEAD_ENDS_LINE = 1 << 5, /* the last octet is LF */
};

enum head_path {
	HEAD_PATH_NONE,	   /* no Return-Path */
	HEAD_PATH_NULL,	   /* <> */
	HEAD_PATH_ADDRESS, /* return_path is one that addrspec_ok() takes */
	HEAD_PATH_INVALID, /* CASES F7: to be treated as <> */
};

struct head_facts {
	uint64_t octets; /* as they came */
	/*
	 * Stray CR and LF (INTERFACE 3): how many were repaired, and the octets
	 * of the message when they are. The line end that a last line without
	 * one gets on its way out is not in it.
	 */
	uint64_t repairs, repaired_octets;
	uint32_t header_octets; /* raw, empty line included; see HEAD_CUT */
	uint32_t received;	/* Received fields */
	unsigned flags;		/* enum head_flag */
	enum head_path path;
	struct view return_path; /* of the topmost Return-Path */
	struct view message_id;	 /* of the first Message-ID; may be empty */
	/*
	 * Message-ID, Date and From, each on one line with its spaces made
	 * single: the same for every rendering of a message by any server.
	 * Empty when it has none of the three.
	 */
	struct view fingerprint;
	unsigned traces; /* values of X-Mailhaul-Trace, topmost first */
	struct view trace[HEAD_TRACES];
};

struct head;
struct head *head_new(void);
void head_free(struct head *h);
/* What of these octets lies behind the header. */
struct view head_add(struct head *h, struct view octets);
/* Ends the message. The views in *facts live until head_clear() or _free(). */
void head_end(struct head *h, struct head_facts *facts);
/* The raw header, up to LIMIT_HEADER_SCAN octets; once it or all has arrived.
 */
struct view head_raw(const struct head *h);
void head_clear(struct head *h); /* ready for the next message */
#endif
