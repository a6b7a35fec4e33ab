/*
 * ledger - the sqlite database and what goes with it; one thread at a time.
 *
 * Private to the spool. The steps run inside a transaction that the store
 * begins and commits. A step that fails by its own checks has changed nothing;
 * a failure of sqlite half way sets `broken`, and the store stops.
 */
#ifndef SPOOL_LEDGER_H
#define SPOOL_LEDGER_H
#include "clock.h"
#include "crash.h"
#include "known.h"
#include "segment.h"
#include "spool.h"

#include <sqlite3.h>

#define LEDGER_VERSION	   1
#define LEDGER_APPLICATION 0x6d68756c /* mhul */

enum ledger_statement {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_SAVE,
	STMT_RELEASE,
	STMT_UNDO,
	STMT_TOTALS,
	STMT_GENERATION,
	/* message */
	STMT_PUT_MESSAGE,
	STMT_PUT_QUEUE,
	STMT_SENDING,
	STMT_AGAIN,
	STMT_UNQUEUE,
	STMT_SEGMENT_OF,
	STMT_SETTLE,
	STMT_UNFOLDED,
	STMT_ATTEMPT,
	STMT_FATE,
	STMT_UNFATE,
	STMT_HOLD,
	STMT_UNSKIP,
	STMT_RETURNED,
	STMT_ONCE_FIND,
	STMT_ONCE_PUT,
	STMT_ONCE_SKIP,
	STMT_ONCE_OLD,
	STMT_ONCE_DROP,
	STMT_GONE,
	STMT_MARKED,
	STMT_MOVED,
	STMT_INTEND,
	STMT_INTENTS,
	STMT_INTENTS_OF,
	STMT_INTENT_TARGET,
	STMT_UNINTEND,
	STMT_UNINTEND_ALL,
	STMT_UNPLACED,
	STMT_BROUGHT,
	STMT_GONE_PROBE,
	STMT_GONE_RANGE,
	STMT_GIVE_UP,
	STMT_HANDED,
	STMT_HANDED_OLD,
	STMT_HANDED_OF,
	STMT_SENDERS_OF,
	STMT_TOOK,
	STMT_SENDER_ADD,
	STMT_SENDERS_FORGET,
	STMT_PAUSE,
	STMT_RETRY_DELIVERY,
	STMT_PAUSE_END,
	STMT_PAUSES_OF,
	STMT_READDRESS,
	STMT_READDRESS_FATES,
	STMT_READDRESS_ONCE,
	STMT_POSTPONE,
	/* loading */
	STMT_LOAD,
	STMT_LOAD_FATES,
	STMT_DUE,
	STMT_DUE_ANY,
	STMT_NEXT,
	STMT_NEXT_ANY,
	/* accounts */
	STMT_BIND_EXACT,
	STMT_BIND_HOST,
	STMT_BIND_NAME,
	STMT_BIND_USER,
	STMT_BIND_NEW,
	STMT_BIND_SET,
	STMT_ACCOUNT_LOAD,
	STMT_ACCOUNT_SAVE,
	STMT_PATTERNS,
	STMT_FOLDERS_KNOWN,
	STMT_NONE_QUEUED,
	STMT_DELIVERY_LOAD,
	STMT_DELIVERY_SAVE,
	STMT_FOLDER_OLDER,
	STMT_FOLDER_NEW,
	STMT_FOLDER_LOAD,
	STMT_FOLDER_DELIVERED,
	STMT_FOLDER_SKIPPED,
	STMT_FOLDER_SAME,
	STMT_FOLDER_SAVE,
	STMT_FOLDER_KNOWN,
	STMT_FOLDER_AGAIN,
	STMT_FOLDERS,
	STMT_FOLDERS_ALL,
	STMT_NAMESAKES,
	STMT_NAMESAKE,
	/* identities */
	STMT_IDENT_SCAN,
	STMT_IDENT_FATE,
	STMT_IDENT_IS,
	STMT_IDENT_SET,
	STMT_IDENT_DAY,
	STMT_IDENT_ABSENT,
	STMT_IDENT_RETIRE,
	STMT_SPAN_SCAN,
	STMT_SPAN_OVER,
	STMT_SPAN_SET,
	STMT_SPAN_DROP,
	STMT_SPAN_ABSENT,
	STMT_SKIPPED_SCAN,
	STMT_SKIP,
	/* tidying */
	STMT_FOLDED,
	STMT_PRINT,
	STMT_PRINT_OF,
	STMT_PRINT_SCAN,
	STMT_PRINT_ROWS,
	STMT_PRINT_PURGE,
	STMT_OLD,
	STMT_PURGE_MESSAGE,
	STMT_PURGE_SETTLED,
	STMT_PURGE_ATTEMPT,
	STMT_PURGE_FATE,
	STMT_SEGMENT_ROWS,
	STMT_MOVE,
	STMT_DAMAGED,
	/* poison */
	STMT_SUSPECT,
	STMT_SUSPECTS,
	STMT_UNSUSPECT,
	STMT_STRIKE,
	STMT_STRIKES,
	STMT_POISON,
	STMT_PUT_UNFETCHED,
	STMT_PUT_QUEUE_UNFETCHED,
	/* queries */
	STMT_NAMES,
	STMT_QUEUED,
	STMT_ACCOUNTS,
	STMT_UNFETCHED,
	STMT_USAGE,
	STMT_BACKLOG,
	STMT_DOUBTS,
	STMT_CLOCK,
	STMT_CLOCK_LOAD,
	STMT_ANCHOR,
	STMT_ANCHOR_LOAD,
	STMT_UNTOLD,
	STMT_UNTOLD_LOAD,
	STMT_DELIVERIES,
	STMT_SKIPPED_ROWS,
	STMT_COUNTS,
	STMT_COUNT_SKIPPED,
	STMT_RETRY,
	STMT_RETRY_RCPTS,
	STMT_HASTEN,
	STMT_DROP,
	STMT_DROP_ROW,
	STMT_TRACE,
	STMT_KNOWN_SPAN,
	STMT_KNOWN_IDENT,
	STMT_KNOWN_SKIPPED,
	STMT_EVENTS,
	STMT_EVENT_SETTLED,
	STMT_EVENT_QUEUED,
	STMT_EVENT_SAME,
	/* notices */
	STMT_NOTICES,
	STMT_NOTICE_PUT,
	STMT_WAITING,
	STMT_NOTICE_QUEUED,
	STMT_SITE_TROUBLE,
	STMT_SITE_TROUBLE_SAVE,
	STMT_COUNT
};

