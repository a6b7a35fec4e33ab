/*
 * imap_private - the engine's state, for its own files alone (imap.c: ports and
 * the loop; imap_command.c: what is sent; imap_response.c, imap_search.c,
 * imap_fetch.c: untagged data; imap_condition.c: OK NO BAD BYE PREAUTH, tagged
 * or not, and
 * "+").
 */
#ifndef PROTO_IMAP_PRIVATE_H
#define PROTO_IMAP_PRIVATE_H
#include "imap.h"
#include "imap_lex.h"
#include "queue.h"

#define IMAP_COMMANDS	 (IMAP_LOGOUT + 1)
#define IMAP_HOLDS	 16u   /* literals waiting for "+" */
#define IMAP_REST_OCTETS 1024u /* buffered while in IDLE, as a rule */

enum imap_phase { /* RFC 3501 3 */
	IMAP_PHASE_GREETING,
	IMAP_PHASE_FRESH, /* not authenticated */
	IMAP_PHASE_TLS,	  /* between STARTTLS OK and imap_secured() */
	IMAP_PHASE_SIGNED_IN,
	IMAP_PHASE_SELECTED,
	IMAP_PHASE_DEFLATE, /* between COMPRESS OK and imap_deflated() */
	IMAP_PHASE_BYE,	    /* told, and not asked for: FAILED is next */
	IMAP_PHASE_DEAD,
};

/* Where in a response the next lexeme stands. */
enum imap_step {
	IMAP_STEP_START,
	IMAP_STEP_CONTINUE,   /* "+" */
	IMAP_STEP_TAGGED,     /* the rest of a tagged response */
	IMAP_STEP_UNTAGGED,   /* "*" */
	IMAP_STEP_CONDITION,  /* "* OK" and the like */
	IMAP_STEP_CAPABILITY, /* "* CAPABILITY" */
	IMAP_STEP_ENABLED,    /* "* ENABLED" */
	IMAP_STEP_NUMBERED,   /* "* 12" */
	IMAP_STEP_EXISTS,
	IMAP_STEP_EXPUNGE,
	IMAP_STEP_SKIP, /* lines and literals up to the end of the response */
	IMAP_STEP_SEARCH,
	IMAP_STEP_SEARCH_TAIL,
	IMAP_STEP_ESEARCH,
	IMAP_STEP_ESEARCH_SET,
	IMAP_STEP_ESEARCH_VALUE,
	IMAP_STEP_ESEARCH_NESTED, /* of a value, or of the tag in front */
	IMAP_STEP_LIST,
	IMAP_STEP_LIST_ATTRIBUTES,
	IMAP_STEP_LIST_DELIMITER,
	IMAP_STEP_LIST_NAME,
	IMAP_STEP_LIST_TAIL,
	IMAP_STEP_STATUS_NAME,
	IMAP_STEP_STATUS,
	IMAP_STEP_STATUS_KEY,
	IMAP_STEP_STATUS_VALUE,
	IMAP_STEP_STATUS_END,
	IMAP_STEP_FETCH,
	IMAP_STEP_FETCH_KEY,
	IMAP_STEP_FETCH_VALUE,
	IMAP_STEP_FETCH_FLAGS,
	IMAP_STEP_FETCH_NESTED, /* of a value that is skipped */
	IMAP_STEP_FETCH_END,
};
#define IMAP_STEPS (IMAP_STEP_FETCH_END + 1)

/* What the octets of a literal (or of a string, treated so) are. */
enum imap_literal_use {
	IMAP_LITERAL_SKIPPED,
	IMAP_LITERAL_BODY,
	IMAP_LITERAL_NAME,
};

enum imap_item { /* the value that IMAP_STEP_FETCH_VALUE expects */
	IMAP_ITEM_OTHER,
	IMAP_ITEM_UID,
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_DATE,
	IMAP_ITEM_SIZE,
	IMAP_ITEM_MSGID,
	IMAP_ITEM_BODY,
	IMAP_ITEM_HEADER,
};

enum imap_number { /* the value that IMAP_STEP_STATUS_VALUE expects */
	IMAP_NUMBER_OTHER,
	IMAP_NUMBER_MESSAGES,
	IMAP_NUMBER_UIDNEXT,
	IMAP_NUMBER_UIDVALIDITY,
	IMAP_NUMBER_UNSEEN,
};

struct imap_inflight {
	enum imap_command command; /* IMAP_NO_COMMAND: answered */
	uint64_t end; /* offset in all that was ever queued, behind it */
};
struct imap_hold {
	uint64_t at; /* nothing from this offset on goes out before "+" */
	uint32_t tag;
};

enum imap_turn { /* of AUTHENTICATE and IDLE: whose line is next */
	IMAP_TURN_NONE,
	IMAP_TURN_SERVER, /* "+" may come */
	IMAP_TURN_CLIENT, /* "+" came */
	IMAP_TURN_ENDING, /* DONE was queued */
};

struct imap {
	enum imap_phase phase;
	enum imap_step step;
	bool under_tls, eof, deflated;
	enum imap_phase behind; /* DEFLATE: which phase it was and will be */

