/*
 * probe - a look at one source or one destination without moving mail, for
 * `check`: resolve, connect, TLS, sign in; then the folders of a source, or
 * MAIL and every recipient of a destination, and RSET.
 *
 * A probe fills in what it found and calls done once, from the loop. It stays
 * readable until probe_free().
 */
#ifndef FLOW_PROBE_H
#define FLOW_PROBE_H
#include "dest.h"
#include "pass.h"
#include "peek.h"
#include "plan.h"
#include "reach.h"
#include "source.h"

#define PROBE_NAMES 500u

struct probe_folder {
	const char *name; /* borrowed from the plan; "" for POP3 */
	struct source_folder there;
	struct err err; /* ERR_NONE: it was selected */
};

/* A folder as its server lists it. */
struct probe_name {
	char *name;    /* owned; printable */
	unsigned uses; /* bits of enum config_use */
	bool no_name, fetched, counted;
	uint32_t messages; /* where counted */
};

struct probe_rcpt {
	char *address; /* owned; "" with is_sender: the null sender */
	bool is_sender;
	int code;    /* 0: not asked or not answered */
	char *words; /* owned; NULL: none */
};

struct probe;
typedef void probe_done(void *who, struct probe *p);

struct probe {
	const struct config_account *account; /* one of these two */
	const struct config_delivery *delivery;
	/* found so far, in this order */
	char peer[112]; /* address; "": not connected */
	bool has_tls, signed_in;
	struct tls_info tls; /* faults != 0: of the certificate refused */
	char capabilities[512];
	uint64_t max_octets; /* of a destination; 0: unknown */
	struct probe_name
		*names; /* all folders there, but PROBE_NAMES at most */
	size_t nnames, more_names;
	struct plan plan;
	struct probe_folder *folders; /* of plan, in its order */
	size_t nfolders;
	struct peek peek;	  /* of a source with a multidrop */
	struct err multidrop;	  /* its header is in no message; ERR_NONE */
	struct probe_rcpt *rcpts; /* the first is the sender */
	size_t nrcpts;
	/* Where a `user` signs in and senders stay as they are: one who is not
	 * that user, and the first recipient again. */
	struct probe_rcpt foreign[2];
	bool asked_foreign, dest_ready;
	struct err xclient; /* why no client can be handed over; ERR_NONE */
	struct err err;	    /* what ended it; ERR_NONE: all went well */
	bool is_over;	    /* done was called */

	/* private */
	const struct parts *parts;
	probe_done *done;
	void *who;
	struct reach_secret secret;
	struct endpoint endpoint;
	struct source *source;
	struct dest *dest;
	size_t at;	  /* folder or recipient whose answer is awaited */
	const char **ask; /* owned array for dest_ops.probe */
	const char *again[2];
	uint8_t key[HASH_KEY_OCTETS];
};

/* parts: borrowed until done; its spool may be NULL. */
struct probe *probe_source(const struct parts *parts,
			   const struct config_account *a, probe_done *done,
			   void *who);
/* rcpts: n addresses, copied. */
struct probe *probe_delivery(const struct parts *parts,
			     const struct config_delivery *d,
			     const char *const *rcpts, size_t n,
			     probe_done *done, void *who);
void probe_free(struct probe *p); /* after done */
/* ERR_NONE, or the worst of what is wrong with it, folders and recipients. */
enum err_class probe_worst(const struct probe *p);
/* Senders as they are will be refused, though recipients are taken. */
bool probe_refuses_foreign(const struct probe *p);
/* What a refused sender or recipient is; ERR_NONE: it was accepted. */
enum err_class probe_rcpt_class(const struct probe_rcpt *r);
#endif
