/*
 * spool - the durable half: the ledger (sqlite) and the bodies (segments).
 *
 * One thread, the store thread, owns both (another waits for the barriers of
 * bodies, and touches nothing else). Everything here is asked for by a
 * request that is handed over, done together with what else is waiting in one
 * transaction (group commit), and given back on the asking thread by
 * spool_results(). What a `done` reports with ok is on disk.
 *
 * Fatal: when an fsync or a COMMIT fails, nothing can be known any more. The
 * store stops, spool_fatal() tells why, no further `done` is called, and the
 * process must end without any further effect on a network. A full disk while a
 * body is written is not fatal: that put alone fails with ERR_DISK.
 *
 * Threads: all calls from the one thread that called spool_open(), unless told
 * otherwise. Times are given by the caller, unix ms; the spool reads no clock.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H
#include "err.h"
#include "message.h"

struct spool;
struct ledger;
struct spool_files; /* spool/files.h: open, pwrite, fdatasync ...; tests put
		       faults in. NULL: the system's */

struct spool_options {
	const char *dir; /* made (0700) if missing, its parents not */
	const struct spool_files *files;
	void (*wake)(void *who); /* store thread: results wait; any thread-safe
				    poke of the loop */
	/* Something was asked, and nothing since spool_send(): that is to be
	 * called before the loop waits, so that what is asked in one turn wakes
	 * the store once. NULL: each request goes at once. */
	void (*asked)(void *who);
	void *who;
	bool look_only; /* status and the like: no thread, no recovery */
	bool untold;	/* recovery's findings are left to the next process */
	int64_t now_ms;
};

/* What recovery found, in this process or since it was told last; told once by
 * the command. */
struct spool_found {
	uint64_t queued, doubts, held;
	uint64_t new_doubts; /* SENDING at the last death, in doubt from now */
	bool crashed; /* the last process, by a fault of its own, within this
			 boot, with ... */
	uint64_t suspects; /* ... so many messages in hand: tried singly */
	uint64_t poisoned; /* ... held: alone in hand for the third time */
	bool volatile_dir; /* on a tmpfs: lost with the next boot */
	bool foreign;	   /* the ledger was replaced by an older copy, or the
			      whole directory is one: accounts reconcile,
			      nothing is resent */
};

/*
 * Takes the lock, opens or makes the ledger, migrates, recovers, starts the
 * store thread. Errors: ERR_BUSY (another process holds it; what names it),
 * ERR_STATE (cannot be made or written, newer schema, not a database, network
 * file system), ERR_DISK (full, I/O error); each with its remedy.
 */
struct spool *spool_open(const struct spool_options *o, struct spool_found *f,
			 struct err *err);
/*
 * Finishes what was handed over, closes. Requests still out
 * are done (ok or not) by this call; after a fatal error they are dropped with
 * ERR_CANCELLED. The wake hook is not called again.
 */
void spool_close(struct spool *s);
/* What was asked goes to the store; see spool_options.asked. */
void spool_send(struct spool *s);
/* Runs the `done` of whatever is ready; from the loop after a wake. */
void spool_results(struct spool *s);
/* NULL while all is well. */
const struct err *spool_fatal(const struct spool *s);
/* So long the barrier of some bodies has been under way; other requests are
 * answered meanwhile. 0: none is. */
uint64_t spool_syncing_ms(const struct spool *s);
/* Nothing handed over is out any more. */
bool spool_idle(const struct spool *s);
/* ... and none of it waits for a commit. */
bool spool_is_durable(const struct spool *s);
/* 32 random octets of this installation (keyed hashes, trace MAC). */
const uint8_t *spool_key(const struct spool *s);
/* Random name of this installation, 12 letters (INTERFACE 3: INSTANCE). */
const char *spool_instance(const struct spool *s);
/* Octets of bodies held now (for spool_limit). */
uint64_t spool_octets(const struct spool *s);
/* now_ms, as far as the clock is believed (clock.h): what ages count to. */
int64_t spool_believed_ms(const struct spool *s, int64_t now_ms);
/* Free octets of the file system the spool lies on, asked at most once a second
 * by now_ms. */
