/* imap: every transcript in every way. */
#include "imap.h"
#include "imap_value.h"
#include "mech.h"
#include "support_transcript.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- the engine in the words of transcripts --- */

static void *engine_new(void)
{
	return imap_new(false);
}

static void engine_free(void *e)
{
	imap_free(e);
}

static struct room engine_room(void *e)
{
	return imap_room(e);
}

static void engine_received(void *e, size_t n)
{
	imap_received(e, n);
}

static void engine_eof(void *e)
{
	imap_eof(e);
}

static void engine_secured(void *e)
{
	imap_secured(e);
}

static struct view engine_pending(void *e)
{
	return imap_pending(e);
}

static void engine_sent(void *e, size_t n)
{
	imap_sent(e, n);
}

static void put_lower(struct text *to, const char *word)
{
	for (; *word; word++)
		text_fmt(to, "%c",
			 *word >= 'A' && *word <= 'Z' ? *word | 0x20
			 : *word == ' '		      ? '-'
						      : *word);
}

static const char *status_name(enum imap_status status)
{
	switch (status) {
	case IMAP_OK:
		return "ok";
	case IMAP_NO:
		return "no";
	case IMAP_BAD:
		return "bad";
	case IMAP_PREAUTH:
		return "preauth";
	case IMAP_BYE:
		return "bye";
	}
	return "?";
}

static void put_bits(struct text *to, const char *const *names, unsigned bits)
{
	for (unsigned i = 0; names[i]; i++)
		if (bits & 1u << i)
			text_fmt(to, " %s", names[i]);
}

static void put_flags(struct text *to, const char *what, unsigned flags)
{
	static const char *const names[] = { "seen",	"answered", "flagged",
					     "deleted", "draft",    "recent",
					     "any",	NULL };

	text_fmt(to, " %s:", what);
	put_bits(to, names, flags);
	text_puts(to, ";");
}

static void put_condition(struct text *to, const struct imap_event *ev)
{
	if (ev->code) {
		text_fmt(to, " [%s", imap_code_name(ev->code));
		if (ev->code_args.n)
			text_puts(to, " ");
		transcript_escape(to, ev->code_args);
		text_puts(to, "]");
	}
	if (ev->text.n)
		text_puts(to, " ");
	transcript_escape(to, ev->text);
}

static void put_mailbox(struct text *to, const struct imap_mailbox *m)
{
	if (m->name.n)
		text_puts(to, " ");
	transcript_escape(to, m->name);
	if (m->has & IMAP_HAS_MESSAGES)
		text_fmt(to, " messages %" PRIu32, m->messages);
	if (m->has & IMAP_HAS_UIDNEXT)
		text_fmt(to, " uidnext %" PRIu32, m->uidnext);
	if (m->uidvalidity)
		text_fmt(to, " uidvalidity %" PRIu32, m->uidvalidity);
	if (m->has & IMAP_HAS_UNSEEN)
		text_fmt(to, " unseen %" PRIu32, m->unseen);
	if (m->has & IMAP_HAS_PERMANENTFLAGS)
		put_flags(to, "permanent", m->permanent_flags);
	if (m->has & IMAP_HAS_UIDNOTSTICKY)
		text_puts(to, " uidnotsticky");
	if (m->has & IMAP_HAS_READ_ONLY)
		text_puts(to, " read-only");
}

static void put_fetch(struct text *to, const struct imap_fetch *f)
{
	text_fmt(to, " uid %" PRIu32, f->uid);
	if (f->has & IMAP_HAS_FLAGS)
		put_flags(to, "flags", f->flags);
	if (f->has & IMAP_HAS_DATE)
		text_fmt(to, " date %" PRId64, f->date);
	if (f->has & IMAP_HAS_SIZE)
		text_fmt(to, " size %" PRIu64, f->size);
	if (f->msgid)
		text_fmt(to, " msgid %" PRIu64, f->msgid);
	if (f->has & IMAP_HAS_NIL)
		text_puts(to, " nil");
}

