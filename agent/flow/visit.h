/*
 * visit - one account in one pass: sign in, look, decide, fetch, act, leave.
 *
 * visit.c holds the session, visit_folders.c which folders are looked at,
 * visit_look.c what is there and what of it is wanted, visit_decide.c what of
 * that is taken now, visit_task.c the same for `adopt` and `refetch`,
 * visit_headers.c a closer look where that needs one, visit_arrive.c bodies as
 * they come, visit_fetch.c the order of asking and settling,
 * visit_room.c how much may be asked for, visit_act.c what
 * is done at the source with what was delivered, visit_seek.c what became of
 * such a thing when its answer was lost. Who has an account visited hears of it
 * by struct visit_reports.
 */
#ifndef FLOW_VISIT_H
#define FLOW_VISIT_H
#include "deliveries.h"
#include "guard.h"
#include "head.h"
#include "once.h"
#include "pass.h"
#include "plan.h"
#include "reach.h"
#include "watch.h"

enum visit_phase {
	VISIT_WAITING,	 /* for its turn */
	VISIT_SECRET,	 /* its secret is read */
	VISIT_SIGNIN,	 /* the session opens */
	VISIT_SELECTING, /* a folder is looked up, there and in the ledger */
	VISIT_SEEKING,	 /* moves that were begun are looked for */
	VISIT_LISTING,	 /* the server lists, the ledger compares */
	VISIT_HEADERS,	 /* ages or fingerprints are looked at */
	VISIT_ASKING,	 /* a person decides */
	VISIT_SIZING,	 /* the destination tells what it takes */
	VISIT_RECORDING, /* what was decided is written */
	VISIT_WORKING,	 /* bodies, deliveries, deletions */
	VISIT_LEAVING,	 /* QUIT or LOGOUT */
	VISIT_SAVING,	 /* the account's row is written */
	VISIT_DONE,
};

/* What headers are read for. */
enum visit_look {
	LOOK_PROOF,	   /* known UIDs still name what was delivered (D4) */
	LOOK_NAMESAKES,	   /* one was handled while it bore its unique-id alone
			      (E6) */
	LOOK_COPIES,	   /* what was about to be moved is in the target */
	LOOK_TWINS,	   /* ... under another label (no header is read) */
	LOOK_FINGERPRINTS, /* wanted ones may be known under other names */
	LOOK_AGES,	   /* first_run = AGE on POP3 */
};

struct item_list {
	struct spool_item *item; /* owned */
	size_t n, cap;
};
void item_list_add(struct item_list *l, const struct spool_item *i);
void item_list_clear(struct item_list *l);
void item_list_fini(struct item_list *l);

enum visit_act {
	ACT_NONE,
	ACT_MARKING,
	ACT_TARGETING, /* the folder to move to is looked at */
	ACT_INTENDING,
	ACT_MOVING,
	ACT_LEFTOVERS, /* of moves that were begun: deleted here */
	ACT_ERASING,   /* POP3: until QUIT is answered */
	ACT_RECORDING,
};

/* What is done at the source with delivered mail of the folder in hand. */
struct visit_acts {
	enum visit_act doing;
	struct item_list mark, move, erase, leftover; /* in this order */
	struct item_list erasing; /* until answered, for the log: POP3 answers
				     when the folder is left */
	uint64_t *print;	  /* owned; fingerprints of move */
	uint64_t begun_ms;
	int64_t target; /* folder that is moved to */
	uint32_t uidvalidity, since;
	struct spool_intent *moving; /* owned */
	size_t nmoving;
	struct message_key *keys; /* owned; being written */
	bool out;		  /* req is with the spool */
	union {
		struct spool_acted acted;
		struct spool_folder_open open;
		struct spool_intend intend;
		struct spool_moved moved;
	} req;
};

/* Moves whose answer was lost (CASES D15). */
struct visit_seek {
	bool sought, settled;
	bool same;     /* UIDs of the target mean what they meant */
	uint32_t from; /* the lowest UID concerned; 0: none */
	int64_t target;
	char *name; /* owned */
	uint32_t uidvalidity, since;
	struct spool_intent *items; /* owned; uid: where its copy is */
	size_t n;
	struct spool_item *listed; /* owned; of the target */
	struct item_list copies;
};

struct visit;