uint64_t spool_disk_free(struct spool *s, int64_t now_ms);

/* --- requests --------------------------------------------------------- */

/*
 * Embedded at the head of each request struct. The caller fills in the inputs
 * and `done`, and keeps the struct (and what it points to) until done was
 * called. ok false: err says why, and nothing was changed.
 */
struct spool_req {
	struct link link; /* the spool's while out */
	void (*done)(struct spool_req *);
	void *who; /* the caller's */
	bool ok;
	struct err err;
	bool (*run)(struct ledger *, struct spool_req *); /* the spool's */
	bool urgent; /* commit at once, do not wait for company */
	/*
	 * May come back before its commit: for what does no harm where a crash
	 * undoes it. What is asked for behind it is never durable without it;
	 * of a put that is true from its `done` on.
	 */
	bool early;
};

/*
 * Any work on the ledger, on the store thread, inside the transaction: for
 * queries (spool/query.h) and for what is rare. fn false with *err: undone.
 */
struct spool_call {
	struct spool_req req;
	bool (*fn)(struct ledger *, void *arg, struct err *);
	void *arg;
};
void spool_call(struct spool *s, struct spool_call *c);
/* The same, waiting for it; before the loop runs, or with look_only. */
bool spool_call_now(struct spool *s,
		    bool (*fn)(struct ledger *, void *arg, struct err *),
		    void *arg, struct err *err);

/* --- bodies ----------------------------------------------------------- */

/*
 * A body on its way in. Octets are gathered in memory up to 128 KB; what is
 * larger streams to a segment of which this body has the append right. One
 * writer belongs to one source session at a time.
 */
struct spool_body;
struct spool_body *spool_body_new(struct spool *s);
void spool_body_add(struct spool_body *b, struct view octets); /* copies */
/* Too much of it is not on its way to the disk yet: stop adding (soft). */
bool spool_body_full(const struct spool_body *b);
/* Called (from spool_results) when it is no longer full. */
void spool_body_on_room(struct spool_body *b, void (*room)(void *), void *who);
uint64_t spool_body_octets(const struct spool_body *b);
/* Of these: still in memory, until it is put and that is done. */
size_t spool_body_held(const struct spool_body *b);
/* Abandons it; what was written counts for nothing. */
void spool_body_drop(struct spool_body *b);

/* Up to r.n octets at offset; from any state but GONE. Never blocks on the
 * store. false: ERR_DISK. *got 0 only at the end. */
bool spool_body_read(struct spool *s, const struct message_place *place,
		     uint64_t offset, struct room r, size_t *got,
		     struct err *err);
/*
 * Compares a body with its hash (CASES I4). Not needed for what this process
 * wrote itself: spool_body_trusted().
 */
struct spool_verify {
	struct spool_req req;
	struct message_place place;
	bool same; /* out */
};
void spool_verify(struct spool *s, struct spool_verify *v);
bool spool_body_trusted(const struct spool *s, const struct message_place *p);

/* --- the life of a message: DESIGN 5 ----------------------------------- */

/*
 * TX1. m is NEW and has no id; the spool gives id and place. body goes over to
 * the spool in any case. sending: TX2 joins (a connection with room in its
 * window has reserved m): m is SENDING, attempt 1, when this is done; else
 * SPOOLED. Takes the place of a SKIPPED row of the same key. Adds to the
 * account's totals.
 *
 * m->prints: they are recorded. m->once: recipients who had the same message
 * from another account or folder within a week are RCPT_ACCEPTED when this is
 * done; where nobody is left, or must be waited for another copy that is on its
 * way, m is SKIPPED without an id, and m->reason says why. Not with sending.
 */
