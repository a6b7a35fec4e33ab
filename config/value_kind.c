#include "value_kind.h"
#include "form.h"
#include "ip.h"
#include "limits.h"
#include "must.h"
#include "pattern.h"
#include "proxyurl.h"
#include "ratespec.h"
#include "serverurl.h"

#include <stdio.h>
#include <stdlib.h>

static bool read_bool(struct view v, unsigned *out)
{
	if (!view_eq(v, VIEW_LIT("yes")) && !view_eq(v, VIEW_LIT("no")))
		return false;
	*out = v.n == 3;
	return true;
}

/* How a kind of numbers is read, and written: by the first unit that fits. */
struct measure {
	bool (*read)(struct view, uint64_t *);
	struct {
		uint64_t of;
		const char *name;
	} unit[4]; /* the last fits always */
};

static bool plain_number(struct view v, uint64_t *n)
{
	return view_number(v, UINT64_MAX, n);
}

static const struct measure count = { plain_number, { { 1, "" } } };
static const struct measure duration = {
	value_duration,
	{ { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" } }
};
static const struct measure size = {
	value_size,
	{ { 1u << 30, "G" }, { 1u << 20, "M" }, { 1u << 10, "K" }, { 1, "" } }
};

static bool beyond(struct reading *r, const struct measure *m, const char *what,
		   uint64_t bound)
{
	char why[64];
	size_t i = 0;

	while (i < 3 && m->unit[i].of > 1 && (!bound || bound % m->unit[i].of))
		i++;
	(void)snprintf(why, sizeof(why), "%s %llu%s", what,
		       (unsigned long long)(bound / m->unit[i].of),
		       m->unit[i].name);
	return value_wrong_word(r, r->first, why);
}

static bool read_number(struct reading *r, const char *what,
			const struct measure *m)
{
	const struct value_rule *rule = r->rule;
	uint64_t *n = &r->out->number;

	if (!m->read(r->first, n))
		return value_wrong_word(r, r->first, what);
	if (*n < rule->min)
		return beyond(r, m, "is too little: at least", rule->min);
	if (*n > rule->max)
		return beyond(r, m, "is too much: at most", rule->max);
	return true;
}

static bool read_range(struct reading *r)
{
	struct view v = r->first;
	size_t n = 0;

	while (n + 1 < v.n && !(v.p[n] == '.' && v.p[n + 1] == '.'))
		n++;
	if (n + 1 >= v.n || !value_duration(view_head(v, n), &r->out->number) ||
	    !value_duration(view_skip(v, n + 2), &r->out->number2))
		return value_wrong_word(r, v, "is no range, such as 5m..1h");
	if (r->out->number < r->rule->min || r->out->number2 > r->rule->max)
		return value_wrong_word(r, v, "goes too far");
	if (r->out->number > r->out->number2)
		return value_wrong_word(r, v, "begins above its end");
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
			return value_wrong_word(
				r, r->first,
				"is never used: it can be broken by "
				"whoever listens");
	return value_wrong_word(
		r, r->first,
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
			   &duration);
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
			   &duration);
}

static bool read_idle(struct reading *r)
{
	if (read_bool(r->first, &r->out->choice))
		return true;
	r->out->choice = 1;
	return read_number(r, "is neither yes, no nor a duration such as 20m",
			   &duration);
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
		       value_wrong_word(r, r->first,
					"needs a domain: srs:example.org");
	}
	r->out->choice = CONFIG_SENDER_FIXED;
	if (form_is_mail(r->first) || view_eq(r->first, VIEW_LIT("<>")))
		return true;
	return value_wrong_word(
		r, r->first,
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
			return value_wrong(
				r, "write the user as `user`, not before "
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
		return value_wrong(r, "at least one address is wanted");
	if (r->words->n > LIMIT_RECIPIENTS)
		return value_wrong(r, "too many addresses");
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_template(r->words->item[i].text, &why))
			return value_wrong_word(r, r->words->item[i].text, why);
	return true;
}

static bool read_address(struct reading *r)
{
	const char *why;

	return form_is_template(r->first, &why) ||
	       value_wrong_word(r, r->first, why);
}

/* To and Cc say whom the author wrote to, not for whom a copy came. */
static bool read_envelope(struct reading *r)
{
	static const struct view guesses[] = { VIEW_LIT("To"), VIEW_LIT("Cc"),
					       VIEW_LIT("Bcc"),
					       VIEW_LIT("From") };

	if (!r->words->n)
		return value_wrong(r, "at least one header field is wanted");
	for (size_t i = 0; i < r->words->n; i++) {
		struct view v = r->words->item[i].text;

		if (!form_is_field(v))
			return value_wrong_word(r, v,
						"is no header field name");
		for (size_t k = 0; k < 4; k++)
			if (view_ieq(v, guesses[k]))
				return value_wrong_word(
					r, v,
					"is what the author wrote: it does not "
					"say for whom a message came");
	}
	return true;
}

static bool read_hosts(struct reading *r)
{
	if (!r->words->n)
		return value_wrong(r, "at least one domain is wanted");
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_host(r->words->item[i].text))
			return value_wrong_word(
				r, r->words->item[i].text,
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
			return value_wrong_word(
				r, v, "is not of the form name=address");
		if (!form_is_template(to, &why))
			return value_wrong_word(r, to, why);
	}
	return true;
}

static bool read_folders(struct reading *r)
{
	const char *why;

	if (!r->words->n)
		return value_wrong(r, "at least one folder is wanted");
	for (size_t i = 0; i < r->words->n; i++) {
		struct view v = r->words->item[i].text;

		if (!pattern_is_valid(v, &why))
			return value_wrong_word(r, v, why);
	}
	return true;
}

