#include "provider.h"

/* Germany, France and their neighbours. */
static const struct provider entries[] = {
	{
		.name = "gmx",
		.title = "GMX (not gmx.com)",
		.imap = "imaps://imap.gmx.net",
		.pop3 = "pop3s://pop.gmx.net",
		.smtp = "smtps://mail.gmx.net",
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one "
			    "(anwendungsspezifisches Passwort)",
		.note = "switch on POP3 and IMAP in the web settings; an "
			"address at gmx.com has other servers: "
			"imaps://imap.gmx.com",
		.sources = PROVIDER_LIST(
			"servers: ISPDB gmx.net 2024-02-27 and gmx.com "
			"2022-11-19, DC gmx.net 2023-11-15",
			"password: hilfe.gmx.net/sicherheit/2fa/"
			"anwendungsspezifisches-passwort.html 2026-11-22",
			"note: ISPDB gmx.net 2024-02-27, which names "
			"hilfe.gmx.net/pop-imap/einschalten.html"),
	},
	{
		.name = "t-online",
		.title = "Telekom / T-Online",
		.imap = "imaps://secureimap.t-online.de",
		.pop3 = "pop3s://securepop.t-online.de",
		.smtp = "smtps://securesmtp.t-online.de",
		.secret = PROVIDER_SECRET_MAIL,
		.password =
			"the mail password (Passwort für E-Mail-Programme), "
			"not that of the web login",
		.sources = PROVIDER_LIST(
			"servers: ISPDB t-online.de 2024-02-23, "
			"pda.teltarif.de/internet/e-mail/t-online-"
			"unverschluesselt.html 2026-11-22",
			"password: ISPDB t-online.de 2024-02-23, DC t-online "
			"2020-02"),
	},
	{
		.name = "web.de",
		.title = "WEB.DE",
		.imap = "imaps://imap.web.de",
		.pop3 = "pop3s://pop3.web.de",
		.smtp = "smtps://smtp.web.de",
		.user = PROVIDER_USER_LOCAL,
		.note = "switch on POP3 and IMAP in the web settings",
		.pop3_poll_s = 900,
		.sources = PROVIDER_LIST(
			"servers, user, 15 minutes: ISPDB web.de 2024-02-29",
			"IMAP, user: DC web.de 2020-01",
			"note: ISPDB web.de 2024-02-29, which names "
			"hilfe.web.de/pop-imap/einschalten.html"),
	},
};

const struct provider_region provider_europe = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
