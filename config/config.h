/*
 * config - the configuration as an immutable, typed tree (INTERFACE 2).
 *
 * config_load() finds the file, reads it with what it includes, checks every
 * setting and resolves the inheritance (folder or account, own provider
 * section, defaults, built-in provider, built-in value). What it returns never
 * changes and is shared by counting references; all pointers below live as
 * long as the tree. Not thread-safe: one thread counts.
 *
 * Guarantees: no string in the tree holds CR, LF or NUL (CASES C8); hosts are
 * lower case; every account has a server, a user, a delivery and at least one
 * recipient or a multidrop; what this version cannot do is refused by name,
 * never ignored.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H
#include "log.h"
#include "mech.h"
#include "secret.h"
#include "view.h"

/* Where to look; members may be NULL. The environment is read beside them. */
struct config_where {
	const char *config; /* --config */
	const char *state;  /* --state */
};

/* Lines such as `FILE:LINE: account "x": what`, in the order of the file. */
struct config_errors {
	char **line; /* owned, each printable */
	size_t n;
};
void config_errors_fini(struct config_errors *e);

struct config_list {
	char **item; /* owned */
	size_t n;
};

enum config_scheme {
	CONFIG_IMAP,
	CONFIG_IMAPS,
	CONFIG_POP3,
	CONFIG_POP3S,
	CONFIG_SMTP,
	CONFIG_SMTPS,
	CONFIG_SUBMISSION,
	CONFIG_SUBMISSIONS,
	CONFIG_LMTP,
	CONFIG_MAILDIR,
};

enum config_tls_mode {
	CONFIG_TLS_IMPLICIT, /* from the first octet */
	CONFIG_TLS_STARTTLS, /* required, never falls back */
	CONFIG_TLS_NONE,     /* tls = "none" was written: passwords may pass */
	CONFIG_TLS_LOCAL, /* clear on a connection whose address is a loopback
			   * one, else as STARTTLS (J10) */
};

struct config_server {
	char *url; /* as written */
	enum config_scheme scheme;
	enum config_tls_mode tls;
	char *host; /* lower case, without brackets; "" for maildir, a socket */
	uint16_t port;
	char *path;	  /* of a maildir or a socket, absolute; else "" */
	bool is_ip;	  /* host is an address, not a name */
	bool is_loopback; /* host is written localhost, 127/8 or ::1, and no
			   * proxy stands between; a socket */
};

enum config_tls_version {
	CONFIG_TLS_1_0,
	CONFIG_TLS_1_1,
	CONFIG_TLS_1_2,
	CONFIG_TLS_1_3,
};

struct config_tls {
	char *ca; /* absolute path, or NULL: the system's */
	struct config_list
		fingerprint; /* "sha256:HEX" or "spki:HEX", lower case
			      * without colons in HEX; n 0: by chain */
	enum config_tls_version min;
	char *client_cert; /* absolute path, or NULL */
	char *client_key;  /* absolute path; NULL: in client_cert, if any */
};

enum config_proxy_kind {
	CONFIG_PROXY_NONE,
	CONFIG_PROXY_SOCKS5,
	CONFIG_PROXY_HTTP,
};

struct config_proxy {
	enum config_proxy_kind kind;
	char *host; /* lower case, without brackets; NULL: none */
	uint16_t port;
	char *user;		/* NULL: no sign-in */
	struct secret password; /* owned */
};

/* The way to a server. */
struct config_route {
	char *source_address; /* numeric, to bind to; NULL: any */
	struct config_proxy proxy;
};

enum config_secret_kind {
	CONFIG_SECRET_NONE, /* a delivery without user */
	CONFIG_SECRET_PASSWORD,
	CONFIG_SECRET_COMMAND,
	CONFIG_SECRET_CREDENTIAL,
};

/* Where a secret comes from; credential.h reads it. */
struct config_secret {
	enum config_secret_kind kind;
	struct secret password;	    /* owned */
	struct config_list command; /* argv */
	char *credential;	    /* a NAME, or an absolute path */
};

enum config_first_run {
	CONFIG_FIRST_ASK,
	CONFIG_FIRST_ALL,
	CONFIG_FIRST_NEW,
	CONFIG_FIRST_AGE,
};