/* Work done in slices between commits: a listing, a verify, a tidy. */
struct ledger_job {
	struct link link;
	struct spool_req *req;
	/* false: more to do. true: req->ok (and err) are set. */
	bool (*step)(struct ledger *, struct ledger_job *);
	void (*fini)(struct ledger_job *); /* may be NULL; not for the job */
	/* Of an apart one: what is postponed is to be written before its next
	 * step, which follows at once and is its last. */
	bool flushes;
};

/* Bodies the open transaction gives up. */
struct ledger_release {
	uint32_t segment;
	uint64_t octets;
};

/* To be added to the account's row. */
struct ledger_totals {
	int64_t account;
	uint64_t fetched, delivered, held, skipped, deleted, octets;
};

/* Where a body was copied to: readers may hold the old place. */
struct ledger_move {
	uint32_t segment, to_segment;
	uint64_t offset, to_offset;
};

struct ledger {
	sqlite3 *db;			      /* owned */
	sqlite3_stmt *statements[STMT_COUNT]; /* owned */
	const struct spool_files *files;      /* borrowed */
	int dir;			      /* state directory; borrowed */
	int crash;			      /* crash.h; owned; -1: none */
	struct segments segments;
	bool unsynced; /* a body that this transaction names is not synced */
	struct hash *hash; /* owned; for bodies that come whole */
	struct known known;
	struct link jobs;  /* of struct ledger_job */
	struct link apart; /* ... whose slices are outside any transaction */
	int64_t next_id;
	uint64_t nsuspects; /* rows of `suspect`, at most */
	bool none_queued;   /* nor was anything since that was found */
	bool begun, broken;
	bool looks;	/* look_only: nobody runs, and nothing recovers */
	struct err why; /* broken: what sqlite said */
	int64_t changes;
	unsigned owed; /* requests that wait for the commit; the store's */

