#include "conduct.h"
#include "command.h"
#include "follow.h"
#include "log.h"
#include "metrics_file.h"
#include "must.h"
#include "notices.h"
#include "now.h"
#include "parts.h"
#include "progress.h"
#include "prompt.h"
#include "report.h"
#include "shape.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPORT_OCTETS (64u << 20)

struct conduct {
	const struct options *options;
	const struct pass_options *what;
	struct kit kit;
	struct pass *pass;
	struct follow *follow; /* instead: another process runs it */
	const struct pass_account *accounts;
	size_t n;
	bool *told;	 /* one per account: its outcome was printed */
	bool has_person; /* standard error is a terminal, and not -q */
	bool is_drawing; /* ... and live progress is shown on it */
	struct progress progress;
	struct prompt *prompt; /* NULL: nobody to ask */
	struct link asking;    /* struct ask */
	struct text listed;    /* --dry-run -v */
	json_t *messages;      /* the same with --json; by account */
	struct text unsaid;    /* lines that wait for an answer */
	int signum;	       /* that asked us to stop; 0 */
	struct notices notices;
	int notices_code; /* exit code of what failed with them */
	int64_t since_ms; /* of the pass, unix */
	struct metrics_file metrics;
};

/* ---- telling ---- */

/*
 * A line on standard error, the live lines out of its way. While a person is
 * being asked it waits for the answer.
 */
static void say(struct conduct *c, struct text *line)
{
	if (prompt_is_asking(c->prompt) &&
	    text_fmt(&c->unsaid, "%s\n", text_str(line))) {
		text_fini(line);
		return;
	}
	if (c->is_drawing)
		progress_clear(&c->progress);
	(void)fprintf(stderr, "%s\n", text_str(line));
	text_fini(line);
}

static void say_unsaid(struct conduct *c)
{
	(void)fputs(text_str(&c->unsaid), stderr);
	text_clear(&c->unsaid);
}

static bool is_dry(const struct conduct *c)
{
	return c->what->dry_run;
}

static bool error_is_due(const struct conduct *c, bool is_new)
{
	return is_new || c->has_person || is_dry(c) ||
	       c->options->verbosity > 0 || c->what->task != PASS_FETCH;
}

static void tell_quietly(struct conduct *c, const struct pass_account *a)
{
	struct text line;

	text_init(&line, 4096);
	if (a->recovered) {
		(void)text_fmt(&line, "%s: works again", a->config->name);
		say(c, &line);
	}
	if ((c->options->verbosity > 0 &&
	     (a->result == PASS_BACKOFF || a->result == PASS_ON_REQUEST)) ||
	    (c->options->nwords > 0 && a->result == PASS_DISABLED)) {
		report_summary(a, &line);
		say(c, &line);
		return;
	}
	if (!is_dry(c) && report_notable(a, &line))
		say(c, &line);
}

/* What a script asked for. */
static void print_summary(const struct pass_account *a)
{
	struct text line;

	text_init(&line, 4096);
	report_summary(a, &line);
	(void)printf("%s\n", text_str(&line));
	text_fini(&line);
}

static void tell(struct conduct *c, const struct pass_account *a)
{
	struct text line;

	text_init(&line, 4096);
	if (a->err.class != ERR_NONE && error_is_due(c, a->err_is_new)) {
		report_error(a->config->name, &a->err, &line);
		say(c, &line);
	}
	if (!c->has_person && c->what->task != PASS_FETCH && !is_dry(c)) {
		if (!options_has(c->options, OPTION_JSON))
			print_summary(a);
		return;
	}
	if (!c->has_person) {
		tell_quietly(c, a);
		return;
	}
	if (is_dry(c) || (a->result == PASS_FAILED && a->fetched == 0 &&
			  a->delivered == 0 && a->deleted == 0))
		return;
	report_summary(a, &line);
	say(c, &line);
}