struct spool_put {
	struct spool_req req;
	struct message *m; /* stays the caller's */
	struct spool_body *body;
	bool sending;
	bool written;	    /* the spool's: its body is in a segment */
	int64_t connection; /* of the caller's, for the ledger's attempt row */
};
void spool_put(struct spool *s, struct spool_put *p);

/* TX2: SPOOLED (or DOUBT, for a resend) becomes SENDING, attempts + 1. */
struct spool_sending {
	struct spool_req req;
	struct message *m;
	int64_t connection, now_ms;
};
void spool_sending(struct spool *s, struct spool_sending *r);

/*
 * TX3: what became of an attempt. The caller has set in m: state (SPOOLED with
 * next_at, DOUBT, HELD, DELIVERED), rcpts[], reason, reply, waiting_since,
 * settled_at / doubt_at; where m->readdressed, the recipients themselves (that
 * ends). The spool writes them where the row is SENDING
 * (unsent false) and counts totals; MESSAGE_DELIVERED gives up the body once
 * committed. unsent: the attempt ended before anything could complete the
 * message; state goes back to SPOOLED and no doubt is counted.
 */
enum spool_senders {
	SPOOL_SENDERS_KEEP,
	SPOOL_SENDERS_ADD,    /* that of m was refused */
	SPOOL_SENDERS_FORGET, /* mail of m's account was taken */
};
/*
 * A delivery refused a setting of an account: its mail there is not tried
 * before then, while the settings are those. query_retry() and query_hasten()
 * end it.
 */
struct spool_pause {
	int64_t account, until_ms;
	uint64_t settings; /* the caller's hash of them, of 63 bits */
};
enum spool_pausing {
	SPOOL_PAUSE_KEEP,
	SPOOL_PAUSE_BEGIN, /* in place of an earlier one */
	SPOOL_PAUSE_END,
};
struct spool_result {
	struct spool_req req;
	struct message *m;
	bool unsent;
	int64_t now_ms;
	const char *delivery; /* that tried it; for what follows */
	bool handed;	      /* its end was sent: counts for `rate` */
	enum spool_senders senders;
	enum spool_pausing pausing;
	struct spool_pause pause; /* of m's account; with SPOOL_PAUSE_BEGIN */
};
void spool_result(struct spool *s, struct spool_result *r);

/* Not yet sent at all: SPOOLED -> HELD (loop, damaged, over the size). */
struct spool_hold {
	struct spool_req req;
	struct message *m; /* reason is set */
	int64_t now_ms;
};
void spool_hold(struct spool *s, struct spool_hold *h);

/* SPOOLED or DOUBT stays so; writes next_at, and where SPOOLED the reason. */
struct spool_postpone {
	struct spool_req req;
	const struct message *m;
};
void spool_postpone(struct spool *s, struct spool_postpone *p);

/*
 * What was written of a delivery by spool_result(). What was handed over before
 * since_ms is forgotten. What was in hand at a death counts as handed over.
 */
struct spool_past {
	struct spool_req req;
	const char *delivery;
	int64_t since_ms;
	/* out; spool_past_fini() frees: times, oldest first */
	int64_t *handed;
	size_t n;
	struct spool_refused_sender {
		int64_t account;
		char *sender; /* owned */
	} * senders;
	size_t nsenders;
	char *took; /* of whom it took mail of late: addresses, one a line */
};
void spool_past(struct spool *s, struct spool_past *p);
void spool_past_fini(struct spool_past *p);

/*
 * Messages to be sent: SPOOLED and DOUBT with next_at <= until, oldest first,
 * ids > after, of one delivery (NULL: any). out is filled with up to max
 * messages, made by message_new; the caller frees them.
 */
struct spool_due {
	struct spool_req req;
	const char *delivery;
	int64_t after, until_ms;
	size_t max;
	struct message **out; /* room for max pointers, caller's */
	size_t n;	      /* out */
	int64_t next_ms;      /* out: earliest later next_at, 0: none; asked
				 for with the last of them, n < max */
};
void spool_due(struct spool *s, struct spool_due *d);

