#include "probe.h"
#include "handover.h"
#include "limits.h"
#include "must.h"
#include "remedy.h"

#include <stdlib.h>

static void finish(struct probe *p, const struct err *err)
{
	bool lacks;

	if (err)
		p->err = *err;
	lacks = p->err.class == ERR_AUTH && !p->err.remedy[0];
	if (p->account && p->account->multidrop)
		advice_err(&p->peek.advice, p->account, &p->multidrop);
	if (lacks && p->account)
		remedy_signin(p->account, &p->err);
	else if (lacks)
		remedy_delivery(p->delivery, &p->err);
	if (p->err.class == ERR_PROTOCOL && !p->err.remedy[0])
		(void)remedy_protocol(&p->err);
	p->source = NULL;
	p->dest = NULL;
	secret_fini(&p->secret.secret);
	reach_done(&p->endpoint);
	p->is_over = true;
	p->done(p->who, p);
}

/* While the connection stands; the source or dest goes with it. */
static void note_stream(struct probe *p, struct stream *s)
{
	bool loopback;

	if (!s)
		return;
	(void)snprintf(p->peer, sizeof(p->peer), "%s",
		       stream_peer(s, &loopback));
	p->has_tls = stream_tls_info(s, &p->tls);
}

/* ---- a source ---- */

static void next_folder(struct probe *p)
{
	while (p->at < p->nfolders && p->folders[p->at].err.class != ERR_NONE)
		p->at++;
	if (p->at < p->nfolders)
		p->source->ops->folder(p->source, p->folders[p->at].name);
	else
		p->source->ops->quit(p->source);
}

static void take_plan(struct probe *p)
{
	free(p->folders);
	p->nfolders = p->plan.n;
	p->folders = mem_new((p->nfolders + 1) * sizeof(*p->folders));
	for (size_t i = 0; i < p->nfolders; i++) {
		p->folders[i].name = p->plan.item[i].name;
		if (p->plan.item[i].err)
			p->folders[i].err = *p->plan.item[i].err;
	}
}

static void on_ready(void *who, const struct source_ready *r)
{
	struct probe *p = who;

	p->signed_in = true;
	memcpy(p->capabilities, r->capabilities, sizeof(p->capabilities));
	note_stream(p, p->source->ops->stream(p->source));
	if (p->source->ops->look) {
		p->source->ops->look(p->source, NULL, 0);
		return;
	}
	plan_make_single(&p->plan, p->account);
	take_plan(p);
	next_folder(p);
}

static void add_name(struct probe *p, const struct source_listed *l)
{
	struct probe_name *n;
	struct text name;

	if (l->no_select)
		return;
	if (p->nnames == PROBE_NAMES) {
		p->more_names++;
		return;
	}
	text_init(&name, 4 * strlen(l->name) + 8);
	/* what is no name was made printable already */
	if (l->no_name)
		(void)text_puts(&name, l->name);
	else
		(void)text_printable(&name, view_of(l->name),
				     4 * strlen(l->name));
	p->names = mem_grow(p->names, (p->nnames + 1) * sizeof(*p->names));
	n = &p->names[p->nnames++];
	*n = (struct probe_name){
		.uses = l->uses,
		.no_name = l->no_name,
		.fetched = plan_settings(p->account, l) != NULL,
		.counted = l->counted,
		.messages = l->there.exists,
	};
	n->name = name.n ? text_take(&name) : mem_str("");
	text_fini(&name);
}

static void on_listed(void *who, const struct source_listed *l, size_t n,
		      const struct err *err)
{
	struct probe *p = who;

	if (err && !plan_single(p->account)) {
		p->err = *err;
		p->source->ops->quit(p->source);
		return;
	}
	for (size_t i = 0; i < n && !err; i++)
		add_name(p, &l[i]);
	if (err)
		plan_make_single(&p->plan, p->account);
	else
		plan_make(&p->plan, p->account, l, n);
	take_plan(p);
	next_folder(p);
}

