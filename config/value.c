#include "value.h"
#include "form.h"
#include "ip.h"
#include "limits.h"
#include "must.h"
#include "pattern.h"
#include "proxyurl.h"
#include "ratespec.h"
#include "serverurl.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_OCTETS  64u
#define SHOWN_OCTETS 2000u
#define LIST_ITEMS   1000u

struct reading {
	const struct value_rule *rule;
	const struct words *words;
	struct view first;
	struct value *out;
	char *why;
	size_t cap;
};

void config_list_add(struct config_list *l, struct view item)
{
	l->item = mem_grow(l->item, (l->n + 1) * sizeof(*l->item));
	l->item[l->n++] = value_string(item);
}

void config_list_copy(struct config_list *to, const struct config_list *from)
{
	*to = (struct config_list){ 0 };
	for (size_t i = 0; i < from->n; i++)
		config_list_add(to, view_of(from->item[i]));
}

void config_list_fini(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		secret_wipe(l->item[i], strlen(l->item[i]));
		free(l->item[i]);
	}
	free(l->item);
	*l = (struct config_list){ 0 };
}

char *value_string(struct view v)
{
	char *s = mem_new(v.n + 1);

	if (v.n)
		memcpy(s, v.p, v.n);
	return s;
}

void value_fini(struct value *v)
{
	config_list_fini(&v->list);
	free(v->text);
	*v = (struct value){ 0 };
}

static bool wrong(struct reading *r, const char *why)
{
	(void)snprintf(r->why, r->cap, "%s", why);
	return false;
}

/* Quotes the word that is wrong. Not for secrets. */
static bool wrong_word(struct reading *r, struct view word, const char *why)
{
	(void)snprintf(r->why, r->cap, "\"%.*s%s\" %s",
		       (int)(word.n < 100 ? word.n : 100), word.p,
		       word.n < 100 ? "" : "...", why);
	return false;
}

bool value_is_name(struct view v)
{
	if (!v.n || v.n > NAME_OCTETS)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');

		if (!plain && (i == 0 || !c || !strchr("._@+-", c)))
			return false;
	}
	return true;
}

/* Digits and one of the units; a bare 0, or bare octets where unit is ' '. */
static bool with_unit(struct view v, const char *units, const uint64_t *factor,
		      uint64_t *out)
{
	const char *unit;
	uint64_t number;

	if (!v.n)
		return false;
	unit = v.p[v.n - 1] ? strchr(units, v.p[v.n - 1]) : NULL;
	if (!view_number(view_head(v, v.n - (unit ? 1 : 0)), UINT64_MAX,
			 &number))
		return false;
	if (!unit)
		unit = strchr(units, ' ');
	if (!unit) {
		*out = 0;
		return number == 0;
	}
	if (number > UINT64_MAX / factor[unit - units])
		return false;
	*out = number * factor[unit - units];
	return true;
}

bool value_duration(struct view v, uint64_t *ms)
{
	static const uint64_t factor[] = { 1000, 60000, 3600000, 86400000,
					   604800000 };

	return with_unit(v, "smhdw", factor, ms);
}

bool value_size(struct view v, uint64_t *octets)
{
	static const uint64_t factor[] = { 1, 1u << 10, 1u << 20, 1u << 30 };

	return with_unit(v, " KMG", factor, octets);
}

