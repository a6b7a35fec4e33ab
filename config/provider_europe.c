#include "provider.h"

/*
 * Germany, France and their neighbours. No received_by for mailbox.org and
 * Posteo: of both only lines were found that their outgoing hosts wrote, under
 * the same names.
 */
static const struct provider entries[] = {
	{
		.name = "freenet",
		.aliases = PROVIDER_LIST("freenet.de"),
		.title = "freenet Mail",
		.domains = PROVIDER_LIST("freenet.de"),
		.imap = "imaps://mx.freenet.de",
		.pop3 = "pop3s://mx.freenet.de",
		.smtp = "smtps://mx.freenet.de",
		.user = PROVIDER_USER_ADDRESS,
		.note = "switch on POP3/IMAP/SMTP in the settings of the "
			"mailbox (Postfach-Einstellungen)",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, note: DC freenet.de 2024-08",
			"IMAP, POP3, user: ISPDB freenet.de as it was until "
			"2024-10-21"),
	},
	{
		.name = "gmx",
		.aliases = PROVIDER_LIST("gmx.de", "gmx.net"),
		.title = "GMX (gmx.de, .net, .at, .ch)",
		.domains = PROVIDER_LIST("gmx.at", "gmx.biz", "gmx.ch",
					 "gmx.de", "gmx.eu", "gmx.info",
					 "gmx.net", "gmx.org", "mein.gmx",
					 "mail.gmx", "email.gmx"),
		.imap = "imaps://imap.gmx.net",
		.pop3 = "pop3s://pop.gmx.net",
		.smtp = "smtps://mail.gmx.net",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one "
			    "(anwendungsspezifisches Passwort)",
		.note = "switch on POP3 and IMAP in the web settings; what is "
			"not used for long is switched off again; the "
			"application-specific password: Mein Account, "
			"Sicherheit",
		.help = "https://hilfe.gmx.net/pop-imap/einschalten.html",
		.received_by = PROVIDER_LIST("gmx.net"),
		.sources = PROVIDER_LIST(
			"servers, user, domains, note: ISPDB gmx.net "
			"2024-02-26",
			"IMAP, SMTP: DC gmx.net 2023-11-10",
			"Received: headers of list mail delivered to "
			"gmx.net, by mx-ha.gmx.net, 2022-12-05 and 2014-09-02",
			"switched off again: github.com/jens-maus/yam/"
			"issues/638 2017-02-11",
			"password: hilfe.gmx.net/sicherheit/2fa/"
			"anwendungsspezifisches-passwort.html 2026-11-22"),
	},
	{
		.name = "gmx.com",
		.title = "GMX (gmx.com and others outside Germany)",
		.domains = PROVIDER_LIST(
			"gmx.com", "gmx.tm", "gmx.us", "gmx.co.uk", "gmx.es",
			"gmx.fr", "gmx.ca", "gmx.cn", "gmx.co.in", "gmx.com.br",
			"gmx.com.my", "gmx.hk", "gmx.ie", "gmx.ph", "gmx.pt",
			"gmx.ru", "gmx.se", "gmx.sg", "gmx.tw", "gmx.com.tr",
			"gmx.it", "gmx.li"),
		.imap = "imaps://imap.gmx.com",
		.pop3 = "pop3s://pop.gmx.com",
		.smtp = "smtps://mail.gmx.com",
		.user = PROVIDER_USER_ADDRESS,
		.note = "switch on POP3 and IMAP in the web settings",
		.help = "https://support.gmx.com/pop-imap/toggle.html",
		.sources = PROVIDER_LIST(
			"servers, user, domains: ISPDB gmx.com 2022-11-19",
			"note: DC gmx.net 2023-11-10, which names "
			"support.gmx.com/pop-imap/toggle.html"),
	},
	{
		.name = "ionos",
		.aliases = PROVIDER_LIST("ionos.de"),
		.title = "IONOS (Germany)",
		.imap = "imaps://imap.ionos.de",
		.pop3 = "pop3s://pop.ionos.de",
		.smtp = "smtps://smtp.ionos.de",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "the password of the mailbox, not that of the "
			    "customer login; with two-step verification an "
			    "app password",
		.note = "the app password: web mail, Login & Security; "
			"elsewhere the servers have the ending of the country "
			"(imap.ionos.com, .co.uk, .es, .fr, .it, .mx): write "
			"a server of your own",
		.help = "https://www.ionos.de/hilfe/index.php?id=2490",
		.received_by = PROVIDER_LIST("mx.kundenserver.de"),
		.sources = PROVIDER_LIST(
			"password: ionos.com/help/email/using-webmail/"
			"email-activate-and-configure-two-step-verification "
			"2026-11-22",
			"servers, user, countries: ISPDB ionos.de 2021-11-15",
			"Received: headers of a message in a public file, "
			"found by \"mx.kundenserver.de (mxeue002\" 2025-06-03",
			"pop and imap of another country: ionos.fr/assistance/"
			"email/mise-en-place-demail-made-in-germany/"
			"serveur-entrant 2026-11-22"),
	},
	{
		.name = "mailbox.org",
		.title = "mailbox.org",
		.domains = PROVIDER_LIST("mailbox.org"),
		.imap = "imaps://imap.mailbox.org",
		.pop3 = "pop3s://pop3.mailbox.org",
		.smtp = "smtps://smtp.mailbox.org",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application password (Settings, Security)",
		.note = "user is the main address, not an alias",
		.help = "https://kb.mailbox.org/en/private/e-mail/"
			"e-mail-configuration",
		.sources = PROVIDER_LIST(
			"servers, user, password, note: kb.mailbox.org/en/"
			"private/e-mail/e-mail-configuration 2026-11-22",
			"domain: DC mailbox.org 2024-03-25"),
	},
	{
		.name = "ovh",
		.title = "OVHcloud (MX Plan, mail of a web hosting)",
		.imap = "imaps://ssl0.ovh.net",
		.pop3 = "pop3s://ssl0.ovh.net",
		.smtp = "smtps://ssl0.ovh.net",
		.user = PROVIDER_USER_ADDRESS,
		.password = "the password of the mailbox, not that of the "
			    "customer login",
		.note = "an Exchange mailbox has another server: the control "
			"panel names it",
		.sources = PROVIDER_LIST(
			"servers, user: ISPDB ovh.net 2022-11-19; IMAP, SMTP, "
			"user: quai-des-entrepreneurs.com/ovh-mail 2026-11-22",
			"note: formezvousrapidement.fr/ex4mailovhnet-smtp/ "
			"2025-09-20"),
	},
	{
		.name = "posteo",
		.aliases = PROVIDER_LIST("posteo.de"),
		.title = "Posteo",
		.domains = PROVIDER_LIST(
			"posteo.de", "posteo.af", "posteo.at", "posteo.be",
			"posteo.ca", "posteo.ch", "posteo.cl", "posteo.co",
			"posteo.co.uk", "posteo.com", "posteo.com.br",
			"posteo.cr", "posteo.cz", "posteo.dk", "posteo.ee",
			"posteo.es", "posteo.eu", "posteo.fi", "posteo.gl",
			"posteo.gr", "posteo.hn", "posteo.hr", "posteo.hu",
			"posteo.ie", "posteo.in", "posteo.is", "posteo.it",
			"posteo.jp", "posteo.la", "posteo.li", "posteo.lt",
			"posteo.lu", "posteo.me", "posteo.mx", "posteo.my",
			"posteo.net", "posteo.nl", "posteo.no", "posteo.nz",
			"posteo.org", "posteo.pe", "posteo.pl", "posteo.pm",
			"posteo.pt", "posteo.ro", "posteo.ru", "posteo.se",
			"posteo.sg", "posteo.si", "posteo.tn", "posteo.uk",
			"posteo.us"),
		.imap = "imaps://posteo.de",
		.pop3 = "pop3s://posteo.de",
		.smtp = "smtps://posteo.de",
		.user = PROVIDER_USER_ADDRESS,
		.sources = PROVIDER_LIST(
			"servers, user: ISPDB posteo.de 2023-12-29",
			"domains, IMAP, SMTP: DC posteo 2024-08"),
	},
	{
		.name = "t-online",
		.aliases = PROVIDER_LIST("t-online.de", "telekom"),
		.title = "Telekom / T-Online",
		.domains = PROVIDER_LIST("t-online.de", "magenta.de"),
		.imap = "imaps://secureimap.t-online.de",
		.pop3 = "pop3s://securepop.t-online.de",
		.smtp = "smtps://securesmtp.t-online.de",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_MAIL,
		.password =
			"the mail password (Passwort für E-Mail-Programme), "
			"not that of the web login",
		.help = "https://www.telekom.de/hilfe/apps-dienste/e-mail/"
			"programme/passwort-verwalten",
		.received_by =
			PROVIDER_LIST("aul.t-online.de", "mul.t-online.de"),
		.sources = PROVIDER_LIST(
			"servers, user, password, domains: ISPDB t-online.de "
			"2023-12-29",
			"servers, user: pda.teltarif.de/internet/e-mail/"
			"t-online-unverschluesselt.html 2026-11-22",
			"password: DC t-online 2020-02",
			"Received: headers of a message in a public file, by "
			"ehead26a17.aul.t-online.de with LMTP and below it by "
			"mailin27.mgt.mul.t-online.de 2025-12-30"),
	},
	{
		.name = "web.de",
		.aliases = PROVIDER_LIST("webde"),
		.title = "WEB.DE",
		.domains = PROVIDER_LIST("web.de"),
		.imap = "imaps://imap.web.de",
		.pop3 = "pop3s://pop3.web.de",
		.smtp = "smtps://smtp.web.de",
		.user = PROVIDER_USER_LOCAL,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one "
			    "(anwendungsspezifisches Passwort)",
		.note = "switch on POP3 and IMAP in the web settings; the "
			"application-specific password: Kundencenter, "
			"Sicherheit",
		.help = "https://hilfe.web.de/pop-imap/einschalten.html",
		.received_by = PROVIDER_LIST("mx-ha.web.de"),
		.pop3_poll_s = 900,
		.sources = PROVIDER_LIST(
			"password: web.de/email/sicherheit/"
			"zwei-faktor-authentifizierung 2026-11-22",
			"servers, user, note, POP3 every 15 minutes: ISPDB "
			"web.de 2024-02-29",
			"IMAP, user: DC web.de 2020-01",
			"Received: headers of a message that was fetched from "
			"pop3.web.de, by mx-ha.web.de (mxweb112) 2020-06-26"),
	},
};

const struct provider_region provider_europe = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
