#include "check_view.h"
#include "check_multidrop.h"
#include "pattern.h"
#include "report.h"
#include "shape.h"
#include "table.h"
#include "when.h"

#include <inttypes.h>
#include <stdio.h>

static const char *name_of(const struct probe *p)
{
	return p->account ? p->account->name : p->delivery->name;
}

static const struct config_server *server_of(const struct probe *p)
{
	return p->account ? &p->account->server : &p->delivery->server;
}

/* The listing was complete; a missing decision (first_run) changes nothing. */
static bool is_known(const struct pass_account *a)
{
	return a->err.class == ERR_NONE ||
	       (a->err.class == ERR_CONFIG && a->reasons[REASON_UNDECIDED]);
}

/* ---- for people ---- */

/* What is wrong with a certificate, in the words for people and for JSON. */
static const struct {
	enum cert_fault fault;
	const char *words, *name;
} cert_faults_told[] = {
	{ CERT_SELF_SIGNED, "it is self-signed", "self_signed" },
	{ CERT_ISSUER, "its issuer is not known", "issuer" },
	{ CERT_NAME, "it is for another name", "name" },
	{ CERT_TIME, "its dates do not hold", "date" },
	{ CERT_PIN, "it is none of those in tls_fingerprint", "fingerprint" },
	{ CERT_OTHER, "it cannot be accepted", "other" },
};
#define CERT_FAULTS (sizeof(cert_faults_told) / sizeof(cert_faults_told[0]))

static void put_refused(const struct tls_info *t, struct text *out)
{
	char from[WHEN_TEXT], until[WHEN_TEXT];
	const char *before = "  certificate not trusted: ";

	for (size_t i = 0; i < CERT_FAULTS; i++) {
		if (!(t->faults & CERT_FAULT(cert_faults_told[i].fault)))
			continue;
		(void)text_fmt(out, "%s%s", before, cert_faults_told[i].words);
		before = "; ";
	}
	when_rfc3339(t->not_before_unix * 1000, from);
	when_rfc3339(t->not_after_unix * 1000, until);
	(void)text_fmt(out,
		       "\n    names   %s\n    subject %s\n    issuer  %s\n"
		       "    valid   %.10s to %.10s\n",
		       *t->names ? t->names : "none", t->subject, t->issuer,
		       from, until);
	(void)text_fmt(out,
		       "  to trust it all the same, one of these lines:\n"
		       "    tls_fingerprint = \"%s\"   # this certificate\n"
		       "    tls_fingerprint = \"%s\"     # its key, also in "
		       "the next one\n",
		       t->sha256, t->spki);
}

static void put_tls(const struct probe *p, struct text *out)
{
	const struct tls_info *t = &p->tls;
	char until[WHEN_TEXT];

	if (t->faults) {
		put_refused(t, out);
		return;
	}
	if (!p->has_tls) {
		if (server_of(p)->tls == CONFIG_TLS_NONE &&
		    !server_of(p)->is_loopback)
			(void)text_puts(out,
					"  warning: tls = \"none\": password "
					"and mail cross the network in "
					"clear\n");
		return;
	}
	when_rfc3339(t->not_after_unix * 1000, until);
	(void)text_fmt(out, "  %s, %s\n", t->version, t->cipher);
	(void)text_fmt(out,
		       "  certificate of %s, by %s, until %.10s, trusted by "
		       "%s\n",
		       t->subject, t->issuer, until,
		       t->pinned ? "fingerprint" : "its issuer and name");
	(void)text_fmt(out, "  %s\n  %s\n", t->sha256, t->spki);
}

static void put_name(const struct probe_name *n, struct text *out)
{
	enum config_use use;
	const char *word;

	(void)text_fmt(out, "\"%s\"", n->name);
	for (size_t i = 0; (word = pattern_use_name(i, &use)); i++)
		if (n->uses & use)
			(void)text_fmt(out, " special:%s", word);
	if (n->no_name)
		(void)text_puts(out, " (no name that can be written)");
	else if (n->counted && !n->fetched)
		(void)text_fmt(out, " (%" PRIu32 ")", n->messages);
}

