/*
 * pass - one pass over accounts: poll, deliver, act on the source, end.
 *
 * What `fetch` is made of, and what `run` will do again and again. The command
 * layer makes the parts (loop, spool ...), starts a pass, runs the loop until
 * `ended`, and tells people what happened from struct pass_account, which is
 * kept current while the pass runs.
 *
 * A pass never waits for a future retry; it waits for outstanding replies. When
 * the store fails (spool_fatal) the pass ends at once, without any further
 * octet on any connection, and its err is that failure.
 */
#ifndef FLOW_PASS_H
#define FLOW_PASS_H
#include "config.h"
#include "err.h"
#include "loop.h"
#include "resolve.h"
#include "spool.h"
#include "trust.h"

/* Made by the command layer, borrowed by everything in flow. */
struct parts {
	struct loop *loop;
	struct resolver *resolver;
	struct trusts *trusts;
	struct spool *spool;
	const struct config *config;
	struct solo *solo; /* of all that one process has in hand */
	struct hand *hand;
	bool trace; /* -vv: dialogues without secrets and bodies are logged */
	char hostname[256]; /* EHLO and trace lines */
};
/* The spool's wake hook: spool_options.wake = parts_wake_spool, .who = the
 * struct wake of parts_spool_wake() (a wake that runs spool_results). */

enum pass_phase {
	PASS_WAITING,  /* for its turn */
	PASS_SIGNIN,   /* connecting, signing in */
	PASS_LISTING,  /* what is there, what is new */
	PASS_FETCHING, /* bodies, deliveries, deletions */
	PASS_DONE,
};

enum pass_result {
	PASS_OK,
	PASS_BACKOFF,	 /* not tried: its time has not come (not an error) */
	PASS_DISABLED,	 /* enabled = no */
	PASS_ON_REQUEST, /* poll_every = 0, and it was not named */
	PASS_FAILED,	 /* err says why */
};

/* Why a listed message was or was not taken; for --dry-run and trace. */
enum pass_reason {
	REASON_NEW,	  /* would be, or was, fetched */
	REASON_QUEUED,	  /* is in our queue */
	REASON_DELIVERED, /* delivered before, kept at the source */
	REASON_LATER,	/* delivered before, to be deleted when keep is over */
	REASON_DUE,	/* delivered before, would be deleted now */
	REASON_GUARDED, /* due, but so much at once wants --yes */
	REASON_STUCK,	/* due, but nothing can be deleted there */
	REASON_ADOPTED, /* taken as handled: was there before */
	REASON_AGE,	/* older than first_run allows */
	REASON_SIZE,	/* larger than max_size */
	REASON_MARKED,	/* marked \Deleted by somebody else */
	REASON_GONE,	/* deleted by us, listed all the same */
	REASON_TO_MOVE, /* delivered before, would be moved now */
	REASON_MOVED,	/* moved by us, listed all the same */
	REASON_SEEN,	/* marked as seen, and unseen_only */
	REASON_EMPTY,	/* new, but its content did not come so far */
	REASON_DROPPED, /* given up by `queue drop` */
	REASON_UNDECIDED, /* first_run = ask, or a sudden crowd */
	REASON_KNOWN,	  /* known under another identity (reconciled) */
	REASON_TWIN,	  /* known under another label (Gmail) */
	REASON_AGAIN,	  /* handled before, and asked for once more */
	REASON_DUPLICATE, /* delivered before by another account or folder */
};
#define PASS_REASONS (REASON_DUPLICATE + 1)
const char *pass_reason_text(enum pass_reason r); /* "new", "too large" ... */

struct pass_account {
	const struct config_account *config; /* lives as long as parts.config */
	enum pass_phase phase;
	enum pass_result result; /* once PASS_DONE */
	struct err err;		 /* its first, worst failure; ERR_NONE */
	struct err before; /* PASS_BACKOFF: of an earlier pass; ERR_NONE */
	char notice[240];  /* a lasting condition that is no failure, or "" */
	bool err_is_new;   /* begins or changed in this pass, or is to be told
			      again (INTERFACE 1: once a day) */
	bool recovered;	   /* an error that was told is over */
	uint64_t found;	   /* listed */
	uint64_t wanted, wanted_octets; /* to be fetched in this pass */
	uint64_t fetched, octets;	/* so far */
	uint64_t delivered, queued, held, skipped, deleted;
	uint64_t duplicates;	       /* of skipped */
	uint64_t adopted;	       /* PASS_ADOPT: taken as handled */
	uint64_t started_ms, ended_ms; /* loop_now_ms */
	uint64_t reasons[PASS_REASONS], reason_octets[PASS_REASONS];
	int64_t later_ms; /* the first of REASON_LATER is deleted then; 0 */
};

