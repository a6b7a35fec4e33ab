/*
 * pop3_private - the POP3 engine (pop3.h), for its own files alone.
 *
 * pop3.c: the ports, and what comes in; pop3_command.c: what is asked, and how
 * long an answer may take.
 */
#ifndef PROTO_POP3_PRIVATE_H
#define PROTO_POP3_PRIVATE_H
#include "pop3.h"
#include "queue.h"

/* What the next octets from the server are. */
enum pop3_phase {
	PHASE_GREETING,
	PHASE_READY, /* the reply to the first command in flight */
	PHASE_LISTING,
	PHASE_BODY,
	PHASE_CHALLENGED, /* nothing: it is our turn */
	PHASE_HANDSHAKE,  /* not ours: TLS */
	PHASE_OVER,
};

/* What may still be queued. */
enum pop3_gate {
	GATE_OPEN,
	GATE_WAIT, /* not before the reply to the last one (STLS, AUTH) */
	GATE_SHUT, /* QUIT was given */
};

struct pop3_inflight {
	enum pop3_cmd cmd;
	uint32_t number;
};

struct pop3 {
	enum pop3_phase phase;
	enum pop3_gate gate;
	bool eof;
	bool line_start, after_cr; /* PHASE_BODY: where in a line we are */
	bool tainted;		   /* out holds, or held, a secret */
	struct queue in, out;
	size_t lent; /* octets of in behind the last event */
	struct pop3_inflight ring[POP3_PIPELINE_MAX];
	size_t head, count;
	uint32_t lines; /* of the running listing */
	size_t block;	/* octets of listing or body since serial changed */
	uint64_t serial;
	struct pop3_caps caps;
	struct err err;
	char in_octets[POP3_IN_OCTETS], out_octets[POP3_OUT_OCTETS];
};
#endif
