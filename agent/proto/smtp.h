/*
 * smtp - SMTP and LMTP client protocol engine.
 *
 * RFC 5321, 2033 (LMTP), 2920 (PIPELINING), 3030 (CHUNKING), 1870 (SIZE), 6152
 * (8BITMIME), 3207 (STARTTLS), 4954 (AUTH), 2034 (enhanced codes), 6531.
 *
 * Pure: no socket, clock, randomness, logging. Octets from the server go in by
 * smtp_room() and smtp_received(), octets for it come out by smtp_pending() and
 * smtp_sent(), and what the server said comes out of smtp_next() in wire order.
 *
 * Commands are queued and sent as the server allows: with PIPELINING at once,
 * without it each when the one before is answered; the caller need not know.
 * Replies are matched strictly in order. One too many, or a positive one before
 * its command was sent whole, ends the engine (SMTP_EV_FAILED): then nothing
 * may be believed of the messages whose end was sent and not answered.
 */
#ifndef PROTO_SMTP_H
#define PROTO_SMTP_H
#include "patience.h"
#include "reply.h"

#define SMTP_OUT_OCTETS	  (256u << 10) /* buffered towards the server */
#define SMTP_IN_OCTETS	  (16u << 10)  /* buffered from the server */
#define SMTP_INFLIGHT_MAX 256u	       /* commands not answered yet */

enum smtp_kind {
	SMTP_KIND_SMTP,
	SMTP_KIND_LMTP, /* LHLO; one reply per accepted recipient */
};
enum smtp_line {
	SMTP_LINE_TLS,	    /* TLS from the first octet */
	SMTP_LINE_STARTTLS, /* clear; only EHLO, STARTTLS, QUIT before TLS */
	SMTP_LINE_CLEAR,    /* clear, and meant so */
};

enum smtp_cap {
	SMTP_CAP_PIPELINING = 1 << 0,
	SMTP_CAP_CHUNKING = 1 << 1,
	SMTP_CAP_SIZE = 1 << 2,
	SMTP_CAP_8BITMIME = 1 << 3,
	SMTP_CAP_SMTPUTF8 = 1 << 4,
	SMTP_CAP_STARTTLS = 1 << 5,
	SMTP_CAP_AUTH = 1 << 6,
	SMTP_CAP_ENHANCED = 1 << 7,
	SMTP_CAP_DSN = 1 << 8,
	SMTP_CAP_XCLIENT = 1 << 9,
};

enum smtp_cmd {
	SMTP_CMD_EHLO, /* or LHLO, or the HELO it fell back to */
	SMTP_CMD_STARTTLS,
	SMTP_CMD_AUTH,
	SMTP_CMD_XCLIENT, /* performed: EHLO is due anew */
	SMTP_CMD_MAIL,
	SMTP_CMD_RCPT,
	SMTP_CMD_DATA, /* refused before any body; 354 is SMTP_EV_GO_AHEAD */
	SMTP_CMD_BODY, /* the end of data: the verdict on the message */
	SMTP_CMD_BDAT, /* with LAST: the verdict on the message */
	SMTP_CMD_RSET,
	SMTP_CMD_NOOP,
	SMTP_CMD_QUIT,
};

enum smtp_event_type {
	SMTP_EV_GREETING,   /* reply. Not ok: only smtp_quit() may follow */
	SMTP_EV_REPLY,	    /* cmd was answered: ok, reply, tag */
	SMTP_EV_CHALLENGE,  /* words: base64, for smtp_answer() or _cancel() */
	SMTP_EV_TLS_WANTED, /* start TLS, then smtp_secured() */
	SMTP_EV_GO_AHEAD,   /* 354: feed the body of message tag */
	/*
	 * 421: the server leaves; or it refused a body before its end (CASES
	 * G12): the connection is to be cut. The SMTP_EV_REPLY of a command
	 * that was answered so came before. What is not answered was not
	 * performed (it comes behind in the server's order) and may be sent
	 * again without doubt; but see LMTP, where some recipients of a message
	 * may have been answered and others not: these are in doubt.
	 */
	SMTP_EV_BYE,
	SMTP_EV_CLOSED, /* after QUIT: its reply, or the end of the line */
	SMTP_EV_FAILED, /* err; the engine is dead, the connection to be cut */
};

struct smtp_event {
	enum smtp_event_type type;
	enum smtp_cmd cmd;
	bool ok;       /* the command was performed */
	bool last;     /* BDAT: LAST; BODY: true. The verdict on message tag */
	uint64_t tag;  /* given with the command; 0 where it has none */
	uint64_t rcpt; /* LMTP verdicts: the tag of the recipient meant */
	uint32_t left; /* LMTP verdicts: so many more to come for tag */
	const struct reply *reply; /* NULL: none */
	struct view words;	   /* CHALLENGE */
	const struct err *err;	   /* FAILED; else NULL */
}; /* pointers and views: valid until the next call on the engine */

struct smtp;
struct smtp *smtp_new(enum smtp_kind kind, enum smtp_line line);
void smtp_free(struct smtp *s); /* wipes its buffers; NULL: nothing */

/* Space for octets from the server; empty: take events first, or never again.
 */