static void put_names(const struct probe *p, struct text *out)
{
	if (p->nnames == 0)
		return;
	(void)text_puts(out, "  folders there: ");
	for (size_t i = 0; i < p->nnames; i++) {
		(void)text_puts(out, i ? ", " : "");
		put_name(&p->names[i], out);
	}
	if (p->more_names)
		(void)text_fmt(out, " and %zu more", p->more_names);
	(void)text_puts(out, "\n");
}

static void put_remarks(const struct config_account *a, struct text *out)
{
	for (size_t i = 0; i < a->remarks.n; i++)
		(void)text_fmt(out, "  note: %s\n", a->remarks.item[i]);
}

static void put_folder(const struct probe_folder *f, struct text *out)
{
	char n[TERM_NUMBER];

	/* POP3 counts when it lists: the summary tells */
	if (f->err.class != ERR_NONE || !*f->name)
		return;
	term_number(f->there.exists, n);
	(void)text_fmt(out, "  %s: %s message%s%s\n", f->name, n,
		       f->there.exists == 1 ? "" : "s",
		       f->there.read_only ? ", read-only: nothing can be "
					    "deleted there"
					  : "");
}

static void put_rcpt(const struct probe_rcpt *r, struct text *out)
{
	if (probe_rcpt_class(r) != ERR_NONE)
		return;
	if (r->is_sender)
		(void)text_fmt(out, "  sender <%s>: ", r->address);
	else
		(void)text_fmt(out, "  recipient %s: ", r->address);
	(void)text_puts(out, "accepted");
	if (r->words && *r->words)
		(void)text_fmt(out, " (%s)", r->words);
	(void)text_puts(out, "\n");
}

void check_view_text(const struct probe *p, bool colour, struct text *out)
{
	bool bad = probe_worst(p) != ERR_NONE;
	char octets[TERM_OCTETS];

	(void)text_fmt(out, "%s%s%s%s  %s%s%s\n",
		       term_colour(bad ? TERM_BAD : TERM_GOOD, colour),
		       p->account ? "" : "delivery ", name_of(p),
		       term_colour(TERM_PLAIN, colour), server_of(p)->url,
		       p->account ? "  " : "",
		       p->account ? p->account->user : "");
	if (*p->peer)
		(void)text_fmt(out, "  connected to %s\n", p->peer);
	put_tls(p, out);
	if (p->signed_in)
		(void)text_puts(out, "  signed in\n");
	if (*p->capabilities)
		(void)text_fmt(out, "  capabilities: %s\n", p->capabilities);
	if (p->max_octets) {
		term_octets(p->max_octets, octets);
		(void)text_fmt(out, "  takes messages up to %s\n", octets);
	}
	put_names(p, out);
	if (p->account)
		put_remarks(p->account, out);
	for (size_t i = 0; i < p->nfolders && p->signed_in; i++)
		if (p->account)
			put_folder(&p->folders[i], out);
	if (p->account && p->account->multidrop && p->signed_in)
		check_multidrop_text(&p->peek, out);
	if (p->delivery && p->delivery->xclient && p->dest_ready &&
	    p->xclient.class == ERR_NONE)
		(void)text_puts(out, "  XCLIENT: offered\n");
	for (size_t i = 0; i < p->nrcpts; i++)
		put_rcpt(&p->rcpts[i], out);
	if (p->asked_foreign && !probe_refuses_foreign(p) && p->foreign[1].code)
		(void)text_fmt(out,
			       "  sender = original: <%s> is let through\n",
			       p->foreign[0].address);
}

