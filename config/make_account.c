#include "make_account.h"
#include "form.h"
#include "limits.h"
#include "must.h"
#include "provider.h"
#include "serverurl.h"

#include <stdio.h>
#include <stdlib.h>

static const struct section *builtin_provider(struct making *m,
					      const char *name)
{
	return sections_find(&m->builtin, SECTION_PROVIDER, name);
}

/* Asks account and defaults for the provider, then puts the levels together. */
static void levels_of(struct making *m, const struct section *s,
		      struct config_account *a, struct resolved *r)
{
	const struct section *defaults, *own = NULL, *builtin = NULL;
	struct levels levels = { 0 };
	const char *name;

	defaults = sections_find(m->written, SECTION_DEFAULTS, NULL);
	levels_add(&levels, s);
	levels_add(&levels, defaults);
	inherit(r, &levels);
	name = resolved_string(r, SET_PROVIDER);
	if (name) {
		a->provider = mem_str(name);
		a->builtin = provider_find(view_of(name));
		builtin = builtin_provider(m, name);
		own = builtin ? sections_find(m->written, SECTION_PROVIDER,
					      name)
			      : make_find(m, r, SET_PROVIDER, SECTION_PROVIDER);
	}
	levels = (struct levels){ 0 };
	levels_add(&levels, s);
	levels_add(&levels, own);
	levels_add(&levels, defaults);
	levels_add(&levels, builtin);
	levels_add(&levels, m->account_base);
	inherit(r, &levels);
}

/* protocol counts unless the server is written nearer than it */
static bool protocol_counts(const struct resolved *r)
{
	return resolved_value(r, SET_PROTOCOL) &&
	       (!resolved_is_own(r, SET_SERVER) ||
		resolved_is_own(r, SET_PROTOCOL));
}

/* Of several, the one of the protocol wanted; without wish IMAP. */
static bool pick(struct making *m, const struct resolved *r,
		 struct config_server *out)
{
	const struct written *w = r->by[SET_SERVER];
	bool counts = protocol_counts(r), found = false;
	bool want_pop3 = resolved_choice(r, SET_PROTOCOL) == 1;
	struct config_server s;
	char why[600];

	for (size_t i = 0; i < w->value.list.n; i++) {
		MUST(serverurl_read(view_of(w->value.list.item[i]), &s, why,
				    sizeof(why)));
		if (serverurl_use(s.scheme) == SERVER_FETCHES &&
		    (counts ? config_is_pop3(&s) == want_pop3
			    : !found || !config_is_pop3(&s))) {
			serverurl_fini(out);
			*out = s;
			found = true;
		} else {
			serverurl_fini(&s);
		}
	}
	if (!found && counts)
		make_fault(m, r, r->by[SET_PROTOCOL],
			   "protocol = %s: there is no such server in %s",
			   want_pop3 ? "pop3" : "imap", w->section->label);
	return found;
}

/* A provider that does not exist was reported: it may have had one. */
static void no_server(struct making *m, const struct resolved *r,
		      const struct config_account *a)
{
	if (!a->provider)
		make_fault(m, r, NULL, "server is missing (or a provider)");
	else if (sections_find(m->written, SECTION_PROVIDER, a->provider))
		make_fault(m, r, NULL,
			   "server is missing: provider \"%s\" has none",
			   a->provider);
}

static bool server(struct making *m, const struct resolved *r,
		   struct config_account *a)
{
	const struct written *w = r->by[SET_SERVER];

	if (!w)
		no_server(m, r, a);
	if (!w || !w->ok || !pick(m, r, &a->server))
		return false;
	make_tls_mode(m, r, &a->server);
	make_route(m, r, &a->server, &a->route);
	a->place =
		mem_str(w->section->kind == SECTION_PROVIDER ? a->provider
							     : a->server.host);
	return true;
}

static void sign_in(struct making *m, const struct resolved *r,
		    struct config_account *a)
{
	a->user = mem_str(resolved_string(r, SET_USER));
	if (!r->by[SET_USER])
		make_fault(m, r, NULL, "user is missing");
	make_secret(r, &a->secret);
	a->auth = (enum mech)resolved_choice(r, SET_AUTH);
}

