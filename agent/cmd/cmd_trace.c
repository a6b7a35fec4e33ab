#include "cmd_trace.h"
#include "ask.h"
#include "cmd_status.h"
#include "command.h"
#include "loop.h"
#include "term.h"
#include "told.h"

#include <inttypes.h>
#include <stdio.h>

#define TRACE_OCTETS (256u << 20)

static void local_time(const json_t *o, const char *key, char out[WHEN_TEXT])
{
	when_local(told_time(o, key), out);
}

static void write_events(const json_t *m, struct text *out)
{
	const json_t *events = json_object_get(m, "events");
	json_t *e;
	size_t i;

	json_array_foreach(events, i, e) {
		const char *words = told_str(e, "words");
		uint64_t attempt = told_number(e, "attempt");
		const char *what = told_str(e, "what");
		char at[WHEN_TEXT], nth[24] = "";

		local_time(e, "at", at);
		if (attempt && strcmp(what, "attempt") == 0)
			(void)snprintf(nth, sizeof(nth), " %u",
				       (unsigned)attempt);
		(void)text_fmt(out, "  %s  %s%s%s%s\n", at, what, nth,
			       *words ? ": " : "", words);
	}
}

static void write_recipients(const json_t *m, struct text *out)
{
	const json_t *to = json_object_get(m, "to");
	const char *all = told_str(m, "state");
	/* nothing is under way for whom it only waits in the ledger */
	bool rests = strcmp(all, "held") == 0 || strcmp(all, "dropped") == 0;
	json_t *r;
	size_t i;

	json_array_foreach(to, i, r) {
		const char *reply = told_str(r, "reply");
		const char *state = told_str(r, "state");

		if (rests && strcmp(state, "waiting") == 0)
			state = "not delivered";
		(void)text_fmt(out, "  to %s: %s%s%s\n", told_str(r, "address"),
			       state, *reply ? ": " : "", reply);
	}
}

static void write_message(const json_t *m, struct text *out)
{
	const char *folder = told_str(m, "folder");
	uint64_t repairs = told_number(m, "repairs");
	char octets[TERM_OCTETS];

	term_octets(told_number(m, "size"), octets);
	(void)text_fmt(out, "%s  %s%s%s  %s  %s  %s\n", told_str(m, "id"),
		       told_str(m, "account"), *folder ? " " : "", folder,
		       told_str(m, "uid"), octets, told_str(m, "state"));
	if (*told_str(m, "from"))
		(void)text_fmt(out, "  from %s\n", told_str(m, "from"));
	write_recipients(m, out);
	if (*told_str(m, "message_id"))
		(void)text_fmt(out, "  Message-ID %s\n",
			       told_str(m, "message_id"));
	if (repairs)
		(void)text_fmt(out, "  %u stray line end%s repaired\n",
			       (unsigned)repairs, repairs == 1 ? "" : "s");
	write_events(m, out);
	if (*told_str(m, "reason"))
		(void)text_fmt(out, "  now: %s\n", told_str(m, "reason"));
}

/* "the same as message 7Q2K of account anna, delivered ..." */
static void write_same(const json_t *known, struct text *out)
{
	const json_t *same = json_object_get(known, "same");
	char at[WHEN_TEXT];

	if (!json_is_object(same))
		return;
	(void)text_fmt(out, ": message %s", told_str(same, "id"));
	if (*told_str(same, "account"))
		(void)text_fmt(out, " of account %s",
			       told_str(same, "account"));
	local_time(same, "delivered", at);
	if (told_time(same, "delivered"))
		(void)text_fmt(out, ", delivered at %s", at);
	else
		(void)text_puts(out, ", not delivered yet");
}

/* What became of a message that was never fetched, or long ago. */
static void write_known(const json_t *answer, struct text *out)
{
	const json_t *list = json_object_get(answer, "known");
	static const char *const words[][2] = {
		{ "adopted", "was taken as handled, and not fetched "
			     "(first_run, adopt, or known by another name or "
			     "in another folder): mailhaul refetch" },
		{ "skipped", "was left at the source: " },
		{ "delivered", "was delivered; more is no longer on record" },
		{ "deleted", "was delivered and deleted at the source; more "
			     "is no longer on record" },
		{ "moved", "was delivered and moved at the source; more is no "
			   "longer on record" },
		{ "dropped", "was dropped from the queue" },
	};
	json_t *k;
	size_t i;

	json_array_foreach(list, i, k) {
		const char *state = told_str(k, "state");

		(void)text_fmt(out, "%s%s%s: ", told_str(k, "account"),
			       *told_str(k, "folder") ? " " : "",
			       told_str(k, "folder"));
		for (size_t n = 0; n < 6; n++)
			if (strcmp(state, words[n][0]) == 0)
				(void)text_puts(out, words[n][1]);
		if (strcmp(state, "skipped") == 0)
			(void)text_puts(out,
					told_reason(told_str(k, "reason")));
		write_same(k, out);
		(void)text_puts(out, "\n");
	}
}