enum config_keep {
	CONFIG_KEEP_YES,
	CONFIG_KEEP_NO,
	CONFIG_KEEP_AFTER
};
enum config_on_doubt {
	CONFIG_DOUBT_RESEND,
	CONFIG_DOUBT_HOLD
};
enum config_dsn {
	CONFIG_DSN_DEFAULT,
	CONFIG_DSN_NEVER
};
enum config_sender {
	CONFIG_SENDER_ORIGINAL,
	CONFIG_SENDER_SRS,
	CONFIG_SENDER_FIXED
};

/* One line of `check --effective`. */
struct config_effective {
	const char *name;
	char *value;  /* as it could be written; a password is "(set)" */
	char *shown;  /* to people instead, without what programs are told;
		       * NULL: value */
	char *origin; /* "FILE:LINE", with "provider "x"" or "defaults"; or
		       * "built-in provider "x"", "built-in" */
};
struct config_effectives {
	struct config_effective *item; /* owned */
	size_t n;
};

struct provider;

struct config_delivery {
	char *name;
	char *file;
	unsigned line;
	struct config_server server;
	char *user; /* NULL: no sign-in */
	struct config_secret secret;
	enum mech auth; /* MECH_NONE: auto */
	struct config_tls tls;
	struct config_route route;
	struct config_list to; /* templates; n may be 0 */
	enum config_sender sender;
	char *sender_address;		 /* of CONFIG_SENDER_FIXED; else NULL */
	char *srs_domain;		 /* of CONFIG_SENDER_SRS; else NULL */
	struct config_secret srs_secret; /* likewise; else none */
	unsigned connections;		 /* >= 1 */
	enum config_dsn dsn;
	bool xclient; /* hand the original client over */
	/* So many messages handed over in each rate_window_ms; 0: any. */
	uint32_t rate;
	uint64_t rate_window_ms;
	struct config_list drop_headers;
	uint64_t retry_min_ms, retry_max_ms;
	uint64_t give_up_ms;
	/* takes what this one refuses for good; NULL: none. No circle. */
	const struct config_delivery *refused_to;
	struct config_effectives effective;
};

/* What a folder is for, as its server says: special:Junk (RFC 6154 2). */
enum config_use {
	CONFIG_USE_ALL = 1u << 0,
	CONFIG_USE_ARCHIVE = 1u << 1,
	CONFIG_USE_DRAFTS = 1u << 2,
	CONFIG_USE_FLAGGED = 1u << 3,
	CONFIG_USE_IMPORTANT = 1u << 4, /* RFC 8457 3 */
	CONFIG_USE_JUNK = 1u << 5,
	CONFIG_USE_SENT = 1u << 6,
	CONFIG_USE_TRASH = 1u << 7,
};

/* A folder as its server lists it. */
struct config_mailbox {
	struct view name; /* in UTF-8 */
	char delimiter; /* between its levels; 0: there are none, or unknown */
	unsigned uses;	/* bits of enum config_use */
};

/*
 * The settings of a folder: the account's own, or those of a `folder` block,
 * where the block has inherited from the account what it does not say.
 */
struct config_folder {
	char *pattern; /* of the block; NULL: the account's own */
	unsigned line; /* of the block */
	const struct config_delivery *delivery;
	struct config_list to; /* templates: see config_recipient(); empty where
				* the account has a multidrop */
	enum config_first_run first_run;
	uint64_t first_run_age_ms; /* of CONFIG_FIRST_AGE */
	enum config_keep keep;
	uint64_t keep_after_ms;	  /* of CONFIG_KEEP_AFTER */
	bool mark_seen;		  /* IMAP */
	char *move_to;		  /* folder, in UTF-8; NULL: none; IMAP */
	uint64_t max_size_octets; /* 0: the destination's SIZE */
	struct config_effectives effective; /* of a block: its own settings */
};

/* `map` of a multidrop: whoever is called name goes to `to`, a template. */
struct config_mapping {
	char *name; /* local part, or whole address; in any case of letters */
	char *to;
};

/* One mailbox for many people: who a message is for stands in its header. */
struct config_multidrop {
	struct config_list envelope, domains; /* n >= 1 */
	char *strip;			      /* prefix; NULL: none */
	struct config_mapping *map;	      /* owned */
	size_t n_map;
	char *fallback; /* template; NULL: none */
};

