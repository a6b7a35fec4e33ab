/*
 * imap - IMAP client protocol engine (RFC 3501; what RFC 9051 changed and
 * RFC 2971, 4315, 4959, 4978, 5161, 2177, 5258, 5465, 5819, 6154, 6851, 7888
 * add, as far as fetching mail needs it).
 *
 * Pure: no socket, clock, randomness, logging or globals. Octets go in through
 * imap_room()/imap_received(), come out through imap_pending()/imap_sent(), and
 * what they mean comes out of imap_next(), one event at a time, in wire order.
 * Commands may be queued before earlier ones are answered; tags and waiting for
 * literal continuations are the engine's. Messages are named by UID alone.
 *
 * Guarantees: message bodies stream and are never held; all else of one
 * response fits LIMIT_IMAP_TEXT; no size named by the peer allocates anything;
 * nothing is learnt from responses that no command in flight asked for, so what
 * arrives before TLS leaves no trace (CVE-2021-29969). It follows no referral.
 */
#ifndef PROTO_IMAP_H
#define PROTO_IMAP_H
#include "err.h"
#include "limits.h"
#include "patience.h"
#include "view.h"

#define IMAP_IN_OCTETS	    LIMIT_IMAP_TEXT /* buffered from the server */
#define IMAP_OUT_OCTETS	    (32u << 10)	    /* queued to the server */
#define IMAP_PIPELINE	    256u	    /* commands in flight */
#define IMAP_NAME_OCTETS    4096u	    /* of a mailbox name on the wire */
#define IMAP_SKIPPED_OCTETS (1u << 20)	    /* of a literal nobody asked for */
#define IMAP_CHATTER	    100000u /* responses in a row nobody asked for */
#define IMAP_SEARCH_UIDS    512u    /* in one IMAP_EV_SEARCH */
/* A UID set that leaves room for its command in one line: RFC 7162 4 */
#define IMAP_SET_OCTETS 7900u

/* ---- what a server can do ---- */

enum imap_capability {
	IMAP_CAN_REV1 = 1u << 0, /* IMAP4rev1 or IMAP4rev2 */
	IMAP_CAN_STARTTLS = 1u << 1,
	IMAP_CAN_LOGIN = 1u << 2, /* LOGINDISABLED was not said */
	IMAP_CAN_SASL_IR = 1u << 3,
	IMAP_CAN_LITERAL_PLUS = 1u << 4,  /* of any size */
	IMAP_CAN_LITERAL_MINUS = 1u << 5, /* up to 4096 octets */
	IMAP_CAN_UIDPLUS = 1u << 6,
	IMAP_CAN_MOVE = 1u << 7,
	IMAP_CAN_IDLE = 1u << 8,
	IMAP_CAN_ID = 1u << 9,
	IMAP_CAN_ENABLE = 1u << 10,
	IMAP_CAN_UNSELECT = 1u << 11,
	IMAP_CAN_LIST_EXTENDED = 1u << 12,
	IMAP_CAN_LIST_STATUS = 1u << 13,
	IMAP_CAN_SPECIAL_USE = 1u << 14,
	IMAP_CAN_ESEARCH = 1u << 15,
	IMAP_CAN_GMAIL = 1u << 16,	 /* X-GM-EXT-1: labels, X-GM-MSGID */
	IMAP_CAN_DEFLATE = 1u << 17,	 /* COMPRESS=DEFLATE */
	IMAP_CAN_MUTF7 = 1u << 18,	 /* IMAP4rev1 itself was said */
	IMAP_CAN_UTF8_ACCEPT = 1u << 19, /* RFC 6855 */
	IMAP_CAN_UTF8_ONLY = 1u << 20,	 /* ... and nothing else */
	IMAP_CAN_NOTIFY = 1u << 21,	 /* RFC 5465 */
};

struct imap_capabilities {
	bool known; /* told since the last sign-in or TLS */
	uint32_t can;
	unsigned sasl; /* MECH_BIT()s of AUTH= */
};