	struct queue in, out;
	size_t lent;	/* octets at the front of in behind the last event */
	size_t scanned; /* see imap_lex.h */
	uint64_t sent;	/* offset of the front of out in all ever queued */

	/* commands: tags run; ring[tag % IMAP_PIPELINE] */
	struct imap_inflight ring[IMAP_PIPELINE];
	uint32_t oldest, next_tag; /* in flight: oldest <= tag < next_tag */
	size_t in_flight;
	unsigned flying[IMAP_COMMANDS]; /* of each kind */
	struct imap_hold holds[IMAP_HOLDS];
	size_t n_holds;
	enum imap_turn auth, idle;
	bool notified;	 /* NOTIFY was asked for: STATUS comes at any time */
	uint64_t serial; /* see patience.h */

	/* the response being read */
	size_t text;	   /* octets outside literals */
	unsigned untagged; /* since the last tagged one */
	unsigned chatter;  /* in a row that nobody asked for */
	unsigned depth;	   /* of parentheses */
	uint64_t literal;  /* octets still to come */
	enum imap_literal_use use;
	uint32_t number; /* "* 12", or the tag */
	enum imap_item item;
	enum imap_number key;
	bool body; /* this FETCH has brought its one body */
	struct imap_fetch fetch;
	struct imap_list list;
	struct imap_mailbox status;
	enum imap_status condition;
	size_t n_name;
	size_t n_uids;
	bool by_uid;		      /* this ESEARCH speaks of UIDs */
	uint32_t range_at, range_end; /* of it, to be handed out; at 0: none */

	/* the session */
	struct imap_capabilities capabilities;
	bool utf8;		      /* UTF8=ACCEPT is enabled */
	uint32_t uidvalidity;	      /* of the selected mailbox */
	unsigned told, told_before;   /* CAPABILITYs, and up to the last tag */
	struct imap_mailbox selected; /* as told by the SELECT in flight */
	struct err err;

	uint32_t uids[IMAP_SEARCH_UIDS];
	char name[IMAP_NAME_OCTETS];
	/* owned, of in and out; NULL: in is at rest, nothing is in out */
	char *in_octets, *out_octets;
	char rest[IMAP_REST_OCTETS];
};

/*
 * A handler takes one lexeme: true, and *ev is set; or false, go on. fail()
 * ends the engine and returns true, so that `return imap_fail(...)` reads well.
 */
typedef bool imap_handler(struct imap *p, const struct lexeme *t,
			  struct imap_event *ev);

bool imap_fail(struct imap *p, struct imap_event *ev, enum err_class class,
	       const char *what);
bool imap_malformed(struct imap *p, struct imap_event *ev, const char *what);
/* said: what came in its place tells who it is: "+OK", "220". */
bool imap_no_greeting(struct imap *p, struct imap_event *ev, struct view said);
/* A response that was asked for: patience begins anew. */
void imap_progress(struct imap *p);
/* The next response begins. */
void imap_response_done(struct imap *p);
bool imap_flies(const struct imap *p, enum imap_command command);
/* The next n octets of input are a string's, without counting as text. */
bool imap_literal_begin(struct imap *p, const struct lexeme *t,
			enum imap_literal_use use, struct imap_event *ev);
/*
 * The string of t (atom, quoted or literal) is read as a literal: its octets
 * become the next octets of input. false, and *ev set: too long for its use.
 */
bool imap_string_begin(struct imap *p, const struct lexeme *t,
		       enum imap_literal_use use, struct imap_event *ev);

/* imap_response.c */
imap_handler imap_on_untagged, imap_on_numbered, imap_on_exists,
	imap_on_expunge, imap_on_skip, imap_on_list, imap_on_list_attributes,
	imap_on_list_delimiter, imap_on_list_name, imap_on_list_tail,
	imap_on_status_name, imap_on_status, imap_on_status_key,
	imap_on_status_value, imap_on_status_end;
/* One lexeme of what stands behind the known part of a response; at its end
 * the response is done. true: failed. */
imap_handler imap_skip_tail;
/* imap_search.c */
imap_handler imap_on_search, imap_on_search_tail, imap_on_esearch,
	imap_on_esearch_set, imap_on_esearch_value, imap_on_esearch_nested;
/* What is left of the range told last. true: *ev is set, there may be more. */
bool imap_search_range(struct imap *p, struct imap_event *ev);
/* imap_fetch.c */
imap_handler imap_on_fetch, imap_on_fetch_key, imap_on_fetch_value,
	imap_on_fetch_flags, imap_on_fetch_nested, imap_on_fetch_end;
/* imap_condition.c */
imap_handler imap_on_start, imap_on_continue, imap_on_tagged, imap_on_condition,
	imap_on_capability, imap_on_enabled;

/* imap.c */
void imap_ready_output(struct imap *p); /* memory for what is to be sent */
/* imap_command.c: what the server's answers do to what is to be sent */
/* "+" for the literal at the front of what is pending; false: none waits. */
bool imap_release_hold(struct imap *p);
/* The tagged answer came: takes the command out of flight. false: it was cut
 * short in a way no server may (the octets before are not sent yet). */
bool imap_settle_command(struct imap *p, uint32_t tag);
#endif