static void on_changed(void *who, const struct pass_account *a)
{
	struct conduct *c = who;
	size_t at = (size_t)(a - c->accounts);

	if (a->phase != PASS_DONE || c->told[at])
		return;
	c->told[at] = true;
	tell(c, a);
}

static void on_judged(void *who, const struct pass_account *a,
		      const struct pass_judged *j)
{
	struct conduct *c = who;

	if (c->options->verbosity < 1)
		return;
	if (options_has(c->options, OPTION_JSON))
		report_judged_json(a, j, c->messages);
	else
		report_judged(a, j, &c->listed);
}

static void on_delivery(void *who, const struct config_delivery *d,
			const struct err *err, bool is_new)
{
	struct conduct *c = who;
	struct text line;
	char name[96];

	if (!error_is_due(c, is_new))
		return;
	text_init(&line, 4096);
	(void)snprintf(name, sizeof(name), "delivery %s", d->name);
	if (err)
		report_error(name, err, &line);
	else
		(void)text_fmt(&line, "%s: works again", name);
	say(c, &line);
}

/* ---- first_run = ask ---- */

struct ask {
	struct prompt_question question;
	struct link link;
	struct conduct *conduct;
	struct pass_account *account;
	char folder[256];
	uint64_t messages, octets;
};

static void ask_words(struct prompt_question *q, struct text *out)
{
	struct ask *a = LIST_OF(&q->link, struct ask, question.link);

	if (a->conduct->is_drawing) {
		timer_stop(&a->conduct->progress.timer);
		progress_clear(&a->conduct->progress);
	}
	report_question(a->account, a->folder, a->messages, a->octets,
			a->conduct->what->task, out);
}

static void ask_answered(struct prompt_question *q, struct view line)
{
	struct ask *a = LIST_OF(&q->link, struct ask, question.link);
	struct conduct *c = a->conduct;
	enum pass_choice choice = CHOICE_NOT_NOW;

	if (c->what->task != PASS_FETCH)
		choice = view_istarts(line, VIEW_LIT("y")) ? CHOICE_ALL
							   : CHOICE_NOT_NOW;
	else if (view_istarts(line, VIEW_LIT("a")))
		choice = CHOICE_ALL;
	else if (view_istarts(line, VIEW_LIT("n")))
		choice = CHOICE_NEW;
	say_unsaid(c);
	if (c->is_drawing && !prompt_is_asking(c->prompt))
		timer_every(&c->progress.timer, PROGRESS_MS);
	list_drop(&a->link);
	if (c->follow)
		follow_answer(c->follow, a->account, choice);
	else
		pass_answer(c->pass, a->account, choice);
	free(a);
}

static void on_ask(void *who, struct pass_account *account, const char *folder,
		   uint64_t messages, uint64_t octets)
{
	struct conduct *c = who;
	struct ask *a = mem_new(sizeof(*a));

	a->question.words = ask_words;
	a->question.answered = ask_answered;
	a->conduct = c;
	a->account = account;
	a->messages = messages;
	a->octets = octets;
	printable(a->folder, sizeof(a->folder), view_of(folder));
	list_push(&c->asking, &a->link);
	prompt_ask(c->prompt, &a->question);
}

/* ---- beginning and end ---- */

static void on_ended(void *who)
{
	struct conduct *c = who;

	loop_stop(c->kit.parts.loop);
}

static void on_store_failed(void *who)
{
	struct conduct *c = who;

	if (c->pass)
		pass_store_failed(c->pass);
	notices_store_failed(&c->notices);
}

/* The first asks, the second insists: the ledger bears being left so. */
static void on_signal(void *who, int signum)
{
	struct conduct *c = who;
	struct text line;

	if (c->signum) {
		if (c->is_drawing)
			progress_clear(&c->progress);
		_exit(128 + signum);
	}
	c->signum = signum;
	if (prompt_is_asking(c->prompt)) {
		(void)fputs("\n", stderr);
		say_unsaid(c);
	}
	if (c->has_person) {
		text_init(&line, 256);
		(void)text_puts(
			&line, c->follow ? "no longer shown: the running "
					   "mailhaul goes on with it: mailhaul "
					   "status"
					 : "stopping: what was begun is "
					   "finished, 10 s at most");
		say(c, &line);
	}
	if (c->follow) {
		loop_stop(c->kit.parts.loop);
		return;
	}
	pass_stop(c->pass);
	notices_stop(&c->notices);
}

