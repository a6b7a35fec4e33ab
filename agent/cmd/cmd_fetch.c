#include "cmd_fetch.h"
#include "command.h"
#include "log.h"
#include "must.h"
#include "parts.h"
#include "progress.h"
#include "prompt.h"
#include "report.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPORT_OCTETS (64u << 20)

struct fetch {
	const struct options *options;
	struct kit kit;
	struct pass *pass;
	const struct pass_account *accounts;
	size_t n;
	bool *told;	 /* one per account: its outcome was printed */
	bool has_person; /* standard error is a terminal, and not -q */
	bool is_drawing; /* ... and live progress is shown on it */
	struct progress progress;
	struct prompt *prompt; /* NULL: nobody to ask */
	struct link asking;    /* struct ask */
	struct text listed;    /* --dry-run -v */
	struct text unsaid;    /* lines that wait for an answer */
	int signum;	       /* that asked us to stop; 0 */
};

/* ---- telling ---- */

/*
 * A line on standard error, the live lines out of its way. While a person is
 * being asked it waits for the answer.
 */
static void say(struct fetch *f, struct text *line)
{
	if (prompt_is_asking(f->prompt) &&
	    text_fmt(&f->unsaid, "%s\n", text_str(line))) {
		text_fini(line);
		return;
	}
	if (f->is_drawing)
		progress_clear(&f->progress);
	(void)fprintf(stderr, "%s\n", text_str(line));
	text_fini(line);
}

static void say_unsaid(struct fetch *f)
{
	(void)fputs(text_str(&f->unsaid), stderr);
	text_clear(&f->unsaid);
}

static bool is_dry(const struct fetch *f)
{
	return options_has(f->options, OPTION_DRY_RUN);
}

static bool error_is_due(const struct fetch *f, const struct pass_account *a)
{
	if (a->err.class == ERR_NONE)
		return false;
	return a->err_is_new || f->has_person || is_dry(f) ||
	       f->options->verbosity > 0;
}

static void tell_quietly(struct fetch *f, const struct pass_account *a)
{
	struct text line;

	text_init(&line, 4096);
	if (a->recovered) {
		(void)text_fmt(&line, "%s: works again", a->config->name);
		say(f, &line);
	}
	if ((f->options->verbosity > 0 && a->result == PASS_BACKOFF) ||
	    (f->options->nwords > 0 && a->result == PASS_DISABLED)) {
		report_summary(a, &line);
		say(f, &line);
		return;
	}
	if (!is_dry(f) && report_notable(a, &line))
		say(f, &line);
}

static void tell(struct fetch *f, const struct pass_account *a)
{
	struct text line;

	text_init(&line, 4096);
	if (error_is_due(f, a)) {
		report_error(a->config->name, &a->err, &line);
		say(f, &line);
	}
	if (!f->has_person) {
		tell_quietly(f, a);
		return;
	}
	if (is_dry(f) || (a->result == PASS_FAILED && a->fetched == 0 &&
			  a->delivered == 0 && a->deleted == 0))
		return;
	report_summary(a, &line);
	say(f, &line);
}

static void on_changed(void *who, const struct pass_account *a)
{
	struct fetch *f = who;
	size_t at = (size_t)(a - f->accounts);

	if (a->phase != PASS_DONE || f->told[at])
		return;
	f->told[at] = true;
	tell(f, a);
}

static void on_judged(void *who, const struct pass_account *a,
		      const char *folder, struct view uid, uint64_t octets,
		      enum pass_reason r)
{
	struct fetch *f = who;
	char size[TERM_OCTETS];

	if (f->options->verbosity < 1)
		return;
	term_octets(octets, size);
	(void)text_fmt(&f->listed, "%s%s%s ", a->config->name,
		       *folder ? " " : "", folder);
	(void)text_printable(&f->listed, uid, 80);
	(void)text_fmt(&f->listed, "  %s  %s\n", size, pass_reason_text(r));
}

static void on_delivery(void *who, const struct config_delivery *d,
			const struct err *err)
{
	struct fetch *f = who;
	struct text line;
	char name[96];

	text_init(&line, 4096);
	(void)snprintf(name, sizeof(name), "delivery %s", d->name);
	if (err)
		report_error(name, err, &line);
	else
		(void)text_fmt(&line, "%s: works again", name);
	say(f, &line);
}