	struct ledger_release *releases; /* owned; of this transaction */
	size_t nreleases;
	/*
	 * What under load is written once for many commits: totals, and queue
	 * rows of messages that are settled. A settled row counts before a
	 * queue row; the next process takes such ones away.
	 */
	bool postpone;
	struct ledger_totals *totals; /* owned */
	size_t ntotals;
	int64_t *stale; /* owned */
	size_t nstale;
	struct ledger_move *moves; /* owned; not yet told to the readers */
	size_t nmoves;
	int64_t *bound; /* owned; accounts bound by this process */
	size_t nbound;

	uint8_t key[32];
	char instance[13];
	uint64_t generation;
	int64_t opened_ms;
	int64_t generation_ms; /* when it rose last; 0: not yet */
	bool purge_due;	       /* old history is to be looked for */
	bool generation_rose;  /* in this transaction */
	bool anchor_waits;     /* ledger_drop_anchor() is to follow */
	struct clock_mark clock;
	int64_t lag_ms; /* of the time that is believed behind the clock */
};

/* ledger.c: statements and transactions */

/* Prepared once under this name, reset; NULL: broken. */
sqlite3_stmt *ledger_statement(struct ledger *l, enum ledger_statement n,
			       const char *sql);
/* One row of a query: true. At its end, or broken: false; it is reset. */
bool ledger_row(struct ledger *l, sqlite3_stmt *s);
/* Runs a statement to its end. false: broken. */
bool ledger_do(struct ledger *l, sqlite3_stmt *s);
/* The same; also false (not broken) unless exactly one row was changed. */
bool ledger_do_one(struct ledger *l, sqlite3_stmt *s);
/* Plain SQL without results. */
bool ledger_exec(struct ledger *l, const char *sql);
/* Marks it broken from the connection's error; false. */
bool ledger_break(struct ledger *l, const char *what);
/* Fills err from `why` where the ledger is broken, else with a bug; false. */
bool ledger_failed(const struct ledger *l, struct err *err, const char *what);
/* Class, words and remedy of a sqlite result code; false. */
bool ledger_sqlite_err(struct err *err, int code, const char *what);

bool ledger_begin(struct ledger *l); /* nothing, if it has begun */
/* The open transaction has changed something. */
bool ledger_changed(const struct ledger *l);
/* Bodies first, then the ledger. false: fatal. */
bool ledger_commit(struct ledger *l, struct err *err);
void ledger_rollback(struct ledger *l);
/* Of a savepoint: for calls that may fail half way. */
bool ledger_save(struct ledger *l);
bool ledger_keep(struct ledger *l, bool keep);
void ledger_release_body(struct ledger *l, uint32_t segment, uint64_t octets);
struct ledger_totals *ledger_totals(struct ledger *l, int64_t account);
bool ledger_write_totals(struct ledger *l);
void ledger_add_stale(struct ledger *l, int64_t id);
/* Writes what was postponed; before anybody looks at whole tables. */
bool ledger_flush(struct ledger *l);
/* ledger_clock.c */
bool ledger_load_clock(struct ledger *l);
/* Sets lag_ms; and corrects what was planned by a clock that was ahead. */
bool ledger_look_at_clock(struct ledger *l, int64_t now_ms);
bool ledger_forget_future(struct ledger *l, int64_t now_ms);
/* ledger_anchor.c: *copied: the directory is a copy, restored or moved. */
bool ledger_find_anchor(struct ledger *l, int64_t now_ms, bool *copied);
void ledger_drop_anchor(struct ledger *l); /* behind the commit */
/* ledger_untold.c: adds to f what is not told yet; keep: nor is it now. */
bool ledger_tell_found(struct ledger *l, bool keep, struct spool_found *f);
/* Raises the generation if it has not been for a while. */
bool ledger_raise_generation(struct ledger *l, int64_t now_ms);