static void say_found(void *who, struct text *line)
{
	say(who, line);
}

/* Beside a fetch that runs, cron stays silent (INTERFACE 1). */
static int refuse_start(const struct conduct *c, const struct err *err)
{
	int code = err_exit(err->class);

	if (err->class != ERR_BUSY || err->origin == ERR_FROM_SQLITE ||
	    c->has_person || c->options->verbosity > 0 ||
	    c->what->task != PASS_FETCH)
		code = command_failed(err);
	if (options_has(c->options, OPTION_JSON))
		(void)command_print_json(report_json(NULL, 0, code, false));
	return code;
}

/* ---- what is printed at the end ---- */

static json_t *messages_of(struct conduct *c, const char *account)
{
	json_t *list = json_object_get(c->messages, account);

	return list ? json_incref(list) : json_array();
}

static json_t *unfound_json(const struct pass_again *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_uids; i++)
		if (!a->found[i])
			(void)json_array_append_new(list,
						    shape_str(a->uids[i]));
	return list;
}

static void print_json(struct conduct *c, int code)
{
	json_t *all = report_json(c->accounts, c->n, code, is_dry(c));
	json_t *list = json_object_get(all, "accounts"), *account;
	size_t i;

	json_array_foreach(list, i, account) {
		const struct pass_account *a = &c->accounts[i];

		if (is_dry(c) && c->options->verbosity > 0)
			(void)json_object_set_new(
				account, "messages",
				messages_of(c, a->config->name));
		if (c->what->task == PASS_ADOPT)
			(void)json_object_set_new(account, "adopted",
						  shape_number(a->adopted));
		if (c->what->task == PASS_REFETCH)
			(void)json_object_set_new(
				account, "not_found",
				unfound_json(&c->what->again));
	}
	(void)command_print_json(all);
}

static void print_dry_run(const struct conduct *c)
{
	struct text out;

	text_init(&out, REPORT_OCTETS);
	(void)text_put(&out, text_view(&c->listed));
	for (size_t i = 0; i < c->n; i++)
		if (c->accounts[i].result != PASS_DISABLED &&
		    c->accounts[i].found)
			report_dry_run(&c->accounts[i], &out);
	(void)fputs(text_str(&out), stdout);
	text_fini(&out);
}

/* A UID that was asked for and is not there is a wrong command line. */
static int tell_unfound(struct conduct *c)
{
	const struct pass_again *a = &c->what->again;
	struct text line;
	int code = 0;

	if (c->n != 1 || c->accounts[0].result != PASS_OK)
		return 0;
	if (a->folder && !*a->has_folder) {
		text_init(&line, 2048);
		(void)text_fmt(&line, "%s: no such folder is fetched: ",
			       c->accounts[0].config->name);
		(void)text_printable(&line, view_of(a->folder), 600);
		say(c, &line);
		return 64;
	}
	for (size_t i = 0; i < a->n_uids; i++) {
		if (a->found[i])
			continue;
		code = 64;
		text_init(&line, 2048);
		(void)text_fmt(&line, "%s: there is no ",
			       c->accounts[0].config->name);
		(void)text_printable(&line, view_of(a->uids[i]), 600);
		(void)text_fmt(&line,
			       " at the source: what there is: mailhaul "
			       "fetch -n -v %s",
			       c->accounts[0].config->name);
		say(c, &line);
	}
	return code;
}

