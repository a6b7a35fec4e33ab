/*
 * message - one message as the ledger knows it, and the identities around it.
 *
 * States and the steps between them: spool/README.md.
 */
#ifndef SPOOL_MESSAGE_H
#define SPOOL_MESSAGE_H
#include "hash.h"
#include "list.h"
#include "view.h"

enum message_state {
	MESSAGE_SPOOLED = 1, /* to be sent at next_at */
	MESSAGE_SENDING,     /* the end of its data may be on its way */
	MESSAGE_DOUBT,	   /* was sent, no reply: again at next_at, 0 = held */
	MESSAGE_HELD,	   /* refused for good: a person decides */
	MESSAGE_DELIVERED, /* accepted for every recipient; at the source yet */
	MESSAGE_GONE,	   /* ... and deleted at the source */
	MESSAGE_DROPPED,   /* given up by `queue drop` */
	MESSAGE_SKIPPED,   /* left at the source: reason says why */
};

enum rcpt_state {
	RCPT_WAITING = 1,
	RCPT_ACCEPTED,
	RCPT_REFUSED, /* for good */
};

/*
 * What names a message within its folder. IMAP: eight zero octets and the UID,
 * big-endian. POP3: a 96-bit keyed hash of UIDL and occurrence number. Compares
 * by memcmp, so that a sorted array and the ledger have one order.
 */
#define MESSAGE_KEY_OCTETS 12u
struct message_key {
	uint8_t octets[MESSAGE_KEY_OCTETS];
};
struct message_key message_key_uid(uint32_t uid);
uint32_t message_key_to_uid(const struct message_key *key); /* 0: not a UID */
int message_key_order(const struct message_key *a, const struct message_key *b);

/* Queue ids as people see them: digits and consonants, at least 4 of them. */
#define MESSAGE_ID_TEXT 16u
void message_id_text(int64_t id, char out[MESSAGE_ID_TEXT]);
bool message_id_parse(struct view text, int64_t *id);

/* Where a body lies; written by the store, meaningless before. */
struct message_place {
	uint32_t segment;
	uint64_t offset, octets;
	uint8_t hash[HASH_BODY_OCTETS];
};

struct message_rcpt {
	char *address; /* owned */
	bool found;    /* by multidrop: it does not stand in the configuration.
			* Such ones come before all others */
	enum rcpt_state state;
	bool for_content; /* refused, and not for who it is: behind the data
			   * (LMTP), for the client, for the sender */
	bool for_sender;  /* ... the last of these, and that is not kept: its
			   * words tell it again */
	int code;	  /* last reply, 0: none */
	char *reply;	  /* owned; its words, printable; may be NULL */
};

#define MESSAGE_PRINT_OCTETS 12u

struct message {
	struct link link;	 /* for the holder's lists */
	int64_t id;		 /* 0 before TX1 */
	int64_t account, folder; /* 0: a notice of our own, at no source */
	char *folder_name; /* owned; where it was loaded from the ledger; NULL
			    */
	struct message_key key;
	enum message_state state;
	struct message_place place;

	/* facts taken while it arrived (proto/head) */
	uint64_t repaired_octets; /* size after CR and LF repair */
	uint32_t strays;	  /* repairs made */
	uint32_t header_octets;
	uint32_t facts;	      /* bits of the caller's; kept as they are */
	uint64_t fingerprint; /* 0: none */
	uint64_t twin;	      /* hash of what its labels have in common; 0 */
	char *message_id;     /* owned; printable, cut; may be NULL */
	char *from;	      /* owned; From of the header, likewise */
	/* What it is to each of its recipients, for duplicates = once: the
	 * same in every account and folder. Not read back. NULL: unknown */
	uint8_t (*prints)[MESSAGE_PRINT_OCTETS]; /* owned */
	bool once; /* not for whom has it by another account or folder */

	/* envelope, decided when it was fetched */
	char *delivery; /* owned; its name */
	char *sender;	/* owned; "" is the null sender */
	size_t nrcpts;
	struct message_rcpt *rcpts; /* owned */
	bool readdressed; /* they are others than its row has: to be written */
	char *client;	  /* owned; who handed it to its provider, for XCLIENT:
			   * "ADDRESS NAME HELO", - where not known; or NULL */
	char *fallback;	 /* owned; becomes a recipient (message_fall_back) where
			  * a found one is refused; NULL: nobody does */
	bool hold_doubt; /* on_doubt = hold */
	char *uid_text;	 /* owned; UID or UIDL, printable, for people */

	/* times: unix ms */
	int64_t received_at, fetched_at, next_at, settled_at, doubt_at;
	int64_t waiting_since; /* of its first failed attempt, 0: none */
	uint32_t attempts, doubts, strikes;
	bool suspect; /* in hand when we crashed: to be tried alone */
	char *reason; /* owned; held, skipped, deferred: why; may be NULL */
	char *reply;  /* owned; last words of a server; may be NULL */
};

struct message *message_new(void);
void message_free(struct message *m);
/* Copies address. */
void message_add_rcpt(struct message *m, struct view address);
void message_no_rcpts(struct message *m);
/*
 * Makes m->fallback its last recipient, once. false: there is none, or it is
 * one already.
 */
bool message_fall_back(struct message *m);
/*
 * Those of its recipients that were not found by multidrop are these from now
 * on, but who has it already.
 */
void message_readdress(struct message *m, const char *const *to, size_t n);
/* One of its recipients was not found by multidrop. */
bool message_has_configured(const struct message *m);
void message_set(char **member, struct view v); /* frees the old, copies v */
/* Somebody has it, or may have it: sent once more as a new message, it would be
 * a repeat. */
bool message_may_be_there(const struct message *m);
const char *message_state_name(enum message_state s); /* INTERFACE 4 */
#endif
