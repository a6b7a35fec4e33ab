#include "make_delivery.h"
#include "form.h"
#include "must.h"
#include "serverurl.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS	  4u
#define CONNECTIONS_LOCAL 16u /* loopback: no distance to be polite about */

static bool server(struct making *m, const struct resolved *r,
		   struct config_delivery *d)
{
	const struct written *w = r->by[SET_SERVER];
	const char *url = resolved_string(r, SET_SERVER);
	char why[600];

	if (!w)
		make_fault(m, r, NULL,
			   "server is missing, such as smtp://localhost");
	if (!url)
		return false;
	if (w->value.list.n != 1) {
		make_fault(m, r, w, "server: one is wanted, not a list");
		return false;
	}
	MUST(serverurl_read(view_of(url), &d->server, why, sizeof(why)));
	if (serverurl_use(d->server.scheme) == SERVER_FETCHES) {
		make_fault(m, r, w,
			   "server: %s:// in a delivery is not supported by "
			   "this version (IMAP APPEND); there are smtp "
			   "submission submissions smtps lmtp maildir",
			   config_scheme_name(d->server.scheme));
		return false;
	}
	make_tls_mode(m, r, &d->server);
	make_route(m, r, &d->server, &d->route);
	return true;
}

static void sign_in(struct making *m, const struct resolved *r,
		    struct config_delivery *d)
{
	static const enum setting_id need_user[] = { SET_PASSWORD,
						     SET_PASSWORD_COMMAND,
						     SET_CREDENTIAL, SET_AUTH };

	d->user = mem_str(resolved_string(r, SET_USER));
	if (r->by[SET_USER]) {
		make_secret(r, &d->secret);
		d->auth = make_auth(m, r, false);
		if (!resolved_is_written(r, SET_SENDER))
			make_fault(m, r, NULL,
				   "sender must be written where there is a "
				   "user: original, or the address that the "
				   "server lets this user send from");
		return;
	}
	for (size_t i = 0; i < sizeof(need_user) / sizeof(need_user[0]); i++)
		if (resolved_is_written(r, need_user[i]))
			make_fault(m, r, r->by[need_user[i]], "%s needs a user",
				   setting_table[need_user[i]].name);
}

/* No connection over a network: nothing that would secure or lead one. */
static void local_fits(struct making *m, const struct resolved *r,
		       const struct config_delivery *d)
{
	bool maildir = d->server.scheme == CONFIG_MAILDIR;
	unsigned last = maildir ? SET_AUTH : SET_PROXY;

	if (maildir && d->xclient)
		make_fault(m, r, r->by[SET_XCLIENT],
			   "xclient does not fit a maildir");

	for (unsigned id = SET_TLS; id <= last; id++)
		if (resolved_is_written(r, (enum setting_id)id))
			make_fault(m, r, r->by[id], "%s does not fit a %s",
				   setting_table[id].name,
				   maildir ? "maildir" : "socket");
}

static bool is_local(const struct config_server *s)
{
	return s->scheme == CONFIG_MAILDIR || (config_is_lmtp(s) && s->path[0]);
}

static void sender_rewriting(struct making *m, const struct resolved *r,
			     struct config_delivery *d)
{
	const char *name = resolved_string(r, SET_SRS_SECRET);
	const char *sender = resolved_string(r, SET_SENDER);

	if (d->sender != CONFIG_SENDER_SRS || !sender) {
		if (sender && resolved_is_written(r, SET_SRS_SECRET))
			make_fault(m, r, r->by[SET_SRS_SECRET],
				   "srs_secret needs sender = \"srs:DOMAIN\"");
		return;
	}
	if (d->server.scheme == CONFIG_MAILDIR)
		make_fault(m, r, r->by[SET_SENDER],
			   "sender = srs: does not fit a maildir, which has "
			   "no envelope");
	d->srs_domain = mem_str(sender + strlen("srs:"));
	if (!resolved_is_written(r, SET_SRS_SECRET))
		make_fault(m, r, r->by[SET_SENDER],
			   "sender = srs: needs srs_secret, the name of a "
			   "credential: what the server of %s reverses "
			   "addresses with",
			   d->srs_domain);
	d->srs_secret.kind = CONFIG_SECRET_CREDENTIAL;
	d->srs_secret.credential = mem_str(name ? name : "");
}