/* ---- events ---- */

enum imap_event_type {
	IMAP_EV_GREETING,     /* status OK, or PREAUTH (only under TLS); text */
	IMAP_EV_CAPABILITIES, /* an untagged CAPABILITY; see imap_capabilities()
			       */
	IMAP_EV_TLS_WANTED,   /* STARTTLS: OK (no TAGGED); see imap_secured() */
	IMAP_EV_DEFLATE,      /* COMPRESS: OK (no TAGGED); see imap_deflated()
			       */
	IMAP_EV_CONTINUE,     /* AUTHENTICATE: text is the base64 challenge */
	IMAP_EV_IDLING,	      /* IDLE has begun */
	/* untagged NO, BAD, OK [ALERT], OK [COPYUID], OK [UIDVALIDITY] that
	 * changes what the selected mailbox has: code, text */
	IMAP_EV_NOTE,
	IMAP_EV_LIST,	    /* list */
	IMAP_EV_STATUS,	    /* mailbox */
	IMAP_EV_FETCH,	    /* fetch: facts about one message, no body */
	IMAP_EV_BODY_BEGIN, /* fetch, as far as told by now; octets announced */
	IMAP_EV_BODY,	    /* text: octets of the body, unchanged */
	IMAP_EV_BODY_END,   /* fetch, all of it: the response closed properly */
	IMAP_EV_SEARCH,	    /* uids; `last` ends one response */
	IMAP_EV_EXISTS,	    /* number: messages in the selected mailbox */
	IMAP_EV_EXPUNGE,    /* some message has left the selected mailbox */
	IMAP_EV_TAGGED,	    /* command, tag, status, code, text; mailbox */
	IMAP_EV_BYE,	    /* code, text; FAILED or CLOSED follows */
	IMAP_EV_CLOSED,	    /* LOGOUT was answered (no TAGGED); last event */
	IMAP_EV_FAILED,	    /* err; last event, the engine is dead */
};

enum imap_command {
	IMAP_NO_COMMAND,
	IMAP_CAPABILITY,
	IMAP_STARTTLS,
	IMAP_LOGIN,
	IMAP_AUTHENTICATE,
	IMAP_ID,
	IMAP_ENABLE,
	IMAP_COMPRESS,
	IMAP_SELECT,
	IMAP_EXAMINE,
	IMAP_STATUS,
	IMAP_LIST,
	IMAP_FETCH,
	IMAP_FETCH_BODY,
	IMAP_SEARCH,
	IMAP_STORE,
	IMAP_UID_EXPUNGE,
	IMAP_EXPUNGE,
	IMAP_MOVE,
	IMAP_COPY,
	IMAP_CREATE,
	IMAP_NOOP,
	IMAP_NOTIFY,
	IMAP_IDLE,
	IMAP_UNSELECT,
	IMAP_LOGOUT,
};

enum imap_status {
	IMAP_OK,
	IMAP_NO,
	IMAP_BAD,
	IMAP_PREAUTH,
	IMAP_BYE,
};

enum imap_code { /* RFC 3501 7.1, RFC 5530, RFC 4315, RFC 6851 */
	IMAP_CODE_NONE,
	IMAP_CODE_UNKNOWN,
	IMAP_CODE_ALERT,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_APPENDUID,
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_BADCHARSET,
	IMAP_CODE_CANNOT,
	IMAP_CODE_CAPABILITY,
	IMAP_CODE_CLIENTBUG,
	IMAP_CODE_CLOSED,
	IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_COPYUID,
	IMAP_CODE_CORRUPTION,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_INUSE,
	IMAP_CODE_LIMIT,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_NOPERM,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_PARSE,
	IMAP_CODE_PERMANENTFLAGS,
	IMAP_CODE_PRIVACYREQUIRED,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_REFERRAL,
	IMAP_CODE_SERVERBUG,
	IMAP_CODE_THROTTLED, /* Gmail's */
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT,
	IMAP_CODE_UIDNOTSTICKY,
	IMAP_CODE_UIDVALIDITY,
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_UNSEEN,
};

