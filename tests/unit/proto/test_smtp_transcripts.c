/* smtp: every transcript in every way. */
#include "smtp.h"
#include "support_transcript.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- the engine in the words of transcripts --- */

static void *new_clear(void)
{
	return smtp_new(SMTP_KIND_SMTP, SMTP_LINE_CLEAR);
}

static void *new_starttls(void)
{
	return smtp_new(SMTP_KIND_SMTP, SMTP_LINE_STARTTLS);
}

static void *new_lmtp(void)
{
	return smtp_new(SMTP_KIND_LMTP, SMTP_LINE_CLEAR);
}

static void engine_free(void *e)
{
	smtp_free(e);
}

static struct room engine_room(void *e)
{
	return smtp_room(e);
}

static void engine_received(void *e, size_t n)
{
	smtp_received(e, n);
}

static void engine_eof(void *e)
{
	smtp_eof(e);
}

static void engine_secured(void *e)
{
	smtp_secured(e);
}

static struct view engine_pending(void *e)
{
	return smtp_pending(e);
}

static void engine_sent(void *e, size_t n)
{
	smtp_sent(e, n);
}

static const char *cmd_name(enum smtp_cmd cmd)
{
	switch (cmd) {
	case SMTP_CMD_EHLO:
		return "ehlo";
	case SMTP_CMD_STARTTLS:
		return "starttls";
	case SMTP_CMD_AUTH:
		return "auth";
	case SMTP_CMD_XCLIENT:
		return "xclient";
	case SMTP_CMD_MAIL:
		return "mail";
	case SMTP_CMD_RCPT:
		return "rcpt";
	case SMTP_CMD_DATA:
		return "data";
	case SMTP_CMD_BODY:
		return "body";
	case SMTP_CMD_BDAT:
		return "bdat";
	case SMTP_CMD_RSET:
		return "rset";
	case SMTP_CMD_NOOP:
		return "noop";
	case SMTP_CMD_QUIT:
		return "quit";
	}
	return "?";
}

static void put_caps(struct text *to, const struct smtp *s)
{
	static const char *const names[] = {
		"pipelining", "chunking", "size", "8bitmime", "smtputf8",
		"starttls",   "auth",	  "esc",  "dsn",      "xclient",
	};
	struct view auth = smtp_auth_names(s);

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (smtp_caps(s) >> i & 1)
			text_fmt(to, " %s", names[i]);
	if (smtp_size_limit(s))
		text_fmt(to, " limit=%" PRIu64, smtp_size_limit(s));
	if (auth.n) {
		text_puts(to, " auth=");
		transcript_escape(to, auth);
	}
}

static void put_shown(struct text *to, const struct reply *r)
{
	char shown[600];

	if (!r)
		return;
	reply_show(r, shown, sizeof(shown));
	text_fmt(to, " %s", shown);
	while (to->n && to->p[to->n - 1] == ' ')
		to->p[--to->n] = '\0';
}

static void put_reply(struct text *to, const struct smtp *s,
		      const struct smtp_event *ev)
{
	text_fmt(to, "reply %s", cmd_name(ev->cmd));
	if (ev->tag)
		text_fmt(to, " %" PRIu64, ev->tag);
	if (ev->rcpt)
		text_fmt(to, " rcpt %" PRIu64 " left %" PRIu32, ev->rcpt,
			 ev->left);
	text_puts(to, ev->ok ? " ok" : " refused");
	put_shown(to, ev->reply);
	if (ev->cmd == SMTP_CMD_EHLO && ev->ok)
		put_caps(to, s);
}

static bool engine_next(void *e, struct text *to, struct view *stream)
{
	struct smtp_event ev;

	(void)stream;
	if (!smtp_next(e, &ev))
		return false;
	switch (ev.type) {
	case SMTP_EV_GREETING:
		text_puts(to, ev.ok ? "greeting" : "greeting refused");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_REPLY:
		put_reply(to, e, &ev);
		break;
	case SMTP_EV_CHALLENGE:
		text_puts(to, "challenge ");
		transcript_escape(to, view_head(ev.words, 80));
		break;
	case SMTP_EV_TLS_WANTED:
		text_puts(to, "tls wanted");
		break;
	case SMTP_EV_GO_AHEAD:
		text_fmt(to, "go ahead %" PRIu64, ev.tag);
		break;
	case SMTP_EV_BYE:
		text_puts(to, "bye");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_CLOSED:
		text_puts(to, "closed");
		put_shown(to, ev.reply);
		break;
	case SMTP_EV_FAILED:
		text_fmt(to, "failed %s: %s", err_class_name(ev.err->class),
			 ev.err->what);
		break;
	}
	return true;
}

static uint64_t number(struct view v)
{
	uint64_t n;

	if (!view_number(v, UINT64_MAX, &n))
		fail_msg("not a number: %.*s", VIEW_ARG(v));
	return n;
}

