#include "make.h"
#include "must.h"
#include "proxyurl.h"
#include "serverurl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void make_fault(struct making *m, const struct resolved *r,
		const struct written *at, const char *fmt, ...)
{
	char what[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* what no file holds is the fault of the section that needs it */
	if (at && !at->section->builtin)
		fault_add(m->faults, at->at, at->section->label, "%s", what);
	else
		fault_add(m->faults, r->own->at, r->own->label, "%s", what);
}

static bool wants_tls(const struct resolved *r)
{
	return resolved_is_written(r, SET_USER) ||
	       resolved_is_written(r, SET_TLS_CA) ||
	       resolved_is_written(r, SET_TLS_FINGERPRINT) ||
	       resolved_is_written(r, SET_CLIENT_CERT) ||
	       resolved_is_written(r, SET_TLS);
}

static bool is_proxied(const struct resolved *r)
{
	const char *url = resolved_string(r, SET_PROXY);

	return url && strcmp(url, "none") != 0;
}

void make_tls_mode(struct making *m, const struct resolved *r,
		   struct config_server *server)
{
	bool none = resolved_choice(r, SET_TLS) == 1;

	if (server->scheme == CONFIG_MAILDIR)
		return;
	/* What the proxy calls localhost is the proxy's (CASES J10). */
	if (is_proxied(r) && !server->path[0]) {
		server->is_loopback = false;
		if (server->tls == CONFIG_TLS_LOCAL)
			server->tls = CONFIG_TLS_STARTTLS;
	}
	if (none && server->tls == CONFIG_TLS_IMPLICIT) {
		if (resolved_is_own(r, SET_TLS))
			make_fault(m, r, r->by[SET_TLS],
				   "tls = none does not fit %s://, which is "
				   "TLS from the first octet",
				   config_scheme_name(server->scheme));
		return;
	}
	if (none)
		server->tls = CONFIG_TLS_NONE;
	else if (server->tls == CONFIG_TLS_LOCAL && wants_tls(r))
		server->tls = CONFIG_TLS_STARTTLS;
}

static char *copy(const struct resolved *r, enum setting_id id)
{
	return mem_str(resolved_string(r, id));
}

void make_tls(struct making *m, const struct resolved *r,
	      struct config_tls *tls)
{
	tls->ca = copy(r, SET_TLS_CA);
	resolved_list(r, SET_TLS_FINGERPRINT, &tls->fingerprint);
	tls->min = (enum config_tls_version)resolved_choice(r, SET_TLS_MIN);
	tls->client_cert = copy(r, SET_CLIENT_CERT);
	tls->client_key = copy(r, SET_CLIENT_KEY);
	if (tls->client_key && !r->by[SET_CLIENT_CERT])
		make_fault(m, r, r->by[SET_CLIENT_KEY],
			   "client_key needs a client_cert");
}

void make_route(struct making *m, const struct resolved *r,
		const struct config_server *server, struct config_route *out)
{
	const char *url = resolved_string(r, SET_PROXY);
	char why[200];

	out->source_address = copy(r, SET_SOURCE_ADDRESS);
	if (server->scheme == CONFIG_MAILDIR || !is_proxied(r))
		return;
	MUST(proxyurl_read(view_of(url), &out->proxy, why, sizeof(why)));
	if (server->host && strchr(server->host, '%'))
		make_fault(m, r, r->by[SET_PROXY],
			   "proxy does not fit an address with a zone, which "
			   "this machine alone knows");
}

static void no_secret_fits(struct making *m, const struct resolved *r)
{
	static const enum setting_id secrets[] = { SET_PASSWORD,
						   SET_PASSWORD_COMMAND,
						   SET_CREDENTIAL };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (resolved_is_written(r, secrets[i]))
			make_fault(m, r, r->by[secrets[i]],
				   "%s does not fit auth = %s, which has no "
				   "secret",
				   setting_table[secrets[i]].name,
				   resolved_string(r, SET_AUTH));
}

enum mech make_auth(struct making *m, const struct resolved *r, bool pop3)
{
	enum mech auth = (enum mech)resolved_choice(r, SET_AUTH);

	if (auth == MECH_APOP && !pop3)
		make_fault(m, r, r->by[SET_AUTH],
			   "auth = apop is for POP3 alone");
	if (auth == MECH_EXTERNAL && !r->by[SET_CLIENT_CERT])
		make_fault(m, r, r->by[SET_AUTH],
			   "auth = external needs a client_cert");
	if (!mech_needs_secret(auth))
		no_secret_fits(m, r);
	return auth;
}

void make_secret(const struct resolved *r, struct config_secret *s)
{
	const char *name = resolved_string(r, SET_CREDENTIAL);

	if (r->by[SET_PASSWORD]) {
		s->kind = CONFIG_SECRET_PASSWORD;
		secret_set(&s->password,
			   view_of(resolved_string(r, SET_PASSWORD)));
	} else if (r->by[SET_PASSWORD_COMMAND]) {
		s->kind = CONFIG_SECRET_COMMAND;
		resolved_list(r, SET_PASSWORD_COMMAND, &s->command);
	} else {
		s->kind = CONFIG_SECRET_CREDENTIAL;
		s->credential = mem_str(name ? name : r->own->title);
	}
}

void make_effective_server(struct config_effectives *e,
			   const struct resolved *r,
			   const struct config_server *server)
{
	char url[600];
	const char *tls = "required";

	if (server->host && server->host[0])
		(void)snprintf(
			url, sizeof(url), "\"%s://%s%.300s%s:%u\"",
			config_scheme_name(server->scheme),
			strchr(server->host, ':') ? "[" : "", server->host,
			strchr(server->host, ':') ? "]" : "", server->port);
	else
		(void)snprintf(url, sizeof(url), "\"%s:%.500s\"",
			       config_scheme_name(server->scheme),
			       server->path ? server->path : "");
	effective_add(e, r, SET_SERVER, url, NULL);
	if (server->scheme == CONFIG_MAILDIR)
		return;
	if (server->tls == CONFIG_TLS_NONE)
		tls = "none";
	if (server->tls == CONFIG_TLS_LOCAL)
		tls = "none on this machine";
	effective_add(e, r, SET_TLS, tls, NULL);
	for (unsigned id = SET_TLS_CA; id <= SET_PROXY; id++)
		effective_add(e, r, (enum setting_id)id, NULL, NULL);
}

void make_effective_secret(struct config_effectives *e,
			   const struct resolved *r,
			   const struct config_secret *s)
{
	char name[200];

	switch (s->kind) {
	case CONFIG_SECRET_NONE:
		break;
	case CONFIG_SECRET_PASSWORD:
		effective_add(e, r, SET_PASSWORD, NULL, NULL);
		break;
	case CONFIG_SECRET_COMMAND:
		effective_add(e, r, SET_PASSWORD_COMMAND, NULL, NULL);
		break;
	case CONFIG_SECRET_CREDENTIAL:
		(void)snprintf(name, sizeof(name), "\"%.180s\"", s->credential);
		effective_add(e, r, SET_CREDENTIAL, name, NULL);
		break;
	}
	if (s->kind != CONFIG_SECRET_NONE)
		effective_add(e, r, SET_AUTH, NULL, NULL);
}

static void nearest(const struct sections *all, enum section_kind kind,
		    const char *name, unsigned *best, const char **found)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i]->kind == kind &&
		    fault_is_near(view_of(name), view_of(all->item[i]->title),
				  best))
			*found = all->item[i]->title;
}

const struct section *make_find(struct making *m, const struct resolved *r,
				enum setting_id id, enum section_kind kind)
{
	const char *name = resolved_string(r, id), *near = NULL;
	const struct section *s = sections_find(m->written, kind, name);
	unsigned best = 99;

	if (s || unread_may_hold(m->unread, name))
		return s;
	nearest(m->written, kind, name, &best, &near);
	nearest(&m->builtin, kind, name, &best, &near);
	make_fault(m, r, r->by[id], "there is no %s \"%s\"%s%s%s",
		   section_table[kind].name, name,
		   near ? ": did you mean \"" : "", near ? near : "",
		   near ? "\"?" : "");
	return NULL;
}

void make_tls_fini(struct config_tls *t)
{
	free(t->ca);
	config_list_fini(&t->fingerprint);
	free(t->client_cert);
	free(t->client_key);
}

void make_route_fini(struct config_route *w)
{
	free(w->source_address);
	proxyurl_fini(&w->proxy);
}

void make_secret_fini(struct config_secret *s)
{
	secret_fini(&s->password);
	config_list_fini(&s->command);
	free(s->credential);
}
