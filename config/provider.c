#include "provider.h"

/*
 * Where the facts come from, with the day they were last changed or checked
 * there. ISPDB: Thunderbird's database, github.com/thunderbird/autoconfig,
 * ispdb/, as of 2026-03-12. DC: Delta Chat's database,
 * github.com/deltachat/provider-db, _providers/. Pages were read 2026-11-22.
 * No fact was tried against the provider itself.
 */
static const struct provider table[] = {
	/* IMAP, SMTP: ISPDB 163.com 2022-11-19, DC 163 2024-11.
	 * POP3: cloud.kd.cn/ask/62494.html,
	 * note.lispstudio.com/dacaf276000eb6a58da4f0ecc45cd0e2.
	 * Password, note: DC. */
	{
		.name = "163",
		.title = "NetEase 163",
		.imap = "imaps://imap.163.com",
		.pop3 = "pop3s://pop.163.com",
		.smtp = "smtps://smtp.163.com",
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/SMTP/IMAP in the web settings",
	},
	/* Servers: ISPDB googlemail.com 2024-07-30; IMAP, SMTP: DC gmail
	 * 2024-08. Password: DC. POP3 switch: ISPDB. */
	{
		.name = "gmail",
		.title = "Gmail",
		.imap = "imaps://imap.gmail.com",
		.pop3 = "pop3s://pop.gmail.com",
		.smtp = "smtps://smtp.gmail.com",
		.password = "an app password (needs 2-Step Verification): "
			    "myaccount.google.com/apppasswords",
		.note = "for POP3: switch it on in Gmail's settings, "
			"\"Forwarding and POP/IMAP\"",
	},
	/* Servers: ISPDB gmx.net 2024-02-27 and gmx.com 2022-11-19, DC
	 * gmx.net 2023-11-15. Password:
	 * hilfe.gmx.net/sicherheit/2fa/anwendungsspezifisches-passwort.html.
	 * Note: ISPDB, which names hilfe.gmx.net/pop-imap/einschalten.html. */
	{
		.name = "gmx",
		.title = "GMX (not gmx.com)",
		.imap = "imaps://imap.gmx.net",
		.pop3 = "pop3s://pop.gmx.net",
		.smtp = "smtps://mail.gmx.net",
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one "
			    "(anwendungsspezifisches Passwort)",
		.note = "switch on POP3 and IMAP in the web settings; an "
			"address at gmx.com has other servers: "
			"imaps://imap.gmx.com",
	},
	/* Servers: ISPDB me.com 2023-05-21, DC icloud 2024-10; that there is
	 * no POP3: clean.email/blog/email-settings/icloud-email-settings.
	 * User: ISPDB and DC. Password: DC, which names
	 * support.apple.com/en-us/HT202304. */
	{
		.name = "icloud",
		.title = "iCloud Mail",
		.imap = "imaps://imap.mail.me.com",
		.smtp = "submission://smtp.mail.me.com",
		.password = "an app-specific password, made at "
			    "account.apple.com",
		.note = "user is the part before the @; for SMTP the whole "
			"address",
	},
	/* Servers, OAuth 2: ISPDB hotmail.com 2025-07-28. That passwords and
	 * app passwords are refused: DC outlook.com 2024-11;
	 * techissuestoday.com/how-to-update-outlook-email-settings-to-
	 * avoid-losing-access-after-september-16/ (since 2024-09-16). */
	{
		.name = "outlook",
		.title = "Outlook.com, Hotmail",
		.imap = "imaps://outlook.office365.com",
		.pop3 = "pop3s://outlook.office365.com",
		.smtp = "submission://smtp-mail.outlook.com",
		.password =
			"an OAuth 2 access token, which this version cannot "
			"use",
		.note = "passwords and app passwords are refused since "
			"September 2024",
	},
	/* IMAP, SMTP: ISPDB qq.com 2022-11-19, DC qq 2021-06. POP3:
	 * cloud.kd.cn/ask/9658.html, xiayuyun.com/zonghe/494691.html.
	 * Password: blog.zhheo.com/p/6124d6aa.html. Note: DC. */
	{
		.name = "qq",
		.title = "QQ Mail",
		.imap = "imaps://imap.qq.com",
		.pop3 = "pop3s://pop.qq.com",
		.smtp = "smtps://smtp.qq.com",
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/IMAP/SMTP in the web settings",
	},
	/* Servers: ISPDB t-online.de 2024-02-23,
	 * pda.teltarif.de/internet/e-mail/t-online-unverschluesselt.html.
	 * Password: ISPDB, DC t-online 2020-02. */
	{
		.name = "t-online",
		.title = "Telekom / T-Online",
		.imap = "imaps://secureimap.t-online.de",
		.pop3 = "pop3s://securepop.t-online.de",
		.smtp = "smtps://securesmtp.t-online.de",
		.password =
			"the mail password (Passwort für E-Mail-Programme), "
			"not that of the web login",
	},
	/* Servers, user, 15 minutes: ISPDB web.de 2024-02-29 (SMTP over TLS
	 * from the first octet since 2024-02-23); IMAP, user: DC web.de
	 * 2020-01. Note: ISPDB, hilfe.web.de/pop-imap/einschalten.html. */
	{
		.name = "web.de",
		.title = "WEB.DE",
		.imap = "imaps://imap.web.de",
		.pop3 = "pop3s://pop3.web.de",
		.smtp = "smtps://smtp.web.de",
		.note = "user is the part before the @; switch on POP3 and "
			"IMAP in the web settings; POP3 may be asked every "
			"15 minutes at most",
	},
	/* Servers: ISPDB yahoo.com 2025-11-17; IMAP, SMTP, password: DC yahoo
	 * 2020-06. Password, too: xenocept.com/docs/email-setup/yahoo.html. */
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
