#include "provider.h"

/* The world over. */
static const struct provider entries[] = {
	{
		.name = "gmail",
		.title = "Gmail",
		.imap = "imaps://imap.gmail.com",
		.pop3 = "pop3s://pop.gmail.com",
		.smtp = "smtps://smtp.gmail.com",
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password (needs 2-Step Verification): "
			    "myaccount.google.com/apppasswords",
		.note = "for POP3: switch it on in Gmail's settings, "
			"\"Forwarding and POP/IMAP\"",
		.sources = PROVIDER_LIST(
			"servers: ISPDB googlemail.com 2024-07-30; IMAP, SMTP: "
			"DC gmail 2024-08",
			"password: DC gmail 2024-08",
			"note: ISPDB googlemail.com 2024-07-30"),
	},
	{
		.name = "icloud",
		.title = "iCloud Mail",
		.imap = "imaps://imap.mail.me.com",
		.smtp = "submission://smtp.mail.me.com",
		.user = PROVIDER_USER_LOCAL,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app-specific password, made at "
			    "account.apple.com",
		.note = "for SMTP the user is the whole address",
		.sources = PROVIDER_LIST(
			"servers, user: ISPDB me.com 2023-05-21, DC icloud "
			"2024-10",
			"no POP3: clean.email/blog/email-settings/icloud-"
			"email-settings 2026-11-22",
			"password: DC icloud 2024-10, which names "
			"support.apple.com/en-us/HT202304"),
	},
	{
		.name = "outlook",
		.title = "Outlook.com, Hotmail",
		.imap = "imaps://outlook.office365.com",
		.pop3 = "pop3s://outlook.office365.com",
		.smtp = "submission://smtp-mail.outlook.com",
		.secret = PROVIDER_SECRET_OAUTH,
		.password =
			"an OAuth 2 access token, which this version cannot "
			"use",
		.note = "passwords and app passwords are refused since "
			"September 2024",
		.sources = PROVIDER_LIST(
			"servers, OAuth 2: ISPDB hotmail.com 2025-07-28",
			"password, note: DC outlook.com 2024-11; "
			"techissuestoday.com/how-to-update-outlook-email-"
			"settings-to-avoid-losing-access-after-september-16/ "
			"2026-11-22"),
	},
	{
		.name = "yahoo",
		.title = "Yahoo Mail",
		.imap = "imaps://imap.mail.yahoo.com",
		.pop3 = "pop3s://pop.mail.yahoo.com",
		.smtp = "smtps://smtp.mail.yahoo.com",
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password from the account's security page",
		.sources = PROVIDER_LIST(
			"servers: ISPDB yahoo.com 2025-11-17; IMAP, SMTP: DC "
			"yahoo 2020-06",
			"password: DC yahoo 2020-06, "
			"xenocept.com/docs/email-setup/yahoo.html 2026-11-22"),
	},
};

const struct provider_region provider_global = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
