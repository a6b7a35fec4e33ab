#include "build.h"
#include "make_account.h"
#include "make_delivery.h"
#include "must.h"
#include "provider.h"
#include "serverurl.h"
#include "text.h"

#include <stdlib.h>

static struct section *base(struct making *m, enum section_kind kind)
{
	struct section *s = sections_add(&m->builtin, kind, NULL,
					 (struct place){ 0 }, NULL);

	free(s->label);
	s->label = mem_str("");
	s->builtin = true;
	for (unsigned id = 0; id < SETTINGS; id++)
		if (setting_fits((enum setting_id)id, kind) &&
		    setting_table[id].builtin)
			section_set_builtin(s, (enum setting_id)id,
					    setting_table[id].builtin);
	return s;
}

static void builtin_provider(struct making *m, const struct provider *p)
{
	struct section *s = sections_add(&m->builtin, SECTION_PROVIDER, p->name,
					 (struct place){ 0 }, NULL);
	struct text urls;

	s->builtin = true;
	if (p->secret == PROVIDER_SECRET_OAUTH)
		section_set_builtin(s, SET_AUTH, "xoauth2");
	if (p->received_by) {
		text_init(&urls, 1000);
		for (size_t i = 0; p->received_by[i]; i++)
			(void)text_fmt(&urls, "%s%s", i ? " " : "",
				       p->received_by[i]);
		section_set_builtin(s, SET_RECEIVED_BY, text_str(&urls));
		text_fini(&urls);
	}
	if (!p->imap && !p->pop3) /* each customer has a server of their own */
		return;
	text_init(&urls, 1000);
	(void)text_fmt(&urls, "%s%s%s", p->imap ? p->imap : "",
		       p->imap && p->pop3 ? " " : "", p->pop3 ? p->pop3 : "");
	section_set_builtin(s, SET_SERVER, text_str(&urls));
	text_fini(&urls);
}

static void builtins(struct making *m)
{
	m->account_base = base(m, SECTION_ACCOUNT);
	m->delivery_base = base(m, SECTION_DELIVERY);
	m->general_base = base(m, SECTION_GENERAL);
	for (size_t i = 0; provider_at(i); i++)
		builtin_provider(m, provider_at(i));
}

static void used_twice(struct making *m, const struct section *s,
		       const struct section *first)
{
	if (s->kind == SECTION_DEFAULTS)
		fault_add(m->faults, s->at, "",
			  "there is a defaults section already, in %s:%u",
			  first->at.file, first->at.line);
	else
		fault_add(m->faults, s->at, s->label,
			  "the name is used already, in %s:%u", first->at.file,
			  first->at.line);
}

static bool has_name(enum section_kind kind)
{
	return kind == SECTION_PROVIDER || kind == SECTION_ACCOUNT ||
	       kind == SECTION_DELIVERY;
}

static void check_names(struct making *m)
{
	const struct sections *all = m->written;

	for (size_t i = 0; i < all->n; i++) {
		const struct section *s = all->item[i], *first;

		if (s->kind == SECTION_DEFAULTS || has_name(s->kind)) {
			first = sections_find(all, s->kind, s->title);
			if (first != s)
				used_twice(m, s, first);
		}
		if (has_name(s->kind) && s->title[0] &&
		    !value_is_name(view_of(s->title)))
			fault_add(m->faults, s->at, s->label,
				  "a name has letters, digits and . _ @ + -, "
				  "begins with a letter or digit and has at "
				  "most 64 octets");
	}
}

