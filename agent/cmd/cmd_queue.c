#include "cmd_queue.h"
#include "ask.h"
#include "command.h"
#include "loop.h"
#include "must.h"
#include "table.h"
#include "told.h"

#include <stdio.h>
#include <unistd.h>

#define LIST_OCTETS (256u << 20)

/* {"ask": what} with the filter that options and words name. */
static json_t *make_request(const char *what, const struct options *o)
{
	json_t *r = json_pack("{s:s, s:I}", "ask", what, "now",
			      (json_int_t)loop_unix_ms());
	json_t *ids = json_array();

	for (size_t i = 1; i < o->nwords; i++)
		(void)json_array_append_new(ids, json_string(o->words[i]));
	if (json_array_size(ids))
		(void)json_object_set(r, "ids", ids);
	json_decref(ids);
	if (o->value[OPTION_ACCOUNT])
		(void)json_object_set_new(
			r, "account", json_string(o->value[OPTION_ACCOUNT]));
	if (o->value[OPTION_REASON])
		(void)json_object_set_new(r, "reason",
					  json_string(o->value[OPTION_REASON]));
	return r;
}

static json_t *ask_for(const struct config *c, const char *what,
		       const struct options *o, struct err *err)
{
	json_t *request = make_request(what, o);
	json_t *answer = ask(c->state_dir, request, err);

	json_decref(request);
	return answer;
}

/* What a person asked wrongly is a wrong command line. */
static int failed(const struct err *err)
{
	int code = command_failed(err);

	return err->class == ERR_CONFIG ? 64 : code;
}

/* ---- list ---- */

static void add_row(struct table *t, const json_t *m, int64_t now)
{
	const json_t *to = json_object_get(m, "to");
	const char *state = told_str(m, "state");
	int64_t next = told_time(m, "next_attempt");
	char octets[TERM_OCTETS], when[WHEN_TEXT], tries[TERM_NUMBER];
	char rcpt[400];

	term_octets(told_number(m, "size"), octets);
	term_number(told_number(m, "attempts"), tries);
	when_relative(next, now, when);
	(void)snprintf(rcpt, sizeof(rcpt),
		       json_array_size(to) > 1 ? "%s +%zu" : "%s",
		       json_string_value(json_array_get(to, 0))
			       ? json_string_value(json_array_get(to, 0))
			       : "",
		       json_array_size(to) - 1);
	table_add(t, told_str(m, "id"), TERM_PLAIN);
	table_add(t, told_str(m, "account"), TERM_PLAIN);
	table_add(t, state,
		  strcmp(state, "held") == 0	   ? TERM_BAD
		  : strcmp(state, "in_doubt") == 0 ? TERM_WARN
						   : TERM_PLAIN);
	table_add(t, octets, TERM_PLAIN);
	table_add(t, tries, TERM_PLAIN);
	table_add(t, next == 0 ? "-" : next <= now ? "due" : when, TERM_PLAIN);
	table_add(t, rcpt, TERM_PLAIN);
	table_add(t, told_str(m, "from"), TERM_PLAIN);
}

static void write_reasons(const json_t *list, struct text *out)
{
	json_t *m;
	size_t i;

	json_array_foreach(list, i, m) {
		const char *reason = told_str(m, "reason");
		const char *reply = told_str(m, "last_reply");

		if (strstr(reason, reply))
			reply = ""; /* the reason quotes it */
		if (!*reason && !*reply)
			continue;
		(void)text_fmt(out, "%s: %s%s%s\n", told_str(m, "id"), reason,
			       *reason && *reply ? ": " : "", reply);
	}
}

static void write_list(const json_t *list, bool chosen, struct text *out)
{
	static const char *const head[] = {
		"ID", "ACCOUNT", "STATE", "SIZE", "TRIES", "NEXT", "TO", "FROM"
	};
	size_t columns = 0, rows, i;
	int64_t now = loop_unix_ms();
	struct table t;
	json_t *m;

	if (json_array_size(list) == 0) {
		(void)text_puts(out, chosen ? "Nothing in the queue matches.\n"
					    : "The queue is empty.\n");
		return;
	}
	if (term_is(STDOUT_FILENO))
		term_size(STDOUT_FILENO, &columns, &rows);
	table_init(&t, 8, 0x18);
	for (i = 0; i < 8; i++)
		table_add(&t, head[i], TERM_DIM);
	json_array_foreach(list, i, m)
		add_row(&t, m, now);
	table_write(&t, columns, term_has_colour(STDOUT_FILENO), out);
	table_fini(&t);
	write_reasons(list, out);
}

