/*
 * value - one setting's value, read from the words written for it.
 *
 * Which kinds there are and what they accept; nothing here knows a setting's
 * name or where it stands. Every text accepted is free of CR, LF and NUL.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H
#include "config.h"

enum value_kind {
	VALUE_STRING,
	VALUE_NAME,   /* of a section */
	VALUE_SECRET, /* a string that is never shown */
	VALUE_BOOL,
	VALUE_NUMBER,
	VALUE_DURATION,
	VALUE_SIZE,
	VALUE_RANGE,  /* of durations: 5m..1h */
	VALUE_RATE,   /* number in each number2 ms: 30/m */
	VALUE_CHOICE, /* one of some words */
	VALUE_AUTH,
	VALUE_KEEP,
	VALUE_FIRST_RUN,
	VALUE_IDLE,
	VALUE_SENDER,
	VALUE_SERVER,
	VALUE_ADDRESSES, /* recipients, with placeholders */
	VALUE_ADDRESS,	 /* one of them */
	VALUE_ENVELOPE,	 /* header fields that name a recipient */
	VALUE_HOSTS,
	VALUE_MAP, /* "name=address", see value_mapping() */
	VALUE_FOLDERS,
	VALUE_FOLDER, /* one, by its name */
	VALUE_FIELDS, /* names of header fields */
	VALUE_PATH,
	VALUE_CREDENTIAL, /* a name or an absolute path */
	VALUE_ARGUMENTS,
	VALUE_FINGERPRINTS,
	VALUE_IP,
	VALUE_PROXY, /* shown without its user and password */
	VALUE_HOST,
	VALUE_ANYTHING, /* for what this version refuses anyway */
};

struct value_rule {
	enum value_kind kind;
	const char *words; /* of VALUE_CHOICE, with spaces between */
	uint64_t min, max; /* of numbers, sizes and durations (ms) */
};

/* One word as it was written. */
struct word {
	struct view text;
	bool quoted;
};
struct words {
	const struct word *item;
	size_t n;
	bool is_list;	 /* written in braces */
	const char *dir; /* of the file: what relative paths start from */
};

struct value {
	struct config_list list; /* the texts; one for kinds with one */
	uint64_t number, number2;
	unsigned choice; /* index in words, enum of the kind, or 0/1 */
	char *text;  /* owned; how it could be written; "(set)" for secrets */
	char *shown; /* owned; what people are shown instead: arguments may
		      * hold secrets. NULL: text */
};

/*
 * false: why says what would be right ("a duration such as 90s, 5m, 2h or
 * 14d"), out is empty. why never holds a secret. true: value_fini() releases.
 */
bool value_read(const struct value_rule *rule, const struct words *words,
		struct value *out, char *why, size_t cap);
void value_fini(struct value *v); /* wipes */

/* What a kind takes several of. */
bool value_is_list(enum value_kind kind);
/* Section names: [A-Za-z0-9._@+-], at most 64, a letter or digit first. */
bool value_is_name(struct view v);
/* "name=address" at its first =. */
void value_mapping(struct view v, struct view *name, struct view *to);
/* 90s 5m 2h 14d, or 0. */
bool value_duration(struct view v, uint64_t *ms);
bool value_size(struct view v, uint64_t *octets);

void config_list_add(struct config_list *l, struct view item);
void config_list_copy(struct config_list *to, const struct config_list *from);
void config_list_fini(struct config_list *l);
/* Owned copy of a view as a string. */
char *value_string(struct view v);
#endif