struct room smtp_room(struct smtp *s);
void smtp_received(struct smtp *s, size_t n);
/* No more octets will come. */
void smtp_eof(struct smtp *s);
/* Octets to send now, borrowed until any other call. */
struct view smtp_pending(const struct smtp *s);
void smtp_sent(struct smtp *s, size_t n);
/* What of smtp_pending() must not be shown: a sign-in is being sent. */
bool smtp_pending_is_secret(const struct smtp *s);
bool smtp_next(struct smtp *s, struct smtp_event *ev);
/* What is awaited of the server, and how long; ms 0: nothing, or QUIT's reply.
 */
struct patience smtp_patience(const struct smtp *s);
/* TLS stands (answer to TLS_WANTED). Nothing from before is remembered. */
void smtp_secured(struct smtp *s);

/* Of the last EHLO, without what is forgone: enum smtp_cap. */
unsigned smtp_caps(const struct smtp *s);
/* These are not used though offered (CASES G11, G12). Before EHLO. */
void smtp_forgo(struct smtp *s, unsigned caps);
/* SIZE of the last EHLO; 0: not told. */
uint64_t smtp_size_limit(const struct smtp *s);
/* Mechanisms offered, as "PLAIN LOGIN"; lives until the next EHLO. */
struct view smtp_auth_names(const struct smtp *s);
/* "PIPELINING SIZE=1000 AUTH=PLAIN LOGIN": appended, printable, for people. */
void smtp_describe(const struct smtp *s, struct text *out);
/* Commands not answered yet. */
unsigned smtp_in_flight(const struct smtp *s);
/*
 * The end of message tag (the dot, the last octet of a BDAT LAST) was handed
 * out and its verdict did not come: it may have been accepted. Also behind the
 * end of the engine.
 */
bool smtp_is_in_doubt(const struct smtp *s, uint64_t tag);

/*
 * Commands. true: queued. false: not now (greeting awaited, TLS required first,
 * a body is being fed, too many in flight, no room: try again after the next
 * event or smtp_sent()), or never (arguments that could break the line);
 * nothing was changed.
 *
 * EHLO, STARTTLS, AUTH, XCLIENT and NOOP want nothing in flight, and nothing is
 * queued behind them; nothing behind QUIT. EHLO refused with 5xx: the engine
 * tries HELO.
 */
bool smtp_ehlo(struct smtp *s, struct view name);
bool smtp_starttls(struct smtp *s);
/* first: initial response in base64 ("=" if empty), or p NULL for none. */
bool smtp_auth(struct smtp *s, struct view mech, struct view first);
bool smtp_answer(struct smtp *s, struct view base64); /* to CHALLENGE only */
bool smtp_cancel(struct smtp *s);		      /* likewise */
/*
 * XCLIENT, Postfix's XCLIENT_README: the server is to take us for that client.
 * Only where it offers the attribute ADDR, and others only as it offers them.
 * address: by form of base/ip.h. Each is empty where it is not known.
 * Once performed the server is as behind its greeting: nothing learnt before is
 * known any more. Postfix gives the new client no right to say it again.
 */
struct smtp_client {
	struct view address, name, helo;
};
bool smtp_xclient(struct smtp *s, const struct smtp_client *c);
bool smtp_rset(struct smtp *s);
bool smtp_noop(struct smtp *s);
bool smtp_quit(struct smtp *s);

struct smtp_mail {
	struct view from;  /* addrspec_or_local_ok(), or empty for <> */
	uint64_t octets;   /* for SIZE=; 0: not told */
	bool has_8bit;	   /* BODY=8BITMIME, where offered */
	bool utf8;	   /* SMTPUTF8; false is returned where not offered */
	struct view extra; /* more parameters, such as "RET=HDRS"; or empty */
};
bool smtp_mail(struct smtp *s, const struct smtp_mail *m, uint64_t tag);
/* At most LIMIT_RECIPIENTS behind each MAIL. */
bool smtp_rcpt(struct smtp *s, struct view to, struct view extra, uint64_t tag);

/*
 * DATA: comes to SMTP_EV_GO_AHEAD, or to a REPLY when refused. Where the server
 * says 354 though it refused every recipient, the engine sends a lone dot and
 * what comes is a REPLY to DATA that is not ok (RFC 2920 3.1, CASES J6). No
 * command may be queued before the body was fed to its end.
 */
bool smtp_data(struct smtp *s, uint64_t tag);
/*
 * BDAT: the next `octets` given to smtp_body() are the chunk; no command may be
 * queued before. Only where CHUNKING is offered. Behind a chunk with LAST whose
 * reply is still to come, the next MAIL wants RSET before it: if that message
 * fails, its transaction stays open (RFC 3030 2).
 */
bool smtp_bdat(struct smtp *s, uint64_t octets, bool last, uint64_t tag);
/*
 * Body octets, after GO_AHEAD or BDAT. Copies what fits and returns how many of
 * v it took, dot stuffing (RFC 5321 4.5.2) seen to in the form for DATA. v must
 * hold no CR without LF and no LF without CR. 0: no room, or no body wanted.
 */
size_t smtp_body(struct smtp *s, struct view v);
/* A body is wanted now: after GO_AHEAD before the end, or a chunk unfilled. */
bool smtp_feeding(const struct smtp *s);
/*
 * The dot that ends the body of DATA. false, nothing changed: no room yet, or
 * the body does not end in CRLF (an empty one may).
 */
bool smtp_body_end(struct smtp *s);
#endif
