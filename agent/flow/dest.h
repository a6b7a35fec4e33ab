/*
 * dest - one open way into a destination: an SMTP connection, a maildir.
 *
 * The owner (flow/delivery.c) offers messages and says when each may go; the
 * dest says what became of it. The rule that keeps P1-P3: nothing that could
 * complete a message (the final dot, a BDAT LAST line, a rename into new/) may
 * happen before release().
 *
 *   open -> ready -> { offer -> release -> result }* -> quit -> closed
 *
 * offer() may send MAIL and RCPT at once when the message is next in line, so
 * that these are on the wire while the ledger commits. withdraw() takes an
 * offer back that was not released (RSET where MAIL went out); no result
 * follows. Calls only queue work; reports never come from inside a call.
 * `closed` comes exactly once and last; every message offered and not yet
 * settled has had its result before: UNSENT when nothing could have completed
 * it, LOST when the end of its data may have reached the peer and no reply
 * came. The struct is freed by the dest after `closed` returns.
 */
#ifndef FLOW_DEST_H
#define FLOW_DEST_H
#include "err.h"
#include "message.h"
#include "secret.h"
#include "source.h"
#include "spool.h"
#include "text.h"

struct dest;

struct dest_options {
	struct loop *loop; /* borrowed until closed, like all below */
	struct resolver *resolver;
	struct spool *spool; /* bodies are read from here */
	struct endpoint endpoint;
	bool lmtp;	      /* RFC 2033 instead of SMTP */
	const char *path;     /* maildir: folder, with %u; else NULL */
	const char *hostname; /* EHLO and Received */
	const char *user;     /* NULL: no sign-in */
	const struct secret *secret;
	enum mech auth; /* MECH_NONE: auto */
	bool password_in_clear;
	void (*random)(void *out, size_t n); /* NULL: hash_random() */
	/* `smtp://localhost`: where the peer's address is a loopback one, stay
	 * in clear; else STARTTLS is required (CASES J10). endpoint.tls is
	 * TLS_STARTTLS then. */
	bool clear_on_loopback;
	bool notify_never; /* dsn = never */
	/*
	 * Whom the server is to take us for (origin.h), by XCLIENT; NULL: us.
	 * One connection is one client's. Where the server refuses to take that
	 * from us, ready() says so and the connection is ours. Where it refuses
	 * the client, it refuses each message that is offered.
	 */
	const char *client;
	const char *srs_domain; /* rewrites senders (srs.h); NULL: does not */
	const struct secret *srs_secret;
	const char *const *drop_headers; /* NULL-terminated */
	const char *trace;		 /* as in source_options */
	/*
	 * Received and X-Mailhaul-Trace for m, each line ended by CRLF, into
	 * out (flow/stamp.c). The same for every attempt of a message.
	 */
	void (*stamp)(void *who, const struct message *m, struct text *out);
};

enum dest_outcome {
	DEST_ACCEPTED, /* 2xx to the data; rcpts[] say for whom */
	DEST_DEFERRED, /* 4xx to MAIL, every RCPT, or the data */
	DEST_REFUSED,  /* 5xx to MAIL, every RCPT, or the data */
	DEST_UNSENT,   /* nothing happened: connection gone, or not its turn */
	DEST_LOST,     /* in doubt */
	DEST_DAMAGED,  /* the body cannot be read or is not what was spooled */
};

enum dest_stage {
	DEST_AT_MAIL,
	DEST_AT_RCPT,
	DEST_AT_DATA,
	DEST_AT_END
};

struct dest_result {
	enum dest_outcome outcome;
	enum dest_stage stage; /* where it was decided */
	int code;	       /* reply code; 0: none */
	struct view words;     /* reply words, printable, one line */
};

struct dest_ready {
	uint32_t window; /* messages offered and not settled, at most: P2 */
	/*
	 * One message at a time, and mailed() tells when its MAIL is on the
	 * wire: so nothing need ever be in doubt that the peer never heard of.
	 * With a window of more, MAIL of the second comes behind the body of
	 * the first, and the bound of P2 is the window.
	 */
	bool tells_mailed;
	uint32_t trip_ms;	/* EHLO and its reply; 0: nothing was asked */
	uint64_t max_octets;	/* SIZE; 0: unknown */
	char capabilities[512]; /* printable, for `check` */
	bool offers_xclient;
	/* Why the client was not handed over; ERR_NONE: it was, or there is
	 * none. */
	struct err not_handed;
};

struct dest_reports {
	void (*ready)(void *who, const struct dest_ready *r);
	/*
	 * Has set m->rcpts[i].state, code and reply of recipients that were
	 * answered; leaves m->state to the owner. RCPT_WAITING left: deferred.
	 * A message may be ACCEPTED for some recipients and deferred or refused
	 * for others at once: outcome tells of those offered together.
	 */
	void (*result)(void *who, struct message *m,
		       const struct dest_result *r);
	/* MAIL for m was taken by the kernel; only where tells_mailed. Before
	 * result, or never. */
	void (*mailed)(void *who, struct message *m);
	/* Recipients that an attempt of `check` asked for were answered. */
	void (*probed)(void *who, const char *rcpt, int code,
		       struct view words);
	void (*closed)(void *who, const struct err *err); /* NULL: after quit */
};

struct dest_ops {
	void (*offer)(struct dest *d, struct message *m);
	void (*release)(struct dest *d, struct message *m);
	void (*withdraw)(struct dest *d, struct message *m);
	/* For `check`: MAIL from sender, RCPT to each (NULL-terminated), RSET;
	 * probed is called for the sender (rcpt NULL) and each. One more may
	 * be asked for before the first is over: it follows. */
	void (*probe)(struct dest *d, const char *sender,
		      const char *const *rcpts);
	void (*quit)(struct dest *d); /* after all results */
	void (*cancel)(struct dest *d);
	/* The end of a message was handed over and is not answered: cancel()
	 * now would leave it in doubt. NULL: never. */
	bool (*awaits)(struct dest *d);
	struct stream *(*stream)(struct dest *d); /* NULL: none (maildir) */
};

struct dest { /* first member of every implementation */
	const struct dest_ops *ops;
};

struct dest *dest_smtp_open(const struct dest_options *o,
			    const struct dest_reports *r, void *who);
struct dest *dest_maildir_open(const struct dest_options *o,
			       const struct dest_reports *r, void *who);
#endif