static void put_next(const struct pass_account *a, struct table *t)
{
	static const enum pass_reason left[] = {
		REASON_SIZE,   REASON_AGE,   REASON_SEEN,
		REASON_MARKED, REASON_EMPTY, REASON_UNDECIDED
	};
	char n[TERM_NUMBER], octets[TERM_OCTETS];
	struct text rest;

	text_init(&rest, 1024);
	term_number(a->reasons[REASON_NEW], n);
	term_octets(a->reason_octets[REASON_NEW], octets);
	(void)text_fmt(&rest, "%s to fetch (%s)", n, octets);
	term_number(a->reasons[REASON_DUE], n);
	(void)text_fmt(&rest, ", %s to delete", n);
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
		if (!a->reasons[left[i]])
			continue;
		term_number(a->reasons[left[i]], n);
		(void)text_fmt(&rest, ", %s %s", n, pass_reason_text(left[i]));
	}
	table_add(t, "", TERM_PLAIN);
	table_add(t, a->config->name, TERM_PLAIN);
	table_add(t, text_str(&rest), TERM_PLAIN);
	text_fini(&rest);
}

void check_view_next(const struct pass_account *a, size_t n, struct text *out)
{
	struct table t;

	table_init(&t, 3, 0);
	for (size_t i = 0; i < n; i++)
		if (is_known(&a[i]))
			put_next(&a[i], &t);
	if (t.cells)
		(void)text_puts(out, "the next fetch has\n");
	table_write(&t, 0, false, out);
	table_fini(&t);
}

static void fault(const struct probe *p, const struct err *err,
		  struct text *out)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "%s%s",
		       p->account ? "" : "delivery ", name_of(p));
	report_error(name, err, out);
	(void)text_puts(out, "\n");
}

static void rcpt_err(const struct probe_rcpt *r, struct err *err)
{
	if (r->is_sender)
		(void)err_set(err, probe_rcpt_class(r), "sender <%s> refused",
			      r->address);
	else
		(void)err_set(err, probe_rcpt_class(r), "recipient %s refused",
			      r->address);
	(void)err_peer(err, view_of(r->words));
	if (err->class == ERR_RETRY)
		(void)err_remedy(err, "it may pass: try again later");
	else if (r->is_sender)
		(void)err_remedy(err, "set `sender` to an address that this "
				      "server takes");
	else
		(void)err_remedy(err, "correct `to`, or have the destination "
				      "accept it");
}

/* INTERFACE 2: a submission lets its user send as himself alone. */
static void foreign_err(const struct probe *p, struct err *err)
{
	const struct probe_rcpt *r = &p->foreign[0];

	if (probe_rcpt_class(r) == ERR_NONE)
		r = &p->foreign[1];
	(void)err_set(err, ERR_REFUSED,
		      "sender = original: a sender such as <%s> is refused",
		      p->foreign[0].address);
	(void)err_peer(err, view_of(r->words));
	(void)err_remedy(err,
			 "set `sender` to the address that %s may send from, "
			 "or to \"srs:DOMAIN\" with a domain of yours",
			 p->delivery->user);
}

void check_view_faults(const struct probe *p, struct text *out)
{
	struct err err;

	if (p->err.class != ERR_NONE)
		fault(p, &p->err, out);
	for (size_t i = 0; i < p->nfolders; i++)
		if (p->folders[i].err.class != ERR_NONE)
			fault(p, &p->folders[i].err, out);
	if (p->err.class != ERR_NONE)
		return;
	if (p->xclient.class != ERR_NONE)
		fault(p, &p->xclient, out);
	if (p->multidrop.class != ERR_NONE)
		fault(p, &p->multidrop, out);
	if (probe_refuses_foreign(p)) {
		foreign_err(p, &err);
		fault(p, &err, out);
	}
	for (size_t i = 0; i < p->nrcpts; i++) {
		if (probe_rcpt_class(&p->rcpts[i]) == ERR_NONE)
			continue;
		/* RFC 5321 4.1.4: no recipient without a sender, whoever */
		if (i && p->rcpts[i].code == 503 &&
		    probe_rcpt_class(&p->rcpts[0]) != ERR_NONE)
			continue;
		rcpt_err(&p->rcpts[i], &err);
		fault(p, &err, out);
	}
}

/* ---- JSON ---- */

static json_t *faults_json(const struct tls_info *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < CERT_FAULTS; i++)
		if (t->faults & CERT_FAULT(cert_faults_told[i].fault))
			(void)json_array_append_new(
				list, json_string(cert_faults_told[i].name));
	return list;
}