/* Who has the account visited; called from the loop. */
struct visit_reports {
	/* Its last connection is closed; the rest is between us and the disk.
	 */
	void (*left)(void *who, struct visit *v);
	/* Over; it may be freed once this has returned, not from inside. */
	void (*ended)(void *who, struct visit *v);
	/* Its struct pass_account changed. */
	void (*changed)(void *who, struct visit *v);
	/* See pass_reports.ask; false: nobody is there. */
	bool (*ask)(void *who, struct visit *v, uint64_t messages,
		    uint64_t octets);
	void (*judged)(void *who, struct visit *v, const struct pass_judged *j);
	/*
	 * All is done, and its session can rest: true: visit_give() was called
	 * for it. NULL: nobody wants it.
	 */
	bool (*rest)(void *who, struct visit *v);
	/* Somebody waits for the outcome to be durable, and for nothing else.
	 * NULL: nobody does. */
	bool (*waited_for)(void *who, struct visit *v);
};

struct visit {
	struct link booked; /* the seat's */
	const struct parts *parts;
	struct deliveries *deliveries; /* of the same configuration */
	const struct visit_reports *reports;
	void *who;
	const struct pass_options *options;
	struct pass_account *told; /* what people see; who's own */
	const struct config_account *config;
	const struct config_folder *settings; /* of the folder in hand */
	struct delivery *delivery;	      /* its; of deliveries */
	struct spool_account row;
	bool named; /* its backoff does not count */

	enum visit_phase phase;
	struct reach_secret fetching;
	struct secret secret;
	struct endpoint endpoint;
	struct source *source;
	struct source_ready ready;
	struct timer timer; /* waiting for deliveries at the end, or for the
			       time of an account to come */
	struct task go_on;  /* visit_work() soon */
	struct err warning; /* for this pass alone; ERR_NONE */
	struct err err;	    /* the first that counts; ERR_NONE */
	bool is_probe;	    /* there is no network: no failure of its own */
	bool stopping;	    /* asked to end: nothing new is begun */
	bool refused;	    /* the destination refuses a setting, and is ... */
	int64_t refused_until_ms; /* ... not asked before that; unix */
	bool full;		  /* there is no room in the spool */
	bool told_down; /* that its destination is, and enough waits */
	bool again;	/* sign in again after leaving (POP3) */
	bool inherited; /* its session, of which nothing was heard yet */
	bool undecided;
	bool declined;	      /* adopt, refetch: a person said no */
	bool kept;	      /* keep was looked at ... */
	bool guarded;	      /* ... and its change waits for a person */
	int64_t signed_in_ms; /* unix; 0: not yet */
	uint64_t session_ms;  /* when this session began */
	struct err lasting;   /* what a source refuses to have done; ERR_NONE */
	bool acts_wait;	      /* ... and is not asked again yet */
	size_t sweep_at;      /* of the folders that mail was moved to */

	/* the folder in hand */
	struct plan plan;
	size_t folder_at;   /* of plan */
	bool single;	    /* the one folder is selected without a listing */
	bool looked_at_all; /* the listing was of all folders */
	char *patterns; /* owned; of the last whole pass; NULL: not asked for */
	bool surveying; /* what is not fetched is looked at, behind the rest */
	char *unfetched; /* owned; what was found; NULL: not looked */
	uint64_t known;	 /* identities on record at the listing */
	bool whole;	 /* the listing began at UID 1 */
	size_t erased;	 /* confirmed in this folder */
	const char *folder;
	struct source_folder there;
	struct spool_folder here;
	struct spool_item *items; /* owned; as listed */
	size_t nitems;
	struct item_list wanted, adopt, skip, due, proof;
	/* POP3: unique-ids shared before, and those that came to be shared */
	struct message_key *namesakes, *shared; /* owned */
	size_t nnamesakes, nshared;
	bool names_changed; /* a message on record bore one of shared alone */
	size_t asked;	    /* of wanted: handed to the source */
	size_t came;	    /* of asked: arrived or refused */
	bool fetching_all_done;
	bool sweeping; /* only what was moved here is looked at */
	bool twins_known;
	unsigned skipped;	 /* lists of those left out that are written */
	struct item_list seen;	 /* wanted, but for that; unseen_only */
	struct item_list marked; /* \Deleted by somebody else */
	size_t missed;		 /* wanted ones that were not recorded */
	uint32_t first_missing_uid; /* ... the lowest of them; 0: none */