/* --- accounts, folders, listings ---------------------------------------- */

enum spool_family {
	SPOOL_IMAP = 1,
	SPOOL_POP3
};

/* State of an account or a delivery as `status` tells it; name is the key of a
 * delivery, the identity rules of DESIGN 5 find an account. */
enum spool_health {
	HEALTH_NEVER,
	HEALTH_OK,
	HEALTH_UNDECIDED,
	HEALTH_BACKOFF,
	HEALTH_AUTH,
	HEALTH_TLS,
	HEALTH_REFUSED,
	HEALTH_FAILING,
	HEALTH_DISABLED,
};
const char *spool_health_name(enum spool_health h);

struct spool_trouble { /* last error; class ERR_NONE: none */
	enum err_class class;
	char text[512], remedy[240];
	int64_t since_ms, told_ms; /* told_ms: last printed */
	uint32_t count;
};

struct spool_account {
	int64_t id;    /* 0: none found (look only) */
	char uuid[33]; /* random, of this row */
	char name[65];
	enum spool_family family;
	char user[321], place[256]; /* provider name or host, lower case */
	enum spool_health health;
	int64_t last_poll_ms, last_success_ms, next_poll_ms; /* 0: never */
	uint32_t failures;    /* in a row; for backoff */
	uint64_t settings;    /* caller's hash of settings and secret: a change
				 ends backoff */
	int64_t unfetched_ms; /* when it was last looked what is not fetched */
	bool scram;	      /* the server offered it at the last sign-in */
	struct spool_trouble trouble;
	uint64_t fetched, delivered, held, skipped, deleted,
		octets; /* totals */
	bool is_new;	/* out of bind: the row was made just now */
	bool reconcile; /* switched protocol, or restored */
	bool restored;	/* the ledger was replaced by an older copy: what is
			   unknown may have been delivered since; goes with
			   reconcile */
};

/*
 * Finds or makes the row of a configured account: (family, user, place), else
 * own name with the same family and user, else own name or user with the other
 * family (switched: reconcile is set and fingerprints carry over), else new.
 */
struct spool_bind {
	struct spool_req req;
	struct spool_account a; /* in: name family user place; out: all */
	int64_t now_ms;
	bool anew; /* the first of a configuration: all rows are free again */
};
void spool_bind(struct spool *s, struct spool_bind *b);
/* Writes health, times, failures, settings, trouble, reconcile, scram
 * (not totals). */
struct spool_account_save {
	struct spool_req req;
	struct spool_account a;
	/* The patterns of folders, one a line, of a pass that looked at all
	 * that they take. NULL: stay as they are. */
	const char *patterns;
	/* The folders that are there and not fetched, one a line: messages (or
	 * - where they were not counted), a space, the name, printable. NULL:
	 * what was written at a.unfetched_ms stays. */
	const char *unfetched;
};
void spool_account_save(struct spool *s, struct spool_account_save *a);

struct spool_delivery {
	char name[65];
	enum spool_health health;
	int64_t last_success_ms;
	uint32_t failures;   /* in a row: how long until the next try */
	bool paused;	     /* the spool is full for it (spool_limit) */
	int64_t next_try_ms; /* it refused us: not before, while ... */
	uint64_t settings;   /* ... these, a hash of the caller's, last. 0, 0 */
	struct spool_trouble trouble;
};
/* in: name; out: the rest (zeros where unknown). */
struct spool_delivery_load {
	struct spool_req req;
	struct spool_delivery d;
	struct spool_pause *pauses; /* the caller's to free */
	size_t npauses;
};
void spool_delivery_load(struct spool *s, struct spool_delivery_load *d);
struct spool_delivery_save {
	struct spool_req req;
	struct spool_delivery d;
};
void spool_delivery_save(struct spool *s, struct spool_delivery_save *d);