struct config_account {
	char *name;
	char *file;
	unsigned line;
	bool enabled;
	char *provider;			/* name as written, or NULL */
	const struct provider *builtin; /* entry of that name, or NULL */
	struct config_list remarks;	/* sentences for `check` */
	/* Whose mailbox it is (DESIGN 5): the provider's name where the server
	 * comes from the provider, else the host; of two at other ports of this
	 * machine, host:port. With protocol family and user this is one account
	 * for ever. */
	char *place;
	struct config_server server;
	char *user;
	struct config_secret secret;
	enum mech auth; /* MECH_NONE: auto */
	struct config_tls tls;
	struct config_route route;
	/* What counts for mail of this account, but for the folders that a
	 * block names; and the blocks, in the order of the file. */
	struct config_folder own;
	struct config_folder *blocks; /* owned; IMAP only */
	size_t n_blocks;
	/* Patterns as written, also those that leave out; IMAP only, else n 0.
	 * See config_folder_for(). */
	struct config_list folders;
	struct config_multidrop *multidrop; /* owned; NULL: `to` counts */
	uint64_t poll_every_ms;		    /* 0: only on request */
	uint64_t poll_min_ms; /* who comes sooner is refused; 0: nobody */
	bool idle;
	uint64_t idle_renew_ms; /* 0: the built-in value */
	unsigned idle_folders;	/* >= 1; with a session of their own at rest */
	bool compress;		/* IMAP: COMPRESS=DEFLATE where offered */
	bool unseen_only;	/* IMAP only */
	enum config_on_doubt on_doubt;
	bool once; /* duplicates = once */
	bool received_from;
	/* Hosts of the mailbox provider, for xclient; n may be 0. */
	struct config_list received_by;
	struct config_effectives effective;
};

struct config {
	unsigned refs;
	char *file; /* absolute path of the main file */
	char *dir;  /* its folder: secrets.d lies here */
	char *state_dir;
	char *hostname; /* NULL: the system's */
	/* Who is told when a person is needed: addresses, written out; a
	 * program and its arguments. n 0: nobody */
	struct config_list notify, notify_command;
	uint64_t notify_after_ms; /* of failure, for what may pass */
	unsigned max_connections;
	unsigned max_connections_per_host;
	unsigned max_idle;
	uint64_t spool_limit_octets;
	uint64_t history_keep_ms;
	enum log_level log_level;
	enum log_format log_format;
	char *metrics_file;		 /* absolute; NULL: none */
	struct config_account *accounts; /* owned, in the order of the files */
	size_t n_accounts;
	bool once; /* some account has duplicates = once */
	struct config_delivery *deliveries;
	size_t n_deliveries;
	struct config_effectives effective; /* the general settings */
};

/*
 * NULL: wrong in some way; e holds at least one line, nothing is to be started.
 * e is filled from empty, and empty after success. A missing file is an error
 * whose line names every place looked at.
 */
struct config *config_load(const struct config_where *where,
			   struct config_errors *e);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL: nothing */

/* Borrowed; NULL: there is none of that name. */
const struct config_account *config_account(const struct config *c,
					    struct view name);
const struct config_delivery *config_delivery(const struct config *c,
					      struct view name);

bool config_is_pop3(const struct config_server *s);
bool config_is_smtp(const struct config_server *s); /* not LMTP, not maildir */
bool config_is_lmtp(const struct config_server *s);
const char *config_scheme_name(enum config_scheme scheme); /* "imaps" */

/*
 * What counts for a folder: the first block whose pattern it matches, else the
 * account's own where it matches one of `folders`. NULL: it is not to be
 * fetched; a pattern with ! in `folders` leaves out what any other would take.
 * POP3: always the account's own.
 */
const struct config_folder *config_folder_for(const struct config_account *a,
					      const struct config_mailbox *m);
/*
 * Patterns that take something, numbered from 0: those of `folders`, then those
 * of the blocks. NULL: no more.
 */
const char *config_folder_pattern(const struct config_account *a, size_t i);

/*
 * A recipient template of `to` with {account}, {user} and {folder} filled in.
 * Where the template itself holds the @, an @ of a filled in value becomes =,
 * and what cannot stand in a local part becomes -. false: the result is no
 * address (too long); out is empty.
 */
bool config_recipient(const struct config_account *a, const char *template,
		      struct view folder, char *out, size_t cap);
#endif