	/* headers in hand */
	uint64_t *twins; /* owned, sorted: hashes of what PASS_REFETCH took */
	size_t ntwins;
	uint64_t *fps;	/* owned, one per wanted item; 0: none */
	bool *fp_known; /* owned */
	size_t fp_at;
	enum guard_take take;
	enum visit_look look; /* what for */

	/* the body in hand */
	struct head *head;	 /* owned; NULL: no body came yet */
	struct once *once;	 /* NULL: no account wants it */
	struct spool_body *body; /* NULL: none, or left out */
	struct message_key key;
	char uid[PASS_UID_TEXT];
	int noted;     /* crash.h, while it comes; -1 */
	size_t coming; /* asked and not come, as solo.h and share.h count */
	uint64_t coming_octets;
	size_t expected; /* wanted and not come, as the delivery counts */

	/* parcels on their way, and those settled whose source waits */
	size_t out, unrecorded; /* of out: TX1 is not done */
	bool unsafe;		/* one was fetched and could not be recorded */
	struct visit_acts acts;
	struct visit_seek seek;
	uint64_t settled_in_session;

	/* what the ledger knows of folders, asked for many at once */
	struct ahead {
		struct spool_folders folders;	/* while LIST is answered */
		struct spool_folder_open *open; /* owned; of the next ones */
		size_t from, n, out;		/* out: not answered yet */
		bool listed;			/* by the server */
	} ahead;
	size_t saving; /* folders' rows that are with the spool */
	bool req_out;  /* req is with the spool */
	union {
		struct spool_folder_open open;
		struct spool_namesakes namesakes;
		struct spool_listing listing;
		struct spool_reconcile reconcile;
		struct spool_adopt adopt;
		struct spool_skip skip;
		struct {
			struct spool_account_save account;
			struct spool_tidy tidy;
		} last;
		struct spool_intents intents;
		struct spool_moved moved;
		struct spool_brought brought;
	} req;
};

/* visit.c */
/* told->config: whose; of the configuration of parts. All are borrowed. */
struct visit *visit_new(const struct parts *parts, struct deliveries *ds,
			const struct pass_options *o, struct pass_account *told,
			bool named, const struct visit_reports *r, void *who);
void visit_free(struct visit *v);
/* Before visit_start(): it goes on with this one, and signs in itself only
 * where that turns out to be dead. */
void visit_inherit(struct visit *v, const struct session *s);
/* From within the report `rest`. */
void visit_give(struct visit *v, struct watch *w);
/* Its turn: v->row is set. Ends in the report `ended`. */
void visit_start(struct visit *v);
void visit_stop(struct visit *v);  /* finishes what is under way */
void visit_abort(struct visit *v); /* the store failed: silence */
/* The delivery's state or room changed. */
void visit_wake(struct visit *v);
/* The destination refuses a setting of this account, which m met with. */
void visit_refused(struct visit *v, const struct config_delivery *by,
		   const struct message *m);
/* The same, found when the visit was over: its outcome is written anew, and
 * `ended` follows again. */
void visit_amend(struct visit *v, const struct config_delivery *by,
		 const struct message *m);
/* visit_outcome.c: into the account's row, which is then written. */
void visit_note_outcome(struct visit *v, int64_t now_ms);
/* When it has ended: v->told has its result, and it is logged. */
void visit_sum_up(struct visit *v);
void visit_answer(struct visit *v, enum pass_choice c);
/* First error counts; the session goes on or not as the caller decides. */
void visit_fail(struct visit *v, const struct err *err);
/* For the exit code of this pass alone: the account is as well as before. */
void visit_warn(struct visit *v, const struct err *err);
/* A lasting condition that is no failure; text is copied. */
void visit_notice(struct visit *v, const char *text);
/*
 * Mail is in sight: its destination is connected to. Not sooner, or each empty
 * poll would sign in there, and some count that.
 */
void visit_warm(struct visit *v);
/* max_size, or the destination's SIZE; 0: no limit known. */
uint64_t visit_max_octets(const struct visit *v);
/* UIDs of this folder can be trusted, and it may be written to. */
bool visit_may_delete(const struct visit *v);
/* Now, as far as the clock is believed: what the age of mail counts to. */
int64_t visit_believed_ms(const struct visit *v);
/* The folder in hand is finished (or cannot be): on to the next. */
void visit_next_folder(struct visit *v);
void visit_leave(struct visit *v);   /* ends the session well */
void visit_changed(struct visit *v); /* progress */
/*
 * v->here goes to its row. Nobody waits for it but the end of the visit: what
 * is asked of the spool behind it is never durable without it, and no server
 * needs to be told.
 */