enum spool_fate { /* what is known of a listed message */
	FATE_NEW,
	FATE_QUEUED,	/* spooled, sending, in doubt or held */
	FATE_DELIVERED, /* accepted; day says when */
	FATE_GONE,	/* deleted by us, listed all the same */
	FATE_ADOPTED,	/* was there before us, imported, reconciled */
	FATE_SKIPPED,
	FATE_DROPPED,
	FATE_MARKED,  /* delivered, and marked as seen there; day as before */
	FATE_MOVED,   /* delivered, and moved to another folder */
	FATE_BROUGHT, /* delivered, and moved here; day: of delivery */
};
#define SPOOL_FATES (FATE_BROUGHT + 1)

struct spool_folder {
	int64_t id;
	uint32_t uidvalidity;	  /* 0: POP3, or the server has none (D1) */
	uint32_t uidnext, exists; /* at the last good poll */
	uint32_t high_uid;	  /* all at or below was decided once */
	int64_t whole_ms;	  /* last complete listing, 0: never */
	int64_t adopted_ms; /* mail older than this was adopted; 0: none */
	uint64_t listings;  /* complete ones */
	uint64_t known;	    /* identities on record */
	uint32_t backlog;   /* decided to be fetched, not recorded yet */
	/* IMAP, out: by fate the lowest UID, and the earliest day, of those
	 * DELIVERED, MARKED or BROUGHT that are not absent; 0: none. Where
	 * something is to be done with them, listing begins there. */
	struct spool_lowest {
		uint32_t uid;
		uint16_t day;
	} lowest[SPOOL_FATES];
	/* IMAP, out: of those SKIPPED for their size the lowest UID, and the
	 * octets of the smallest; 0: none. Where the limit allows it now,
	 * listing begins there. */
	uint32_t skipped_low, skipped_least;
	uint32_t seen_low; /* the same of those SKIPPED for being seen */
	/* ... and for being marked as deleted, with the highest of them */
	uint32_t marked_low, marked_high;
	/* ... of those SKIPPED as duplicates; and of those among them whose
	 * other copy came to nothing, or was to be waited for */
	uint32_t same_low, same_open_low;
	int64_t keep_ms;   /* keep at the last pass; -1: yes; INT64_MIN: none
			      yet */
	int64_t acts_ms;   /* not before are marking and moving tried again */
	uint32_t intents;  /* out: moves that were begun, see spool_intents */
	uint32_t unplaced; /* out: moved here under UIDs that were not told */
	bool first_done;   /* first_run was decided for this folder */
	bool changed;	   /* out: same name, other UIDVALIDITY before:
			      reconcile; adopted_ms is the old row's */
	bool appeared;	   /* out: made just now, of a folder that was not
			      there before */
};
/*
 * Finds or makes (account, name, uidvalidity). POP3: name "".
 *
 * look: makes none; f.id is 0 where there is none. appears: the patterns of
 * the last whole pass take it, so that it was not there then: where no row has
 * its name yet, the new one needs no decision of first_run, and all of `exists`
 * is expected to be fetched.
 */
struct spool_folder_open {
	struct spool_req req;
	int64_t account;
	const char *name; /* in UTF-8; opaque */
	uint32_t uidvalidity;
	bool look, appears;
	uint32_t exists;
	struct spool_folder f; /* out */
	/* out: what spool_namesakes() recorded, sorted; the receiver frees it.
	 * NULL: none. */
	struct message_key *namesakes;
	size_t nnamesakes;
};
void spool_folder_open(struct spool *s, struct spool_folder_open *f);
/*
 * What is on record of an account's folders: the patterns that
 * spool_account_save() wrote last, and as many rows as are wanted, by name and
 * UIDVALIDITY. While a message is queued no rows are told: its outcome may
 * change them before they are looked at.
 */