/* A name that is used twice is a fault of its own. */
static bool all_are_one(const struct config *c)
{
	for (size_t i = 1; i < c->n_deliveries; i++)
		if (strcmp(c->deliveries[0].name, c->deliveries[i].name) != 0)
			return false;
	return true;
}

static struct config_delivery *the_only_one(struct making *m,
					    const struct resolved *r)
{
	struct config *c = m->c;

	if (c->n_deliveries && all_are_one(c))
		return &c->deliveries[0];
	if (m->unread->files || m->unread->titles.n)
		return NULL;
	if (c->n_deliveries == 0)
		make_fault(m, r, NULL,
			   "there is no delivery: delivery \"home\" { server = "
			   "\"smtp://localhost\" to = \"me@example.org\" }");
	else
		make_fault(m, r, NULL,
			   "delivery is missing: there are several, \"%s\" and "
			   "\"%s\" for example",
			   c->deliveries[0].name, c->deliveries[1].name);
	return NULL;
}

static const struct config_delivery *delivery(struct making *m,
					      const struct resolved *r)
{
	const struct section *s;

	if (!r->by[SET_DELIVERY])
		return the_only_one(m, r);
	if (!r->by[SET_DELIVERY]->ok)
		return NULL;
	s = make_find(m, r, SET_DELIVERY, SECTION_DELIVERY);
	return s ? config_delivery(m->c, view_of(s->title)) : NULL;
}

/* Filled in, it must be an address; without @ only on this machine. */
static void check_recipient(struct making *m, const struct resolved *r,
			    const struct config_account *a,
			    const struct written *w, const char *template)
{
	char out[LIMIT_ADDRESS + 1];

	if (!a->user)
		return;
	if (!config_recipient(a, template, VIEW_LIT("INBOX"), out,
			      sizeof(out))) {
		make_fault(m, r, w,
			   "to: \"%s\" is no mail address once it is filled in",
			   template);
	} else if (!a->delivery->server.is_loopback &&
		   !form_is_mail(view_of(out))) {
		make_fault(m, r, w,
			   "to: \"%s\" has no @ and a domain, which only a "
			   "server on this machine can do without",
			   out);
	}
}

/* Where a maildir is one folder for all, nobody needs an address. */
static bool needs_no_recipient(const struct config_delivery *d)
{
	return d->server.scheme == CONFIG_MAILDIR &&
	       !strstr(d->server.path, "%u");
}

static const struct written *
recipients(struct making *m, const struct resolved *r, struct config_account *a)
{
	const struct written *w = r->by[SET_TO];
	const struct section *s;

	if (!a->delivery)
		return w;
	s = sections_find(m->written, SECTION_DELIVERY, a->delivery->name);
	if (!w)
		w = s->set[SET_TO];
	if (w && w->ok)
		config_list_copy(&a->to, &w->value.list);
	else if (!w && needs_no_recipient(a->delivery))
		config_list_add(&a->to, VIEW_LIT("{account}"));
	else if (!w)
		make_fault(m, r, NULL,
			   "to is missing, here and in delivery \"%s\"",
			   a->delivery->name);
	for (size_t i = 0; i < a->to.n; i++)
		check_recipient(m, r, a, w, a->to.item[i]);
	return w;
}

static void only_imap(struct making *m, const struct resolved *r)
{
	for (unsigned id = 0; id < SETTINGS; id++)
		if (setting_table[id].only_imap &&
		    resolved_is_own(r, (enum setting_id)id))
			make_fault(m, r, r->by[id], "%s does not fit POP3",
				   setting_table[id].name);
}

static void policy(const struct resolved *r, struct config_account *a)
{
	a->enabled = resolved_choice(r, SET_ENABLED);
	a->poll_every_ms = resolved_number(r, SET_POLL_EVERY);
	a->first_run = (enum config_first_run)resolved_choice(r, SET_FIRST_RUN);
	a->first_run_age_ms = resolved_number(r, SET_FIRST_RUN);
	a->keep = (enum config_keep)resolved_choice(r, SET_KEEP);
	a->keep_after_ms = resolved_number(r, SET_KEEP);
	a->max_size_octets = resolved_number(r, SET_MAX_SIZE);
	a->on_doubt = (enum config_on_doubt)resolved_choice(r, SET_ON_DOUBT);
	a->received_from = resolved_choice(r, SET_RECEIVED_FROM);
}

