/*
 * provider - mail providers known without configuration: their servers, what a
 * person must know to sign in, and how their servers differ from the others.
 * Facts only, each with its source and date; what could not be established is
 * left out (NULL, 0). What a `provider` section of the same name says goes
 * before them. An entry never decides what becomes of mail (keep, first_run)
 * nor what is trusted (tls_min).
 *
 * The entries stand in provider_REGION.c. Words shown to people are pieces of
 * sentences: no capital in front, no full stop behind.
 */
#ifndef CONFIG_PROVIDER_H
#define CONFIG_PROVIDER_H
#include "view.h"

/* A list of strings that ends with NULL, for the entries. */
#define PROVIDER_LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* What the user name is. */
enum provider_user {
	PROVIDER_USER_UNKNOWN, /* not established */
	PROVIDER_USER_ADDRESS, /* the whole address */
	PROVIDER_USER_LOCAL,   /* the part before the @ */
	PROVIDER_USER_EITHER,  /* both are taken */
	PROVIDER_USER_OWN,     /* another name that the provider gives */
};

/* What the password is. */
enum provider_secret {
	PROVIDER_SECRET_OWN,  /* that of the mailbox; nothing special known */
	PROVIDER_SECRET_MAIL, /* a second one, for mail programs in general */
	PROVIDER_SECRET_APP,  /* an app password, made for one program */
	PROVIDER_SECRET_APP_2FA, /* OWN, or APP with two-factor sign-in */
	PROVIDER_SECRET_CODE,	 /* an authorization code (授权码) */
	PROVIDER_SECRET_OAUTH,	 /* OAuth 2 only: no password is taken */
};

/* In which its servers differ from the others; provider_quirk_text(). */
enum provider_quirk {
	/* IMAP: SELECT is refused to who has not sent ID (RFC 2971) */
	PROVIDER_ID_FIRST = 1u << 0,
	/* IMAP: a UID set such as 9:5 is refused */
	PROVIDER_NO_DESCENDING = 1u << 1,
	/* IMAP: bodies come by BODY.PEEK[] only; RFC822 gives none */
	PROVIDER_PEEK_ONLY = 1u << 2,
	/* IMAP: what gets \Deleted is expunged at once */
	PROVIDER_AUTO_EXPUNGE = 1u << 3,
	/* IMAP: expunging takes a message out of the folder only; deleting is
	 * moving to the folder of special use \Trash */
	PROVIDER_TRASH = 1u << 4,
	/* IMAP: folders are labels, one message can be in several of them */
	PROVIDER_LABELS = 1u << 5,
	/* POP3: what was fetched once, by any program, is not listed again */
	PROVIDER_POP3_HIDES = 1u << 6,
	/* POP3: what was fetched is deleted or put away as the provider's web
	 * settings say, whatever the program does */
	PROVIDER_POP3_WEB_DECIDES = 1u << 7,
	/* POP3: only mail of the last days is listed, as its web settings say
	 */
	PROVIDER_POP3_RECENT = 1u << 8,
};
#define PROVIDER_QUIRKS 9u

struct provider {
	const char *name;		/* lower case */
	const char *const *aliases;	/* other names of it; NULL: none */
	const char *title;		/* as people call it */
	const char *const *domains;	/* of its addresses; NULL: not known */
	const char *imap, *pop3, *smtp; /* URLs; NULL: has none, or its host
					 * differs for each customer (note) */
	enum provider_user user;
	enum provider_secret secret;
	const char *password; /* which one it wants, "it wants ..."; NULL:
			       * the mailbox's own */
	const char *note;     /* what else must be done there; NULL */
	const char *help;     /* a page of the provider's; NULL */
	/* What the hosts in its Received lines ("by") end with. */
	const char *const *received_by;
	/* Shortest time between two polls of one mailbox; 0: not known. */
	unsigned imap_poll_s, pop3_poll_s;
	/* At once; 0: not known. Only told: an account holds one (a seat has
	 * one visit, and the visit that rests is polled by), those of
	 * idle_folders beside it, and one more for as long as `check` or
	 * `passwd` looks. */
	unsigned account_connections;
	unsigned quirks; /* bits of enum provider_quirk */
	/*
	 * "which facts: where DATE", at least one; DATE is the day on which it
	 * was last changed there (ISPDB, DC), else the day on which it was
	 * read. ISPDB: Thunderbird's database, github.com/thunderbird/
	 * autoconfig, ispdb/. DC: Delta Chat's, github.com/deltachat/
	 * provider-db, _providers/.
	 */
	const char *const *sources;
};

/* The entries of one file, sorted by name. */
struct provider_region {
	const struct provider *entry;
	size_t n;
};
extern const struct provider_region provider_china, provider_europe,
	provider_global, provider_russia;

/* By name or alias, which are lower case. NULL: not in the table. */
const struct provider *provider_find(struct view name);
/* By number from 0, sorted by name; NULL behind the last. */
const struct provider *provider_at(size_t i);
/* Whose addresses those of the domain are, in any case. NULL: not known. */
const struct provider *provider_of_domain(struct view domain);

bool provider_has(const struct provider *p, enum provider_quirk q); /* p NULL:
								     * no */
const char *provider_user_text(enum provider_user u); /* NULL: UNKNOWN */
/* What it is, and what to do with it; NULL: needs no words. */
const char *provider_secret_text(enum provider_secret s);
const char *provider_quirk_text(enum provider_quirk q);
/* 0: none; p may be NULL. */
unsigned provider_poll_min_s(const struct provider *p, bool pop3);
#endif