enum imap_flag {
	IMAP_FLAG_SEEN = 1u << 0,
	IMAP_FLAG_ANSWERED = 1u << 1,
	IMAP_FLAG_FLAGGED = 1u << 2,
	IMAP_FLAG_DELETED = 1u << 3,
	IMAP_FLAG_DRAFT = 1u << 4,
	IMAP_FLAG_RECENT = 1u << 5,
	IMAP_FLAG_ANY = 1u << 6, /* PERMANENTFLAGS: \* */
};

/* LIST attributes: RFC 3501 7.2.2, RFC 5258 3, RFC 6154 2 */
enum imap_attribute {
	IMAP_ATTR_NOSELECT = 1u << 0, /* \Noselect, \NonExistent, \Remote */
	IMAP_ATTR_NOINFERIORS = 1u << 1,
	IMAP_ATTR_ALL = 1u << 2,
	IMAP_ATTR_ARCHIVE = 1u << 3,
	IMAP_ATTR_DRAFTS = 1u << 4,
	IMAP_ATTR_FLAGGED = 1u << 5,
	IMAP_ATTR_IMPORTANT = 1u << 6,
	IMAP_ATTR_JUNK = 1u << 7,
	IMAP_ATTR_SENT = 1u << 8,
	IMAP_ATTR_TRASH = 1u << 9,
};

enum imap_part {
	IMAP_PART_BODY,	  /* BODY[]: the whole message */
	IMAP_PART_HEADER, /* BODY[HEADER] or BODY[HEADER.FIELDS (...)] */
};

/*
 * Which members were told. A FETCH may come for UIDs nobody asked for (D6),
 * with UID 0 for a mere change of flags, and several times for one message. A
 * body is whole when BODY_END, and then the TAGGED OK of its command, have
 * come.
 */
enum imap_fetch_has {
	IMAP_HAS_FLAGS = 1u << 0,
	IMAP_HAS_DATE = 1u << 1,
	IMAP_HAS_SIZE = 1u << 2,
	IMAP_HAS_NIL = 1u << 3, /* the body was NIL: no such octets, D7 */
};

struct imap_fetch {
	uint32_t uid; /* 0: not told (yet, at BODY_BEGIN) */
	uint32_t seq; /* message sequence number: tells responses apart, no more
		       */
	unsigned has, flags;
	int64_t date;	/* INTERNALDATE, unix seconds */
	uint64_t size;	/* RFC822.SIZE: a claim */
	uint64_t msgid; /* X-GM-MSGID: one message under all its labels; 0: not
			   told */
	uint64_t
		octets; /* of the body, as framed (B7); END: all have arrived */
	enum imap_part part;
};

struct imap_list {
	struct view name; /* as on the wire (modified UTF-7), any octets */
	char delimiter;	  /* '\0': flat (NIL) */
	unsigned attributes;
};

/* STATUS data, and what SELECT told. */
enum imap_mailbox_has {
	IMAP_HAS_MESSAGES = 1u << 0,
	IMAP_HAS_UIDNEXT = 1u << 1,
	IMAP_HAS_UNSEEN = 1u << 2,
	IMAP_HAS_PERMANENTFLAGS = 1u << 3,
	IMAP_HAS_UIDNOTSTICKY = 1u << 4,
	IMAP_HAS_READ_ONLY = 1u << 5,
};

struct imap_mailbox {
	struct view name; /* STATUS: as on the wire. SELECT: empty */
	unsigned has;
	uint32_t messages, uidnext, unseen;
	/* 0: absent, 0 or beyond 32 bits: not to be relied upon (D1) */
	uint32_t uidvalidity;
	unsigned permanent_flags;
};

