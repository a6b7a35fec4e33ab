#include "provider.h"

/* Mainland China. */
static const struct provider entries[] = {
	{
		.name = "163",
		.title = "NetEase 163",
		.domains = PROVIDER_LIST("163.com"),
		.imap = "imaps://imap.163.com",
		.pop3 = "pop3s://pop.163.com",
		.smtp = "smtps://smtp.163.com",
		.secret = PROVIDER_SECRET_CODE,
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/SMTP/IMAP in the web settings",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP: ISPDB 163.com 2022-11-19, DC 163 2024-11",
			"POP3: cloud.kd.cn/ask/62494.html, note.lispstudio.com/"
			"dacaf276000eb6a58da4f0ecc45cd0e2 2026-11-22",
			"password, note: DC 163 2024-11"),
	},
	{
		.name = "qq",
		.title = "QQ Mail",
		.domains = PROVIDER_LIST("qq.com"),
		.imap = "imaps://imap.qq.com",
		.pop3 = "pop3s://pop.qq.com",
		.smtp = "smtps://smtp.qq.com",
		.secret = PROVIDER_SECRET_CODE,
		.password = "the authorization code (授权码) from the web "
			    "settings, not the password",
		.note = "switch on POP3/IMAP/SMTP in the web settings",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP: ISPDB qq.com 2022-11-19, DC qq 2021-06",
			"POP3: cloud.kd.cn/ask/9658.html, "
			"xiayuyun.com/zonghe/494691.html 2026-11-22",
			"password: blog.zhheo.com/p/6124d6aa.html 2026-11-22",
			"note: DC qq 2021-06"),
	},
};

const struct provider_region provider_china = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