static void policy(const struct resolved *r, struct config_delivery *d)
{
	const struct value *retry = resolved_value(r, SET_RETRY);
	const struct value *rate = resolved_value(r, SET_RATE);
	const char *sender = resolved_string(r, SET_SENDER);

	resolved_list(r, SET_TO, &d->to);
	d->sender = (enum config_sender)resolved_choice(r, SET_SENDER);
	if (d->sender == CONFIG_SENDER_FIXED && sender)
		d->sender_address =
			mem_str(strcmp(sender, "<>") == 0 ? "" : sender);
	d->dsn = (enum config_dsn)resolved_choice(r, SET_DSN);
	d->connections = r->by[SET_CONNECTIONS]
				 ? (unsigned)resolved_number(r, SET_CONNECTIONS)
			 : d->server.is_loopback ? CONNECTIONS_LOCAL
						 : CONNECTIONS;
	if (retry) {
		d->retry_min_ms = retry->number;
		d->retry_max_ms = retry->number2;
	}
	if (rate) {
		d->rate = (uint32_t)rate->number;
		d->rate_window_ms = rate->number2;
	}
	d->give_up_ms = resolved_number(r, SET_GIVE_UP);
}

/* Return-Path and Delivered-To are the final server's: INTERFACE 2. */
static const char *drop_headers(const struct resolved *r,
				struct config_delivery *d)
{
	if (r->by[SET_DROP_HEADERS]) {
		resolved_list(r, SET_DROP_HEADERS, &d->drop_headers);
		return NULL;
	}
	if (config_is_lmtp(&d->server)) {
		config_list_add(&d->drop_headers, VIEW_LIT("Return-Path"));
		return "{\"Return-Path\"}";
	}
	if (!config_is_smtp(&d->server))
		return "{}";
	config_list_add(&d->drop_headers, VIEW_LIT("Delivered-To"));
	config_list_add(&d->drop_headers, VIEW_LIT("Return-Path"));
	return "{\"Delivered-To\", \"Return-Path\"}";
}

static void effective(const struct resolved *r, struct config_delivery *d,
		      const char *dropped)
{
	struct config_effectives *e = &d->effective;
	char connections[20];

	(void)snprintf(connections, sizeof(connections), "%u", d->connections);
	make_effective_server(e, r, &d->server);
	if (d->server.scheme != CONFIG_MAILDIR) {
		effective_add(e, r, SET_USER, NULL, NULL);
		make_effective_secret(e, r, &d->secret);
	}
	effective_add(e, r, SET_TO, NULL, NULL);
	effective_add(e, r, SET_SENDER, NULL, NULL);
	if (d->srs_domain)
		effective_add(e, r, SET_SRS_SECRET, NULL, NULL);
	effective_add(e, r, SET_CONNECTIONS, connections, NULL);
	effective_add(e, r, SET_DROP_HEADERS, dropped, NULL);
	effective_add(e, r, SET_DSN, NULL, NULL);
	effective_add(e, r, SET_RATE, NULL, NULL);
	effective_add(e, r, SET_XCLIENT, NULL, NULL);
	effective_add(e, r, SET_RETRY, NULL, NULL);
	effective_add(e, r, SET_GIVE_UP, NULL, NULL);
	effective_add(e, r, SET_REFUSED_TO, NULL, NULL);
}

void make_delivery(struct making *m, const struct section *s,
		   struct config_delivery *d)
{
	struct levels levels = { 0 };
	struct resolved r;

	levels_add(&levels, s);
	levels_add(&levels, m->delivery_base);
	inherit(&r, &levels);
	d->name = mem_str(s->title);
	d->file = mem_str(s->at.file);
	d->line = s->at.line;
	d->xclient = resolved_choice(&r, SET_XCLIENT);
	if (server(m, &r, d) && is_local(&d->server))
		local_fits(m, &r, d);
	sign_in(m, &r, d);
	make_tls(m, &r, &d->tls);
	policy(&r, d);
	sender_rewriting(m, &r, d);
	effective(&r, d, drop_headers(&r, d));
}

void make_delivery_refused_to(struct making *m, const struct section *s,
			      struct config_delivery *d)
{
	const struct config_delivery *to;
	const struct section *other;
	struct levels levels = { 0 };
	struct resolved r;

	levels_add(&levels, s);
	inherit(&r, &levels);
	if (!r.by[SET_REFUSED_TO] || !r.by[SET_REFUSED_TO]->ok)
		return;
	other = make_find(m, &r, SET_REFUSED_TO, SECTION_DELIVERY);
	to = other ? config_delivery(m->c, view_of(other->title)) : NULL;
	d->refused_to = to;
	/* the others in the circle have no such line yet, or no circle */
	while (to && to != d)
		to = to->refused_to;
	if (!to)
		return;
	d->refused_to = NULL;
	make_fault(m, &r, r.by[SET_REFUSED_TO],
		   "refused_to leads in a circle back to \"%s\"", d->name);
}

void make_delivery_fini(struct config_delivery *d)
{
	free(d->name);
	free(d->file);
	serverurl_fini(&d->server);
	free(d->user);
	make_secret_fini(&d->secret);
	make_tls_fini(&d->tls);
	make_route_fini(&d->route);
	config_list_fini(&d->to);
	free(d->sender_address);
	free(d->srs_domain);
	make_secret_fini(&d->srs_secret);
	config_list_fini(&d->drop_headers);
	effectives_fini(&d->effective);
}