/* Where it may lie without being looked at. */
static void write_unfetched(const json_t *answer, const char *account,
			    struct text *out)
{
	size_t i, n = 0;
	json_t *u;

	json_array_foreach(json_object_get(answer, "unfetched"), i, u) {
		if (strcmp(told_str(u, "account"), account) != 0)
			continue;
		(void)text_fmt(out, "%s\"%s\"",
			       n++ ? ", " : "  folders not fetched: ",
			       told_str(u, "folder"));
		if (json_is_integer(json_object_get(u, "messages")))
			(void)text_fmt(out, " (%" PRIu64 ")",
				       told_number(u, "messages"));
	}
	if (n)
		(void)text_puts(out, "\n");
}

/* Why nothing was taken at all: undecided, refused, not reached ... */
static void write_fault(const json_t *account, struct text *out)
{
	const json_t *error = json_object_get(account, "last_error");
	const char *remedy = told_str(error, "remedy");

	if (json_is_object(error))
		(void)text_fmt(out, "  %s%s%s\n", told_str(error, "text"),
			       *remedy ? ": " : "", remedy);
}

/* Nothing matched: when was looked last, and what was left where it is? */
static void write_nothing(const struct config *c, const json_t *answer,
			  const char *account, struct text *out)
{
	json_t *status = status_object(c, answer), *a, *s;
	const json_t *skipped = json_object_get(answer, "skipped");
	int64_t now = loop_unix_ms();
	bool found = !account;
	size_t i, j;

	if (!json_array_size(json_object_get(answer, "known")))
		(void)text_puts(out,
				"No message of that kind has been here.\n");
	json_array_foreach(json_object_get(status, "accounts"), i, a) {
		const char *name = told_str(a, "name");
		char at[WHEN_TEXT], n[TERM_NUMBER];

		if (account && strcmp(account, name) != 0)
			continue;
		found = true;
		told_relative(a, "last_success", now, at);
		term_number(told_number(a, "fetched"), n);
		(void)text_fmt(out,
			       "%s: %s, last good poll %s, %s message%s "
			       "fetched so far\n",
			       name, told_str(a, "state"), at, n,
			       told_number(a, "fetched") == 1 ? "" : "s");
		write_fault(a, out);
		json_array_foreach(skipped, j, s) {
			if (strcmp(told_str(s, "account"), name) != 0)
				continue;
			(void)text_puts(out, "  left at the source: ");
			told_skipped(s, out);
			(void)text_puts(out, "\n");
		}
		write_unfetched(answer, name, out);
	}
	if (!found)
		(void)text_fmt(out,
			       "There is no account \"%s\": mailhaul "
			       "status names them.\n",
			       account);
	json_decref(status);
}

static void set_word(json_t *r, const char *key, const char *value)
{
	if (value)
		(void)json_object_set_new(r, key, json_string(value));
}

static int show(const struct config *c, const struct options *o,
		int64_t since_ms)
{
	json_t *request = json_pack("{s:s, s:I}", "ask", "trace", "since",
				    (json_int_t)since_ms);
	json_t *answer, *messages, *m;
	struct text out;
	struct err err;
	size_t i;

	set_word(request, "pattern", o->nwords ? o->words[0] : NULL);
	set_word(request, "from", o->value[OPTION_FROM]);
	set_word(request, "to", o->value[OPTION_TO]);
	set_word(request, "account", o->value[OPTION_ACCOUNT]);
	answer = ask(c->state_dir, request, &err);
	json_decref(request);
	if (!answer)
		return command_failed(&err);
	if (options_has(o, OPTION_JSON)) {
		(void)command_print_json(answer);
		return command_flush() ? 0 : err_exit(ERR_DISK);
	}
	text_init(&out, TRACE_OCTETS);
	messages = json_object_get(answer, "messages");
	json_array_foreach(messages, i, m)
		write_message(m, &out);
	write_known(answer, &out);
	if (json_array_size(messages) == 0)
		write_nothing(c, answer, o->value[OPTION_ACCOUNT], &out);
	(void)fputs(text_str(&out), stdout);
	text_fini(&out);
	json_decref(answer);
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

int cmd_trace(const struct options *o)
{
	const char *since = o->value[OPTION_SINCE];
	int64_t since_ms = 0;
	struct config *c;
	int code;

	if (since && !when_point(view_of(since), loop_unix_ms(), &since_ms)) {
		(void)fprintf(stderr,
			      "mailhaul: --since needs a span such as 3d or a "
			      "date such as 2026-11-22\n");
		return 64;
	}
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	code = show(c, o, since_ms);
	config_unref(c);
	return code;
}
