/*
 * pop3 - POP3 client engine: RFC 1939, CAPA and response codes (RFC 2449,
 * 3206), STLS (RFC 2595), AUTH (RFC 5034), UTF8 (RFC 6856).
 *
 * Pure: no socket, clock, randomness or log. Octets go in through pop3_room()
 * and pop3_received(), come out through pop3_pending() and pop3_sent(); what
 * they mean comes out of pop3_next(), one event at a time, in wire order, the
 * same however the stream is cut. Memory is fixed, whatever the server sends.
 *
 * Promised: a body or listing is complete when its POP3_EV_END has come, and
 * only then: what came before it is worth nothing. Bare CR and LF
 * in a body are passed on as they are; only CRLF ends a line, and only
 * CRLF.CRLF a body. A server that ends its lines with LF alone is refused.
 * Nothing read before TLS is known after it.
 * Not done here: deciding anything, message numbers checked for sense.
 */
#ifndef PROTO_POP3_H
#define PROTO_POP3_H
#include "err.h"
#include "patience.h"
#include "secret.h"

#define POP3_IN_OCTETS	  (64u << 10) /* buffered from the server */
#define POP3_OUT_OCTETS	  (16u << 10) /* queued to the server */
#define POP3_PIPELINE_MAX 256u	      /* commands in flight */
/* RFC 5034 4: an AUTH line with an initial response is not longer */
#define POP3_AUTH_LINE	    255u
#define POP3_OCTETS_UNKNOWN UINT64_MAX

enum pop3_cmd {
	POP3_CMD_CAPA,
	POP3_CMD_STLS,
	POP3_CMD_USER,
	POP3_CMD_PASS,
	POP3_CMD_APOP,
	POP3_CMD_AUTH,
	POP3_CMD_UTF8,
	POP3_CMD_STAT,
	POP3_CMD_LIST,
	POP3_CMD_UIDL,
	POP3_CMD_TOP,
	POP3_CMD_RETR,
	POP3_CMD_DELE,
	POP3_CMD_NOOP,
	POP3_CMD_RSET,
	POP3_CMD_QUIT,
};

/* RFC 2449 8, RFC 3206 4, RFC 6856 5; at the start of the text */
enum pop3_code {
	POP3_CODE_NONE,
	POP3_CODE_OTHER, /* some [CODE] that is not below */
	POP3_CODE_LOGIN_DELAY,
	POP3_CODE_IN_USE,
	POP3_CODE_SYS_TEMP,
	POP3_CODE_SYS_PERM,
	POP3_CODE_AUTH,
	POP3_CODE_UTF8, /* only in UTF-8 mode: pop3_utf8() */
};

enum pop3_uid_form {
	POP3_UID_FINE,	/* 1 to LIMIT_UIDL_OCTETS of 0x21 to 0x7E */
	POP3_UID_ODD,	/* some other octet in it */
	POP3_UID_LONG,	/* above LIMIT_UIDL_OCTETS */
	POP3_UID_EMPTY, /* the server has none for this message */
};

enum pop3_event_type {
	POP3_EV_GREETING,   /* text; commands may be given */
	POP3_EV_REPLY,	    /* cmd, ok, code, number, text; STAT: number of
			       messages, octets. With ok, CAPA LIST UIDL TOP RETR
			       are followed by their lines and POP3_EV_END */
	POP3_EV_CAPABILITY, /* text: one line of CAPA; see pop3_caps() too */
	POP3_EV_LISTING,    /* cmd LIST: number, octets. cmd UIDL: number,
			       text = unique-id, form */
	POP3_EV_BODY,	    /* cmd TOP or RETR, number; text: octets without
			       dot-stuffing, never empty */
	POP3_EV_END,	    /* cmd, number: what began with REPLY is complete */
	POP3_EV_CHALLENGE, /* text: base64; answer it with pop3_auth_answer() */
	POP3_EV_TLS_WANTED, /* STLS was accepted: handshake, pop3_secured() */
	POP3_EV_FAILED,	    /* err; nothing else comes */
};

