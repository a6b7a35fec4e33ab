#include "cmd_status.h"
#include "ask.h"
#include "command.h"
#include "loop.h"
#include "must.h"
#include "shape.h"
#include "table.h"
#include "told.h"

#include <stdio.h>
#include <unistd.h>

#define WATCH_S	      2
#define STATUS_OCTETS (64u << 20)

/* ---- the object ---- */

static json_t *unknown_account(const struct config_account *a)
{
	struct spool_account row = { .health = HEALTH_NEVER };
	struct query_counts none = { 0 };

	(void)snprintf(row.name, sizeof(row.name), "%s", a->name);
	return shape_account(&row, &none);
}

static json_t *unknown_delivery(const struct config_delivery *d)
{
	struct spool_delivery row = { .health = HEALTH_NEVER };
	struct query_counts none = { 0 };

	(void)snprintf(row.name, sizeof(row.name), "%s", d->name);
	return shape_delivery(&row, &none);
}

static void set_disabled(json_t *account)
{
	(void)json_object_set_new(
		account, "state",
		json_string(spool_health_name(HEALTH_DISABLED)));
	(void)json_object_set_new(account, "next_poll", json_null());
}

static bool has_mail(const json_t *e)
{
	return told_number(e, "queued") || told_number(e, "held");
}

/* An account whose user changed has two rows of its name: the one in use. */
static json_t *latest_named(const json_t *list, const char *name)
{
	json_t *found = NULL, *e;
	size_t i;

	json_array_foreach(list, i, e)
		if (strcmp(told_str(e, "name"), name) == 0 &&
		    (!found || told_time(e, "last_poll") >=
				       told_time(found, "last_poll")))
			found = e;
	return found;
}

static json_t *account_list(const struct config *c, const json_t *known)
{
	json_t *list = json_array(), *e;
	size_t i;

	for (i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];

		e = latest_named(known, a->name);
		e = e ? json_copy(e) : unknown_account(a);
		if (!a->enabled)
			set_disabled(e);
		(void)json_array_append_new(list, e);
	}
	json_array_foreach(known, i, e) {
		if (config_account(c, view_of(told_str(e, "name"))) ||
		    !has_mail(e))
			continue;
		e = json_copy(e);
		set_disabled(e);
		(void)json_array_append_new(list, e);
	}
	return list;
}

static json_t *delivery_list(const struct config *c, const json_t *known)
{
	json_t *list = json_array(), *e;
	size_t i;

	for (i = 0; i < c->n_deliveries; i++) {
		e = told_named(known, c->deliveries[i].name);
		(void)json_array_append_new(
			list,
			e ? json_copy(e) : unknown_delivery(&c->deliveries[i]));
	}
	json_array_foreach(known, i, e)
		if (!config_delivery(c, view_of(told_str(e, "name"))) &&
		    has_mail(e))
			(void)json_array_append_new(list, json_copy(e));
	return list;
}

json_t *status_object(const struct config *c, const json_t *answer)
{
	return json_pack(
		"{s:s, s:o, s:o, s:O?}", "version", MAILHAUL_VERSION,
		"accounts",
		account_list(c, json_object_get(answer, "accounts")),
		"deliveries",
		delivery_list(c, json_object_get(answer, "deliveries")),
		"queue", json_object_get(answer, "queue"));
}

/* ---- for people ---- */

static enum term_colour colour_of(const char *state)
{
	if (strcmp(state, "ok") == 0)
		return TERM_GOOD;
	if (strcmp(state, "never") == 0 || strcmp(state, "disabled") == 0)
		return TERM_DIM;
	if (strcmp(state, "backoff") == 0 || strcmp(state, "undecided") == 0)
		return TERM_WARN;
	return TERM_BAD;
}

static void add_time(struct table *t, const json_t *o, const char *key,
		     int64_t now, const char *none)
{
	char text[WHEN_TEXT];
	int64_t at = told_time(o, key);

	told_relative(o, key, now, text);
	table_add(t, at ? text : none, TERM_PLAIN);
}