/* Selecting tells more. */
static bool counts(void *who, const struct source_listed *l)
{
	(void)who;
	(void)l;
	return false;
}

static void on_folder(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct probe *p = who;
	struct probe_folder *at = &p->folders[p->at];

	if (err)
		at->err = *err;
	else
		at->there = *f;
	p->at++;
	if (err || !peek_folder(&p->peek, p->source, at->name, f))
		next_folder(p);
}

static void on_items(void *who, struct spool_item *items, size_t n)
{
	struct probe *p = who;

	if (!peek_items(&p->peek, items, n))
		next_folder(p);
}

static void on_body_begin(void *who, const struct message_key *key,
			  struct view uid)
{
	(void)who;
	(void)key;
	(void)uid;
}

static void on_body(void *who, struct view octets)
{
	struct probe *p = who;

	peek_header(&p->peek, octets);
}

static void on_body_end(void *who, const struct message_key *key)
{
	struct probe *p = who;

	(void)key;
	peek_header_end(&p->peek);
}

static void on_refused(void *who, const struct message_key *key,
		       const struct err *err)
{
	struct probe *p = who;

	(void)key;
	peek_refused(&p->peek, err);
}

static void on_fetched(void *who)
{
	next_folder(who);
}

/* Nothing is kept or deleted here: these are of no interest. */
static void on_shared(void *who, const struct message_key *keys, size_t n)
{
	(void)who;
	(void)keys;
	(void)n;
}

static void on_notice(void *who, const char *text)
{
	(void)who;
	(void)text;
}

static void on_erased(void *who, const struct message_key *keys, size_t n,
		      size_t left, const struct err *err)
{
	(void)who;
	(void)keys;
	(void)n;
	(void)left;
	(void)err;
}

static void on_closed(void *who, const struct err *err)
{
	finish(who, err);
}

static const struct source_reports source_reports = {
	.ready = on_ready,
	.folder = on_folder,
	.shared = on_shared,
	.items = on_items,
	.notice = on_notice,
	.body_begin = on_body_begin,
	.body = on_body,
	.body_end = on_body_end,
	.refused = on_refused,
	.fetched = on_fetched,
	.erased = on_erased,
	.closed = on_closed,
	.listed = on_listed,
	.counts = counts,
};

static void open_source(struct probe *p)
{
	const struct config_account *a = p->account;
	struct source_options o = {
		.loop = p->parts->loop,
		.resolver = p->parts->resolver,
		.endpoint = p->endpoint,
		.user = a->user,
		.secret = &p->secret.secret,
		.auth = a->auth,
		.password_in_clear = a->server.tls == CONFIG_TLS_NONE,
		.compress = a->compress,
		.key = p->key, /* identities are of no interest here */
		.by_headers = a->own.keep == CONFIG_KEEP_NO,
		.trace = p->parts->trace ? a->name : NULL,
	};

	o.endpoint.alpn = config_is_pop3(&a->server) ? "pop3" : "imap";
	p->source = config_is_pop3(&a->server)
			    ? source_pop3_open(&o, &source_reports, p)
			    : source_imap_open(&o, &source_reports, p);
}

/* ---- a destination ---- */

static void on_dest_ready(void *who, const struct dest_ready *r)
{
	struct probe *p = who;

	p->signed_in = p->delivery->user;
	p->dest_ready = true;
	p->max_octets = r->max_octets;
	memcpy(p->capabilities, r->capabilities, sizeof(p->capabilities));
	note_stream(p, p->dest->ops->stream(p->dest));
	if (p->delivery->xclient && !r->offers_xclient)
		handover_not_offered(&p->xclient);
	p->dest->ops->probe(p->dest, p->rcpts[0].address, p->ask);
	if (p->asked_foreign)
		p->dest->ops->probe(p->dest, p->foreign[0].address, p->again);
}