/* ledger_open.c */

/* path: directory as told. dir: its descriptor. NULL with *err. */
struct ledger *ledger_open(const struct spool_options *o, int dir,
			   struct spool_found *found, struct err *err);
/* clean: nothing failed. After a fatal error nothing is written. */
void ledger_close(struct ledger *l, bool clean);

/* Text and blobs live until the statement is stepped to its end. */
struct bind {
	sqlite3_stmt *s;
	int n;
};
void bind_int(struct bind *b, int64_t v);
void bind_uint(struct bind *b, uint64_t v);
void bind_text(struct bind *b, const char *v); /* NULL: NULL */
void bind_blob(struct bind *b, const void *p, size_t n);
void bind_key(struct bind *b, const struct message_key *k);
int64_t column_int(sqlite3_stmt *s, int n);
/* An owned copy; NULL stays NULL. */
char *column_text(sqlite3_stmt *s, int n);
/* Cut at cap; "" for NULL. */
void column_chars(sqlite3_stmt *s, int n, char *out, size_t cap);
struct message_key column_key(sqlite3_stmt *s, int n);

/* ledger_load.c */

/* An owned message with all that is on record; NULL: none, or broken. */
struct message *ledger_load(struct ledger *l, int64_t id);
bool ledger_none_queued(struct ledger *l);

/* ledger_past.c: what TX3 writes besides, for later processes. */
bool ledger_write_past(struct ledger *l, const struct spool_result *q);
/* delivery NULL: whatever refused the account a setting. */
bool ledger_end_pauses(struct ledger *l, const char *delivery, int64_t account);
void ledger_load_pauses(struct ledger *l, struct spool_delivery_load *q);

/* ledger_account.c: rows of these columns */
#define LEDGER_ACCOUNT_COLUMNS                                                 \
	"id, uuid, name, family, user, place, health, last_poll,"              \
	" last_success, next_poll, failures, settings, trouble,"               \
	" trouble_text, trouble_remedy, trouble_since, trouble_told,"          \
	" trouble_count, fetched, delivered, held, skipped, deleted,"          \
	" octets, reconcile, scram, unfetched_at"
#define LEDGER_DELIVERY_COLUMNS                                                \
	"name, health, last_success, failures, paused, trouble,"               \
	" trouble_text, trouble_remedy, trouble_since, trouble_told,"          \
	" trouble_count, next_try, settings"
void ledger_account_row(sqlite3_stmt *s, struct spool_account *a);
/* The six columns of a trouble, in the order of schema.sql; from the nth. */
void ledger_trouble_row(sqlite3_stmt *s, int from, struct spool_trouble *t);
void bind_trouble(struct bind *b, const struct spool_trouble *t);
void ledger_delivery_row(sqlite3_stmt *s, struct spool_delivery *d);

/* ledger_identity.c: the compact tables. UIDs lie in span, other keys in ident.
 */

/* settled.done */
#define LEDGER_DONE_SEEN  1
#define LEDGER_DONE_MOVED 2

enum ledger_deed {
	DEED_GONE,
	DEED_MARKED,
	DEED_MOVED,
};

struct ledger_span {
	uint32_t first, last;
	uint8_t fate;
	uint16_t day;
	int64_t absence;
};