/* ---- first_run = ask ---- */

struct ask {
	struct prompt_question question;
	struct link link;
	struct fetch *fetch;
	struct pass_account *account;
	char folder[256];
	uint64_t messages, octets;
};

static void ask_words(struct prompt_question *q, struct text *out)
{
	struct ask *a = LIST_OF(&q->link, struct ask, question.link);
	char number[TERM_NUMBER], octets[TERM_OCTETS];

	if (a->fetch->is_drawing) {
		timer_stop(&a->fetch->progress.timer);
		progress_clear(&a->fetch->progress);
	}
	term_number(a->messages, number);
	term_octets(a->octets, octets);
	(void)text_fmt(out,
		       "%s%s%s: %s messages (%s) are there that were never "
		       "seen here.\n  [a]ll are fetched, only [n]ew mail from "
		       "now on, or [l]ater? ",
		       a->account->config->name, *a->folder ? " " : "",
		       a->folder, number, octets);
}

static void ask_answered(struct prompt_question *q, struct view line)
{
	struct ask *a = LIST_OF(&q->link, struct ask, question.link);
	struct fetch *f = a->fetch;
	enum pass_choice choice = CHOICE_NOT_NOW;

	if (view_istarts(line, VIEW_LIT("a")))
		choice = CHOICE_ALL;
	if (view_istarts(line, VIEW_LIT("n")))
		choice = CHOICE_NEW;
	say_unsaid(f);
	if (f->is_drawing && !prompt_is_asking(f->prompt))
		timer_every(&f->progress.timer, PROGRESS_MS);
	list_drop(&a->link);
	pass_answer(f->pass, a->account, choice);
	free(a);
}

static void on_ask(void *who, struct pass_account *account, const char *folder,
		   uint64_t messages, uint64_t octets)
{
	struct fetch *f = who;
	struct ask *a = mem_new(sizeof(*a));

	a->question.words = ask_words;
	a->question.answered = ask_answered;
	a->fetch = f;
	a->account = account;
	a->messages = messages;
	a->octets = octets;
	printable(a->folder, sizeof(a->folder), view_of(folder));
	list_push(&f->asking, &a->link);
	prompt_ask(f->prompt, &a->question);
}

/* ---- beginning and end ---- */

static void on_ended(void *who)
{
	struct fetch *f = who;

	loop_stop(f->kit.parts.loop);
}

static void on_store_failed(void *who)
{
	struct fetch *f = who;

	if (f->pass)
		pass_store_failed(f->pass);
}

/* The first asks, the second insists: the ledger bears being left so. */
static void on_signal(void *who, int signum)
{
	struct fetch *f = who;
	struct text line;

	if (f->signum) {
		if (f->is_drawing)
			progress_clear(&f->progress);
		_exit(128 + signum);
	}
	f->signum = signum;
	if (prompt_is_asking(f->prompt)) {
		(void)fputs("\n", stderr);
		say_unsaid(f);
	}
	if (f->has_person) {
		text_init(&line, 256);
		(void)text_puts(&line, "stopping: what was begun is finished, "
				       "10 s at most");
		say(f, &line);
	}
	pass_stop(f->pass);
}

static void tell_found(struct fetch *f, const struct spool_found *found)
{
	struct text line;

	text_init(&line, 1024);
	if (found->new_doubts) {
		(void)text_fmt(
			&line,
			"mailhaul: the last run was cut off while %u message%s "
			"%s being delivered: whether they arrived is unknown; "
			"they are sent again after 15 min, or held where "
			"on_doubt = hold: mailhaul queue",
			(unsigned)found->new_doubts,
			found->new_doubts == 1 ? "" : "s",
			found->new_doubts == 1 ? "was" : "were");
		say(f, &line);
	}
	if (found->foreign) {
		(void)text_puts(&line,
				"mailhaul: the state directory holds an older "
				"copy of the ledger: what waits in the queue "
				"is held, and mail known from before is not "
				"fetched again: mailhaul queue");
		say(f, &line);
	}
}

