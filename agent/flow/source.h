/*
 * source - one signed-in session with a mailbox: what POP3 and IMAP have in
 * common for the hand-off, which knows neither.
 *
 * A session is a table of functions (struct source_ops) and a set of reports.
 * Order of a session, asked for by the owner (flow/account.c):
 *
 *   open -> ready -> look -> listed -> { folder -> folder report -> list ->
 * items report
 *        -> fetch* -> body reports -> { mark, move, erase }* -> reports }*
 *        -> quit
 *        -> closed
 *
 * Calls only queue work; what follows from it comes as reports, never from
 * inside the call. A source may be asked for the next step before the report of
 * the last one where that makes sense to it (folder() at once after open; fetch
 * and erase at any time after the listing): it pipelines as the server allows.
 * `closed` is reported exactly once and last, after quit(), after an error, or
 * after cancel(); the struct is freed by the source after `closed` returns.
 *
 * Errors spoil as little as they must: one message (refused), one folder
 * (folder report not ok), or the session (closed with an error).
 */
#ifndef FLOW_SOURCE_H
#define FLOW_SOURCE_H
#include "config.h"
#include "err.h"
#include "mech.h"
#include "secret.h"
#include "spool.h"
#include "stream.h"

struct source;

struct source_options {
	struct loop *loop; /* borrowed until closed */
	struct resolver *resolver;
	struct endpoint endpoint; /* its tls says none, implicit or starttls */
	const char *user;	  /* copied, or borrowed until closed */
	const struct secret *secret; /* borrowed until ready */
	enum mech auth;		     /* MECH_NONE: auto */
	bool password_in_clear;	     /* tls = "none" was written */
	bool delete_to_trash;	     /* the provider wants it so */
	bool compress;		     /* IMAP: COMPRESS=DEFLATE where offered */
	bool scram_before;	     /* the server offered SCRAM last time */
	void (*random)(void *out, size_t n); /* NULL: hash_random() */
	const uint8_t *key; /* HASH_KEY_OCTETS, for POP3 identities */
	bool by_headers;    /* POP3: where the server has no UIDL, headers tell
			       messages apart (CASES E15); else it is refused */
	const char *trace;  /* account name when -vv is on, else NULL: the
			       dialogue is logged at LOG_DEBUG without
			       secrets and bodies */
};

struct source_ready {
	char capabilities[512]; /* printable, for `check` */
	bool can_delete;	/* IMAP: UIDPLUS; POP3: always */
	uint32_t login_delay_s; /* not to sign in again before; 0: unsaid */
	bool volatile_on_fetch; /* EXPIRE 0 and the like: mail fetched may be
				   gone after this session (CASES E16) */
	bool scram_offered;	/* for scram_before of the next session */
	bool can_rest;		/* IMAP: IDLE */
	bool can_look_again;	/* UNSELECT: look() behind folder() */
};

struct source_folder {
	uint32_t uidvalidity; /* 0: POP3, or the server names none (D1) */
	uint32_t uidnext;     /* 0: unknown */
	uint32_t exists;
	bool read_only;
};

/* Mail may have come to it since it was as `before`; by UIDNEXT, or where the
 * server does not say that now, by how many there are. */
bool source_folder_differs(const struct source_folder *now,
			   const struct source_folder *before);

/* A message that was moved. uid: of it in the folder it was moved to; 0: not
 * told. */
struct source_moved {
	struct message_key key;
	uint32_t uid;
};

/* What a message measures, as its server says. */
struct source_size {
	uint32_t number, octets;
};

/* What is told of each message of a listing, besides. */
enum source_facts {
	SOURCE_SIZES = 1u << 0, /* POP3: LIST; IMAP: always told */
	/* IMAP: INTERNALDATE, for which Dovecot looks at each file. POP3: never
	 * told. */
	SOURCE_DATES = 1u << 1,
};

/* Where a deleted message disappears from. */
enum source_erase {
	SOURCE_ERASE,	   /* from the mailbox */
	SOURCE_ERASE_HERE, /* from this folder: a copy of it is elsewhere */
};

/* A folder as its server lists it. */
struct source_listed {
	char *name; /* owned by the source; in UTF-8, as a person writes it */
	char delimiter;
	unsigned uses;	/* bits of enum config_use */
	bool no_name;	/* it cannot be written: name is escaped */
	bool no_select; /* a mere level of names, or on another server */
	bool counted;	/* there holds its numbers, but not read_only */
	struct source_folder there;
};