uint16_t ledger_day(int64_t unix_ms); /* days since 1970-01-01; 0 for 0 */
/* Sets the fate of UIDs first to last; merges with equal neighbours. */
bool ledger_span_set(struct ledger *l, int64_t folder, uint32_t first,
		     uint32_t last, uint8_t fate, uint16_t day);
/* Counts what is folded of this folder up or down. */
bool ledger_add_known(struct ledger *l, int64_t folder, int64_t more);

/*
 * Writes many identities of a folder: UIDs that follow each other with one fate
 * and day become one span. only_new: what is known already stays as it is.
 */
struct ledger_fold {
	struct ledger *l;
	int64_t folder;
	bool only_new;
	struct ledger_span run; /* not written yet; first 0: none */
	int64_t added;
};
bool ledger_fold_add(struct ledger_fold *f, const struct message_key *key,
		     uint8_t fate, uint16_t day);
bool ledger_fold_end(struct ledger_fold *f);
/* It is as if it had never been handled; nothing, if it has not. */
bool ledger_fold_forget(struct ledger *l, int64_t folder,
			const struct message_key *key);
/* What an act makes of a fate; the same, where it does not concern it. */
uint8_t ledger_fate_after(enum ledger_deed deed, uint8_t fate);
/* The same on what is folded. *day: when it was delivered, 0: it is not
 * concerned. */
bool ledger_fold_act(struct ledger *l, int64_t folder,
		     const struct message_key *key, enum ledger_deed deed,
		     uint16_t *day);

/* ledger_act.c: what was done at the source, to some messages of a folder. */
struct ledger_acts {
	enum ledger_deed deed;
	int64_t folder, now_ms;
	struct ledger_acted { /* of messages folded before, for the history */
		uint16_t day;
		struct message_key key;
	} * folded; /* owned */
	size_t n, changed;
};
/* n: at most so many. */
void ledger_acts_init(struct ledger_acts *a, enum ledger_deed deed,
		      int64_t folder, size_t n, int64_t now_ms);
/* *day: of its delivery; 0: it is not concerned, or the ledger is broken. */
void ledger_act(struct ledger *l, struct ledger_acts *a,
		const struct message_key *key, uint16_t *day);
/* Writes the history. */
void ledger_acts_end(struct ledger *l, struct ledger_acts *a);

/* ledger_once.c: duplicates = once */

/* Of a row of `skipped`: a duplicate that is to be looked at anew. */
#define LEDGER_SAME_IS_OPEN                                                    \
	"(reason = 'waits' OR (awaits <> 0 AND coalesce("                      \
	"(SELECT s.state = 7 FROM settled s WHERE s.id = awaits),"             \
	" (SELECT q.state = 4 FROM queue q WHERE q.id = awaits), 0)))"
/*
 * Marks recipients of m that had the same message by another account or folder.
 * false: nobody is left, or it must be waited: m is SKIPPED, and so recorded
 * (unless the ledger broke).
 */
bool ledger_once(struct ledger *l, struct message *m, uint64_t octets);
/* m has its id: records what it is to whom it is still to be sent. */
bool ledger_once_put(struct ledger *l, const struct message *m);
/* Takes away some of what is over. true: there may be more. */
bool ledger_once_purge(struct ledger *l, int64_t now_ms);

/* ledger_thin.c: copies one body out of a thin segment numbered above *after,
 * which it raises where a segment cannot be emptied now. false: no more. */
bool ledger_thin(struct ledger *l, int64_t now_ms, uint32_t *after);

/* backup.c: behind spool_restore(); dir is held by the caller. */
struct backup_told;
bool backup_restore(const struct spool_options *o, int dir, const char *file,
		    bool over, struct backup_told *told, struct err *err);

/* ledger_poison.c: what was in hand when a process of ours crashed. */

/* After a crash: each is suspect; one that was alone gets a strike, and is held
 * at the third. */
bool ledger_strike(struct ledger *l, const struct crash_entry *e, size_t n,
		   int64_t now_ms, struct spool_found *f);