bool value_is_list(enum value_kind kind)
{
	switch (kind) {
	case VALUE_SERVER: /* a provider has one for each protocol */
	case VALUE_ADDRESSES:
	case VALUE_ENVELOPE:
	case VALUE_HOSTS:
	case VALUE_MAP:
	case VALUE_FOLDERS:
	case VALUE_FIELDS:
	case VALUE_ARGUMENTS:
	case VALUE_FINGERPRINTS:
	case VALUE_ANYTHING:
		return true;
	case VALUE_ADDRESS:
	case VALUE_STRING:
	case VALUE_NAME:
	case VALUE_FOLDER:
	case VALUE_SECRET:
	case VALUE_BOOL:
	case VALUE_NUMBER:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_RANGE:
	case VALUE_RATE:
	case VALUE_CHOICE:
	case VALUE_AUTH:
	case VALUE_KEEP:
	case VALUE_FIRST_RUN:
	case VALUE_IDLE:
	case VALUE_SENDER:
	case VALUE_PATH:
	case VALUE_CREDENTIAL:
	case VALUE_IP:
	case VALUE_PROXY:
	case VALUE_HOST:
		return false;
	}
	return false;
}

/* What may stand without quotes: INTERFACE 2, and a setting's own words. */
static bool goes_unquoted(enum value_kind kind)
{
	return kind == VALUE_BOOL || kind == VALUE_NUMBER ||
	       kind == VALUE_DURATION || kind == VALUE_SIZE ||
	       kind == VALUE_RANGE || kind == VALUE_RATE ||
	       kind == VALUE_CHOICE || kind == VALUE_AUTH ||
	       kind == VALUE_KEEP || kind == VALUE_FIRST_RUN ||
	       kind == VALUE_IDLE || kind == VALUE_ANYTHING;
}

/* `sender = original` */
static bool is_own_word(enum value_kind kind, struct view v)
{
	return kind == VALUE_SENDER && view_eq(v, VIEW_LIT("original"));
}

static bool read_bool(struct view v, unsigned *out)
{
	if (!view_eq(v, VIEW_LIT("yes")) && !view_eq(v, VIEW_LIT("no")))
		return false;
	*out = v.n == 3;
	return true;
}

static bool read_number(struct reading *r, const char *what,
			bool (*read)(struct view, uint64_t *))
{
	uint64_t *n = &r->out->number;

	if (!read(r->first, n))
		return wrong_word(r, r->first, what);
	if (*n < r->rule->min)
		return wrong_word(r, r->first, "is too little");
	if (*n > r->rule->max)
		return wrong_word(r, r->first, "is too much");
	return true;
}

static bool plain_number(struct view v, uint64_t *n)
{
	return view_number(v, UINT64_MAX, n);
}

#define NO_DURATION "is no duration, such as 90s, 5m, 2h or 14d"

static bool read_range(struct reading *r)
{
	struct view v = r->first;
	size_t n = 0;

	while (n + 1 < v.n && !(v.p[n] == '.' && v.p[n + 1] == '.'))
		n++;
	if (n + 1 >= v.n || !value_duration(view_head(v, n), &r->out->number) ||
	    !value_duration(view_skip(v, n + 2), &r->out->number2))
		return wrong_word(r, v, "is no range, such as 5m..1h");
	if (r->out->number < r->rule->min || r->out->number2 > r->rule->max)
		return wrong_word(r, v, "goes too far");
	if (r->out->number > r->out->number2)
		return wrong_word(r, v, "begins above its end");
	return true;
}

static bool read_choice(struct reading *r)
{
	struct view rest = view_of(r->rule->words), word;

	for (unsigned i = 0; rest.n; i++) {
		word = view_word(&rest);
		if (view_eq(word, r->first)) {
			r->out->choice = i;
			return true;
		}
	}
	(void)snprintf(r->why, r->cap, "\"%.*s\" is none of: %s",
		       (int)(r->first.n < 100 ? r->first.n : 100), r->first.p,
		       r->rule->words);
	return false;
}

static bool read_auth(struct reading *r)
{
	static const char weak[] = "ntlm digest-md5 ";
	struct view rest = view_of(weak);
	enum mech mech = mech_of(r->first);

	if (mech != MECH_NONE || view_ieq(r->first, VIEW_LIT("auto"))) {
		r->out->choice = mech;
		return true;
	}
	while (rest.n)
		if (view_ieq(view_word(&rest), r->first))
			return wrong_word(r, r->first,
					  "is never used: it can be broken by "
					  "whoever listens");
	return wrong_word(r, r->first,
			  "is none of: auto plain login scram-sha-1 "
			  "scram-sha-256 scram-sha-1-plus scram-sha-256-plus "
			  "cram-md5 apop external gssapi xoauth2 oauthbearer");
}