/* who: as given to source_open. Views live until the report returns. */
struct source_reports {
	void (*ready)(void *who, const struct source_ready *r);
	/* err NULL: selected. Else this folder alone failed (missing, refused)
	 */
	void (*folder)(void *who, const struct source_folder *f,
		       const struct err *err);
	/* POP3, before items: unique-ids that several messages bear now and
	 * that were not among those given to namesakes(). */
	void (*shared)(void *who, const struct message_key *keys, size_t n);
	/*
	 * The listing asked for is complete. items: sorted by key, no doubles,
	 * number, octets, date and flags set; on the heap, the receiver frees
	 * them. Reported only after a complete listing (tagged OK; CRLF.CRLF on
	 * both LIST and UIDL); anything less is an error of the session.
	 */
	void (*items)(void *who, struct spool_item *items, size_t n);
	/* Answer to sizes(): of all items, in the order of their numbers;
	 * borrowed. NULL where sizes() is never asked. */
	void (*sizes)(void *who, const struct source_size *sizes, size_t n);
	/* The body of this message begins; uid: UID or UIDL, for people. */
	void (*body_begin)(void *who, const struct message_key *key,
			   struct view uid);
	void (*body)(void *who, struct view octets);
	/* Complete by framing alone (DESIGN 5, 2). */
	void (*body_end)(void *who, const struct message_key *key);
	/* This one cannot be had now (-ERR, NO, NIL; ERR_CANCELLED: it has gone
	 * meanwhile, which is no failure): never followed
	 * by body_end, also when octets of it were reported. */
	void (*refused)(void *who, const struct message_key *key,
			const struct err *err);
	/* All that was asked by fetch() so far has been answered. */
	void (*fetched)(void *who);
	/*
	 * The server confirmed: IMAP after the tagged OK of the expunge (or of
	 * the STORE, where it cannot expunge: left then counts those that stay
	 * marked); POP3 after the +OK to QUIT. err: what was refused, and is
	 * counted in left; NULL: nothing.
	 */
	void (*erased)(void *who, const struct message_key *keys, size_t n,
		       size_t left, const struct err *err);
	/* Answer to mark(): these are marked as seen. */
	void (*marked)(void *who, const struct message_key *keys, size_t n,
		       const struct err *err);
	/* Answer to target(). err NULL: it is there. */
	void (*target)(void *who, const struct source_folder *f,
		       const struct err *err);
	/* Answer to move(): these are in the target now, left of them here as
	 * well. uidvalidity: of the uids. */
	void (*moved)(void *who, const struct source_moved *moved, size_t n,
		      size_t left, uint32_t uidvalidity, const struct err *err);
	/* Answer to unseen(), undeleted(): sorted by key, fate 0; the receiver
	 * frees them. */
	void (*unseen)(void *who, struct spool_item *items, size_t n,
		       const struct err *err);
	/* Asked whenever the source could read more: false pauses the session
	 * (nothing is lost); source_poke() when it may go on. NULL: always. */
	bool (*may_read)(void *who);
	void (*closed)(void *who, const struct err *err); /* NULL: after quit */
	/* A lasting oddity of the mailbox, in words; text is constant. Comes
	 * before items. NULL where nothing is listed. */
	void (*notice)(void *who, const char *text);
	/*
	 * Answer to look(): the folders, borrowed until the next look() or the
	 * end. err: they could not be listed.
	 */
	void (*listed)(void *who, const struct source_listed *l, size_t n,
		       const struct err *err);
	/* Asked in the course of look(): are the numbers of this one wanted,
	 * where they cost a command of their own? */
	bool (*counts)(void *who, const struct source_listed *l);
	/* Answer to rest(). all: of the other folders as well. */
	void (*resting)(void *who, bool all);
	/* While resting, once: there may be new mail. It rests on. */
	void (*stirred)(void *who);
};