static void on_result(void *who, struct message *m, const struct dest_result *r)
{
	(void)who;
	(void)m;
	(void)r;
	must_failed("a probe offers no message", __FILE__, __LINE__);
}

static size_t all_asked(const struct probe *p)
{
	return p->nrcpts + (p->asked_foreign ? 2 : 0);
}

static void on_probed(void *who, const char *rcpt, int code, struct view words)
{
	struct probe *p = who;
	struct probe_rcpt *r;

	(void)rcpt; /* they are answered in order */
	if (p->at == all_asked(p))
		return;
	r = p->at < p->nrcpts ? &p->rcpts[p->at]
			      : &p->foreign[p->at - p->nrcpts];
	p->at++;
	r->code = code;
	message_set(&r->words, words);
	if (r == p->rcpts)
		(void)remedy_demand(code, words, &p->err);
	if (p->at == all_asked(p))
		p->dest->ops->quit(p->dest);
}

static void on_dest_closed(void *who, const struct err *err)
{
	finish(who, err);
}

static const struct dest_reports dest_reports = {
	.ready = on_dest_ready,
	.result = on_result,
	.probed = on_probed,
	.closed = on_dest_closed,
};

static void no_stamp(void *who, const struct message *m, struct text *out)
{
	(void)who;
	(void)m;
	(void)out;
}

static void open_dest(struct probe *p)
{
	static const char *const drop_none[] = { NULL };
	const struct config_delivery *d = p->delivery;
	bool maildir = d->server.scheme == CONFIG_MAILDIR;
	struct dest_options o = {
		.loop = p->parts->loop,
		.resolver = p->parts->resolver,
		.spool = p->parts->spool,
		.endpoint = p->endpoint,
		.lmtp = config_is_lmtp(&d->server),
		.path = maildir ? d->server.path : NULL,
		.hostname = p->parts->hostname,
		.user = d->user,
		.secret = &p->secret.secret,
		.auth = d->auth,
		.password_in_clear = d->server.tls == CONFIG_TLS_NONE,
		.clear_on_loopback = d->server.tls == CONFIG_TLS_LOCAL,
		.drop_headers = drop_none,
		.trace = p->parts->trace ? d->name : NULL,
		.stamp = no_stamp,
	};

	p->dest = maildir ? dest_maildir_open(&o, &dest_reports, p)
			  : dest_smtp_open(&o, &dest_reports, p);
}

/* ---- both ---- */

static void on_secret(void *who, struct reach_secret *s)
{
	struct probe *p = who;
	struct err err;

	if (!s->ok) {
		err = s->err;
		finish(p, &err);
		return;
	}
	if (!reach_endpoint(
		    p->parts,
		    p->account ? &p->account->server : &p->delivery->server,
		    p->account ? &p->account->tls : &p->delivery->tls,
		    p->account ? &p->account->route : &p->delivery->route,
		    &p->endpoint, &err)) {
		finish(p, &err);
		return;
	}
	p->endpoint.first_ms = LIMIT_CHECK_MS;
	p->endpoint.refused = &p->tls;
	if (p->account)
		open_source(p);
	else
		open_dest(p);
}

static void begin(struct probe *p)
{
	const struct config_account *a = p->account;

	p->secret = (struct reach_secret){
		.config = p->parts->config,
		.from = a ? &a->secret : &p->delivery->secret,
		.auth = a ? a->auth : p->delivery->auth,
		.done = on_secret,
		.who = p,
	};
	reach_secret(p->parts, &p->secret);
}

struct probe *probe_source(const struct parts *parts,
			   const struct config_account *a, probe_done *done,
			   void *who)
{
	struct probe *p = mem_new(sizeof(*p));

	p->parts = parts;
	p->account = a;
	p->done = done;
	p->who = who;
	peek_init(&p->peek, a);
	begin(p);
	return p;
}

/*
 * Somebody whose domain exists, which servers may look up: the user of another
 * mailbox. Servers that mind say so to MAIL, or to the RCPT behind it.
 */
