#include "provider.h"

/*
 * The world over. No received_by for Microsoft: the hosts that take a message
 * from outside and those of any customer who sends one bear the same names
 * (prod.outlook.com), and their lines name the client without having looked it
 * up. None for Zoho: mx.zohomail.com writes the lines of what its customers
 * send. None for those whose line on top names no domain of theirs, so that
 * no run of them begins there: Fastmail ("by slotai03m05 (Cyrus",
 * 2026-09-29), iCloud ("by p116-mailgateway-smtp-746c496c44-6mknn", 2024-01-02,
 * "p139-..." 2026-09-23; in 2014 hosts of mac.com, each by its address alone),
 * Yahoo and with it AOL (from atlas206.free.mail.ne1.yahoo.com on top,
 * 2021-06-21, it came by 10.222.142.150; until 2020-06-10 mta4212.mail.bf1.
 * yahoo.com wrote the client). Searched 2026-11-22 in public repositories for
 * the words those hosts write, and in pages.
 */
static const struct provider entries[] = {
	{
		.name = "aol",
		.title = "AOL Mail",
		.domains = PROVIDER_LIST(
			"aol.com", "aim.com", "netscape.net", "netscape.com",
			"compuserve.com", "cs.com", "wmconnect.com", "aol.de",
			"aol.it", "aol.fr", "aol.es", "aol.se", "aol.co.uk",
			"aol.co.nz", "aol.com.au", "aol.com.ar", "aol.com.br",
			"aol.com.mx"),
		.imap = "imaps://imap.aol.com",
		.pop3 = "pop3s://pop.aol.com",
		.smtp = "smtps://smtp.aol.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password from the account's security page "
			    "(login.aol.com/account/security)",
		.sources = PROVIDER_LIST(
			"servers, user, domains: ISPDB aol.com 2022-11-19",
			"IMAP, SMTP, password: DC aol 2020-02"),
	},
	{
		.name = "fastmail",
		.title = "Fastmail",
		.domains = PROVIDER_LIST(
			"fastmail.com", "fastmail.fm", "fastmail.co.uk",
			"fastmail.com.au", "fastmail.de", "fastmail.es",
			"fastmail.fr", "fastmail.in", "fastmail.jp",
			"fastmail.net", "fastmail.nl", "fastmail.org",
			"fastmail.se", "fastmail.uk", "fastmail.us"),
		.imap = "imaps://imap.fastmail.com",
		.pop3 = "pop3s://pop.fastmail.com",
		.smtp = "smtps://smtp.fastmail.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password (Settings, Privacy & Security), "
			    "not that of the web login",
		.help = "https://www.fastmail.com/help/technical/"
			"servernamesandports.html",
		.sources = PROVIDER_LIST(
			"servers, user, password: www.fastmail.com/help/"
			"technical/servernamesandports.html 2026-11-22; ISPDB "
			"messagingengine.com 2025-10-23",
			"where it is made: xenocept.com/docs/email-setup/"
			"fastmail.html 2026-11-22",
			"domains: DC fastmail 2024-03-25, a part of them"),
	},
	{
		.name = "gmail",
		.aliases = PROVIDER_LIST("googlemail"),
		.title = "Gmail",
		.domains = PROVIDER_LIST("gmail.com", "googlemail.com"),
		.imap = "imaps://imap.gmail.com",
		.pop3 = "pop3s://pop.gmail.com",
		.smtp = "smtps://smtp.gmail.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password (needs 2-Step Verification): "
			    "myaccount.google.com/apppasswords",
		.note = "for POP3: switch it on in Gmail's settings, "
			"\"Forwarding and POP/IMAP\"; user \"recent:ADDRESS\" "
			"shows the mail of 30 days to every program",
		.help = "https://support.google.com/accounts/answer/185833",
		.received_by = PROVIDER_LIST("mx.google.com"),
		.pop3_poll_s = 300,
		.account_connections = 15,
		.quirks = PROVIDER_TRASH | PROVIDER_LABELS |
			  PROVIDER_POP3_HIDES | PROVIDER_POP3_WEB_DECIDES,
		.sources = PROVIDER_LIST(
			"servers, user, domains: ISPDB googlemail.com "
			"2024-07-30; IMAP, SMTP: DC gmail 2024-08",
			"password, help: DC gmail 2024-08",
			"note: ISPDB googlemail.com 2024-07-30; recent: and "
			"what POP3 hides: support.google.com/mail/answer/"
			"6089246 2026-11-22",
			"web settings decide: limilabs.com/blog/"
			"gmail-pop3-behavior 2026-11-22",
			"Trash: DC gmail 2024-08 (delete_to_trash)",
			"labels: developers.google.com/gmail/imap/"
			"imap-extensions, named by github.com/apple/"
			"swift-nio-imap/issues/286 2020-08-21",
			"Received: headers of list mail that came to Google "
			"from outside, by mx.google.com, 2014-07-21, "
			"2017-08-16 and 2019-01-18; the lines above it name "
			"no sender",
			"POP3 every 5 minutes (LOGIN-DELAY 300): "
			"github.com/jstedfast/MimeKit/issues/99 2017-11-20",
			"connections: support.google.com/mail/answer/97150, "
			"named by github.com/imapsync/imapsync/issues/61 "
			"2016-03-02; github.com/postalsys/imapflow/issues/178 "
			"2024-03-14"),
	},
	{
		.name = "icloud",
		.aliases = PROVIDER_LIST("apple"),
		.title = "iCloud Mail",
		.domains = PROVIDER_LIST("icloud.com", "me.com", "mac.com"),
		.imap = "imaps://imap.mail.me.com",
		.smtp = "submission://smtp.mail.me.com",
		.user = PROVIDER_USER_LOCAL,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app-specific password, made at "
			    "account.apple.com",
		.note = "for SMTP the user is the whole address; the password: Sign-In and Security, "
			"App-Specific Passwords, which needs two-factor "
			"authentication",
		.help = "https://support.apple.com/en-us/HT202304",
		.quirks = PROVIDER_PEEK_ONLY,
		.sources = PROVIDER_LIST(
			"where it is made: support.apple.com/en-in/102654 "
			"2026-11-22",
			"servers, user, domains: ISPDB me.com 2023-05-21, DC "
			"icloud 2024-10",
			"no POP3: clean.email/blog/email-settings/icloud-"
			"email-settings 2026-11-22",
			"password: DC icloud 2024-10, which names "
			"support.apple.com/en-us/HT202304",
			"RFC822 without body: github.com/modern-email/defects/"
			"issues/36 2024-08-04, github.com/zammad/zammad/"
			"issues/4589 2023-04-20"),
	},
	{
		.name = "microsoft365",
		.aliases = PROVIDER_LIST("office365", "exchange-online"),
		.title = "Microsoft 365, Exchange Online",
		.imap = "imaps://outlook.office365.com",
		.pop3 = "pop3s://outlook.office365.com",
		.smtp = "submission://smtp.office365.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_OAUTH,
		.password = "an OAuth 2 access token; passwords and app "
			    "passwords are refused",
		.note = "the administrator must allow IMAP or POP for the "
			"mailbox, and an application to get the token with",
		.help = "https://learn.microsoft.com/en-us/exchange/"
			"clients-and-mobile-in-exchange-online/"
			"deprecation-of-basic-authentication-exchange-online",
		.sources = PROVIDER_LIST(
			"servers, user, OAuth 2: ISPDB office365.com "
			"2026-03-10",
			"password: learn.microsoft.com/en-us/exchange/clients-"
			"and-mobile-in-exchange-online/deprecation-of-basic-"
			"authentication-exchange-online 2026-11-22",
			"note: itcs.com.pk/start-using-oauth-for-office-365-"
			"pop-imap-authentication 2026-11-22"),
	},
	{
		.name = "mxroute",
		.title = "MXroute",
		.user = PROVIDER_USER_ADDRESS,
		.note = "each customer has a server of their own, named in "
			"the mail that welcomed you: write server = "
			"\"imaps://NAME.mxrouting.net\" instead of provider",
		.sources = PROVIDER_LIST(
			"note: gist.github.com/afermg/"
			"69df5d99ddc7e1201b471aa6eb564e51 2025-11-24"),
	},
	{
		.name = "outlook",
		.aliases = PROVIDER_LIST("hotmail", "outlook.com"),
		.title = "Outlook.com, Hotmail",
		.domains = PROVIDER_LIST(
			"hotmail.com", "live.com", "msn.com", "outlook.com",
			"windowslive.com", "outlook.at", "outlook.be",
			"outlook.cl", "outlook.cz", "outlook.de", "outlook.dk",
			"outlook.es", "outlook.fr", "outlook.hu", "outlook.ie",
			"outlook.in", "outlook.it", "outlook.jp", "outlook.kr",
			"outlook.lv", "outlook.my", "outlook.ph", "outlook.pt",
			"outlook.sa", "outlook.sg", "outlook.sk",
			"outlook.co.id", "outlook.co.il", "outlook.co.th",
			"outlook.com.ar", "outlook.com.au", "outlook.com.br",
			"outlook.com.gr", "outlook.com.tr", "outlook.com.vn",
			"hotmail.be", "hotmail.ca", "hotmail.cl", "hotmail.cz",
			"hotmail.de", "hotmail.dk", "hotmail.es", "hotmail.fi",
			"hotmail.fr", "hotmail.gr", "hotmail.hu", "hotmail.it",
			"hotmail.lt", "hotmail.lv", "hotmail.my", "hotmail.nl",
			"hotmail.no", "hotmail.ph", "hotmail.rs", "hotmail.se",
			"hotmail.sg", "hotmail.sk", "hotmail.co.id",
			"hotmail.co.il", "hotmail.co.in", "hotmail.co.jp",
			"hotmail.co.kr", "hotmail.co.th", "hotmail.co.uk",
			"hotmail.co.za", "hotmail.com.ar", "hotmail.com.au",
			"hotmail.com.br", "hotmail.com.hk", "hotmail.com.tr",
			"hotmail.com.tw", "hotmail.com.vn", "live.at",
			"live.be", "live.ca", "live.cl", "live.cn", "live.de",
			"live.dk", "live.fi", "live.fr", "live.hk", "live.ie",
			"live.in", "live.it", "live.jp", "live.nl", "live.no",
			"live.ru", "live.se", "live.co.jp", "live.co.kr",
			"live.co.uk", "live.co.za", "live.com.ar",
			"live.com.au", "live.com.mx", "live.com.my",
			"live.com.ph", "live.com.pt", "live.com.sg",
			"livemail.tw"),
		.imap = "imaps://outlook.office365.com",
		.pop3 = "pop3s://outlook.office365.com",
		.smtp = "submission://smtp-mail.outlook.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_OAUTH,
		.password = "an OAuth 2 access token; passwords and app "
			    "passwords are refused since September 2024",
		.help = "https://support.office.com/article/pop-imap-and-"
			"smtp-settings-for-outlook-com-"
			"d088b986-291d-42b8-9564-9c414e2aa040",
		.sources = PROVIDER_LIST(
			"servers, user, OAuth 2, domains, help: ISPDB "
			"hotmail.com 2025-07-28",
			"password: DC outlook.com 2024-11; "
			"techissuestoday.com/how-to-update-outlook-email-"
			"settings-to-avoid-losing-access-after-september-16/ "
			"2026-11-22"),
	},
	{
		.name = "proton",
		.aliases = PROVIDER_LIST("protonmail"),
		.title = "Proton Mail, by way of its Bridge",
		.domains = PROVIDER_LIST("protonmail.com", "protonmail.ch",
					 "pm.me"),
		.imap = "imap://127.0.0.1:1143",
		.secret = PROVIDER_SECRET_MAIL,
		.password = "the password that Proton Mail Bridge shows for "
			    "the mailbox, not that of the account",
		.note = "Bridge must run on this machine (paid plans); it has "
			"a certificate of its own: tls_fingerprint, which "
			"mailhaul check prints",
		.help = "https://proton.me/support/protonmail-bridge-faq",
		.sources = PROVIDER_LIST(
			"password, note: proton.me/support/"
			"protonmail-bridge-faq 2026-11-22",
			"IMAP: github.com/pimalaya/himalaya/issues/129 "
			"2021-04-25",
			"domains: DC protonmail 2021-10-04"),
	},
	{
		.name = "workspace",
		.aliases = PROVIDER_LIST("google-workspace"),
		.title = "Google Workspace",
		.imap = "imaps://imap.gmail.com",
		.pop3 = "pop3s://pop.gmail.com",
		.smtp = "smtps://smtp.gmail.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password (needs 2-Step Verification): "
			    "myaccount.google.com/apppasswords",
		.note = "the administrator must allow app passwords, else it "
			"is OAuth 2 alone; for POP3: switch it on in Gmail's "
			"settings, \"Forwarding and POP/IMAP\"",
		.help = "https://support.google.com/accounts/answer/185833",
		.received_by = PROVIDER_LIST("mx.google.com"),
		.pop3_poll_s = 300,
		.account_connections = 15,
		.quirks = PROVIDER_TRASH | PROVIDER_LABELS |
			  PROVIDER_POP3_HIDES | PROVIDER_POP3_WEB_DECIDES,
		.sources = PROVIDER_LIST(
			"servers, user, note: ISPDB googlemail.com 2024-07-30 "
			"(its MX is Workspace's)",
			"password: support.google.com/mail/answer/6089246 "
			"(March 2025), read 2026-11-22; domainindia.com/login/"
			"knowledgebase/743 2026-11-22; administrator: "
			"gtechbooster.com/how-to-create-app-password-for-"
			"google-workspace-users/ 2026-11-22",
			"the rest: as gmail 2026-11-22"),
	},
	{
		.name = "yahoo",
		.title = "Yahoo Mail",
		.domains = PROVIDER_LIST(
			"yahoo.com", "yahoo.ca", "yahoo.de", "yahoo.it",
			"yahoo.fr", "yahoo.es", "yahoo.se", "yahoo.co.in",
			"yahoo.co.uk", "yahoo.co.nz", "yahoo.com.au",
			"yahoo.com.ar", "yahoo.com.br", "yahoo.com.mx",
			"ymail.com", "myyahoo.com", "rocketmail.com"),
		.imap = "imaps://imap.mail.yahoo.com",
		.pop3 = "pop3s://pop.mail.yahoo.com",
		.smtp = "smtps://smtp.mail.yahoo.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password: Generate app password, on the "
			    "account's security page "
			    "(login.yahoo.com/account/security)",
		.help = "https://help.yahoo.com/kb/generate-manage-rd-party-"
			"passwords-sln15241.html",
		.sources = PROVIDER_LIST(
			"where it is made: DC yahoo 2025-09",
			"servers, user, domains: ISPDB yahoo.com 2025-11-17; "
			"IMAP, SMTP: DC yahoo 2020-06",
			"password: help.yahoo.com/kb/generate-manage-rd-party-"
			"passwords-sln15241.html 2026-11-22, DC yahoo 2020-06"),
	},
	{
		.name = "zoho",
		.aliases = PROVIDER_LIST("zoho.com"),
		.title = "Zoho Mail (zoho.com, personal addresses)",
		.domains = PROVIDER_LIST("zoho.com", "zohomail.com"),
		.imap = "imaps://imap.zoho.com",
		.pop3 = "pop3s://pop.zoho.com",
		.smtp = "smtps://smtp.zoho.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one (Security, App "
			    "Passwords)",
		.note = "switch on IMAP or POP access in the web settings; "
			"new free accounts have no POP; elsewhere the servers "
			"have the ending of the country (imap.zoho.in, "
			".com.au, .jp): write a server of your own",
		.help = "https://www.zoho.com/mail/help/imap-access.html",
		.sources = PROVIDER_LIST(
			"servers, user, domains, IMAP and POP access: ISPDB "
			"zoho.com 2025-10-22",
			"password: help.zoho.com/portal/en/kb/solo/"
			"communication/settings/articles/how-to-generate-app-"
			"specific-password 2026-11-22",
			"no POP for free: pixelkicks.freshdesk.com/support/"
			"solutions/articles/"
			"241553-zoho-mail-pop-configuration 2026-11-22",
			"countries: support.bolddesk.com/kb/article/15603/"
			"how-to-configure-imap-in-zoho-mail, smartlead.ai/"
			"blog/zoho-imap-settings 2026-11-22"),
	},
	{
		.name = "zoho-pro",
		.title = "Zoho Mail (zoho.com, addresses of an organization)",
		.imap = "imaps://imappro.zoho.com",
		.pop3 = "pop3s://poppro.zoho.com",
		.smtp = "smtps://smtppro.zoho.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one (Security, App "
			    "Passwords)",
		.note = "switch on IMAP or POP access in the web settings; "
			"the administrator must allow it",
		.help = "https://www.zoho.com/mail/help/imap-access.html",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, password: wiki.brostweb.com/books/"
			"external-accounts/chapter/zoho/export/html "
			"2026-11-22",
			"POP3: support.cc-wd.com/portal/en/kb/articles/"
			"mail-access-via-pop3 2026-11-22",
			"note: support.bolddesk.com/kb/article/15603/"
			"how-to-configure-imap-in-zoho-mail 2026-11-22"),
	},
	{
		.name = "zoho.eu",
		.title = "Zoho Mail (zoho.eu, personal addresses)",
		.domains = PROVIDER_LIST("zoho.eu", "zohomail.eu"),
		.imap = "imaps://imap.zoho.eu",
		.pop3 = "pop3s://pop.zoho.eu",
		.smtp = "smtps://smtp.zoho.eu",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with two-factor sign-in an "
			    "application-specific one (Security, App "
			    "Passwords)",
		.note = "switch on IMAP or POP access in the web settings",
		.help = "https://www.zoho.com/mail/help/imap-access.html",
		.sources = PROVIDER_LIST(
			"servers, user, domains, note: ISPDB zoho.eu "
			"2025-10-22; IMAP, SMTP: DC zoho 2021-06",
			"password: help.zoho.com/portal/en/kb/solo/"
			"communication/settings/articles/how-to-generate-app-"
			"specific-password 2026-11-22"),
	},
};

const struct provider_region provider_global = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