struct pop3_event {
	enum pop3_event_type type;
	enum pop3_cmd cmd;
	bool ok; /* "+OK" */
	enum pop3_code code;
	enum pop3_uid_form form;
	uint32_t number;  /* of the message, from 1; 0: none */
	uint64_t octets;  /* as announced, so advisory */
	struct view text; /* any octets; lives until the next call but _sent */
	const struct err *err; /* FAILED; lives as long as the engine */
};

/* What the last complete or running CAPA said; all zero before it. */
struct pop3_caps {
	bool top, uidl, user, stls, pipelining, resp_codes, utf8;
	bool expires;		/* EXPIRE 0: gone once retrieved */
	bool by_user;		/* EXPIRE or LOGIN-DELAY may be other ones once
				   somebody has signed in */
	bool sasl_told;		/* there was a SASL line */
	unsigned sasl;		/* MECH_BIT()s */
	uint32_t login_delay_s; /* 0: none told */
};

struct pop3;
struct pop3 *pop3_new(void);
void pop3_free(struct pop3 *p); /* wipes; NULL: nothing */

/* Space for octets from the server. None: take events first; in any case none
 * between POP3_EV_TLS_WANTED and pop3_secured(), and after the end. */
struct room pop3_room(struct pop3 *p);
void pop3_received(struct pop3 *p, size_t n); /* written to that room */
/* The server ended the connection: what is not complete now never will be. */
void pop3_eof(struct pop3 *p);
/* Octets to send, borrowed until the next command or pop3_sent(). */
struct view pop3_pending(const struct pop3 *p);
void pop3_sent(struct pop3 *p, size_t n); /* the first n of them are gone */
/* false: nothing more without more octets. */
bool pop3_next(struct pop3 *p, struct pop3_event *ev);
/* The handshake asked for by POP3_EV_TLS_WANTED is done. */
void pop3_secured(struct pop3 *p);

/*
 * How long the server may take now. serial changes with each completed reply
 * and each 64 KiB of a listing or body; ms is 0 while nothing is awaited: no
 * command in flight, a challenge or events not taken yet.
 */
struct patience pop3_patience(const struct pop3 *p);
const struct pop3_caps *pop3_caps(const struct pop3 *p);
/* Commands in flight, at most POP3_PIPELINE_MAX. */
size_t pop3_in_flight(const struct pop3 *p);
/*
 * Commands: true, queued whole; false, nothing changed. Refused: before the
 * greeting, after QUIT, behind an unanswered STLS or AUTH, when the pipeline or
 * the output is full, with an empty argument or one that breaks the line.
 * Commands may be queued behind each other; whether the server takes that is
 * for the caller to know (caps.pipelining). STLS needs an empty pipeline.
 */
bool pop3_capa(struct pop3 *p);
bool pop3_stls(struct pop3 *p);
bool pop3_user(struct pop3 *p, struct view name);
bool pop3_pass(struct pop3 *p, const struct secret *secret);
/* digest: of pop3_stamp() and the secret, RFC 1939 7. */
bool pop3_apop(struct pop3 *p, struct view name, struct view digest);
/*
 * The timestamp in the text of a greeting, with its angle brackets: a msg-id of
 * RFC 5322 3.6.4 and nothing near it (CASES C3: CVE-2007-1558). Empty: none.
 */
struct view pop3_stamp(struct view greeting);
/* first: base64 or "=", see sasl_first(); its p is NULL: none is sent. */
bool pop3_auth(struct pop3 *p, struct view mechanism, struct view first);
/* After POP3_EV_CHALLENGE, once. answer: base64, may be empty; "*" cancels. */
bool pop3_auth_answer(struct pop3 *p, struct view answer);
bool pop3_utf8(struct pop3 *p); /* before sign-in: RFC 6856 2.1 */
bool pop3_stat(struct pop3 *p);
bool pop3_list(struct pop3 *p);
bool pop3_uidl(struct pop3 *p);
bool pop3_top(struct pop3 *p, uint32_t number, uint32_t lines);
bool pop3_retr(struct pop3 *p, uint32_t number);
bool pop3_dele(struct pop3 *p, uint32_t number);
bool pop3_noop(struct pop3 *p);
bool pop3_rset(struct pop3 *p);
bool pop3_quit(struct pop3 *p); /* its reply is the last event */
#endif