/* A time that has come is not "5 min ago": the next pass does it. */
static void add_due(struct table *t, const json_t *o, const char *key,
		    int64_t now)
{
	int64_t at = told_time(o, key);
	char text[WHEN_TEXT];

	when_relative(at, now, text);
	table_add(t, at == 0 ? "-" : at <= now ? "due" : text, TERM_PLAIN);
}

static void add_number(struct table *t, const json_t *o, const char *key,
		       enum term_colour colour)
{
	char text[TERM_NUMBER];
	uint64_t n = told_number(o, key);

	term_number(n, text);
	table_add(t, text, n ? colour : TERM_PLAIN);
}

static void head(struct table *t, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_add(t, names[i], TERM_DIM);
}

static void write_accounts(const json_t *list, int64_t now, size_t width,
			   bool colour, struct text *out)
{
	static const char *const names[] = { "ACCOUNT",	  "STATE",
					     "LAST POLL", "LAST SUCCESS",
					     "NEXT POLL", "FETCHED",
					     "DELIVERED", "QUEUED",
					     "HELD",	  "SKIPPED" };
	struct table t;
	json_t *a;
	size_t i;

	table_init(&t, 10, 0x3E0);
	head(&t, names, 10);
	json_array_foreach(list, i, a) {
		const char *state = told_str(a, "state");

		table_add(&t, told_str(a, "name"), TERM_PLAIN);
		table_add(&t, state, colour_of(state));
		add_time(&t, a, "last_poll", now, "never");
		add_time(&t, a, "last_success", now, "never");
		add_due(&t, a, "next_poll", now);
		add_number(&t, a, "fetched", TERM_PLAIN);
		add_number(&t, a, "delivered", TERM_PLAIN);
		add_number(&t, a, "queued", TERM_WARN);
		add_number(&t, a, "held", TERM_BAD);
		add_number(&t, a, "skipped", TERM_WARN);
	}
	table_write(&t, width, colour, out);
	table_fini(&t);
}

static void write_deliveries(const json_t *list, int64_t now, size_t width,
			     bool colour, struct text *out)
{
	static const char *const names[] = { "DELIVERY", "STATE",
					     "LAST SUCCESS", "QUEUED", "HELD" };
	struct table t;
	json_t *d;
	size_t i;

	table_init(&t, 5, 0x18);
	head(&t, names, 5);
	json_array_foreach(list, i, d) {
		const char *state = told_str(d, "state");

		table_add(&t, told_str(d, "name"), TERM_PLAIN);
		table_add(&t, state, colour_of(state));
		add_time(&t, d, "last_success", now, "never");
		add_number(&t, d, "queued", TERM_WARN);
		add_number(&t, d, "held", TERM_BAD);
	}
	table_write(&t, width, colour, out);
	table_fini(&t);
}

/* "gmx: sign-in refused (since 2 h, 3 times): what to do" */
static void write_error(const char *kind, const json_t *e, int64_t now,
			bool colour, struct text *out)
{
	const json_t *error = json_object_get(e, "last_error");
	const char *remedy = told_str(error, "remedy");
	char since[WHEN_TEXT];
	int64_t at;

	if (!json_is_object(error))
		return;
	at = told_time(error, "since");
	when_span_text(now > at ? (uint64_t)(now - at) : 0, since);
	(void)text_fmt(out, "%s%s%s%s: %s (for %s, %u time%s)%s%s\n",
		       term_colour(TERM_BAD, colour), kind, told_str(e, "name"),
		       term_colour(TERM_PLAIN, colour), told_str(error, "text"),
		       since, (unsigned)told_number(error, "count"),
		       told_number(error, "count") == 1 ? "" : "s",
		       *remedy ? ": " : "", remedy);
}

static void write_queue(const json_t *q, struct text *out)
{
	char queued[TERM_NUMBER], held[TERM_NUMBER], doubt[TERM_NUMBER];
	char octets[TERM_OCTETS];

	term_number(told_number(q, "queued"), queued);
	term_number(told_number(q, "held"), held);
	term_number(told_number(q, "in_doubt"), doubt);
	term_octets(told_number(q, "octets"), octets);
	(void)text_fmt(out, "queue: %s waiting, %s held, %s in doubt, %s\n",
		       queued, held, doubt, octets);
}

