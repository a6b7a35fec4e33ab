#include "make_account.h"
#include "make_folder.h"
#include "make_multidrop.h"
#include "make_provider.h"
#include "must.h"
#include "provider.h"
#include "serverurl.h"

#include <stdio.h>
#include <stdlib.h>

/* Asks account and defaults for the provider, then puts the levels together. */
static struct levels levels_of(struct making *m, const struct section *s,
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
		builtin = make_provider_builtin(m, a);
		own = builtin ? make_provider_own(m, a)
			      : make_find(m, r, SET_PROVIDER, SECTION_PROVIDER);
	}
	levels = (struct levels){ 0 };
	levels_add(&levels, s);
	levels_add(&levels, own);
	levels_add(&levels, defaults);
	levels_add(&levels, builtin);
	levels_add(&levels, m->account_base);
	inherit(r, &levels);
	return levels;
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
	else if (a->builtin)
		make_fault(m, r, r->by[SET_PROVIDER],
			   "server is missing: %s: %s", a->builtin->title,
			   a->builtin->note);
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
	if (w->section->kind != SECTION_PROVIDER)
		a->place = mem_str(a->server.host);
	else
		a->place = mem_str(a->builtin ? a->builtin->name : a->provider);
	return true;
}

static void sign_in(struct making *m, const struct resolved *r,
		    struct config_account *a)
{
	a->user = mem_str(resolved_string(r, SET_USER));
	if (!r->by[SET_USER])
		make_fault(m, r, NULL, "user is missing");
	make_secret(r, &a->secret);
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
	a->on_doubt = (enum config_on_doubt)resolved_choice(r, SET_ON_DOUBT);
	a->once = resolved_choice(r, SET_DUPLICATES);
	a->received_from = resolved_choice(r, SET_RECEIVED_FROM);
	resolved_list(r, SET_RECEIVED_BY, &a->received_by);
}

static void imap_policy(const struct resolved *r, struct config_account *a)
{
	resolved_list(r, SET_FOLDERS, &a->folders);
	a->idle = resolved_choice(r, SET_IDLE);
	a->compress = resolved_choice(r, SET_COMPRESS);
	a->idle_renew_ms = resolved_number(r, SET_IDLE);
	a->idle_folders = (unsigned)resolved_number(r, SET_IDLE_FOLDERS);
	a->unseen_only = resolved_choice(r, SET_UNSEEN_ONLY);
}

static void effective(const struct making *m, const struct section *own,
		      const struct resolved *r, struct config_account *a,
		      const struct written *to)
{
	bool pop3 = config_is_pop3(&a->server);
	struct config_effectives *e = &a->effective;

	effective_add(e, r, SET_PROVIDER, NULL, NULL);
	make_effective_server(e, r, &a->server);
	effective_add(e, r, SET_USER, NULL, NULL);
	make_effective_secret(e, r, &a->secret);
	effective_add(e, r, SET_ENABLED, NULL, NULL);
	make_folder_to(e, r, a, &a->own, to);
	make_multidrop_effective(m, own, a);
	for (unsigned id = SET_FOLDERS; id <= SET_RECEIVED_FROM; id++) {
		const struct setting *s = &setting_table[id];

		if ((s->later && !s->later_word) || (pop3 && s->only_imap))
			continue;
		if (id == SET_POLL_EVERY)
			make_effective_poll(e, m, r, a);
		else
			effective_add(e, r, (enum setting_id)id, NULL, NULL);
	}
}

void make_account(struct making *m, const struct section *s,
		  struct config_account *a)
{
	const struct written *to;
	struct levels levels;
	struct resolved r;

	levels = levels_of(m, s, a, &r);
	a->name = mem_str(s->title);
	a->file = mem_str(s->at.file);
	a->line = s->at.line;
	sign_in(m, &r, a);
	make_multidrop(m, s, a);
	to = make_folder(m, &r, a, &a->own);
	policy(&r, a);
	make_tls(m, &r, &a->tls);
	if (!server(m, &r, a))
		return;
	a->auth = make_auth(m, &r, config_is_pop3(&a->server));
	if (config_is_pop3(&a->server)) {
		only_imap(m, &r);
		make_folder_misfit(m, s);
	} else {
		imap_policy(&r, a);
		make_folder_blocks(m, s, &levels, a);
		make_folder_check(m, &r, a);
	}
	make_multidrop_check(m, s, a);
	make_provider(&r, a);
	effective(m, s, &r, a, to);
}

void make_account_fini(struct config_account *a)
{
	free(a->name);
	free(a->file);
	free(a->provider);
	config_list_fini(&a->remarks);
	free(a->place);
	serverurl_fini(&a->server);
	free(a->user);
	make_secret_fini(&a->secret);
	make_tls_fini(&a->tls);
	make_route_fini(&a->route);
	make_folder_fini(&a->own);
	for (size_t i = 0; i < a->n_blocks; i++)
		make_folder_fini(&a->blocks[i]);
	free(a->blocks);
	make_multidrop_free(a->multidrop);
	config_list_fini(&a->folders);
	config_list_fini(&a->received_by);
	effectives_fini(&a->effective);
}