static bool read_keep(struct reading *r)
{
	unsigned yes;

	if (read_bool(r->first, &yes)) {
		r->out->choice = yes ? CONFIG_KEEP_YES : CONFIG_KEEP_NO;
		return true;
	}
	r->out->choice = CONFIG_KEEP_AFTER;
	return read_number(r, "is neither yes, no nor a duration such as 14d",
			   value_duration);
}

static bool read_first_run(struct reading *r)
{
	static const struct {
		struct view word;
		enum config_first_run run;
	} known[] = { { VIEW_LIT("ask"), CONFIG_FIRST_ASK },
		      { VIEW_LIT("all"), CONFIG_FIRST_ALL },
		      { VIEW_LIT("new"), CONFIG_FIRST_NEW } };

	for (size_t i = 0; i < 3; i++)
		if (view_eq(r->first, known[i].word)) {
			r->out->choice = known[i].run;
			return true;
		}
	r->out->choice = CONFIG_FIRST_AGE;
	return read_number(r, "is neither ask, all, new nor an age such as 30d",
			   value_duration);
}

static bool read_idle(struct reading *r)
{
	if (read_bool(r->first, &r->out->choice))
		return true;
	r->out->choice = 1;
	return read_number(r, "is neither yes, no nor a duration such as 20m",
			   value_duration);
}

static bool read_sender(struct reading *r)
{
	if (view_eq(r->first, VIEW_LIT("original"))) {
		r->out->choice = CONFIG_SENDER_ORIGINAL;
		return true;
	}
	if (view_istarts(r->first, VIEW_LIT("srs:"))) {
		r->out->choice = CONFIG_SENDER_SRS;
		return form_is_host(view_skip(r->first, 4)) ||
		       wrong_word(r, r->first,
				  "needs a domain: srs:example.org");
	}
	r->out->choice = CONFIG_SENDER_FIXED;
	if (form_is_mail(r->first) || view_eq(r->first, VIEW_LIT("<>")))
		return true;
	return wrong_word(r, r->first,
			  "is neither original, srs:DOMAIN nor a mail address");
}

static bool read_server(struct reading *r)
{
	struct config_server s;
	char why[400];

	for (size_t i = 0; i < r->words->n; i++) {
		struct view url = r->words->item[i].text;

		/* before an @ a password may stand: not shown */
		if (view_find(url, '@') < url.n)
			return wrong(r, "write the user as `user`, not before "
					"an @ in the server");
		if (!serverurl_read(url, &s, why, sizeof(why))) {
			(void)snprintf(r->why, r->cap, "\"%.*s\": %s",
				       (int)(url.n < 200 ? url.n : 200), url.p,
				       why);
			return false;
		}
		serverurl_fini(&s);
	}
	return true;
}

static bool read_addresses(struct reading *r)
{
	const char *why;

	if (!r->words->n)
		return wrong(r, "at least one address is wanted");
	if (r->words->n > LIMIT_RECIPIENTS)
		return wrong(r, "too many addresses");
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_template(r->words->item[i].text, &why))
			return wrong_word(r, r->words->item[i].text, why);
	return true;
}

static bool read_address(struct reading *r)
{
	const char *why;

	return form_is_template(r->first, &why) || wrong_word(r, r->first, why);
}