/* A provider has one server for each protocol, an account one. */
static void check_servers(struct making *m, const struct section *s)
{
	const struct written *w = s->set[SET_SERVER];
	struct config_server server;
	unsigned imap = 0, pop3 = 0;
	char why[600];

	if (!w || !w->ok || s->kind == SECTION_DELIVERY)
		return;
	for (size_t i = 0; i < w->value.list.n; i++) {
		MUST(serverurl_read(view_of(w->value.list.item[i]), &server,
				    why, sizeof(why)));
		if (serverurl_use(server.scheme) == SERVER_DELIVERS)
			fault_add(m->faults, w->at, s->label,
				  "server: %s: is for a delivery; mail is "
				  "fetched from imaps imap pop3s pop3",
				  config_scheme_name(server.scheme));
		if (config_is_pop3(&server))
			pop3++;
		else
			imap++;
		serverurl_fini(&server);
	}
	if (imap + pop3 == 0 || (s->kind == SECTION_ACCOUNT && imap + pop3 > 1))
		fault_add(m->faults, w->at, s->label,
			  "server: one is wanted, not a list");
	else if (imap > 1 || pop3 > 1)
		fault_add(m->faults, w->at, s->label,
			  "server: one for each protocol is wanted");
}

static size_t count(const struct sections *all, enum section_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->item[i]->kind == kind;
	return n;
}

static void deliveries(struct making *m)
{
	struct config *c = m->c;

	c->deliveries = mem_new((count(m->written, SECTION_DELIVERY) + 1) *
				sizeof(*c->deliveries));
	for (size_t i = 0; i < m->written->n; i++)
		if (m->written->item[i]->kind == SECTION_DELIVERY)
			make_delivery(m, m->written->item[i],
				      &c->deliveries[c->n_deliveries++]);
	for (size_t i = 0, n = 0; i < m->written->n; i++)
		if (m->written->item[i]->kind == SECTION_DELIVERY)
			make_delivery_refused_to(m, m->written->item[i],
						 &c->deliveries[n++]);
}

static bool same_user(const struct config_account *a,
		      const struct config_account *b)
{
	return a->user && b->user && a->server.host && b->server.host &&
	       config_is_pop3(&a->server) == config_is_pop3(&b->server) &&
	       strcmp(a->user, b->user) == 0;
}

/* Of the server of a host, in one TLS form or the other. */
static bool is_usual(const struct config_server *s)
{
	return config_is_pop3(s) ? s->port == 110 || s->port == 995
				 : s->port == 143 || s->port == 993;
}

/*
 * At other ports of this machine other servers answer: tunnels, bridges. At
 * those of another machine it is the same one in another TLS form.
 */
static bool differ_by_port(const struct config_account *a,
			   const struct config_account *b)
{
	return a->server.is_loopback && b->server.is_loopback &&
	       a->server.port != b->server.port &&
	       !(is_usual(&a->server) && is_usual(&b->server));
}

static bool same_mailbox(const struct config_account *a,
			 const struct config_account *b)
{
	return same_user(a, b) && !differ_by_port(a, b) &&
	       (strcmp(a->server.host, b->server.host) == 0 ||
		strcmp(a->place, b->place) == 0);
}

static void add_port(struct config_account *a)
{
	struct text t;

	text_init(&t, 300);
	(void)text_fmt(&t, "%s:%u", a->server.host, a->server.port);
	free(a->place);
	a->place = text_take(&t);
}

/*
 * Only where two would be taken for one: the ledger knows any other by its host
 * alone, whatever its port becomes.
 */
static void tell_apart(struct config *c)
{
	bool *alike = mem_new((c->n_accounts + 1) * sizeof(*alike));

	for (size_t i = 0; i < c->n_accounts; i++)
		for (size_t k = 0; k < i; k++) {
			const struct config_account *a = &c->accounts[i];
			const struct config_account *b = &c->accounts[k];

			if (differ_by_port(a, b) && same_user(a, b) &&
			    strcmp(a->place, b->place) == 0)
				alike[i] = alike[k] = true;
		}
	for (size_t i = 0; i < c->n_accounts; i++)
		if (alike[i])
			add_port(&c->accounts[i]);
	free(alike);
}

static void check_same(struct making *m, const struct config_account *a,
		       const struct section *s)
{
	for (size_t i = 0; &m->c->accounts[i] != a; i++)
		if (same_mailbox(&m->c->accounts[i], a)) {
			fault_add(m->faults, s->at, s->label,
				  "the same server and user as account \"%s\" "
				  "in %s:%u",
				  m->c->accounts[i].name,
				  m->c->accounts[i].file,
				  m->c->accounts[i].line);
			return;
		}
}

