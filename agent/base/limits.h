/*
 * limits - every number that bounds what a peer, a user or a disk can make us
 * do, with unit and source. A limit is a named error, never a truncation.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H
/*
 * This folder stands before the system's, whose header has the same name. clang
 * finds it odd where this header is found beside the file that wants it.
 */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winclude-next-absolute-path"
#endif
#include_next <limits.h>
#ifdef __clang__
#pragma clang diagnostic pop
#endif

/* Lines and buffers, octets */
#define LIMIT_REPLY_LINE                                                       \
	(8u << 10) /* SMTP, POP3: RFC 5321 4.5.3.1.5 says 512 */
#define LIMIT_IMAP_TEXT	       (64u << 10) /* one response outside its literals */
#define LIMIT_IMAP_NESTING     32u	   /* parentheses */
#define LIMIT_SMTP_REPLY_LINES 100u /* one multi-line reply (CVE-2020-8794) */
#define LIMIT_HEADER_SCAN      (1u << 20) /* of a message */
#define LIMIT_UIDL_OCTETS                                                      \
	512u /* longer ones are hashed; RFC 1939 7 says 70                     \
	      */
#define LIMIT_UIDL_LINES    5000000u
#define LIMIT_UNTAGGED	    6000000u	/* untagged responses to one command */
#define LIMIT_PROXY_HEAD    (64u << 10) /* a proxy's answer to CONNECT */
#define LIMIT_PROXY_SIGN_IN 255u /* octets of user, of password: RFC 1929 2 */
#define LIMIT_SASL_OCTETS   (8u << 10) /* one challenge */
#define LIMIT_SASL_ROUNDS   8u
#define LIMIT_SCRAM_ITERATIONS                                                 \
	1000000u		 /* a server names them: CVE-2026-42256 */
#define LIMIT_RECEIVED	    50u	 /* header lines: a loop beyond; RFC 5321 6.3 */
#define LIMIT_RECIPIENTS    100u /* RFC 5321 4.5.3.1.8 */
#define LIMIT_ADDRESS	    320u /* RFC 5321 4.5.3.1: 64 + @ + 255 */
#define LIMIT_DROP_RANGES   64u	 /* header fields left out of one message */
#define LIMIT_SECRET_OCTETS (64u << 10)
/* COMPRESS=DEFLATE in one session (CASES B11): so much for any input, beyond
 * that so many octets for each compressed one (DEFLATE can do 1,032), never
 * more in all; and no such run of input that means nothing. */
#define LIMIT_INFLATE_FREE  (16u << 20)
#define LIMIT_INFLATE_RATIO 100u
#define LIMIT_INFLATE_TOTAL ((uint64_t)64 << 30)
#define LIMIT_INFLATE_EMPTY (64u << 10)
#define LIMIT_CONFIG_OCTETS (8u << 20) /* one configuration file */

/* Patience, ms. "Quiet" is time in which a peer completes nothing. */
#define LIMIT_CONNECT_MS  30000u
#define LIMIT_PROXY_MS	  60000u /* a proxy looks up and connects for us */
#define LIMIT_TLS_MS	  60000u
#define LIMIT_GREETING_MS 300000u /* SMTP: RFC 5321 4.5.3.2.1 */
#define LIMIT_CHECK_MS	  30000u  /* ... while a person waits for `check` */
#define LIMIT_MAIL_MS	  300000u /* RFC 5321 4.5.3.2.2, .3 */
#define LIMIT_DATA_MS	  120000u /* RFC 5321 4.5.3.2.4 */
#define LIMIT_BLOCK_MS	  180000u /* RFC 5321 4.5.3.2.5 */
#define LIMIT_DOT_MS	  600000u /* RFC 5321 4.5.3.2.6 */
#define LIMIT_COMMAND_MS                                                       \
	60000u /* POP3, IMAP: commands that touch no mailbox                   \
		*/
#define LIMIT_MAILBOX_MS       600000u	/* ... that may make a server think */
#define LIMIT_SESSION_QUIET_MS 1800000u /* IDLE excepted */
#define LIMIT_RATE_OCTETS_S    500u	/* least rate once a reply has begun */

/* Doubt and retry, ms */
#define LIMIT_DOUBT_RESEND_MS 900000u
#define LIMIT_WINDOW_BDAT     8u /* messages in doubt per connection: P2 */
#define LIMIT_WINDOW_DATA     1u

/* Any server takes a message of this size: RFC 5321 4.5.3.1.7 */
#define LIMIT_SMALL_OCTETS 65536u

/* Room for a destination that is down */
#define LIMIT_DOWN_MESSAGES 64u
#define LIMIT_DOWN_OCTETS   (64u << 20)

/* Crashes of ours with one message alone in hand until it is held; no source:
 * once may be chance. */
#define LIMIT_STRIKES 3u
/* Passes at which a message came without content until it is held; no source:
 * isync met one that healed, an archive that is broken never will. */
#define LIMIT_EMPTY_PASSES 3u

/* Decisions asked of a person */
/* Of so many UIDs it is asked at each poll which are no longer marked. */
#define LIMIT_MARKED_UIDS  2000u
#define LIMIT_ASK_MESSAGES 500u /* first_run = ask, sudden unknown mail */
#define LIMIT_MASS_DELETE  100u
#endif