static void put_list(struct text *to, const struct imap_list *l)
{
	static const char *const names[] = {
		"noselect", "noinferiors", "all",	"archive",
		"drafts",   "flagged",	   "important", "junk",
		"sent",	    "trash",	   NULL
	};

	if (l->delimiter)
		transcript_escape(to, (struct view){ &l->delimiter, 1 });
	else
		text_puts(to, "flat");
	text_puts(to, " ");
	transcript_escape(to, l->name);
	put_bits(to, names, l->attributes);
}

static void put_capabilities(struct text *to, const struct imap_capabilities *c)
{
	static const char *const names[] = {
		"rev1",	     "starttls",    "login",	   "sasl-ir",
		"literal+",  "literal-",    "uidplus",	   "move",
		"idle",	     "id",	    "enable",	   "unselect",
		"list-ext",  "list-status", "special-use", "esearch",
		"gmail",     "deflate",	    "mutf7",	   "utf8-accept",
		"utf8-only", "notify",	    NULL
	};

	text_puts(to, c->known ? "capabilities" : "capabilities unknown");
	put_bits(to, names, c->can);
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++)
		if (c->sasl & MECH_BIT(m))
			text_fmt(to, " auth=%.*s",
				 VIEW_ARG(mech_name((enum mech)m)));
}

static void put_search(struct text *to, const struct imap_event *ev)
{
	text_puts(to, "search");
	for (size_t i = 0; i < ev->n_uids; i++)
		text_fmt(to, " %" PRIu32, ev->uids[i]);
	text_puts(to, ev->last ? " end" : "");
}

static void put_tagged(struct text *to, const struct imap_event *ev)
{
	put_lower(to, imap_command_name(ev->command));
	text_fmt(to, " %s", status_name(ev->status));
	put_condition(to, ev);
	if (ev->command == IMAP_SELECT || ev->command == IMAP_EXAMINE) {
		text_puts(to, " |");
		put_mailbox(to, &ev->mailbox);
	}
}

static void put_body(struct text *to, const char *what,
		     const struct imap_fetch *f)
{
	text_fmt(to, "%s %s %" PRIu64,
		 f->part == IMAP_PART_BODY ? "body" : "header", what,
		 f->octets);
	put_fetch(to, f);
}

static const char *class_name(enum err_class class)
{
	switch (class) {
	case ERR_NETWORK:
		return "network";
	case ERR_RETRY:
		return "retry";
	case ERR_AUTH:
		return "auth";
	case ERR_TRUST:
		return "trust";
	case ERR_PROTOCOL:
		return "protocol";
	case ERR_LIMIT:
		return "limit";
	default:
		return "?";
	}
}

