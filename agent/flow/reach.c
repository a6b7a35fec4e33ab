#include "reach.h"
#include "credential.h"

#include <string.h>

static enum trust_version version(enum config_tls_version v)
{
	switch (v) {
	case CONFIG_TLS_1_0:
		return TRUST_TLS_1_0;
	case CONFIG_TLS_1_1:
		return TRUST_TLS_1_1;
	case CONFIG_TLS_1_2:
		return TRUST_TLS_1_2;
	case CONFIG_TLS_1_3:
		return TRUST_TLS_1_3;
	}
	return TRUST_TLS_1_2;
}

static enum stream_tls tls_of(enum config_tls_mode mode)
{
	switch (mode) {
	case CONFIG_TLS_IMPLICIT:
		return TLS_IMPLICIT;
	case CONFIG_TLS_NONE:
		return TLS_NONE;
	case CONFIG_TLS_STARTTLS:
	case CONFIG_TLS_LOCAL:
		break;
	}
	return TLS_STARTTLS;
}

static struct proxy proxy_of(const struct config_proxy *p)
{
	static const enum proxy_kind kind[] = {
		[CONFIG_PROXY_NONE] = PROXY_NONE,
		[CONFIG_PROXY_SOCKS5] = PROXY_SOCKS5,
		[CONFIG_PROXY_HTTP] = PROXY_HTTP,
	};

	return (struct proxy){
		.kind = kind[p->kind],
		.host = p->host,
		.port = p->port,
		.user = p->user,
		.password = &p->password,
	};
}

bool reach_endpoint(const struct parts *p, const struct config_server *s,
		    const struct config_tls *tls, const struct config_route *r,
		    struct endpoint *e, struct err *err)
{
	struct trust_setting t = {
		.ca_file = tls->ca,
		.fingerprints = (const char *const *)tls->fingerprint.item,
		.fingerprint_count = tls->fingerprint.n,
		.min = version(tls->min),
		.client_cert = tls->client_cert,
		.client_key = tls->client_key,
	};

	*e = (struct endpoint){
		.host = s->host,
		.port = s->port,
		.tls = tls_of(s->tls),
		.source_address = r->source_address,
		.proxy = proxy_of(&r->proxy),
		.quickack = config_is_smtp(s) || config_is_lmtp(s),
	};
	if (s->scheme == CONFIG_LMTP && s->path && s->path[0])
		e->path = s->path;
	if (s->scheme == CONFIG_MAILDIR || e->tls == TLS_NONE)
		return true;
	e->trust = trust_get(p->trusts, &t, err);
	return e->trust != NULL;
}

void reach_done(struct endpoint *e)
{
	trust_release(e->trust);
	e->trust = NULL;
}

static void run(void *who)
{
	struct reach_secret *s = who;

	s->ok = !mech_needs_secret(s->auth) ||
		credential_read(s->config, s->from, &s->secret, &s->err);
}

static void done(void *who)
{
	struct reach_secret *s = who;

	s->done(s->who, s);
}

static void at_once(void *who)
{
	run(who);
	done(who);
}

void reach_secret(const struct parts *p, struct reach_secret *s)
{
	switch (s->from->kind) {
	case CONFIG_SECRET_NONE:
	case CONFIG_SECRET_PASSWORD:
		task_init(&s->turn, p->loop, at_once, s);
		task_post(&s->turn);
		return;
	case CONFIG_SECRET_COMMAND:
	case CONFIG_SECRET_CREDENTIAL:
		loop_work(p->loop, run, done, s);
		return;
	}
}
