/*
 * err - what went wrong, in two voices: ours and the peer's.
 *
 * A call that can fail returns bool and fills a struct err as its last
 * parameter; on success err is untouched. Policy looks at the class alone. One
 * failure is reported once, by the layer that decides what follows from it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include "view.h"

enum err_class {
	ERR_NONE,
	ERR_NETWORK, /* resolve, connect, cut, silence: may pass */
	ERR_RETRY,   /* the peer says: not now (4xx, [IN-USE], quota) */
	ERR_REFUSED, /* the peer says: never (5xx, NO) */
	ERR_AUTH,    /* sign-in refused: a person is needed */
	ERR_TRUST,   /* certificate or TLS not acceptable: a person is needed */
	ERR_PROTOCOL,  /* the peer broke its protocol */
	ERR_LIMIT,     /* a limit of ours was reached (size, lines, depth) */
	ERR_CONFIG,    /* the configuration is wrong, or a decision missing */
	ERR_STATE,     /* the state directory cannot be used */
	ERR_DISK,      /* the disk failed or is full */
	ERR_BUSY,      /* somebody else holds it */
	ERR_CANCELLED, /* ended on our own request */
	ERR_BUG,
};

enum err_origin {
	ERR_FROM_US,
	ERR_FROM_ERRNO,
	ERR_FROM_UV,
	ERR_FROM_TLS,	 /* an X509_V_ERR_* or 0 */
	ERR_FROM_SQLITE, /* extended result code */
	ERR_FROM_SMTP,	 /* reply code, such as 550 */
	ERR_FROM_IMAP,
	ERR_FROM_POP3,
};

struct err {
	enum err_class class;
	enum err_origin origin;
	int code;	  /* of origin; 0 where there is none */
	char what[240];	  /* what failed, in our words; printable */
	char peer[320];	  /* the peer's words, made printable; may be "" */
	char remedy[240]; /* what to do; may be "" */
	uint64_t wait_ms; /* how long the peer asks to stay away; 0: unsaid */
};

/* All four return false, so that `return err_set(...)` reads well. */
bool err_set(struct err *e, enum err_class class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set, with the class and the words for an errno value. */
bool err_errno(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds the peer's words (any octets; made printable and cut). */
bool err_peer(struct err *e, struct view words);
/* Adds what to do about it. */
bool err_remedy(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts `prefix: ` before what. */
bool err_within(struct err *e, const char *prefix);
/* "what: peer: remedy" without the empty parts; cap >= 8. */
void err_line(const struct err *e, char *out, size_t cap);

/* INTERFACE 4: network tls auth protocol quota delivery storage config. */
const char *err_class_name(enum err_class class);
/* sysexits.h code for one failure (INTERFACE 1). ERR_NONE: 0. */
int err_exit(enum err_class class);
/* Of two exit codes the one that is told: 70 73 74 78 77 76 75 0. */
int err_worse(int a, int b);
/* A disk or descriptor errno that ERR_DISK stands for. */
bool err_is_disk(int errnum);
#endif