static json_t *tls_json(const struct probe *p)
{
	const struct tls_info *t = &p->tls;

	if (!p->has_tls && !t->faults)
		return json_null();
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:o}",
		"version", shape_str(t->version), "cipher",
		shape_str(t->cipher), "subject", shape_str(t->subject),
		"issuer", shape_str(t->issuer), "names", shape_str(t->names),
		"not_before", shape_time(t->not_before_unix * 1000),
		"not_after", shape_time(t->not_after_unix * 1000), "sha256",
		t->sha256, "spki", t->spki, "pinned", t->pinned, "trusted",
		t->faults == 0, "faults", faults_json(t));
}

static json_t *folders_json(const struct probe *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nfolders; i++) {
		const struct probe_folder *f = &p->folders[i];

		(void)json_array_append_new(
			list, json_pack("{s:o, s:o, s:b, s:o}", "name",
					shape_str(f->name), "messages",
					*f->name ? shape_number(f->there.exists)
						 : json_null(),
					"read_only", f->there.read_only,
					"error", shape_err(&f->err)));
	}
	return list;
}

static json_t *texts_json(const struct config_list *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		(void)json_array_append_new(list, shape_str(texts->item[i]));
	return list;
}

static json_t *uses_json(unsigned uses)
{
	json_t *list = json_array();
	enum config_use use;
	const char *word;

	for (size_t i = 0; (word = pattern_use_name(i, &use)); i++)
		if (uses & use)
			(void)json_array_append_new(list, json_string(word));
	return list;
}

static json_t *names_json(const struct probe *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nnames; i++) {
		const struct probe_name *n = &p->names[i];

		(void)json_array_append_new(
			list, json_pack("{s:o, s:o, s:b, s:o}", "name",
					shape_str(n->name), "special",
					uses_json(n->uses), "fetched",
					n->fetched, "messages",
					n->counted ? shape_number(n->messages)
						   : json_null()));
	}
	return list;
}

static json_t *rcpts_json(const struct probe *p)
{
	json_t *list = json_array();

	for (size_t i = 1; i < p->nrcpts; i++)
		(void)json_array_append_new(
			list, json_pack("{s:o, s:i, s:o}", "address",
					shape_str(p->rcpts[i].address), "code",
					p->rcpts[i].code, "reply",
					shape_str(p->rcpts[i].words)));
	return list;
}

static json_t *next_json(const struct pass_account *a)
{
	if (!a || !is_known(a))
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "fetch",
			 shape_number(a->reasons[REASON_NEW]), "octets",
			 shape_number(a->reason_octets[REASON_NEW]), "delete",
			 shape_number(a->reasons[REASON_DUE]), "too_large",
			 shape_number(a->reasons[REASON_SIZE]), "undecided",
			 shape_number(a->reasons[REASON_UNDECIDED]));
}

json_t *check_view_json(const struct probe *p, const struct pass_account *next)
{
	json_t *o = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "name", shape_str(name_of(p)),
		"server", shape_str(server_of(p)->url), "peer",
		*p->peer ? shape_str(p->peer) : json_null(), "tls", tls_json(p),
		"capabilities", shape_str(p->capabilities), "error",
		shape_err(&p->err));

	if (p->account) {
		(void)json_object_set_new(o, "names", names_json(p));
		(void)json_object_set_new(o, "remarks",
					  texts_json(&p->account->remarks));
		(void)json_object_set_new(o, "folders", folders_json(p));
		(void)json_object_set_new(
			o, "multidrop",
			p->account->multidrop ? check_multidrop_json(&p->peek)
					      : json_null());
		(void)json_object_set_new(o, "next", next_json(next));
		return o;
	}
	(void)json_object_set_new(o, "sender",
				  json_pack("{s:o, s:i, s:o}", "address",
					    shape_str(p->rcpts[0].address),
					    "code", p->rcpts[0].code, "reply",
					    shape_str(p->rcpts[0].words)));
	(void)json_object_set_new(
		o, "foreign_sender",
		!p->asked_foreign || !p->foreign[1].code
			? json_null()
			: json_pack("{s:o, s:b, s:o}", "address",
				    shape_str(p->foreign[0].address), "refused",
				    probe_refuses_foreign(p), "reply",
				    shape_str(p->foreign[0].code / 100 == 2
						      ? p->foreign[1].words
						      : p->foreign[0].words)));
	(void)json_object_set_new(
		o, "xclient",
		!p->delivery->xclient || !p->dest_ready
			? json_null()
			: json_boolean(p->xclient.class == ERR_NONE));
	(void)json_object_set_new(o, "recipients", rcpts_json(p));
	(void)json_object_set_new(o, "max_octets",
				  p->max_octets ? shape_number(p->max_octets)
						: json_null());
	return o;
}