/* mail TAG <ADDRESS> [octets=N] [8bit] [utf8] [extra...] */
static bool command_mail(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	struct view from = view_word(&args);
	struct smtp_mail m = { .from = { from.p + 1, from.n - 2 } };

	while (args.n) {
		struct view all = args, word = view_word(&args);

		if (view_starts(word, VIEW_LIT("octets="))) {
			m.octets = number(view_skip(word, 7));
		} else if (view_eq(word, VIEW_LIT("8bit"))) {
			m.has_8bit = true;
		} else if (view_eq(word, VIEW_LIT("utf8"))) {
			m.utf8 = true;
		} else {
			m.extra = all;
			break;
		}
	}
	return smtp_mail(s, &m, tag);
}

/* rcpt TAG <ADDRESS> [extra...] */
static bool command_rcpt(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	struct view to = view_word(&args);

	return smtp_rcpt(s, (struct view){ to.p + 1, to.n - 2 }, args, tag);
}

/* bdat TAG OCTETS [last] */
static bool command_bdat(struct smtp *s, struct view args)
{
	uint64_t tag = number(view_word(&args));
	uint64_t octets = number(view_word(&args));

	return smtp_bdat(s, octets, args.n > 0, tag);
}

static bool command_auth(struct smtp *s, struct view args)
{
	struct view mech = view_word(&args);

	return smtp_auth(s, mech, args.n ? args : (struct view){ NULL, 0 });
}

static bool command_body(struct smtp *s, struct view octets)
{
	return smtp_body(s, octets) == octets.n;
}

static bool command_forgo(struct smtp *s, struct view args)
{
	if (view_eq(args, VIEW_LIT("pipelining")))
		smtp_forgo(s, SMTP_CAP_PIPELINING);
	else if (view_eq(args, VIEW_LIT("chunking")))
		smtp_forgo(s, SMTP_CAP_CHUNKING);
	else
		fail_msg("forgo what?");
	return true;
}

static bool command_end(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_body_end(s);
}

static bool command_data(struct smtp *s, struct view args)
{
	return smtp_data(s, number(args));
}

static bool command_rset(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_rset(s);
}

/* "ADDRESS NAME HELO"; - is empty */
static bool command_xclient(struct smtp *s, struct view args)
{
	struct view part[3];

	for (int i = 0; i < 3; i++) {
		part[i] = view_word(&args);
		if (view_eq(part[i], VIEW_LIT("-")))
			part[i] = VIEW_NONE;
	}
	return smtp_xclient(s, &(struct smtp_client){ .address = part[0],
						      .name = part[1],
						      .helo = part[2] });
}

static bool command_noop(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_noop(s);
}

static bool command_quit(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_quit(s);
}

static bool command_starttls(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_starttls(s);
}

static bool command_cancel(struct smtp *s, struct view args)
{
	(void)args;
	return smtp_cancel(s);
}

static bool engine_command(void *e, struct view words)
{
	static const struct {
		const char *name;
		bool (*give)(struct smtp *, struct view);
	} commands[] = {
		{ "ehlo", smtp_ehlo },	      { "starttls", command_starttls },
		{ "auth", command_auth },     { "answer", smtp_answer },
		{ "cancel", command_cancel }, { "mail", command_mail },
		{ "rcpt", command_rcpt },     { "data", command_data },
		{ "bdat", command_bdat },     { "body", command_body },
		{ "end", command_end },	      { "rset", command_rset },
		{ "noop", command_noop },     { "quit", command_quit },
		{ "forgo", command_forgo },   { "xclient", command_xclient },
	};
	struct view name = view_word(&words);
	struct text octets;
	bool ok = false, known = false;

	text_init(&octets, 1 << 20);
	if (!transcript_unescape(&octets, words))
		fail_msg("a malformed escape: %.*s", VIEW_ARG(words));
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!view_eq(name, view_of(commands[i].name)))
			continue;
		known = true;
		ok = commands[i].give(e, text_view(&octets));
	}
	text_fini(&octets);
	if (!known)
		fail_msg("no such command: %.*s", VIEW_ARG(name));
	return ok;
}

static void play(void *(*new)(void), const char *folder)
{
	struct transcript_ops ops = {
		.new = new,
		.free = engine_free,
		.room = engine_room,
		.received = engine_received,
		.eof = engine_eof,
		.secured = engine_secured,
		.pending = engine_pending,
		.sent = engine_sent,
		.next = engine_next,
		.command = engine_command,
	};

	transcript_play_all(&ops, folder);
}

static void transcripts_smtp(void **state)
{
	(void)state;
	play(new_clear, "smtp");
}

static void transcripts_starttls(void **state)
{
	(void)state;
	play(new_starttls, "smtp-starttls");
}

static void transcripts_lmtp(void **state)
{
	(void)state;
	play(new_lmtp, "lmtp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts_smtp),
		cmocka_unit_test(transcripts_starttls),
		cmocka_unit_test(transcripts_lmtp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