/* To and Cc say whom the author wrote to, not for whom a copy came. */
static bool read_envelope(struct reading *r)
{
	static const struct view guesses[] = { VIEW_LIT("To"), VIEW_LIT("Cc"),
					       VIEW_LIT("Bcc"),
					       VIEW_LIT("From") };

	if (!r->words->n)
		return wrong(r, "at least one header field is wanted");
	for (size_t i = 0; i < r->words->n; i++) {
		struct view v = r->words->item[i].text;

		if (!form_is_field(v))
			return wrong_word(r, v, "is no header field name");
		for (size_t k = 0; k < 4; k++)
			if (view_ieq(v, guesses[k]))
				return wrong_word(
					r, v,
					"is what the author wrote: it does not "
					"say for whom a message came");
	}
	return true;
}

static bool read_hosts(struct reading *r)
{
	if (!r->words->n)
		return wrong(r, "at least one domain is wanted");
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_host(r->words->item[i].text))
			return wrong_word(r, r->words->item[i].text,
					  "is no domain (an IDN is written as "
					  "xn--...)");
	return true;
}

void value_mapping(struct view v, struct view *name, struct view *to)
{
	size_t n = view_find(v, '=');

	*name = view_trim(view_head(v, n));
	*to = view_trim(view_skip(v, n + 1));
}

static bool read_map(struct reading *r)
{
	struct view name, to;
	const char *why;

	for (size_t i = 0; i < r->words->n; i++) {
		struct view v = r->words->item[i].text;

		value_mapping(v, &name, &to);
		if (view_find(v, '=') == v.n ||
		    (!form_is_mail(name) && !form_is_local(name)))
			return wrong_word(r, v,
					  "is not of the form name=address");
		if (!form_is_template(to, &why))
			return wrong_word(r, to, why);
	}
	return true;
}

static bool read_folders(struct reading *r)
{
	const char *why;

	if (!r->words->n)
		return wrong(r, "at least one folder is wanted");
	for (size_t i = 0; i < r->words->n; i++) {
		struct view v = r->words->item[i].text;

		if (!pattern_is_valid(v, &why))
			return wrong_word(r, v, why);
	}
	return true;
}

/* A name, not a pattern: a * or % in it would be one to LIST as well. */
static bool read_folder(struct reading *r)
{
	if (!form_is_text(r->first))
		return wrong_word(r, r->first, "is no folder name in UTF-8");
	if (view_find(r->first, '*') < r->first.n ||
	    view_find(r->first, '%') < r->first.n)
		return wrong_word(r, r->first,
				  "is a pattern; one folder is wanted");
	return true;
}

static bool read_fields(struct reading *r)
{
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_field(r->words->item[i].text))
			return wrong_word(r, r->words->item[i].text,
					  "is no header field name");
	return true;
}

/* Absolute; ~/ is the home folder, anything else starts from the file's. */
static bool set_path(struct reading *r)
{
	const char *home = getenv("HOME");
	struct view v = r->first;
	struct text t;

	text_init(&t, 8192);
	if (view_starts(v, VIEW_LIT("~/"))) {
		if (!home || home[0] != '/')
			return wrong(r, "there is no home folder for ~");
		text_fmt(&t, "%s%.*s", home, (int)v.n - 1, v.p + 1);
	} else if (v.p[0] == '/') {
		text_put(&t, v);
	} else {
		text_fmt(&t, "%s/%.*s", r->words->dir ? r->words->dir : "",
			 VIEW_ARG(v));
	}
	if (!t.n || t.n >= 4096) {
		text_fini(&t);
		return wrong(r, "the path is too long");
	}
	config_list_fini(&r->out->list);
	config_list_add(&r->out->list, text_view(&t));
	text_fini(&t);
	return true;
}

static bool read_credential(struct reading *r)
{
	if (r->first.p[0] == '/' || value_is_name(r->first))
		return true;
	return wrong_word(r, r->first,
			  "is neither a name (letters, digits and ._@+-) nor "
			  "a path from the root");
}

/* One text is cut at its spaces; what a shell would be needed for is refused.
 */