/* A name, not a pattern: a * or % in it would be one to LIST as well. */
static bool read_folder(struct reading *r)
{
	if (!form_is_text(r->first))
		return value_wrong_word(r, r->first,
					"is no folder name in UTF-8");
	if (view_find(r->first, '*') < r->first.n ||
	    view_find(r->first, '%') < r->first.n)
		return value_wrong_word(r, r->first,
					"is a pattern; one folder is wanted");
	return true;
}

static bool read_fields(struct reading *r)
{
	for (size_t i = 0; i < r->words->n; i++)
		if (!form_is_field(r->words->item[i].text))
			return value_wrong_word(r, r->words->item[i].text,
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
			return value_wrong(r, "there is no home folder for ~");
		text_fmt(&t, "%s%.*s", home, (int)v.n - 1, v.p + 1);
	} else if (v.p[0] == '/') {
		text_put(&t, v);
	} else {
		text_fmt(&t, "%s/%.*s", r->words->dir ? r->words->dir : "",
			 VIEW_ARG(v));
	}
	if (!t.n || t.n >= 4096) {
		text_fini(&t);
		return value_wrong(r, "the path is too long");
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
	return value_wrong_word(
		r, r->first,
		"is neither a name (letters, digits and ._@+-) nor "
		"a path from the root");
}

/* One text is cut at its spaces; what a shell would be needed for is refused.
 */
static bool read_arguments(struct reading *r)
{
	struct view rest = r->first;

	if (!r->words->n)
		return value_wrong(r, "a program is wanted");
	if (r->words->is_list)
		return true;
	for (size_t i = 0; i < rest.n; i++)
		if (strchr("'\"\\$`;&|<>()*?[]~#", rest.p[i]))
			return value_wrong(
				r, "no shell reads it: write a list, such "
				   "as {\"pass\", \"mail/gmx\"} (or "
				   "{\"sh\", \"-c\", \"...\"})");
	config_list_fini(&r->out->list);
	while (rest.n) {
		struct view word = view_word(&rest);

		if (word.n)
			config_list_add(&r->out->list, word);
	}
	return r->out->list.n || value_wrong(r, "a program is wanted");
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
		return value_wrong(r, "at least one fingerprint is wanted");
	for (size_t i = 0; i < r->words->n; i++)
		if (!add_fingerprint(r, r->words->item[i].text))
			return value_wrong_word(
				r, r->words->item[i].text,
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

static bool read_string(struct reading *r)
{
	return form_is_text(r->first) ||
	       value_wrong(r, "holds a control character or is no UTF-8");
}

static bool read_anything(struct reading *r)
{
	(void)r;
	return true;
}

static bool read_name(struct reading *r)
{
	return value_is_name(r->first) ||
	       value_wrong_word(r, r->first, "is no name of a section");
}

static bool read_yes_no(struct reading *r)
{
	return read_bool(r->first, &r->out->choice) ||
	       value_wrong_word(r, r->first, "is neither yes nor no");
}

static bool read_count(struct reading *r)
{
	return read_number(r, "is no number", &count);
}

static bool read_duration(struct reading *r)
{
	return read_number(r, "is no duration, such as 90s, 5m, 2h or 14d",
			   &duration);
}

static bool read_size(struct reading *r)
{
	return read_number(r, "is no size, such as 512K, 25M or 2G", &size);
}

static bool read_rate(struct reading *r)
{
	return ratespec_read(r->first, &r->out->number, &r->out->number2) ||
	       value_wrong_word(r, r->first,
				"is no rate, such as 30/m (s, m, h or d; "
				"100000 at most)");
}

static bool read_ip(struct reading *r)
{
	return ip_is_v4(r->first) || form_is_ipv6(r->first) ||
	       value_wrong_word(r, r->first, "is no IP address");
}

static bool read_host(struct reading *r)
{
	return form_is_host(r->first) ||
	       value_wrong_word(r, r->first, "is no host name");
}

typedef bool reader(struct reading *r);

static reader *const readers[] = {
	[VALUE_STRING] = read_string,
	[VALUE_NAME] = read_name,
	[VALUE_SECRET] = read_anything,
	[VALUE_BOOL] = read_yes_no,
	[VALUE_NUMBER] = read_count,
	[VALUE_DURATION] = read_duration,
	[VALUE_SIZE] = read_size,
	[VALUE_RANGE] = read_range,
	[VALUE_RATE] = read_rate,
	[VALUE_CHOICE] = read_choice,
	[VALUE_AUTH] = read_auth,
	[VALUE_KEEP] = read_keep,
	[VALUE_FIRST_RUN] = read_first_run,
	[VALUE_IDLE] = read_idle,
	[VALUE_SENDER] = read_sender,
	[VALUE_SERVER] = read_server,
	[VALUE_ADDRESSES] = read_addresses,
	[VALUE_ADDRESS] = read_address,
	[VALUE_ENVELOPE] = read_envelope,
	[VALUE_HOSTS] = read_hosts,
	[VALUE_MAP] = read_map,
	[VALUE_FOLDERS] = read_folders,
	[VALUE_FOLDER] = read_folder,
	[VALUE_FIELDS] = read_fields,
	[VALUE_PATH] = set_path,
	[VALUE_CREDENTIAL] = read_credential,
	[VALUE_ARGUMENTS] = read_arguments,
	[VALUE_FINGERPRINTS] = read_fingerprints,
	[VALUE_IP] = read_ip,
	[VALUE_PROXY] = read_proxy,
	[VALUE_HOST] = read_host,
	[VALUE_ANYTHING] = read_anything,
};

bool value_read_kind(struct reading *r)
{
	MUST(readers[r->rule->kind]);
	return readers[r->rule->kind](r);
}