static int finish(struct conduct *c)
{
	const struct err *failure =
		c->follow ? follow_failure(c->follow) : pass_failure(c->pass);
	int code = c->follow ? follow_exit(c->follow) : pass_exit(c->pass);

	if (c->is_drawing)
		progress_end(&c->progress);
	c->is_drawing = false;
	say_unsaid(c);
	if (failure->class != ERR_NONE)
		code = err_worse(code, command_failed(failure));
	if (c->what->task == PASS_REFETCH && code == 0)
		code = tell_unfound(c);
	code = err_worse(code, c->notices_code);
	if (c->signum)
		code = 128 + c->signum;
	if (options_has(c->options, OPTION_JSON))
		print_json(c, code);
	else if (is_dry(c))
		print_dry_run(c);
	if (!command_flush() && !c->signum)
		code = err_worse(code, err_exit(ERR_DISK));
	return code;
}

static const struct pass_reports silent_reports = {
	.changed = on_changed,
	.judged = on_judged,
	.delivery = on_delivery,
	.ended = on_ended,
};

static const struct pass_reports asking_reports = {
	.changed = on_changed,
	.judged = on_judged,
	.ask = on_ask,
	.delivery = on_delivery,
	.ended = on_ended,
};

/* notify, notify_command */
static void tell_people(struct conduct *c)
{
	const struct notify_outcome *o = &c->notices.outcome;
	struct text line;

	if (!notify_wanted(c->kit.parts.config) || is_dry(c) || c->signum ||
	    c->what->task != PASS_FETCH || !pass_is_clean(c->pass))
		return;
	c->notices.reports = &silent_reports;
	c->notices.who = c;
	c->notices_code = notices_tell(&c->notices, c->accounts, c->n);
	text_init(&line, 4096);
	if (o->command.class != ERR_NONE &&
	    error_is_due(c, o->command_is_new)) {
		report_error("notify", &o->command, &line);
		say(c, &line);
	}
	if (o->err.class != ERR_NONE) {
		report_error("notify", &o->err, &line);
		say(c, &line);
	}
	text_fini(&line);
}

static void on_metrics(void *who, const struct err *err, bool is_new)
{
	struct conduct *c = who;
	struct text line;

	if (err)
		c->notices_code =
			err_worse(c->notices_code, err_exit(err->class));
	if (!error_is_due(c, is_new))
		return;
	text_init(&line, 4096);
	if (err)
		report_error("mailhaul", err, &line);
	else
		(void)text_puts(&line, "mailhaul: metrics_file: works again");
	say(c, &line);
}

static void write_metrics(struct conduct *c)
{
	if (!c->kit.parts.config->metrics_file || is_dry(c) || c->signum ||
	    !pass_is_clean(c->pass) || !notices_is_clean(&c->notices))
		return;
	c->metrics = (struct metrics_file){
		.loop = c->kit.parts.loop,
		.spool = c->kit.parts.spool,
		.config = c->kit.parts.config,
		.reload_ok = true,
		.told = on_metrics,
		.done = on_ended,
		.who = c,
	};
	metrics_file_once(&c->metrics);
	loop_run(c->kit.parts.loop);
}

static const struct pass_reports *reports(const struct conduct *c)
{
	return c->prompt ? &asking_reports : &silent_reports;
}

static void heed_signals(struct conduct *c)
{
	struct loop *l = c->kit.parts.loop;

	loop_signal(l, SIGINT, on_signal, c);
	loop_signal(l, SIGTERM, on_signal, c);
	loop_signal(l, SIGHUP, on_signal, c); /* the terminal is gone */
}

/* The accounts are known. */
static void begin(struct conduct *c)
{
	struct loop *l = c->kit.parts.loop;

	c->told = mem_new((c->n + 1) * sizeof(*c->told));
	c->is_drawing = c->has_person && c->options->verbosity == 0;
	if (c->is_drawing)
		progress_begin(&c->progress, l, STDERR_FILENO, c->accounts,
			       c->n);
}