/* Beside a fetch that runs, cron stays silent (INTERFACE 1). */
static int refuse_start(const struct fetch *f, const struct err *err)
{
	int code = err_exit(err->class);

	if (err->class != ERR_BUSY || err->origin == ERR_FROM_SQLITE ||
	    f->has_person || f->options->verbosity > 0)
		code = command_failed(err);
	if (options_has(f->options, OPTION_JSON))
		(void)command_print_json(report_json(NULL, 0, code, false));
	return code;
}

static int finish(struct fetch *f)
{
	const struct options *o = f->options;
	const struct err *failure = pass_failure(f->pass);
	int code = pass_exit(f->pass);
	struct text out;

	if (f->is_drawing)
		progress_end(&f->progress);
	f->is_drawing = false;
	say_unsaid(f);
	if (failure->class != ERR_NONE)
		code = err_worse(code, command_failed(failure));
	if (f->signum)
		code = 128 + f->signum;
	if (options_has(o, OPTION_JSON)) {
		(void)command_print_json(
			report_json(f->accounts, f->n, code, is_dry(f)));
	} else if (is_dry(f)) {
		text_init(&out, REPORT_OCTETS);
		(void)text_put(&out, text_view(&f->listed));
		for (size_t i = 0; i < f->n; i++)
			if (f->accounts[i].result != PASS_DISABLED &&
			    f->accounts[i].found)
				report_dry_run(&f->accounts[i], &out);
		(void)fputs(text_str(&out), stdout);
		text_fini(&out);
	}
	if (!command_flush() && !f->signum)
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

static void begin(struct fetch *f)
{
	const struct options *o = f->options;
	struct pass_options p = { .names = o->nwords ? o->words : NULL,
				  .n_names = o->nwords,
				  .dry_run = is_dry(f),
				  .yes = options_has(o, OPTION_YES) };
	struct loop *l = f->kit.parts.loop;

	if (f->has_person && prompt_is_possible() && !p.yes && !p.dry_run)
		f->prompt = prompt_new(l);
	f->pass = pass_start(&f->kit.parts, &p,
			     f->prompt ? &asking_reports : &silent_reports, f);
	f->accounts = pass_accounts(f->pass, &f->n);
	f->told = mem_new((f->n + 1) * sizeof(*f->told));
	loop_signal(l, SIGINT, on_signal, f);
	loop_signal(l, SIGTERM, on_signal, f);
	loop_signal(l, SIGHUP, on_signal, f); /* the terminal is gone */
	f->is_drawing = f->has_person && o->verbosity == 0;
	if (f->is_drawing)
		progress_begin(&f->progress, l, STDERR_FILENO, f->accounts,
			       f->n);
}

static int run(struct fetch *f, const struct config *c)
{
	struct spool_found found;
	struct err err;
	int code;

	kit_init(&f->kit, c, f->options->verbosity >= 2);
	f->kit.store_failed = on_store_failed;
	f->kit.who = f;
	if (!kit_open_spool(&f->kit, &found, &err)) {
		kit_fini(&f->kit);
		return refuse_start(f, &err);
	}
	tell_found(f, &found);
	begin(f);
	loop_run(f->kit.parts.loop);
	code = finish(f);
	if (!pass_is_clean(f->pass))
		_exit(code);
	prompt_free(f->prompt);
	LIST_EACH(at, kept, &f->asking)
		free(LIST_OF(at, struct ask, link));
	kit_close_spool(&f->kit);
	pass_free(f->pass);
	f->pass = NULL;
	kit_fini(&f->kit);
	free(f->told);
	return code;
}

int cmd_fetch(const struct options *o)
{
	struct fetch f = { .options = o };
	struct config *c;
	int code;

	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	f.has_person = term_is(STDERR_FILENO) && o->verbosity >= 0;
	list_init(&f.asking);
	text_init(&f.listed, REPORT_OCTETS);
	text_init(&f.unsaid, REPORT_OCTETS);
	if (command_accounts(c, o->words, o->nwords))
		code = run(&f, c);
	else
		code = 64;
	text_fini(&f.listed);
	text_fini(&f.unsaid);
	config_unref(c);
	return code;
}