static const char *foreigner(const struct probe *p)
{
	const struct config *c = p->parts->config;
	const char *own = strrchr(p->delivery->user, '@');

	for (size_t i = 0; i < c->n_accounts; i++) {
		const char *at = strrchr(c->accounts[i].user, '@');

		if (at && at[1] &&
		    (!own || !view_ieq(view_of(at), view_of(own))))
			return c->accounts[i].user;
	}
	return "somebody@iana.org";
}

static void ask_foreign(struct probe *p)
{
	const struct config_delivery *d = p->delivery;

	if (!d->user || d->sender != CONFIG_SENDER_ORIGINAL || p->nrcpts < 2 ||
	    d->server.scheme == CONFIG_MAILDIR)
		return;
	p->asked_foreign = true;
	p->foreign[0].is_sender = true;
	p->foreign[0].address = mem_str(foreigner(p));
	p->foreign[1].address = mem_str(p->rcpts[1].address);
	p->again[0] = p->foreign[1].address;
}

struct probe *probe_delivery(const struct parts *parts,
			     const struct config_delivery *d,
			     const char *const *rcpts, size_t n,
			     probe_done *done, void *who)
{
	struct probe *p = mem_new(sizeof(*p));

	p->parts = parts;
	p->delivery = d;
	p->done = done;
	p->who = who;
	p->nrcpts = n + 1;
	p->rcpts = mem_new(p->nrcpts * sizeof(*p->rcpts));
	p->rcpts[0].is_sender = true;
	p->rcpts[0].address = mem_str(
		d->sender == CONFIG_SENDER_FIXED ? d->sender_address : "");
	p->ask = mem_new((n + 1) * sizeof(*p->ask));
	for (size_t i = 0; i < n; i++) {
		p->rcpts[i + 1].address = mem_str(rcpts[i]);
		p->ask[i] = p->rcpts[i + 1].address;
	}
	ask_foreign(p);
	begin(p);
	return p;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nrcpts; i++) {
		free(p->rcpts[i].address);
		free(p->rcpts[i].words);
	}
	for (size_t i = 0; i < 2; i++) {
		free(p->foreign[i].address);
		free(p->foreign[i].words);
	}
	for (size_t i = 0; i < p->nnames; i++)
		free(p->names[i].name);
	free(p->names);
	plan_fini(&p->plan);
	peek_fini(&p->peek);
	free(p->rcpts);
	free(p->ask);
	free(p->folders);
	free(p);
}

enum err_class probe_rcpt_class(const struct probe_rcpt *r)
{
	if (r->code >= 200 && r->code < 300)
		return ERR_NONE;
	return r->code >= 500 ? ERR_REFUSED : ERR_RETRY;
}

bool probe_refuses_foreign(const struct probe *p)
{
	return p->asked_foreign && p->err.class == ERR_NONE &&
	       probe_rcpt_class(&p->rcpts[1]) == ERR_NONE &&
	       (probe_rcpt_class(&p->foreign[0]) == ERR_REFUSED ||
		probe_rcpt_class(&p->foreign[1]) == ERR_REFUSED);
}

static enum err_class worse(enum err_class a, enum err_class b)
{
	if (a == ERR_NONE)
		return b;
	if (b == ERR_NONE)
		return a;
	return err_worse(err_exit(a), err_exit(b)) == err_exit(a) ? a : b;
}

enum err_class probe_worst(const struct probe *p)
{
	enum err_class worst = p->err.class;

	for (size_t i = 0; i < p->nfolders; i++)
		worst = worse(worst, p->folders[i].err.class);
	worst = worse(worst, p->xclient.class);
	worst = worse(worst, p->multidrop.class);
	if (probe_refuses_foreign(p))
		worst = worse(worst, ERR_REFUSED);
	for (size_t i = 0; i < p->nrcpts && p->err.class == ERR_NONE; i++)
		worst = worse(worst, probe_rcpt_class(&p->rcpts[i]));
	return worst;
}