static void put_event(struct text *to, const struct imap *p,
		      const struct imap_event *ev)
{
	switch (ev->type) {
	case IMAP_EV_GREETING:
		text_fmt(to, "greeting %s", status_name(ev->status));
		put_condition(to, ev);
		return;
	case IMAP_EV_CAPABILITIES:
		put_capabilities(to, imap_capabilities(p));
		return;
	case IMAP_EV_TLS_WANTED:
		text_puts(to, "tls wanted");
		return;
	case IMAP_EV_DEFLATE:
		text_puts(to, ev->text.n ? "deflate " : "deflate");
		transcript_escape(to, ev->text);
		return;
	case IMAP_EV_CONTINUE:
		text_puts(to, ev->text.n ? "continue " : "continue");
		transcript_escape(to, ev->text);
		return;
	case IMAP_EV_IDLING:
		text_puts(to, "idling");
		return;
	case IMAP_EV_NOTE:
		text_fmt(to, "note %s", status_name(ev->status));
		put_condition(to, ev);
		return;
	case IMAP_EV_LIST:
		text_puts(to, "list ");
		put_list(to, &ev->list);
		return;
	case IMAP_EV_STATUS:
		text_puts(to, "status of");
		put_mailbox(to, &ev->mailbox);
		return;
	case IMAP_EV_FETCH:
		text_puts(to, "fetch");
		put_fetch(to, &ev->fetch);
		return;
	case IMAP_EV_BODY_BEGIN:
		put_body(to, "begin", &ev->fetch);
		return;
	case IMAP_EV_BODY:
		text_puts(to, "octets");
		return;
	case IMAP_EV_BODY_END:
		put_body(to, "end", &ev->fetch);
		return;
	case IMAP_EV_SEARCH:
		put_search(to, ev);
		return;
	case IMAP_EV_EXISTS:
		text_fmt(to, "exists %" PRIu32, ev->number);
		return;
	case IMAP_EV_EXPUNGE:
		text_puts(to, "expunge");
		return;
	case IMAP_EV_TAGGED:
		put_tagged(to, ev);
		return;
	case IMAP_EV_BYE:
		text_puts(to, "bye");
		put_condition(to, ev);
		return;
	case IMAP_EV_CLOSED:
		text_puts(to, "closed");
		return;
	case IMAP_EV_FAILED:
		text_fmt(to, "failed %s: %s", class_name(ev->err->class),
			 ev->err->what);
		if (*ev->err->peer)
			text_fmt(to, ": %s", ev->err->peer);
		return;
	}
}

static bool engine_next(void *e, struct text *words, struct view *stream)
{
	struct imap_event ev;

	if (!imap_next(e, &ev))
		return false;
	put_event(words, e, &ev);
	if (ev.type == IMAP_EV_BODY)
		*stream = ev.text;
	return true;
}

/* A command's words; escapes are undone, "\x20" is a space within one. */
struct args {
	struct text raw[8];
	size_t n;
};

static void args_take(struct args *a, struct view words)
{
	*a = (struct args){ .n = 0 };
	while (words.n) {
		assert_true(a->n < 8);
		text_init(&a->raw[a->n], 1u << 20);
		assert_true(
			transcript_unescape(&a->raw[a->n], view_word(&words)));
		a->n++;
	}
}

static void args_drop(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		text_fini(&a->raw[i]);
}

static struct view arg(const struct args *a, size_t i)
{
	return i < a->n ? text_view(&a->raw[i]) : VIEW_NONE;
}

typedef bool command(struct imap *p, const struct args *a);

static bool do_capability(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_capability(p);
}

static bool do_starttls(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_starttls(p);
}

static bool do_compress(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_compress(p);
}

/* No command, but what the flow does once the layer is there. */
static bool do_deflated(struct imap *p, const struct args *a)
{
	(void)a;
	imap_deflated(p);
	return true;
}

static bool do_login(struct imap *p, const struct args *a)
{
	return imap_login(p, arg(a, 1), arg(a, 2));
}

static bool do_authenticate(struct imap *p, const struct args *a)
{
	struct view initial = arg(a, 2);

	return imap_authenticate(p, arg(a, 1), a->n > 2 ? &initial : NULL);
}

static bool do_answer(struct imap *p, const struct args *a)
{
	return imap_answer(p, arg(a, 1));
}

static bool do_cancel(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_cancel(p);
}

static bool do_id(struct imap *p, const struct args *a)
{
	return imap_id(p, arg(a, 1), arg(a, 2));
}

static bool do_enable(struct imap *p, const struct args *a)
{
	return imap_enable(p, arg(a, 1));
}

static bool do_select(struct imap *p, const struct args *a)
{
	return imap_select(p, arg(a, 1));
}

static bool do_examine(struct imap *p, const struct args *a)
{
	return imap_examine(p, arg(a, 1));
}

static bool do_status(struct imap *p, const struct args *a)
{
	return imap_status(p, arg(a, 1));
}