static int list(const struct config *c, const struct options *o)
{
	struct text out;
	struct err err;
	json_t *answer = ask_for(c, "queue", o, &err), *messages;

	if (!answer)
		return failed(&err);
	messages = json_object_get(answer, "messages");
	if (options_has(o, OPTION_JSON)) {
		(void)command_print_json(json_incref(messages));
	} else {
		text_init(&out, LIST_OCTETS);
		write_list(messages,
			   o->nwords > 1 ||
				   (o->given & (OPTION_BIT(OPTION_ACCOUNT) |
						OPTION_BIT(OPTION_REASON))),
			   &out);
		(void)fputs(text_str(&out), stdout);
		text_fini(&out);
	}
	json_decref(answer);
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

/* ---- show ---- */

static bool put_raw(void *who, struct view v)
{
	(void)who;
	return fwrite(v.p, 1, v.n, stdout) == v.n;
}

/* For a terminal: what could steer it is shown instead (CASES H1). */
static bool put_printable(void *who, struct view v)
{
	struct text t;
	bool ok;

	(void)who;
	text_init(&t, 8 * v.n + 64);
	while (v.n) {
		size_t n = view_find(v, '\n');
		size_t end = n && v.p[n - 1] == '\r' && n < v.n ? n - 1 : n;

		/* a tab is harmless, and text_printable would show it */
		for (size_t at = 0; at < end;) {
			struct view rest = { v.p + at, end - at };
			size_t tab = view_find(rest, '\t');

			(void)text_printable(&t, view_head(rest, tab),
					     4 * tab + 8);
			if (tab < rest.n)
				(void)text_puts(&t, "\t");
			at += tab + 1;
		}
		if (n < v.n)
			(void)text_puts(&t, "\n");
		v = view_skip(v, n + 1);
	}
	ok = fputs(text_str(&t), stdout) >= 0;
	text_fini(&t);
	return ok;
}

static int show(const struct config *c, const struct options *o)
{
	bool tty = isatty(STDOUT_FILENO);
	struct err err;
	json_t *answer;

	if (o->nwords != 2) {
		(void)fprintf(stderr, "mailhaul: queue show takes one ID\n");
		return 64;
	}
	if (!options_has(o, OPTION_JSON)) {
		if (!ask_body(c->state_dir, o->words[1],
			      tty ? put_printable : put_raw, NULL, &err) &&
		    err.class != ERR_CANCELLED)
			return failed(&err);
		return command_flush() ? 0 : err_exit(ERR_DISK);
	}
	answer = ask_for(c, "queue", o, &err);
	if (!answer)
		return failed(&err);
	(void)command_print_json(json_incref(
		json_array_get(json_object_get(answer, "messages"), 0)));
	json_decref(answer);
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

/* ---- retry, drop ---- */

/* A person agrees, or said so beforehand. */
static bool agreed(const struct options *o, bool drop, const json_t *list,
		   int *code)
{
	size_t n = json_array_size(list), i;
	uint64_t octets = 0;
	char size[TERM_OCTETS], question[240];
	json_t *m;

	if (options_has(o, OPTION_YES))
		return true;
	json_array_foreach(list, i, m)
		octets += told_number(m, "size");
	term_octets(octets, size);
	if (drop)
		(void)snprintf(question, sizeof(question),
			       "The local copy is lost; what is still at its "
			       "source stays there and is not fetched again. "
			       "Give up %zu message%s (%s)?",
			       n, n == 1 ? "" : "s", size);
	else
		(void)snprintf(question, sizeof(question),
			       "Try %zu message%s (%s) again?", n,
			       n == 1 ? "" : "s", size);
	if (command_confirm(question))
		return true;
	*code = 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)fprintf(stderr,
			      "mailhaul: nobody to ask here: say --yes\n");
		*code = 64;
	} else {
		(void)fprintf(stderr, "nothing was changed\n");
	}
	return false;
}

static int tell_change(const struct options *o, bool drop, json_t *answer)
{
	uint64_t changed = told_number(answer, "changed");
	uint64_t left = told_number(answer, "left");

	if (options_has(o, OPTION_JSON)) {
		(void)command_print_json(json_incref(answer));
	} else {
		(void)printf("%u message%s %s\n", (unsigned)changed,
			     changed == 1 ? "" : "s",
			     drop ? "given up"
				  : "due now: sent by a running mailhaul run "
				    "at once, else by the next fetch");
		if (left)
			(void)printf("%u left alone: %s\n", (unsigned)left,
				     drop ? "being sent now"
					  : "being sent now, or its text is "
					    "lost here and somebody has it "
					    "(queue show)");
	}
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

static int change(const struct config *c, const struct options *o, bool drop)
{
	struct err err;
	json_t *found, *answer;
	int code = 0;

	if (o->nwords < 2 && !(o->given & (OPTION_BIT(OPTION_ACCOUNT) |
					   OPTION_BIT(OPTION_REASON) |
					   OPTION_BIT(OPTION_ALL)))) {
		(void)fprintf(stderr,
			      "mailhaul: queue %s: which? ID..., --account, "
			      "--reason or --all\n",
			      drop ? "drop" : "retry");
		return 64;
	}
	found = ask_for(c, "queue", o, &err);
	if (!found)
		return failed(&err);
	if (json_array_size(json_object_get(found, "messages")) <
	    (o->nwords > 1 ? o->nwords - 1 : 1)) {
		(void)fprintf(stderr, o->nwords > 1
					      ? "mailhaul: not all of these "
						"are in the queue\n"
					      : "mailhaul: nothing in the "
						"queue matches\n");
		json_decref(found);
		return o->nwords > 1 ? 64 : 0;
	}
	if (agreed(o, drop, json_object_get(found, "messages"), &code)) {
		answer = ask_for(c, drop ? "drop" : "retry", o, &err);
		code = answer ? tell_change(o, drop, answer) : failed(&err);
		json_decref(answer);
	}
	json_decref(found);
	return code;
}

int cmd_queue(const struct options *o)
{
	const char *what = o->nwords ? o->words[0] : "list";
	static const char *const verbs[] = { "list", "show", "retry", "drop" };
	struct config *c;
	int code;
	unsigned v = 0;

	while (v < 4 && strcmp(what, verbs[v]) != 0)
		v++;
	if (v == 4) {
		(void)fprintf(stderr, "mailhaul: queue takes list, show, retry "
				      "or drop\n");
		return 64;
	}
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	if (v == 0)
		code = list(c, o);
	else if (v == 1)
		code = show(c, o);
	else
		code = change(c, o, v == 3);
	config_unref(c);
	return code;
}
