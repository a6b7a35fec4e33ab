#include "remedy.h"
#include "provider.h"

#include <stdio.h>

/* What the user name should be, where it plainly is not; else NULL. */
static const char *user_wanted(const struct config_account *a)
{
	const char *at = a->user ? strchr(a->user, '@') : NULL;

	if (!a->builtin)
		return NULL;
	switch (a->builtin->user) {
	case PROVIDER_USER_ADDRESS:
		return at ? NULL : provider_user_text(a->builtin->user);
	case PROVIDER_USER_LOCAL:
		return at ? provider_user_text(a->builtin->user) : NULL;
	case PROVIDER_USER_OWN:
		return at ? provider_user_text(a->builtin->user) : NULL;
	case PROVIDER_USER_UNKNOWN:
	case PROVIDER_USER_EITHER:
		break;
	}
	return NULL;
}

static bool is_token(enum mech auth)
{
	return auth == MECH_XOAUTH2 || auth == MECH_OAUTHBEARER;
}

#define TOKEN                                                                  \
	"the access token was refused or has expired: let the secret be a "    \
	"fresh one (password_command)"

void remedy_delivery(const struct config_delivery *d, struct err *e)
{
	if (is_token(d->auth)) {
		(void)err_remedy(e, TOKEN);
		return;
	}
	switch (d->secret.kind) {
	case CONFIG_SECRET_PASSWORD:
		(void)err_remedy(e, "correct `user` or `password`");
		return;
	case CONFIG_SECRET_COMMAND:
		(void)err_remedy(e, "correct `user` or what password_command "
				    "prints");
		return;
	case CONFIG_SECRET_CREDENTIAL:
	case CONFIG_SECRET_NONE:
		break;
	}
	(void)err_remedy(e, "check `user` and the password: mailhaul passwd %s",
			 d->name);
}

void remedy_signin(const struct config_account *a, struct err *e)
{
	const char *user = user_wanted(a);
	const char *wants = a->builtin && a->builtin->password
				    ? a->builtin->password
				    : NULL;
	char hint[80], with[200];

	(void)snprintf(hint, sizeof(hint), "%s%s%s", user ? " (" : "",
		       user ? user : "", user ? ")" : "");
	(void)snprintf(with, sizeof(with), "%s%s", wants ? "; it wants " : "",
		       wants ? wants : "");
	if (is_token(a->auth)) {
		(void)err_remedy(e, TOKEN "%s", with);
		return;
	}
	switch (a->secret.kind) {
	case CONFIG_SECRET_PASSWORD:
		(void)err_remedy(e, "correct `user`%s or `password`%s", hint,
				 with);
		return;
	case CONFIG_SECRET_COMMAND:
		(void)err_remedy(e,
				 "correct `user`%s or what password_command "
				 "prints%s",
				 hint, with);
		return;
	case CONFIG_SECRET_CREDENTIAL:
	case CONFIG_SECRET_NONE:
		break;
	}
	(void)err_remedy(e,
			 "check `user`%s and the password: mailhaul passwd "
			 "%s%s",
			 hint, a->name, with);
}

bool remedy_protocol(struct err *e)
{
	static const struct {
		const char *begins, *who;
		enum err_origin own; /* of whom it is no surprise */
	} kinds[] = {
		{ "+OK", "a POP3 server", ERR_FROM_POP3 },
		{ "-ERR", "a POP3 server", ERR_FROM_POP3 },
		{ "* ", "an IMAP server", ERR_FROM_IMAP },
		{ "220", "an SMTP server", ERR_FROM_SMTP },
		{ "421", "an SMTP server", ERR_FROM_SMTP },
		{ "554", "an SMTP server", ERR_FROM_SMTP },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (e->origin != kinds[i].own &&
		    view_starts(view_of(e->peer), view_of(kinds[i].begins))) {
			(void)err_remedy(e,
					 "%s answers there: correct protocol "
					 "or port in `server`",
					 kinds[i].who);
			return true;
		}
	return false;
}

bool remedy_demand(int code, struct view shown, struct err *e)
{
	if (code != 530 && code != 538)
		return false;
	if (view_ifind(shown, VIEW_LIT("STARTTLS")) < shown.n) {
		(void)err_set(e, ERR_TRUST, "the server wants TLS first");
		(void)err_remedy(e, "write tls = required for the delivery "
				    "(and tls_ca or tls_fingerprint, where "
				    "its certificate is of its own making)");
	} else {
		(void)err_set(e, ERR_AUTH, "the server wants a sign-in");
		(void)err_remedy(e, "set `user` and a secret for the delivery");
	}
	e->origin = ERR_FROM_SMTP;
	e->code = code;
	(void)err_peer(e, shown);
	return true;
}
