/*
 * smtp_state - what smtp.c (ports and replies) and smtp_send.c (commands and
 * bodies) share. For nobody else.
 */
#ifndef PROTO_SMTP_STATE_H
#define PROTO_SMTP_STATE_H
#include "limits.h"
#include "queue.h"
#include "smtp.h"

#define SMTP_NAME_OCTETS 255u
#define SMTP_AUTH_OCTETS 512u
#define SMTP_END_OPEN	 UINT64_MAX /* its end was not queued yet */

enum smtp_phase {
	SMTP_PHASE_GREETING,
	SMTP_PHASE_REFUSED, /* by the greeting */
	SMTP_PHASE_READY,
	SMTP_PHASE_TLS,	    /* between TLS_WANTED and smtp_secured() */
	SMTP_PHASE_LEAVING, /* SMTP_EV_BYE is the next event */
	SMTP_PHASE_DEAD,
};
enum smtp_feed {
	SMTP_FEED_NONE,
	SMTP_FEED_AWAITED, /* DATA is queued */
	SMTP_FEED_DATA,
	SMTP_FEED_CHUNK,
};

enum smtp_attr {
	SMTP_ATTR_NAME = 1 << 0,
	SMTP_ATTR_ADDR = 1 << 1,
	SMTP_ATTR_HELO = 1 << 2,
};

struct smtp_inflight {
	enum smtp_cmd cmd;
	bool last; /* BDAT LAST, BODY */
	bool lone; /* DATA: the lone dot was sent */
	uint64_t tag;
	uint64_t line_end; /* octets queued when its line was */
	uint64_t end;	   /* ... with its body; SMTP_END_OPEN */
};

struct smtp {
	enum smtp_kind kind;
	enum smtp_line line;
	enum smtp_phase phase;
	enum smtp_feed feed;
	bool eof;
	bool helo;	 /* EHLO was refused, HELO sent */
	bool challenged; /* AUTH: an answer is due */
	struct queue in, out;
	size_t lent;	       /* octets of in behind the last event */
	uint64_t queued, sent; /* octets of all, ever */
	struct smtp_inflight ring[SMTP_INFLIGHT_MAX];
	unsigned head, count;
	struct reply reply; /* the one being read, or of the last event */
	bool reply_done;

	unsigned caps, learnt, forgone; /* enum smtp_cap */
	uint64_t size_limit;
	char auth[SMTP_AUTH_OCTETS];
	size_t auth_n;
	unsigned xclient; /* enum smtp_attr: bits of what it takes */
	char name[SMTP_NAME_OCTETS];
	size_t name_n;

	/* the transaction as far as it was answered */
	bool mail_ok;
	uint32_t accepted, judged; /* recipients; LMTP verdicts that came */
	uint64_t rcpt[LIMIT_RECIPIENTS];
	/* ... and as far as it was queued */
	uint32_t rcpts_queued;

	uint64_t chunk_left;
	char fed[2]; /* last octets of the body; CR LF before the first */

	uint64_t serial, block_at; /* see smtp_patience() */
	struct err err;
	char inbuf[SMTP_IN_OCTETS], outbuf[SMTP_OUT_OCTETS];
};

static inline struct smtp_inflight *smtp_head(struct smtp *s)
{
	return &s->ring[s->head];
}
/* Queues the parts as one piece of output; false: no room, nothing queued. */
bool smtp_put(struct smtp *s, const struct view *parts, size_t n);
/* One line of the reply to EHLO behind the first. */
void smtp_learn(struct smtp *s, struct view line);
/* HELO in the place of the EHLO in flight. */
void smtp_send_helo(struct smtp *s);
/* A dot and nothing before it, for the DATA in flight. */
void smtp_send_lone_dot(struct smtp *s);
#endif
