/*
 * setting - the table of all settings: their names, what they accept, where
 * they may stand, their built-in values, and what this version refuses.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H
#include "value.h"

enum section_kind {
	SECTION_GENERAL, /* outside of all braces */
	SECTION_DEFAULTS,
	SECTION_PROVIDER,
	SECTION_ACCOUNT,
	SECTION_FOLDER,	   /* in an account */
	SECTION_MULTIDROP, /* in an account */
	SECTION_DELIVERY,
};
#define SECTION_KINDS 7u

/* In the order in which `check --effective` lists them. */
enum setting_id {
	SET_STATE_DIR,
	SET_HOSTNAME,
	SET_NOTIFY,
	SET_NOTIFY_COMMAND,
	SET_NOTIFY_AFTER,
	SET_MAX_CONNECTIONS,
	SET_MAX_CONNECTIONS_PER_HOST,
	SET_MAX_IDLE,
	SET_SPOOL_LIMIT,
	SET_HISTORY_KEEP,
	SET_LOG_LEVEL,
	SET_LOG_FORMAT,
	SET_METRICS_FILE,
	SET_STATUS_PAGE,
	SET_PROVIDER,
	SET_SERVER,
	SET_PROTOCOL,
	SET_TLS,
	SET_TLS_CA,
	SET_TLS_FINGERPRINT,
	SET_TLS_MIN,
	SET_CLIENT_CERT,
	SET_CLIENT_KEY,
	SET_SOURCE_ADDRESS,
	SET_PROXY,
	SET_USER,
	SET_PASSWORD,
	SET_PASSWORD_COMMAND,
	SET_CREDENTIAL,
	SET_AUTH,
	SET_ENABLED,
	SET_DELIVERY,
	SET_TO,
	SET_FOLDERS,
	SET_POLL_EVERY,
	SET_IDLE,
	SET_IDLE_FOLDERS,
	SET_COMPRESS,
	SET_FIRST_RUN,
	SET_KEEP,
	SET_MARK_SEEN,
	SET_MOVE_TO,
	SET_MAX_SIZE,
	SET_UNSEEN_ONLY,
	SET_DUPLICATES,
	SET_ON_DOUBT,
	SET_RECEIVED_BY,
	SET_RECEIVED_FROM,
	SET_SENDER,
	SET_SRS_SECRET,
	SET_CONNECTIONS,
	SET_DROP_HEADERS,
	SET_DSN,
	SET_RATE,
	SET_XCLIENT,
	SET_RETRY,
	SET_GIVE_UP,
	SET_REFUSED_TO,
	SET_ENVELOPE,
	SET_DOMAINS,
	SET_STRIP,
	SET_MAP,
	SET_FALLBACK,
	SETTINGS
};

struct setting {
	const char *name;
	unsigned places; /* bits: SETTING_IN(kind) */
	struct value_rule rule;
	/* Built-in value, items parted by spaces; NULL: none. Where it depends
	 * on more, build.c says it. */
	const char *builtin;
	/* Not in this version: what it would do. NULL: it is. */
	const char *later;
	/* The one word that is refused; NULL: every use is. */
	const char *later_word;
	bool only_imap;
};

#define SETTING_IN(kind) (1u << (unsigned)(kind))

extern const struct setting setting_table[SETTINGS];

struct section_rule {
	const char *name; /* "" for the general settings */
	bool has_title;
	unsigned within;   /* bits, as places */
	const char *later; /* as above */
};
extern const struct section_rule section_table[SECTION_KINDS];

bool setting_fits(enum setting_id id, enum section_kind kind);
/*
 * What to say of a name that is not known in a section: "did you mean ...",
 * "it belongs into ..."; "" where nothing comes to mind.
 */
void setting_hint(struct view written, enum section_kind in, char *out,
		  size_t cap);
#endif
