#include "setting.h"
#include "fault.h"
#include "text.h"

#include <stdio.h>

#define G SETTING_IN(SECTION_GENERAL)
#define A SETTING_IN(SECTION_ACCOUNT)
#define F SETTING_IN(SECTION_FOLDER)
#define M SETTING_IN(SECTION_MULTIDROP)
#define O SETTING_IN(SECTION_DELIVERY) /* out */
/* what several accounts may share */
#define S (A | SETTING_IN(SECTION_PROVIDER) | SETTING_IN(SECTION_DEFAULTS))

#define HOUR	 3600000u
#define DAY	 (24 * (uint64_t)HOUR)
#define CENTURY	 (36500 * DAY)
#define ANY_SIZE ((uint64_t)1 << 50)

#define KIND(k)                                                                \
	{                                                                      \
		.kind = VALUE_##k                                              \
	}
#define CHOICE(w)                                                              \
	{                                                                      \
		.kind = VALUE_CHOICE, .words = (w)                             \
	}
#define WITHIN(k, l, m)                                                        \
	{                                                                      \
		.kind = VALUE_##k, .min = (l), .max = (m)                      \
	}

const struct setting setting_table[SETTINGS] = {
	[SET_STATE_DIR] = { "state_dir", G, KIND(PATH) },
	[SET_HOSTNAME] = { "hostname", G, KIND(HOST) },
	[SET_NOTIFY] = { "notify", G, KIND(ANYTHING),
			 .later = "notices by mail" },
	[SET_NOTIFY_COMMAND] = { "notify_command", G, KIND(ANYTHING),
				 .later = "notices by a command" },
	[SET_NOTIFY_AFTER] = { "notify_after", G, KIND(ANYTHING),
			       .later = "notices" },
	[SET_MAX_CONNECTIONS] = { "max_connections", G,
				  WITHIN(NUMBER, 1, 100000), "256" },
	[SET_MAX_CONNECTIONS_PER_HOST] = { "max_connections_per_host", G,
					   WITHIN(NUMBER, 1, 10000), "8" },
	[SET_MAX_IDLE] = { "max_idle", G, WITHIN(NUMBER, 0, 100000), "2000" },
	[SET_SPOOL_LIMIT] = { "spool_limit", G, WITHIN(SIZE, 1, ANY_SIZE),
			      "1G" },
	[SET_HISTORY_KEEP] = { "history_keep", G, WITHIN(DURATION, 0, CENTURY),
			       "90d" },
	[SET_LOG_LEVEL] = { "log_level", G,
			    CHOICE("error warning notice info debug"), "info" },
	[SET_LOG_FORMAT] = { "log_format", G, CHOICE("text json"), "text" },
	[SET_METRICS_FILE] = { "metrics_file", G, KIND(ANYTHING),
			       .later = "metrics" },
	[SET_STATUS_PAGE] = { "status_page", G, KIND(ANYTHING),
			      .later = "the status page" },
	[SET_PROVIDER] = { "provider", A | SETTING_IN(SECTION_DEFAULTS),
			   KIND(NAME) },
	[SET_SERVER] = { "server", S | O, KIND(SERVER) },
	[SET_PROTOCOL] = { "protocol", S, CHOICE("imap pop3") },
	[SET_TLS] = { "tls", S | O, CHOICE("required none"), "required" },
	[SET_TLS_CA] = { "tls_ca", S | O, KIND(PATH) },
	[SET_TLS_FINGERPRINT] = { "tls_fingerprint", S | O,
				  KIND(FINGERPRINTS) },
	[SET_TLS_MIN] = { "tls_min", S | O, CHOICE("1.0 1.1 1.2 1.3"), "1.2" },
	[SET_CLIENT_CERT] = { "client_cert", S | O, KIND(PATH) },
	[SET_CLIENT_KEY] = { "client_key", S | O, KIND(PATH) },
	[SET_SOURCE_ADDRESS] = { "source_address", S | O, KIND(IP) },
	[SET_PROXY] = { "proxy", S | O, KIND(ANYTHING), .later = "proxies" },
	[SET_USER] = { "user", A | O, KIND(STRING) },
	[SET_PASSWORD] = { "password", A | O, KIND(SECRET) },
	[SET_PASSWORD_COMMAND] = { "password_command", A | O, KIND(ARGUMENTS) },
	[SET_CREDENTIAL] = { "credential", A | O, KIND(CREDENTIAL) },
	[SET_AUTH] = { "auth", S | O, KIND(AUTH), "auto" },
	[SET_ENABLED] = { "enabled", A, KIND(BOOL), "yes" },
	[SET_DELIVERY] = { "delivery", S | F, KIND(NAME) },
	[SET_TO] = { "to", S | F | O, KIND(ADDRESSES) },
	[SET_FOLDERS] = { "folders", S, KIND(FOLDERS), "INBOX",
			  .only_imap = true },
	[SET_POLL_EVERY] = { "poll_every", S, WITHIN(DURATION, 0, CENTURY),
			     "5m" },
	[SET_IDLE] = { "idle", S, WITHIN(IDLE, 60000, DAY), "yes",
		       .only_imap = true },
	[SET_FIRST_RUN] = { "first_run", S | F, WITHIN(FIRST_RUN, 0, CENTURY),
			    "ask" },
	[SET_KEEP] = { "keep", S | F, WITHIN(KEEP, 0, CENTURY), "yes" },
	[SET_MARK_SEEN] = { "mark_seen", S | F, KIND(BOOL), "no",
			    "setting the Seen flag once delivered", "yes",
			    .only_imap = true },
	[SET_MOVE_TO] = { "move_to", S | F, KIND(ANYTHING),
			  .later = "moving mail once delivered",
			  .only_imap = true },
	[SET_MAX_SIZE] = { "max_size", S | F, WITHIN(SIZE, 0, ANY_SIZE) },
	[SET_UNSEEN_ONLY] = { "unseen_only", S, KIND(BOOL), "no",
			      "leaving out mail marked as seen", "yes",
			      .only_imap = true },
	[SET_DUPLICATES] = { "duplicates", S, CHOICE("deliver once"), "deliver",
			     "delivering a message of several accounts once",
			     "once" },
	[SET_ON_DOUBT] = { "on_doubt", S, CHOICE("resend hold"), "resend" },
	[SET_RECEIVED_BY] = { "received_by", S, KIND(ANYTHING),
			      .later = "it serves xclient alone" },
	[SET_RECEIVED_FROM] = { "received_from", S, KIND(BOOL), "yes" },
	[SET_SENDER] = { "sender", O, KIND(SENDER), "original" },
	[SET_SRS_SECRET] = { "srs_secret", O, KIND(ANYTHING),
			     .later = "sender rewriting" },
	[SET_CONNECTIONS] = { "connections", O, WITHIN(NUMBER, 1, 1000) },
	[SET_DROP_HEADERS] = { "drop_headers", O, KIND(FIELDS) },
	[SET_DSN] = { "dsn", O, CHOICE("default never"), "default",
		      "asking the destination not to bounce", "never" },
	[SET_RATE] = { "rate", O, KIND(ANYTHING),
		       .later = "a limit to the rate" },
	[SET_XCLIENT] = { "xclient", O, KIND(BOOL), "no",
			  "naming the original client", "yes" },
	[SET_RETRY] = { "retry", O, WITHIN(RANGE, 1000, 30 * DAY), "5m..1h" },
	[SET_GIVE_UP] = { "give_up", O, WITHIN(DURATION, 0, CENTURY), "5d" },
	[SET_REFUSED_TO] = { "refused_to", O, KIND(ANYTHING),
			     .later = "a second delivery for what is refused" },
	[SET_ENVELOPE] = { "envelope", M, KIND(ANYTHING) },
	[SET_DOMAINS] = { "domains", M, KIND(ANYTHING) },
	[SET_STRIP] = { "strip", M, KIND(ANYTHING) },
	[SET_MAP] = { "map", M, KIND(ANYTHING) },
	[SET_FALLBACK] = { "fallback", M, KIND(ANYTHING) },
};