struct imap_event {
	enum imap_event_type type;
	enum imap_command command; /* TAGGED */
	uint32_t tag;		   /* TAGGED: as imap_tag() said */
	enum imap_status status;   /* TAGGED, NOTE, GREETING */
	enum imap_code code;	   /* TAGGED, NOTE, BYE, GREETING */
	bool last;		   /* SEARCH */
	uint32_t number;	   /* EXISTS */
	/* All views and pointers live until the next call on this engine. */
	struct view text;
	struct view code_args; /* what stands behind the code's name */
	struct imap_fetch fetch;
	struct imap_list list;
	struct imap_mailbox mailbox; /* STATUS; TAGGED of SELECT, EXAMINE */
	const uint32_t *uids;	     /* SEARCH */
	size_t n_uids;
	const struct err *err; /* FAILED */
};

/* ---- engine ---- */

struct imap;
/*
 * under_tls: TLS stands before the first octet. In clear PREAUTH is a failure
 * (CVE-2021-39272); under TLS it is told, and for the caller to judge.
 */
struct imap *imap_new(bool under_tls);
void imap_free(struct imap *p); /* wipes what was to be sent; NULL: nothing */

/* Space for octets from the server. Empty: take events first, or it is dead. */
struct room imap_room(struct imap *p);
void imap_received(struct imap *p, size_t n);
void imap_eof(struct imap *p);
/* Octets to send; lives until the next call on p. */
struct view imap_pending(const struct imap *p);
void imap_sent(struct imap *p, size_t n);
/*
 * The next event; false: none without more octets. A queued command may end in
 * FAILED only, TAGGED events come in any order the server chose.
 */
bool imap_next(struct imap *p, struct imap_event *ev);
/*
 * After TLS_WANTED nothing is read or sent until this call, which says that all
 * octets from now on pass through TLS. Capabilities are forgotten.
 */
void imap_secured(struct imap *p);
/*
 * The event's text holds what the server sent behind its answer: compressed
 * octets already. After it nothing is read or sent until this call, which
 * drops them, and says that octets pass through DEFLATE from now on.
 */
void imap_deflated(struct imap *p);
/* How long to wait for the server; see patience.h. ms 0: nothing awaited. */
struct patience imap_patience(const struct imap *p);
const struct imap_capabilities *imap_capabilities(const struct imap *p);
/* Commands not yet answered. */
size_t imap_in_flight(const struct imap *p);
/* Tag number of the command queued last. */
uint32_t imap_tag(const struct imap *p);
/* What of imap_pending() must not be shown: a sign-in is being sent. */
bool imap_pending_is_secret(const struct imap *p);

/* "AUTHENTICATE" and so on, for messages. */
const char *imap_command_name(enum imap_command command);
const char *imap_code_name(enum imap_code code);
/*
 * The class of a refusal (NO or BAD to `command`, or BYE as IMAP_NO_COMMAND):
 * sign-in AUTH unless the code says it may pass; RETRY; REFUSED; BAD PROTOCOL.
 */
enum err_class imap_refusal(enum imap_command command, enum imap_status status,
			    enum imap_code code);
/*
 * Whether a TAGGED or BYE event says "not now" to the session as a whole: too
 * much at once, or a mailbox that is not there yet. Then err is set: ERR_RETRY,
 * with the wait the server asks for; to go on would make it worse. Otherwise it
 * is untouched.
 */
bool imap_not_now(const struct imap_event *ev, struct err *err);

/*
 * ---- commands ----
 *
 * true: queued. false: nothing changed; too long, an octet that cannot be sent
 * (NUL; CR, LF where no literal is possible), no room in the pipeline or
 * output, not allowed now (STARTTLS with others in flight, anything behind
 * STARTTLS, COMPRESS, IDLE or LOGOUT, before the greeting, after BYE), or the
 * engine is dead. Names are as on the wire; any octets but NUL.
 */
bool imap_capability(struct imap *p);
bool imap_starttls(struct imap *p);
/* False as well where LOGINDISABLED was said (C2). */
bool imap_login(struct imap *p, struct view user, struct view secret);
/*
 * initial: base64 (never empty: "=" stands for zero octets), or NULL. An
 * initial response is refused without SASL-IR. Commands may be queued behind;
 * then imap_answer() is impossible, and a CONTINUE must be taken for a failure.
 */
