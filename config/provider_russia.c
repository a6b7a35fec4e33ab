#include "provider.h"

/*
 * Russia. No received_by: the lines of Mail.ru that were found
 * (m.smailru.net) are those of what its customers send. Yandex writes who
 * brought it ("by mail-nwsmtp-mxfront-production-main-42.sas.yp-c.yandex.net
 * (mxfront/Yandex)" 2024-09-07, mxfront7g.mail.yandex.net 2020-09-26) under
 * yandex.net, as it does what its customers send (smtp1p.mail.yandex.net), and
 * prints the client's name without a word on whether it looked it up forwards.
 */
static const struct provider entries[] = {
	{
		.name = "mail.ru",
		.aliases = PROVIDER_LIST("mailru"),
		.title = "Mail.ru",
		.domains = PROVIDER_LIST("mail.ru", "inbox.ru", "list.ru",
					 "bk.ru", "internet.ru"),
		.imap = "imaps://imap.mail.ru",
		.pop3 = "pop3s://pop.mail.ru",
		.smtp = "smtps://smtp.mail.ru",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "a password for external applications (пароль "
			    "для внешнего приложения)",
		.note = "the password is made in the security settings of "
			"the web mail",
		.help = "https://help.mail.ru/mail/security/protection/external",
		.sources = PROVIDER_LIST(
			"servers, user: ISPDB mail.ru 2022-11-19",
			"domains: ISPDB mail.ru 2022-11-19, DC mail.ru "
			"2021-07",
			"password, help: DC mail.ru 2021-07, "
			"github.com/thunderbird/thunderbird-android/issues/9069 "
			"2025-04-19"),
	},
	{
		.name = "yandex",
		.title = "Yandex Mail",
		.domains = PROVIDER_LIST("yandex.ru", "yandex.com", "yandex.by",
					 "yandex.kz", "yandex.ua", "ya.ru",
					 "narod.ru"),
		.imap = "imaps://imap.yandex.com",
		.pop3 = "pop3s://pop.yandex.com",
		.smtp = "smtps://smtp.yandex.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP,
		.password = "an app password for mail (пароль "
			    "приложения), made in the account's "
			    "passwords and authorization",
		.note = "in its web settings (mail.yandex.com/#setup/client) "
			"switch on IMAP or POP3, and app passwords; otherwise "
			"it answers as to a wrong password",
		.help = "https://yandex.com/support/passport/authorization/app-passwords.html",
		.quirks = PROVIDER_POP3_WEB_DECIDES,
		.sources = PROVIDER_LIST(
			"servers, user, domains: ISPDB yandex.ru 2022-11-19, "
			"DC yandex.ru 2020-03",
			"password: "
			"yandex.com/support/passport/authorization/app-passwords.html "
			"2026-11-22",
			"note: DC yandex.ru 2020-03, "
			"github.com/Foundry376/Mailspring/issues/2111 "
			"2020-08-16",
			"POP3 keeps what is deleted: a copy of Yandex's help, "
			"rzdoro.ru/tr/microsoft-office 2019-07-29"),
	},
};

const struct provider_region provider_russia = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