static bool do_list(struct imap *p, const struct args *a)
{
	struct view patterns[8];
	unsigned options = 0;
	size_t n = 0;

	for (size_t i = 1; i < a->n; i++)
		if (view_eq(arg(a, i), VIEW_LIT("status")))
			options |= IMAP_LIST_STATUS;
		else if (view_eq(arg(a, i), VIEW_LIT("special-use")))
			options |= IMAP_LIST_SPECIAL_USE;
		else
			patterns[n++] = arg(a, i);
	return imap_list(p, patterns, n, options);
}

static bool do_notify(struct imap *p, const struct args *a)
{
	struct view names[8];

	for (size_t i = 1; i < a->n; i++)
		names[i - 1] = arg(a, i);
	return imap_notify(p, names, a->n - 1);
}

static bool do_fetch(struct imap *p, const struct args *a)
{
	return imap_fetch(p, arg(a, 1), true);
}

static bool do_body(struct imap *p, const struct args *a)
{
	return imap_fetch_body(p, arg(a, 1));
}

static bool do_header(struct imap *p, const struct args *a)
{
	return imap_fetch_header(p, arg(a, 1), arg(a, 2));
}

static bool do_search(struct imap *p, const struct args *a)
{
	return imap_search(p, arg(a, 1));
}

static bool do_store(struct imap *p, const struct args *a)
{
	return imap_store(p, arg(a, 1), arg(a, 2).p[0] == '+',
			  view_skip(arg(a, 2), 1));
}

static bool do_uid_expunge(struct imap *p, const struct args *a)
{
	return imap_uid_expunge(p, arg(a, 1));
}

static bool do_expunge(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_expunge(p);
}

static bool do_move(struct imap *p, const struct args *a)
{
	return imap_move(p, arg(a, 1), arg(a, 2));
}

static bool do_copy(struct imap *p, const struct args *a)
{
	return imap_copy(p, arg(a, 1), arg(a, 2));
}

static bool do_create(struct imap *p, const struct args *a)
{
	return imap_create(p, arg(a, 1));
}

static bool do_noop(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_noop(p);
}

static bool do_idle(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_idle(p);
}

static bool do_done(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_done(p);
}

static bool do_unselect(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_unselect(p);
}

static bool do_logout(struct imap *p, const struct args *a)
{
	(void)a;
	return imap_logout(p);
}

static bool engine_command(void *e, struct view words)
{
	static const struct {
		const char *name;
		command *run;
	} commands[] = {
		{ "capability", do_capability },
		{ "starttls", do_starttls },
		{ "compress", do_compress },
		{ "deflated", do_deflated },
		{ "login", do_login },
		{ "authenticate", do_authenticate },
		{ "answer", do_answer },
		{ "cancel", do_cancel },
		{ "id", do_id },
		{ "enable", do_enable },
		{ "select", do_select },
		{ "examine", do_examine },
		{ "status", do_status },
		{ "list", do_list },
		{ "fetch", do_fetch },
		{ "body", do_body },
		{ "header", do_header },
		{ "search", do_search },
		{ "store", do_store },
		{ "uid-expunge", do_uid_expunge },
		{ "expunge", do_expunge },
		{ "move", do_move },
		{ "copy", do_copy },
		{ "create", do_create },
		{ "noop", do_noop },
		{ "notify", do_notify },
		{ "idle", do_idle },
		{ "done", do_done },
		{ "unselect", do_unselect },
		{ "logout", do_logout },
	};
	struct args a;
	bool taken = false, known = false;

	args_take(&a, words);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (view_eq(arg(&a, 0), view_of(commands[i].name))) {
			known = true;
			taken = commands[i].run(e, &a);
		}
	args_drop(&a);
	if (!known)
		fail_msg("no command: %.*s", VIEW_ARG(words));
	return taken;
}

static const struct transcript_ops ops = {
	.new = engine_new,
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

static void transcripts(void **state)
{
	(void)state;
	transcript_play_all(&ops, "imap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
