/*
 * exchange - signing in, as far as POP3, IMAP and SMTP have it in common: which
 * way is chosen, its steps, what a refusal means, what is remembered.
 *
 *   exchange_init; exchange_pick -> mechanism
 *   SASL: exchange_begin, exchange_first -> AUTH mech [first]
 *         each continuation: exchange_challenge -> ports.answer, now or later
 *   else: the protocol's own commands (LOGIN, USER and PASS, APOP)
 *   exchange_verdict -> done, again (from exchange_pick), or failed
 *
 * Rules (INTERFACE, `auth`): what is named is required; else the best of what
 * is offered, and no weaker one after a refusal. The one exception: where -PLUS
 * was refused, and not written, SCRAM is tried once more without, saying gs2
 * `n` (the server offered -PLUS, so `y` would be a lie), and so from then on
 * with this server as long as the process lives. A server that offered SCRAM
 * when it was signed in to before, and now only passwords, gets a warning in
 * the log, once (CASES C1). A step that computes for long runs on the pool.
 */
#ifndef FLOW_EXCHANGE_H
#define FLOW_EXCHANGE_H
#include "err.h"
#include "mech.h"
#include "sasl.h"
#include "stream.h"

struct exchange_setup { /* everything borrowed until exchange_fini() */
	struct loop *loop;
	const struct endpoint *endpoint;
	const char *user;
	const struct secret *secret;
	enum mech auth;		/* MECH_NONE: auto */
	bool password_in_clear; /* tls = "none" was written */
	bool scram_before;	/* the server is known to have offered SCRAM */
	const char *service;	/* "imap", "pop", "smtp": RFC 4752, 7628 */
	/* NULL: hash_random() */
	void (*random)(void *out, size_t n);
	/*
	 * To the server: base64, may be empty; cancel: "*" instead. Comes from
	 * inside exchange_challenge(), or later from the loop.
	 */
	void (*answer)(void *who, struct view answer, bool cancel);
	void *who;
};

struct exchange_step;
struct exchange {
	struct exchange_setup setup;
	enum mech mech;
	unsigned offered;
	bool warned;		    /* of a weaker sign-in than before: C1 */
	bool without_plus;	    /* -PLUS was refused in this session */
	bool is_bound;		    /* binding data can be had */
	struct sasl *sasl;	    /* owned; NULL: none, or on the pool */
	struct exchange_step *step; /* on the pool */
	struct err wrong;	    /* why an exchange was cancelled */
};

enum exchange_end {
	EXCHANGE_DONE,
	EXCHANGE_AGAIN,	 /* pick anew, on the same connection */
	EXCHANGE_FAILED, /* err */
};

void exchange_init(struct exchange *x, const struct exchange_setup *setup);
/* What runs on the pool is left to itself; nothing is answered any more. */
void exchange_fini(struct exchange *x);

/*
 * offered: MECH_BIT()s, MECH_USER and MECH_APOP among them where the protocol
 * has them. MECH_NONE: err says what is offered and what to write.
 */
enum mech exchange_pick(struct exchange *x, unsigned offered,
			const struct stream *stream, struct err *err);
/* For a mechanism of SASL_MECHS. false: ERR_CONFIG. */
bool exchange_begin(struct exchange *x, const struct stream *stream,
		    struct err *err);
/* At most `most` octets. false: none, or too long; see sasl_first(). */
bool exchange_first(struct exchange *x, size_t most, struct view *out);
void exchange_challenge(struct exchange *x, struct view text);
/* For scram_before of later sessions: also until the warning was seen. */
bool exchange_offers_scram(const struct exchange *x);
/*
 * The server's last word, in its protocol's terms: class where it is not ok,
 * words as it said them. err: set with FAILED alone.
 */
enum exchange_end exchange_verdict(struct exchange *x, bool ok,
				   enum err_class class, enum err_origin origin,
				   struct view words, struct err *err);
#endif