void visit_save_folder(struct visit *v);
/* Called first by whoever gets v->req back. false: the session ended meanwhile,
 * nothing is to be done. */
bool visit_answered(struct visit *v);
/* The same for what is asked beside v->req. */
bool visit_goes_on(struct visit *v);
/* ... and where the store could not: it ends the folder in hand, false. */
bool visit_answered_well(struct visit *v, const struct spool_req *req);

/* visit_folders.c */
/* What is to be visited, then the first of it. */
void visit_find_folders(struct visit *v);
void visit_on_listed(void *who, const struct source_listed *l, size_t n,
		     const struct err *err);
bool visit_counts(void *who, const struct source_listed *l);
/* What it knows of the folders: signed in, so that it answers while the server
 * looks for them. */
void visit_ask_ledger(struct visit *v);
/* What was told is not believed any more: a folder was changed since. */
void visit_forget_ahead(struct visit *v);
/* The folder at folder_at, or the end. */
void visit_select(struct visit *v);
/* A single folder was refused: true, the folders there are looked at. */
bool visit_look_again(struct visit *v, const struct err *err);
bool visit_folder_appears(const struct visit *v);
/* Once a day, when all is done: which folders are there and not fetched.
 * false: not now. */
bool visit_survey(struct visit *v);
void visit_saw_folder(struct visit *v); /* it has a row, or cannot have one */
/* Selected: what it holds now. */
void visit_saw_numbers(struct visit *v, const struct source_folder *f);
/* All was seen: the patterns that took it, one a line; owned. Else NULL. */
char *visit_patterns(const struct visit *v);

/* visit_look.c */
/* Behind folder(): what will be listed is asked for in advance, if it is known.
 * counted: `there` and `here` are of this folder. */
void visit_foresee(struct visit *v, bool counted);
/* By `there` and `here` nothing is to be done with the folder. */
bool visit_may_pass(const struct visit *v);
void visit_unchanged(struct visit *v);
void visit_on_folder(void *who, const struct source_folder *f,
		     const struct err *err);
void visit_on_shared(void *who, const struct message_key *keys, size_t n);
void visit_on_items(void *who, struct spool_item *items, size_t n);
void visit_on_sizes(void *who, const struct source_size *sizes, size_t n);
void visit_on_unseen(void *who, struct spool_item *items, size_t n,
		     const struct err *err);
void visit_begin_listing(struct visit *v);    /* the folder is known */
void visit_compare(struct visit *v);	      /* the listing with the ledger */
bool visit_is_first(const struct visit *v);   /* first_run is to decide */
uint64_t visit_sudden(const struct visit *v); /* new, and not so before */
void visit_order_wanted(struct visit *v); /* as the server likes to be asked */
/* The UID, UIDL or number of a listed message; printable. */
void visit_uid_text(const struct visit *v, const struct spool_item *i,
		    char out[PASS_UID_TEXT]);

/* visit_decide.c */
void visit_decide(struct visit *v); /* after headers or an answer */
bool visit_ask(struct visit *v);    /* about wanted; false: there is nobody */
void visit_adopt_wanted(struct visit *v); /* all of it, to adopt */
void visit_decide_sizes(struct visit *v); /* what of wanted is too large */
void visit_write_down(struct visit *v);	  /* then the work begins */

/* visit_task.c: options.task other than PASS_FETCH */
bool visit_is_task(const struct visit *v);
bool visit_skips_folder(const struct visit *v);
void visit_task(struct visit *v);      /* the listing is compared */
void visit_task_aged(struct visit *v); /* LOOK_AGES is done */
void visit_task_answer(struct visit *v, enum pass_choice c);
void visit_count(struct visit *v, const struct spool_item *i,
		 enum pass_reason r);

/* After LOOK_PROOF, or where none was needed. */
void visit_go_on_looking(struct visit *v);