const struct section_rule section_table[SECTION_KINDS] = {
	[SECTION_GENERAL] = { "", false, 0, NULL },
	[SECTION_DEFAULTS] = { "defaults", false, G, NULL },
	[SECTION_PROVIDER] = { "provider", true, G, NULL },
	[SECTION_ACCOUNT] = { "account", true, G, NULL },
	[SECTION_FOLDER] = { "folder", true, A, "settings for single folders" },
	[SECTION_MULTIDROP] = { "multidrop", false, A,
				"one mailbox for many people" },
	[SECTION_DELIVERY] = { "delivery", true, G, NULL },
};

/* What other programs call it. */
static const struct {
	const char *name, *hint;
} foreign[] = {
	{ "host", "write it in `server`: server = \"imaps://HOST\"" },
	{ "port", "write it in `server`: server = \"imaps://HOST:PORT\"" },
	{ "ssl", "write it in `server`: imaps:// and pop3s:// are TLS" },
	{ "starttls", "write it in `server`: imap:// and pop3:// ask for it" },
	{ "tls_trust_file", "here it is `tls_ca`" },
	{ "tls_certcheck", "certificates are always checked; `tls_fingerprint` "
			   "trusts exactly one" },
	{ "username", "here it is `user`" },
	{ "login", "here it is `user`" },
	{ "pass", "here it is `password`" },
	{ "passwd", "here it is `password`" },
	{ "passwordeval", "here it is `password_command`" },
	{ "password_file", "here it is `credential`, with a path" },
	{ "interval", "here it is `poll_every`" },
	{ "delete", "here it is `keep = no`" },
	{ "from", "here it is `sender`" },
	{ "recipient", "here it is `to`" },
	{ "mailbox", "here it is `folders`" },
};

