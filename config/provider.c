#include "provider.h"

static const struct provider table[] = {
	{
		.name = "163",
		.title = "NetEase 163",
		.imap = "imaps://imap.163.com",
		.pop3 = "pop3s://pop.163.com",
		.smtp = "smtps://smtp.163.com",
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/IMAP in the web settings",
	},
	{
		.name = "gmail",
		.title = "Gmail",
		.imap = "imaps://imap.gmail.com",
		.pop3 = "pop3s://pop.gmail.com",
		.smtp = "smtps://smtp.gmail.com",
		.password = "an app password (16 letters; needs two-step "
			    "verification)",
	},
	{
		.name = "gmx",
		.title = "GMX",
		.imap = "imaps://imap.gmx.net",
		.pop3 = "pop3s://pop.gmx.net",
		.smtp = "smtps://mail.gmx.net",
		.note = "switch on POP3/IMAP in the web settings",
	},
	{
		.name = "icloud",
		.title = "iCloud Mail",
		.imap = "imaps://imap.mail.me.com",
		.smtp = "submission://smtp.mail.me.com",
		.password = "an app-specific password from account.apple.com",
	},
	{
		.name = "outlook",
		.title = "Outlook.com",
		.imap = "imaps://outlook.office365.com",
		.pop3 = "pop3s://outlook.office365.com",
		.smtp = "submission://smtp-mail.outlook.com",
		.password = "an OAuth2 access token: passwords are refused",
	},
	{
		.name = "qq",
		.title = "QQ Mail",
		.imap = "imaps://imap.qq.com",
		.pop3 = "pop3s://pop.qq.com",
		.smtp = "smtps://smtp.qq.com",
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/IMAP in the web settings",
	},
	{
		.name = "t-online",
		.title = "Telekom / T-Online",
		.imap = "imaps://secureimap.t-online.de",
		.pop3 = "pop3s://securepop.t-online.de",
		.smtp = "smtps://securesmtp.t-online.de",
		.password =
			"the mail password (Passwort für E-Mail-Programme), "
			"not that of the login",
	},
	{
		.name = "web.de",
		.title = "WEB.DE",
		.imap = "imaps://imap.web.de",
		.pop3 = "pop3s://pop3.web.de",
		.smtp = "submission://smtp.web.de",
		.note = "switch on POP3/IMAP in the web settings",
	},
	{
		.name = "yahoo",
		.title = "Yahoo Mail",
		.imap = "imaps://imap.mail.yahoo.com",
		.pop3 = "pop3s://pop.mail.yahoo.com",
		.smtp = "smtps://smtp.mail.yahoo.com",
		.password = "an app password from the account's security page",
	},
};
#define PROVIDERS (sizeof(table) / sizeof(table[0]))

const struct provider *provider_find(struct view name)
{
	for (size_t i = 0; i < PROVIDERS; i++)
		if (view_eq(name, view_of(table[i].name)))
			return &table[i];
	return NULL;
}

const struct provider *provider_at(size_t i)
{
	return i < PROVIDERS ? &table[i] : NULL;
}