static bool read_arguments(struct reading *r)
{
	struct view rest = r->first;

	if (!r->words->n)
		return wrong(r, "a program is wanted");
	if (r->words->is_list)
		return true;
	for (size_t i = 0; i < rest.n; i++)
		if (strchr("'\"\\$`;&|<>()*?[]~#", rest.p[i]))
			return wrong(r, "no shell reads it: write a list, such "
					"as {\"pass\", \"mail/gmx\"} (or "
					"{\"sh\", \"-c\", \"...\"})");
	config_list_fini(&r->out->list);
	while (rest.n) {
		struct view word = view_word(&rest);

		if (word.n)
			config_list_add(&r->out->list, word);
	}
	return r->out->list.n || wrong(r, "a program is wanted");
}

/* "sha256:AB:CD..." to "sha256:abcd..." */
static bool add_fingerprint(struct reading *r, struct view v)
{
	size_t n = view_find(v, ':'), digits = 0;
	char out[80];

	if (n == v.n || (!view_ieq(view_head(v, n), VIEW_LIT("sha256")) &&
			 !view_ieq(view_head(v, n), VIEW_LIT("spki"))))
		return false;
	memcpy(out, n == 4 ? "spki:" : "sha256:", n + 1);
	n++;
	for (size_t i = n; i < v.n; i++) {
		char c = v.p[i];

		if (c == ':')
			continue;
		if (!c || !strchr("0123456789abcdefABCDEF", c) || ++digits > 64)
			return false;
		out[n++] = (char)(c >= 'A' && c <= 'F' ? c + 32 : c);
	}
	config_list_add(&r->out->list, (struct view){ out, n });
	return digits == 64;
}

static bool read_fingerprints(struct reading *r)
{
	config_list_fini(&r->out->list);
	if (!r->words->n)
		return wrong(r, "at least one fingerprint is wanted");
	for (size_t i = 0; i < r->words->n; i++)
		if (!add_fingerprint(r, r->words->item[i].text))
			return wrong_word(r, r->words->item[i].text,
					  "is no fingerprint: sha256: (of the "
					  "certificate) or spki: (of its key) "
					  "and 64 hexadecimal digits");
	return true;
}

/* Not quoted: a password may stand in it. */
static bool read_proxy(struct reading *r)
{
	struct config_proxy p;

	if (!proxyurl_read(r->first, &p, r->why, r->cap))
		return false;
	r->out->text = proxyurl_show(&p);
	proxyurl_fini(&p);
	return true;
}

static bool read_kind(struct reading *r)
{
	switch (r->rule->kind) {
	case VALUE_STRING:
		return form_is_text(r->first) ||
		       wrong(r, "holds a control character or is no UTF-8");
	case VALUE_NAME:
		return value_is_name(r->first) ||
		       wrong_word(r, r->first, "is no name of a section");
	case VALUE_SECRET:
	case VALUE_ANYTHING:
		return true;
	case VALUE_BOOL:
		return read_bool(r->first, &r->out->choice) ||
		       wrong_word(r, r->first, "is neither yes nor no");
	case VALUE_NUMBER:
		return read_number(r, "is no number", plain_number);
	case VALUE_DURATION:
		return read_number(r, NO_DURATION, value_duration);
	case VALUE_SIZE:
		return read_number(r, "is no size, such as 512K, 25M or 2G",
				   value_size);
	case VALUE_RANGE:
		return read_range(r);
	case VALUE_RATE:
		return ratespec_read(r->first, &r->out->number,
				     &r->out->number2) ||
		       wrong_word(r, r->first,
				  "is no rate, such as 30/m (s, m, h or d; "
				  "100000 at most)");
	case VALUE_CHOICE:
		return read_choice(r);
	case VALUE_AUTH:
		return read_auth(r);
	case VALUE_KEEP:
		return read_keep(r);
	case VALUE_FIRST_RUN:
		return read_first_run(r);
	case VALUE_IDLE:
		return read_idle(r);
	case VALUE_SENDER:
		return read_sender(r);
	case VALUE_SERVER:
		return read_server(r);
	case VALUE_ADDRESSES:
		return read_addresses(r);
	case VALUE_ADDRESS:
		return read_address(r);
	case VALUE_ENVELOPE:
		return read_envelope(r);
	case VALUE_HOSTS:
		return read_hosts(r);
	case VALUE_MAP:
		return read_map(r);
	case VALUE_FOLDERS:
		return read_folders(r);
	case VALUE_FOLDER:
		return read_folder(r);
	case VALUE_FIELDS:
		return read_fields(r);
	case VALUE_PATH:
		return set_path(r);
	case VALUE_CREDENTIAL:
		return read_credential(r);
	case VALUE_ARGUMENTS:
		return read_arguments(r);
	case VALUE_FINGERPRINTS:
		return read_fingerprints(r);
	case VALUE_IP:
		return ip_is_v4(r->first) || form_is_ipv6(r->first) ||
		       wrong_word(r, r->first, "is no IP address");
	case VALUE_PROXY:
		return read_proxy(r);
	case VALUE_HOST:
		return form_is_host(r->first) ||
		       wrong_word(r, r->first, "is no host name");
	}
	return true;
}