struct spool_folders {
	struct spool_req req;
	int64_t account;
	size_t most;	/* rows */
	char *patterns; /* out: the receiver frees it */
	struct spool_known_folder {
		char *name;
		struct spool_folder f; /* as spool_folder_open() tells it */
	} * known; /* out: the receiver calls spool_folders_fini() */
	size_t n;
};
void spool_folders(struct spool *s, struct spool_folders *f);
/* Frees known; nothing is known then. */
void spool_folders_fini(struct spool_folders *f);
/* Writes uidnext .. first_done, backlog, keep_ms and acts_ms, where something
 * differs from what is stored. */
struct spool_folder_save {
	struct spool_req req;
	struct spool_folder f;
};
void spool_folder_save(struct spool *s, struct spool_folder_save *f);

/*
 * Records POP3 unique-ids that several messages bear. From then on they come
 * out of spool_folder_open(), however many bear them later. look: records
 * nothing.
 */
struct spool_namesakes {
	struct spool_req req;
	int64_t folder;
	const struct message_key *keys; /* of the unique-ids alone */
	size_t n;
	bool look;
	uint64_t known; /* out: so many of them are identities on record: a
			   message was handled while it bore it alone */
};
void spool_namesakes(struct spool *s, struct spool_namesakes *n);

#define SPOOL_ITEM_SEEN	   1u
#define SPOOL_ITEM_DELETED 2u	/* marked \Deleted by whomever */
#define SPOOL_ITEM_SHARED  4u	/* POP3: others came to bear its unique-id */
#define SPOOL_ITEM_SUSPECT 8u	/* out: was being fetched when we crashed */
#define SPOOL_ITEM_SAME	   16u	/* out: SKIPPED as a duplicate, and still one */
#define SPOOL_ITEM_EMPTY   32u	/* out: SKIPPED: its content did not come */
#define SPOOL_ITEM_LAST	   64u	/* out: ... LIMIT_EMPTY_PASSES - 1 times */
#define SPOOL_ITEM_MARKED  128u /* out: SKIPPED for being marked as deleted */

struct spool_item {
	struct message_key key;
	uint32_t number; /* caller's: POP3 message number */
	uint32_t octets; /* caller's: announced size, cut at UINT32_MAX */
	uint32_t date;	 /* caller's: INTERNALDATE, unix s; 0: unknown */
	uint16_t day;	 /* out: of delivery, days since 1970-01-01 */
	uint8_t fate;	 /* out: enum spool_fate */
	uint8_t flags;	 /* caller's but for those that say out: SPOOL_ITEM_* */
};

/*
 * A listing compared with the ledger: sets fate and day of every item. items:
 * sorted by key, without doubles; the caller's until done. whole: it lists the
 * folder completely, so that what is absent counts as absent (an identity is
 * retired after 3 complete listings and 30 days of absence). Works in slices;
 * other requests are not held up. Nothing is written but absences.
 * Early where nothing of it was delivered, so that nothing is to be done with
 * it at its source.
 */
struct spool_listing {
	struct spool_req req;
	int64_t folder;
	struct spool_item *items;
	size_t n;
	bool whole;
	int64_t now_ms;
	uint64_t count[SPOOL_FATES]; /* out: by fate */
	uint64_t known;		     /* out: identities on record */
};
void spool_listing(struct spool *s, struct spool_listing *l);

/* Marks items (NEW or SKIPPED) as handled without fetching. */
struct spool_adopt {
	struct spool_req req;
	int64_t folder;
	const struct spool_item *items;
	size_t n;
	int64_t now_ms;
};
void spool_adopt(struct spool *s, struct spool_adopt *a);

/*
 * Records NEW items as left at the source, and why SKIPPED ones are now; one
 * reason for all. "empty", each time its content did not come (CASES D7).
 *
 * hold_why: HELD instead, as one whose body was given up: `queue retry` has it
 * fetched. Such a request is for one item.
 */
struct spool_skip {
	struct spool_req req;
	int64_t account, folder;
	const struct spool_item *items;
	size_t n;
	const char *reason; /* "size", "seen", ... */
	const char *hold_why;
	char uid[68]; /* of the one to be held, for people */
	int64_t now_ms;
};
void spool_skip(struct spool *s, struct spool_skip *k);

