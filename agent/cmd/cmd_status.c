#include "cmd_status.h"
#include "ask.h"
#include "command.h"
#include "loop.h"
#include "must.h"
#include "now.h"
#include "screen.h"
#include "shape.h"
#include "table.h"
#include "told.h"

#include <stdio.h>
#include <unistd.h>

#define WATCH_MS      2000u
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

/* Whoever polls it knows better when it does so next than the ledger, which
 * keeps only the time before which it must not. */
static void add_now(json_t *account, const json_t *run)
{
	json_t *now =
		json_object_get(told_named(json_object_get(run, "accounts"),
					   told_str(account, "name")),
				"now");

	if (!now)
		return;
	(void)json_object_set(account, "now", now);
	(void)json_object_set(account, "next_poll",
			      json_object_get(now, "next_poll"));
}

static json_t *account_list(const struct config *c, const json_t *known,
			    const json_t *run)
{
	json_t *list = json_array(), *e;
	size_t i;

	for (i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];

		e = latest_named(known, a->name);
		e = e ? json_copy(e) : unknown_account(a);
		add_now(e, run);
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
		account_list(c, json_object_get(answer, "accounts"),
			     json_object_get(answer, "run")),
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

static void add_doing(struct table *t, const json_t *account)
{
	struct text words;

	text_init(&words, STATUS_OCTETS);
	now_words(json_object_get(account, "now"), &words);
	table_add(t, text_str(&words), TERM_PLAIN);
	text_fini(&words);
}

static bool is_live(const json_t *accounts)
{
	json_t *a;
	size_t i;

	json_array_foreach(accounts, i, a)
		if (json_object_get(a, "now"))
			return true;
	return false;
}

enum kind {
	KIND_NAME,
	KIND_STATE,
	KIND_TIME,
	KIND_DUE,
	KIND_NUMBER,
	KIND_DOING
};

/* narrow: also where there is not room for all. */
static const struct column {
	const char *name, *key;
	enum kind kind;
	enum term_colour colour; /* of a number */
	bool narrow;
} account_columns[] = {
	{ "ACCOUNT", "name", KIND_NAME, TERM_PLAIN, true },
	{ "STATE", "state", KIND_STATE, TERM_PLAIN, true },
	{ "LAST POLL", "last_poll", KIND_TIME, TERM_PLAIN, false },
	{ "LAST SUCCESS", "last_success", KIND_TIME, TERM_PLAIN, true },
	{ "NEXT POLL", "next_poll", KIND_DUE, TERM_PLAIN, true },
	{ "FETCHED", "fetched", KIND_NUMBER, TERM_PLAIN, false },
	{ "DELIVERED", "delivered", KIND_NUMBER, TERM_PLAIN, false },
	{ "QUEUED", "queued", KIND_NUMBER, TERM_WARN, true },
	{ "HELD", "held", KIND_NUMBER, TERM_BAD, true },
	{ "SKIPPED", "skipped", KIND_NUMBER, TERM_WARN, false },
	{ "WHAT IT DOES", "now", KIND_DOING, TERM_PLAIN, true },
};
#define ACCOUNT_COLUMNS (sizeof(account_columns) / sizeof(account_columns[0]))
#define WIDE		105u /* columns of a screen that has room for all */

static void add_cell(struct table *t, const struct column *c, const json_t *a,
		     int64_t now)
{
	const char *text = told_str(a, c->key);

	switch (c->kind) {
	case KIND_NAME:
		table_add(t, text, TERM_PLAIN);
		return;
	case KIND_STATE:
		table_add(t, text, colour_of(text));
		return;
	case KIND_TIME:
		add_time(t, a, c->key, now, "never");
		return;
	case KIND_DUE:
		add_due(t, a, c->key, now);
		return;
	case KIND_NUMBER:
		add_number(t, a, c->key, c->colour);
		return;
	case KIND_DOING:
		add_doing(t, a);
		return;
	}
}

static void write_accounts(const json_t *list, int64_t now, size_t width,
			   bool colour, struct text *out)
{
	const struct column *shown[ACCOUNT_COLUMNS];
	bool live = is_live(list), all = width == 0 || width >= WIDE;
	unsigned right = 0;
	struct table t;
	size_t n = 0, i;
	json_t *a;

	for (i = 0; i < ACCOUNT_COLUMNS; i++) {
		const struct column *c = &account_columns[i];

		if ((c->kind == KIND_DOING && !live) || (!all && !c->narrow))
			continue;
		if (c->kind == KIND_NUMBER)
			right |= 1u << n;
		shown[n++] = c;
	}
	table_init(&t, n, right);
	for (i = 0; i < n; i++)
		table_add(&t, shown[i]->name, TERM_DIM);
	json_array_foreach(list, i, a)
		for (size_t k = 0; k < n; k++)
			add_cell(&t, shown[k], a, now);
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

/* What one look at it brings. */
struct look {
	const struct config *config;
	const struct options *options;
	uint64_t max_age_ms; /* 0: all of it is wanted */
	json_t *status;	     /* owned; NULL: err */
	struct text text;    /* for people */
	int code;
	struct err err;
};

static void look_fini(struct look *l)
{
	json_decref(l->status);
	text_fini(&l->text);
}

static void look(struct look *l)
{
	bool tty = term_is(STDOUT_FILENO);
	size_t columns = 0, rows;
	int64_t now = loop_unix_ms();
	json_t *answer = ask_status(l->config, &l->err);

	l->status = NULL;
	l->code = 0;
	text_init(&l->text, STATUS_OCTETS);
	if (!answer)
		return;
	l->status = status_object(l->config, answer);
	MUST(l->status);
	if (tty)
		term_size(STDOUT_FILENO, &columns, &rows);
	if (l->max_age_ms) {
		l->code = too_old(l->status, l->max_age_ms, now, &l->text);
	} else {
		status_write(l->status, json_object_get(answer, "skipped"), now,
			     columns, term_has_colour(STDOUT_FILENO), &l->text);
		now_line(json_object_get(answer, "run"), now, &l->text);
	}
	json_decref(answer);
}

static int show_once(struct look *l)
{
	int code;

	look(l);
	if (!l->status)
		return command_failed(&l->err);
	code = l->code;
	if (options_has(l->options, OPTION_JSON))
		(void)command_print_json(json_incref(l->status));
	else
		(void)fputs(text_str(&l->text), stdout);
	if (!command_flush())
		code = err_worse(code, err_exit(ERR_DISK));
	return code;
}

/* A process that starts or stops beside us is no reason to end. */
static int show_on(struct look *l)
{
	enum screen_end end;
	int code;

	screen_begin();
	do {
		char line[sizeof(l->err)];

		look(l);
		if (!l->status) {
			err_line(&l->err, line, sizeof(line));
			(void)text_fmt(&l->text, "%s\n", line);
		}
		screen_draw(text_view(&l->text));
		code = l->code;
		look_fini(l);
		end = screen_wait(WATCH_MS);
	} while (end == SCREEN_GO_ON);
	screen_end();
	text_init(&l->text, STATUS_OCTETS);
	l->status = NULL;
	return end == SCREEN_STOPPED ? 128 + screen_signal() : code;
}

int cmd_status(const struct options *o)
{
	const char *age = o->value[OPTION_MAX_AGE];
	struct look l = { .options = o };
	struct config *c;
	int code;

	if (age &&
	    (!when_span(view_of(age), &l.max_age_ms) || l.max_age_ms == 0)) {
		(void)fprintf(stderr, "mailhaul: --max-age needs a duration "
				      "such as 24h or 3d\n");
		return 64;
	}
	if (options_has(o, OPTION_WATCH) &&
	    (options_has(o, OPTION_JSON) || !term_is(STDIN_FILENO) ||
	     !term_is(STDOUT_FILENO))) {
		(void)fprintf(stderr, "mailhaul: --watch is for a terminal\n");
		return 64;
	}
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	l.config = c;
	code = options_has(o, OPTION_WATCH) ? show_on(&l) : show_once(&l);
	look_fini(&l);
	config_unref(c);
	return code;
}