static void show_item(struct text *t, struct view v, bool quoted)
{
	char q = view_find(v, '"') < v.n || view_find(v, '\\') < v.n ? '\''
								     : '"';

	if (quoted)
		(void)text_fmt(t, "%c%.*s%c", q, VIEW_ARG(v), q);
	else
		(void)text_put(t, v);
}

/* How the value could be written, for `check --effective`. */
static char *show(const struct reading *r)
{
	const struct config_list *l = &r->out->list;
	bool quoted = !goes_unquoted(r->rule->kind);
	struct text t;

	if (r->rule->kind == VALUE_SECRET)
		return mem_str("(set)");
	text_init(&t, SHOWN_OCTETS);
	if (l->n == 1 && !r->words->is_list) {
		show_item(&t, view_of(l->item[0]), quoted);
		return text_take(&t);
	}
	(void)text_puts(&t, "{");
	for (size_t i = 0; i < l->n; i++) {
		(void)text_puts(&t, i ? ", " : "");
		show_item(&t, view_of(l->item[i]), quoted);
	}
	(void)text_puts(&t, "}");
	return text_take(&t);
}

/* What holds for every word, whatever it is for. */
static bool words_are_sound(struct reading *r)
{
	const struct words *w = r->words;

	if (!value_is_list(r->rule->kind) && (w->is_list || w->n != 1))
		return wrong(r, "one value is wanted, not a list");
	if (w->n > LIST_ITEMS)
		return wrong(r, "the list is too long");
	for (size_t i = 0; i < w->n; i++) {
		struct view v = w->item[i].text;

		if (!w->item[i].quoted && !goes_unquoted(r->rule->kind) &&
		    !is_own_word(r->rule->kind, v))
			return wrong(r, "it must stand in quotes: 'like this' "
					"or \"like this\"");
		if (!v.n)
			return wrong(r, "it is empty");
		if (view_breaks_line(v))
			return wrong(r, "it holds a line break or a NUL");
	}
	return true;
}

bool value_read(const struct value_rule *rule, const struct words *words,
		struct value *out, char *why, size_t cap)
{
	struct reading r = { .rule = rule,
			     .words = words,
			     .first =
				     words->n ? words->item[0].text : VIEW_NONE,
			     .out = out,
			     .why = why,
			     .cap = cap };

	*out = (struct value){ 0 };
	if (!words_are_sound(&r))
		return false;
	for (size_t i = 0; i < words->n; i++)
		config_list_add(&out->list, words->item[i].text);
	if (!read_kind(&r)) {
		value_fini(out);
		return false;
	}
	if (!out->text)
		out->text = show(&r);
	return true;
}