enum pass_task {
	PASS_FETCH,
	PASS_ADOPT,   /* what is there counts as handled; nothing is fetched */
	PASS_REFETCH, /* what was handled is fetched once more: pass_again */
};

/* What PASS_REFETCH takes: all that is there and fits. */
struct pass_again {
	const char *folder;	 /* UTF-8, as configured; NULL: each */
	bool *has_folder;	 /* out: there is such a folder */
	int64_t since_ms;	 /* delivered or arrived since; 0: ever */
	const char *const *uids; /* UIDs or UIDLs; NULL: any */
	bool *found;		 /* out, one for each of them */
	size_t n_uids;
};

struct pass_options {
	const char *const *names; /* accounts by name: tried at once, also in
				     backoff; NULL: all that are due */
	size_t n_names;
	bool dry_run; /* list and decide; change nothing, here or there */
	bool yes;     /* mass deletion, first_run = ask: go on */
	enum pass_task task;
	struct pass_again again; /* what it points to lives as long as the pass
				  */
};

#define PASS_UID_TEXT 600u /* a UIDL of LIMIT_UIDL_OCTETS, printable */
struct pass_judged {
	const char *folder;
	struct view
		uid; /* UID, UIDL or message number, for people; printable */
	uint64_t octets;
	enum pass_reason reason;
	int64_t due_ms; /* REASON_LATER: deleted then; else 0 */
};

struct visit;
struct pass_reports {
	/* Anything of this account changed (often; draw at your own pace). */
	void (*changed)(void *who, const struct pass_account *a);
	/* --dry-run: one listed message was judged. */
	void (*judged)(void *who, const struct pass_account *a,
		       const struct pass_judged *j);
	/*
	 * first_run = ask with more than 500 messages (or so many to be adopted
	 * or refetched), and a person may be there: answer later with
	 * pass_answer(). NULL: nobody is; undecided.
	 */
	void (*ask)(void *who, struct pass_account *a, const char *folder,
		    uint64_t messages, uint64_t octets);
	/* A delivery failed or recovered as a whole; err NULL: recovered.
	 * is_new: to be told also where only changes are (trouble.h). */
	void (*delivery)(void *who, const struct config_delivery *d,
			 const struct err *err, bool is_new);
	/* In a process that stays: the session of a visit may rest; see
	 * visit_reports.rest. May be NULL. */
	bool (*rest)(void *who, const struct pass_account *a, struct visit *v);
	/* The pass is over: nothing is open, nothing out. Last report. */
	void (*ended)(void *who);
};

enum pass_choice {
	CHOICE_NOT_NOW,
	CHOICE_ALL,
	CHOICE_NEW
};

struct pass;
/* Never fails here. Reports come from the loop. */
struct pass *pass_start(const struct parts *p, const struct pass_options *o,
			const struct pass_reports *r, void *who);
/*
 * The same in a process that stays, whose seats and deliveries have their
 * owner (daemon.h): the rows are bound, nothing is finished at the end, but
 * what was loaded for it is waited for, half a minute at most. What the owner
 * hears of deliveries it passes on by the three behind it.
 */
struct deliveries;
struct seats;
struct pass *pass_start_in(const struct parts *p, struct deliveries *ds,
			   struct seats *ss, const struct pass_options *o,
			   const struct pass_reports *r, void *who);
void pass_note_settled(struct pass *p, const struct message *m);
/* false: it has no visit under way for this account. */
bool pass_note_refused(struct pass *p, const struct config_delivery *d,
		       const struct message *m);
void pass_note_delivery(struct pass *p, const struct config_delivery *d,
			const struct err *err);
/* Nothing more begins; what is under way goes on. */
void pass_shut(struct pass *p);
void pass_answer(struct pass *p, struct pass_account *a, enum pass_choice c);
/* Call from the spool's wake, behind spool_results(), where spool_fatal() is
 * set: every connection is closed in this call, then `ended` is reported. */
void pass_store_failed(struct pass *p);
/* Ctrl-C: starts nothing more, waits at most 8 s for outstanding replies. */
void pass_stop(struct pass *p);
/* In the order of the configuration; all that were asked for. */
const struct pass_account *pass_accounts(const struct pass *p, size_t *n);
/* The store's failure, or ERR_NONE. */
const struct err *pass_failure(const struct pass *p);
/* Worst exit code of all accounts, deliveries and the store (INTERFACE 1). */
int pass_exit(const struct pass *p);
/*
 * After `ended`: nothing is open any more. false (the store failed, or a stop
 * took too long): the process must leave by _exit(), freeing nothing; the
 * ledger bears that.
 */
bool pass_is_clean(const struct pass *p);
void pass_free(struct pass *p); /* after ended, and only if clean */
#endif