/* adopt and refetch go nowhere without a person's word. */
static bool find_person(struct conduct *c)
{
	if (c->what->yes || c->what->dry_run)
		return true;
	if (c->has_person && prompt_is_possible())
		c->prompt = prompt_new(c->kit.parts.loop);
	if (c->what->task == PASS_FETCH || c->prompt)
		return true;
	(void)fprintf(stderr, "mailhaul: nobody to ask here: say --yes\n");
	return false;
}

static void leave_asking(struct conduct *c)
{
	prompt_free(c->prompt);
	c->prompt = NULL;
	LIST_EACH(at, kept, &c->asking)
		free(LIST_OF(at, struct ask, link));
	free(c->told);
}

/* ---- here ---- */

/* `status` beside us. */
static json_t *on_now(void *who)
{
	struct conduct *c = who;

	return now_of_pass(c->what->task, c->accounts, c->n, c->since_ms);
}

static int run_here(struct conduct *c)
{
	int code;

	c->pass = pass_start(&c->kit.parts, c->what, reports(c), c);
	c->accounts = pass_accounts(c->pass, &c->n);
	c->since_ms = loop_unix_ms();
	c->kit.hooks = (struct control_hooks){ .now = on_now, .who = c };
	heed_signals(c);
	begin(c);
	loop_run(c->kit.parts.loop);
	tell_people(c);
	write_metrics(c);
	code = finish(c);
	if (!pass_is_clean(c->pass) || !notices_is_clean(&c->notices))
		_exit(code);
	leave_asking(c);
	kit_close_spool(&c->kit);
	pass_free(c->pass);
	c->pass = NULL;
	notices_fini(&c->notices);
	return code;
}

/* ---- in a `run` that holds the state directory ---- */

static void on_begun(void *who)
{
	struct conduct *c = who;

	c->accounts = follow_accounts(c->follow, &c->n);
	begin(c);
}

static int run_there(struct conduct *c, const struct err *held)
{
	const struct follow_reports r = { .begun = on_begun,
					  .pass = reports(c) };
	struct loop *l = c->kit.parts.loop;
	int code;

	c->follow = follow_start(l, c->kit.parts.config, c->what,
				 c->options->verbosity > 0, &r, c);
	if (c->follow) {
		heed_signals(c);
		loop_run(l);
	}
	if (!c->follow || follow_is_turned_away(c->follow))
		code = refuse_start(c, held);
	else if (!c->accounts && !c->signum)
		code = refuse_start(c, follow_failure(c->follow));
	else
		code = finish(c);
	leave_asking(c);
	follow_free(c->follow);
	return code;
}

static int run(struct conduct *c, const struct config *config)
{
	struct spool_found found;
	struct err err;
	int code;

	kit_init(&c->kit, config, c->options->verbosity >= 2);
	c->notices.kit = &c->kit;
	c->kit.store_failed = on_store_failed;
	c->kit.who = c;
	if (!find_person(c)) {
		code = 64;
	} else if (kit_open_spool(&c->kit, &found, &err)) {
		report_found(&found, say_found, c);
		if (command_has_work(config, c->kit.parts.spool, &err)) {
			code = run_here(c);
		} else {
			leave_asking(c);
			code = refuse_start(c, &err);
		}
	} else if (err.class == ERR_BUSY && err.origin != ERR_FROM_SQLITE) {
		code = run_there(c, &err);
	} else {
		leave_asking(c);
		code = refuse_start(c, &err);
	}
	kit_fini(&c->kit);
	return code;
}

int conduct(const struct options *o, const struct config *config,
	    const struct pass_options *what)
{
	struct conduct c = { .options = o, .what = what };
	int code = 64;

	c.has_person = term_is(STDERR_FILENO) && o->verbosity >= 0;
	list_init(&c.asking);
	text_init(&c.listed, REPORT_OCTETS);
	text_init(&c.unsaid, REPORT_OCTETS);
	c.messages = json_object();
	if (command_accounts(config, what->names, what->n_names))
		code = run(&c, config);
	json_decref(c.messages);
	text_fini(&c.listed);
	text_fini(&c.unsaid);
	return code;
}
