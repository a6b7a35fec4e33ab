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
	[SET_STATE_DIR] = { .name = "state_dir",
			    .places = G,
			    .rule = KIND(PATH) },
	[SET_HOSTNAME] = { .name = "hostname",
			   .places = G,
			   .rule = KIND(HOST) },
	[SET_NOTIFY] = { .name = "notify",
			 .places = G,
			 .rule = KIND(ADDRESSES) },
	[SET_NOTIFY_COMMAND] = { .name = "notify_command",
				 .places = G,
				 .rule = KIND(ARGUMENTS) },
	[SET_NOTIFY_AFTER] = { .name = "notify_after",
			       .places = G,
			       .rule = WITHIN(DURATION, 0, CENTURY),
			       .builtin = "24h" },
	[SET_MAX_CONNECTIONS] = { .name = "max_connections",
				  .places = G,
				  .rule = WITHIN(NUMBER, 1, 100000),
				  .builtin = "256" },
	[SET_MAX_CONNECTIONS_PER_HOST] = { .name = "max_connections_per_host",
					   .places = G,
					   .rule = WITHIN(NUMBER, 1, 10000),
					   .builtin = "8" },
	[SET_MAX_IDLE] = { .name = "max_idle",
			   .places = G,
			   .rule = WITHIN(NUMBER, 0, 100000),
			   .builtin = "2000" },
	[SET_SPOOL_LIMIT] = { .name = "spool_limit",
			      .places = G,
			      .rule = WITHIN(SIZE, 1, ANY_SIZE),
			      .builtin = "1G" },
	[SET_HISTORY_KEEP] = { .name = "history_keep",
			       .places = G,
			       .rule = WITHIN(DURATION, 0, CENTURY),
			       .builtin = "90d" },
	[SET_LOG_LEVEL] = { .name = "log_level",
			    .places = G,
			    .rule = CHOICE("error warning notice info debug"),
			    .builtin = "info" },
	[SET_LOG_FORMAT] = { .name = "log_format",
			     .places = G,
			     .rule = CHOICE("text json"),
			     .builtin = "text" },
	[SET_METRICS_FILE] = { .name = "metrics_file",
			       .places = G,
			       .rule = KIND(PATH) },
	[SET_STATUS_PAGE] = { .name = "status_page",
			      .places = G,
			      .rule = KIND(ANYTHING),
			      .later = "the status page" },
	[SET_PROVIDER] = { .name = "provider",
			   .places = A | SETTING_IN(SECTION_DEFAULTS),
			   .rule = KIND(NAME) },
	[SET_SERVER] = { .name = "server",
			 .places = S | O,
			 .rule = KIND(SERVER) },
	[SET_PROTOCOL] = { .name = "protocol",
			   .places = S,
			   .rule = CHOICE("imap pop3") },
	[SET_TLS] = { .name = "tls",
		      .places = S | O,
		      .rule = CHOICE("required none"),
		      .builtin = "required" },
	[SET_TLS_CA] = { .name = "tls_ca",
			 .places = S | O,
			 .rule = KIND(PATH) },
	[SET_TLS_FINGERPRINT] = { .name = "tls_fingerprint",
				  .places = S | O,
				  .rule = KIND(FINGERPRINTS) },
	[SET_TLS_MIN] = { .name = "tls_min",
			  .places = S | O,
			  .rule = CHOICE("1.0 1.1 1.2 1.3"),
			  .builtin = "1.2" },
	[SET_CLIENT_CERT] = { .name = "client_cert",
			      .places = S | O,
			      .rule = KIND(PATH) },
	[SET_CLIENT_KEY] = { .name = "client_key",
			     .places = S | O,
			     .rule = KIND(PATH) },
	[SET_SOURCE_ADDRESS] = { .name = "source_address",
				 .places = S | O,
				 .rule = KIND(IP) },
	[SET_PROXY] = { .name = "proxy", .places = S | O, .rule = KIND(PROXY) },
	[SET_USER] = { .name = "user", .places = A | O, .rule = KIND(STRING) },
	[SET_PASSWORD] = { .name = "password",
			   .places = A | O,
			   .rule = KIND(SECRET) },
	[SET_PASSWORD_COMMAND] = { .name = "password_command",
				   .places = A | O,
				   .rule = KIND(ARGUMENTS) },
	[SET_CREDENTIAL] = { .name = "credential",
			     .places = A | O,
			     .rule = KIND(CREDENTIAL) },
	[SET_AUTH] = { .name = "auth",
		       .places = S | O,
		       .rule = KIND(AUTH),
		       .builtin = "auto" },
	[SET_ENABLED] = { .name = "enabled",
			  .places = A,
			  .rule = KIND(BOOL),
			  .builtin = "yes" },
	[SET_DELIVERY] = { .name = "delivery",
			   .places = S | F,
			   .rule = KIND(NAME) },
	[SET_TO] = { .name = "to",
		     .places = S | F | O,
		     .rule = KIND(ADDRESSES) },
	[SET_FOLDERS] = { .name = "folders",
			  .places = S,
			  .rule = KIND(FOLDERS),
			  .builtin = "INBOX",
			  .only_imap = true },
	[SET_POLL_EVERY] = { .name = "poll_every",
			     .places = S,
			     .rule = WITHIN(DURATION, 0, CENTURY),
			     .builtin = "5m" },
	[SET_IDLE] = { .name = "idle",
		       .places = S,
		       .rule = WITHIN(IDLE, 60000, DAY),
		       .builtin = "yes",
		       .only_imap = true },
	[SET_IDLE_FOLDERS] = { .name = "idle_folders",
			       .places = S,
			       .rule = WITHIN(NUMBER, 1, 100),
			       .builtin = "4",
			       .only_imap = true },
	[SET_COMPRESS] = { .name = "compress",
			   .places = S,
			   .rule = KIND(BOOL),
			   .builtin = "no",
			   .only_imap = true },
	[SET_FIRST_RUN] = { .name = "first_run",
			    .places = S | F,
			    .rule = WITHIN(FIRST_RUN, 0, CENTURY),
			    .builtin = "ask" },
	[SET_KEEP] = { .name = "keep",
		       .places = S | F,
		       .rule = WITHIN(KEEP, 0, CENTURY),
		       .builtin = "yes" },
	[SET_MARK_SEEN] = { .name = "mark_seen",
			    .places = S | F,
			    .rule = KIND(BOOL),
			    .builtin = "no",
			    .only_imap = true },
	[SET_MOVE_TO] = { .name = "move_to",
			  .places = S | F,
			  .rule = KIND(FOLDER),
			  .only_imap = true },
	[SET_MAX_SIZE] = { .name = "max_size",
			   .places = S | F,
			   .rule = WITHIN(SIZE, 0, ANY_SIZE) },
	[SET_UNSEEN_ONLY] = { .name = "unseen_only",
			      .places = S,
			      .rule = KIND(BOOL),
			      .builtin = "no",
			      .only_imap = true },
	[SET_DUPLICATES] = { .name = "duplicates",
			     .places = S,
			     .rule = CHOICE("deliver once"),
			     .builtin = "deliver" },
	[SET_ON_DOUBT] = { .name = "on_doubt",
			   .places = S,
			   .rule = CHOICE("resend hold"),
			   .builtin = "resend" },
	[SET_RECEIVED_BY] = { .name = "received_by",
			      .places = S,
			      .rule = KIND(HOSTS) },
	[SET_RECEIVED_FROM] = { .name = "received_from",
				.places = S,
				.rule = KIND(BOOL),
				.builtin = "yes" },
	[SET_SENDER] = { .name = "sender",
			 .places = O,
			 .rule = KIND(SENDER),
			 .builtin = "original" },
	[SET_SRS_SECRET] = { .name = "srs_secret",
			     .places = O,
			     .rule = KIND(CREDENTIAL) },
	[SET_CONNECTIONS] = { .name = "connections",
			      .places = O,
			      .rule = WITHIN(NUMBER, 1, 1000) },
	[SET_DROP_HEADERS] = { .name = "drop_headers",
			       .places = O,
			       .rule = KIND(FIELDS) },
	[SET_DSN] = { .name = "dsn",
		      .places = O,
		      .rule = CHOICE("default never"),
		      .builtin = "default" },
	[SET_RATE] = { .name = "rate", .places = O, .rule = KIND(RATE) },
	[SET_XCLIENT] = { .name = "xclient",
			  .places = O,
			  .rule = KIND(BOOL),
			  .builtin = "no" },
	[SET_RETRY] = { .name = "retry",
			.places = O,
			.rule = WITHIN(RANGE, 1000, 30 * DAY),
			.builtin = "5m..1h" },
	[SET_GIVE_UP] = { .name = "give_up",
			  .places = O,
			  .rule = WITHIN(DURATION, 0, CENTURY),
			  .builtin = "5d" },
	[SET_REFUSED_TO] = { .name = "refused_to",
			     .places = O,
			     .rule = KIND(NAME) },
	[SET_ENVELOPE] = { .name = "envelope",
			   .places = M,
			   .rule = KIND(ENVELOPE) },
	[SET_DOMAINS] = { .name = "domains", .places = M, .rule = KIND(HOSTS) },
	[SET_STRIP] = { .name = "strip", .places = M, .rule = KIND(STRING) },
	[SET_MAP] = { .name = "map", .places = M, .rule = KIND(MAP) },
	[SET_FALLBACK] = { .name = "fallback",
			   .places = M,
			   .rule = KIND(ADDRESS) },
};

const struct section_rule section_table[SECTION_KINDS] = {
	[SECTION_GENERAL] = { "", false, 0, NULL },
	[SECTION_DEFAULTS] = { "defaults", false, G, NULL },
	[SECTION_PROVIDER] = { "provider", true, G, NULL },
	[SECTION_ACCOUNT] = { "account", true, G, NULL },
	[SECTION_FOLDER] = { "folder", true, A, NULL },
	[SECTION_MULTIDROP] = { "multidrop", false, A, NULL },
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
