/*
 * What the two kinds of tunnel have in common. A kind asks for `want` octets
 * more and is called when `in` holds them (HTTP: some of them); it empties `in`
 * where it is done with what is there.
 */
#ifndef NET_TUNNEL_PRIVATE_H
#define NET_TUNNEL_PRIVATE_H
#include "limits.h"
#include "tunnel.h"

struct tunnel {
	enum tunnel_state state;
	enum proxy_kind kind;
	char *via;  /* owned; "HOST port PORT", for messages */
	char *host; /* owned */
	uint16_t port;
	char *user;		/* owned; NULL: no sign-in */
	struct secret password; /* owned */

	struct secret out; /* owned; octets to send, wiped behind us */
	size_t out_at;

	char in[LIMIT_REPLY_LINE];
	size_t in_n, want;
	void (*took)(struct tunnel *t);

	/* HTTP: */
	size_t seen;	    /* of in: looked at */
	size_t head_octets; /* before in */
	unsigned code;	    /* of the answer; 0: not yet known */
	char words[80];	    /* of the status line; not printable yet */
	char wanted[80];    /* ways to sign in that the proxy knows */
	bool has_basic;

	struct err err; /* of TUNNEL_FAILED */
};

/* Replaces what was to be sent. */
void tunnel_say(struct tunnel *t, struct view octets);
/* Empties `in`; the next call is fn, with want octets. */
void tunnel_await(struct tunnel *t, size_t want, void (*fn)(struct tunnel *));
/* "the proxy HOST port PORT" and the rest; the caller adds peer and remedy. */
void tunnel_fail(struct tunnel *t, enum err_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void socks5_begin(struct tunnel *t);
void connect_begin(struct tunnel *t);
/* The end came before that of the answer. false: nothing is known of it. */
bool connect_cut(struct tunnel *t);
#endif