/* visit_headers.c */
void visit_look_at(struct visit *v, enum visit_look look);
/* Gmail: hash of what a message has in common under all labels; 0: unknown. */
uint64_t visit_twin(const struct visit *v, const struct message_key *key);
/* Takes out of wanted what is known under another label. true: under way,
 * visit_go_on_looking() follows. */
bool visit_look_for_twins(struct visit *v);
void visit_headers_done(struct visit *v); /* all were answered */
void visit_on_header(struct visit *v, const struct head_facts *f,
		     struct view raw);

/* visit_fetch.c */
void visit_work(struct visit *v);
/* The item of the listing in hand, or NULL. */
const struct spool_item *visit_listed(const struct visit *v,
				      const struct message_key *key);
/* It stays new: the next pass must list it again. */
void visit_missed(struct visit *v, const struct message_key *key);
void visit_on_settled(void *who, struct parcel *p); /* parcel.settled */
/* parcel.recorded */
void visit_on_recorded(void *who, const struct parcel *p);

/* visit_room.c */
/* How many of the next `most` may be asked for now, by room in the spool and at
 * the delivery; *never: none, and none in this session. */
size_t visit_room(struct visit *v, size_t most, bool *never);

/* visit_act.c */
/* Delivered mail of this folder belongs elsewhere, ... */
bool visit_has_target(const struct visit *v);
/* ... and can be moved there. */
bool visit_moves(const struct visit *v);
/* Delivered before, and something short of deleting is still to be done. */
bool visit_wants_act(const struct visit *v, const struct spool_item *i);
/* The lowest UID that something may be done with; 0: none. */
uint32_t visit_act_from(const struct visit *v);
/* Why what is configured is not done here, where that must be told. */
void visit_note_obstacles(struct visit *v);
/* Delivered: plans what is configured. print: its fingerprint; 0: none. */
void visit_plan(struct visit *v, const struct spool_item *i, uint64_t print);
void visit_plan_move(struct visit *v, const struct spool_item *i,
		     uint64_t print);
size_t visit_acts_waiting(const struct visit *v); /* messages */
/* Waiting, or under way; what is merely written down may still be. */
bool visit_acts_unanswered(const struct visit *v);
/* Begins the next of what waits, unless something is under way. */
void visit_act(struct visit *v);
void visit_record_moved(struct visit *v, bool all);
void visit_on_marked(void *who, const struct message_key *keys, size_t n,
		     const struct err *err);
void visit_on_erased(void *who, const struct message_key *keys, size_t n,
		     size_t left, const struct err *err);
void visit_on_target(void *who, const struct source_folder *f,
		     const struct err *err);
void visit_on_moved(void *who, const struct source_moved *moved, size_t n,
		    size_t left, uint32_t uidvalidity, const struct err *err);
void visit_forget_acts(struct visit *v); /* the folder is left */
void visit_acts_fini(struct visit *v);
/* Behind the last folder: deletes what was moved long enough ago. false: there
 * is no (other) folder to look at. */
bool visit_sweep(struct visit *v);

/* visit_seek.c */
/* true: what follows ends in visit_select() or visit_begin_listing(). */
bool visit_seek(struct visit *v);
void visit_seek_on_folder(struct visit *v, const struct source_folder *f,
			  const struct err *err);
void visit_seek_on_items(struct visit *v, struct spool_item *items, size_t n);
void visit_seek_matched(struct visit *v); /* LOOK_COPIES is done */
/* The folder is listed. true: visit_compare() follows. */
bool visit_seek_settle(struct visit *v);
/* Its copy is in the target, and it is still here. */
bool visit_is_leftover(const struct visit *v, const struct spool_item *i);
void visit_plan_leftover(struct visit *v, const struct spool_item *i);
void visit_forget_seek(struct visit *v);

/* visit_arrive.c */
void visit_on_body_begin(void *who, const struct message_key *key,
			 struct view uid);
void visit_on_body(void *who, struct view octets);
void visit_on_body_end(void *who, const struct message_key *key);
void visit_on_refused(void *who, const struct message_key *key,
		      const struct err *err);
void visit_on_fetched(void *who);
bool visit_may_read(void *who);
void visit_drop_body(struct visit *v);
/* What was asked for and has not come will not. */
void visit_nothing_comes(struct visit *v);
/* So much of what is wanted will come: delivery_expect(). */
void visit_expect(struct visit *v, size_t n);
/* The message in hand is so no more, should we crash. */
void visit_unnote(struct visit *v);
#endif