/* A message at its source is to be fetched alone. */
bool ledger_suspect(struct ledger *l, int64_t folder,
		    const struct message_key *key, uint32_t strikes);
bool ledger_clear_suspect(struct ledger *l, int64_t folder,
			  const struct message_key *key);
/*
 * HELD without a body: `queue retry` has it fetched. Returns its id; 0: broken.
 */
struct ledger_unfetched {
	int64_t account, folder;
	const struct message_key *key;
	const char *uid; /* for people */
	uint32_t strikes;
	const char *why;
};
int64_t ledger_hold_unfetched(struct ledger *l,
			      const struct ledger_unfetched *u, int64_t now_ms);
/* Flags those among the items, sorted by key. */
void ledger_flag_suspects(struct ledger *l, struct spool_listing *q);

/* The steps behind spool.h; each is the `run` of its request. */
bool ledger_run_call(struct ledger *l, struct spool_req *r);
bool ledger_run_backup(struct ledger *l, struct spool_req *r);
bool ledger_run_put(struct ledger *l, struct spool_req *r);
/*
 * The body of a put, before ledger_run_put(): it may be synced meanwhile.
 * Needs no transaction. false: ledger_run_put() does all of it, or refuses it.
 */
bool ledger_put_body(struct ledger *l, struct spool_req *r);
bool ledger_run_sending(struct ledger *l, struct spool_req *r);
bool ledger_run_result(struct ledger *l, struct spool_req *r);
bool ledger_run_hold(struct ledger *l, struct spool_req *r);
bool ledger_run_postpone(struct ledger *l, struct spool_req *r);
bool ledger_run_past(struct ledger *l, struct spool_req *r);
bool ledger_run_due(struct ledger *l, struct spool_req *r);
bool ledger_run_verify(struct ledger *l, struct spool_req *r);
bool ledger_run_bind(struct ledger *l, struct spool_req *r);
bool ledger_run_account_save(struct ledger *l, struct spool_req *r);
bool ledger_run_delivery_load(struct ledger *l, struct spool_req *r);
bool ledger_run_delivery_save(struct ledger *l, struct spool_req *r);
bool ledger_run_folders(struct ledger *l, struct spool_req *r);
bool ledger_run_folder_open(struct ledger *l, struct spool_req *r);
/* ledger_namesake.c */
void ledger_load_namesakes(struct ledger *l, int64_t folder,
			   struct spool_folder_open *q);
bool ledger_run_namesakes(struct ledger *l, struct spool_req *r);
bool ledger_run_folder_save(struct ledger *l, struct spool_req *r);
bool ledger_run_listing(struct ledger *l, struct spool_req *r);
bool ledger_run_adopt(struct ledger *l, struct spool_req *r);
bool ledger_run_skip(struct ledger *l, struct spool_req *r);
bool ledger_run_acted(struct ledger *l, struct spool_req *r);
bool ledger_run_intend(struct ledger *l, struct spool_req *r);
bool ledger_run_intents(struct ledger *l, struct spool_req *r);
bool ledger_run_moved(struct ledger *l, struct spool_req *r);
bool ledger_run_brought(struct ledger *l, struct spool_req *r);
bool ledger_run_reconcile(struct ledger *l, struct spool_req *r);
bool ledger_run_returned(struct ledger *l, struct spool_req *r);
bool ledger_run_tidy(struct ledger *l, struct spool_req *r);
/* Queues a job for r; the store calls its step. */
bool ledger_job_start(struct ledger *l, struct ledger_job *j,
		      struct spool_req *r,
		      bool (*step)(struct ledger *, struct ledger_job *));
/* ... between transactions. */
bool ledger_job_start_apart(struct ledger *l, struct ledger_job *j,
			    struct spool_req *r,
			    bool (*step)(struct ledger *, struct ledger_job *));
void ledger_job_free(struct ledger_job *j);
#endif