static void accounts(struct making *m)
{
	struct config *c = m->c;

	c->accounts = mem_new((count(m->written, SECTION_ACCOUNT) + 1) *
			      sizeof(*c->accounts));
	for (size_t i = 0; i < m->written->n; i++)
		if (m->written->item[i]->kind == SECTION_ACCOUNT) {
			struct config_account *a =
				&c->accounts[c->n_accounts++];

			make_account(m, m->written->item[i], a);
			check_same(m, a, m->written->item[i]);
			c->once = c->once || a->once;
		}
	tell_apart(c);
}

/* By the first delivery; no account is there to fill a placeholder. */
static void notices(struct making *m, const struct resolved *r)
{
	struct config *c = m->c;

	resolved_list(r, SET_NOTIFY, &c->notify);
	resolved_list(r, SET_NOTIFY_COMMAND, &c->notify_command);
	c->notify_after_ms = resolved_number(r, SET_NOTIFY_AFTER);
	for (size_t i = 0; i < c->notify.n; i++)
		if (strpbrk(c->notify.item[i], "{}"))
			fault_add(m->faults, r->by[SET_NOTIFY]->at, "",
				  "notify: \"%s\": there are no placeholders "
				  "here",
				  c->notify.item[i]);
	if (c->notify.n && !count(m->written, SECTION_DELIVERY))
		fault_add(m->faults, r->by[SET_NOTIFY]->at, "",
			  "notify: there is no delivery to send by");
}

static void general(struct making *m)
{
	struct config *c = m->c;
	struct levels levels = { 0 };
	struct resolved r;

	levels_add(&levels, sections_find(m->written, SECTION_GENERAL, NULL));
	levels_add(&levels, m->general_base);
	inherit(&r, &levels);
	c->hostname = mem_str(resolved_string(&r, SET_HOSTNAME));
	c->state_dir = mem_str(resolved_string(&r, SET_STATE_DIR));
	notices(m, &r);
	c->max_connections = (unsigned)resolved_number(&r, SET_MAX_CONNECTIONS);
	c->max_connections_per_host =
		(unsigned)resolved_number(&r, SET_MAX_CONNECTIONS_PER_HOST);
	c->max_idle = (unsigned)resolved_number(&r, SET_MAX_IDLE);
	c->spool_limit_octets = resolved_number(&r, SET_SPOOL_LIMIT);
	c->history_keep_ms = resolved_number(&r, SET_HISTORY_KEEP);
	c->log_level = (enum log_level)resolved_choice(&r, SET_LOG_LEVEL);
	c->log_format = (enum log_format)resolved_choice(&r, SET_LOG_FORMAT);
	c->metrics_file = mem_str(resolved_string(&r, SET_METRICS_FILE));
	for (unsigned id = SET_STATE_DIR; id <= SET_STATUS_PAGE; id++)
		if (!setting_table[id].later)
			effective_add(&c->effective, &r, (enum setting_id)id,
				      NULL, NULL);
}

void build(struct config *c, const struct sections *written,
	   const struct unread *unread, struct faults *faults)
{
	struct making m = {
		.c = c, .written = written, .faults = faults, .unread = unread
	};

	builtins(&m);
	check_names(&m);
	for (size_t i = 0; i < written->n; i++)
		check_servers(&m, written->item[i]);
	general(&m);
	deliveries(&m);
	accounts(&m);
	sections_fini(&m.builtin);
}

void build_undo(struct config *c)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		make_account_fini(&c->accounts[i]);
	free(c->accounts);
	for (size_t i = 0; i < c->n_deliveries; i++)
		make_delivery_fini(&c->deliveries[i]);
	free(c->deliveries);
	free(c->hostname);
	free(c->state_dir);
	free(c->metrics_file);
	config_list_fini(&c->notify);
	config_list_fini(&c->notify_command);
	effectives_fini(&c->effective);
}