bool imap_authenticate(struct imap *p, struct view mech,
		       const struct view *initial);
/* To CONTINUE; base64 may be empty. */
bool imap_answer(struct imap *p, struct view base64);
bool imap_cancel(struct imap *p); /* "*": RFC 3501 6.2.2 */
bool imap_id(struct imap *p, struct view name, struct view version);
/* Before any mailbox is selected: RFC 5161 3.1. */
bool imap_enable(struct imap *p, struct view names);
/*
 * DEFLATE (RFC 4978). False as well where it is not offered, in use already,
 * or nobody is signed in: no secret may be compressed (CASES B12).
 */
bool imap_compress(struct imap *p);
/*
 * Mailbox names are UTF-8 on the wire, not modified UTF-7: UTF8=ACCEPT was
 * enabled (RFC 6855 3), or the server knows IMAP4rev2 alone (RFC 9051 5.1).
 */
bool imap_names_are_utf8(const struct imap *p);
bool imap_select(struct imap *p, struct view name);
bool imap_examine(struct imap *p, struct view name);
/* MESSAGES UIDNEXT UIDVALIDITY. Not of the selected mailbox: RFC 3501 6.3.10 */
bool imap_status(struct imap *p, struct view name);
enum imap_list_option {
	IMAP_LIST_STATUS = 1u << 0, /* RFC 5819; STATUS events come beside it */
	IMAP_LIST_SPECIAL_USE = 1u << 1, /* RFC 6154 */
};
/*
 * patterns: with * and %. Several, and options, only where the server offers
 * them (RFC 5258).
 */
bool imap_list(struct imap *p, const struct view *patterns, size_t n,
	       unsigned options);
/* set: of imap_set.h. UID FLAGS RFC822.SIZE, with dates INTERNALDATE, and
 * X-GM-MSGID where the server offers X-GM-EXT-1. */
bool imap_fetch(struct imap *p, struct view set, bool dates);
/* UID BODY.PEEK[] */
bool imap_fetch_body(struct imap *p, struct view set);
/*
 * fields: names separated by spaces; UID BODY.PEEK[HEADER.FIELDS (...)]. Empty:
 * UID BODY.PEEK[HEADER], all of it.
 */
bool imap_fetch_header(struct imap *p, struct view set, struct view fields);
/* criteria: as RFC 3501 6.4.4, such as "DELETED" */
bool imap_search(struct imap *p, struct view criteria);
/* +FLAGS.SILENT or -FLAGS.SILENT; flags: such as "\\Deleted \\Seen" */
bool imap_store(struct imap *p, struct view set, bool add, struct view flags);
/* Needs UIDPLUS: RFC 4315 2.1 */
bool imap_uid_expunge(struct imap *p, struct view set);
/* Takes away whatever is marked \Deleted, also by others. */
bool imap_expunge(struct imap *p);
bool imap_move(struct imap *p, struct view set, struct view name);
bool imap_copy(struct imap *p, struct view set, struct view name);
bool imap_create(struct imap *p, struct view name);
bool imap_noop(struct imap *p);
/*
 * From now on the server tells of new mail in the selected mailbox and in the
 * n named ones, the latter by STATUS events, asked for or not: RFC 5465. False
 * as well where NOTIFY is not offered.
 */
bool imap_notify(struct imap *p, const struct view *names, size_t n);
/*
 * From IDLING to imap_done() the engine holds a few KB only, however long that
 * is, unless the server says much at once.
 */
bool imap_idle(struct imap *p);
bool imap_done(struct imap *p); /* ends IDLE; after IDLING */
bool imap_unselect(struct imap *p);
/*
 * Only when every other command is answered: Dovecot 2.3 cuts a response that
 * LOGOUT overtakes.
 */
bool imap_logout(struct imap *p);
#endif