struct source_ops {
	void (*folder)(struct source *s, const char *name);
	/*
	 * from: list UIDs from here on (1: all); POP3 lists all in any case.
	 * facts: enum source_facts. What is not asked for may be 0; octets are
	 * brought by sizes() then.
	 */
	void (*list)(struct source *s, uint32_t from, unsigned facts);
	/*
	 * Right behind folder(): list() from here on is what its report will
	 * most likely lead to. It may be asked for beside the selection; what
	 * came is thrown away where it turns out otherwise. NULL: all is listed
	 * at once in any case.
	 */
	void (*foresee)(struct source *s, uint32_t from, unsigned facts);
	/* After items: what they measure. false: they came with it. NULL: they
	 * always do. */
	bool (*sizes)(struct source *s);
	/* Before list(): unique-ids that were shared once, sorted, borrowed
	 * until the listing is reported. NULL: the protocol has none. */
	void (*namesakes)(struct source *s, const struct message_key *keys,
			  size_t n);
	/* items: copied; in this order as far as the protocol allows. */
	void (*fetch)(struct source *s, const struct spool_item *items,
		      size_t n);
	/* Deletes n messages of the folder selected last. keys and numbers of
	 * the items count. Copied. */
	void (*erase)(struct source *s, const struct spool_item *items,
		      size_t n, enum source_erase how);
	/*
	 * The following are IMAP's; NULL: the protocol has none. mark, move and
	 * erase: one at a time, the next behind the answer.
	 */
	/* Marks messages of the folder selected last as seen. Copied. */
	void (*mark)(struct source *s, const struct spool_item *items,
		     size_t n);
	/* The folder that move() moves to, in UTF-8: it is looked at, and made
	 * if it is missing. Not the one selected. */
	void (*target)(struct source *s, const char *name);
	/* Moves messages from the folder selected last. Copied. */
	void (*move)(struct source *s, const struct spool_item *items,
		     size_t n);
	/* Which messages of the folder selected last are not seen. */
	void (*unseen)(struct source *s);
	/* Which of those from first to last are not marked as deleted. One
	 * question of the two at a time. */
	void (*undeleted)(struct source *s, uint32_t first, uint32_t last);
	/* What all names of one message have in common (Gmail's labels), of the
	 * last listing; 0: unknown. */
	uint64_t (*twin)(struct source *s, const struct message_key *key);
	/*
	 * The header (up to the empty line, at most LIMIT_HEADER_SCAN octets)
	 * of each: reported like bodies, with body_begin / body / body_end. For
	 * ages and fingerprints. POP3: TOP n 0; refused where the server has
	 * none.
	 */
	void (*headers)(struct source *s, const struct spool_item *items,
			size_t n);
	/* Ends well: outstanding erases are confirmed first. */
	void (*quit)(struct source *s);
	/* Ends at once; closed follows with ERR_CANCELLED. */
	void (*cancel)(struct source *s);
	/* may_read may have changed. */
	void (*poke)(struct source *s);
	/*
	 * Which folders there are, and their numbers, before one is selected.
	 * patterns: in UTF-8, with * and %; n 0: all. More than was asked for
	 * may be reported. NULL: the protocol has none.
	 */
	void (*look)(struct source *s, const char *const *patterns, size_t n);
	/*
	 * As look() for all, answered likewise, but beside the folder in hand:
	 * it stays selected, and its own numbers are missing or stale. Who
	 * does not want those spares the server closing it and opening it
	 * again. NULL: the protocol has none.
	 */
	void (*look_round)(struct source *s);
	/*
	 * When all that was asked is answered: waits for the server's word of
	 * new mail in the folder selected last, of which everything since
	 * list() (or its selection) is news, and, with NOTIFY, in
	 * those of also (in UTF-8). Meanwhile nothing but wake(), quit(),
	 * cancel() and give() is asked. For can_rest alone. A server that
	 * refuses ends the session. It is for the owner to wake and begin again
	 * in time: RFC 2177 3 (29 minutes). NULL: the protocol has none.
	 */
	void (*rest)(struct source *s, const char *const *also, size_t n);
	/* Ends it, also before `resting`; anything may be asked at once. */
	void (*wake)(struct source *s);
	/* From now on somebody else is told. Not before `ready`; then nothing
	 * but loop, resolver and key is borrowed from the owner any more. */
	void (*give)(struct source *s, const struct source_reports *r,
		     void *who);
	/* The unique-id of a listed message, any octets; empty where it is not
	 * kept. NULL: the protocol has none. */
	struct view (*uid_text)(struct source *s, uint32_t number);
	/* For `check`: how the connection is secured; NULL before secured. */
	struct stream *(*stream)(struct source *s);
};

struct source { /* first member of every implementation */
	const struct source_ops *ops;
};

struct source *source_pop3_open(const struct source_options *o,
				const struct source_reports *r, void *who);
struct source *source_imap_open(const struct source_options *o,
				const struct source_reports *r, void *who);
#endif
