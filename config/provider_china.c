#include "provider.h"

/*
 * Mainland China. No received_by: NetEase writes "by mx27 (Coremail)", which
 * names no domain; QQ's incoming hosts (newmx33.qq.com 2019-01-24,
 * newxmmxszc6-1.qq.com 2024-10-17, bizmx39.qq.com of Exmail 2022-02-14) have
 * qq.com alone in common with those that its customers send by. Of Sina
 * ("by sina.com (10.54.253.31)" 2025-08-16) and aliyun ("by
 * smtp.aliyun-inc.com(10.147.40.7)" 2021-04-09) only lines of what their
 * customers send were found, of the others none (public repositories and
 * pages, 2026-11-22). POP3 of Sohu is left out: only port 110 is told
 * of.
 */
static const struct provider entries[] = {
	{
		.name = "126",
		.title = "NetEase 126",
		.domains = PROVIDER_LIST("126.com"),
		.imap = "imaps://imap.126.com",
		.pop3 = "pop3s://pop.126.com",
		.smtp = "smtps://smtp.126.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, POP3/SMTP/IMAP) switch on "
			"IMAP/SMTP or POP3/SMTP and make an authorization "
			"code (客户端授权密码), which takes a text "
			"message",
		.quirks = PROVIDER_ID_FIRST,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user: ISPDB 126.com 2022-11-19",
			"POP3: tables of public programs, found by "
			"\"pop.126.com\" 2026-11-22",
			"password, note: "
			"laifa.xin/youxiang/107-wangyi-163youxiang-netease-personal-email "
			"2026-11-22",
			"ID first: github.com/pimalaya/himalaya/issues/549 "
			"2025-01-23"),
	},
	{
		.name = "139",
		.title = "China Mobile 139",
		.domains = PROVIDER_LIST("139.com"),
		.imap = "imaps://imap.139.com",
		.pop3 = "pop3s://pop.139.com",
		.smtp = "smtps://smtp.139.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_MAIL,
		.password = "the client password (客户端密码) that you set "
			    "in its web mail, not that of the web mail",
		.note = "in its web mail (设置, 账户与安全) switch on "
			"IMAP/SMTP under 邮箱协议设置, and set a "
			"password under 客户端密码",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, password, note: "
			"laifa.xin/youxiang/110-yidong-139youxiang-china-mobile-personal-email "
			"2026-11-22",
			"POP3: blog.51cto.com/u_15300443/3091999 2026-11-22"),
	},
	{
		.name = "163",
		.title = "NetEase 163",
		.domains = PROVIDER_LIST("163.com"),
		.imap = "imaps://imap.163.com",
		.pop3 = "pop3s://pop.163.com",
		.smtp = "smtps://smtp.163.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, POP3/SMTP/IMAP) switch on "
			"IMAP/SMTP or POP3/SMTP and make an authorization "
			"code (客户端授权密码), which takes a text "
			"message",
		.quirks = PROVIDER_ID_FIRST,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user: ISPDB 163.com 2022-11-19, DC 163 "
			"2024-11",
			"POP3: cloud.kd.cn/ask/62494.html, "
			"note.lispstudio.com/dacaf276000eb6a58da4f0ecc45cd0e2 "
			"2026-11-22",
			"password, note: DC 163 2024-11, "
			"laifa.xin/youxiang/107-wangyi-163youxiang-netease-personal-email "
			"2026-11-22",
			"ID first: github.com/pimalaya/himalaya/issues/651 "
			"2026-03-20, github.com/mjs/imapclient/issues/544 "
			"2023-10-12"),
	},
	{
		.name = "188",
		.title = "NetEase 188",
		.domains = PROVIDER_LIST("188.com"),
		.imap = "imaps://imap.188.com",
		.pop3 = "pop3s://pop.188.com",
		.smtp = "smtps://smtp.188.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, POP3/SMTP/IMAP) switch on "
			"IMAP/SMTP or POP3/SMTP and make an authorization "
			"code (客户端授权密码), which takes a text "
			"message",
		.quirks = PROVIDER_ID_FIRST,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, ID first: tables of public "
			"programs, found by \"imap.188.com\" 2026-11-22",
			"POP3: tables of public programs, found by "
			"\"pop.188.com\" 2026-11-22",
			"password, note: as those of 163, whose web mail it "
			"shares: "
			"laifa.xin/youxiang/107-wangyi-163youxiang-netease-personal-email "
			"2026-11-22"),
	},
	{
		.name = "189",
		.title = "China Telecom 189",
		.domains = PROVIDER_LIST("189.cn"),
		.imap = "imaps://imap.189.cn",
		.pop3 = "pop3s://pop.189.cn",
		.smtp = "smtps://smtp.189.cn",
		.user = PROVIDER_USER_ADDRESS,
		.note = "in its web mail (设置, IMAP/POP3/SMTP服务) "
			"switch on IMAP/SMTP or POP3; the password is that of "
			"the web mail, but where an authorization code "
			"(授权码) is shown there, that one",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, note: "
			"laifa.xin/youxiang/104-dianxin-189youxiang-telecom-personal-mailbox "
			"2026-11-22",
			"POP3, authorization code: tables of public programs, "
			"found by \"pop.189.cn\" 2026-11-22"),
	},
	{
		.name = "aliyun",
		.title = "Alibaba Mail (aliyun.com)",
		.domains = PROVIDER_LIST("aliyun.com"),
		.imap = "imaps://imap.aliyun.com",
		.pop3 = "pop3s://pop3.aliyun.com",
		.smtp = "smtps://smtp.aliyun.com",
		.user = PROVIDER_USER_ADDRESS,
		.password = "its password, or the client password "
			    "(客户端专用密码) where its web mail has made "
			    "one",
		.note = "in its web mail (设置, 账户与安全) switch on "
			"POP3/SMTP or IMAP/SMTP",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP: DC aliyun 2023-09",
			"POP3: Alibaba Cloud's manual, CloudMonitor, site "
			"monitoring, pop3s://pop3.aliyun.com 2026-11-22",
			"user, password, note: 67wa.com/83229.html 2026-11-22"),
	},
	{
		.name = "exmail.qq",
		.aliases = PROVIDER_LIST("exmail"),
		.title = "Tencent Exmail (腾讯企业邮箱)",
		.imap = "imaps://imap.exmail.qq.com",
		.pop3 = "pop3s://pop.exmail.qq.com",
		.smtp = "smtps://smtp.exmail.qq.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_APP_2FA,
		.password = "its password, or with secure login (安全登录) a "
			    "client-specific one (客户端专用密码)",
		.note = "in its web mail (设置, 收发信设置) switch on "
			"IMAP/SMTP, and choose all mail (收取全部邮件) "
			"if old mail is missing; from abroad "
			"imaps://hwimap.exmail.qq.com answers faster",
		.quirks = PROVIDER_NO_DESCENDING,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, password, hwimap: "
			"schwkj.cn/qqbizmail/aa10478 2026-11-22, "
			"itoce.com/news_in/2528 2024-11-18",
			"POP3: 67wa.com/127803.html 2026-11-22",
			"note: public guides, found by \"收取全部邮件\" "
			"2026-11-22",
			"descending sets: "
			"github.com/modern-email/defects/issues/40 2025-01-18"),
	},
	{
		.name = "qq",
		.aliases = PROVIDER_LIST("foxmail"),
		.title = "QQ Mail, Foxmail",
		.domains = PROVIDER_LIST("qq.com", "foxmail.com", "vip.qq.com"),
		.imap = "imaps://imap.qq.com",
		.pop3 = "pop3s://pop.qq.com",
		.smtp = "smtps://smtp.qq.com",
		.user = PROVIDER_USER_EITHER,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail makes, not the password of the web mail",
		.note = "in its web mail (设置, 账户) switch on IMAP/SMTP "
			"or POP3/SMTP and make the code (生成授权码); a "
			"change of the QQ password ends all codes; choose all "
			"mail (收取全部邮件) if old mail is missing",
		.quirks = PROVIDER_NO_DESCENDING,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP: ISPDB qq.com 2022-11-19, DC qq 2021-06",
			"POP3: cloud.kd.cn/ask/9658.html, "
			"xiayuyun.com/zonghe/494691.html 2026-11-22",
			"domains: DC qq 2021-06, "
			"laifa.xin/youxiang/106-tengxun-qqyouxiang-tencent-personal-email "
			"2026-11-22",
			"user: DC qq 2021-06 (the part before the @), "
			"github.com/Enough-Software/enough_mail/issues/159 "
			"2021-06-07 (the address)",
			"password, note: blog.zhheo.com/p/6124d6aa.html, "
			"laifa.xin/youxiang/106-tengxun-qqyouxiang-tencent-personal-email "
			"2026-11-22",
			"descending sets: "
			"github.com/pimalaya/himalaya/issues/276 2022-02-02, "
			"github.com/pimalaya/himalaya/issues/572 2025-04-06"),
	},
	{
		.name = "sina",
		.title = "Sina Mail",
		.domains = PROVIDER_LIST("sina.com", "sina.cn"),
		.imap = "imaps://imap.sina.com",
		.pop3 = "pop3s://pop.sina.com",
		.smtp = "smtps://smtp.sina.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, 客户端POP/IMAP/SMTP) "
			"switch on IMAP4/SMTP or POP3/SMTP, which takes a "
			"text message and shows the code",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, password, note: "
			"laifa.xin/youxiang/109-xinlang-sinayouxiang-sina-personal-email "
			"2026-11-22",
			"POP3, user: "
			"github.com/zhangyunhao116/zmail/issues/85 2020-01-04"),
	},
	{
		.name = "sohu",
		.title = "Sohu Mail",
		.domains = PROVIDER_LIST("sohu.com", "vip.sohu.com"),
		.imap = "imaps://imap.sohu.com",
		.smtp = "smtps://smtp.sohu.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password = "the separate password (独立密码) that its web "
			    "mail makes, not that of the web mail",
		.note = "in its web mail (选项, 设置, POP3/SMTP/IMAP) "
			"switch on IMAP/SMTP; its list of allowed addresses "
			"(IP白名单) must be off, or hold yours",
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, domains, password, note: "
			"laifa.xin/youxiang/105-souhu-sohuyouxiang-sohu-personal-email "
			"2026-11-22",
			"user: the same guide 2026-11-22"),
	},
	{
		.name = "vip.163",
		.title = "NetEase VIP (vip.163.com)",
		.domains = PROVIDER_LIST("vip.163.com"),
		.imap = "imaps://imap.vip.163.com",
		.pop3 = "pop3s://pop.vip.163.com",
		.smtp = "smtps://smtp.vip.163.com",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, POP3/SMTP/IMAP) switch on "
			"IMAP/SMTP or POP3/SMTP and make an authorization "
			"code (客户端授权密码), which takes a text "
			"message",
		.quirks = PROVIDER_ID_FIRST,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user, ID first: tables of public "
			"programs, found by \"imap.vip.163.com\" 2026-11-22",
			"POP3: tables of public programs, found by "
			"\"pop.vip.163.com\" 2026-11-22",
			"password, note: as those of 163, whose web mail it "
			"shares: "
			"laifa.xin/youxiang/107-wangyi-163youxiang-netease-personal-email "
			"2026-11-22"),
	},
	{
		.name = "yeah",
		.title = "NetEase yeah.net",
		.domains = PROVIDER_LIST("yeah.net"),
		.imap = "imaps://imap.yeah.net",
		.pop3 = "pop3s://pop.yeah.net",
		.smtp = "smtps://smtp.yeah.net",
		.user = PROVIDER_USER_ADDRESS,
		.secret = PROVIDER_SECRET_CODE,
		.password =
			"the authorization code (授权码), 16 letters that "
			"its web mail shows once, not the password of the web "
			"mail",
		.note = "in its web mail (设置, POP3/SMTP/IMAP) switch on "
			"IMAP/SMTP or POP3/SMTP and make an authorization "
			"code (客户端授权密码), which takes a text "
			"message",
		.quirks = PROVIDER_ID_FIRST,
		.sources = PROVIDER_LIST(
			"IMAP, SMTP, user: ISPDB yeah.net 2022-11-19",
			"POP3: tables of public programs, found by "
			"\"pop.yeah.net\" 2026-11-22",
			"password, note: "
			"laifa.xin/youxiang/107-wangyi-163youxiang-netease-personal-email "
			"2026-11-22",
			"ID first: github.com/pimalaya/himalaya/issues/651 "
			"2026-03-20"),
	},
};

const struct provider_region provider_china = {
	.entry = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