void status_write(const json_t *status, const json_t *skipped,
		  int64_t now_unix_ms, size_t width, bool colour,
		  struct text *out)
{
	const json_t *accounts = json_object_get(status, "accounts");
	const json_t *deliveries = json_object_get(status, "deliveries");
	json_t *e;
	size_t i;

	write_accounts(accounts, now_unix_ms, width, colour, out);
	(void)text_puts(out, "\n");
	write_deliveries(deliveries, now_unix_ms, width, colour, out);
	(void)text_puts(out, "\n");
	json_array_foreach(accounts, i, e)
		write_error("", e, now_unix_ms, colour, out);
	json_array_foreach(deliveries, i, e)
		write_error("delivery ", e, now_unix_ms, colour, out);
	json_array_foreach(skipped, i, e) {
		(void)text_fmt(out, "%s: left at the source: ",
			       told_str(e, "account"));
		told_skipped(e, out);
		(void)text_puts(out, "\n");
	}
	write_queue(json_object_get(status, "queue"), out);
}

/* ---- the command ---- */

static json_t *ask_status(const struct config *c, struct err *err)
{
	json_t *request = json_pack("{s:s}", "ask", "status");
	json_t *answer = ask(c->state_dir, request, err);

	json_decref(request);
	return answer;
}

/* Exit code of --max-age; the accounts concerned to out. */
static int too_old(const json_t *status, uint64_t age_ms, int64_t now,
		   struct text *out)
{
	const json_t *list = json_object_get(status, "accounts");
	int code = 0;
	json_t *a;
	size_t i;

	json_array_foreach(list, i, a) {
		int64_t at = told_time(a, "last_success");
		char text[WHEN_TEXT];

		if (strcmp(told_str(a, "state"), "disabled") == 0 ||
		    (at && now - at <= (int64_t)age_ms))
			continue;
		told_relative(a, "last_success", now, text);
		(void)text_fmt(out, "%s: last success %s (%s)\n",
			       told_str(a, "name"), text, told_str(a, "state"));
		code = err_exit(ERR_RETRY);
	}
	return code;
}

static int show_once(const struct config *c, const struct options *o,
		     uint64_t max_age_ms)
{
	bool tty = term_is(STDOUT_FILENO);
	size_t columns = 0, rows;
	int64_t now = loop_unix_ms();
	json_t *answer, *status;
	struct text out;
	struct err err;
	int code = 0;

	answer = ask_status(c, &err);
	if (!answer)
		return command_failed(&err);
	status = status_object(c, answer);
	MUST(status);
	text_init(&out, STATUS_OCTETS);
	if (tty)
		term_size(STDOUT_FILENO, &columns, &rows);
	if (options_has(o, OPTION_WATCH))
		(void)text_puts(&out, "\033[H\033[J");
	if (max_age_ms)
		code = too_old(status, max_age_ms, now, &out);
	else
		status_write(status, json_object_get(answer, "skipped"), now,
			     columns, term_has_colour(STDOUT_FILENO), &out);
	if (options_has(o, OPTION_JSON))
		(void)command_print_json(json_incref(status));
	else
		(void)fputs(text_str(&out), stdout);
	if (!command_flush())
		code = err_worse(code, err_exit(ERR_DISK));
	text_fini(&out);
	json_decref(status);
	json_decref(answer);
	return code;
}

int cmd_status(const struct options *o)
{
	const char *age = o->value[OPTION_MAX_AGE];
	struct config *c;
	uint64_t ms = 0;
	int code;

	if (age && (!when_span(view_of(age), &ms) || ms == 0)) {
		(void)fprintf(stderr, "mailhaul: --max-age needs a duration "
				      "such as 24h or 3d\n");
		return 64;
	}
	if (options_has(o, OPTION_WATCH) &&
	    (options_has(o, OPTION_JSON) || !term_is(STDOUT_FILENO))) {
		(void)fprintf(stderr, "mailhaul: --watch is for a terminal\n");
		return 64;
	}
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	do
		code = show_once(c, o, ms);
	while (options_has(o, OPTION_WATCH) && sleep(WATCH_S) == 0);
	config_unref(c);
	return code;
}