/* ---- --effective ---- */

static bool is_named(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return n == 0;
}

static const char *shown(const struct config_effective *e)
{
	return e->shown ? e->shown : e->value;
}

static void put_settings(const char *kind, const char *name,
			 const struct config_effectives *e, struct text *out)
{
	struct table t;

	(void)text_fmt(out, "%s%s%s%s\n", kind, *name ? " \"" : "", name,
		       *name ? "\"" : "");
	table_init(&t, 4, 0);
	for (size_t i = 0; i < e->n; i++) {
		table_add(&t, "", TERM_PLAIN);
		table_add(&t, e->item[i].name, TERM_PLAIN);
		table_add(&t, shown(&e->item[i]), TERM_PLAIN);
		table_add(&t, e->item[i].origin, TERM_PLAIN);
	}
	table_write(&t, 0, false, out);
	table_fini(&t);
}

static void put_account(const struct config_account *a, struct text *out)
{
	char kind[100];

	put_settings("account", a->name, &a->effective, out);
	(void)snprintf(kind, sizeof(kind), "account \"%.70s\": folder",
		       a->name);
	for (size_t i = 0; i < a->n_blocks; i++)
		put_settings(kind, a->blocks[i].pattern,
			     &a->blocks[i].effective, out);
}

void check_view_effective(const struct config *c, const char *const *names,
			  size_t n, struct text *out)
{
	if (n == 0) {
		put_settings("general", "", &c->effective, out);
		for (size_t i = 0; i < c->n_deliveries; i++)
			put_settings("delivery", c->deliveries[i].name,
				     &c->deliveries[i].effective, out);
	}
	for (size_t i = 0; i < c->n_accounts; i++)
		if (is_named(c->accounts[i].name, names, n))
			put_account(&c->accounts[i], out);
}

static json_t *settings_json(const struct config_effectives *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:o, s:o, s:o}", "name",
					shape_str(e->item[i].name), "value",
					shape_str(shown(&e->item[i])), "origin",
					shape_str(e->item[i].origin)));
	return list;
}

static json_t *section_json(const char *name, const struct config_effectives *e)
{
	return json_pack("{s:o, s:o}", "name", shape_str(name), "settings",
			 settings_json(e));
}

static json_t *account_json(const struct config_account *a)
{
	json_t *o = section_json(a->name, &a->effective);
	json_t *folders = json_array();

	for (size_t i = 0; i < a->n_blocks; i++)
		(void)json_array_append_new(
			folders, section_json(a->blocks[i].pattern,
					      &a->blocks[i].effective));
	(void)json_object_set_new(o, "folders", folders);
	return o;
}

json_t *check_view_effective_json(const struct config *c,
				  const char *const *names, size_t n)
{
	json_t *accounts = json_array(), *deliveries = json_array();

	for (size_t i = 0; i < c->n_deliveries; i++)
		(void)json_array_append_new(
			deliveries, section_json(c->deliveries[i].name,
						 &c->deliveries[i].effective));
	for (size_t i = 0; i < c->n_accounts; i++)
		if (is_named(c->accounts[i].name, names, n))
			(void)json_array_append_new(
				accounts, account_json(&c->accounts[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "file", shape_str(c->file),
			 "general", settings_json(&c->effective), "deliveries",
			 deliveries, "accounts", accounts);
}