enum spool_act {
	SPOOL_GONE,   /* deleted: DELIVERED, MARKED or BROUGHT becomes GONE */
	SPOOL_MARKED, /* as seen: DELIVERED becomes MARKED */
};

/* TX4: this was done at the source, and the source said so. Lazy: may be told
 * well after the fact. Other fates are left alone. */
struct spool_acted {
	struct spool_req req;
	enum spool_act act;
	int64_t account, folder;
	const struct message_key *keys;
	size_t n;
	int64_t now_ms;
};
void spool_acted(struct spool *s, struct spool_acted *a);

/*
 * Moving to another folder is written down twice (CASES D15): what is about to
 * be moved, and where it is since. A move whose answer was lost leaves intents;
 * whoever finds them looks in the target, from `since` on, for messages with
 * their fingerprints, before anything is moved again.
 */
struct spool_intent {
	struct message_key key;
	uint64_t print; /* 0: none */
	uint32_t uid;	/* spool_moved: in the target; 0: not told */
};
struct spool_intend {
	struct spool_req req;
	int64_t folder, target; /* ids of folders */
	uint32_t since;		/* UIDNEXT of the target */
	const struct spool_intent *items;
	size_t n;
};
void spool_intend(struct spool *s, struct spool_intend *i);
/* Those of the first target there is; *items sorted by key. */
struct spool_intents {
	struct spool_req req;
	int64_t folder;
	int64_t target;	      /* out; 0: there are none */
	char *name;	      /* out: of the target; the caller's, free() */
	uint32_t uidvalidity; /* out: of it, when they were written */
	uint32_t since;	      /* out: the least */
	struct spool_intent *items; /* out; the caller's, free() */
	size_t n;
};
void spool_intents(struct spool *s, struct spool_intents *i);
/*
 * DELIVERED or MARKED ones are in the target: MOVED here; BROUGHT there, where
 * their UID is known. Their intents end; with `all`, so do the other intents of
 * folder for that target.
 */
struct spool_moved {
	struct spool_req req;
	int64_t folder, target;
	const struct spool_intent *items;
	size_t n;
	bool all;
	int64_t now_ms;
};
void spool_moved(struct spool *s, struct spool_moved *m);

/* Of all folders of this name, ids of which UIDVALIDITY ever: the earliest day
 * of those BROUGHT that are not absent; 0: none. */
struct spool_brought {
	struct spool_req req;
	int64_t account;
	const char *name;
	uint16_t day; /* out */
};
void spool_brought(struct spool *s, struct spool_brought *b);

/* Which fingerprints this account (or the one it was switched from) has
 * delivered or queued before. Order of fps is the caller's. */
struct spool_reconcile {
	struct spool_req req;
	int64_t account;
	const uint64_t *fps;
	bool *known; /* out, n of them, caller's */
	size_t n;
	uint64_t matched; /* out */
};
void spool_reconcile(struct spool *s, struct spool_reconcile *r);

/*
 * How many of these messages, whose trace came back to us, were handed over at
 * before_ms or earlier; one that is not on record any more was. An id that is
 * named twice counts twice.
 */
struct spool_returned {
	struct spool_req req;
	const int64_t *ids; /* the caller's until done */
	size_t n;
	int64_t before_ms;
	size_t count; /* out */
};
void spool_returned(struct spool *s, struct spool_returned *r);

/*
 * Housekeeping at the end of a session: settled identities of the account go
 * from message rows to the compact tables; history older than history_ms is
 * purged; emptied segments are unlinked, thin old ones copied on.
 */
struct spool_tidy {
	struct spool_req req;
	int64_t account; /* 0: all */
	int64_t now_ms, history_ms;
	uint64_t given_up; /* out: octets of held bodies that went */
};
void spool_tidy(struct spool *s, struct spool_tidy *t);
#endif