bool setting_fits(enum setting_id id, enum section_kind kind)
{
	return setting_table[id].places & SETTING_IN(kind);
}

static bool foreign_hint(struct view written, char *out, size_t cap)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (view_eq(written, view_of(foreign[i].name))) {
			(void)snprintf(out, cap, "%s", foreign[i].hint);
			return true;
		}
	return false;
}

static void put_place(struct text *t, enum section_kind kind)
{
	const struct section_rule *rule = &section_table[kind];

	if (t->n)
		(void)text_puts(t, " or ");
	if (kind == SECTION_GENERAL)
		(void)text_puts(t, "the top of the file");
	else
		(void)text_fmt(t, "%s%s { }", rule->name,
			       rule->has_title ? " \"NAME\"" : "");
}

static unsigned places_of(struct view name)
{
	for (unsigned i = 0; i < SETTINGS; i++)
		if (view_eq(name, view_of(setting_table[i].name)))
			return setting_table[i].places;
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if (view_eq(name, view_of(section_table[i].name)))
			return section_table[i].within;
	return view_eq(name, VIEW_LIT("include")) ? G : 0;
}

/* A known name in the wrong place. */
static bool misplaced(struct view name, const char *before, char *out,
		      size_t cap)
{
	unsigned places = places_of(name);
	struct text t;

	if (!places)
		return false;
	text_init(&t, 200);
	for (unsigned i = 0; i < SECTION_KINDS; i++)
		if ((places & SETTING_IN(i)) && !section_table[i].later)
			put_place(&t, (enum section_kind)i);
	(void)snprintf(out, cap, "%sit belongs into %s", before, text_str(&t));
	text_fini(&t);
	return true;
}

/* kinds: bits of SETTING_IN() */
static const char *nearest(struct view written, unsigned kinds)
{
	const char *found = NULL;
	unsigned best = 99;

	for (unsigned i = 0; i < SETTINGS; i++)
		if ((setting_table[i].places & kinds) &&
		    fault_is_near(written, view_of(setting_table[i].name),
				  &best))
			found = setting_table[i].name;
	for (unsigned i = 1; i < SECTION_KINDS; i++)
		if ((section_table[i].within & kinds) &&
		    fault_is_near(written, view_of(section_table[i].name),
				  &best))
			found = section_table[i].name;
	return found;
}

void setting_hint(struct view written, enum section_kind in, char *out,
		  size_t cap)
{
	const char *near = nearest(written, SETTING_IN(in));
	char before[80];

	out[0] = 0;
	if (misplaced(written, "", out, cap))
		return;
	if (near) {
		(void)snprintf(out, cap, "did you mean \"%s\"?", near);
		return;
	}
	if (foreign_hint(written, out, cap))
		return;
	near = nearest(written, ~0u);
	if (near) {
		(void)snprintf(before, sizeof(before), "did you mean \"%s\"? ",
			       near);
		(void)misplaced(view_of(near), before, out, cap);
	}
}