static bool is_same_folder(const char *a, const char *b)
{
	/* RFC 3501 5.1: INBOX in any case of letters */
	if (view_ieq(view_of(a), VIEW_LIT("INBOX")))
		return view_ieq(view_of(b), VIEW_LIT("INBOX"));
	return strcmp(a, b) == 0;
}

/* Mail that is moved must be there to be moved, and must not come back. */
static void check_move(struct making *m, const struct resolved *r,
		       const struct config_account *a)
{
	const struct written *w = r->by[SET_MOVE_TO];

	if (!a->move_to)
		return;
	if (a->keep == CONFIG_KEEP_NO)
		make_fault(m, r, w,
			   "move_to excludes keep = no: write keep = yes, or "
			   "how long after delivery it is deleted there, such "
			   "as keep = 14d");
	for (size_t i = 0; i < a->folders.n; i++)
		if (is_same_folder(a->move_to, a->folders.item[i]))
			make_fault(m, r, w,
				   "move_to: \"%s\" is one of `folders` itself",
				   a->move_to);
}

static void imap_policy(const struct resolved *r, struct config_account *a)
{
	resolved_list(r, SET_FOLDERS, &a->folders);
	a->idle = resolved_choice(r, SET_IDLE);
	a->idle_renew_ms = resolved_number(r, SET_IDLE);
	a->mark_seen = resolved_choice(r, SET_MARK_SEEN);
	a->unseen_only = resolved_choice(r, SET_UNSEEN_ONLY);
	a->move_to = mem_str(resolved_string(r, SET_MOVE_TO));
}

static void effective_to(const struct resolved *r, struct config_account *a,
			 const struct written *to)
{
	struct config_effectives *e = &a->effective;
	char name[100];

	(void)snprintf(name, sizeof(name), "\"%.64s\"",
		       a->delivery ? a->delivery->name : "");
	effective_add(e, r, SET_DELIVERY, name, NULL);
	effective_add(e, r, SET_TO,
		      to && to->ok ? to->value.text : "\"{account}\"", to);
}

static void effective(const struct resolved *r, struct config_account *a,
		      const struct written *to)
{
	bool pop3 = config_is_pop3(&a->server);
	struct config_effectives *e = &a->effective;

	effective_add(e, r, SET_PROVIDER, NULL, NULL);
	make_effective_server(e, r, &a->server);
	effective_add(e, r, SET_USER, NULL, NULL);
	make_effective_secret(e, r, &a->secret);
	effective_add(e, r, SET_ENABLED, NULL, NULL);
	effective_to(r, a, to);
	for (unsigned id = SET_FOLDERS; id <= SET_RECEIVED_FROM; id++) {
		const struct setting *s = &setting_table[id];

		if ((s->later && !s->later_word) || (pop3 && s->only_imap))
			continue;
		effective_add(e, r, (enum setting_id)id, NULL, NULL);
	}
}

void make_account(struct making *m, const struct section *s,
		  struct config_account *a)
{
	const struct written *to;
	struct resolved r;

	levels_of(m, s, a, &r);
	a->name = mem_str(s->title);
	a->file = mem_str(s->at.file);
	a->line = s->at.line;
	sign_in(m, &r, a);
	a->delivery = delivery(m, &r);
	to = recipients(m, &r, a);
	policy(&r, a);
	make_tls(m, &r, &a->tls);
	if (!server(m, &r, a))
		return;
	if (config_is_pop3(&a->server))
		only_imap(m, &r);
	else
		imap_policy(&r, a);
	check_move(m, &r, a);
	effective(&r, a, to);
}

void make_account_fini(struct config_account *a)
{
	free(a->name);
	free(a->file);
	free(a->provider);
	free(a->place);
	serverurl_fini(&a->server);
	free(a->user);
	make_secret_fini(&a->secret);
	make_tls_fini(&a->tls);
	make_route_fini(&a->route);
	free(a->move_to);
	config_list_fini(&a->to);
	config_list_fini(&a->folders);
	effectives_fini(&a->effective);
}
